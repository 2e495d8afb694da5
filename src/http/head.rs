//! What stands in the head of a message.
//!
//! `httparse` splits it into parts; what httparse lets pass for the sake of old peers (bare line
//! feeds, folded lines, leading empty lines, bytes above ASCII in targets) is refused here.

#[cfg(test)]
mod tests;

mod end;
mod error;

use std::borrow::Cow;
use std::mem::MaybeUninit;

pub use end::find_end;
pub use error::{HEADERS_MAX, HeadError};

use super::body::{Framing, Persistence};

/// The name of HTTP/2 without TLS among protocols to switch to (RFC 7540 §3.1).
pub(super) const H2C: &str = "h2c";

/// The header that comes with an offer of HTTP/2 (RFC 7540 §3.2.1).
pub(super) const HTTP2_SETTINGS: &str = "http2-settings";

const UPGRADE: &str = "upgrade";

/// The version of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
}

impl Version {
    /// As it stands in a start line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

/// The head of a request.
#[derive(Debug)]
pub struct RequestHead<'a> {
    /// The method, a token in the client's own spelling.
    pub method: &'a str,
    /// The request target as it was sent.
    pub target: &'a str,
    /// The version.
    pub version: Version,
    /// The header lines.
    pub headers: Headers<'a>,
}

/// The head of a response.
#[derive(Debug)]
pub struct ResponseHead<'a> {
    /// The status code, 100 to 999.
    pub status: u16,
    /// The version.
    pub version: Version,
    /// The header lines.
    pub headers: Headers<'a>,
}

/// Room for the header lines of one head, on its reader's stack: a head that carried them
/// itself would be copied, 4 KiB at a time, wherever it goes.
#[derive(Debug)]
pub struct Lines<'a>([MaybeUninit<httparse::Header<'a>>; HEADERS_MAX]);

impl Lines<'_> {
    /// Room in which nothing stands yet.
    pub fn new() -> Self {
        Self([const { MaybeUninit::uninit() }; HEADERS_MAX])
    }
}

impl Default for Lines<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Header lines in their order.
#[derive(Debug)]
pub struct Headers<'a>(&'a [httparse::Header<'a>]);

impl<'a> Headers<'a> {
    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.0.iter().map(|line| (line.name, line.value))
    }

    /// The values of the lines with this name, in any case.
    pub fn get_all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + 's {
        self.iter()
            .filter(move |(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The value of the first line with this name, if it is text.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.get_all(name).next().and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The value of the only line with this name.
    ///
    /// # Errors
    /// [`HeadError::Repeated`] if there are several, [`HeadError::HeaderValue`] if it is not text.
    pub fn get_one(&self, name: &'static str) -> Result<Option<&'a str>, HeadError> {
        let mut values = self.get_all(name);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(HeadError::Repeated(name));
        }
        std::str::from_utf8(value).map(Some).map_err(|_| HeadError::HeaderValue)
    }

    /// Whether a line with this name stands at all.
    pub fn has(&self, name: &str) -> bool {
        self.get_all(name).next().is_some()
    }

    /// The elements of a comma-separated list, on however many lines; empty ones count for nothing (RFC
    /// 9110 §5.6.1).
    pub fn elements<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + 's {
        let elements = self.get_all(name).flat_map(|value| value.split(|byte| *byte == b','));
        elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
    }

    /// Whether a comma-separated list holds `token`, in any case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.elements(name).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
    }
}

