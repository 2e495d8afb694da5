//! Reading a plugin's `config.yml`: what is unknown or of a wrong type is an error that says where.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use secdocker_plugin::Verdict;
use serde::de::{DeserializeOwned, Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::limits::{Count, Limits, Severity};
use secdocker_shared::trust;

/// Reads a configuration; an empty one is that of `{}`.
///
/// # Errors
/// A sentence with line and column, if YAML or schema don't fit.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    let in_plain_words = |error: serde_yaml::Error| {
        error.to_string().replacen("expected u64", "expected a whole number of at least 0", 1)
    };
    serde_yaml::from_str(text).map_err(in_plain_words)
}

/// A password or token; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself, to be sent and nowhere else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text (in quotes, if YAML would read a number or a truth value)")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret(text.to_owned()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Secret, E> {
                Ok(Secret(number.to_string()))
            }

            // Serde's own messages would repeat what was written.
            fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
                Err(E::custom("a secret that looks like a number has to stand in quotes"))
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
                Err(E::custom("a secret that looks like a number has to stand in quotes"))
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Secret, E> {
                Err(E::custom("a secret that looks like a truth value has to stand in quotes"))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// Chooses the secret that is there: written out, or in a file whose last line end doesn't count.
///
/// # Errors
/// A sentence, if both are given, or the file can't be read.
pub fn secret(
    key: &str,
    written: Option<Secret>,
    file: Option<&Path>,
    folder: &Path,
) -> Result<Option<Secret>, String> {
    match (written, file) {
        (Some(_), Some(_)) => Err(format!("{key} and {key}_file are both given")),
        (written, None) => Ok(written),
        (None, Some(file)) => {
            let text = read(&format!("{key}_file"), &folder.join(file))?;
            let text = String::from_utf8(text).map_err(|_| format!("{key}_file is not UTF-8"))?;
            Ok(Some(Secret(text.trim_end_matches(['\r', '\n']).to_owned())))
        }
    }
}

/// A file that a configuration names, which has to be as safe from others as the configuration itself.
///
/// # Errors
/// A sentence with key and path.
pub fn read(key: &str, path: &Path) -> Result<Vec<u8>, String> {
    checked(key, path)?;
    fs::read(path).map_err(|error| format!("{key}: cannot read {}: {error}", path.display()))
}

/// Whether there is such a file, which nobody but root and ourselves can change.
///
/// # Errors
/// A sentence with key and path.
pub fn checked(key: &str, path: &Path) -> Result<(), String> {
    let found = trust::check(path).map_err(|error| format!("{key}: {error}"))?;
    match found.is_file() {
        true => Ok(()),
        false => Err(format!("{key}: {} is not a file", path.display())),
    }
}

/// A number that may also be written as text, as the Go tool's configurations may have it.
///
/// # Errors
/// If it is neither.
pub fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    // What fails while the value is visited is told with its key and line; what fails later is not.
    struct Number;
    impl Visitor<'_> for Number {
        type Value = Option<u64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number of at least 0")
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<Option<u64>, E> {
            Ok(Some(number))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Option<u64>, E> {
            let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let number = text.parse().ok().filter(|_| is_number);
            number.map(Some).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
        }
    }
    deserializer.deserialize_any(Number)
}

/// What is done where no judgement was possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// The image may not be used.
    Deny,
    /// It may.
    Allow,
}

impl Choice {
    /// The verdict that follows.
    pub fn verdict(self, reason: impl Into<String>) -> Verdict {
        match self {
            Self::Deny => Verdict::deny(reason),
            Self::Allow => Verdict::allow_because(reason),
        }
    }
}

/// The verdict where something failed: as chosen, or else SecDocker's own `on_error` applies.
pub fn on_error(choice: Option<Choice>, reason: impl Into<String>) -> Verdict {
    match choice {
        Some(choice) => choice.verdict(reason),
        None => Verdict::error(reason),
    }
}

/// The keys that say how many findings are too many; the same in every plugin that asks a scanner.
#[derive(Debug, Default)]
pub struct LimitKeys {
    /// `amountvulns`
    pub all: Option<u64>,
    /// `severity`
    pub from: Option<Severity>,
    /// `limits`
    pub of_severity: BTreeMap<Severity, u64>,
    /// `only_fixable`
    pub only_fixable: bool,
    /// `count`
    pub count: Count,
}

impl From<LimitKeys> for Limits {
    /// Without any limit, no vulnerability is allowed, as in the Go tool.
    fn from(keys: LimitKeys) -> Self {
        let LimitKeys { all, from, of_severity, only_fixable, count } = keys;
        let nothing_said =
            (all.is_none() && of_severity.is_empty()) || (all.is_none() && from.is_some());
        let all = if nothing_said { Some(0) } else { all };
        Self { all, from, of_severity, only_fixable, count }
    }
}

/// Seconds in a configuration: at least one, and at most a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const DAY_SECONDS: u64 = 86_400;
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "from 1 to {DAY_SECONDS} seconds")
            }

            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Seconds, E> {
                match seconds {
                    1..=DAY_SECONDS => Ok(Seconds(Duration::from_secs(seconds))),
                    _ => Err(E::invalid_value(Unexpected::Unsigned(seconds), &self)),
                }
            }
        }
        deserializer.deserialize_u64(Number)
    }
}

#[cfg(test)]
mod tests;
