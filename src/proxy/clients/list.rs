//! Which rules a connection gets, and what its entry of `clients` counts.
//!
//! Everything per entry is made when a configuration comes into force; a connection holds the rules that
//! it got, one `Arc`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::client::Who;
use crate::client::{Choice, Counters, Fact, Identity, Match, Share, Skipped, choose};
use crate::config::{Rest, Settings};
use crate::metrics::Metrics;
use crate::plugins::Plugins;
use crate::policy::Policy;
use crate::policy::tainted::Viewer;
use crate::session::Rules;

/// The entries of one configuration, and the rules of all others.
#[derive(Debug)]
pub(in crate::proxy) struct ClientList {
    entries: Vec<Entry>,
    rest: Arc<Rules>,
    told: Told,
}

#[derive(Debug)]
struct Entry {
    name: Arc<String>,
    wanted: Match,
    rules: Arc<Rules>,
}

/// What is found of a client.
pub(in crate::proxy) enum Found<'l> {
    /// That depends on this.
    Ask(Fact),
    /// Its rules, and its entry's name if one fits.
    Rules(&'l Arc<Rules>, Option<&'l Arc<String>>),
}

impl ClientList {
    pub(in crate::proxy) fn of(
        settings: &Settings,
        plugins: &Plugins,
        counts: &Counts,
        metrics: &Metrics,
    ) -> Self {
        let is_refused = settings.clients.rest == Rest::Refused;
        let rest = rules(settings, plugins, (&settings.policy, None), None, is_refused);
        let mut counts = counts.begin();
        let entry = |client: &crate::config::ClientSettings| {
            let share = Share::new(client.limits, counts.of(&client.name));
            let whose = (&client.policy, Some(Arc::clone(&client.name)));
            Entry {
                name: Arc::clone(&client.name),
                wanted: client.wanted.clone(),
                rules: Arc::new(Rules {
                    place: metrics.place_of(&client.name),
                    ..rules(settings, plugins, whose, Some(share), false)
                }),
            }
        };
        let entries = settings.clients.list.iter().map(entry).collect();
        counts.keep_used();
        Self { entries, rest: Arc::new(rest), told: Told::default() }
    }

    /// Whether nothing has to be known of anybody.
    pub(in crate::proxy) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The rules of those that no entry fits.
    pub(in crate::proxy) fn rest(&self) -> &Arc<Rules> {
        &self.rest
    }

    /// Whether the log is to tell that it could not be learned whether an entry fits a client.
    pub(in crate::proxy) fn tells_of(&self, who: Who, skipped: Skipped<'_>, now: Instant) -> bool {
        self.told.is_due((who, skipped.entry, skipped.fact), now)
    }

    /// Looks for the rules of a client; `skipped` is told which entries by name may have fitted, if that
    /// could be known.
    pub(in crate::proxy) fn find<'a>(
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

/// Of whom the log has told lately that something could not be learned: a client may connect as often as it
/// likes, and the log is to be read by somebody.
#[derive(Debug, Default)]
struct Told(Mutex<HashMap<(Who, usize, Fact), Instant>>);

/// How long a client is not told of again, and the most that are remembered.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(10);
const TOLD_MAX: usize = 1024;

impl Told {
    fn is_due(&self, key: (Who, usize, Fact), now: Instant) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |then: &Instant| now.saturating_duration_since(*then) < TOLD_AGAIN_AFTER;
        if told.get(&key).is_some_and(is_recent) {
            return false;
        }
        if told.len() >= TOLD_MAX {
            told.retain(|_, then| is_recent(then));
        }
        if told.len() >= TOLD_MAX {
            told.clear();
        }
        told.insert(key, now);
        true
    }
}

fn rules(
    settings: &Settings,
    plugins: &Plugins,
    (policy, viewer): (&Arc<Policy>, Viewer),
    share: Option<Share>,
    refuses_all: bool,
) -> Rules {
    let limits = &settings.limits;
    Rules {
        policy: Arc::clone(policy),
        refuses_all,
        place: 0,
        viewer,
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
pub(in crate::proxy) struct Counts {
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
    pub(in crate::proxy) fn new(now: Instant) -> Self {
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

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]
    use super::*;

    #[test]
    fn a_client_is_told_of_now_and_then() {
        let (told, begin) = (Told::default(), Instant::now());
        let at = |user, entry, fact, seconds| {
            told.is_due((Who::User(user), entry, fact), begin + Duration::from_secs(seconds))
        };
        assert!(at(1, 0, Fact::User, 0) && !at(1, 0, Fact::User, 9));
        assert!(at(2, 0, Fact::User, 1) && at(1, 1, Fact::User, 1) && at(1, 0, Fact::Container, 1));
        assert!(at(1, 0, Fact::User, 10) && !at(1, 0, Fact::User, 11));
        for user in 0..3000 {
            at(user, 0, Fact::User, 12);
        }
        assert!(told.0.lock().is_ok_and(|told| told.len() <= TOLD_MAX));
    }
}
