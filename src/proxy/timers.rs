//! The nearest deadline of a loop's connections.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Deadlines by time. Each connection has at most one, and remembers it itself.
#[derive(Debug, Default)]
pub(super) struct Timers {
    armed: BTreeSet<(Instant, usize)>,
}

impl Timers {
    /// Moves a connection's deadline from `old` to `new`.
    pub(super) fn rearm(&mut self, key: usize, old: Option<Instant>, new: Option<Instant>) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.armed.remove(&(old, key));
        }
        if let Some(new) = new {
            self.armed.insert((new, key));
        }
    }

    /// How long until the nearest deadline; `None` if there is none.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        self.armed.first().map(|(deadline, _)| deadline.saturating_duration_since(now))
    }

    /// A connection whose deadline has passed, if any. It stays armed until it is moved.
    pub(super) fn expired(&mut self, now: Instant) -> Vec<usize> {
        self.armed
            .iter()
            .take_while(|(deadline, _)| *deadline <= now)
            .map(|(_, key)| *key)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]
    use super::*;

    #[test]
    fn the_nearest_deadline_counts_and_moves() {
        let now = Instant::now();
        let later = now + Duration::from_secs(5);
        let mut timers = Timers::default();
        assert_eq!(timers.wait(now), None);
        timers.rearm(1, None, Some(later));
        timers.rearm(2, None, Some(now));
        assert_eq!(timers.wait(now), Some(Duration::ZERO));
        assert_eq!(timers.expired(now), [2]);
        timers.rearm(2, Some(now), None);
        assert_eq!(timers.wait(now), Some(Duration::from_secs(5)));
        assert!(timers.expired(now).is_empty());
    }
}
