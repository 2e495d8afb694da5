//! What could not be learned of what exists, or is not as it must be.

use crate::policy::effects::{Namespace, NamespaceKind, SharedWith};
use crate::policy::facts::{Container, ContainerFacts, Facts, ServiceFacts};
use crate::policy::judge::about::{
    about_device_paths, about_images, about_paths, about_reach, about_starts, about_volumes,
    about_what_is_made,
};
use crate::policy::judge::first_start;
use crate::policy::rule_set::Policy;
use crate::policy::rules::identifiers::is_like_identifier;
use crate::policy::rules::names::{NameRule, VolumesFrom};
use crate::policy::rules::users::UserRule;
use crate::policy::shown::Shown;
use crate::policy::violations::Findings;

/// What can't be learned of a volume may be any path.
pub(in crate::policy) fn check_volume(
    name: &str,
    policy: &Policy,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    if facts.volume(name).is_none() {
        let what = format_args!("volume {}", Shown(name));
        about_volumes(policy)
            .for_each(|rule| found.add_because(what, "whose options are not known", rule));
    }
}

pub(in crate::policy) fn check_started(
    name: &str,
    policy: &Policy,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    let what = format_args!("start of container {}", Shown(name));
    if facts.container(name).is_none() {
        let about = about_starts(policy).chain(about_device_paths(policy));
        about.for_each(|rule| found.add_because(what, "which is not known", rule));
    }
    first_start::check_known((what, name), about_what_is_made(policy), facts, found);
}

/// Files of what can't be learned may lie anywhere.
pub(in crate::policy) fn check_archive(
    name: &str,
    policy: &Policy,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    let what = format_args!("files of container {}", Shown(name));
    if facts.container(name).is_none() {
        about_volumes(policy).for_each(|rule| found.add_because(what, "which is not known", rule));
    }
    first_start::check_known((what, name), about_images(policy), facts, found);
}

pub(in crate::policy) fn check_mounts_of(
    container: &str,
    policy: &Policy,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    for rule in &policy.volumesfrom {
        // By its identifier, or a part of it, it is the same container.
        let names: &[String] = match facts.container(container) {
            Some(ContainerFacts::Present(Container { names, .. })) => names,
            Some(ContainerFacts::Absent) | None => &[],
        };
        let asked = std::iter::once(container);
        let is_it = |name: &&str| rule.is_like(name) || is_short_for(rule.as_str(), name);
        if let Some(name) = asked.chain(names.iter().map(String::as_str)).find(is_it) {
            rule.found(name, found);
        }
    }
    // One that is not there may be another, renamed, by the time the daemon looks.
    let reason = match facts.container(container) {
        Some(ContainerFacts::Present(_)) => return,
        Some(ContainerFacts::Absent) => "which is not there",
        None => "which are not known",
    };
    let what = format_args!("mounts of container {}", Shown(container));
    let volumesfrom = policy.volumesfrom.iter().map(|rule| rule.as_str());
    about_volumes(policy).chain(volumesfrom).for_each(|rule| found.add_because(what, reason, rule));
}

/// Whether a rule names a container by the beginning of its identifier.
fn is_short_for(rule: &str, identifier: &str) -> bool {
    let rule = rule.strip_prefix('/').unwrap_or(rule).to_ascii_lowercase();
    is_like_identifier(&rule) && is_like_identifier(identifier) && identifier.starts_with(&rule)
}

/// A container that a rule knows by its name keeps it: under another one its mounts were free.
pub(in crate::policy) fn check_renamed(
    (container, to): (&str, &str),
    rules: &[NameRule<VolumesFrom>],
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    let name = match facts.container(container) {
        Some(ContainerFacts::Absent) => return,
        Some(ContainerFacts::Present(Container { names, .. })) => names.first(),
        None => None,
    };
    for rule in rules.iter().filter(|rule| !rule.is_like(to)) {
        match name {
            Some(name) if rule.is_like(name) => {
                let what = format_args!("rename of container {}", Shown(name));
                let reason = "by whose name a rule about its mounts knows it";
                found.add_because(what, reason, rule.as_str());
            }
            Some(_) => {}
            None => {
                let what = format_args!("rename of container {}", Shown(container));
                found.add_because(what, "whose name is not known", rule.as_str());
            }
        }
    }
}

pub(in crate::policy) fn check_user_of(
    container: &str,
    rules: &[UserRule],
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    if facts.container(container).is_none() {
        let what = format_args!("user of container {}", Shown(container));
        rules.iter().for_each(|rule| found.add_because(what, "who is not known", rule.as_str()));
    }
}

pub(in crate::policy) fn check_powers_of(
    container: &str,
    policy: &Policy,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    let is_known = match facts.container(container) {
        Some(ContainerFacts::Present(container)) => container.powers.is_some(),
        Some(ContainerFacts::Absent) => true,
        None => false,
    };
    if !is_known {
        let what = format_args!("privileges of container {}", Shown(container));
        about_reach(policy).for_each(|rule| found.add_because(what, "which are not known", rule));
    }
}

/// A container that does not exist yet may share anything once it does: 20.10 keeps the name of one
/// whose network is joined, and looks for it when the new one starts.
pub(in crate::policy) fn check_joined(
    joined: &Namespace,
    policy: &Policy,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    let Namespace { kind, with: SharedWith::Container(name) } = joined else { return };
    if matches!(facts.container(name), Some(ContainerFacts::Present(_))) {
        return;
    }
    let Policy { ports, namespaces, .. } = policy;
    let ports = ports.iter().filter(|_| *kind == NamespaceKind::Network);
    let mounts = about_paths(policy).filter(|_| *kind == NamespaceKind::Pid);
    let namespaces = namespaces.iter().filter(|rule| rule.forbids_host(*kind));
    let rules = ports.map(|rule| rule.as_str()).chain(mounts);
    for rule in rules.chain(namespaces.map(|rule| rule.as_str())) {
        found.add_because(joined, "which may be the host's", rule);
    }
}

/// What the specification would bring about is judged by its effects; here is what it would not
/// have of what is forced, and whether it is the one that was looked at.
pub(in crate::policy) fn check_previous(
    (service, version): (&str, Option<u64>),
    policy: &Policy,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    let Some(section) = policy.first_section() else { return };
    match facts.service(service) {
        None => found.add("a return to a specification that is not known", section),
        Some(ServiceFacts::Absent) => {}
        // The daemon refuses an update of another version, so the one that was looked at is meant.
        Some(ServiceFacts::Present { version: current, .. }) if version != Some(*current) => {
            found.add("a return from a version that is not the service's current one", section);
        }
        Some(ServiceFacts::Present { forced, .. }) if forced.is_empty() => {}
        Some(ServiceFacts::Present { forced, .. }) => {
            let fields = forced.join(", ");
            found.add(format_args!("a return to a specification that lifts {fields}"), "general");
        }
    }
}
