//! What gRPC says on top of HTTP/2: how a call ends (gRPC over HTTP2, "Responses").

use super::frame::{self, END_HEADERS, END_STREAM, Kind};
use super::literal::write_field;

/// The longest message of a status, in bytes as they are sent: with little beside it, a header list below
/// the 8 KiB that C-core's clients take.
const MESSAGE_BYTES_MAX: usize = 6 * 1024;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It says something that it must not.
    InvalidArgument,
    /// What it names is not there.
    NotFound,
    /// It may not be made.
    PermissionDenied,
    /// It takes up more than it may.
    ResourceExhausted,
    /// It may be tried again later.
    Unavailable,
}

impl Status {
    fn number(self) -> &'static [u8] {
        match self {
            Self::InvalidArgument => b"3",
            Self::NotFound => b"5",
            Self::PermissionDenied => b"7",
            Self::ResourceExhausted => b"8",
            Self::Unavailable => b"14",
        }
    }
}

/// Appends the whole answer to a call: a status and nothing else ("Trailers-Only").
pub fn write_end(out: &mut Vec<u8>, stream: u32, status: Status, message: &str) {
    let mut block = Vec::with_capacity(128 + message.len());
    write_field(&mut block, b":status", b"200");
    write_field(&mut block, b"content-type", b"application/grpc");
    write_field(&mut block, b"grpc-status", status.number());
    write_field(&mut block, b"grpc-message", &encoded(message));
    frame::write(out, Kind::Headers, END_HEADERS | END_STREAM, stream, &block);
}

/// Appends the end of an answer that has begun.
pub fn write_trailers(out: &mut Vec<u8>, stream: u32, status: Status, message: &str) {
    let mut block = Vec::with_capacity(64 + message.len());
    write_field(&mut block, b"grpc-status", status.number());
    write_field(&mut block, b"grpc-message", &encoded(message));
    frame::write(out, Kind::Headers, END_HEADERS | END_STREAM, stream, &block);
}

/// A message as it is sent: printable ASCII but `%` as it is, all else in percent coding; cut where it
/// would be too long.
fn encoded(message: &str) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    const HIDDEN: &[u8] = "…".as_bytes();
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
    let push = |out: &mut Vec<u8>, bytes: &[u8]| {
        for byte in bytes {
            match byte {
                b' '..=b'~' if *byte != b'%' => out.push(*byte),
                _ => out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 0xf)]),
            }
        }
    };
    let mut out = Vec::with_capacity(message.len());
    for letter in message.chars() {
        if out.len() + 3 * (letter.len_utf8() + HIDDEN.len()) > MESSAGE_BYTES_MAX {
            push(&mut out, HIDDEN);
            break;
        }
        push(&mut out, letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;

    #[test]
    fn messages_are_printable_and_bounded() {
        for (message, expected) in [
            ("", ""),
            ("no \"22\"; `x`", "no \"22\"; `x`"),
            ("100%\n", "100%25%0A"),
            ("é…", "%C3%A9%E2%80%A6"),
        ] {
            assert_eq!(String::from_utf8(encoded(message)).unwrap(), expected);
        }
        for long in ["é", "x", "%"].map(|text| text.repeat(MESSAGE_BYTES_MAX)) {
            let sent = encoded(&long);
            assert!(sent.len() <= MESSAGE_BYTES_MAX && sent.ends_with(b"%E2%80%A6"));
        }
    }
}
