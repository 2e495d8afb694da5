//! A connection on which calls are decided.

use std::collections::VecDeque;
use std::time::Instant;

use super::super::budget::Share;
use super::machine::Machine;
use super::waiting::Waiting;
use crate::admission::{BuilderCalls, ImageChange, PendingCall};

/// A connection on which BuildKit is spoken, and what is held of it.
#[derive(Debug)]
pub(in crate::session) struct Mediation {
    pub(in crate::session) machine: Machine,
    pub(in crate::session) calls: BuilderCalls,
    /// Calls that wait for their turn to be decided.
    pub(in crate::session) whole: VecDeque<WholeCall>,
    /// The one whose decision needs an answer, of this stream.
    pub(in crate::session) deciding: Option<Box<Waiting<PendingCall, u32>>>,
    /// Builds that are under way, by their streams: they may change what images are called.
    pub(in crate::session) building: Vec<(u32, ImageChange)>,
    pub(in crate::session) share: Share,
}

#[derive(Debug)]
pub(in crate::session) struct WholeCall {
    pub(in crate::session) stream: u32,
    pub(in crate::session) path: String,
    pub(in crate::session) message: Vec<u8>,
}

impl Mediation {
    /// Whether more may be taken from the client.
    pub(in crate::session) fn takes_from_client(&self) -> bool {
        self.machine.takes_from_client()
    }

    /// Until when the outside may take to answer.
    pub(in crate::session) fn deadline(&self) -> Option<Instant> {
        self.deciding.as_ref().and_then(|waiting| waiting.deadline)
    }

    /// What messages take that are held, judged or on their way, in bytes.
    pub(in crate::session) fn bytes(&self) -> usize {
        let whole = self.whole.iter().map(|call| call.message.capacity()).sum::<usize>();
        let deciding = self.deciding.as_ref().map_or(0, |waiting| waiting.pending.bytes());
        self.machine.held_bytes() + whole + deciding
    }
}
