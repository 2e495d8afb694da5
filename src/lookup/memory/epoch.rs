//! How long what was learned may be believed, as far as requests that pass through SecDocker say.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::deadline::now;

/// How long an answer is believed, whatever proves that it is still true.
pub(super) const LIFE: Duration = Duration::from_secs(30);

/// A time in which no change was under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Epoch {
    /// Another one for each epoch.
    pub number: u64,
    /// How many changes before it were lost sight of: the daemon may still carry them out.
    pub abandoned: u64,
}

/// Says in which epoch it is, and none while a change is under way.
pub(super) type ReadEpoch = Box<dyn Fn() -> Option<Epoch> + Send + Sync>;

/// In which epoch it is, and whether a change that was lost sight of may still be carried out.
pub(super) struct Epochs {
    read: ReadEpoch,
    lost_sight: Mutex<LostSight>,
}

impl Epochs {
    pub(super) fn new(read: ReadEpoch) -> Self {
        Self { read, lost_sight: Mutex::default() }
    }

    /// The epoch as it is, sure or not.
    pub(super) fn current(&self) -> Option<Epoch> {
        (self.read)()
    }

    /// The epoch, if what is learned in it can be believed for the rest of it.
    pub(super) fn sure(&self) -> Option<Epoch> {
        self.current().filter(|epoch| lock(&self.lost_sight).is_sure(*epoch, now()))
    }
}

/// Whether a change that was lost sight of may still be carried out.
#[derive(Debug, Default)]
struct LostSight {
    abandoned: u64,
    /// When the last one came to be known.
    since: Option<Instant>,
}

impl LostSight {
    /// Whether what is learned in this epoch can be believed for the rest of it.
    fn is_sure(&mut self, epoch: Epoch, now: Instant) -> bool {
        if self.abandoned != epoch.abandoned {
            self.abandoned = epoch.abandoned;
            self.since = Some(now);
        }
        self.since.is_none_or(|since| now.saturating_duration_since(since) >= LIFE)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that could panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_believed_while_a_lost_change_may_still_come() {
        let mut kept = LostSight::default();
        let at = |abandoned| Epoch { number: 1, abandoned };
        let start = now();
        assert!(kept.is_sure(at(0), start) && !kept.is_sure(at(1), start));
        assert!(!kept.is_sure(at(1), start + LIFE / 2) && kept.is_sure(at(1), start + LIFE));
    }
}
