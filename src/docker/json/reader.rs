//! Bytes to a tree, checked against a table of fields.
//!
//! A body is first read in a way that makes little of numbers and of what is wrong: an integer is
//! asked for where the table has one, which costs no text. What that does not take is read again
//! [`Exactly`](Numbers::Exactly), which decides: `-0` is an integer, and a fault has a name.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::error::{Step, Trace};
use super::places::{At, NOWHERE, Places};
use super::text::{Body, Text};
use super::unknown::{Unknown, brief};
use super::utf8;
use super::{Fault, JsonError, Key, Node, Number, Object};
use crate::docker::schema::{self, Kind, Struct, Width};

/// Objects and lists inside one another. The deepest field of the tables has 6; this is far below
/// what the parser and the stack can bear.
pub const DEPTH_MAX: usize = 64;

/// Values in one body. A small value in the text is a large one in memory.
pub const VALUES_MAX: usize = 64 * 1024;

/// How serde_json announces a number that no machine type holds: as an object with this key. A
/// client's object may have the same key: see [`FirstKey`].
const NUMBER_MARK: &str = "$serde_json::private::Number";

/// Reads `body`, which must be one object with the fields of `table`.
///
/// # Errors
/// [`JsonError`] if the daemon would refuse the body, or if anything in it appears twice.
pub fn read(body: &[u8], table: &'static Struct) -> Result<Object, JsonError> {
    read_with(body, table, Others::Kept).map(|(object, _)| object)
}

/// The same without what clients send and no engine reads, and which other keys in it are no fields of
/// the table or of those inside it.
///
/// # Errors
/// As [`read`].
pub fn read_closed(body: &[u8], table: &'static Struct) -> Result<(Object, Unknown), JsonError> {
    read_with(body, table, Others::Sifted)
}

fn read_with(
    body: &[u8],
    table: &'static Struct,
    others: Others,
) -> Result<(Object, Unknown), JsonError> {
    let text = utf8::as_go_reads(body);
    let body = Body::new(&text);
    let read = read_as(&body, table, Numbers::Quickly, others);
    let (read, trace) = match read {
        (Ok(node), trace) => (Ok(node), trace),
        (Err(_), _) => read_as(&body, table, Numbers::Exactly, others),
    };
    match read {
        Ok(Node::Object(object)) => Ok((object, trace.unknown)),
        Ok(_) => Err(whole(Fault::Kind { expected: OBJECT, got: NULL })),
        Err(_) if text.trim_ascii().is_empty() => Err(whole(Fault::Empty)),
        Err(error) => Err(trace.into_error(&error)),
    }
}

/// So many entries or elements are under way at once in most bodies.
const USUAL_ENTRIES: usize = 64;
/// Bytes of a long body for one of its elements. Its memory is no more than the body's.
const TEXT_PER_ELEMENT: usize = 48;
const _: () = assert!(size_of::<Node>() <= TEXT_PER_ELEMENT);

/// How numbers are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// Where an integer is expected, anything but one is an error without a name.
    Quickly,
    /// By their text.
    Exactly,
}

/// What becomes of keys that are no fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    /// All are kept.
    Kept,
    /// Those that are known to be read by no engine are left out.
    Sifted,
}

fn read_as(
    body: &Body,
    table: &'static Struct,
    numbers: Numbers,
    others: Others,
) -> (serde_json::Result<Node>, Trace) {
    let mut reading = Reading {
        body,
        numbers,
        others,
        values: 0,
        trace: Trace::default(),
        entries: Vec::with_capacity(USUAL_ENTRIES),
        nodes: Vec::with_capacity((body.as_str().len() / TEXT_PER_ELEMENT).max(USUAL_ENTRIES)),
    };
    let mut parser = serde_json::Deserializer::from_str(body.as_str());
    let kind = Kind::Struct(table);
    let reader = Reader { kind: &kind, depth: 0, reading: &mut reading };
    let read = reader.deserialize(&mut parser).and_then(|node| parser.end().map(|()| node));
    (read, reading.trace)
}

/// What all readers of one body share.
struct Reading<'b> {
    body: &'b Body,
    numbers: Numbers,
    others: Others,
    /// Values read so far.
    values: usize,
    trace: Trace,
    /// The entries of all objects that have begun, the innermost last: one that ends takes its own,
    /// as many as it has.
    entries: Vec<(Key, Node)>,
    /// Likewise of lists.
    nodes: Vec<Node>,
}

fn whole(fault: Fault) -> JsonError {
    JsonError { path: String::new(), fault }
}

const NULL: &str = "null";
const BOOLEAN: &str = "a boolean";
const NUMBER: &str = "a number";
/// A text, as faults call it.
pub const STRING: &str = "a string";
const LIST: &str = "a list";
const OBJECT: &str = "an object";

impl Kind {
    fn expected(&self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Bool => BOOLEAN,
            Self::Text => STRING,
            Self::Integer(_) => "an integer",
            Self::TextOrList => "a string or a list of strings",
            Self::List(_) => LIST,
            Self::Map(_) | Self::Struct(_) => OBJECT,
        }
    }
}

