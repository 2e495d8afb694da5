//! What hands the host to others breaks every rule at once: whoever has the host can do all that any
//! rule forbids.

use super::effects::Takeover;
use super::{Findings, Policy};

/// Reports one violation for each kind of rule that is configured, or one for all that is forced.
pub(super) fn check(policy: &Policy, by: Takeover, found: &mut Findings<'_>) {
    let what = match by {
        Takeover::Plugin => "an engine plugin, which can do anything to the host",
        Takeover::Swarm => "another swarm, whose managers can start anything on the host",
        Takeover::OwnSwarm => {
            "a new swarm, whose managers can start anything on the host; begin it at the daemon itself"
        }
        Takeover::SwarmAuthority => {
            "an authority for certificates of the swarm, which can make anybody a manager; set it at \
             the daemon itself"
        }
        Takeover::SwarmUnlocked => {
            "unlocking the swarm, whose managers can start anything on the host; unlock it at the \
             daemon itself"
        }
        Takeover::SwarmUnlockKey => {
            "the key that unlocks the managers of the swarm; ask the daemon itself for it"
        }
        Takeover::Manager => {
            "the role of a manager for a node, which can start anything on the host; set it at the \
             daemon itself"
        }
    };
    // What is forced can be left behind as well as what is forbidden.
    let forced = policy.first_section().filter(|section| *section == "general");
    for key in policy.configured().chain(forced) {
        found.add(what, key);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::policy::effects::{Asked, Effect, Place};
    use crate::policy::facts::Facts;
    use crate::policy::ports::PortRule;
    use crate::policy::privileged::PrivilegedRule;
    use crate::policy::{Inspected, Verdict, judge};

    #[test]
    fn any_restriction_refuses_it_once() {
        let verdict = |policy: &Policy, by| {
            let asked = Asked { effect: Effect::Takeover(by), at: Place::Field("X") };
            match judge(policy, Inspected::new((), vec![asked]), &Facts::none()) {
                Verdict::Allowed(_) => "allowed".to_owned(),
                Verdict::Forbidden(violations) => violations.to_string(),
            }
        };
        let policy = Policy {
            ports: ["22", "25"].map(|text| PortRule::parse(text).unwrap()).into(),
            privileged: PrivilegedRule::Forbid,
            ..Policy::permissive()
        };
        assert_eq!(
            verdict(&policy, Takeover::Plugin),
            "forbidden: an engine plugin, which can do anything to the host (rules \"ports\", \
             \"privileged\")"
        );
        assert!(verdict(&policy, Takeover::Swarm).starts_with("forbidden: another swarm"));
        assert_eq!(verdict(&Policy::permissive(), Takeover::Plugin), "allowed");
        assert_eq!(verdict(&Policy::permissive(), Takeover::Swarm), "allowed");
    }
}
