//! Where the client is in its request.

use std::time::Instant;

use super::super::budget::Share;
use super::body::BodyState;
use super::collecting::Collecting;
use super::dropping::Dropping;
use super::mediation::Mediation;
use super::refusing::RefusingCalls;
use super::waiting::Waiting;

/// Where the client is in its request. A variant holds what that state needs and no more.
#[derive(Debug)]
pub(in crate::session) enum Request {
    /// Between messages, or in a head whose first `searched` bytes hold no end.
    Head {
        searched: usize,
        deadline: Option<Instant>,
        /// What a long one holds of the budget.
        share: Option<Box<Share>>,
    },
    /// A body that is passed on without being understood.
    Body(BodyState),
    /// A body that will be inspected once it is whole.
    Collecting(Box<Collecting>),
    /// Something is being found out on the way to a decision.
    Waiting(Box<Waiting>),
    /// A body that nobody will see: its request may not be made.
    Dropping(Box<Dropping>),
    /// Calls of gRPC, each of which is refused here: the daemon never hears of them.
    RefusingCalls(Box<RefusingCalls>),
    /// All of it is on its way to the daemon.
    Sent,
    /// The same, and it asked to leave HTTP: what follows is held until the daemon has answered.
    MaySwitch,
    /// No longer HTTP.
    Raw,
    /// Calls of gRPC, each of which is looked at.
    Mediated(Box<Mediation>),
    /// No further request will be read.
    Over,
}

impl Request {
    pub(in crate::session) fn next() -> Self {
        Self::Head { searched: 0, deadline: None, share: None }
    }

    /// Whether nothing of the next request has arrived.
    pub(in crate::session) fn is_fresh(&self) -> bool {
        matches!(self, Self::Head { deadline: None, .. } | Self::Over)
    }

    pub(in crate::session) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Head { deadline, .. } => *deadline,
            Self::Collecting(collecting) => Some(collecting.deadline()),
            Self::Waiting(waiting) => waiting.deadline,
            Self::Dropping(dropping) => Some(dropping.deadline()),
            Self::RefusingCalls(refusing) => refusing.deadline(),
            Self::Mediated(mediation) => mediation.deadline(),
            _ => None,
        }
    }
}