/// Reads one value of a kind.
struct Reader<'a, 'b> {
    kind: &'a Kind,
    /// How many objects and lists it is in.
    depth: usize,
    reading: &'a mut Reading<'b>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_, '_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Node, D::Error> {
        self.reading.values += 1;
        if self.reading.values > VALUES_MAX {
            return self.fail(Fault::Values);
        }
        match (self.reading.numbers, self.kind) {
            (Numbers::Quickly, Kind::Integer(width)) => parser.deserialize_option(Integer(*width)),
            _ => parser.deserialize_any(self),
        }
    }
}

/// Reads an integer, or `null`, without making a text of it.
struct Integer(Width);

impl Integer {
    fn node<E: Error>(&self, number: i128) -> Result<Node, E> {
        let node = self.0.holds(number).then(|| {
            let signed = i64::try_from(number).map(Number::Signed);
            signed.or_else(|_| u64::try_from(number).map(Number::Unsigned)).ok()
        });
        node.flatten().map(Node::Number).ok_or_else(|| E::custom(""))
    }
}

impl<'de> Visitor<'de> for Integer {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Kind::Integer(self.0).expected())
    }

    fn visit_none<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, parser: D) -> Result<Node, D::Error> {
        parser.deserialize_i64(self)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Node, E> {
        self.node(number.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Node, E> {
        self.node(number.into())
    }
}

impl Width {
    fn holds(self, number: i128) -> bool {
        match self {
            Self::Signed64 => i64::try_from(number).is_ok(),
            Self::Unsigned16 => u16::try_from(number).is_ok(),
            Self::Unsigned32 => u32::try_from(number).is_ok(),
            Self::Unsigned64 => u64::try_from(number).is_ok(),
        }
    }
}

impl<'de> Visitor<'de> for Reader<'_, '_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.expected())
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        match self.kind {
            Kind::Any | Kind::Bool => Ok(Node::Bool(value)),
            _ => self.mismatch(BOOLEAN),
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Node, E> {
        self.number(number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Node, E> {
        self.number(number.to_string())
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Node, E> {
        let text = self.reading.body.piece(text);
        self.text(text)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        self.text(text.to_owned().into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Node, A::Error> {
        let kind = match self.kind {
            Kind::Any => &Kind::Any,
            Kind::TextOrList => &Kind::Text,
            Kind::List(kind) => *kind,
            _ => return self.mismatch(LIST),
        };
        let depth = self.deeper()?;
        let reading = self.reading;
        let first = reading.nodes.len();
        loop {
            let index = reading.nodes.len() - first;
            let known = reading.trace.unknown.found();
            match elements.next_element_seed(Reader { kind, depth, reading }) {
                Ok(Some(node)) => {
                    reading.trace.unknown.inside(known, || Step::Index(index));
                    reading.nodes.push(node);
                }
                Ok(None) => return Ok(Node::List(reading.nodes.drain(first..).collect())),
                Err(error) => {
                    reading.trace.inside(Step::Index(index));
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Node, A::Error> {
        let mut keys = KeyReader { kind: self.kind, body: self.reading.body, guess: 0 };
        let first = entries.next_key_seed(FirstKey(keys))?;
        if let Some(First::NumberMark) = first {
            let digits = entries.next_value_seed(Digits)?;
            return self.number(digits);
        }
        let (Kind::Any | Kind::Map(_) | Kind::Struct(_)) = self.kind else {
            return self.mismatch(OBJECT);
        };
        let depth = self.deeper()?;
        let mut object = ObjectReader::new(self.kind, depth, self.reading);
        let mut next = first.and_then(First::key);
        while let Some(key) = next {
            if let ReadKey::Field { position, .. } = key {
                keys.guess = position + 1;
            }
            object.entry(key, &mut entries)?;
            next = entries.next_key_seed(keys)?;
        }
        object.finish()
    }
}

impl Reader<'_, '_> {
    fn text<E: Error>(self, text: Text) -> Result<Node, E> {
        match self.kind {
            Kind::Any | Kind::Text | Kind::TextOrList => Ok(Node::Text(text)),
            _ => self.mismatch(STRING),
        }
    }

    fn mismatch<E: Error>(self, got: &'static str) -> Result<Node, E> {
        let expected = self.kind.expected();
        self.fail(Fault::Kind { expected, got })
    }

    fn fail<T, E: Error>(self, fault: Fault) -> Result<T, E> {
        self.reading.trace.fail(fault);
        Err(E::custom(""))
    }

    fn deeper<E: Error>(&mut self) -> Result<usize, E> {
        if self.depth < DEPTH_MAX {
            return Ok(self.depth + 1);
        }
        self.reading.trace.fail(Fault::Depth);
        Err(E::custom(""))
    }

    fn number<E: Error>(self, digits: String) -> Result<Node, E> {
        let node = |digits: String| Node::Number(Number::Digits(digits.into()));
        let width = match self.kind {
            Kind::Any => return Ok(node(digits)),
            Kind::Integer(width) => *width,
            _ => return self.mismatch(NUMBER),
        };
        if !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            return self.fail(Fault::Fraction);
        }
        // As Go `strconv.ParseInt` and `ParseUint`: `-0` is an `int` and no `uint`.
        let is_signed = width == Width::Signed64;
        let fits = (is_signed || !digits.starts_with('-'))
            && digits.parse().is_ok_and(|number| width.holds(number));
        if fits { Ok(node(digits)) } else { self.fail(Fault::Range) }
    }
}

/// A key as it was read.
enum ReadKey {
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
struct KeyReader<'a> {
    kind: &'a Kind,
    body: &'a Body,
    /// The position of the field behind the last one.
    guess: usize,
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
struct FirstKey<'a>(KeyReader<'a>);

enum First {
    NumberMark,
    Key(ReadKey),
}

impl First {
    fn key(self) -> Option<ReadKey> {
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

/// Reads the text of a number after its mark.
struct Digits;

impl<'de> DeserializeSeed<'de> for Digits {
    type Value = String;

    /// Asks for a boolean, which no client's string can be: only the parser's own text answers
    /// with a string.
    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<String, D::Error> {
        parser.deserialize_bool(self)
    }
}

impl Visitor<'_> for Digits {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text of a number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<String, E> {
        if is_number(text.as_bytes()) { Ok(text) } else { Err(E::custom("not a number")) }
    }
}

/// RFC 8259 §6. What is written raw must never be anything else.
fn is_number(text: &[u8]) -> bool {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, rest) = digits(unsigned);
    let canonical = whole == 1 || (whole > 1 && !unsigned.starts_with(b"0"));
    let (fraction_ok, rest) = match rest.strip_prefix(b".") {
        Some(fraction) => some_digits(fraction),
        None => (true, rest),
    };
    let (exponent_ok, rest) = match rest.strip_prefix(b"e").or(rest.strip_prefix(b"E")) {
        Some(exponent) => {
            let sign = exponent.strip_prefix(b"+").or(exponent.strip_prefix(b"-"));
            some_digits(sign.unwrap_or(exponent))
        }
        None => (true, rest),
    };
    canonical && fraction_ok && exponent_ok && rest.is_empty()
}

fn digits(text: &[u8]) -> (usize, &[u8]) {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count, text.get(count..).unwrap_or_default())
}

fn some_digits(text: &[u8]) -> (bool, &[u8]) {
    let (count, rest) = digits(text);
    (count > 0, rest)
}

/// Collects the entries of one object and refuses repeated keys.
struct ObjectReader<'a, 'b> {
    kind: &'a Kind,
    depth: usize,
    reading: &'a mut Reading<'b>,
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
    fn new(kind: &'a Kind, depth: usize, reading: &'a mut Reading<'b>) -> Self {
        let first = reading.entries.len();
        Self { kind, depth, reading, first, seen: 0, at: NOWHERE, others: 0, ignored: 0 }
    }

    fn entry<'de, A: MapAccess<'de>>(
        &mut self,
        key: ReadKey,
        entries: &mut A,
    ) -> Result<(), A::Error> {
        let (key, kind) = match key {
            ReadKey::Field { position, name, kind } => {
                let bit = 1_u128 << position;
                if self.seen & bit != 0 {
                    return Err(self.repeated(Key::Field(name)));
                }
                self.seen |= bit;
                self.remember(position);
                (Key::Field(name), kind)
            }
            ReadKey::Other(key) => {
                self.others += 1;
                (Key::Other(key), if let Kind::Map(kind) = self.kind { *kind } else { &Kind::Any })
            }
        };
        let known = self.reading.trace.unknown.found();
        match entries.next_value_seed(Reader { kind, depth: self.depth, reading: self.reading }) {
            Ok(node) => {
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
            Err(error) => {
                let step = self.step(key);
                self.reading.trace.inside(step);
                return Err(error);
            }
        }
        Ok(())
    }

    /// The next entry is the field at this position of the table.
    fn remember(&mut self, position: usize) {
        let entry = self.reading.entries.len() - self.first;
        if let (Some(place), Ok(entry)) = (self.at.get_mut(position), u8::try_from(entry)) {
            *place = entry;
        }
    }

    fn finish<E: Error>(mut self) -> Result<Node, E> {
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
                moved.and_then(|places| places.renewed(&entries))
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
        let step = self.step(key);
        let trace = &mut self.reading.trace;
        trace.fail(Fault::Repeated);
        trace.inside(step);
        E::custom("")
    }

    fn step(&self, key: Key) -> Step {
        Step::of(matches!(self.kind, Kind::Map(_)), key)
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

#[cfg(test)]
mod tests {
    use super::is_number;

    #[test]
    fn numbers_are_what_the_standard_says() {
        for good in ["0", "-0", "10", "1.5", "-1.50", "1e3", "1E+3", "1.5e-3", "0.0"] {
            assert!(is_number(good.as_bytes()), "{good}");
        }
        for bad in ["", "-", "01", "+1", ".5", "1.", "1e", "1e+", "0x1", "1 ", "NaN", "1,2"] {
            assert!(!is_number(bad.as_bytes()), "{bad}");
        }
    }
}
