//! Heads and answers of our own making.

use std::fmt::Display;
use std::io::Write;
use std::num::NonZeroU32;

use super::framing::{AnswerTo, Persistence};
use super::head::{H2C, HTTP2_SETTINGS, RequestHead, ResponseHead, Version};
use super::media_type::MediaType;

/// The interim response that asks for a body (RFC 9110 §15.2.1).
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The answer that goes on in HTTP/2, as the daemon gives it.
pub const SWITCHED_TO_H2C: &[u8] =
    b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

/// Headers that describe how a body was framed on its way here, and mean nothing beyond.
const FRAMING_HEADERS: [&str; 5] =
    ["content-length", "transfer-encoding", "trailer", "te", "expect"];

/// Headers of which the daemon reads the first line alone (Go `http.Header.Get`), on the endpoints
/// that are inspected. `Content-Type`, another one, is written as it was understood.
const READ_ONCE: [&str; 4] =
    ["x-registry-auth", "x-registry-config", "user-agent", "authorization"];

const CONTENT_TYPE: &str = "content-type";
/// The daemon does not read it; what is compressed shows in the bytes.
const CONTENT_ENCODING: &str = "content-encoding";
const CONNECTION: &str = "connection";
const UPGRADE: &str = "upgrade";

/// An answer in place of the daemon's, in its error form: `{"message": "…"}`.
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// What the person should read.
    pub message: &'a dyn Display,
    /// The version of the request.
    pub version: Version,
    /// Whether the connection goes on.
    pub persistence: Persistence,
    /// The kind of request; an answer to `HEAD` has no body.
    pub method: AnswerTo,
    /// When to come again, in seconds (RFC 9110 §10.2.3).
    pub retry_after: Option<NonZeroU32>,
}

/// Appends an answer.
pub fn write_answer(out: &mut Vec<u8>, answer: &Answer<'_>) {
    let message = answer.message.to_string();
    let body = serde_json::json!({ "message": message }).to_string();
    let connection = match (answer.persistence, answer.version) {
        (Persistence::Close, _) => "Connection: close\r\n",
        (Persistence::KeepAlive, Version::Http10) => "Connection: keep-alive\r\n",
        (Persistence::KeepAlive, Version::Http11) => "",
    };
    write(
        out,
        format_args!(
            "{} {} {}\r\nContent-Type: application/json\r\n{connection}",
            answer.version.as_str(),
            answer.status,
            reason_phrase(answer.status),
        ),
    );
    if let Some(seconds) = answer.retry_after {
        write(out, format_args!("Retry-After: {seconds}\r\n"));
    }
    write(out, format_args!("Content-Length: {}\r\n\r\n", body.len() + 1));
    if answer.method == AnswerTo::Other {
        write(out, format_args!("{body}\n"));
    }
}

/// Appends a request head again, with another target and the same lines.
pub fn write_head(out: &mut Vec<u8>, head: &RequestHead<'_>, target: &str) {
    write_request_line(out, head.method, target, head.version);
    write_lines(out, head, |_| true);
    out.extend_from_slice(b"\r\n");
}

/// What becomes of an offer of HTTP/2, which an intermediary may ignore (RFC 9110 §7.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// Neither its settings are passed on, nor `h2c` among the protocols, nor a mention of either in
    /// `Connection`.
    LeftOut,
    /// `h2c` is the name of the raw stream that is asked for. Without the settings nobody takes it for
    /// the protocol (RFC 7540 §3.2).
    WithoutSettings,
}

/// The same as [`write_head`] with less of an offer of HTTP/2.
pub fn write_with_less_http2(
    out: &mut Vec<u8>,
    head: &RequestHead<'_>,
    target: &str,
    offer: Offer,
) {
    write_request_line(out, head.method, target, head.version);
    write_lines(out, head, |name| !is_offer(name));
    write_upgrade(out, head, offer);
    out.extend_from_slice(b"\r\n");
}

fn is_offer(name: &str) -> bool {
    [UPGRADE, CONNECTION, HTTP2_SETTINGS].iter().any(|it| name.eq_ignore_ascii_case(it))
}

/// Appends what is left of `Connection` and `Upgrade`.
fn write_upgrade(out: &mut Vec<u8>, head: &RequestHead<'_>, offer: Offer) {
    let is_left_out =
        |protocol: &[u8]| offer == Offer::LeftOut && protocol.eq_ignore_ascii_case(H2C.as_bytes());
    let switches = head.headers.elements(UPGRADE).any(|protocol| !is_left_out(protocol));
    let is_over = |option: &[u8]| {
        option.eq_ignore_ascii_case(HTTP2_SETTINGS.as_bytes())
            || !switches && option.eq_ignore_ascii_case(UPGRADE.as_bytes())
    };
    write_list(out, "Connection", head.headers.elements(CONNECTION).filter(|it| !is_over(it)));
    write_list(out, "Upgrade", head.headers.elements(UPGRADE).filter(|it| !is_left_out(it)));
}

