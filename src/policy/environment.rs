//! Variables that nobody may set.

use std::fmt;

use super::Findings;
use super::shown::Shown;
use super::types::{EnvironmentEntry, ValueError};

/// One forbidden variable, with one value or with any.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvironmentRule {
    entry: EnvironmentEntry,
    text: String,
    /// What messages say of it. They reach the client and the log, where no value belongs, and what
    /// breaks a rule has the rule's value.
    shown: String,
}

impl EnvironmentRule {
    /// Reads `NAME=value`, that pair, or `NAME`, the variable with any value.
    ///
    /// # Errors
    /// [`ValueError::Environment`] without a name.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let entry = EnvironmentEntry::parse(text)?;
        let shown = match entry.value() {
            Some(_) => format!("{}=...", entry.name()),
            None => entry.name().to_owned(),
        };
        Ok(Self { entry, text: text.to_owned(), shown })
    }

    /// The rule as it was configured, with the value, which may be a secret.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn check(&self, entry: &EnvironmentEntry, found: &mut Findings<'_>) {
        if self.forbids(entry) {
            let name = Shown(entry.name());
            found.add(format_args!("environment variable {name}"), &self.shown);
        }
    }

    /// A variable is set, and nobody knows which.
    pub(super) fn check_unknown(&self, found: &mut Findings<'_>) {
        found.add_once("an environment variable whose name is not known", &self.shown);
    }

    /// Whatever value the rule names, the template may become it.
    pub(super) fn check_template(&self, name: &str, found: &mut Findings<'_>) {
        if name == self.entry.name() {
            let name = name.escape_debug();
            found.add(format_args!("environment variable {name} set by a template"), &self.text);
        }
    }

    fn forbids(&self, entry: &EnvironmentEntry) -> bool {
        let any_value = self.entry.value().is_none();
        entry.name() == self.entry.name() && (any_value || entry.value() == self.entry.value())
    }
}

impl fmt::Debug for EnvironmentRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EnvironmentRule").field(&self.shown).finish()
    }
}
