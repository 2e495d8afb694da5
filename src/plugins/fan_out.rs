//! One request's round of questions: it is over when all have agreed, or one has refused.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::policy::review::{CancelToken, Opinions, PluginResult};

/// Where a round's outcome goes.
pub(super) type Answer = Box<dyn FnOnce(Opinions) + Send>;

/// A round that is under way, or over.
pub(super) struct FanOut {
    waited: CancelToken,
    open: Mutex<Option<Open>>,
}

struct Open {
    /// Plugins that have not answered yet.
    left: usize,
    results: Vec<PluginResult>,
    answer: Answer,
}

impl fmt::Debug for FanOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOut").field("waited", &self.waited).finish_non_exhaustive()
    }
}

impl FanOut {
    /// A round of `plugins` questions, at least one.
    pub(super) fn new(plugins: usize, waited: CancelToken, answer: Answer) -> Self {
        debug_assert!(plugins > 0, "a round of nobody is over before it begins");
        let open = Open { left: plugins, results: Vec::with_capacity(plugins), answer };
        Self { waited, open: Mutex::new(Some(open)) }
    }

    /// Whether its outcome still matters to anybody.
    pub(super) fn is_wanted(&self) -> bool {
        !self.waited.is_cancelled()
    }

    /// Takes one plugin's result; those that come when the round is over change nothing.
    pub(super) fn add(&self, result: PluginResult) {
        let mut place = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = place.as_mut() else { return };
        open.left = open.left.saturating_sub(1);
        let is_over = result.refuses || open.left == 0;
        open.results.push(result);
        if is_over && let Some(Open { results, answer, .. }) = place.take() {
            drop(place);
            answer(Opinions { results });
        }
    }
}
