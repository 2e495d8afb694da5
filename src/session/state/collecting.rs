//! A body that is inspected and still arrives.

use std::time::Instant;

use super::super::budget::Share;
use super::pace::Pace;
use crate::admission::{Case, Refusal};
use crate::http::chunk::{ChunkDecoder, CollectError};

/// A request to an inspected endpoint whose body is still arriving.
#[derive(Debug)]
pub(in crate::session) struct Collecting {
    pub(in crate::session) case: Box<Case>,
    pub(in crate::session) framing: Remaining,
    pub(in crate::session) body: Vec<u8>,
    pub(in crate::session) share: Share,
    pub(in crate::session) pace: Pace,
}

/// How much of an inspected body is still to come.
#[derive(Debug)]
pub(in crate::session) enum Remaining {
    Length(usize),
    Chunked(ChunkDecoder),
}

pub(in crate::session) struct Taken {
    pub(in crate::session) bytes: usize,
    pub(in crate::session) whole: bool,
}

impl Collecting {
    pub(in crate::session) fn deadline(&self) -> Instant {
        self.pace.deadline(self.body.len(), self.case.rules())
    }

    pub(in crate::session) fn take(&mut self, input: &[u8]) -> Result<Taken, Refusal> {
        let max = self.case.rules().body_bytes_max;
        let taken = match &mut self.framing {
            Remaining::Length(left) => {
                let bytes = input.len().min(*left);
                *left -= bytes;
                self.body.extend_from_slice(input.split_at(bytes).0);
                Taken { bytes, whole: *left == 0 }
            }
            Remaining::Chunked(decoder) => {
                let scanned = decoder.collect(input, &mut self.body, max);
                let scanned = scanned.map_err(|error| match error {
                    CollectError::TooLarge { max } => Refusal::too_large(self.case.endpoint(), max),
                    CollectError::Chunk(error) => error.into(),
                })?;
                Taken { bytes: scanned.bytes, whole: scanned.ended }
            }
        };
        self.share.grow_to(self.case.head_weight() + self.body.capacity())?;
        Ok(taken)
    }
}
