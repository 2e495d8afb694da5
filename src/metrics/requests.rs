//! What became of requests, and which rules they broke.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Counter;
use crate::admission::{Class, Fate, Tally};

/// Rules that are told apart. What is configured beyond is counted together: also where a sentence names several
/// rules at once, there is an end to it.
const RULES_MAX: usize = 512;

/// Where those rules are counted.
const OTHER_RULES: &str = "other";

/// What became of the requests of one entry of `clients`, each loop for itself.
#[derive(Debug)]
pub struct ClientCounts {
    loops: Box<[OfLoop]>,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct OfLoop([[Counter; Fate::ALL.len()]; Class::ALL.len()]);

impl ClientCounts {
    fn new(loops: usize) -> Self {
        Self { loops: (0..loops).map(|_| OfLoop::default()).collect() }
    }

    /// Counts what became of a request, on this loop.
    pub fn count(&self, number: usize, tally: Tally) {
        let of_loop = self.loops.get(number);
        let of_class = of_loop.and_then(|of_loop| of_loop.0.get(tally.class as usize));
        if let Some(counter) = of_class.and_then(|of_class| of_class.get(tally.fate as usize)) {
            counter.one();
        }
    }

    /// How many there were altogether.
    pub(super) fn get(&self, class: Class, fate: Fate) -> u64 {
        let of_loop = |of_loop: &OfLoop| {
            let counter = of_loop.0.get(class as usize).and_then(|fates| fates.get(fate as usize));
            counter.map_or(0, Counter::get)
        };
        self.loops.iter().map(of_loop).sum()
    }
}

/// The entries of `clients` that were ever in force, each at a place of its own; those that no entry fits stand at
/// the first.
#[derive(Debug)]
pub(super) struct Clients {
    loops: usize,
    all: Vec<Client>,
}

#[derive(Debug)]
struct Client {
    name: Arc<String>,
    counts: Arc<ClientCounts>,
    is_in_force: bool,
}

impl Clients {
    pub(super) fn new(loops: usize) -> Self {
        let mut clients = Self { loops, all: Vec::new() };
        clients.place_of(&Arc::default());
        clients
    }

    /// Other entries come into force, those of before are not told of any more.
    pub(super) fn begin(&mut self) {
        self.all.iter_mut().skip(1).for_each(|client| client.is_in_force = false);
    }

    /// Where an entry of this name is counted: a reload begins nothing anew.
    pub(super) fn place_of(&mut self, name: &Arc<String>) -> usize {
        match self.all.iter_mut().position(|client| client.name == *name) {
            Some(place) => {
                if let Some(client) = self.all.get_mut(place) {
                    client.is_in_force = true;
                }
                place
            }
            None => {
                let counts = Arc::new(ClientCounts::new(self.loops));
                self.all.push(Client { name: Arc::clone(name), counts, is_in_force: true });
                self.all.len() - 1
            }
        }
    }

    /// All of them, each at its place.
    pub(super) fn counts(&self) -> Box<[Arc<ClientCounts>]> {
        self.all.iter().map(|client| Arc::clone(&client.counts)).collect()
    }

    /// The entries that are in force.
    pub(super) fn in_force(&self) -> impl Iterator<Item = (&str, &ClientCounts)> {
        let in_force = self.all.iter().filter(|client| client.is_in_force);
        in_force.map(|client| (client.name.as_str(), &*client.counts))
    }
}

/// How often each rule was broken, as it was configured.
#[derive(Debug, Default)]
pub(super) struct RuleCounts(Mutex<BTreeMap<String, u64>>);

impl RuleCounts {
    /// Counts a rule that a refused request has broken.
    pub(super) fn broken(&self, rule: String) {
        let mut counts = self.lock();
        let is_known = counts.len() < RULES_MAX || counts.contains_key(&rule);
        let rule = if is_known { rule } else { OTHER_RULES.to_owned() };
        *counts.entry(rule).or_default() += 1;
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        // Nobody panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_their_counts_and_those_that_are_gone_are_not_told_of() {
        let name = |text: &str| Arc::new(text.to_owned());
        let mut clients = Clients::new(2);
        let (a, b) = (clients.place_of(&name("a")), clients.place_of(&name("b")));
        let tally = Tally { class: Class::Exec, fate: Fate::Forbidden };
        let counts = clients.counts();
        for number in [0, 1, 1] {
            counts.iter().enumerate().filter(|(place, _)| *place == a).for_each(|(_, counts)| {
                counts.count(number, tally);
            });
        }
        clients.begin();
        assert_eq!(clients.place_of(&name("a")), a);
        let told: Vec<_> = clients
            .in_force()
            .map(|(name, counts)| (name.to_owned(), counts.get(Class::Exec, Fate::Forbidden)))
            .collect();
        assert_eq!(told, [(String::new(), 0), ("a".to_owned(), 3)]);
        assert_eq!(clients.place_of(&name("c")), b + 1);
    }

    #[test]
    fn there_is_an_end_to_rules() {
        let counts = RuleCounts::default();
        for number in 0..3 * RULES_MAX {
            counts.broken(number.to_string());
        }
        counts.broken("0".to_owned());
        let counts = counts.lock();
        assert_eq!(counts.len(), RULES_MAX + 1);
        assert_eq!(counts.get("0"), Some(&2));
        assert_eq!(counts.get(OTHER_RULES), Some(&(2 * RULES_MAX as u64)));
    }
}
