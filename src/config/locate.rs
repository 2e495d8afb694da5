//! The line of a place that is known by its name.
//!
//! serde gives values without their places, but an error that arises while a node is read carries
//! that node's: so we read towards the place, and fail there.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::At;

/// The line of a place, counted from 1; none if the file has no such place.
pub(super) fn locate(text: &str, at: At) -> Option<usize> {
    let found = Section(at).deserialize(serde_yaml::Deserializer::from_str(text));
    found.err().and_then(|error| error.location()).map(|location| location.line())
}

/// Fails at whatever node it is to read.
struct Here;

impl<'de> DeserializeSeed<'de> for Here {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Here {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("to stop here")
    }
}

/// Reads the mapping that holds a place, and fails there.
struct Section(At);

impl<'de> DeserializeSeed<'de> for Section {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Section {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let At { client, section, key, inner, index, beyond } = self.0;
        let name = if client.is_some() { "clients" } else { section.unwrap_or(key) };
        let inside = match (client, section, inner) {
            (Some(_), _, _) | (None, None, None) => None,
            (None, Some(_), _) => Some(At { section: None, ..self.0 }),
            (None, None, Some(inner)) => Some(At { key: inner, inner: None, ..self.0 }),
        };
        let element = match (client, index) {
            (Some(client), _) => {
                Some(Element { index: client, then: Some(At { client: None, ..self.0 }) })
            }
            (None, Some(index)) => Some(Element { index, then: within(beyond) }),
            (None, None) => None,
        };
        let is_last = inside.is_none() && element.is_none();
        while let Some(found) = map.next_key_seed(WantedKey { name, is_last })? {
            match (found, inside, element) {
                (false, ..) => drop(map.next_value::<IgnoredAny>()?),
                (true, Some(inside), _) => map.next_value_seed(Self(inside))?,
                (true, None, Some(element)) => map.next_value_seed(element)?,
                (true, None, None) => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Says whether a key is the wanted one, and fails at it if nothing is wanted inside.
struct WantedKey {
    name: &'static str,
    is_last: bool,
}

impl<'de> DeserializeSeed<'de> for WantedKey {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for WantedKey {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        match key == self.name {
            true if self.is_last => Err(E::custom("here")),
            found => Ok(found),
        }
    }
}

/// Reads a list, and fails at one element, or at a place in it.
#[derive(Clone, Copy)]
struct Element {
    index: usize,
    then: Option<At>,
}

/// The place of one or two keys in an element.
fn within(beyond: &'static [&'static str]) -> Option<At> {
    match beyond {
        [] => None,
        [key] => Some(At::top(key)),
        [section, key, ..] => Some(At::key(section, key)),
    }
}

impl<'de> DeserializeSeed<'de> for Element {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Element {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        for _ in 0..self.index {
            list.next_element::<IgnoredAny>()?;
        }
        match self.then {
            None => list.next_element_seed(Here)?,
            Some(at) => list.next_element_seed(Section(at))?,
        };
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}