fn write_list<'a>(out: &mut Vec<u8>, name: &str, elements: impl Iterator<Item = &'a [u8]>) {
    for element in elements {
        for part in [name.as_bytes(), b": ", element, b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
}

/// What becomes of the lines that frame the body of a request that was inspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramingLines {
    /// They stay: the body passes, if there is one.
    Kept,
    /// They are left out: another body is written, and its length behind these lines.
    LeftOut,
}

/// The name of a session by which a client serves a build.
pub const SESSION_NAME: &str = "x-docker-expose-session-uuid";

/// What becomes of the line that says what such a session is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionName {
    /// It stays.
    Kept,
    /// It is left out: [`write_session_name`] writes another one.
    LeftOut,
}

/// Appends a line that says what a session is called.
pub fn write_session_name(out: &mut Vec<u8>, name: &str) {
    write(out, format_args!("{SESSION_NAME}: {name}\r\n"));
}

/// Appends the header lines of a request that was inspected, as they were understood: the same lines in
/// the same order, but for `Content-Type`, which [`write_content_type`] writes. Of a field that is read
/// once its first line stays.
pub fn write_inspected_lines(
    out: &mut Vec<u8>,
    head: &RequestHead<'_>,
    framing: FramingLines,
    (offer, session): (Offer, SessionName),
) {
    let offers = match offer {
        Offer::LeftOut => head.offers_http2(),
        Offer::WithoutSettings => head.has_http2_settings(),
    };
    let is_framing = |name: &str| {
        framing == FramingLines::LeftOut
            && FRAMING_HEADERS.iter().any(|header| name.eq_ignore_ascii_case(header))
    };
    let mut seen = [false; READ_ONCE.len()];
    write_lines(out, head, |name| {
        let is_rewritten =
            [CONTENT_TYPE, CONTENT_ENCODING].iter().any(|header| name.eq_ignore_ascii_case(header));
        let read_once = READ_ONCE.iter().zip(&mut seen);
        let mut same = read_once.filter(|(header, _)| name.eq_ignore_ascii_case(header));
        let is_repeated = same.next().is_some_and(|(_, seen)| std::mem::replace(seen, true));
        let is_renamed = session == SessionName::LeftOut && name.eq_ignore_ascii_case(SESSION_NAME);
        let is_left_out = is_rewritten || is_repeated || is_renamed || (offers && is_offer(name));
        !is_framing(name) && !is_left_out
    });
    if offers {
        write_upgrade(out, head, offer);
    }
}

/// Appends a line that names the type of a body.
pub fn write_content_type(out: &mut Vec<u8>, content_type: MediaType<'_>) {
    write(out, format_args!("Content-Type: {content_type}\r\n"));
}

/// Appends the line that says how long a body is.
pub fn write_content_length(out: &mut Vec<u8>, body_bytes: usize) {
    write(out, format_args!("Content-Length: {body_bytes}\r\n"));
}

/// Appends the first line of a request.
pub fn write_request_line(out: &mut Vec<u8>, method: &str, target: &str, version: Version) {
    write(out, format_args!("{method} {target} {}\r\n", version.as_str()));
}

