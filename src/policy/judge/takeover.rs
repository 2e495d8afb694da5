//! What hands the host to others breaks every rule at once: anyone who has the host can do all that any
//! rule forbids.

use std::fmt;

use crate::policy::effects::{Takeover, TakeoverEffect};
use crate::policy::facts::{Facts, NodeFacts};
use crate::policy::rule_set::Policy;
use crate::policy::shown::Shown;
use crate::policy::violations::Findings;

/// Reports one violation for each kind of rule that is configured, or one for all that is forced.
pub(in crate::policy) fn check(
    policy: &Policy,
    effect: &TakeoverEffect,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    match effect {
        TakeoverEffect::By(by) => check_by(policy, *by, found),
        TakeoverEffect::ManagerRole { node, version } => {
            check_role((node, *version), policy, facts, found);
        }
        TakeoverEffect::HostProgram(path) => check_program(policy, path, found),
    }
}

fn check_by(policy: &Policy, by: Takeover, found: &mut Findings<'_>) {
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
    add(policy, what, found);
}

/// The role that a node has already opens nothing: labels and availability are set beside it. The node must be
/// the one that was looked at, as it was then: named by its identifier and version.
fn check_role(
    (node, version): (&str, Option<u64>),
    policy: &Policy,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    let is_manager = match facts.node(node) {
        Some(NodeFacts::Absent) => true,
        // Versions only grow: the daemon itself refuses an older one.
        Some(NodeFacts::Present { id, version: current, is_manager }) => {
            let is_safe = |version| version < *current || version == *current && *is_manager;
            id == node && version.is_some_and(is_safe)
        }
        None => false,
    };
    if !is_manager {
        check_by(policy, Takeover::Manager, found);
    }
}

/// A program of the host's that runs as root there, for a container whose content is a client's.
fn check_program(policy: &Policy, path: &str, found: &mut Findings<'_>) {
    let what = format_args!(
        "program {} for a device, which runs as root on the host, unless an exception names the \
         device",
        Shown(path)
    );
    add(policy, what, found);
}

fn add(policy: &Policy, what: impl fmt::Display + Copy, found: &mut Findings<'_>) {
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
    use crate::policy::effects::{Effect, FieldPath, RequestedEffect, TakeoverEffect};
    use crate::policy::rules::ports::PortRule;
    use crate::policy::rules::privileged::PrivilegedRule;
    use crate::policy::testing;
    use crate::policy::{Inspected, Verdict, judge, questions};

    #[test]
    fn a_manager_may_stay_one() {
        let policy = Policy { privileged: PrivilegedRule::Forbid, ..Policy::permissive() };
        let present = |id: &str, version, is_manager| {
            Some(NodeFacts::Present { id: id.to_owned(), version, is_manager })
        };
        for (known, version, passes) in [
            (present("n", 7, true), Some(7), true),
            (present("n", 7, true), Some(8), false),
            (present("n", 7, true), Some(6), true),
            (present("n", 7, false), Some(6), true),
            (present("another", 7, true), Some(6), false),
            (present("n", 7, true), None, false),
            (present("n", 7, false), Some(7), false),
            (present("another", 7, true), Some(7), false),
            (Some(NodeFacts::Absent), Some(7), true),
            (None, Some(7), false),
        ] {
            let mut facts = Facts::none();
            known.iter().for_each(|known| facts.add_node("n".to_owned(), known.clone()));
            let effect =
                Effect::Takeover(TakeoverEffect::ManagerRole { node: "n".to_owned(), version });
            let asked = vec![RequestedEffect { effect, at: FieldPath::Field("Role") }];
            assert_eq!(questions(&policy, &asked).nodes(), ["n"]);
            let verdict = judge(&policy, Inspected::new((), asked), &facts);
            assert_eq!(matches!(verdict, Verdict::Allowed(_)), passes, "{known:?} {version:?}");
        }
    }

    #[test]
    fn any_restriction_refuses_it_once() {
        let verdict = |policy: &Policy, by| {
            let asked = testing::asked(TakeoverEffect::By(by));
            testing::judged(policy, vec![asked], &Facts::none())
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
