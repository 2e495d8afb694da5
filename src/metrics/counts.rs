//! All that is counted, in one place.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::settings::InForce;
use super::{Counter, LookUpCounts, LoopCounts, Reload};

/// All that is counted.
#[derive(Debug)]
pub struct Metrics {
    pub(super) loops: Box<[Arc<LoopCounts>]>,
    pub(super) look_ups: Arc<LookUpCounts>,
    in_force: Mutex<InForce>,
    pub(super) reloads: [Counter; 2],
}

impl Metrics {
    /// Nothing counted yet, by so many loops.
    #[must_use]
    pub fn new(loops: usize) -> Self {
        Self {
            loops: (0..loops).map(|_| Arc::default()).collect(),
            look_ups: Arc::default(),
            in_force: Mutex::default(),
            reloads: Default::default(),
        }
    }

    /// Where a loop counts: one behind the last counts where nobody reads.
    #[must_use]
    pub fn of_loop(&self, number: usize) -> Arc<LoopCounts> {
        self.loops.get(number).map(Arc::clone).unwrap_or_default()
    }

    /// Where look-ups are counted.
    #[must_use]
    pub fn look_ups(&self) -> Arc<LookUpCounts> {
        Arc::clone(&self.look_ups)
    }

    /// The configuration was read again.
    pub fn reloaded(&self, outcome: Reload) {
        if let Some(counter) = self.reloads.get(outcome as usize) {
            counter.one();
        }
    }

    /// A configuration comes into force, with these certificates: each a key, and until when it is valid, in
    /// seconds since 1970.
    pub fn come_into_force(&self, certificates: impl IntoIterator<Item = (&'static str, u64)>) {
        self.in_force().replace(certificates);
    }

    pub(super) fn in_force(&self) -> MutexGuard<'_, InForce> {
        // Nobody panics between two changes that belong together.
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
