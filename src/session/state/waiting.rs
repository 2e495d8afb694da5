//! A decision that needs an answer.

use std::time::Instant;

use super::super::budget::Share;
use super::super::flow::Ticket;
use super::super::outbox::{self, Worked};
use crate::admission::{Answer, Pending};
use crate::http::framing::Framing;
use crate::policy::review::CancelGuard;

/// What is held for a request while it is decided.
#[derive(Debug)]
pub(in crate::session) struct Held {
    /// The body that passes once the head is allowed; none where the body itself is inspected.
    pub(in crate::session) passes: Framing,
    /// Its share of the budget; none while it is with a body that is judged elsewhere.
    pub(in crate::session) share: Option<Share>,
}

/// A decision that needs an answer, and what is held until it is there.
#[derive(Debug)]
pub(in crate::session) struct Waiting<P = Pending, H = Held> {
    pub(in crate::session) pending: P,
    pub(in crate::session) held: H,
    pub(in crate::session) ticket: Ticket,
    /// Until when the answer may take; none while the daemon is asked for what the client waits for as long as
    /// it likes.
    pub(in crate::session) deadline: Option<Instant>,
    /// What the client is told once that has passed.
    pub(in crate::session) late: &'static str,
    pub(in crate::session) _guard: CancelGuard,
}

impl Waiting {
    /// Whether plugins are asked.
    pub(in crate::session) fn is_review(&self) -> bool {
        self.pending.is_review()
    }
}

/// An answer as it is brought to a decision, and the share that comes back with it.
pub(in crate::session) fn taken(answer: outbox::Answer) -> (Answer, Option<Share>) {
    match answer {
        outbox::Answer::Facts(facts) => (Answer::Facts(facts), None),
        outbox::Answer::Review(review) => (Answer::Review(review), None),
        outbox::Answer::Worked(Worked { judged, share }) => (Answer::Judged(judged), share),
    }
}
