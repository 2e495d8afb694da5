//! Users and groups, by name or number, and which of them a rule is about.

use std::fmt;

use crate::policy::shown::Shown;
use crate::policy::types::ValueError;

/// A name, or a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// As many bits of it as the kernel keeps.
    Number(u32),
    /// A name, of which the image says what it stands for.
    Name(Box<str>),
}

impl Principal {
    /// Reads a name or a number as Go's `strconv.Atoi` does: `00`, `+0` and `-0` are 0, and so is an
    /// empty text. An entry of the image's `/etc/passwd` may have a number of 64 bits, and the daemon
    /// keeps the lower 32: 4294967296 runs as root then.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let number = if text.is_empty() { Some(0) } else { signed(text) };
        let low = number.and_then(|number| u32::try_from(number.rem_euclid(1 << 32)).ok());
        low.map_or_else(|| Self::Name(text.into()), Self::Number)
    }

    /// Whether it is number 0, or the name that number has everywhere.
    #[must_use]
    pub fn is_root(&self) -> bool {
        match self {
            Self::Number(number) => *number == 0,
            Self::Name(name) => &**name == "root",
        }
    }
}

/// Decimal digits behind an optional sign.
fn signed(text: &str) -> Option<i64> {
    let (digits, sign) = match text.strip_prefix('-') {
        Some(digits) => (digits, -1),
        None => (text.strip_prefix('+').unwrap_or(text), 1),
    };
    if digits.is_empty() {
        return None;
    }
    digits.bytes().try_fold(0_i64, |number, byte| match byte {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(sign * i64::from(byte - b'0')),
        _ => None,
    })
}

/// A group that is asked for, as the daemon reads an element of `GroupAdd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSpec {
    text: String,
    group: Principal,
}

impl GroupSpec {
    /// Reads a name or a number.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self { text: text.to_owned(), group: Principal::read(text) }
    }

    /// The group.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.group
    }
}

impl fmt::Display for GroupSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.text).fmt(f)
    }
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) enum Principals {
    /// One of them.
    One(Principal),
    /// All of these numbers, the last one too.
    Numbers(u32, u32),
}

/// Whether a rule is about what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Held {
    No,
    Yes,
    /// It was asked for by a name, and the rule is about numbers: the image says which it has.
    Unknown,
}

impl Principals {
    /// Reads a name, a number, or a range of numbers such as `0-999`.
    pub(in crate::policy) fn parse(
        text: &str,
        error: fn(String) -> ValueError,
    ) -> Result<Self, ValueError> {
        // No tool makes such a name, so it is a pattern that would match nothing.
        let is_odd = |char: char| char.is_whitespace() || "*?![]{}(),;/|".contains(char);
        if text.is_empty() || text.contains(is_odd) {
            return Err(error(text.to_owned()));
        }
        match text.split_once('-').map(|(first, last)| (digits(first), digits(last))) {
            Some((Some(first), Some(last))) if first <= last => Ok(Self::Numbers(first, last)),
            Some((Some(_), Some(_))) => Err(error(text.to_owned())),
            _ => Ok(Self::One(Principal::read(text))),
        }
    }

    pub(in crate::policy) fn hold(&self, asked: &Principal) -> Held {
        let is_held = match self {
            Self::One(one) => asked == one || asked.is_root() && one.is_root(),
            Self::Numbers(first, last) => match asked {
                Principal::Number(number) => (*first..=*last).contains(number),
                name if name.is_root() => *first == 0,
                Principal::Name(_) => return Held::Unknown,
            },
        };
        if is_held { Held::Yes } else { Held::No }
    }

    /// Whether number 0 is among them.
    pub(in crate::policy) fn hold_root(&self) -> bool {
        self.hold(&Principal::Number(0)) == Held::Yes
    }
}

/// A decimal number without a sign.
fn digits(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    fn held(rule: &str, asked: &str) -> Held {
        Principals::parse(rule, ValueError::User).unwrap().hold(&Principal::read(asked))
    }

    #[test]
    fn what_a_rule_is_about() {
        for (rule, asked, expected) in [
            ("root", "0", Held::Yes),
            ("root", "+00", Held::Yes),
            ("0", "root", Held::Yes),
            ("999", "0999", Held::Yes),
            ("999", "4294968295", Held::Yes),
            ("www-data", "www-data", Held::Yes),
            ("www-data", "33", Held::No),
            ("999", "docker", Held::No),
            ("0-999", "999", Held::Yes),
            ("0-999", "1000", Held::No),
            ("0-999", "root", Held::Yes),
            ("0-999", "4294967296", Held::Yes),
            ("0-999", "app", Held::Unknown),
            ("1-999", "root", Held::No),
            ("7-7", "7", Held::Yes),
        ] {
            assert_eq!(held(rule, asked), expected, "{rule} {asked}");
        }
    }

    #[test]
    fn what_is_a_pattern_is_no_name() {
        for text in ["", "*", "app*", "!root", "a?", "[0-9]", "999-0", "a b", "a,b"] {
            assert!(Principals::parse(text, ValueError::User).is_err(), "{text}");
        }
        for text in ["www-data", "_apt", "machine$", "a.b", "0-", "-5", "x-1"] {
            assert!(Principals::parse(text, ValueError::User).is_ok(), "{text}");
        }
    }
}
