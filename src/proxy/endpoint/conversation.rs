//! One request and its answer, in a bounded time and with a bounded head; then the connection ends.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use socket2::Socket;

use super::super::clock::now;
use crate::http::head::{self, HeadError, Lines, RequestHead};
use crate::http::{framing, target};
use crate::lookup::Channel;
use crate::metrics::Format;
use crate::tls::Server;

/// The longest head.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// How long all of it may take, from the first byte to the last.
const TIME_MAX: Duration = Duration::from_secs(10);

/// How long a client has to end its side, so that what it has sent does not reset its answer.
const LINGER_TIME: Duration = Duration::from_secs(1);

/// So much of what it has still sent is looked at.
const LINGER_BYTES_MAX: usize = 64 * 1024;

/// Written at once, before it is looked how much time is left.
const WRITE_BYTES: usize = 16 * 1024;

/// What can be asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// `/metrics`
    Metrics(Format),
    /// `/healthz`
    Alive,
    /// `/readyz`
    Ready,
}

/// What is answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) media_type: &'static str,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn text(status: u16, body: String) -> Self {
        Self { status, media_type: "text/plain; charset=utf-8", body }
    }
}

/// Reads one request, and writes what `answer` makes of it.
///
/// # Errors
/// If the client leaves, or takes too long.
pub(super) fn answer(
    socket: Socket,
    tls: Option<&Server>,
    answer: impl FnOnce(&Asked) -> Answer,
) -> io::Result<()> {
    let until = now() + TIME_MAX;
    let mut channel = Channel::accept(socket, tls, TIME_MAX)?;
    let mut buffer = Vec::new();
    let read = read_head(&mut channel, &mut buffer, until)?;
    let (answer, with_body) = match read.and_then(|bytes| understand(buffer.get(..bytes))) {
        Ok(Understood { asked: Ok(asked), with_body }) => (answer(&asked), with_body),
        Ok(Understood { asked: Err(refusal), with_body }) => (refusal, with_body),
        Err(reason) => (Answer::text(400, format!("{reason}\n")), true),
    };
    write(&mut channel, &answer, with_body, until)?;
    part(&mut channel)
}

/// How many bytes the head has, or what is wrong with it.
fn read_head(
    channel: &mut Channel,
    buffer: &mut Vec<u8>,
    until: Instant,
) -> io::Result<Result<usize, String>> {
    let (mut searched, mut bytes) = (0, [0; 2048]);
    loop {
        match head::find_end(buffer, &mut searched) {
            Ok(Some(end)) if end <= HEAD_BYTES_MAX => return Ok(Ok(end)),
            Ok(None) if buffer.len() <= HEAD_BYTES_MAX => {}
            Ok(_) => return Ok(Err(format!("the head is longer than {HEAD_BYTES_MAX} bytes"))),
            Err(error) => return Ok(Err(said(error))),
        }
        channel.set_read_timeout(Some(left(until)?))?;
        match channel.read(&mut bytes)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => buffer.extend_from_slice(bytes.get(..count).unwrap_or_default()),
        }
    }
}

/// What is wrong with a head, where another key decides about TLS than for clients.
fn said(error: HeadError) -> String {
    match error {
        HeadError::Tls => "TLS is not spoken here (`metrics.tls` is not set)".to_owned(),
        other => other.to_string(),
    }
}

/// What a head asks for, and whether the answer has a body.
struct Understood {
    asked: Result<Asked, Answer>,
    with_body: bool,
}

fn understand(bytes: Option<&[u8]>) -> Result<Understood, String> {
    let whole = head::with_whole_line_ends(bytes.unwrap_or_default());
    let mut lines = Lines::new();
    let head = head::parse_request(&whole, &mut lines).map_err(said)?;
    framing::of_request(&head).map_err(|error| error.to_string())?;
    let target = target::parse(head.target).map_err(|error| error.to_string())?;
    let asked = route(&head, target.path());
    Ok(Understood { asked, with_body: head.method != "HEAD" })
}

