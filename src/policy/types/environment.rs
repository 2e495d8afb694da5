//! Variables of the environment.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::error::ValueError;

/// An environment variable and its value; without one it is unset.
#[derive(Clone)]
pub struct EnvironmentEntry {
    /// Holds the entry, and perhaps others.
    text: Arc<String>,
    start: usize,
    /// Where the name ends: at the first `=`, or with the entry.
    name_end: usize,
    end: usize,
}

impl EnvironmentEntry {
    /// Reads `NAME=value` or `NAME`.
    ///
    /// # Errors
    /// [`ValueError::Environment`] without a name, which the daemon refuses too.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        Self::parse_within(&Arc::new(text.to_owned()), 0..text.len())
    }

    /// The same of one that stands in a text with others, all of which share it.
    ///
    /// # Errors
    /// As [`EnvironmentEntry::parse`].
    pub fn parse_within(text: &Arc<String>, range: Range<usize>) -> Result<Self, ValueError> {
        let Range { start, end } = range;
        let entry = text.get(start..end).unwrap_or_default();
        match memchr::memchr(b'=', entry.as_bytes()).unwrap_or(entry.len()) {
            0 => Err(ValueError::Environment(entry.to_owned())),
            name_bytes => {
                let text = Arc::clone(text);
                Ok(Self { text, start, name_end: start + name_bytes, end })
            }
        }
    }

    /// The name.
    #[inline]
    pub fn name(&self) -> &str {
        self.text.get(self.start..self.name_end).unwrap_or_default()
    }

    /// The value, which may be a secret.
    #[inline]
    pub fn value(&self) -> Option<&str> {
        self.text.get(self.name_end + 1..self.end)
    }

    /// As the Engine API has it.
    pub fn to_entry(&self) -> String {
        self.as_str().to_owned()
    }

    fn as_str(&self) -> &str {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether `NAME=value` or `NAME` is of this variable too.
    pub(in crate::policy) fn has_the_name_of(&self, entry: &str) -> bool {
        let rest = entry.strip_prefix(self.name());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    }
}

impl PartialEq for EnvironmentEntry {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for EnvironmentEntry {}

/// Without the value.
impl fmt::Debug for EnvironmentEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EnvironmentEntry").field(&self.name()).finish()
    }
}
