//! How long questions may take.

use std::io;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long all questions of one round may take together.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// When to give up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Instant);

impl Deadline {
    pub(super) fn of_one_round() -> Self {
        Self::after(PATIENCE)
    }

    pub(super) fn after(patience: Duration) -> Self {
        Self(now() + patience)
    }

    /// The time that is left, for the next call that may wait.
    pub(super) fn left(self) -> io::Result<Duration> {
        match self.0.saturating_duration_since(now()) {
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(left),
        }
    }
}

/// Whether somebody waits for the answer.
pub(super) type IsWaited<'a> = &'a dyn Fn() -> bool;

/// How long an answer is waited for.
#[derive(Clone, Copy)]
pub(super) enum Wait<'a> {
    /// Until then, however it drips.
    Until(Deadline),
    /// For as long as somebody waits and the daemon lives.
    While(IsWaited<'a>),
}

impl Wait<'_> {
    /// By when there must be a connection.
    pub(super) fn to_connect(self) -> Deadline {
        match self {
            Self::Until(until) => until,
            Self::While(_) => Deadline::of_one_round(),
        }
    }
}

/// Reads the clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the pool has no turns, so it reads the clock itself"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Waits.
pub(super) fn pause(time: Duration) {
    let never = Mutex::new(());
    let locked = never.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = Condvar::new().wait_timeout(locked, time);
}
