//! Bytes to a tree, checked against a table of fields.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::error::{Step, Trace};
use super::unknown::{Unknown, brief};
use super::{Fault, JsonError, Key, Node, Object};
use crate::engine::schema::{self, Kind, Struct, Width};

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
    read_closed(body, table).map(|(object, _)| object)
}

/// The same, and which keys in it are no fields of the table or of those inside it.
///
/// # Errors
/// As [`read`].
pub fn read_closed(body: &[u8], table: &'static Struct) -> Result<(Object, Unknown), JsonError> {
    let mut trace = Trace::default();
    let mut parser = serde_json::Deserializer::from_slice(body);
    let kind = Kind::Struct(table);
    let reader = Reader { kind: &kind, depth: 0, trace: &mut trace };
    let read = reader.deserialize(&mut parser).and_then(|node| parser.end().map(|()| node));
    match read {
        Ok(Node::Object(object)) => Ok((object, trace.unknown)),
        Ok(_) => Err(whole(Fault::Kind { expected: OBJECT, got: NULL })),
        Err(_) if body.trim_ascii().is_empty() => Err(whole(Fault::Empty)),
        Err(error) => Err(trace.into_error(&error)),
    }
}

fn whole(fault: Fault) -> JsonError {
    JsonError { path: String::new(), fault }
}

