//! Reading values: each becomes one, or a mistake with its line and key.

use std::fmt;

use super::error::{At, Mistake};
use super::locate;
use super::schema::{List, Text};

/// Reads values and remembers what is wrong with them.
pub(super) struct Checker<'t> {
    text: &'t str,
    mistakes: Vec<Mistake>,
    /// The entry of `clients` that is being read.
    client: Option<usize>,
}

impl<'t> Checker<'t> {
    /// Nothing is wrong yet with what is read of this text.
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, mistakes: Vec::new(), client: None }
    }

    /// From now on places are in this entry of `clients`.
    pub(super) fn begin_client(&mut self, index: usize) {
        self.client = Some(index);
    }

    /// Places are in the whole file again.
    pub(super) fn end_client(&mut self) {
        self.client = None;
    }

    /// How many were found so far.
    pub(super) fn mistakes(&self) -> usize {
        self.mistakes.len()
    }

    /// All that were found.
    pub(super) fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes
    }

    /// Reads what was put together of parts that are right each: what is wrong with them together is said
    /// once, where they are put together.
    pub(super) fn read_together<T>(
        &mut self,
        at: At,
        read: impl FnOnce(&mut Checker<'_>) -> T,
    ) -> T {
        let mut apart = Checker::new("");
        let whole = read(&mut apart);
        for mistake in apart.mistakes {
            self.refuse(at, &mistake.what);
        }
        whole
    }

    /// Notes a mistake at a place.
    pub(super) fn refuse(&mut self, at: At, reason: &dyn fmt::Display) {
        let at = At { client: self.client, ..at };
        let line = locate::locate(self.text, at);
        self.mistakes.push(Mistake { line, what: format!("{at}: {reason}") });
    }

    /// The value, or a mistake at its place.
    pub(super) fn value<T, E: fmt::Display>(&mut self, at: At, read: Result<T, E>) -> Option<T> {
        read.map_err(|error| self.refuse(at, &error)).ok()
    }

    /// The value of a key, if it has one.
    pub(super) fn optional<T, E: fmt::Display>(
        &mut self,
        at: At,
        text: Option<&Text>,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.value(at, read(text?))
    }

    /// The elements of a key's list.
    pub(super) fn list<T, E: fmt::Display>(
        &mut self,
        at: At,
        texts: &List,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let read_one = |(index, text): (usize, &Text)| self.value(at.item(index), read(text));
        texts.iter().enumerate().filter_map(read_one).collect()
    }
}
