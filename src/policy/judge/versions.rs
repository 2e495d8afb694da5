//! The version of the Engine API that a request speaks, and from which one the daemon reads what
//! `general` forces on a service.
//!
//! Below a version of its own the daemon drops a field from the body of a service without a word
//! (`adjustForAPIVersion` in its swarm router); an engine that is older than the field does not know it
//! in any version. What is dropped is not forced, so the request is refused. Of containers, execs, updates and
//! classic builds every forced field is read in every version that an engine from 20.10 on accepts.

mod api_version;

use crate::policy::ceilings::Ceilings;
use crate::policy::effects::{Effect, ReadingEffect, RequestedEffect};
use crate::policy::facts::{Facts, Question, Questions};
use crate::policy::types::SecurityOption;
use crate::policy::violations::Findings;
pub use api_version::ApiVersion;

/// A security option as the fields of a service can say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceOption<'a> {
    /// `Privileges.NoNewPrivileges`.
    NoNewPrivileges(bool),
    /// No `Privileges.Seccomp`: the daemon's own profile.
    DefaultSeccomp,
    /// `Privileges.Seccomp` without a profile.
    UnconfinedSeccomp,
    /// `Privileges.Seccomp` with this profile, as JSON.
    Seccomp(&'a str),
    /// No `Privileges.AppArmor`: the daemon's own profile.
    DefaultAppArmor,
    /// `Privileges.AppArmor`, disabled.
    NoAppArmor,
    /// `Privileges.SELinuxContext`, disabled.
    NoLabels,
    /// One part of `Privileges.SELinuxContext`.
    Label {
        /// `user`, `role`, `type` or `level`.
        part: &'a str,
        /// Its value.
        value: &'a str,
    },
}

impl<'a> ServiceOption<'a> {
    /// How a service says `option`; `None` if it has no field for it.
    #[must_use]
    pub fn of(option: &'a SecurityOption) -> Option<Self> {
        Some(match (option.name(), option.value().unwrap_or_default()) {
            // What Go's `strconv.ParseBool` takes for true.
            ("no-new-privileges", "" | "1" | "t" | "T" | "true" | "TRUE" | "True") => {
                Self::NoNewPrivileges(true)
            }
            ("no-new-privileges", _) => Self::NoNewPrivileges(false),
            ("seccomp", "builtin") => Self::DefaultSeccomp,
            ("seccomp", "unconfined") => Self::UnconfinedSeccomp,
            ("seccomp", profile) => Self::Seccomp(profile),
            ("apparmor", "docker-default") => Self::DefaultAppArmor,
            ("apparmor", "unconfined") => Self::NoAppArmor,
            ("label", "disable") => Self::NoLabels,
            ("label", label) => {
                let (part, value) = label.split_once(':').unwrap_or((label, ""));
                let is_part = matches!(part, "user" | "role" | "type" | "level");
                is_part.then_some(Self::Label { part, value })?
            }
            _ => return None,
        })
    }

    /// The first version in which the daemon reads its field. Where the option means that a field is
    /// absent, that is so in every version.
    const fn since(self) -> ApiVersion {
        match self {
            Self::NoNewPrivileges(true)
            | Self::UnconfinedSeccomp
            | Self::Seccomp(_)
            | Self::NoAppArmor => ApiVersion::new(1, 44),
            Self::NoNewPrivileges(false)
            | Self::DefaultSeccomp
            | Self::DefaultAppArmor
            | Self::NoLabels
            | Self::Label { .. } => ApiVersion::FIRST,
        }
    }
}

/// The first version in which the daemon reads `CapabilityAdd` and `CapabilityDrop` of a service.
const CAPABILITIES_SINCE: ApiVersion = ApiVersion::new(1, 41);

/// One thing that is forced on a service.
struct Forced {
    key: &'static str,
    what: String,
    /// The first version in which the daemon reads it; none if no version has a field for it.
    since: Option<ApiVersion>,
}

/// What the ceilings force on services. One that is not taken out of them here breaks the build.
fn forced(ceilings: &Ceilings) -> Vec<Forced> {
    let Ceilings {
        // The fields of these are read in every version that knows services.
        memory: _,
        cpu: _,
        user: _,
        environment: _,
        owner: _,
        secopts,
        capdrop,
        capadd,
    } = ceilings;
    let capabilities = [("general.capdrop", capdrop), ("general.capadd", capadd)];
    let capabilities = capabilities.into_iter().filter(|(_, list)| !list.is_empty());
    let capabilities = capabilities.map(|(key, _)| {
        let what = "capabilities".to_owned();
        Forced { key, what, since: Some(CAPABILITIES_SINCE) }
    });
    let options = secopts.iter().map(|option| Forced {
        key: "general.secopts",
        what: format!("security option {option}"),
        since: ServiceOption::of(option).map(ServiceOption::since),
    });
    capabilities.chain(options).collect()
}

