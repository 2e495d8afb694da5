//! Values as they are written, and lists of them.

use std::fmt;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

/// A scalar as it was written, without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) struct Text(pub(super) String);

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // serde_yaml gives a plain scalar unread when a string is asked for.
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a single value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.to_owned()))
    }
}

/// A list that may be empty, absent or without a value.
#[derive(Debug, Clone, Default)]
pub(in crate::config) struct List(Vec<Text>);

impl List {
    /// A list of these.
    pub(in crate::config) fn of(texts: impl Iterator<Item = Text>) -> Self {
        Self(texts.collect())
    }
}

impl Deref for List {
    type Target = [Text];

    fn deref(&self) -> &[Text] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(ListVisitor)
    }
}

pub(super) struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = List;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_none<E: Error>(self) -> Result<List, E> {
        Ok(List::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<List, D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<List, A::Error> {
        let mut list = List::default();
        while let Some(element) = elements.next_element()? {
            list.0.push(element);
        }
        Ok(list)
    }
}

/// One name or a list of them.
#[derive(Debug, Clone)]
pub(in crate::config) enum Names {
    One(Text),
    Several(List),
}

impl Names {
    /// All of them.
    pub(in crate::config) fn texts(&self) -> &[Text] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(list) => list,
        }
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name or a list of names")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Names, E> {
        Ok(Names::One(Text(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Names, E> {
        Ok(Names::One(Text(number.to_string())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Names, A::Error> {
        ListVisitor.visit_seq(elements).map(Names::Several)
    }
}
