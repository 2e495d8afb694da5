//! Variables that nobody may set.

use super::Findings;
use super::types::{EnvironmentEntry, ValueError};

/// One forbidden variable, with one value or with any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentRule {
    entry: EnvironmentEntry,
    text: String,
}

impl EnvironmentRule {
    /// Reads `NAME=value`, that pair, or `NAME`, the variable with any value.
    ///
    /// # Errors
    /// [`ValueError::Environment`] without a name.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        Ok(Self { entry: EnvironmentEntry::parse(text)?, text: text.to_owned() })
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn check(&self, entry: &EnvironmentEntry, found: &mut Findings<'_>) {
        if self.forbids(entry) {
            let name = entry.name().escape_debug();
            found.add(format_args!("environment variable {name}"), &self.text);
        }
    }

    fn forbids(&self, entry: &EnvironmentEntry) -> bool {
        let any_value = self.entry.value().is_none();
        entry.name() == self.entry.name() && (any_value || entry.value() == self.entry.value())
    }
}