/// Appends a response head again for another body of known length, without the lines that framed or
/// described the one before.
pub fn write_response(out: &mut Vec<u8>, head: &ResponseHead<'_>, body_bytes: usize) {
    const OF_THE_BODY: [&str; 4] = ["etag", "content-md5", "digest", "accept-ranges"];
    let status = head.status;
    write(out, format_args!("{} {status} {}\r\n", head.version.as_str(), reason_phrase(status)));
    let is_over = |name: &str| {
        FRAMING_HEADERS.iter().chain(&OF_THE_BODY).any(|header| name.eq_ignore_ascii_case(header))
    };
    for (name, value) in head.headers.iter().filter(|(name, _)| !is_over(name)) {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    write(out, format_args!("Content-Length: {body_bytes}\r\n\r\n"));
}

fn write_lines(out: &mut Vec<u8>, head: &RequestHead<'_>, mut keep: impl FnMut(&str) -> bool) {
    for (name, value) in head.headers.iter().filter(|(name, _)| keep(name)) {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
}

fn write(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory cannot fail.
    let _ = out.write_fmt(text);
}

fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        508 => "Loop Detected",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use std::num::NonZeroU64;

    use proptest::prelude::*;

    use super::super::framing::{self, Framing};
    use super::super::head::{Lines, find_end, parse_request};
    use super::*;

    fn answer(version: Version, persistence: Persistence, method: AnswerTo) -> String {
        let mut out = Vec::new();
        let message = &"say \"no\"\n";
        write_answer(
            &mut out,
            &Answer { status: 403, message, version, persistence, method, retry_after: None },
        );
        String::from_utf8(out).unwrap()
    }

    /// A head that was inspected, as it is put together for the daemon.
    struct Inspected<'a> {
        head: &'a RequestHead<'a>,
        target: &'a str,
        content_type: Option<MediaType<'a>>,
        offer: Offer,
    }

    impl Inspected<'_> {
        fn write_passing(&self, out: &mut Vec<u8>) {
            self.write(out, FramingLines::Kept);
            out.extend_from_slice(b"\r\n");
        }

        fn write_sized(&self, out: &mut Vec<u8>, body_bytes: usize) {
            self.write(out, FramingLines::LeftOut);
            write_content_length(out, body_bytes);
            out.extend_from_slice(b"\r\n");
        }

        fn write(&self, out: &mut Vec<u8>, framing: FramingLines) {
            write_request_line(out, self.head.method, self.target, self.head.version);
            write_inspected_lines(out, self.head, framing, (self.offer, SessionName::Kept));
            if let Some(content_type) = self.content_type {
                write_content_type(out, content_type);
            }
        }
    }

    fn inspected<'a>(
        head: &'a RequestHead<'a>,
        target: &'a str,
        content_type: Option<MediaType<'a>>,
    ) -> Inspected<'a> {
        Inspected { head, target, content_type, offer: Offer::LeftOut }
    }

    #[test]
    fn answers_are_in_the_daemons_error_form() {
        assert_eq!(
            answer(Version::Http11, Persistence::KeepAlive, AnswerTo::Other),
            "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n\
             {\"message\":\"say \\\"no\\\"\\n\"}\n"
        );
    }

    #[test]
    fn answers_say_whether_the_connection_goes_on() {
        let old = answer(Version::Http10, Persistence::KeepAlive, AnswerTo::Head);
        assert!(old.starts_with("HTTP/1.0 403") && old.contains("Connection: keep-alive"), "{old}");
        assert!(old.ends_with("\r\n\r\n"), "{old}");
        let last = answer(Version::Http11, Persistence::Close, AnswerTo::Other);
        assert!(last.contains("Connection: close\r\n"), "{last}");
    }

    #[test]
    fn a_request_is_written_again_without_its_old_framing() {
        let head = b"POST http://d/a HTTP/1.1\r\nHost: d\r\ntransfer-encoding: chunked\r\nExpect: \
                     100-continue\r\nX: \xff\r\nTrailer: y\r\n\r\n";
        let mut out = Vec::new();
        let mut lines = Lines::new();
        inspected(&parse_request(head, &mut lines).unwrap(), "/a", None).write_sized(&mut out, 5);
        let expected = b"POST /a HTTP/1.1\r\nHost: d\r\nX: \xff\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(out, expected);
    }

    #[test]
    fn an_offer_of_http2_is_left_out() {
        let settings = "HTTP2-Settings: AAMA\r\n";
        for (lines, written) in [
            ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n", ""),
            (
                "connection: keep-alive,http2-SETTINGS\r\nUPGRADE: H2C\r\n",
                "Connection: keep-alive\r\n",
            ),
            (
                "Connection: Upgrade\r\nConnection: close ,\r\nUpgrade: h2c,,h2c\r\n",
                "Connection: close\r\n",
            ),
            (
                "Connection: Upgrade,HTTP2-Settings\r\nUpgrade: h2c, tcp\r\nUpgrade: h2c\r\n",
                "Connection: Upgrade\r\nUpgrade: tcp\r\n",
            ),
            ("Upgrade: h2cx\r\n", "Upgrade: h2cx\r\n"),
            ("", ""),
        ] {
            let head =
                format!("GET http://d/a HTTP/1.1\r\nHost: d\r\n{lines}{settings}X: y\r\n\r\n");
            let (mut read, mut out) = (Lines::new(), Vec::new());
            let head = parse_request(head.as_bytes(), &mut read).unwrap();
            let expected = format!("GET /a HTTP/1.1\r\nHost: d\r\nX: y\r\n{written}\r\n");
            write_with_less_http2(&mut out, &head, "/a", Offer::LeftOut);
            assert_eq!(String::from_utf8(std::mem::take(&mut out)).unwrap(), expected);
            inspected(&head, "/a", None).write_passing(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn an_offer_of_http2_may_be_the_name_of_a_stream() {
        let lines = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
                     HTTP2-Settings: AAMA\r\nhttp2-settings: x\r\n";
        let head = format!("POST /grpc HTTP/1.1\r\n{lines}\r\n");
        let mut read = Lines::new();
        let head = parse_request(head.as_bytes(), &mut read).unwrap();
        let expected = "POST /g HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
        let (mut passed, mut judged) = (Vec::new(), Vec::new());
        let offer = Offer::WithoutSettings;
        write_with_less_http2(&mut passed, &head, "/g", offer);
        Inspected { offer, ..inspected(&head, "/g", None) }.write_passing(&mut judged);
        for written in [passed, judged] {
            assert_eq!(String::from_utf8(written).unwrap(), expected);
        }
    }

    #[test]
    fn the_first_line_stays_of_what_the_daemon_reads_once() {
        let head =
            b"POST /a HTTP/1.1\r\nX-Registry-Auth: a\r\nX-Meta-A: 1\r\nx-registry-auth: b\r\n\
                     X-Meta-A: 2\r\nX-REGISTRY-CONFIG: c\r\nX-Registry-Config:\r\nUser-Agent: d\r\n\
                     Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Encoding: gzip\r\n\
                     user-agent: e\r\n\r\n";
        let (mut lines, mut out) = (Lines::new(), Vec::new());
        let head = parse_request(head, &mut lines).unwrap();
        let content_type = MediaType::of(&head.headers).unwrap();
        inspected(&head, "/a", content_type).write_passing(&mut out);
        let expected = "POST /a HTTP/1.1\r\nX-Registry-Auth: a\r\nX-Meta-A: 1\r\nX-Meta-A: 2\r\n\
                        X-REGISTRY-CONFIG: c\r\nUser-Agent: d\r\nContent-Type: a/b\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_content_type_is_written_as_it_was_understood_or_not_at_all() {
        let head = b"POST /a HTTP/1.1\r\ncontent-TYPE: Text/JSON ; x=y\r\nTE: x\r\n\r\n";
        let mut lines = Lines::new();
        let head = parse_request(head, &mut lines).unwrap();
        let understood = MediaType::of(&head.headers).unwrap();
        for (content_type, line) in [(understood, "Content-Type: text/json\r\n"), (None, "")] {
            let (mut request, mut passing) = (Vec::new(), Vec::new());
            inspected(&head, "/b", content_type).write_sized(&mut request, 5);
            let expected = format!("POST /b HTTP/1.1\r\n{line}Content-Length: 5\r\n\r\n");
            assert_eq!(String::from_utf8(request).unwrap(), expected);
            inspected(&head, "/b", content_type).write_passing(&mut passing);
            let expected = format!("POST /b HTTP/1.1\r\nTE: x\r\n{line}\r\n");
            assert_eq!(String::from_utf8(passing).unwrap(), expected);
        }
    }

    proptest! {
        /// A head written again is valid, says the same, and has one length and no other framing.
        #[test]
        fn what_is_written_is_one_head_with_one_length(
            lines in proptest::collection::vec(
                prop_oneof![
                    "[A-Za-z-]{1,8}: ?[ -~]{0,12}",
                    "(Content-Length|transfer-encoding|TE|Trailer|expect|Connection): [ -~]{0,12}",
                ],
                0..8,
            ),
            body_bytes in any::<u32>(),
        ) {
            let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let text = format!("POST /a HTTP/1.1\r\n{lines}\r\n");
            let (mut read, mut read_again) = (Lines::new(), Lines::new());
            let head = parse_request(text.as_bytes(), &mut read).unwrap();
            let mut out = Vec::new();
            inspected(&head, "/b", None).write_sized(&mut out, body_bytes as usize);
            prop_assert_eq!(find_end(&out, &mut 0), Ok(Some(out.len())));
            let again = parse_request(&out, &mut read_again).unwrap();
            prop_assert_eq!((again.method, again.target), ("POST", "/b"));
            let length = NonZeroU64::new(body_bytes.into()).map_or(Framing::None, Framing::Length);
            prop_assert_eq!(framing::of_request(&again), Ok(length));
            let others = |head: &RequestHead<'_>| -> Vec<(String, Vec<u8>)> {
                let framing = |name: &str| FRAMING_HEADERS.iter().any(|f| f.eq_ignore_ascii_case(name));
                let lines = head.headers.iter().filter(|(name, _)| !framing(name));
                lines.map(|(name, value)| (name.to_owned(), value.to_vec())).collect()
            };
            prop_assert_eq!(others(&again), others(&head));
        }
    }
}
