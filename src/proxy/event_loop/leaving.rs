//! On what terms a loop comes to its end.

use std::time::{Duration, Instant};

use super::super::heir::Heir;

/// A loop on its way to the end.
#[derive(Debug)]
pub(super) struct Leaving {
    /// When it ends whatever is open.
    until: Option<Instant>,
    /// Who takes its place.
    pub(super) heir: Option<Heir>,
    pub(super) looks_at: Option<Instant>,
}

impl Leaving {
    /// Nobody takes its place.
    pub(super) fn stopping(now: Instant, grace: Duration) -> Self {
        Self { until: Some(now + grace), heir: None, looks_at: None }
    }

    /// Another SecDocker takes its place.
    pub(super) fn to(heir: Heir, now: Instant, at_most: Option<Duration>) -> Self {
        Self { until: at_most.map(|time| now + time), heir: Some(heir), looks_at: Some(now) }
    }

    /// How long the loop may sleep because of it.
    pub(super) fn next_look(&self, now: Instant) -> Option<Duration> {
        let until = |at: Instant| at.saturating_duration_since(now);
        [self.until.map(until), self.looks_at.map(until)].into_iter().flatten().min()
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}
