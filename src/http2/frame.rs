//! Frames: nine bytes of head, then a payload (RFC 9113 §4.1, §6).

use std::fmt;

/// What a client sends before its first frame (RFC 9113 §3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The length of a frame's head, in bytes.
pub const HEAD_BYTES: usize = 9;

/// The longest payload that may be sent to a peer who has not allowed more, in bytes (RFC 9113 §4.2).
pub const PAYLOAD_BYTES_MAX: usize = 16_384;

/// `END_STREAM` of DATA and HEADERS, `ACK` of SETTINGS and PING.
pub const END_STREAM: u8 = 0x1;
/// The `ACK` flag of SETTINGS and PING.
pub const ACK: u8 = 0x1;
/// `END_HEADERS` of HEADERS and CONTINUATION.
pub const END_HEADERS: u8 = 0x4;

/// `PADDED` of DATA and HEADERS.
pub const PADDED: u8 = 0x8;
/// `PRIORITY` of HEADERS.
pub const PRIORITY: u8 = 0x20;

/// What kind of frame it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A piece of a message's body.
    Data,
    /// The beginning of a header block.
    Headers,
    /// Deprecated, without effect.
    Priority,
    /// The end of a stream before its time.
    RstStream,
    /// What one side bids the other to keep to.
    Settings,
    /// Announces a stream of the server's making; no client may send it.
    PushPromise,
    /// Asks for an answer of the same eight bytes.
    Ping,
    /// The last word on a connection.
    GoAway,
    /// Allows the peer to send more.
    WindowUpdate,
    /// More of a header block.
    Continuation,
    /// Any other, which must be passed over (RFC 9113 §4.1).
    Other(u8),
}

impl Kind {
    fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Data,
            1 => Self::Headers,
            2 => Self::Priority,
            3 => Self::RstStream,
            4 => Self::Settings,
            5 => Self::PushPromise,
            6 => Self::Ping,
            7 => Self::GoAway,
            8 => Self::WindowUpdate,
            9 => Self::Continuation,
            other => Self::Other(other),
        }
    }

    fn byte(self) -> u8 {
        match self {
            Self::Data => 0,
            Self::Headers => 1,
            Self::Priority => 2,
            Self::RstStream => 3,
            Self::Settings => 4,
            Self::PushPromise => 5,
            Self::Ping => 6,
            Self::GoAway => 7,
            Self::WindowUpdate => 8,
            Self::Continuation => 9,
            Self::Other(other) => other,
        }
    }
}

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHead {
    /// The length of the payload, in bytes.
    pub length: usize,
    /// What the payload is.
    pub kind: Kind,
    /// Bits whose meaning depends on the kind.
    pub flags: u8,
    /// The stream, 31 bits; 0 is the connection itself.
    pub stream: u32,
}

impl FrameHead {
    /// Reads a head, if all of it is there. The reserved bit is ignored (RFC 9113 §4.1).
    pub fn read(input: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, stream @ ..] = input.first_chunk::<HEAD_BYTES>()?;
        Some(Self {
            length: usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c),
            kind: Kind::from_byte(*kind),
            flags: *flags,
            stream: u32::from_be_bytes(*stream) & 0x7fff_ffff,
        })
    }

    /// Whether this flag is set.
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Whether a client may send a frame of this kind, length and stream, having opened the streams up to
/// `last_stream`.
///
/// # Errors
/// [`ConnectionError`] if not.
pub fn check(head: &FrameHead, last_stream: u32) -> Result<(), ConnectionError> {
    let is_of_stream = head.stream != 0;
    let was_opened = is_of_stream && head.stream <= last_stream;
    let has_its_length = match head.kind {
        Kind::Ping => head.length == 8,
        Kind::Settings if head.has(ACK) => head.length == 0,
        Kind::Settings => head.length.is_multiple_of(6),
        Kind::RstStream | Kind::WindowUpdate => head.length == 4,
        Kind::Priority => head.length == 5,
        _ => true,
    };
    let is_in_place = match head.kind {
        Kind::Data | Kind::RstStream => was_opened,
        Kind::Headers => head.stream % 2 == 1,
        Kind::Continuation | Kind::Priority => is_of_stream,
        Kind::Settings | Kind::Ping | Kind::GoAway => !is_of_stream,
        Kind::PushPromise => false,
        Kind::WindowUpdate | Kind::Other(_) => true,
    };
    match (has_its_length, is_in_place) {
        (false, _) => {
            Err(ConnectionError::size("a frame has a length that its type does not allow"))
        }
        (_, false) => Err(ConnectionError::protocol("a frame of this type is not allowed here")),
        (true, true) => Ok(()),
    }
}

