//! Answers that are believed while their epoch lasts, as many as have room.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Instant;

use super::epoch::{Epoch, LIFE};

/// Answers by what was asked, at most as many as said.
pub(super) struct Entries<K, V, const MOST: usize> {
    entries: HashMap<K, Entry<V>>,
}

struct Entry<V> {
    answer: V,
    epoch: Epoch,
    learned: Instant,
}

impl<K, V, const MOST: usize> Default for Entries<K, V, MOST> {
    fn default() -> Self {
        Self { entries: HashMap::new() }
    }
}

impl<K: Eq + Hash, V, const MOST: usize> Entries<K, V, MOST> {
    /// The answer, if it may still be believed.
    pub(super) fn get(&self, key: &K, epoch: Epoch, now: Instant) -> Option<&V> {
        let entry = self.entries.get(key).filter(|entry| entry.is_believed(epoch, now))?;
        Some(&entry.answer)
    }

    /// Keeps an answer that was learned in this epoch and now.
    pub(super) fn put(&mut self, key: K, answer: V, (epoch, now): (Epoch, Instant)) {
        if self.entries.len() >= MOST {
            self.entries.retain(|_, kept| kept.is_believed(epoch, now));
        }
        if self.entries.len() >= MOST {
            self.entries.clear();
        }
        self.entries.insert(key, Entry { answer, epoch, learned: now });
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.entries.remove(key);
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl<V> Entry<V> {
    fn is_believed(&self, epoch: Epoch, now: Instant) -> bool {
        self.epoch == epoch && now.saturating_duration_since(self.learned) < LIFE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::deadline::now;

    #[test]
    fn an_answer_is_believed_in_its_epoch_for_its_life_only() {
        let (at, learned) = (|number| Epoch { number, abandoned: 0 }, now());
        let mut entries: Entries<_, _, 2> = Entries::default();
        entries.put("a", 1, (at(1), learned));
        assert_eq!(entries.get(&"a", at(1), learned), Some(&1));
        assert_eq!(entries.get(&"a", at(2), learned), None);
        assert_eq!(entries.get(&"a", at(1), learned + LIFE), None);
        assert_eq!(entries.get(&"a", Epoch { abandoned: 1, ..at(1) }, learned), None);
    }

    #[test]
    fn no_more_is_kept_than_has_room() {
        let (epoch, learned) = (Epoch::default(), now());
        let mut entries: Entries<_, _, 2> = Entries::default();
        for (key, at) in [(1, learned), (2, learned + LIFE)] {
            entries.put(key, (), (epoch, at));
        }
        // What is not believed any more makes room first.
        entries.put(3, (), (epoch, learned + LIFE));
        assert!(entries.len() == 2 && entries.get(&2, epoch, learned + LIFE).is_some());
        entries.put(4, (), (epoch, learned + LIFE));
        assert_eq!(entries.len(), 1);
    }
}
