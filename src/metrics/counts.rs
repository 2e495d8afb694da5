//! All that is counted, in one place.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::requests::{Clients, RuleCounts};
use super::settings::InForce;
use super::{ClientCounts, Counter, LookUpCounts, LoopCounts, PluginCounts, Reload};

/// All that is counted.
#[derive(Debug)]
pub struct Metrics {
    pub(super) clients: Mutex<Clients>,
    pub(super) rules: RuleCounts,
    pub(super) plugins: Vec<Arc<PluginCounts>>,
    pub(super) loops: Box<[Arc<LoopCounts>]>,
    pub(super) look_ups: Arc<LookUpCounts>,
    in_force: Mutex<InForce>,
    pub(super) reloads: [Counter; 2],
}

impl Metrics {
    /// Nothing counted yet, by so many loops, and of these plugins.
    #[must_use]
    pub fn new(loops: usize, plugins: Vec<Arc<PluginCounts>>) -> Self {
        Self {
            loops: (0..loops)
                .map(|number| Arc::new(LoopCounts { number, ..LoopCounts::default() }))
                .collect(),
            clients: Mutex::new(Clients::new(loops)),
            rules: RuleCounts::default(),
            plugins,
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

    /// A configuration comes into force, whose entries of `clients` are not known yet, with these certificates: each a key, and until when it is valid, in
    /// seconds since 1970.
    pub fn come_into_force(&self, certificates: impl IntoIterator<Item = (&'static str, u64)>) {
        self.clients().begin();
        self.in_force().replace(certificates);
    }

    /// Where the requests of an entry of `clients` are counted that is in force now.
    pub fn place_of(&self, client: &Arc<String>) -> usize {
        self.clients().place_of(client)
    }

    /// What is counted of all entries, each at its place.
    pub fn client_counts(&self) -> Box<[Arc<ClientCounts>]> {
        self.clients().counts()
    }

    /// Counts a rule, as it was configured, that a refused request has broken.
    pub fn broken(&self, rule: String) {
        self.rules.broken(rule);
    }

    pub(super) fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn in_force(&self) -> MutexGuard<'_, InForce> {
        // Nobody panics between two changes that belong together.
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
