//! Steps of builds by BuildKit, as far as anybody can hold them to the ceilings of memory and CPU time, and to
//! rules about control groups.
//!
//! BuildKit's own reader of Dockerfiles puts each step where it is told: in a control group of SecDocker's
//! own, which has the limits ([`BuildGroup`]), or under limits for each step, where the engine knows these.
//! Instructions that come from elsewhere are not told.

mod group;

use crate::policy::effects::Steps;
use crate::policy::facts::Facts;
use crate::policy::rule_set::Policy;
use crate::policy::violations::Findings;
pub use group::BuildGroup;

/// By what the steps of a build are held to the ceilings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held<'a> {
    /// There are none.
    NoCeiling,
    /// All steps of all builds together, by this control group.
    Group(&'a BuildGroup),
    /// Each step, by what the daemon learns about it.
    EachStep,
    /// Nothing: the daemon can't be told.
    Nothing,
}

/// By what the steps of a build are held.
#[must_use]
pub fn held<'a>(policy: &'a Policy, facts: &Facts) -> Held<'a> {
    let has_ceiling = policy.ceilings.memory.is_some() || policy.ceilings.cpu.is_some();
    match &policy.build_group {
        _ if !has_ceiling => Held::NoCeiling,
        Some(group) => Held::Group(group),
        None if facts.builder().is_some_and(|builder| builder.limits_steps) => Held::EachStep,
        None => Held::Nothing,
    }
}

/// Whether instructions must be those of the daemon's own reader of Dockerfiles.
#[must_use]
pub fn are_instructions_known(policy: &Policy) -> bool {
    sections(policy).next().is_some()
}

/// The sections with rules that hold for where steps run, and what they may take.
fn sections(policy: &Policy) -> impl Iterator<Item = &'static str> {
    let groups = [("cgroupparent", !policy.cgroupparent.is_empty())];
    let groups = groups.into_iter().filter(|(_, is_there)| *is_there).map(|(section, _)| section);
    ceilings(policy).chain(groups)
}

pub(super) fn ceilings(policy: &Policy) -> impl Iterator<Item = &'static str> {
    let sections = [
        ("general.memory", policy.ceilings.memory.is_some()),
        ("general.cpu", policy.ceilings.cpu.is_some()),
    ];
    sections.into_iter().filter(|(_, is_there)| *is_there).map(|(section, _)| section)
}

/// The sections with ceilings that nobody can hold the steps of a build to.
pub(in crate::policy) fn unforceable(policy: &Policy, facts: &Facts) -> Vec<&'static str> {
    match held(policy, facts) {
        Held::Nothing => ceilings(policy).collect(),
        Held::NoCeiling | Held::Group(_) | Held::EachStep => Vec::new(),
    }
}

pub(in crate::policy) fn check(
    policy: &Policy,
    steps: &Steps,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    let (what, rules): (&str, Vec<_>) = match (steps, held(policy, facts)) {
        (Steps::Frontend, _) => (
            "a build by another frontend than dockerfile.v0, whose steps can't be held to it",
            sections(policy).collect(),
        ),
        (Steps::Opaque, _) => (
            "instructions that a step of the build makes, which can't be held to it",
            sections(policy).collect(),
        ),
        (Steps::Scanner, _) => (
            "an image that scans what was built, which can't be held to it: build without --sbom",
            ceilings(policy).collect(),
        ),
        (Steps::OfClient(Some(group)), Held::Group(own)) if group == own.as_str() => return,
        (Steps::OfClient(_), _) => (
            "steps that the client sends as instructions, which can't be held to it: build a Dockerfile",
            ceilings(policy).collect(),
        ),
    };
    if !rules.is_empty() {
        found.add(what, &rules.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_its_own_is_a_plain_path() {
        for text in ["/secdocker-builds", "/a/b.c/d_e", "/...x"] {
            assert_eq!(
                BuildGroup::parse(text).map(|group| group.as_str().to_owned()),
                Ok(text.to_owned())
            );
        }
        for text in [
            "", "/", "x", "/a/", "/a//b", "/a/../b", "/.", "/a b", "/x.slice", "/a:b", "/é", "/a\n",
        ] {
            assert!(BuildGroup::parse(text).is_err(), "{text}");
        }
        assert!(BuildGroup::parse(&format!("/{}", "a".repeat(200))).is_err());
    }
}
