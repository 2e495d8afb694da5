//! Which rules a connection gets, and what its entry of `clients` counts.
//!
//! Everything per entry is made when a configuration comes into force; a connection holds the rules that
//! it got, one `Arc`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::client::{Choice, Counters, Fact, Identity, Match, Share, Skipped, choose};
use crate::config::{Rest, Settings};
use crate::plugins::Plugins;
use crate::policy::Policy;
use crate::session::Rules;

/// The entries of one configuration, and the rules of all others.
#[derive(Debug)]
pub(super) struct ClientList {
    entries: Vec<Entry>,
    rest: Arc<Rules>,
}

#[derive(Debug)]
struct Entry {
    name: Arc<String>,
    wanted: Match,
    rules: Arc<Rules>,
}

/// What is found of a client.
pub(super) enum Found<'l> {
    /// That depends on this.
    Ask(Fact),
    /// Its rules, and its entry's name if one fits.
    Rules(&'l Arc<Rules>, Option<&'l Arc<String>>),
}

impl ClientList {
    pub(super) fn of(settings: &Settings, plugins: &Plugins, counts: &Counts) -> Self {
        let is_refused = settings.clients.rest == Rest::Refused;
        let rest = rules(settings, plugins, &settings.policy, None, is_refused);
        let mut counts = counts.begin();
        let entry = |client: &crate::config::ClientSettings| {
            let share = Share::new(client.limits, counts.of(&client.name));
            Entry {
                name: Arc::clone(&client.name),
                wanted: client.wanted.clone(),
                rules: Arc::new(rules(settings, plugins, &client.policy, Some(share), false)),
            }
        };
        let entries = settings.clients.list.iter().map(entry).collect();
        counts.keep_used();
        Self { entries, rest: Arc::new(rest) }
    }

    /// Whether nothing has to be known of anybody.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The rules of those that no entry fits.
    pub(super) fn rest(&self) -> &Arc<Rules> {
        &self.rest
    }

    /// Looks for the rules of a client; `skipped` is told which entries by name may have fitted, if that
    /// could be known.
    pub(super) fn find<'a>(
        &self,
        identity: &'a Identity,
        mut skipped: impl FnMut(&str, Skipped<'a>),
    ) -> Found<'_> {
        let wanted = self.entries.iter().map(|entry| &entry.wanted);
        let choice = choose(wanted, identity, |one| {
            if let Some(entry) = self.entries.get(one.entry) {
                skipped(&entry.name, one);
            }
        });
        match choice {
            Choice::Ask(fact) => Found::Ask(fact),
            Choice::Entry(number) => match self.entries.get(number) {
                Some(entry) => Found::Rules(&entry.rules, Some(&entry.name)),
                None => Found::Rules(&self.rest, None),
            },
            Choice::Rest => Found::Rules(&self.rest, None),
        }
    }
}

fn rules(
    settings: &Settings,
    plugins: &Plugins,
    policy: &Arc<Policy>,
    share: Option<Share>,
    refuses_all: bool,
) -> Rules {
    let limits = &settings.limits;
    Rules {
        policy: Arc::clone(policy),
        refuses_all,
        share,
        head_bytes_max: limits.head_bytes,
        body_bytes_max: limits.body_bytes,
        head_time_max: limits.head_time,
        body_time_max: limits.body_time,
        body_idle_max: limits.body_idle_time,
        body_rate_min: limits.body_rate,
        // Plugins are those of the start, whatever a reload says.
        reviewed: plugins.asked(),
        review_time_max: plugins.time_max(),
    }
}

/// What is counted of each entry, by its name: a reload begins nothing anew.
#[derive(Debug)]
pub(super) struct Counts {
    by_name: Mutex<HashMap<Arc<String>, Arc<Counters>>>,
    epoch: Instant,
}

/// The counts while a configuration comes into force.
struct Beginning<'c> {
    counts: MutexGuard<'c, HashMap<Arc<String>, Arc<Counters>>>,
    epoch: Instant,
    used: HashMap<Arc<String>, Arc<Counters>>,
}

impl Counts {
    pub(super) fn new(now: Instant) -> Self {
        Self { by_name: Mutex::default(), epoch: now }
    }

    fn begin(&self) -> Beginning<'_> {
        let counts = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        Beginning { counts, epoch: self.epoch, used: HashMap::new() }
    }
}

impl Beginning<'_> {
    fn of(&mut self, name: &Arc<String>) -> Arc<Counters> {
        let known = self.counts.get(name).cloned();
        let counters = known.unwrap_or_else(|| Arc::new(Counters::new(self.epoch)));
        self.used.insert(Arc::clone(name), Arc::clone(&counters));
        counters
    }

    /// Forgets entries that are gone.
    fn keep_used(mut self) {
        *self.counts = self.used;
    }
}
