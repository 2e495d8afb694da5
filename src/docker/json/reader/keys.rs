//! Keys of objects: fields of a table, or the client's own.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

use crate::docker::json::text::{Body, Text};
use crate::docker::schema::Kind;

/// How serde_json announces a number that no machine type holds: as an object with this key. A
/// client's object may have the same key: see [`FirstKey`].
const NUMBER_MARK: &str = "$serde_json::private::Number";

/// A key as it was read.
pub(super) enum ReadKey {
    /// A field of the table, by its position.
    Field {
        position: usize,
        name: &'static str,
        kind: &'static Kind,
    },
    Other(Text),
}

/// Reads a key; the kind of its object says which fields there are.
#[derive(Clone, Copy)]
pub(super) struct KeyReader<'a> {
    pub(super) kind: &'a Kind,
    pub(super) body: &'a Body,
    /// The position of the field behind the last one.
    pub(super) guess: usize,
}

impl KeyReader<'_> {
    fn field(self, key: &str) -> Option<ReadKey> {
        let Kind::Struct(table) = self.kind else { return None };
        let (position, field) = table.field_near(self.guess, key)?;
        Some(ReadKey::Field { position, name: field.name, kind: &field.kind })
    }
}

impl<'de> DeserializeSeed<'de> for KeyReader<'_> {
    type Value = ReadKey;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<ReadKey, D::Error> {
        parser.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeyReader<'_> {
    type Value = ReadKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<ReadKey, E> {
        Ok(self.field(key).unwrap_or_else(|| ReadKey::Other(self.body.piece(key))))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<ReadKey, E> {
        Ok(self.field(key).unwrap_or_else(|| ReadKey::Other(key.to_owned().into())))
    }
}

/// Reads the first key of what may be a number in disguise.
///
/// serde_json offers a real key as something optional that is there, and the mark of a number as a
/// plain string: a client's object with the same key is an object, never a number.
pub(super) struct FirstKey<'a>(pub(super) KeyReader<'a>);

pub(super) enum First {
    NumberMark,
    Key(ReadKey),
}

impl First {
    pub(super) fn key(self) -> Option<ReadKey> {
        if let Self::Key(key) = self { Some(key) } else { None }
    }
}

impl<'de> DeserializeSeed<'de> for FirstKey<'_> {
    type Value = First;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<First, D::Error> {
        parser.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for FirstKey<'_> {
    type Value = First;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_some<D: Deserializer<'de>>(self, parser: D) -> Result<First, D::Error> {
        self.0.deserialize(parser).map(First::Key)
    }

    fn visit_str<E: Error>(self, mark: &str) -> Result<First, E> {
        if mark == NUMBER_MARK { Ok(First::NumberMark) } else { Err(E::custom("unknown mark")) }
    }
}
