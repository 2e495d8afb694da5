//! What is spoken on a stream.

use std::sync::Arc;

use crate::proxy::threads::handshakes::{Step, Taken};
use crate::tls::{Server, Session};

#[derive(Debug)]
pub(super) enum Spoken {
    Undecided(Arc<Server>),
    Plain,
    Tls(Session),
    Elsewhere(Elsewhere),
    /// What still comes is dropped.
    Failed,
}

/// Where the session is.
#[derive(Debug)]
pub(super) enum Elsewhere {
    /// Still here, on its way.
    Leaves(Box<Step>),
    Gone {
        ticket: u64,
    },
    /// Here again, and not looked at yet.
    Back(Box<Taken>),
}
