//! Messages of protocol buffers as they are read: strictly, since nobody here knows how the daemon's
//! decoder gets over what is odd.

use std::ops::Range;

/// The highest number of a field.
const FIELD_MAX: u64 = (1 << 29) - 1;

/// The most fields of one message: with each goes more than its bytes.
const FIELDS_MAX: usize = 16 * 1024;

/// A message that no client sends, or that could be read in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProtoError {
    /// It ends in the middle of a field.
    Cut,
    /// A number is longer than 64 bits, or a field has a number that none can have.
    Number,
    /// A kind of value that is long out of use.
    Kind,
    /// A text is not UTF-8.
    Text,
    /// A field has a value of another kind than it should have.
    Type(u32),
    /// A field stands there again that may stand there once.
    Repeated(u32),
    /// There are more fields than any client needs.
    TooMany,
    /// Instructions say more than any client's do.
    Instructions,
}

impl std::fmt::Display for ProtoError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cut => f.write_str("the message ends in the middle of a field"),
            Self::Number => f.write_str("a number of the message is out of range"),
            Self::Kind => f.write_str("the message has a group"),
            Self::Text => f.write_str("a text of the message is not UTF-8"),
            Self::Type(field) => write!(f, "field {field} has a value of another type"),
            Self::Repeated(field) => write!(f, "field {field} is given twice"),
            Self::Instructions => {
                f.write_str("the message has more instructions than any client's")
            }
            Self::TooMany => write!(f, "the message has more than {FIELDS_MAX} fields"),
        }
    }
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A number, a truth value or a choice.
    Number(u64),
    /// A text, bytes, or a message.
    Bytes(&'a [u8]),
    /// A number of fixed length; nothing here has one.
    Fixed,
}

/// A field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) value: Value<'a>,
}

impl<'a> Field<'a> {
    pub(super) fn bytes(&self) -> Result<&'a [u8], ProtoError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Number(_) | Value::Fixed => Err(ProtoError::Type(self.number)),
        }
    }

    pub(super) fn text(&self) -> Result<&'a str, ProtoError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| ProtoError::Text)
    }

    pub(super) fn number(&self) -> Result<u64, ProtoError> {
        match self.value {
            Value::Number(number) => Ok(number),
            Value::Bytes(_) | Value::Fixed => Err(ProtoError::Type(self.number)),
        }
    }
}

/// The fields of a message in their order. Those in `once` stand there once at most.
pub(super) fn read<'a>(mut bytes: &'a [u8], once: &[u32]) -> Result<Vec<Field<'a>>, ProtoError> {
    let mut fields: Vec<Field<'a>> = Vec::new();
    let mut seen = 0_u64;
    while !bytes.is_empty() {
        let field = read_field(&mut bytes)?;
        if once.contains(&field.number) {
            // Those that stand there once all have low numbers.
            let bit = 1_u64.checked_shl(field.number).unwrap_or(0);
            if seen & bit != 0 {
                return Err(ProtoError::Repeated(field.number));
            }
            seen |= bit;
        }
        if fields.len() == FIELDS_MAX {
            return Err(ProtoError::TooMany);
        }
        fields.push(field);
    }
    Ok(fields)
}

/// Where the value of the last number of this field stands in a message, if it has one.
pub(super) fn place_of_number(bytes: &[u8], number: u32) -> Option<Range<usize>> {
    place(bytes, number, |value| matches!(value, Value::Number(_)))
}

/// The same of a message.
pub(super) fn place_of_message(bytes: &[u8], number: u32) -> Option<Range<usize>> {
    let place = place(bytes, number, |value| matches!(value, Value::Bytes(_)))?;
    let mut rest = bytes.get(place.clone())?;
    read_number(&mut rest).ok()?;
    Some(place.end - rest.len()..place.end)
}

