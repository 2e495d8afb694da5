//! Which body follows a head, and whether the connection goes on after it (RFC 9112 §6 and §9).

use std::fmt;
use std::num::NonZeroU64;

pub use super::body::{AnswerTo, Framing, Persistence};
use super::head::{Headers, RequestHead, ResponseHead, Version};

/// Why the framing of a message is refused: it could be read in more than one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FramingError {
    /// Both `Content-Length` and `Transfer-Encoding`.
    LengthAndCoding,
    /// Several `Content-Length`, equal or not.
    RepeatedLength,
    /// A `Content-Length` that is not decimal digits, or too many of them.
    Length,
    /// A transfer coding other than one `chunked`.
    Coding,
    /// A transfer coding in HTTP/1.0, which has none.
    CodingInHttp10,
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LengthAndCoding => {
                "both Content-Length and Transfer-Encoding are given (RFC 9112 §6.1)"
            }
            Self::RepeatedLength => "Content-Length is given more than once (RFC 9112 §6.3)",
            Self::Length => "Content-Length is not a decimal number (RFC 9110 §8.6)",
            Self::Coding => "the transfer coding is not a single chunked (RFC 9112 §6.1)",
            Self::CodingInHttp10 => "HTTP/1.0 has no transfer codings (RFC 9112 §6.1)",
        })
    }
}

impl std::error::Error for FramingError {}

/// Which body follows a request head.
///
/// # Errors
/// When it could be read in more than one way.
pub fn of_request(head: &RequestHead<'_>) -> Result<Framing, FramingError> {
    match coding_and_length(head.version, &head.headers)? {
        (true, _) => Ok(Framing::Chunked),
        (false, length) => Ok(of_length(length)),
    }
}

/// Which body follows a response head.
///
/// # Errors
/// When it could be read in more than one way.
pub fn of_response(head: &ResponseHead<'_>, to: AnswerTo) -> Result<Framing, FramingError> {
    let bodiless = to == AnswerTo::Head || matches!(head.status, 100..=199 | 204 | 304);
    match coding_and_length(head.version, &head.headers)? {
        _ if bodiless => Ok(Framing::None),
        (true, _) => Ok(Framing::Chunked),
        (false, None) => Ok(Framing::UntilClose),
        (false, length) => Ok(of_length(length)),
    }
}

fn of_length(length: Option<u64>) -> Framing {
    length.and_then(NonZeroU64::new).map_or(Framing::None, Framing::Length)
}

fn coding_and_length(
    version: Version,
    headers: &Headers<'_>,
) -> Result<(bool, Option<u64>), FramingError> {
    let length = single_length(headers)?;
    let mut codings = headers.get_all("transfer-encoding");
    let Some(coding) = codings.next() else {
        return Ok((false, length));
    };
    if length.is_some() {
        return Err(FramingError::LengthAndCoding);
    }
    if version == Version::Http10 {
        return Err(FramingError::CodingInHttp10);
    }
    if codings.next().is_some() || !coding.eq_ignore_ascii_case(b"chunked") {
        return Err(FramingError::Coding);
    }
    Ok((true, None))
}

fn single_length(headers: &Headers<'_>) -> Result<Option<u64>, FramingError> {
    let mut lengths = headers.get_all("content-length");
    let Some(length) = lengths.next() else {
        return Ok(None);
    };
    if lengths.next().is_some() {
        return Err(FramingError::RepeatedLength);
    }
    decimal(length).map(Some).ok_or(FramingError::Length)
}

