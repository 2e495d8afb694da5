//! Header blocks, put together out of their frames.

use super::frame::{
    self, ConnectionError, END_HEADERS, END_STREAM, FrameHead, HEAD_BYTES, Kind, PAYLOAD_BYTES_MAX,
    PRIORITY,
};
use super::hpack::{Decoder, Field, HpackError};
use super::literal::write_field;

/// The most CONTINUATION frames of one header block.
const CONTINUATIONS_MAX: usize = 16;

/// The blocks of one direction, of which one may be open.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    decoder: Decoder,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    stream: u32,
    is_last: bool,
    bytes: Vec<u8>,
    frames: Vec<u8>,
    continuations: usize,
}

/// A block that is whole.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) stream: u32,
    /// Whether nothing follows on its stream.
    pub(super) is_last: bool,
    pub(super) fields: Vec<Field>,
    /// As it came.
    pub(super) frames: Vec<u8>,
}

impl Blocks {
    /// Takes a frame if it is of a block; that block, if it is whole with it.
    pub(super) fn take(
        &mut self,
        head: &FrameHead,
        frame: &[u8],
        bytes_max: usize,
    ) -> Result<Option<Block>, ConnectionError> {
        let payload = frame.get(HEAD_BYTES..).unwrap_or_default();
        let (mut open, piece) = match (head.kind, self.open.take()) {
            (Kind::Headers, None) => {
                let mut piece = frame::unpadded(head, payload)?;
                if head.has(PRIORITY) {
                    let behind = piece.split_at_checked(5);
                    piece = behind.ok_or(ConnectionError::size("a priority is cut short"))?.1;
                }
                let (stream, is_last) = (head.stream, head.has(END_STREAM));
                let (bytes, frames) = (Vec::new(), Vec::new());
                (Open { stream, is_last, bytes, frames, continuations: 0 }, piece)
            }
            (Kind::Continuation, Some(open)) if open.stream == head.stream => (open, payload),
            (Kind::Continuation, None) => {
                return Err(ConnectionError::protocol("no header block is open"));
            }
            (_, Some(_)) => {
                return Err(ConnectionError::protocol("a frame stands inside a header block"));
            }
            (_, None) => return Ok(None),
        };
        open.bytes.extend_from_slice(piece);
        open.frames.extend_from_slice(frame);
        open.continuations += usize::from(head.kind == Kind::Continuation);
        if open.bytes.len() > bytes_max || open.continuations > CONTINUATIONS_MAX {
            return Err(ConnectionError::flood("a header block is too long"));
        }
        if !head.has(END_HEADERS) {
            self.open = Some(open);
            return Ok(None);
        }
        let fields = self.decoder.decode(&open.bytes, bytes_max).map_err(|error| match error {
            HpackError::Malformed => ConnectionError::compression(),
            HpackError::TooLong => ConnectionError::flood("a header block is too long"),
        })?;
        let Open { stream, is_last, frames, .. } = open;
        Ok(Some(Block { stream, is_last, fields, frames }))
    }
}

/// Appends a block of these fields, as literals that touch no table.
pub(super) fn write_block(stream: u32, is_last: bool, fields: &[Field], out: &mut Vec<u8>) {
    let mut block = Vec::new();
    for Field { name, value } in fields {
        write_field(&mut block, name, value);
    }
    let end_stream = if is_last { END_STREAM } else { 0 };
    let (first, mut rest) = block.split_at(block.len().min(PAYLOAD_BYTES_MAX));
    let end = |rest: &[u8]| if rest.is_empty() { END_HEADERS } else { 0 };
    frame::write(out, Kind::Headers, end_stream | end(rest), stream, first);
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rest.len().min(PAYLOAD_BYTES_MAX));
        frame::write(out, Kind::Continuation, end(behind), stream, piece);
        rest = behind;
    }
}
