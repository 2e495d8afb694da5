//! Security options.

use std::fmt;

use super::entry::entry;
use super::error::ValueError;

/// A security option: its name, and its value if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityOption {
    name: String,
    value: Option<String>,
}

impl SecurityOption {
    /// An option and its value.
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: Some(value.to_owned()) }
    }

    /// Reads an option as the daemon's `parseSecurityOpt` does: the name ends at the first `=`, or
    /// at the first `:` if there is no `=`; `disable` alone is `label=disable`, and
    /// `no-new-privileges` alone is true.
    ///
    /// # Errors
    /// [`ValueError::SecurityOption`] without a name.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if text == "disable" {
            return Ok(Self::new("label", "disable"));
        }
        let (name, value) = match text.split_once('=').or_else(|| text.split_once(':')) {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        match name {
            "" => Err(ValueError::SecurityOption(text.to_owned())),
            name => Ok(Self { name: name.to_owned(), value }),
        }
    }

    /// `seccomp`, `apparmor`, `label`, `no-new-privileges`, `systempaths`, …
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands behind the `=`.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// As the Engine API has it.
    pub fn to_entry(&self) -> String {
        entry(&self.name, self.value())
    }
}

impl fmt::Display for SecurityOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 64;
        let entry = self.to_entry();
        match entry.char_indices().nth(SHOWN_MAX) {
            Some((at, _)) => write!(f, "{}…", entry.split_at(at).0.escape_debug()),
            None => write!(f, "{}", entry.escape_debug()),
        }
    }
}