/// What is between the length of a padding and the padding (RFC 9113 §6.1).
///
/// # Errors
/// [`ConnectionError`] if the padding is longer than the payload.
pub fn unpadded<'a>(head: &FrameHead, payload: &'a [u8]) -> Result<&'a [u8], ConnectionError> {
    if !head.has(PADDED) {
        return Ok(payload);
    }
    let content = payload.split_first().and_then(|(padding, rest)| {
        rest.len().checked_sub(usize::from(*padding)).and_then(|length| rest.get(..length))
    });
    content.ok_or(ConnectionError::protocol("a padding is longer than its frame"))
}

/// Appends a frame. The payload is at most [`PAYLOAD_BYTES_MAX`] long.
pub fn write(out: &mut Vec<u8>, kind: Kind, flags: u8, stream: u32, payload: &[u8]) {
    debug_assert!(payload.len() <= PAYLOAD_BYTES_MAX, "no peer has to take more");
    let [.., a, b, c] = payload.len().to_be_bytes();
    out.extend_from_slice(&[a, b, c, kind.byte(), flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// Appends a frame that ends a stream for this reason.
pub fn write_reset(out: &mut Vec<u8>, stream: u32, code: ErrorCode) {
    write(out, Kind::RstStream, 0, stream, &code.number().to_be_bytes());
}

/// Appends the last word on a connection, of whose streams none above `last_stream` was looked at.
pub fn write_go_away(out: &mut Vec<u8>, last_stream: u32, code: ErrorCode) {
    let [a, b] = [last_stream.to_be_bytes(), code.number().to_be_bytes()];
    write(out, Kind::GoAway, 0, 0, &[a, b].concat());
}

/// Appends a frame that allows the peer `bytes` more, at least one.
pub fn write_credit(out: &mut Vec<u8>, stream: u32, bytes: u32) {
    debug_assert!((1..=0x7fff_ffff).contains(&bytes), "RFC 9113 §6.9");
    write(out, Kind::WindowUpdate, 0, stream, &bytes.to_be_bytes());
}

/// Why a stream or a connection ends (RFC 9113 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// It was not an error.
    NoError,
    /// The peer broke a rule of the protocol.
    Protocol,
    /// A payload of a length that its kind cannot have.
    FrameSize,
    /// The stream is of no use any more.
    Cancel,
    /// A header block that cannot be read.
    Compression,
    /// The peer asks for too much.
    EnhanceYourCalm,
}

impl ErrorCode {
    fn number(self) -> u32 {
        match self {
            Self::NoError => 0x0,
            Self::Protocol => 0x1,
            Self::FrameSize => 0x6,
            Self::Cancel => 0x8,
            Self::Compression => 0x9,
            Self::EnhanceYourCalm => 0xb,
        }
    }
}

/// What a peer did that ends its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionError {
    /// What it is called on the wire.
    pub code: ErrorCode,
    /// What it is, for the log.
    pub reason: &'static str,
}

impl ConnectionError {
    pub(super) const fn protocol(reason: &'static str) -> Self {
        Self { code: ErrorCode::Protocol, reason }
    }

    pub(super) const fn compression() -> Self {
        Self { code: ErrorCode::Compression, reason: "a header block is malformed" }
    }

    pub(super) const fn size(reason: &'static str) -> Self {
        Self { code: ErrorCode::FrameSize, reason }
    }

    pub(super) const fn flood(reason: &'static str) -> Self {
        Self { code: ErrorCode::EnhanceYourCalm, reason }
    }
}

impl std::error::Error for ConnectionError {}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP/2: {}", self.reason)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        for byte in 0..=u8::MAX {
            let (kind, mut out) = (Kind::from_byte(byte), Vec::new());
            write(&mut out, kind, 0xa5, 0x7fff_fffe, &[7; 300]);
            let head = FrameHead::read(&out).unwrap();
            assert_eq!(
                head,
                FrameHead { length: 300, kind, flags: 0xa5, stream: 0x7fff_fffe },
                "{byte}"
            );
            assert_eq!(out.len(), HEAD_BYTES + 300);
        }
        assert_eq!(FrameHead::read(&[0; 8]), None);
    }

    #[test]
    fn the_reserved_bit_is_ignored() {
        let head = FrameHead::read(&[0, 0, 0, 0, 0, 0x80, 0, 0, 1]).unwrap();
        assert_eq!(head.stream, 1);
    }
}