/// Behind the key of the field.
fn place(bytes: &[u8], number: u32, is_it: fn(Value<'_>) -> bool) -> Option<Range<usize>> {
    let (mut rest, mut found) = (bytes, None);
    while !rest.is_empty() {
        let mut behind_key = rest;
        read_number(&mut behind_key).ok()?;
        let field = read_field(&mut rest).ok()?;
        if field.number == number && is_it(field.value) {
            found = Some(bytes.len() - behind_key.len()..bytes.len() - rest.len());
        }
    }
    found
}

fn read_field<'a>(bytes: &mut &'a [u8]) -> Result<Field<'a>, ProtoError> {
    let key = read_number(bytes)?;
    let number = match key >> 3 {
        number @ 1..=FIELD_MAX => u32::try_from(number).map_err(|_| ProtoError::Number)?,
        _ => return Err(ProtoError::Number),
    };
    let value = match key & 7 {
        0 => Value::Number(read_number(bytes)?),
        2 => {
            let length = usize::try_from(read_number(bytes)?).map_err(|_| ProtoError::Cut)?;
            Value::Bytes(take(bytes, length)?)
        }
        1 => take(bytes, 8).map(|_| Value::Fixed)?,
        5 => take(bytes, 4).map(|_| Value::Fixed)?,
        _ => return Err(ProtoError::Kind),
    };
    Ok(Field { number, value })
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], ProtoError> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or(ProtoError::Cut)?;
    *bytes = rest;
    Ok(taken)
}

fn read_number(bytes: &mut &[u8]) -> Result<u64, ProtoError> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(ProtoError::Cut)?;
        *bytes = rest;
        if shift == 63 && byte > 1 {
            return Err(ProtoError::Number);
        }
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(ProtoError::Number)
}

/// The entries of a map from text to `T`, as it stands in the fields of this number. One without a key or
/// a value has an empty one.
pub(super) fn map_entry<'a>(field: &Field<'a>) -> Result<(&'a str, &'a [u8]), ProtoError> {
    let (mut key, mut value) = ("", &[][..]);
    for part in read(field.bytes()?, &[1, 2])? {
        match part.number {
            1 => key = part.text()?,
            2 => value = part.bytes()?,
            _ => return Err(ProtoError::Type(field.number)),
        }
    }
    Ok((key, value))
}

/// Appends a field that is a number.
pub(super) fn write_number(out: &mut Vec<u8>, field: u32, number: u64) {
    write_varint(out, u64::from(field) << 3);
    write_varint(out, number);
}

/// Appends a field that is a text, bytes, or a message.
pub(super) fn write_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    write_varint(out, u64::from(field) << 3 | 2);
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn write_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_odd_is_refused() {
        for (bytes, error) in [
            (&[0x0a, 5, b'x'][..], ProtoError::Cut),
            (&[0x0a], ProtoError::Cut),
            (&[0x80], ProtoError::Cut),
            (&[0x09, 1, 2], ProtoError::Cut),
            (&[0x00, 1], ProtoError::Number),
            (
                &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
                ProtoError::Number,
            ),
            (&[0x82, 0x80, 0x80, 0x80, 0x20, 0], ProtoError::Number),
            (&[0x0b, 0x0c], ProtoError::Kind),
            (&[0x0f], ProtoError::Kind),
            (&[0x0a, 1, b'x', 0x0a, 1, b'y'], ProtoError::Repeated(1)),
        ] {
            assert_eq!(read(bytes, &[1]), Err(error), "{bytes:x?}");
        }
        let field = read(&[0x0a, 1, 0xff], &[]).unwrap().remove(0);
        assert_eq!(
            (field.text(), field.number()),
            (Err(ProtoError::Text), Err(ProtoError::Type(1)))
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_nothing_panics(
            fields in proptest::collection::vec((1..40_u32, any::<u64>(), ".{0,20}"), 0..20),
            garbage in proptest::collection::vec(any::<u8>(), 0..50),
        ) {
            let mut out = Vec::new();
            for (field, number, text) in &fields {
                write_number(&mut out, *field, *number);
                write_bytes(&mut out, *field, text.as_bytes());
            }
            let read_back = read(&out, &[]).unwrap();
            prop_assert_eq!(read_back.len(), fields.len() * 2);
            for (pair, (field, number, text)) in read_back.chunks(2).zip(&fields) {
                let [first, second] = pair else { panic!() };
                prop_assert_eq!((first.number, first.number().unwrap()), (*field, *number));
                prop_assert_eq!((second.number, second.text().unwrap()), (*field, text.as_str()));
            }
            drop(read(&garbage, &[]));
        }
    }
}
