//! An answer out of which credentials are taken once it is whole.

use super::super::budget::Share;
use crate::http::chunk::{ChunkDecoder, CollectError};

/// An answer that still arrives.
#[derive(Debug)]
pub(in crate::session) struct Withholding {
    pub(in crate::session) head: Vec<u8>,
    pub(in crate::session) progress: Kept,
    pub(in crate::session) body: Vec<u8>,
    pub(in crate::session) share: Share,
}

/// How much of it is still to come.
#[derive(Debug)]
pub(in crate::session) enum Kept {
    Length(usize),
    Chunked(ChunkDecoder),
    UntilClose,
}

pub(in crate::session) fn too_long(max: usize) -> String {
    format!("it is longer than {max} bytes")
}

impl Withholding {
    /// How much of `input` belongs to the body, and whether it is whole.
    pub(in crate::session) fn take(
        &mut self,
        input: &[u8],
        max: usize,
    ) -> Result<(usize, bool), String> {
        let taken = match &mut self.progress {
            Kept::Length(left) => {
                let bytes = input.len().min(*left);
                *left -= bytes;
                self.body.extend_from_slice(input.split_at(bytes).0);
                (bytes, *left == 0)
            }
            Kept::Chunked(decoder) => {
                let scanned = decoder.collect(input, &mut self.body, max);
                let scanned = scanned.map_err(|error| match error {
                    CollectError::TooLarge { max } => too_long(max),
                    CollectError::Chunk(error) => error.to_string(),
                })?;
                (scanned.bytes, scanned.ended)
            }
            Kept::UntilClose if input.len() > max.saturating_sub(self.body.len()) => {
                return Err(too_long(max));
            }
            Kept::UntilClose => {
                self.body.extend_from_slice(input);
                (input.len(), false)
            }
        };
        let grown = self.share.grow_to(self.body.capacity());
        grown.map_err(|_| "too many bodies are being inspected".to_owned())?;
        Ok(taken)
    }
}