const NULL: &str = "null";
const BOOLEAN: &str = "a boolean";
const NUMBER: &str = "a number";
const STRING: &str = "a string";
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
struct Reader<'a> {
    kind: &'a Kind,
    /// How many objects and lists it is in.
    depth: usize,
    trace: &'a mut Trace,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Node, D::Error> {
        self.trace.values += 1;
        if self.trace.values > VALUES_MAX {
            self.trace.fail(Fault::Values);
            return Err(D::Error::custom(""));
        }
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
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

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        match self.kind {
            Kind::Any | Kind::Text | Kind::TextOrList => Ok(Node::Text(text.to_owned())),
            _ => self.mismatch(STRING),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Node, A::Error> {
        let kind = match self.kind {
            Kind::Any => &Kind::Any,
            Kind::TextOrList => &Kind::Text,
            Kind::List(kind) => *kind,
            _ => return self.mismatch(LIST),
        };
        let depth = self.deeper()?;
        let mut nodes = Vec::new();
        loop {
            let known = self.trace.unknown.found();
            match elements.next_element_seed(Reader { kind, depth, trace: self.trace }) {
                Ok(Some(node)) => {
                    self.trace.unknown.inside(known, || Step::Index(nodes.len()));
                    nodes.push(node);
                }
                Ok(None) => return Ok(Node::List(nodes)),
                Err(error) => {
                    self.trace.inside(Step::Index(nodes.len()));
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Node, A::Error> {
        let first = entries.next_key_seed(FirstKey(KeyReader(self.kind)))?;
        if let Some(First::NumberMark) = first {
            let digits = entries.next_value_seed(Digits)?;
            return self.number(digits);
        }
        let (Kind::Any | Kind::Map(_) | Kind::Struct(_)) = self.kind else {
            return self.mismatch(OBJECT);
        };
        let depth = self.deeper()?;
        let mut object = ObjectReader::new(self.kind, depth, self.trace);
        let mut next = first.and_then(First::key);
        while let Some(key) = next {
            object.entry(key, &mut entries)?;
            next = entries.next_key_seed(KeyReader(self.kind))?;
        }
        object.finish()
    }
}

impl Reader<'_> {
    fn mismatch<E: Error>(self, got: &'static str) -> Result<Node, E> {
        let expected = self.kind.expected();
        self.fail(Fault::Kind { expected, got })
    }

    fn fail<T, E: Error>(self, fault: Fault) -> Result<T, E> {
        self.trace.fail(fault);
        Err(E::custom(""))
    }

    fn deeper<E: Error>(&mut self) -> Result<usize, E> {
        if self.depth < DEPTH_MAX {
            return Ok(self.depth + 1);
        }
        self.trace.fail(Fault::Depth);
        Err(E::custom(""))
    }

    fn number<E: Error>(self, digits: String) -> Result<Node, E> {
        let width = match self.kind {
            Kind::Any => return Ok(Node::Number(digits)),
            Kind::Integer(width) => *width,
            _ => return self.mismatch(NUMBER),
        };
        if !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            return self.fail(Fault::Fraction);
        }
        // As Go `strconv.ParseInt` and `ParseUint`: `-0` is an `int` and no `uint`.
        let fits = match width {
            Width::Signed64 => digits.parse::<i64>().is_ok(),
            _ if digits.starts_with('-') => false,
            Width::Unsigned16 => digits.parse::<u16>().is_ok(),
            Width::Unsigned32 => digits.parse::<u32>().is_ok(),
            Width::Unsigned64 => digits.parse::<u64>().is_ok(),
        };
        if fits { Ok(Node::Number(digits)) } else { self.fail(Fault::Range) }
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
    Other(String),
}

/// Reads a key; `self.0` says which fields there are.
struct KeyReader<'a>(&'a Kind);

impl<'de> DeserializeSeed<'de> for KeyReader<'_> {
    type Value = ReadKey;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<ReadKey, D::Error> {
        parser.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyReader<'_> {
    type Value = ReadKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<ReadKey, E> {
        let field = if let Kind::Struct(table) = self.0 { table.field(key) } else { None };
        Ok(match field {
            Some((position, field)) => {
                ReadKey::Field { position, name: field.name, kind: &field.kind }
            }
            None => ReadKey::Other(key.to_owned()),
        })
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
struct ObjectReader<'a> {
    kind: &'a Kind,
    depth: usize,
    trace: &'a mut Trace,
    entries: Vec<(Key, Node)>,
    /// A bit for each field of the table.
    seen: u128,
    /// How many entries are no fields.
    others: usize,
}

impl<'a> ObjectReader<'a> {
    fn new(kind: &'a Kind, depth: usize, trace: &'a mut Trace) -> Self {
        Self { kind, depth, trace, entries: Vec::new(), seen: 0, others: 0 }
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
                    return Err(self.repeated(Cow::Borrowed(name)));
                }
                self.seen |= bit;
                (Cow::Borrowed(name), kind)
            }
            ReadKey::Other(key) => {
                self.others += 1;
                if let Kind::Struct(_) = self.kind {
                    self.trace.unknown.push(&key);
                }
                (Cow::Owned(key), if let Kind::Map(kind) = self.kind { *kind } else { &Kind::Any })
            }
        };
        let known = self.trace.unknown.found();
        match entries.next_value_seed(Reader { kind, depth: self.depth, trace: self.trace }) {
            Ok(node) => {
                let is_map = matches!(self.kind, Kind::Map(_));
                self.trace.unknown.inside(known, || Step::of(is_map, brief(&key)));
                self.entries.push((key, node));
            }
            Err(error) => {
                let step = self.step(key);
                self.trace.inside(step);
                return Err(error);
            }
        }
        Ok(())
    }

    fn finish<E: Error>(mut self) -> Result<Node, E> {
        let folds = matches!(self.kind, Kind::Struct(_));
        let repeated = if self.others > 1 { repeated_key(&self.entries, folds) } else { None };
        match repeated {
            Some(key) => Err(self.repeated(Cow::Owned(key))),
            None => Ok(Node::Object(Object { entries: self.entries })),
        }
    }

    fn repeated<E: Error>(&mut self, key: Key) -> E {
        self.trace.fail(Fault::Repeated);
        let step = self.step(key);
        self.trace.inside(step);
        E::custom("")
    }

    fn step(&self, key: Key) -> Step {
        Step::of(matches!(self.kind, Kind::Map(_)), key)
    }
}

/// A key of the client's own that appears twice. A daemon of tomorrow may know it as a field: where
/// it would fold, so does this.
fn repeated_key(entries: &[(Key, Node)], folds: bool) -> Option<String> {
    let mut keys: Vec<Cow<'_, str>> = entries
        .iter()
        .filter(|(key, _)| matches!(key, Cow::Owned(_)))
        .map(|(key, _)| if folds { schema::folded(key).into() } else { Cow::Borrowed(&**key) })
        .collect();
    keys.sort_unstable();
    keys.windows(2).find_map(|pair| match pair {
        [one, other] if one == other => Some(one.to_string()),
        _ => None,
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
