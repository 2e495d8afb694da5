//! What plugins answered, and how long it took them.

use std::sync::Arc;
use std::time::Duration;

use super::{Counter, Histogram};

/// What is counted of one plugin: calls of its library, not answers that were kept.
#[derive(Debug)]
pub struct PluginCounts {
    /// As it is configured.
    pub name: Arc<str>,
    pub(super) calls: Histogram,
    pub(super) verdicts: [Counter; VERDICTS.len()],
}

/// What it may say.
pub(super) const VERDICTS: [&str; 3] = ["allow", "deny", "error"];

impl PluginCounts {
    /// Of a plugin that was not called yet.
    #[must_use]
    pub fn of(name: &Arc<str>) -> Self {
        let (calls, verdicts) = Default::default();
        Self { name: Arc::clone(name), calls, verdicts }
    }

    /// It was called: what it said in a word (an error if that is none of the three), and how long it took.
    pub fn called(&self, verdict: &str, took: Duration) {
        self.calls.observe(took);
        let place = VERDICTS.iter().position(|known| *known == verdict);
        if let Some(counter) = self.verdicts.get(place.unwrap_or(VERDICTS.len() - 1)) {
            counter.one();
        }
    }
}
