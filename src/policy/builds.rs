//! Whether the daemon may build images.
//!
//! A build runs its steps as root, with images and variables that stand in a Dockerfile which no rule
//! sees. Through `/grpc` nothing of it is seen at all, not even whether its steps share the network
//! of the host.

use super::Findings;
use super::effects::Builder;
use super::types::ValueError;

/// Allows or forbids building.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BuildRule {
    /// What a request says is judged by the other rules.
    #[default]
    Allow,
    /// No builds at all.
    Forbid,
}

impl BuildRule {
    /// Reads `allow` or `forbid`.
    ///
    /// # Errors
    /// [`ValueError::Builds`] for anything else.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        match text {
            "allow" => Ok(Self::Allow),
            "forbid" => Ok(Self::Forbid),
            _ => Err(ValueError::Builds(text.to_owned())),
        }
    }

    pub(super) fn check(self, builder: Builder, found: &mut Findings<'_>) {
        match (self, builder) {
            (Self::Allow, _) => {}
            (Self::Forbid, Builder::Request) => found.add("a build", "builds: forbid"),
            (Self::Forbid, Builder::BuildKit) => found.add("a build by BuildKit", "builds: forbid"),
        }
    }
}
