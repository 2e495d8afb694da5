//! Whether privileged mode is forbidden.

use std::fmt::{self, Write};

use crate::policy::violations::Findings;

/// What messages call it, whichever rule is broken.
pub(in crate::policy) const PRIVILEGED: &str = "privileged mode";

/// Allows or forbids privileged mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PrivilegedRule {
    /// Nothing is forbidden.
    #[default]
    Allow,
    /// Privileged containers and privileged exec are forbidden.
    Forbid,
}

impl PrivilegedRule {
    pub(in crate::policy) fn check(self, found: &mut Findings<'_>) {
        match self {
            Self::Allow => {}
            Self::Forbid => found.add(PRIVILEGED, "privileged"),
        }
    }

    /// The rule in words.
    pub(in crate::policy) fn describe(self, out: &mut String) -> fmt::Result {
        match self {
            Self::Allow => Ok(()),
            Self::Forbid => {
                writeln!(out, "Privileged containers and privileged exec are forbidden.")?;
                writeln!(
                    out,
                    "So is what adds up to them: capabilities, disks, options, namespaces."
                )
            }
        }
    }
}