impl RequestHead<'_> {
    /// Whether the client can send another request on this connection.
    pub fn persistence(&self) -> Persistence {
        persistence(self.version, &self.headers)
    }

    /// Whether the client would go on in HTTP/2 on this connection (RFC 7540 §3.2). To name `h2c`
    /// alone is no offer to a server, but may be one to a lenient one.
    pub fn offers_http2(&self) -> bool {
        self.has_http2_settings() || self.headers.has_token("upgrade", H2C)
    }

    /// Whether it would go on in another protocol than HTTP/2, or in one that it does not name.
    pub fn upgrades_to_more_than_http2(&self) -> bool {
        let is_h2c = |protocol: &[u8]| protocol.eq_ignore_ascii_case(H2C.as_bytes());
        let mut protocols = self.headers.elements(UPGRADE).peekable();
        self.headers.has(UPGRADE)
            && (protocols.peek().is_none() || protocols.any(|protocol| !is_h2c(protocol)))
    }

    /// Whether nothing can follow it that belongs to it, however anybody reads it: no body, no coding
    /// and no other protocol is announced. `framing` is what [`super::framing::of_request`] made of it.
    pub fn stands_alone(&self, framing: Framing) -> bool {
        const ANNOUNCE: [&str; 7] = [
            "transfer-encoding",
            "content-encoding",
            "trailer",
            "te",
            "expect",
            UPGRADE,
            HTTP2_SETTINGS,
        ];
        let announces = |name: &&str| self.headers.has(name);
        framing == Framing::None
            && !ANNOUNCE.iter().any(announces)
            && !self.headers.has_token("connection", UPGRADE)
    }

    /// Whether it brings the settings that make an offer of HTTP/2 complete.
    pub fn has_http2_settings(&self) -> bool {
        self.headers.has(HTTP2_SETTINGS)
    }

    /// Whether the client asks to go on in HTTP/2 from its preface on, with no call in the request itself:
    /// how clients of Docker begin gRPC.
    pub fn asks_for_h2c(&self) -> bool {
        let names = |name, token| {
            self.headers.get_one(name).is_ok_and(|value| {
                value.is_some_and(|value| value.trim().eq_ignore_ascii_case(token))
            })
        };
        self.version == Version::Http11
            && names("upgrade", H2C)
            && self.headers.has_token("connection", "upgrade")
            && !self.has_http2_settings()
    }

    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.version == Version::Http11 && self.headers.has_token("expect", "100-continue")
    }
}

impl ResponseHead<'_> {
    /// Whether the daemon will read another request on this connection.
    pub fn persistence(&self) -> Persistence {
        persistence(self.version, &self.headers)
    }
}

/// Whether the sender of a head goes on after it (RFC 9112 §9.3).
fn persistence(version: Version, headers: &Headers<'_>) -> Persistence {
    let says = |token| headers.has_token("connection", token);
    match version {
        _ if says("close") => Persistence::Close,
        Version::Http11 => Persistence::KeepAlive,
        Version::Http10 if says("keep-alive") => Persistence::KeepAlive,
        Version::Http10 => Persistence::Close,
    }
}

/// A head as [`find_end`] delimits it, with the carriage returns that its line ends lack. Old clients
/// and scripts leave them out; where a head [stands alone](RequestHead::stands_alone), RFC 9112 §2.2
/// lets a line feed end a line.
pub fn with_whole_line_ends(head: &[u8]) -> Cow<'_, [u8]> {
    let bare = |at: &usize| *at == 0 || head.get(at - 1) != Some(&b'\r');
    let mut line_feeds = memchr::memchr_iter(b'\n', head).filter(bare).peekable();
    if line_feeds.peek().is_none() {
        return Cow::Borrowed(head);
    }
    let mut whole = Vec::with_capacity(head.len() + 64);
    let mut from = 0;
    for at in line_feeds {
        whole.extend_from_slice(head.get(from..at).unwrap_or_default());
        whole.push(b'\r');
        from = at;
    }
    whole.extend_from_slice(head.get(from..).unwrap_or_default());
    Cow::Owned(whole)
}

/// Reads one complete request head, as [`find_end`] delimits it. Its header lines stand in `lines`.
///
/// # Errors
/// What is wrong with it.
pub fn parse_request<'a, 'b: 'a>(
    head: &'b [u8],
    lines: &'a mut Lines<'b>,
) -> Result<RequestHead<'a>, HeadError> {
    check_line_ends(head)?;
    check_request_line(head)?;
    let mut request = httparse::Request::new(&mut []);
    check_all_read(head, request.parse_with_uninit_headers(head, &mut lines.0))?;
    let version = version_of(request.version)?;
    let (Some(method), Some(target)) = (request.method, request.path) else {
        return Err(HeadError::StartLine);
    };
    let headers = Headers(request.headers);
    check_names(&headers)?;
    Ok(RequestHead { method, target, version, headers })
}

