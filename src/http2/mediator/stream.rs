//! One call: whose turn it is to end it, and what is held of it.

use super::super::frame::{self, END_STREAM, Kind as FrameKind, PAYLOAD_BYTES_MAX};
use super::call::Fault;

/// What stands before a message: whether it is compressed, and its length (gRPC over HTTP2,
/// "Length-Prefixed-Message").
pub(super) const PREFIX_BYTES: usize = 5;

/// A stream that has not ended on both sides.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) kind: Kind,
    /// What the server takes on it, in bytes.
    pub(super) window: i64,
    pub(super) client_ended: bool,
    pub(super) server_ended: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// What the client sends passes.
    Passed,
    /// It waits to be refused; the server has not heard of it.
    Unwanted,
    /// What the client sends is held.
    Held(Held),
}

/// What became of the message of a held call.
#[derive(Debug)]
pub(super) enum Held {
    /// It is still arriving.
    Collecting { path: String, bytes: Vec<u8> },
    /// It is being judged.
    Judged,
    /// It is released, and is on its way to the server.
    Sending { bytes: Vec<u8>, sent: usize },
}

impl Held {
    pub(super) fn sending(message: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(PREFIX_BYTES + message.len());
        bytes.push(0);
        // Longer than the daemon takes it would be refused there.
        bytes.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(message);
        Self::Sending { bytes, sent: 0 }
    }
}

impl Stream {
    pub(super) fn new(kind: Kind, window: i64, client_ended: bool) -> Self {
        Self { kind, window, client_ended, server_ended: false }
    }

    pub(super) fn is_known_to_server(&self) -> bool {
        !matches!(self.kind, Kind::Unwanted)
    }

    /// Whether what the server allows on this stream is for us and not for the client.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.kind, Kind::Held(_))
    }

    pub(super) fn is_sending(&self) -> bool {
        matches!(&self.kind, Kind::Held(Held::Sending { bytes, sent }) if *sent < bytes.len())
    }

    /// Whether nothing more will be said on it. What the server has answered to a held call ends it,
    /// however much of it was sent.
    pub(super) fn is_over(&self) -> bool {
        self.server_ended && (self.client_ended || self.is_held())
    }

    pub(super) fn held_bytes(&self) -> usize {
        match &self.kind {
            Kind::Held(Held::Collecting { bytes, .. } | Held::Sending { bytes, .. }) => {
                bytes.capacity()
            }
            Kind::Held(Held::Judged) | Kind::Passed | Kind::Unwanted => 0,
        }
    }

    /// Sends what the windows of the stream and of the connection allow; how many bytes.
    pub(super) fn send(&mut self, number: u32, connection_window: i64, out: &mut Vec<u8>) -> usize {
        let Kind::Held(Held::Sending { bytes, sent }) = &mut self.kind else { return 0 };
        let window = connection_window.min(self.window);
        let mut left = usize::try_from(window).unwrap_or(0);
        let begin = *sent;
        while left > 0
            && let Some(rest) = bytes.get(*sent..).filter(|rest| !rest.is_empty())
        {
            let (piece, behind) = rest.split_at(rest.len().min(left).min(PAYLOAD_BYTES_MAX));
            let flags = if behind.is_empty() { END_STREAM } else { 0 };
            frame::write(out, FrameKind::Data, flags, number, piece);
            left -= piece.len();
            *sent += piece.len();
        }
        let count = *sent - begin;
        if *sent == bytes.len() {
            *bytes = Vec::new();
            *sent = 0;
        }
        self.window -= i64::try_from(count).unwrap_or(i64::MAX);
        count
    }
}

/// Takes the one message out of what a held call has sent.
pub(super) fn message_of(mut bytes: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let length = announced(&bytes)?.ok_or(Fault::Framing)?;
    if bytes.len() != PREFIX_BYTES + length {
        return Err(Fault::Framing);
    }
    bytes.drain(..PREFIX_BYTES);
    Ok(bytes)
}

/// The length of the message, once its prefix is there.
pub(super) fn announced(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    match bytes {
        [flag, ..] if *flag != 0 => Err(Fault::Compressed),
        [_, a, b, c, d, ..] => {
            let length = u32::from_be_bytes([*a, *b, *c, *d]);
            usize::try_from(length).map(Some).map_err(|_| Fault::TooLong)
        }
        _ => Ok(None),
    }
}
