//! What hands the host to others breaks every rule at once: whoever has the host can do all that any
//! rule forbids.

use super::effects::Takeover;
use super::privileged::PrivilegedRule;
use super::{Findings, Policy};

/// Reports one violation for each kind of rule that is configured.
pub(super) fn check(policy: &Policy, by: Takeover, found: &mut Findings<'_>) {
    let what = match by {
        Takeover::Plugin => "an engine plugin, which can do anything to the host",
        Takeover::Swarm => "another swarm, whose managers can start anything on the host",
    };
    for key in configured(policy) {
        found.add(what, key);
    }
}

/// The keys of `restrictions` that hold something. A rule that is not taken out here breaks the
/// build.
fn configured(policy: &Policy) -> impl Iterator<Item = &'static str> {
    let Policy {
        ports,
        mounts,
        users,
        environment,
        security,
        images,
        privileged,
        capabilities,
        devices,
        namespaces,
        runtimes,
        volumesfrom,
        sysctls,
        cgroupparent,
        builds: _,   // To build is no power over the host.
        ceilings: _, // Nothing is forced on what is not a container of this daemon's clients.
    } = policy;
    let is_configured = [
        ("ports", !ports.is_empty()),
        ("mounts", !mounts.is_empty()),
        ("users", !users.is_empty()),
        ("environment", !environment.is_empty()),
        ("securitypolicies", !security.is_empty()),
        ("images", !images.is_empty()),
        ("privileged", *privileged == PrivilegedRule::Forbid),
        ("capabilities", !capabilities.is_empty()),
        ("devices", !devices.is_empty()),
        ("namespaces", !namespaces.is_empty()),
        ("runtimes", !runtimes.is_empty()),
        ("volumesfrom", !volumesfrom.is_empty()),
        ("sysctls", !sysctls.is_empty()),
        ("cgroupparent", !cgroupparent.is_empty()),
    ];
    is_configured.into_iter().filter(|(_, is_configured)| *is_configured).map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::policy::effects::{Asked, Effect, Place};
    use crate::policy::facts::Facts;
    use crate::policy::ports::PortRule;
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
            "forbidden: an engine plugin, which can do anything to the host (rule \"ports\"); \
             an engine plugin, which can do anything to the host (rule \"privileged\")"
        );
        assert!(verdict(&policy, Takeover::Swarm).starts_with("forbidden: another swarm"));
        assert_eq!(verdict(&Policy::permissive(), Takeover::Plugin), "allowed");
        assert_eq!(verdict(&Policy::permissive(), Takeover::Swarm), "allowed");
    }
}
