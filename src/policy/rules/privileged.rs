//! Whether privileged mode is forbidden.

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
}