fn route(head: &RequestHead<'_>, path: &str) -> Result<Asked, Answer> {
    let asked = match path {
        "/metrics" => Asked::Metrics(Format::accepted(head.headers.get("accept").unwrap_or(""))),
        "/healthz" => Asked::Alive,
        "/readyz" => Asked::Ready,
        _ => {
            let there_is = "there is /metrics, /healthz and /readyz\n";
            return Err(Answer::text(404, there_is.to_owned()));
        }
    };
    match head.method {
        "GET" | "HEAD" => Ok(asked),
        _ => Err(Answer::text(405, "only GET and HEAD are answered\n".to_owned())),
    }
}

fn write(
    channel: &mut Channel,
    answer: &Answer,
    with_body: bool,
    until: Instant,
) -> io::Result<()> {
    let Answer { status, media_type, body } = answer;
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "Service Unavailable",
    };
    let allow = if *status == 405 { "Allow: GET, HEAD\r\n" } else { "" };
    let mut text = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n{allow}\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    if with_body {
        text.push_str(body);
    }
    for part in text.as_bytes().chunks(WRITE_BYTES) {
        channel.set_write_timeout(Some(left(until)?))?;
        channel.write_all(part)?;
    }
    Ok(())
}

/// Ends our side, and waits a moment for the client's: what is not read when a connection closes resets it, and
/// the answer may be lost.
fn part(channel: &mut Channel) -> io::Result<()> {
    channel.end()?;
    let until = now() + LINGER_TIME;
    let (mut seen, mut bytes) = (0, [0; 2048]);
    while seen < LINGER_BYTES_MAX {
        channel.set_read_timeout(Some(left(until)?))?;
        match channel.read(&mut bytes)? {
            0 => break,
            count => seen += count,
        }
    }
    Ok(())
}

fn left(until: Instant) -> io::Result<Duration> {
    match until.saturating_duration_since(now()) {
        Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    fn status(request: &str) -> (u16, String) {
        let understood = understand(Some(request.as_bytes()));
        match understood.map(|understood| understood.asked) {
            Ok(Ok(asked)) => (200, format!("{asked:?}")),
            Ok(Err(Answer { status, body, .. })) => (status, body),
            Err(reason) => (400, reason),
        }
    }

    #[test]
    fn what_is_asked_is_told_from_what_is_not_there() {
        for (line, expected) in [
            ("GET /metrics HTTP/1.1", (200, "Metrics(Prometheus)")),
            ("GET /metrics?x=/healthz HTTP/1.0", (200, "Metrics(Prometheus)")),
            ("GET http://h/healthz HTTP/1.1", (200, "Alive")),
            ("HEAD /readyz HTTP/1.1", (200, "Ready")),
            ("POST /metrics HTTP/1.1", (405, "only GET and HEAD are answered\n")),
            ("GET / HTTP/1.1", (404, "there is /metrics, /healthz and /readyz\n")),
            ("POST /_ping HTTP/1.1", (404, "there is /metrics, /healthz and /readyz\n")),
            ("GET /metrics/ HTTP/1.1", (404, "there is /metrics, /healthz and /readyz\n")),
        ] {
            let (found, said) = status(&format!("{line}\r\nHost: x\r\n\r\n"));
            assert_eq!((found, said.as_str()), expected, "{line}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for request in [
            "GET /metrics\r\n\r\n",
            "GET /metrics HTTP/1.1\r\nA : b\r\n\r\n",
            "GET /metrics HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "\u{16}\u{3}\u{1}\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\n",
        ] {
            let (found, said) = status(request);
            assert_eq!(found, 400, "{request:?}: {said}");
        }
    }

    #[test]
    fn a_media_type_is_an_offer() {
        let asked = "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n\r\n";
        let understood = understand(Some(asked.as_bytes())).unwrap();
        assert_eq!(understood.asked, Ok(Asked::Metrics(Format::OpenMetrics)));
    }
}
