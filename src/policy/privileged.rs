//! Whether privileged mode is forbidden.

use super::Findings;
use super::effects::{Asked, Effect};

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
    pub(super) fn check(self, asked: &Asked, findings: &mut Findings) {
        match (&asked.effect, self) {
            (Effect::Privileged, Self::Forbid) => {
                findings.add("privileged mode", "privileged", asked)
            }
            (Effect::Privileged, Self::Allow)
            | (
                Effect::Image(_)
                | Effect::User(_)
                | Effect::ImageUser
                | Effect::Environment(_)
                | Effect::HostPorts(_)
                | Effect::HostNetwork
                | Effect::HostPath(_)
                | Effect::SecurityOption(_),
                _,
            ) => {}
        }
    }
}