/// Refuses a service that the ceilings would not hold for in the version that the request speaks: none
/// is the newest of the daemon.
pub(in crate::policy) fn check(
    spoken: Option<ApiVersion>,
    ceilings: &Ceilings,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    for Forced { key, what, since } in forced(ceilings) {
        let Some(since) = since else {
            let what = format_args!("a service, which has no field for the forced {what}");
            found.add(what, key);
            continue;
        };
        let version = spoken.or_else(|| facts.api_version().copied());
        match (spoken, version) {
            (_, _) if since == ApiVersion::FIRST => {}
            (_, Some(version)) if version >= since => {}
            (Some(version), _) => found.add(
                format_args!(
                    "a service in API version {version}, in which the daemon ignores the forced \
                     {what}: use {since} or newer"
                ),
                key,
            ),
            (None, Some(version)) => found.add(
                format_args!(
                    "a service, since the daemon's API version {version} ignores the forced {what}: \
                     that takes an engine of API {since} or newer"
                ),
                key,
            ),
            (None, None) => found.add(
                format_args!(
                    "a service in an API version that is not known, which may ignore the forced {what}: \
                     use {since} or newer"
                ),
                key,
            ),
        }
    }
}

/// Whether the daemon's own version must be known.
pub(in crate::policy) fn ask(
    ceilings: &Ceilings,
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    let is_unsaid = |asked: &RequestedEffect| {
        matches!(asked.effect, Effect::Reading(ReadingEffect::ServiceVersion(None)))
    };
    let depends = |forced: &Forced| forced.since.is_some_and(|since| since > ApiVersion::FIRST);
    if effects.iter().any(is_unsaid) && forced(ceilings).iter().any(depends) {
        questions.ask(Question::ApiVersion);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::policy::effects::FieldPath;
    use crate::policy::testing;
    use crate::policy::types::Capability;
    use crate::policy::{Policy, questions};

    fn verdict(policy: &Policy, spoken: Option<&str>, facts: &Facts) -> String {
        let effect = Effect::Reading(ReadingEffect::ServiceVersion(spoken.map(ApiVersion::parse)));
        let asked = RequestedEffect { effect, at: FieldPath::Field("the API version") };
        testing::judged(policy, vec![asked], facts)
    }

    fn forcing(secopts: &[&str], capdrop: &[&str]) -> Policy {
        let mut policy = Policy::permissive();
        let option = |text: &&str| SecurityOption::parse(text).unwrap();
        policy.ceilings.secopts = secopts.iter().map(option).collect();
        let capability = |text: &&str| Capability::parse(text).unwrap();
        policy.ceilings.capdrop = capdrop.iter().map(capability).collect();
        policy
    }

    #[test]
    fn versions_are_read_as_the_daemon_compares_them() {
        for (text, major, minor) in [
            ("1.44", 1, 44),
            ("1.044", 1, 44),
            ("1.44.9", 1, 44),
            ("1..44", 1, 0),
            ("2", 2, 0),
            (".44", 0, 44),
            ("", 0, 0),
            ("1.99999999999999999999", 1, 0),
        ] {
            assert_eq!(ApiVersion::parse(text), ApiVersion::new(major, minor), "{text}");
        }
        assert!(ApiVersion::parse("1.9") < ApiVersion::parse("1.41"));
    }

    /// Each forced field by the versions of 20.10 to 29, said by the client and by the daemon.
    #[test]
    fn what_is_forced_is_read_from_a_version_on() {
        let no_field = "which has no field for the forced security option";
        let ignored = "ignores the forced";
        for (policy, since, reason) in [
            (forcing(&["no-new-privileges"], &[]), 44, ignored),
            (forcing(&["no-new-privileges:true"], &[]), 44, ignored),
            (forcing(&["seccomp=unconfined"], &[]), 44, ignored),
            (forcing(&["seccomp={}"], &[]), 44, ignored),
            (forcing(&["apparmor=unconfined"], &[]), 44, ignored),
            (forcing(&[], &["ALL"]), 41, ignored),
            (forcing(&["seccomp=builtin", "apparmor=docker-default"], &[]), 0, ""),
            (forcing(&["label=disable", "label=type:x", "no-new-privileges=false"], &[]), 0, ""),
            (forcing(&["apparmor=mine"], &[]), 99, no_field),
            (forcing(&["systempaths=unconfined"], &[]), 99, no_field),
            (forcing(&["label=x:y"], &[]), 99, no_field),
            (Policy::permissive(), 0, ""),
        ] {
            for minor in 12..60 {
                let version = format!("1.{minor}");
                let mut facts = Facts::none();
                let spoken = verdict(&policy, Some(&version), &facts);
                facts.add_api_version(ApiVersion::parse(&version));
                for found in [spoken, verdict(&policy, None, &facts)] {
                    assert_eq!(found == "allowed", minor >= since, "{version}: {found}");
                    assert!(minor >= since || found.contains(reason), "{version}: {found}");
                }
            }
        }
    }

    #[test]
    fn the_daemon_is_asked_where_it_alone_knows() {
        let asks = |policy: &Policy, spoken: Option<ApiVersion>| {
            let effect = Effect::Reading(ReadingEffect::ServiceVersion(spoken));
            let asked = RequestedEffect { effect, at: FieldPath::Field("the API version") };
            questions(policy, &[asked]).asks(&Question::ApiVersion)
        };
        let forces = forcing(&["no-new-privileges"], &[]);
        assert!(asks(&forces, None) && !asks(&forces, Some(ApiVersion::new(1, 43))));
        assert!(!asks(&forcing(&["seccomp=builtin"], &[]), None));
        assert!(!asks(&Policy::permissive(), None));
        let unknown = verdict(&forces, None, &Facts::none());
        assert!(unknown.contains("an API version that is not known"), "{unknown}");
    }
}
