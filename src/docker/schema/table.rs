//! Tables of fields, what their values must look like, and finding a key in one as the daemon does.

use super::stance::Stance;

/// What a value must look like. `null` is allowed for every kind: the daemon leaves the field as if
/// it were absent.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Whatever it is.
    Any,
    /// `true` or `false`.
    Bool,
    /// A string, also where the daemon parses it further (addresses, durations' enclosing types).
    Text,
    /// A number without fraction or exponent, in the range of the daemon's type.
    Integer(Width),
    /// A string, or a list of strings: Go `strslice.StrSlice`.
    TextOrList,
    /// A list of values of one kind.
    List(&'static Kind),
    /// An object whose keys are the client's: they stay case-sensitive.
    Map(&'static Kind),
    /// An object whose keys are fields: they match in any case.
    Struct(&'static Struct),
}

/// The range of an integer field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Go `int`, `int64`, `time.Duration`.
    Signed64,
    /// Go `uint16`.
    Unsigned16,
    /// Go `uint32`, `os.FileMode`.
    Unsigned32,
    /// Go `uint`, `uint64`.
    Unsigned64,
}

macro_rules! fields {
    ($($name:literal: $kind:expr, $stance:expr;)*) => {
        &[$($crate::docker::schema::table::Field { name: $name, kind: $kind, stance: $stance }),*]
    };
}
pub(super) use fields;

pub(super) const INT: Kind = Kind::Integer(Width::Signed64);
pub(super) const UINT16: Kind = Kind::Integer(Width::Unsigned16);
pub(super) const UINT32: Kind = Kind::Integer(Width::Unsigned32);
pub(super) const UINT64: Kind = Kind::Integer(Width::Unsigned64);
pub(super) const TEXTS: Kind = Kind::List(&Kind::Text);
pub(super) const TEXT_MAP: Kind = Kind::Map(&Kind::Text);
/// A set as Go writes it: `map[string]struct{}`.
pub(super) const SET: Kind = Kind::Map(&Kind::Struct(&NOTHING));

pub(super) static NOTHING: Struct = Struct::new(&[]);

impl Kind {
    /// The fields that it, or what it holds, is matched with.
    #[must_use]
    pub fn fields(&self) -> Option<&'static Struct> {
        match self {
            Self::Struct(table) => Some(table),
            Self::List(inner) | Self::Map(inner) => inner.fields(),
            Self::Any | Self::Bool | Self::Text | Self::Integer(_) | Self::TextOrList => None,
        }
    }
}

/// One field of a [`Struct`].
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The Engine API's own spelling: what is written.
    pub name: &'static str,
    /// What the value must look like.
    pub kind: Kind,
    /// What the firewall does with it.
    pub stance: Stance,
}

/// An object whose keys the daemon matches with its fields.
#[derive(Debug)]
pub struct Struct {
    fields: &'static [Field],
    /// Open addressing by [`bucket`]; [`VACANT`] ends a search.
    index: [u8; BUCKETS],
}

const BUCKETS: usize = 256;
const VACANT: u8 = u8::MAX;
/// The most fields of a table: the positions of those that were seen fit in a `u128`, and half of the
/// index stays vacant.
pub const FIELDS_MAX: usize = 128;
const _: () = assert!(FIELDS_MAX * 2 <= BUCKETS && FIELDS_MAX < VACANT as usize);

impl Struct {
    pub(super) const fn new(fields: &'static [Field]) -> Self {
        Self { fields, index: index(fields) }
    }

