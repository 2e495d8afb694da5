//! What exists already and is only named by a request: volumes, other containers, the specification
//! that a service had before.
//!
//! To use it is what it is, so the facts give its effects, and those are judged like the request's
//! own; they may lead to further ones ([`ROUNDS_MAX`]). What could not be learned breaks the first
//! rule that it could break. To start what exists is judged again for the paths alone that it was given:
//! a directory may have become a link since then. A path that is forbidden as it is written was given
//! by somebody beside SecDocker, who has the daemon itself, and stays.

use std::collections::HashSet;
use std::mem::{Discriminant, discriminant};

use super::allowed::MOUNTS;
use super::effects::{Asked, Effect, Namespace, NamespaceKind, SharedWith};
use super::facts::{
    Container, ContainerFacts, Facts, Questions, ROUNDS_MAX, ServiceFacts, VolumeFacts,
};
use super::privileged::PrivilegedRule;
use super::shown::Shown;
use super::users::UserRule;
use super::{Findings, Policy, any_path};

/// The effects of what `effects` name, and of what those name: one group for each thing.
pub(super) fn implied(effects: &[Asked], facts: &Facts) -> Vec<Vec<Asked>> {
    let mut seen = HashSet::new();
    let mut groups = implied_by(effects, facts, &mut seen);
    let mut done = 0;
    for _ in 1..ROUNDS_MAX {
        let fresh = groups.get(done..).unwrap_or_default();
        let next: Vec<_> =
            fresh.iter().flat_map(|group| implied_by(group, facts, &mut seen)).collect();
        done = groups.len();
        groups.extend(next);
    }
    groups
}

/// By which a thing is known that counts once, however often it is named.
type Name = (Discriminant<Effect>, Option<NamespaceKind>, String);

fn implied_by(effects: &[Asked], facts: &Facts, seen: &mut HashSet<Name>) -> Vec<Vec<Asked>> {
    let mut groups = Vec::new();
    for Asked { effect, at } in effects {
        if let Some((kind, name)) = named(effect)
            && seen.insert((discriminant(effect), kind, name.to_owned()))
        {
            let effects = effects_of(effect, facts);
            groups
                .push(effects.into_iter().map(|effect| Asked { effect, at: at.clone() }).collect());
        }
    }
    groups
}

fn named(effect: &Effect) -> Option<(Option<NamespaceKind>, &str)> {
    match effect {
        Effect::Volume(name)
        | Effect::VolumeAgain(name)
        | Effect::Started(name)
        | Effect::VolumesFrom(name)
        | Effect::ContainerUser(name)
        | Effect::Within(name)
        | Effect::PreviousSpec { service: name, .. } => Some((None, name)),
        Effect::Namespace(Namespace { kind, with: SharedWith::Container(name) }) => {
            Some((Some(*kind), name))
        }
        _ => None,
    }
}

