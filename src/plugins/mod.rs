//! Plugins: shared libraries that say whether an image may be used.
//!
//! ```text
//! session ─ review ─► proxy ─► facts::identify (pool of look-ups) ─► Plugins::consult
//!    ▲                                                                         │ scheduler: kept? under way? queue
//!    └── advice ◄─ opinions ◄── round: all agree, or one refuses ◄── pool's threads ► Judge ─► library ─► the plugin
//! ```
//!
//! Libraries are loaded when SecDocker starts and never unloaded: a thread of theirs may still run.
//! Knows nothing of sessions and sockets. `library`, `host` and `ending` are the boundary to foreign code,
//! and the only modules with `unsafe`.

mod cache;
#[cfg(feature = "plugins")]
mod document;
#[cfg(feature = "plugins")]
mod ending;
mod fan_out;
#[cfg(feature = "plugins")]
mod host;
mod judge;
#[cfg(feature = "plugins")]
mod library;
#[cfg(feature = "plugins")]
mod place;
mod pool;
mod scheduler;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

pub use judge::{Judge, Judgement, Question, Scope};

use crate::config::plugins::{PluginSettings, Plugins as Configured};
use crate::lookup::Daemon;
use crate::metrics::PluginCounts;
use crate::policy::review::{Opinions, Purpose, Purposes};
use pool::Pool;
use scheduler::Scheduler;

/// How long a round takes at most beside the plugins' own time: the daemon is asked before.
const BESIDE: Duration = Duration::from_secs(30);

/// Why a plugin can't be used. One line, which names it.
#[derive(Debug)]
pub struct LoadError {
    plugin: Arc<str>,
    reason: String,
}

impl LoadError {
    fn new(plugin: &Arc<str>, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        if reason.contains(char::is_control) {
            reason = reason.escape_debug().to_string();
        }
        Self { plugin: Arc::clone(plugin), reason }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugin {}: {}", self.plugin, self.reason)
    }
}

impl std::error::Error for LoadError {}

/// All plugins, ready to be asked. Clones share them.
#[derive(Clone, Default)]
pub struct Plugins {
    list: Arc<Vec<PluginSettings>>,
    /// None if there are no plugins.
    pool: Option<Arc<Shared>>,
}

/// Ends the pool's idle threads with the last who could ask.
struct Shared(Arc<Pool>);

impl Drop for Shared {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl fmt::Debug for Plugins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list.iter().map(|plugin| &plugin.name)).finish()
    }
}

impl Plugins {
    /// Loads and opens all that are configured. `daemon` is who plugins ask when no request is under
    /// way.
    ///
    /// # Errors
    /// [`LoadError`] of the first that can't be used.
    pub fn load(configured: &Configured, daemon: &Daemon) -> Result<Self, LoadError> {
        let load = |settings: &PluginSettings| Ok((settings.clone(), load_one(settings, daemon)?));
        let judges = configured.list.iter().map(load).collect::<Result<_, LoadError>>()?;
        Self::of(judges, configured.threads)
    }

    /// These plugins, whatever they are, on so many threads.
    ///
    /// # Errors
    /// [`LoadError`] if the pool's first thread can't be had.
    pub fn of(
        plugins: Vec<(PluginSettings, Arc<dyn Judge>)>,
        threads: NonZeroUsize,
    ) -> Result<Self, LoadError> {
        let Some((first, _)) = plugins.first() else { return Ok(Self::default()) };
        let first = Arc::clone(&first.name);
        let scheduler =
            Scheduler::new(plugins.iter().map(|(settings, judge)| (settings, &**judge)), threads);
        let (list, judges): (Vec<PluginSettings>, Vec<_>) = plugins.into_iter().unzip();
        let counts = list.iter().map(|plugin| Arc::new(PluginCounts::of(&plugin.name))).collect();
        let pool = Pool::new(judges, counts, scheduler).map_err(|error| {
            LoadError::new(&first, format!("cannot start a thread for plugins: {error}"))
        })?;
        Ok(Self { list: Arc::new(list), pool: Some(Arc::new(Shared(pool))) })
    }

    /// What is counted of each of them.
    #[must_use]
    pub fn counts(&self) -> Vec<Arc<PluginCounts>> {
        self.pool.as_ref().map(|pool| pool.0.counts().to_vec()).unwrap_or_default()
    }

    /// What they are asked about, all of them together.
    pub fn asked(&self) -> Purposes {
        self.list.iter().fold(Purposes::default(), |all, plugin| all.and(plugin.asked))
    }

    /// How long a round may take at most.
    pub fn time_max(&self) -> Duration {
        let longest = self.list.iter().map(|plugin| plugin.timeout).max();
        longest.unwrap_or_default() + BESIDE
    }

    /// What all of them have said before, if they have: known without asking anybody.
    pub fn cached(&self, question: &Question) -> Option<Opinions> {
        let pool = &self.pool.as_ref()?.0;
        let plugins = self.concerned(question.review.asked.purpose);
        Some(Opinions { results: pool.cached(plugins, question)? })
    }

    /// Asks all that this is a question for; `answer` is called once, on any thread, unless a plugin
    /// outlives the process.
    pub fn consult(&self, question: Question, answer: impl FnOnce(Opinions) + Send + 'static) {
        let plugins: Vec<_> = self.concerned(question.review.asked.purpose).collect();
        match &self.pool {
            Some(pool) if !plugins.is_empty() => {
                pool.0.consult(&plugins, question, Box::new(answer));
            }
            _ => answer(Opinions::default()),
        }
    }

    fn concerned(&self, purpose: Purpose) -> impl Iterator<Item = usize> {
        let concerned = move |plugin: &PluginSettings| plugin.asked.contain(purpose);
        let list = self.list.iter().enumerate();
        list.filter(move |(_, plugin)| concerned(plugin)).map(|(index, _)| index)
    }
}

/// Does the whole work of the process. Should a plugin end that by `exit`, standard error and the log say
/// so, and the status is this one.
#[cfg(feature = "plugins")]
pub fn watched<T>(status: u8, work: impl FnOnce() -> T) -> T {
    ending::watched(status, work)
}

/// Does the whole work of the process, which no plugin can end.
#[cfg(not(feature = "plugins"))]
pub fn watched<T>(_status: u8, work: impl FnOnce() -> T) -> T {
    work()
}

#[cfg(feature = "plugins")]
fn load_one(settings: &PluginSettings, daemon: &Daemon) -> Result<Arc<dyn Judge>, LoadError> {
    library::load(settings, daemon).map_err(|reason| LoadError::new(&settings.name, reason))
}

#[cfg(not(feature = "plugins"))]
fn load_one(settings: &PluginSettings, _daemon: &Daemon) -> Result<Arc<dyn Judge>, LoadError> {
    Err(LoadError::new(&settings.name, "this SecDocker was built without plugins"))
}

#[cfg(test)]
mod tests;
