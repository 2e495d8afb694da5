//! Capabilities that nobody may add.

use super::Findings;
use super::privileged::PRIVILEGED;
use super::types::{Capability, ValueError};

/// One forbidden capability; `ALL` forbids adding any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapabilityRule {
    text: String,
    capability: Capability,
}

impl CapabilityRule {
    /// Reads a name in any case, with or without `CAP_`.
    ///
    /// # Errors
    /// [`ValueError::Capability`] if it cannot be one.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        Ok(Self { text: text.to_owned(), capability: Capability::parse(text)? })
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn check(&self, asked: &Capability, found: &mut Findings<'_>) {
        // To add all is to add this one.
        if *asked == self.capability || asked.is_all() || self.capability.is_all() {
            found.add(format_args!("capability {asked}"), &self.text);
        }
    }

    pub(super) fn check_privileged(&self, found: &mut Findings<'_>) {
        found.add_because(PRIVILEGED, "which has every capability", &self.text);
    }
}
