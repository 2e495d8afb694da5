//! Numbers, none of whose digits is lost.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

use crate::docker::json::tree::{Node, Number};
use crate::docker::schema::Width;

/// An integer, as faults call it.
pub(super) const INTEGER: &str = "an integer";

/// Reads an integer, or `null`, without making a text of it.
pub(super) struct Integer(pub(super) Width);

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
        f.write_str(INTEGER)
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
    pub(super) fn holds(self, number: i128) -> bool {
        match self {
            Self::Signed64 => i64::try_from(number).is_ok(),
            Self::Unsigned16 => u16::try_from(number).is_ok(),
            Self::Unsigned32 => u32::try_from(number).is_ok(),
            Self::Unsigned64 => u64::try_from(number).is_ok(),
        }
    }
}

/// Reads the text of a number after its mark.
pub(super) struct Digits;

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
