//! Bytes to a tree, checked against a table of fields.
//!
//! A body is first read in a way that makes little of numbers and of what is wrong: an integer is
//! asked for where the table has one, which costs no text. What that does not take is read again
//! [`Exactly`](Numbers::Exactly), which decides: `-0` is an integer, and a fault has a name.

mod keys;
mod numbers;
mod object;
mod reading;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::error::{Fault, JsonError, Trace};
use super::steps::Step;
use super::text::{Body, Text};
use super::tree::{Node, Number, Object};
use super::unknown::Unknown;
use super::utf8;
use crate::docker::schema::{Kind, Struct, Width};
use keys::{First, FirstKey, KeyReader, ReadKey};
use numbers::{Digits, INTEGER, Integer};
use object::ObjectReader;
use reading::{Numbers, Others, Reading};

/// Objects and lists inside one another. The deepest field of the tables has 6; this is far below
/// what the parser and the stack can bear.
pub const DEPTH_MAX: usize = 64;

/// Values in one body. A small value in the text is a large one in memory.
pub const VALUES_MAX: usize = 64 * 1024;

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
            Self::Integer(_) => INTEGER,
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
        let mut object = ObjectReader::new(self.kind, self.reading);
        let mut next = first.and_then(First::key);
        while let Some(key) = next {
            if let ReadKey::Field { position, .. } = key {
                keys.guess = position + 1;
            }
            let (key, kind) = object.expect(key)?;
            let known = object.reading.trace.unknown.found();
            match entries.next_value_seed(Reader { kind, depth, reading: object.reading }) {
                Ok(node) => object.keep(known, key, node),
                Err(error) => {
                    object.fail_inside(key);
                    return Err(error);
                }
            }
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