    /// The field that the daemon takes `key` for, and its position.
    ///
    /// Go `encoding/json`: the exact name, or one that equals it under simple case folding. Of all
    /// characters beyond ASCII only `ſ` (U+017F) and the Kelvin sign (U+212A) fold into ASCII, and
    /// no two fields of a table fold into one another, so the order of the two does not matter.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<(usize, &'static Field)> {
        if key.is_ascii() { self.ascii_field(key) } else { self.ascii_field(&folded(key)) }
    }

    /// The same, where the field at the position `guess` is a likely one: clients send most fields in
    /// the order of the daemon's own types, which is that of the tables.
    #[must_use]
    pub fn field_near(&self, guess: usize, key: &str) -> Option<(usize, &'static Field)> {
        match self.fields.get(guess) {
            Some(field) if field.name == key => Some((guess, field)),
            _ => self.field(key),
        }
    }

    /// The position of the field of this name, in the Engine API's own spelling.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        // The names in the code are mostly those of the tables, not copies.
        self.find(name, |field| std::ptr::eq(field, name) || field == name)
    }

    /// All fields in the order of their positions.
    #[must_use]
    pub fn fields(&self) -> &'static [Field] {
        self.fields
    }

    fn ascii_field(&self, key: &str) -> Option<(usize, &'static Field)> {
        let position = self.find(key, |name| name == key || name.eq_ignore_ascii_case(key))?;
        Some((position, self.fields.get(position)?))
    }

    /// The first field in the bucket of `key`, or behind it, that is the one.
    fn find(&self, key: &str, is_it: impl Fn(&str) -> bool) -> Option<usize> {
        let mut at = bucket(key.as_bytes());
        loop {
            let position = usize::from(*self.index.get(at)?);
            if is_it(self.fields.get(position)?.name) {
                return Some(position);
            }
            at = (at + 1) % BUCKETS;
        }
    }
}

/// `key` as all that the daemon takes for the same field look: in ASCII lower case, `ſ` as `s`, the
/// Kelvin sign as `k`.
#[must_use]
pub fn folded(key: &str) -> String {
    key.chars()
        .map(|character| match character {
            'ſ' => 's',
            '\u{212A}' => 'k',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}

/// The same for all spellings of an ASCII name: of its length and three of its letters.
#[expect(clippy::indexing_slicing, reason = "half of a length, and one less, are below it")]
#[expect(clippy::cast_possible_truncation, reason = "a long name has the bucket of a short one")]
const fn bucket(name: &[u8]) -> usize {
    if name.is_empty() {
        return 0;
    }
    let letters = [name[0], name[name.len() / 2], name[name.len() - 1], 0];
    let mixed = (u32::from_le_bytes(letters) | 0x0020_2020) ^ ((name.len() as u32) << 24);
    (mixed.wrapping_mul(0x9E37_79B1) >> 24) as usize % BUCKETS
}

#[expect(clippy::indexing_slicing, reason = "runs at compile time: out of bounds does not build")]
#[expect(clippy::cast_possible_truncation, reason = "positions are below FIELDS_MAX")]
const fn index(fields: &[Field]) -> [u8; BUCKETS] {
    assert!(fields.len() <= FIELDS_MAX, "too many fields for the index");
    let mut index = [VACANT; BUCKETS];
    let mut position = 0;
    while position < fields.len() {
        let mut at = bucket(fields[position].name.as_bytes());
        while index[at] != VACANT {
            at = (at + 1) % BUCKETS;
        }
        index[at] = position as u8;
        position += 1;
    }
    index
}

/// The fields of several tables after one another.
#[expect(clippy::indexing_slicing, reason = "runs at compile time: out of bounds does not build")]
pub(super) const fn join<const N: usize>(parts: &[&[Field]]) -> [Field; N] {
    let mut joined = [Field { name: "", kind: Kind::Any, stance: Stance::Inside }; N];
    let mut length = 0;
    let mut part = 0;
    while part < parts.len() {
        let mut at = 0;
        while at < parts[part].len() {
            joined[length] = parts[part][at];
            length += 1;
            at += 1;
        }
        part += 1;
    }
    assert!(length == N, "the parts do not fill the table");
    joined
}

/// The same fields with another stance.
#[expect(clippy::indexing_slicing, reason = "runs at compile time: out of bounds does not build")]
pub(super) const fn restanced<const N: usize>(fields: &[Field], stance: Stance) -> [Field; N] {
    let mut changed: [Field; N] = join(&[fields]);
    let mut at = 0;
    while at < N {
        changed[at].stance = stance;
        at += 1;
    }
    changed
}
