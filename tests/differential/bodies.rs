//! Bodies that nobody sane sends: drawn from the tables of fields, in odd spellings, with values that
//! mean something, values of the right type, and values of no type that the engine expects.

use super::values;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use secdocker::docker::schema::{Field, Kind, Struct};

/// How deep objects of the tables are filled.
const DEPTH_MAX: usize = 4;

/// A body for this table, with `base` as its first entries more often than not.
pub(crate) fn body(table: &'static Struct, base: &'static str) -> BoxedStrategy<Vec<u8>> {
    let first = prop_oneof![12 => Just(base.to_owned()), 1 => Just(String::new())];
    let entries = vec(entry(table.fields(), 0), 0..5);
    (first, entries, frame())
        .prop_map(|(first, entries, frame)| frame.around(first, entries))
        .boxed()
}

fn entry(fields: &'static [Field], depth: usize) -> BoxedStrategy<String> {
    // 19.03 alone knows that one, also beside `HostConfig`, where it makes one for newer engines.
    let fields: Vec<_> = fields.iter().filter(|field| field.name != "Capabilities").collect();
    let known = select(fields).prop_flat_map(move |field| {
        (spelled(field.name), value(field.name, field.kind, depth))
            .prop_map(|(key, value)| format!("{key}:{value}"))
    });
    let unknown = (select(values::KEYS), select(values::WRONG))
        .prop_map(|(key, value)| format!("{key}:{value}"));
    prop_oneof![20 => known, 1 => unknown].boxed()
}

/// A field's name as a key: most often its own spelling.
fn spelled(name: &'static str) -> BoxedStrategy<String> {
    let folded: String = name
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            's' => 'ſ',
            'k' => '\u{212A}',
            _ => c,
        })
        .collect();
    let escaped: String = name.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    prop_oneof![
        24 => Just(name.to_owned()),
        1 => Just(name.to_lowercase()),
        1 => Just(name.to_uppercase()),
        1 => Just(folded),
        1 => Just(escaped),
        1 => select(values::TAILS).prop_map(move |tail| format!("{name}{tail}")),
    ]
    .prop_map(|name| format!("\"{name}\""))
    .boxed()
}

fn value(name: &'static str, kind: Kind, depth: usize) -> BoxedStrategy<String> {
    let wrong = select(values::WRONG).prop_map(str::to_owned);
    match values::of(name) {
        Some((known, values::Else::Nothing)) => select(known).prop_map(str::to_owned).boxed(),
        Some((known, values::Else::Anything)) => {
            let known = select(known).prop_map(str::to_owned);
            prop_oneof![20 => known, 3 => of_kind(kind, depth), 1 => wrong].boxed()
        }
        None => prop_oneof![24 => of_kind(kind, depth), 1 => wrong].boxed(),
    }
}

fn of_kind(kind: Kind, depth: usize) -> BoxedStrategy<String> {
    match kind {
        Kind::Bool => select(&["true", "false", "null"][..]).prop_map(str::to_owned).boxed(),
        Kind::Text => select(values::TEXTS).prop_map(str::to_owned).boxed(),
        Kind::Integer(_) => select(values::NUMBERS).prop_map(str::to_owned).boxed(),
        Kind::Any => select(values::WRONG).prop_map(str::to_owned).boxed(),
        Kind::TextOrList => {
            prop_oneof![of_kind(Kind::Text, depth), of_kind(Kind::List(&Kind::Text), depth)].boxed()
        }
        _ if depth >= DEPTH_MAX => Just("null".to_owned()).boxed(),
        Kind::List(inner) => vec(of_kind(*inner, depth + 1), 0..3)
            .prop_map(|elements| format!("[{}]", elements.join(",")))
            .boxed(),
        Kind::Map(inner) => {
            let entry = (select(values::MAP_KEYS), of_kind(*inner, depth + 1));
            let entry = entry.prop_map(|(key, value)| format!("{key}: {value}"));
            vec(entry, 0..3).prop_map(|entries| format!("{{{}}}", entries.join(","))).boxed()
        }
        Kind::Struct(table) if table.fields().is_empty() => {
            select(&["{}", "null", "{\"x\":1}"][..]).prop_map(str::to_owned).boxed()
        }
        Kind::Struct(table) => vec(entry(table.fields(), depth + 1), 0..4)
            .prop_map(|entries| format!("{{{}}}", entries.join(",")))
            .boxed(),
    }
}

/// What is done to the whole.
#[derive(Debug, Clone, Copy)]
enum Frame {
    Plain,
    Spaced,
    /// An entry once more, at the end.
    Repeated,
    Before(&'static [u8]),
    Behind(&'static [u8]),
    /// Without its last bytes.
    Cut(usize),
    /// With an entry that nests this deep.
    Deep(usize),
    /// In place of the body.
    Instead(&'static str),
}

fn frame() -> BoxedStrategy<Frame> {
    prop_oneof![
        40 => Just(Frame::Plain),
        2 => Just(Frame::Spaced),
        3 => Just(Frame::Repeated),
        1 => select(values::BEFORE).prop_map(Frame::Before),
        2 => select(values::BEHIND).prop_map(Frame::Behind),
        1 => (1..4_usize).prop_map(Frame::Cut),
        1 => (2..200_usize).prop_map(Frame::Deep),
        1 => select(values::INSTEAD).prop_map(Frame::Instead),
    ]
    .boxed()
}

impl Frame {
    fn around(self, first: String, mut entries: Vec<String>) -> Vec<u8> {
        if !first.is_empty() {
            entries.insert(0, first);
        }
        match self {
            Frame::Repeated => entries.extend(entries.last().cloned()),
            Frame::Deep(depth) => {
                entries.push(format!("\"deep\":{}{}", "[".repeat(depth), "]".repeat(depth)));
            }
            _ => {}
        }
        let body = match self {
            Frame::Spaced => format!(" \r\n\t{{ {} }}\n", entries.join(" ,\n")),
            _ => format!("{{{}}}", entries.join(",")),
        };
        match self {
            Frame::Before(bytes) => [bytes, body.as_bytes()].concat(),
            Frame::Behind(bytes) => [body.as_bytes(), bytes].concat(),
            Frame::Cut(count) => body.as_bytes()[..body.len().saturating_sub(count)].to_vec(),
            Frame::Instead(other) => other.into(),
            Frame::Plain | Frame::Spaced | Frame::Repeated | Frame::Deep(_) => body.into_bytes(),
        }
    }
}