fn effects_of(effect: &Effect, facts: &Facts) -> Vec<Effect> {
    let container = |name: &str| match facts.container(name) {
        Some(ContainerFacts::Present(container)) => Some(container),
        Some(ContainerFacts::Absent) | None => None,
    };
    match effect {
        Effect::Volume(name) => match facts.volume(name) {
            Some(VolumeFacts::Present(effects)) => effects.clone(),
            Some(VolumeFacts::Absent) | None => Vec::new(),
        },
        Effect::VolumeAgain(name) => match facts.volume(name) {
            Some(VolumeFacts::Present(effects)) => effects.iter().filter_map(again).collect(),
            Some(VolumeFacts::Absent) | None => Vec::new(),
        },
        Effect::Started(name) => container(name).map_or_else(Vec::new, started),
        Effect::VolumesFrom(name) => container(name).map_or_else(Vec::new, |c| c.mounts.clone()),
        Effect::ContainerUser(name) => {
            container(name).map(|c| Effect::User(c.user.clone())).into_iter().collect()
        }
        Effect::Within(name) => {
            let is_privileged = container(name).is_some_and(|c| c.is_privileged);
            is_privileged.then_some(Effect::Privileged).into_iter().collect()
        }
        Effect::Namespace(Namespace { kind, with: SharedWith::Container(name) }) => {
            container(name).map_or_else(Vec::new, |container| shared_by(container, *kind))
        }
        Effect::PreviousSpec { service, .. } => match facts.service(service) {
            Some(ServiceFacts::Present { effects, .. }) => effects.clone(),
            Some(ServiceFacts::Absent) | None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The paths that the daemon follows anew when it starts a container.
fn started(container: &Container) -> Vec<Effect> {
    let devices = container
        .devices
        .iter()
        .flat_map(|path| [Effect::HostPathAgain(path.clone()), Effect::DeviceAgain(path.clone())]);
    container.mounts.iter().filter_map(again).chain(devices).collect()
}

fn again(effect: &Effect) -> Option<Effect> {
    match effect {
        Effect::HostPath(path) => Some(Effect::HostPathAgain(path.clone())),
        Effect::Volume(name) => Some(Effect::VolumeAgain(name.clone())),
        _ => None,
    }
}

/// Whoever joins a namespace joins those whom it is shared with already.
fn shared_by(container: &Container, kind: NamespaceKind) -> Vec<Effect> {
    let shares = container.shares.iter().filter(|shared| shared.kind == kind);
    shares.flat_map(Namespace::effects).collect()
}

/// What must be known of what exists already.
pub(super) fn ask(policy: &Policy, effects: &[Asked], questions: &mut Questions) {
    for Asked { effect, .. } in effects {
        match effect {
            Effect::Volume(name) | Effect::VolumeAgain(name) if judges_mounts(policy) => {
                questions.volumes.push(name.clone());
            }
            Effect::Started(name) if judges_starts(policy) => {
                questions.containers.push(name.clone());
            }
            Effect::VolumesFrom(name)
                if judges_mounts(policy) || !policy.volumesfrom.is_empty() =>
            {
                questions.containers.push(name.clone());
            }
            Effect::ContainerUser(name) if !policy.users.is_empty() => {
                questions.containers.push(name.clone());
            }
            Effect::Within(name) if about_privileges(policy).next().is_some() => {
                questions.containers.push(name.clone());
            }
            Effect::CpuQuota(name) if policy.ceilings.cpu.is_some() => {
                questions.containers.push(name.clone());
            }
            Effect::Namespace(Namespace { kind, with: SharedWith::Container(name) })
                if may_be_forbidden(policy, *kind) =>
            {
                questions.containers.push(name.clone());
            }
            Effect::PreviousSpec { service, .. } if policy.first_section().is_some() => {
                questions.services.push(service.clone());
                questions.ceilings = policy.ceilings.clone();
            }
            _ => {}
        }
    }
}

/// Whether a rule is about sharing that namespace with the host.
fn may_be_forbidden(policy: &Policy, kind: NamespaceKind) -> bool {
    let Policy { ports, namespaces, .. } = policy;
    let by_kind = match kind {
        NamespaceKind::Network => !ports.is_empty(),
        NamespaceKind::Pid => judges_mounts(policy),
        NamespaceKind::Ipc | NamespaceKind::Uts | NamespaceKind::User | NamespaceKind::Cgroup => {
            false
        }
    };
    by_kind || namespaces.iter().any(|rule| rule.forbids_host(kind))
}

/// The rules about paths of the host; a list of allowed ones is one.
fn about_mounts(policy: &Policy) -> impl Iterator<Item = &str> {
    let forbidden = policy.mounts.iter().map(|rule| rule.as_str());
    forbidden.chain(policy.allowed_mounts.list().map(|_| MOUNTS))
}

/// The rules that a volume may break: those about paths, and about drivers.
fn about_volumes(policy: &Policy) -> impl Iterator<Item = &str> {
    let denied = policy.volumedrivers.iter().map(|rule| rule.as_str());
    let allowed = policy.allowed_volumedrivers.as_ref().map(|_| any_path::DRIVERS);
    about_mounts(policy).chain(denied).chain(allowed)
}

fn judges_mounts(policy: &Policy) -> bool {
    about_volumes(policy).next().is_some()
}

/// Whether starting what exists could break a rule: without one about mounts all paths may be mounted,
/// whichever they lead to.
pub(super) fn judges_starts(policy: &Policy) -> bool {
    about_mounts(policy).next().is_some()
}

/// The rules that privileged mode may break.
fn about_privileges(policy: &Policy) -> impl Iterator<Item = &str> {
    let Policy { privileged, security, capabilities, devices, .. } = policy;
    let privileged = (*privileged == PrivilegedRule::Forbid).then_some("privileged");
    let security = security.iter().map(|rule| rule.as_str());
    let capabilities = capabilities.iter().map(|rule| rule.as_str());
    let devices = devices.iter().map(|rule| rule.as_str());
    privileged.into_iter().chain(security).chain(capabilities).chain(devices)
}

/// What can't be learned of a volume may be any path.
pub(super) fn check_volume(name: &str, policy: &Policy, facts: &Facts, found: &mut Findings<'_>) {
    if facts.volume(name).is_none() {
        let what = format_args!("volume {}", Shown(name));
        about_volumes(policy)
            .for_each(|rule| found.add_because(what, "whose options are not known", rule));
    }
}

pub(super) fn check_started(name: &str, policy: &Policy, facts: &Facts, found: &mut Findings<'_>) {
    if facts.container(name).is_none() {
        let what = format_args!("start of container {}", Shown(name));
        about_mounts(policy)
            .for_each(|rule| found.add_because(what, "whose mounts are not known", rule));
    }
}

pub(super) fn check_mounts_of(
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
        if let Some(name) = asked.chain(names.iter().map(String::as_str)).find(|n| rule.is_like(n))
        {
            rule.found(name, found);
        }
    }
    if facts.container(container).is_none() {
        let what = format_args!("mounts of container {}", Shown(container));
        let volumesfrom = policy.volumesfrom.iter().map(|rule| rule.as_str());
        about_volumes(policy)
            .chain(volumesfrom)
            .for_each(|rule| found.add_because(what, "which are not known", rule));
    }
}

pub(super) fn check_user_of(
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

pub(super) fn check_powers_of(
    container: &str,
    policy: &Policy,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    if facts.container(container).is_none() {
        let what = format_args!("privileges of container {}", Shown(container));
        about_privileges(policy)
            .for_each(|rule| found.add_because(what, "which are not known", rule));
    }
}

/// A container that does not exist yet may share anything once it does: 20.10 keeps the name of one
/// whose network is joined, and looks for it when the new one starts.
pub(super) fn check_joined(
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
    let mounts = about_mounts(policy).filter(|_| *kind == NamespaceKind::Pid);
    let namespaces = namespaces.iter().filter(|rule| rule.forbids_host(*kind));
    let rules = ports.map(|rule| rule.as_str()).chain(mounts);
    for rule in rules.chain(namespaces.map(|rule| rule.as_str())) {
        found.add_because(joined, "which may be the host's", rule);
    }
}

/// What the specification would bring about is judged by its effects; here is what it would not
/// have of what is forced, and whether it is the one that was looked at.
pub(super) fn check_previous(
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

#[cfg(test)]
#[path = "existing_tests.rs"]
mod tests;
