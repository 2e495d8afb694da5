//! Look-ups: how long they took, and those that could not be made.

use super::{Counter, Histogram};

/// What is counted of look-ups.
#[derive(Debug, Default)]
pub struct LookUpCounts {
    /// Of the host's files.
    pub host: Histogram,
    /// Of the daemon.
    pub daemon: Histogram,
    /// Of who a client is.
    pub client: Histogram,
    /// Those for which there was no room.
    pub refused: Counter,
}
