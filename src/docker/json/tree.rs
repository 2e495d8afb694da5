//! A body as a tree of values.

use super::places::Places;
use super::text::Text;

/// A key: a field's own spelling, or the client's text for all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A field of a table.
    Field(&'static str),
    /// Any other.
    Other(Text),
}

impl Key {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Field(name) => name,
            Self::Other(text) => text,
        }
    }
}

/// A number, none of whose digits is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Number {
    /// An integer, as it would be written.
    Signed(i64),
    /// One that is larger.
    Unsigned(u64),
    /// Any other as it stood, valid by RFC 8259 §6. An exponent has its sign.
    Digits(Box<str>),
}

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string, unescaped.
    Text(Text),
    /// An array.
    List(Vec<Node>),
    /// An object.
    Object(Object),
}

/// A JSON object in the order of its text. No key appears twice.
#[derive(Debug, Clone, Default)]
pub struct Object {
    pub(super) entries: Vec<(Key, Node)>,
    /// Where the fields stand in a large one.
    pub(super) places: Option<Box<Places>>,
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for Object {}

/// The fields among the keys of entries.
pub(super) fn fields_of(
    entries: &[(Key, Node)],
) -> impl ExactSizeIterator<Item = Option<&'static str>> {
    entries.iter().map(|(key, _)| match key {
        Key::Field(name) => Some(*name),
        Key::Other(_) => None,
    })
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
        match self {
            Self::Number(Number::Signed(number)) => Some(*number),
            Self::Number(Number::Digits(digits)) => digits.parse().ok(),
            _ => None,
        }
    }
}

impl From<i64> for Node {
    fn from(number: i64) -> Self {
        Self::Number(Number::Signed(number))
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl<T: Into<Text>> From<Vec<T>> for Node {
    fn from(texts: Vec<T>) -> Self {
        Self::List(texts.into_iter().map(|text| Self::Text(text.into())).collect())
    }
}

impl Object {
    /// The value of `name`, `null` included.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.position(name).and_then(|at| self.entries.get(at)).map(|(_, node)| node)
    }

    fn position(&self, name: &str) -> Option<usize> {
        if let Some(found) = self.places.as_ref().and_then(|places| places.find(name)) {
            return found;
        }
        self.entries.iter().position(|(key, _)| key.as_str() == name)
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
        self.entries.iter().map(|(key, node)| (key.as_str(), node))
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes `name` and gives its value.
    pub fn take(&mut self, name: &str) -> Option<Node> {
        let at = self.position(name)?;
        let (_, node) = self.entries.remove(at);
        self.find_places_again();
        Some(node)
    }

    /// After entries have moved.
    fn find_places_again(&mut self) {
        self.places =
            self.places.take().and_then(|places| places.renewed(fields_of(&self.entries)));
    }

    /// Adds a field that is not there.
    fn push(&mut self, name: &'static str, node: Node) -> usize {
        let at = self.entries.len();
        if self.places.as_mut().is_some_and(|places| places.add(name, at).is_none()) {
            self.places = None;
        }
        self.entries.push((Key::Field(name), node));
        at
    }

    /// Replaces the value of the field `name`, or adds it at the end.
    pub fn set(&mut self, name: &'static str, node: Node) {
        match self.position(name).and_then(|at| self.entries.get_mut(at)) {
            Some((_, old)) => *old = node,
            None => drop(self.push(name, node)),
        }
    }

    /// The object in the field `name`, made if there is none.
    pub fn object_mut(&mut self, name: &'static str) -> &mut Object {
        let node = self.node_mut(name);
        if !matches!(node, Node::Object(_)) {
            *node = Node::Object(Self::default());
        }
        match node {
            Node::Object(object) => object,
            _ => unreachable!("made an object just now"),
        }
    }

    /// The list in the field `name`, made if there is none.
    pub fn list_mut(&mut self, name: &'static str) -> &mut Vec<Node> {
        let node = self.node_mut(name);
        if !matches!(node, Node::List(_)) {
            *node = Node::List(Vec::new());
        }
        match node {
            Node::List(nodes) => nodes,
            _ => unreachable!("made a list just now"),
        }
    }

    fn node_mut(&mut self, name: &'static str) -> &mut Node {
        let at = self.position(name).unwrap_or_else(|| self.push(name, Node::Null));
        #[expect(clippy::indexing_slicing, reason = "found or pushed just now")]
        let (_, node) = &mut self.entries[at];
        node
    }

    /// Keeps the entries that are to be kept, in order.
    pub fn retain(&mut self, keep: impl Fn(&str, &Node) -> bool) {
        self.entries.retain(|(key, node)| keep(key.as_str(), node));
        self.find_places_again();
    }

    /// Moves the entries whose keys `belong` into an object of their own, in order.
    pub fn split_off(&mut self, belong: impl Fn(&str) -> bool) -> Object {
        if !self.iter().any(|(key, _)| belong(key)) {
            return Self::default();
        }
        let (moved, kept) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition(|(key, _)| belong(key.as_str()));
        self.entries = kept;
        self.find_places_again();
        Self { entries: moved, places: None }
    }
}
