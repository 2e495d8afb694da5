//! The entries of one object: none twice, and without what means nothing to any engine.

use std::collections::HashSet;

use serde::de::Error;

use super::keys::ReadKey;
use super::reading::{Others, Reading};
use crate::docker::json::error::Fault;
use crate::docker::json::places::{At, NOWHERE, Places};
use crate::docker::json::steps::{Step, brief};
use crate::docker::json::tree::{Key, Node, Object, fields_of};
use crate::docker::schema::{self, Kind, Struct};

/// Collects the entries of one object and refuses repeated keys.
pub(super) struct ObjectReader<'a, 'b> {
    kind: &'a Kind,
    pub(super) reading: &'a mut Reading<'b>,
    /// Where its entries begin.
    first: usize,
    /// A bit for each field of the table.
    seen: u128,
    /// Where they stand, if there are not too many.
    at: At,
    /// How many entries are no fields.
    others: usize,
    /// How many of them no engine reads.
    ignored: usize,
}

impl<'a, 'b> ObjectReader<'a, 'b> {
    pub(super) fn new(kind: &'a Kind, reading: &'a mut Reading<'b>) -> Self {
        let first = reading.entries.len();
        Self { kind, reading, first, seen: 0, at: NOWHERE, others: 0, ignored: 0 }
    }

    /// What the value of a key must be.
    pub(super) fn expect<E: Error>(&mut self, key: ReadKey) -> Result<(Key, &'a Kind), E> {
        match key {
            ReadKey::Field { position, name, kind } => {
                let bit = 1_u128 << position;
                if self.seen & bit != 0 {
                    return Err(self.repeated(Key::Field(name)));
                }
                self.seen |= bit;
                self.remember(position);
                Ok((Key::Field(name), kind))
            }
            ReadKey::Other(key) => {
                self.others += 1;
                let kind = if let Kind::Map(kind) = self.kind { *kind } else { &Kind::Any };
                Ok((Key::Other(key), kind))
            }
        }
    }

    /// Its value was read, and with it all unknown keys but the first `known`.
    pub(super) fn keep(&mut self, known: usize, key: Key, node: Node) {
        let is_map = matches!(self.kind, Kind::Map(_));
        let step = || Step::of(is_map, brief(key.as_str()));
        self.reading.trace.unknown.inside(known, step);
        if let (Kind::Struct(table), Key::Other(other)) = (self.kind, &key) {
            if self.reading.others == Others::Sifted && is_ignored(table, other, &node) {
                self.ignored += 1;
            } else {
                self.reading.trace.unknown.push(other);
            }
        }
        self.reading.entries.push((key, node));
    }

    /// Its value could not be read.
    pub(super) fn fail_inside(&mut self, key: Key) {
        let step = Step::of(matches!(self.kind, Kind::Map(_)), key);
        self.reading.trace.inside(step);
    }

    /// The next entry is the field at this position of the table.
    fn remember(&mut self, position: usize) {
        let entry = self.reading.entries.len() - self.first;
        if let (Some(place), Ok(entry)) = (self.at.get_mut(position), u8::try_from(entry)) {
            *place = entry;
        }
    }

    pub(super) fn finish<E: Error>(mut self) -> Result<Node, E> {
        let mut entries: Vec<_> = self.reading.entries.drain(self.first..).collect();
        if self.others > 1 {
            let others = entries.iter().filter_map(|(key, _)| match key {
                Key::Field(_) => None,
                Key::Other(text) => Some(text.as_str()),
            });
            if let Some(key) = repeated(others.collect()).next() {
                let key = key.to_owned();
                return Err(self.repeated(Key::Other(key.into())));
            }
        }
        let places = match self.kind {
            Kind::Struct(table) if self.leave_out(table, &mut entries) => {
                let moved = Places::new(table, entries.len(), NOWHERE);
                moved.and_then(|places| places.renewed(fields_of(&entries)))
            }
            Kind::Struct(table) => Places::new(table, entries.len(), self.at),
            _ => None,
        };
        Ok(Node::Object(Object { entries, places }))
    }

    /// Takes out what means nothing to any engine, or not the same to all. Says whether there was any.
    fn leave_out(&self, table: &'static Struct, entries: &mut Vec<(Key, Node)>) -> bool {
        // What no engine reads may still be one half of what is ambiguous.
        let is_any_ambiguous = leave_out_ambiguous(entries, self.others);
        if self.ignored > 0 {
            entries.retain(|(key, node)| match key {
                Key::Field(_) => true,
                Key::Other(other) => !is_ignored(table, other, node),
            });
        }
        is_any_ambiguous || self.ignored > 0
    }

    fn repeated<E: Error>(&mut self, key: Key) -> E {
        self.reading.trace.fail(Fault::Repeated);
        self.fail_inside(key);
        E::custom("")
    }
}

/// Whether no engine reads this entry of an object, whose key is no field of `table`: to Go `null` leaves a
/// field as if it were absent, also one of tomorrow.
fn is_ignored(table: &'static Struct, key: &str, node: &Node) -> bool {
    match node {
        Node::Null => true,
        Node::Object(object) if schema::is_misplaced(table, object.iter().map(|(key, _)| key)) => {
            true
        }
        _ => schema::is_ignored_key(table, key),
    }
}

/// `name` beside `Name`, neither of which is a field: the daemon passes over both. One of tomorrow may
/// know them as one field, and could not say which is meant: neither is kept. Says whether there were
/// any; an object has so many keys that are no fields.
fn leave_out_ambiguous(entries: &mut Vec<(Key, Node)>, others: usize) -> bool {
    let folded = |key: &Key| match key {
        Key::Field(_) => None,
        Key::Other(text) => Some(schema::folded(text)),
    };
    let repeated: HashSet<String> = match others {
        0 | 1 => return false,
        _ => repeated(entries.iter().filter_map(|(key, _)| folded(key)).collect()).collect(),
    };
    if !repeated.is_empty() {
        entries.retain(|(key, _)| folded(key).is_none_or(|key| !repeated.contains(&key)));
    }
    !repeated.is_empty()
}

/// Those of `keys` that stand among them more than once.
fn repeated<K: Ord>(mut keys: Vec<K>) -> impl Iterator<Item = K> {
    keys.sort_unstable();
    let mut keys = keys.into_iter().peekable();
    std::iter::from_fn(move || {
        loop {
            let key = keys.next()?;
            if keys.peek() == Some(&key) {
                return Some(key);
            }
        }
    })
}
