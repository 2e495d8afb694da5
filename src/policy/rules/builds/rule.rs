//! What is done about building.

use std::fmt::{self, Write};

use crate::policy::types::ValueError;

/// What is done about building.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BuildRule {
    /// Dockerfiles are read, and what can't be read is refused where a rule could be broken.
    #[default]
    Inspect,
    /// Only the parameters of a request are judged.
    Allow,
    /// No builds at all.
    Forbid,
}

impl BuildRule {
    /// Reads `inspect`, `allow` or `forbid`.
    ///
    /// # Errors
    /// [`ValueError::Builds`] for anything else.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        match text {
            "inspect" => Ok(Self::Inspect),
            "allow" => Ok(Self::Allow),
            "forbid" => Ok(Self::Forbid),
            _ => Err(ValueError::Builds(text.to_owned())),
        }
    }

    /// The rule in words.
    pub(in crate::policy) fn describe(self, out: &mut String) -> fmt::Result {
        match self {
            Self::Inspect => Ok(()),
            Self::Allow => writeln!(out, "Images may be built; Dockerfiles are not read."),
            Self::Forbid => writeln!(out, "Images may not be built."),
        }
    }
}
