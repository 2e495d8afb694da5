//! Verdicts that were reached before: bounded in number and in life.
//!
//! Knows no clock: the time is given to it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::judge::Key;
use crate::config::plugins::CacheSettings;
use crate::policy::review::PluginVerdict;

/// A verdict to be used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) verdict: PluginVerdict,
    pub(super) reason: Arc<str>,
}

/// The verdicts of one plugin. When it is full, the one that was entered first goes.
#[derive(Debug)]
pub(super) struct Cache {
    settings: CacheSettings,
    entries: HashMap<Key, (Kept, Instant)>,
    /// The keys of `entries`, each once, in the order in which they came.
    order: VecDeque<Key>,
}

impl Cache {
    pub(super) fn new(settings: CacheSettings) -> Self {
        Self { settings, entries: HashMap::new(), order: VecDeque::new() }
    }

    /// What is known, unless its time is over.
    pub(super) fn get(&self, key: &Key, now: Instant) -> Option<&Kept> {
        let (kept, until) = self.entries.get(key)?;
        (now < *until).then_some(kept)
    }

    /// Keeps a verdict for `ttl`, or for the longest time that the configuration allows.
    pub(super) fn insert(&mut self, key: Key, kept: Kept, ttl: std::time::Duration, now: Instant) {
        let Some(until) = now.checked_add(ttl.min(self.settings.life)) else { return };
        if self.entries.insert(key.clone(), (kept, until)).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > self.settings.entries
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
        debug_assert_eq!(self.order.len(), self.entries.len());
    }
}
