//! The YAML of a configuration: one document, and no key twice in it.
//!
//! Knows nothing of what keys mean. A duplicate is refused while its key is read, so that the error
//! carries the key's place.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};

use super::error::Mistake;
use super::schema::File;

/// Reads the one document of a configuration.
///
/// An empty one is refused: an editor that empties the file before it writes must not lift the
/// policy for that moment.
pub(super) fn read(text: &str) -> Result<File, Mistake> {
    if is_empty(text) {
        return Err(Mistake { line: None, what: "the file is empty".into() });
    }
    let unique = UniqueKeys::deserialize(serde_yaml::Deserializer::from_str(text));
    unique.map_err(|error| mistake(text, &error))?;
    let file = File::deserialize(serde_yaml::Deserializer::from_str(text));
    file.map_err(|error| mistake(text, &error))
}

/// Whether there are only comments, directives and marks of beginning and end.
fn is_empty(text: &str) -> bool {
    text.lines().all(|line| is_prologue(line) || line.starts_with("..."))
}

fn is_prologue(line: &str) -> bool {
    let plain = line.trim_start_matches(['\u{feff}', ' ', '\t', '\r']);
    plain.is_empty() || plain.starts_with('#') || line.starts_with('%') || line.trim() == "---"
}

/// The line where a second document begins.
fn second_document(text: &str) -> Option<usize> {
    let mut lines = text.lines().enumerate().skip_while(|(_, line)| is_prologue(line));
    lines.find(|(_, line)| line.starts_with("---")).map(|(index, _)| index + 1)
}

/// An error of serde_yaml in our words: they already begin with the path of the key.
fn mistake(text: &str, error: &serde_yaml::Error) -> Mistake {
    let what = error.to_string();
    let Some(location) = error.location() else {
        return match second_document(text) {
            Some(line) => Mistake::at_line(line, "a second YAML document begins here"),
            None => Mistake { line: None, what },
        };
    };
    let (line, column) = (location.line(), location.column());
    let plain = what.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&what);
    Mistake::at_line(line, in_plain_words(plain))
}

/// What serde says of a value's shape, without the names that Rust has for shapes.
fn in_plain_words(what: &str) -> String {
    const WORDS: [(&str, &str); 5] = [
        ("unknown field ", "unknown key "),
        ("invalid type: sequence, ", "a list is not a value here, "),
        ("invalid type: map, ", "keys with values are not a value here, "),
        ("invalid type: unit value, ", "a value is missing, "),
        ("invalid type: ", "not possible here: "),
    ];
    let found = WORDS.iter().find(|(theirs, _)| what.contains(theirs));
    found.map_or_else(|| what.to_owned(), |(theirs, ours)| what.replacen(theirs, ours, 1))
}

/// Reads anything, and refuses mappings that have a key twice.
struct UniqueKeys;

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueKeysVisitor)
    }
}

struct UniqueKeysVisitor;

impl<'de> Visitor<'de> for UniqueKeysVisitor {
    type Value = UniqueKeys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueKeys, A::Error> {
        let mut seen = HashSet::new();
        while map.next_key_seed(UniqueKey(&mut seen))?.is_some() {
            map.next_value::<UniqueKeys>()?;
        }
        Ok(UniqueKeys)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<UniqueKeys, A::Error> {
        while list.next_element::<UniqueKeys>()?.is_some() {}
        Ok(UniqueKeys)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<UniqueKeys, A::Error> {
        Err(A::Error::custom("YAML tags are not understood"))
    }

    fn visit_unit<E: Error>(self) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }
}

/// Reads a key that was not `seen` in its mapping before.
struct UniqueKey<'a>(&'a mut HashSet<String>);

impl<'de> DeserializeSeed<'de> for UniqueKey<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for UniqueKey<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<(), E> {
        if self.0.insert(key.to_owned()) {
            Ok(())
        } else {
            Err(E::custom(format_args!("duplicate key `{}`", key.escape_debug())))
        }
    }
}