/// Reads 1 to 18 decimal digits, and nothing else: no sign, no space, no list.
fn decimal(text: &[u8]) -> Option<u64> {
    const DIGITS_MAX: usize = 18;
    if text.is_empty() || text.len() > DIGITS_MAX {
        return None;
    }
    text.iter().try_fold(0, |number: u64, byte| match byte {
        b'0'..=b'9' => Some(number * 10 + u64::from(byte - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::super::head::{Lines, parse_request, parse_response};
    use super::*;

    fn length(bytes: u64) -> Framing {
        Framing::Length(NonZeroU64::new(bytes).unwrap())
    }

    #[test]
    fn requests() {
        let table = [
            ("", Ok(Framing::None)),
            ("Content-Length: 0\r\n", Ok(Framing::None)),
            ("Content-Length: 007\r\n", Ok(length(7))),
            ("content-length: 999999999999999999\r\n", Ok(length(999_999_999_999_999_999))),
            ("Transfer-Encoding: chunked\r\n", Ok(Framing::Chunked)),
            ("transfer-encoding: CHUNKED\r\n", Ok(Framing::Chunked)),
            ("Content-Length: 1000000000000000000\r\n", Err(FramingError::Length)),
            ("Content-Length: +5\r\n", Err(FramingError::Length)),
            ("Content-Length: -5\r\n", Err(FramingError::Length)),
            ("Content-Length: 0x5\r\n", Err(FramingError::Length)),
            ("Content-Length: 5 5\r\n", Err(FramingError::Length)),
            ("Content-Length: 5,5\r\n", Err(FramingError::Length)),
            ("Content-Length:\r\n", Err(FramingError::Length)),
            ("Content-Length: 5\r\nContent-Length: 5\r\n", Err(FramingError::RepeatedLength)),
            (
                "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
                Err(FramingError::LengthAndCoding),
            ),
            ("Transfer-Encoding: identity\r\n", Err(FramingError::Coding)),
            ("Transfer-Encoding: gzip, chunked\r\n", Err(FramingError::Coding)),
            ("Transfer-Encoding: chunked, chunked\r\n", Err(FramingError::Coding)),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                Err(FramingError::Coding),
            ),
            ("Transfer-Encoding: \"chunked\"\r\n", Err(FramingError::Coding)),
            ("Transfer-Encoding:\r\n", Err(FramingError::Coding)),
            ("Transfer-Encoding:\tchunked \t\r\n", Ok(Framing::Chunked)),
            ("Transfer-Encoding: chunked;q=1\r\n", Err(FramingError::Coding)),
            // `chunked` to a reader that lower-cases by the rules of Unicode.
            ("Transfer-Encoding: chun\u{212A}ed\r\n", Err(FramingError::Coding)),
            ("Transfer-Encoding: \u{a0}chunked\r\n", Err(FramingError::Coding)),
            ("Content-Length: \t7 \r\n", Ok(length(7))),
            ("Content-Length: 7\u{a0}\r\n", Err(FramingError::Length)),
        ];
        for (lines, expected) in table {
            let text = format!("POST / HTTP/1.1\r\n{lines}\r\n");
            let mut lines = Lines::new();
            let head = parse_request(text.as_bytes(), &mut lines).unwrap();
            assert_eq!(of_request(&head), expected, "{lines:?}");
        }
        let old = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut lines = Lines::new();
        let old = parse_request(old, &mut lines).unwrap();
        assert_eq!(of_request(&old), Err(FramingError::CodingInHttp10));
    }

    #[test]
    fn responses() {
        let table = [
            ("200 OK\r\n", AnswerTo::Other, Framing::UntilClose),
            ("200 OK\r\nContent-Length: 5\r\n", AnswerTo::Other, length(5)),
            ("200 OK\r\nContent-Length: 5\r\n", AnswerTo::Head, Framing::None),
            ("200 OK\r\nTransfer-Encoding: chunked\r\n", AnswerTo::Head, Framing::None),
            ("204 No Content\r\n", AnswerTo::Other, Framing::None),
            ("304 Not Modified\r\nContent-Length: 5\r\n", AnswerTo::Other, Framing::None),
            ("200 OK\r\nTransfer-Encoding: chunked\r\n", AnswerTo::Other, Framing::Chunked),
        ];
        for (lines, to, expected) in table {
            let text = format!("HTTP/1.1 {lines}\r\n");
            let mut lines = Lines::new();
            let head = parse_response(text.as_bytes(), &mut lines).unwrap();
            assert_eq!(of_response(&head, to), Ok(expected), "{lines:?}");
        }
    }

    #[test]
    fn responses_that_are_refused() {
        for (lines, error) in [
            ("1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5", FramingError::RepeatedLength),
            (
                "1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
                FramingError::LengthAndCoding,
            ),
            ("1.1 204 \r\nContent-Length: +0", FramingError::Length),
            ("1.1 200 OK\r\nTransfer-Encoding: gzip", FramingError::Coding),
            ("1.0 200 OK\r\nTransfer-Encoding: chunked", FramingError::CodingInHttp10),
        ] {
            let text = format!("HTTP/{lines}\r\n\r\n");
            let mut lines = Lines::new();
            let head = parse_response(text.as_bytes(), &mut lines).unwrap();
            assert_eq!(of_response(&head, AnswerTo::Other), Err(error), "{lines:?}");
        }
    }

    #[test]
    fn who_goes_on() {
        let table = [
            ("HTTP/1.1", "", Persistence::KeepAlive),
            ("HTTP/1.1", "Connection: close\r\n", Persistence::Close),
            ("HTTP/1.0", "", Persistence::Close),
            ("HTTP/1.0", "Connection: keep-alive\r\n", Persistence::KeepAlive),
            ("HTTP/1.0", "Connection: keep-alive, close\r\n", Persistence::Close),
        ];
        for (version, lines, expected) in table {
            let text = format!("GET / {version}\r\n{lines}\r\n");
            let mut lines = Lines::new();
            let head = parse_request(text.as_bytes(), &mut lines).unwrap();
            assert_eq!(head.persistence(), expected, "{text:?}");
        }
    }
}
