//! JSON as the daemon reads it: bytes to an owned tree and back, in one pass each.
//!
//! The daemon is a Go program. It matches the fields of its types in any case, lets a repeated field
//! merge with the first, and reads numbers into types of fixed width. Here a field has one spelling
//! once it is read, nothing appears twice, and every value has the kind that the daemon expects, so
//! that what was checked and what the daemon reads from the rewritten body can't differ. Numbers
//! keep all their digits. Knows nothing of what the fields mean.

mod error;
mod reader;
mod unknown;
mod writer;

use std::borrow::Cow;

pub use error::{Fault, JsonError};
pub use reader::{DEPTH_MAX, VALUES_MAX, read, read_closed};
pub use unknown::Unknown;

/// A key: a field's own spelling, or the client's text for all others.
pub type Key = Cow<'static, str>;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number with all its digits, valid by RFC 8259 §6. An exponent has its sign.
    Number(String),
    /// A string, unescaped.
    Text(String),
    /// An array.
    List(Vec<Node>),
    /// An object.
    Object(Object),
}

/// A JSON object in the order of its text. No key appears twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object {
    entries: Vec<(Key, Node)>,
}

impl Node {
    /// The text of a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The elements of a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Node]> {
        if let Self::List(nodes) = self { Some(nodes) } else { None }
    }

    /// The object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// The number, if it is an integer of 64 bits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Number(digits) = self { digits.parse().ok() } else { None }
    }
}

impl From<i64> for Node {
    fn from(number: i64) -> Self {
        Self::Number(number.to_string())
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<String>> for Node {
    fn from(texts: Vec<String>) -> Self {
        Self::List(texts.into_iter().map(Self::Text).collect())
    }
}

impl Object {
    /// The value of `name`, `null` included.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entries.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    /// Its text, if it is a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }

    /// Its elements; none if it is not a list.
    #[must_use]
    pub fn list(&self, name: &str) -> &[Node] {
        self.get(name).and_then(Node::as_list).unwrap_or(&[])
    }

    /// Its object, if it is one.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<&Object> {
        self.get(name)?.as_object()
    }

    /// Its number; 0 for `null` and where there is none, which is how the daemon sees them.
    #[must_use]
    pub fn integer(&self, name: &str) -> i64 {
        self.get(name).and_then(Node::as_i64).unwrap_or(0)
    }

    /// Whether it is `true`.
    #[must_use]
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name) == Some(&Node::Bool(true))
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.entries.iter().map(|(key, node)| (key.as_ref(), node))
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes `name` and gives its value.
    pub fn take(&mut self, name: &str) -> Option<Node> {
        let at = self.entries.iter().position(|(key, _)| key == name)?;
        Some(self.entries.remove(at).1)
    }

    /// Replaces the value of the field `name`, or adds it at the end.
    pub fn set(&mut self, name: &'static str, node: Node) {
        match self.entries.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = node,
            None => self.entries.push((Cow::Borrowed(name), node)),
        }
    }

    /// The object in the field `name`, made if there is none.
    pub fn object_mut(&mut self, name: &'static str) -> &mut Object {
        let at = self.entries.iter().position(|(key, _)| key == name).unwrap_or_else(|| {
            self.entries.push((Cow::Borrowed(name), Node::Null));
            self.entries.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found or pushed just now")]
        let node = &mut self.entries[at].1;
        if !matches!(node, Node::Object(_)) {
            *node = Node::Object(Self::default());
        }
        match node {
            Node::Object(object) => object,
            _ => unreachable!("made an object just now"),
        }
    }

    /// Moves the entries whose keys `belong` into an object of their own, in order.
    pub fn split_off(&mut self, belong: impl Fn(&str) -> bool) -> Object {
        let (moved, kept) =
            std::mem::take(&mut self.entries).into_iter().partition(|(key, _)| belong(key));
        self.entries = kept;
        Self { entries: moved }
    }

    /// Appends the object as compact JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        writer::write_object(self, out);
    }
}

#[cfg(test)]
mod tests;