/// Reads one complete response head, as [`find_end`] delimits it. Its header lines stand in `lines`.
///
/// # Errors
/// What is wrong with it.
pub fn parse_response<'a, 'b: 'a>(
    head: &'b [u8],
    lines: &'a mut Lines<'b>,
) -> Result<ResponseHead<'a>, HeadError> {
    check_line_ends(head)?;
    let mut response = httparse::Response::new(&mut []);
    let read = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        head,
        &mut lines.0,
    );
    check_all_read(head, read)?;
    let status = response.code.filter(|status| (100..1000).contains(status));
    let version = version_of(response.version)?;
    let status = status.ok_or(HeadError::StartLine)?;
    let headers = Headers(response.headers);
    check_names(&headers)?;
    Ok(ResponseHead { status, version, headers })
}

/// What httparse would read differently, or not tell apart: exactly two spaces, and one of two
/// versions behind the second.
fn check_request_line(head: &[u8]) -> Result<(), HeadError> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), version) = (parts.next(), parts.next(), parts.next()) else {
        return Err(HeadError::Version);
    };
    if method.is_empty() || !method.iter().all(|byte| is_token(*byte)) {
        return Err(HeadError::Method);
    }
    match version {
        Some(b"HTTP/1.1" | b"HTTP/1.0") if parts.next().is_none() && !target.is_empty() => Ok(()),
        Some(b"HTTP/1.1" | b"HTTP/1.0") => Err(HeadError::StartLine),
        Some(version) if version.starts_with(b"HTTP/2") => Err(HeadError::Http2),
        Some(version) if version.starts_with(b"HTTP/") => Err(HeadError::Version),
        Some(_) => Err(HeadError::StartLine),
        None => Err(HeadError::Version),
    }
}

/// Whether a name may have this byte (RFC 9110 §5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    const IS_TOKEN: [bool; 256] = token_bytes();
    #[expect(clippy::indexing_slicing, reason = "there is an element for every byte")]
    IS_TOKEN[usize::from(byte)]
}

#[expect(clippy::indexing_slicing, reason = "runs at compile time: out of bounds does not build")]
const fn token_bytes() -> [bool; 256] {
    let mut is_token = [false; 256];
    let mut others: &[u8] = b"!#$%&'*+-.^_`|~";
    while let [first, rest @ ..] = others {
        is_token[*first as usize] = true;
        others = rest;
    }
    let mut byte = 0;
    while byte < is_token.len() {
        is_token[byte] |= byte < 128 && (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    is_token
}

fn check_names(headers: &Headers<'_>) -> Result<(), HeadError> {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(is_token);
    if headers.iter().all(|(name, _)| is_name(name)) { Ok(()) } else { Err(HeadError::HeaderName) }
}

/// The two leniencies of httparse that its result does not show: a line feed alone ends a line, and
/// empty lines may come first. [`find_end`] refuses the latter, but not every caller must have asked it.
fn check_line_ends(head: &[u8]) -> Result<(), HeadError> {
    let behind = head.get(1..).unwrap_or_default();
    if head.iter().zip(behind).fold(false, |found, (a, b)| found | (*b == b'\n' && *a != b'\r')) {
        return Err(HeadError::BareLineFeed);
    }
    match head.first() {
        Some(b'\n') => Err(HeadError::BareLineFeed),
        Some(b'\r') => Err(HeadError::LeadingEmptyLine),
        _ => Ok(()),
    }
}

fn check_all_read(head: &[u8], read: httparse::Result<usize>) -> Result<(), HeadError> {
    match read.map_err(error_of)? {
        httparse::Status::Complete(bytes) if bytes == head.len() => Ok(()),
        _ => Err(HeadError::Incomplete),
    }
}

fn version_of(minor: Option<u8>) -> Result<Version, HeadError> {
    match minor {
        Some(0) => Ok(Version::Http10),
        Some(1) => Ok(Version::Http11),
        _ => Err(HeadError::Version),
    }
}

fn error_of(error: httparse::Error) -> HeadError {
    match error {
        httparse::Error::HeaderName => HeadError::HeaderName,
        httparse::Error::HeaderValue => HeadError::HeaderValue,
        httparse::Error::NewLine => HeadError::BareLineFeed,
        httparse::Error::TooManyHeaders => HeadError::TooManyHeaders,
        httparse::Error::Version => HeadError::Version,
        httparse::Error::Status | httparse::Error::Token => HeadError::StartLine,
    }
}
