//! Annotations: what a request says to the OCI runtime past everything that the daemon decides.
//!
//! A runtime obeys what it likes. Where systemd manages the control groups, runc takes
//! `org.systemd.property.NAME` for a property of the container's unit (`MemoryMax`, `CPUQuota`,
//! `DeviceAllow`, `Slice`, and what other units conflict with); crun knows `run.oci.*`, and others
//! programs that run on the host. Nobody can say what a configured runtime makes of a name, so any
//! could break any rule and lift any ceiling. The names that OCI keeps for describing images are to
//! be read by people only.

use crate::policy::rule_set::Policy;
use crate::policy::shown::Shown;
use crate::policy::violations::Findings;

/// "Pre-Defined Annotation Keys" of the OCI image specification.
const DESCRIPTIONS: &str = "org.opencontainers.image.";

pub(in crate::policy) fn check(name: &str, policy: &Policy, found: &mut Findings<'_>) {
    if let Some(section) = policy.first_section()
        && !name.starts_with(DESCRIPTIONS)
    {
        let what = format_args!("annotation {}", Shown(name));
        found.add_because(what, "which a runtime may obey", section);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use crate::policy::Policy;
    use crate::policy::ceilings::Ceilings;
    use crate::policy::effects::RuntimeEffect;
    use crate::policy::facts::Facts;
    use crate::policy::rules::ports::PortRule;
    use crate::policy::testing;
    use crate::policy::types::Bytes;

    fn verdict(policy: &Policy, name: &str) -> String {
        let asked = testing::asked(RuntimeEffect::Annotation(name.to_owned()));
        testing::judged(policy, vec![asked], &Facts::none())
    }

    #[test]
    fn what_a_runtime_may_obey_breaks_every_rule() {
        let memory = Some(Bytes::parse("1g").unwrap());
        let ceilings = Ceilings { memory, ..Ceilings::default() };
        let forces = Policy { ceilings, ..Policy::permissive() };
        let ports = vec![PortRule::parse("22").unwrap()];
        let forbids = Policy { ports, ..Policy::permissive() };
        for (policy, rule) in [(&forces, "general"), (&forbids, "restrictions")] {
            for name in ["org.systemd.property.MemoryMax", "run.oci.handler"] {
                assert_eq!(
                    verdict(policy, name),
                    format!(
                        "forbidden: annotation {name}, which a runtime may obey (rule \"{rule}\")"
                    )
                );
            }
            assert_eq!(verdict(policy, "org.opencontainers.image.title"), "allowed");
        }
        assert_eq!(verdict(&Policy::permissive(), "org.systemd.property.MemoryMax"), "allowed");
    }
}
