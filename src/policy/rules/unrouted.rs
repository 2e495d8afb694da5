//! Operations that no known daemon routes: nobody can say what one would bring about.
//!
//! A daemon newer than this program may have operations that create containers in a way of its own, and
//! Podman has a second API beside Docker's (`/libpod`), in which every rule could be broken. Where any
//! rule is configured, what could change something is let through only if it is known; of Podman's own
//! API not even a `GET`, since some of them reach into containers. `endpoints.allow` can name what shall
//! pass all the same.

use crate::policy::ceilings::Ceilings;
use crate::policy::effects::FieldPath;
use crate::policy::endpoints::Operation;
use crate::policy::rule_set::Policy;
use crate::policy::rules::builds::BuildRule;
use crate::policy::rules::strict::StrictRule;
use crate::policy::violations::Findings;
use crate::policy::violations::Violations;

/// How far an operation is from those that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unrouted {
    /// No known daemon has it, and it could change something.
    Unknown,
    /// It is one of Podman's own, or could be read as one.
    Podman,
}

/// Refuses what only Podman reads where any rule could be broken by it.
pub(in crate::policy) fn check_podmans(policy: &Policy, what: &str, found: &mut Findings<'_>) {
    if let Some(section) = policy.first_section() {
        found.add_because(what, "which only Podman reads", section);
    }
}

impl Policy {
    /// The section of the configuration that an unknown operation could break, if there is any.
    #[must_use]
    pub fn guarding_section(&self) -> Option<&'static str> {
        if self.configured().next().is_some() || self.builds == BuildRule::Forbid {
            return Some("restrictions");
        }
        if self.ceilings != Ceilings::default() {
            return Some("general");
        }
        if self.strict == StrictRule::Refuse {
            return Some("strict");
        }
        self.endpoints.can_deny().then_some("endpoints")
    }

    /// Refuses an operation that is not known, unless nothing is configured that it could break, or
    /// `endpoints.allow` names it.
    #[must_use]
    pub fn refuse_unrouted(
        &self,
        asked: &Operation<'_>,
        is: Unrouted,
        guarding: Option<&'static str>,
    ) -> Option<Violations> {
        let section = guarding.filter(|_| !self.endpoints.names(asked))?;
        let what = match is {
            Unrouted::Unknown => "which is not a known operation of the Docker Engine API",
            Unrouted::Podman => "which belongs to an API of Podman's own",
        };
        let what = format!(
            "{asked}, {what}, so that no rule can judge it; `endpoints.allow` can name it to let it pass"
        );
        let at = FieldPath::Field("the request line");
        Some(Violations::one(what, section.to_owned(), at))
    }
}
