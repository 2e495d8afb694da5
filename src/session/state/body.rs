//! A body that is passed on without being understood.

use std::num::NonZeroU64;

use super::super::flow::Flow;
use crate::http::chunk::ChunkDecoder;
use crate::http::framing::Framing;

/// How a body proceeds that is passed on without being understood.
#[derive(Debug)]
pub(in crate::session) enum BodyState {
    Length(NonZeroU64),
    Chunked(ChunkDecoder),
    UntilClose,
}

impl BodyState {
    /// How a body with this framing proceeds; `None` if there is none.
    pub(in crate::session) fn of(framing: Framing) -> Option<Self> {
        match framing {
            Framing::None => None,
            Framing::Length(bytes) => Some(Self::Length(bytes)),
            Framing::Chunked => Some(Self::Chunked(ChunkDecoder::new())),
            Framing::UntilClose => Some(Self::UntilClose),
        }
    }

    pub(in crate::session) fn flow(&self) -> Flow {
        match self {
            Self::Length(left) => Flow::Pass(*left),
            Self::Chunked(decoder) => {
                NonZeroU64::new(decoder.unseen()).map_or(Flow::Inspect, Flow::Pass)
            }
            Self::UntilClose => Flow::PassToEnd,
        }
    }

    /// Whether the body has ended, now that `count` more bytes of it have passed.
    pub(in crate::session) fn passed(&mut self, count: NonZeroU64) -> bool {
        match self {
            Self::Length(left) => match NonZeroU64::new(left.get().saturating_sub(count.get())) {
                Some(rest) => *left = rest,
                None => return true,
            },
            Self::Chunked(decoder) => decoder.passed(count.get()),
            Self::UntilClose => {}
        }
        false
    }
}
