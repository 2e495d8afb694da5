//! Deadlines and waits, by a clock that tests can replace.

use std::time::{Duration, Instant};

/// Tells the time and waits.
pub trait Clock: Send + Sync {
    /// The time since some moment in the past.
    fn now(&self) -> Duration;
    /// Returns after that long.
    fn wait(&self, time: Duration);
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a plugin's thread has no loop that gives it the time"
    )]
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a plugin's thread may block; polling needs a pause"
    )]
    fn wait(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// The moment by which a verdict is due.
#[derive(Clone, Copy)]
pub struct Deadline<'a> {
    clock: &'a dyn Clock,
    at: Duration,
}

impl<'a> Deadline<'a> {
    /// After that long.
    pub fn after(clock: &'a dyn Clock, time: Duration) -> Self {
        Self { clock, at: clock.now().saturating_add(time) }
    }

    /// What is left; `None` if nothing is.
    pub fn left(&self) -> Option<Duration> {
        self.at.checked_sub(self.clock.now()).filter(|left| !left.is_zero())
    }

    /// This one, or `time` from now if that is earlier.
    pub fn but_at_most(&self, time: Duration) -> Self {
        Self { clock: self.clock, at: self.at.min(self.clock.now().saturating_add(time)) }
    }

    /// Waits for `time` if that leaves something; otherwise says at once that it doesn't.
    #[must_use]
    pub fn pause(&self, time: Duration) -> bool {
        let enough = self.left().is_some_and(|left| left > time);
        if enough {
            self.clock.wait(time);
        }
        enough
    }
}

/// Pauses between questions: each twice as long as the one before, up to a bound.
#[derive(Debug, Clone)]
pub struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// Begins with `first`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first.min(longest), longest }
    }

    /// One second, growing to five.
    pub fn for_analyses() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(5))
    }

    /// The next pause.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.longest);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Still(Mutex<Duration>);

    impl Clock for Still {
        fn now(&self) -> Duration {
            self.0.lock().map_or(Duration::MAX, |now| *now)
        }

        fn wait(&self, time: Duration) {
            if let Ok(mut now) = self.0.lock() {
                *now += time;
            }
        }
    }

    #[test]
    fn pauses_grow_to_their_bound() {
        let mut backoff = Backoff::for_analyses();
        let pauses: Vec<u64> = (0..5).map(|_| backoff.next_pause().as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 5, 5]);
    }

    #[test]
    fn a_deadline_leaves_no_pause_that_would_pass_it() {
        let clock = Still::default();
        let deadline = Deadline::after(&clock, Duration::from_secs(3));
        assert!(deadline.pause(Duration::from_secs(2)));
        assert_eq!(deadline.left(), Some(Duration::from_secs(1)));
        assert!(!deadline.pause(Duration::from_secs(1)));
        assert_eq!(deadline.left(), Some(Duration::from_secs(1)));
        let sooner = deadline.but_at_most(Duration::from_millis(1));
        assert_eq!(sooner.left(), Some(Duration::from_millis(1)));
        clock.wait(Duration::from_secs(1));
        assert_eq!(deadline.left(), None);
    }
}
