//! What exists already and is only named by a request: volumes, other containers, the specification
//! that a service had before.
//!
//! To use it is what it is, so the facts give its effects, and those are judged like the request's
//! own; they may lead to further ones ([`ROUNDS_MAX`]). What could not be learned breaks the first
//! rule that it could break. To start what exists is judged again for what the daemon looks for anew:
//! where paths lead, as a directory may have become a link, and which containers and networks are meant,
//! as their names may have changed hands. What is forbidden as it is written was given by somebody beside
//! SecDocker, who has the daemon itself, and stays. Anyone who works within what exists reaches all that it
//! was given, no matter by whom.

use std::collections::HashSet;
use std::mem::{Discriminant, discriminant};

use crate::policy::ceilings::Ceilings;
use crate::policy::effects::{
    Device, Effect, Namespace, NamespaceKind, RequestedEffect, SharedWith,
};
use crate::policy::facts::{
    Container, ContainerFacts, Facts, NetworkFacts, Question, Questions, ROUNDS_MAX, ServiceFacts,
    VolumeFacts,
};
use crate::policy::judge::any_path;
use crate::policy::judge::first_start;
use crate::policy::judge::way_out;
use crate::policy::rule_set::Policy;
use crate::policy::rules::allowed::MOUNTS;
use crate::policy::rules::identifiers::is_like_identifier;
use crate::policy::rules::names::{NameRule, VolumesFrom};
use crate::policy::rules::privileged::PrivilegedRule;
use crate::policy::rules::users::UserRule;
use crate::policy::shown::Shown;
use crate::policy::violations::Findings;
use crate::policy::violations::Violations;

/// What one thing that exists brings about.
#[derive(Debug)]
pub(in crate::policy) struct Implied {
    pub(in crate::policy) effects: Vec<RequestedEffect>,
    /// The container through which it is reached, if a message should say so.
    through: Option<String>,
    /// The device of which these are the parts: an exception for it is one for them.
    pub(in crate::policy) device: Option<RequestedEffect>,
}

impl Implied {
    /// The violations, with the container in which they were found.
    pub(in crate::policy) fn told(&self, found: Violations) -> Violations {
        match &self.through {
            Some(name) => found.seen(format_args!(" in container {}", Shown(name))),
            None => found,
        }
    }
}

/// The effects of what `effects` name, and of what those name: one group for each thing.
pub(in crate::policy) fn implied(
    effects: &[RequestedEffect],
    facts: &Facts,
    ceilings: &Ceilings,
) -> Vec<Implied> {
    let known = Known { facts, ceilings };
    let mut seen = HashSet::new();
    let mut groups = implied_by((effects, None), known, &mut seen);
    let mut done = 0;
    for _ in 1..ROUNDS_MAX {
        let fresh = groups.get(done..).unwrap_or_default();
        let of_group = |group: &Implied| {
            implied_by((&group.effects, group.through.as_deref()), known, &mut seen)
        };
        let next: Vec<_> = fresh.iter().flat_map(of_group).collect();
        done = groups.len();
        groups.extend(next);
    }
    groups
}

/// What was learned of things that exist, and what was forced on them.
#[derive(Debug, Clone, Copy)]
struct Known<'a> {
    facts: &'a Facts,
    ceilings: &'a Ceilings,
}

/// By which a thing is known that counts once, however often it is named.
type Name = (Discriminant<Effect>, Option<NamespaceKind>, String);

fn implied_by(
    (effects, through): (&[RequestedEffect], Option<&str>),
    known: Known<'_>,
    seen: &mut HashSet<Name>,
) -> Vec<Implied> {
    let mut groups = Vec::new();
    for RequestedEffect { effect, at } in effects {
        if let Some((kind, name)) = named(effect)
            && seen.insert((discriminant(effect), kind, name.to_owned()))
        {
            let effects = known.effects_of(effect);
            let effects =
                effects.into_iter().map(|effect| RequestedEffect { effect, at: at.clone() });
            let is_reached = matches!(effect, Effect::ExecIn(_) | Effect::Archive(_));
            let through = through.or(is_reached.then_some(name)).map(str::to_owned);
            let is_device = matches!(effect, Effect::Device(_));
            let device =
                is_device.then(|| RequestedEffect { effect: effect.clone(), at: at.clone() });
            groups.push(Implied { effects: effects.collect(), through, device });
        }
    }
    groups
}

fn named(effect: &Effect) -> Option<(Option<NamespaceKind>, &str)> {
    match effect {
        Effect::Volume(name)
        | Effect::VolumeOnStart(name)
        | Effect::Started(name)
        | Effect::VolumesFrom(name)
        | Effect::ContainerUser(name)
        | Effect::ExecIn(name)
        | Effect::Archive(name)
        | Effect::SubnetsOf(name, _)
        | Effect::Device(Device::Cdi(name))
        | Effect::PreviousSpec { service: name, .. } => Some((None, name)),
        Effect::Namespace(Namespace { kind, with: SharedWith::Container(name) })
        | Effect::NamespaceOnStart(Namespace { kind, with: SharedWith::Container(name) }) => {
            Some((Some(*kind), name))
        }
        _ => None,
    }
}

impl<'a> Known<'a> {
    fn container(self, name: &str) -> Option<&'a Container> {
        match self.facts.container(name) {
            Some(ContainerFacts::Present(container)) => Some(container),
            Some(ContainerFacts::Absent) | None => None,
        }
    }

    fn effects_of(self, effect: &Effect) -> Vec<Effect> {
        let of = |name: &str, what: &dyn Fn(&Container) -> Vec<Effect>| {
            self.container(name).map_or_else(Vec::new, what)
        };
        match effect {
            Effect::Volume(name) => match self.facts.volume(name) {
                Some(VolumeFacts::Present(effects)) => effects.clone(),
                Some(VolumeFacts::Absent) | None => Vec::new(),
            },
            Effect::VolumeOnStart(name) => match self.facts.volume(name) {
                Some(VolumeFacts::Present(effects)) => effects.iter().filter_map(again).collect(),
                Some(VolumeFacts::Absent) | None => Vec::new(),
            },
            Effect::Started(name) => of(name, &|container| {
                let made_of = first_start::effects(container, self.ceilings);
                started(container).into_iter().chain(made_of).collect()
            }),
            Effect::VolumesFrom(name) => of(name, &|c| c.mounts.clone()),
            Effect::Archive(name) => of(name, &|container| {
                container.mounts.iter().cloned().chain(first_start::content(container)).collect()
            }),
            Effect::ContainerUser(name) => of(name, &|c| vec![Effect::User(c.user.clone())]),
            Effect::ExecIn(name) => of(name, &|container| reached(container, self.ceilings)),
            Effect::Namespace(Namespace { kind, with: SharedWith::Container(name) }) => {
                of(name, &|container| shared_by(container, *kind))
            }
            Effect::NamespaceOnStart(Namespace { kind, with: SharedWith::Container(name) }) => {
                of(name, &|container| shared_by(container, *kind).into_iter().map(still).collect())
            }
            Effect::Device(Device::Cdi(name)) => self.facts.cdi(name).cloned().unwrap_or_default(),
            Effect::SubnetsOf(name, put_to) => match self.facts.network(name) {
                Some(NetworkFacts::Other(subnets)) => {
                    subnets.iter().map(|subnet| Effect::Subnet(*subnet, *put_to)).collect()
                }
                Some(NetworkFacts::Host) | None => Vec::new(),
            },
            Effect::PreviousSpec { service, .. } => match self.facts.service(service) {
                Some(ServiceFacts::Present { effects, .. }) => effects.clone(),
                Some(ServiceFacts::Absent) | None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }
}

/// What the daemon looks for anew when it starts a container.
fn started(container: &Container) -> Vec<Effect> {
    let devices = container.devices.iter().flat_map(|path| {
        [Effect::HostPathOnStart(path.clone()), Effect::DeviceOnStart(path.clone())]
    });
    let joined = container.shares.iter().filter_map(joined_again);
    let networks = container.networks.iter().cloned().map(Effect::Network);
    container.mounts.iter().filter_map(again).chain(devices).chain(joined).chain(networks).collect()
}

fn again(effect: &Effect) -> Option<Effect> {
    match effect {
        Effect::HostPath(path) => Some(Effect::HostPathOnStart(path.clone())),
        Effect::Volume(name) => Some(Effect::VolumeOnStart(name.clone())),
        _ => None,
    }
}

/// That it shares with the host was given to it; the container that it meets may be another one meanwhile.
fn joined_again(shared: &Namespace) -> Option<Effect> {
    matches!(shared.with, SharedWith::Container(_))
        .then(|| Effect::NamespaceOnStart(shared.clone()))
}

/// What those share who are met counts in full, but not by whom they have joined themselves.
fn still(effect: Effect) -> Effect {
    match effect {
        Effect::Namespace(shared) if matches!(shared.with, SharedWith::Container(_)) => {
            Effect::NamespaceOnStart(shared)
        }
        effect => effect,
    }
}

/// All that a command within the container has. What `general` forces on every container is in order.
fn reached(container: &Container, ceilings: &Ceilings) -> Vec<Effect> {
    let privileged = container.is_privileged.then_some(Effect::Privileged);
    let powers = container.powers.iter().flatten().filter(|power| !is_forced(power, ceilings));
    let shares = shared_now(container);
    let shares = shares.iter().flat_map(Namespace::effects);
    let mounts = container.mounts.iter().cloned();
    privileged.into_iter().chain(powers.cloned()).chain(shares).chain(mounts).collect()
}

fn is_forced(power: &Effect, ceilings: &Ceilings) -> bool {
    match power {
        Effect::Capability(capability) => ceilings.capadd.contains(capability),
        Effect::SecurityOption(option) => ceilings.secopts.contains(option),
        _ => false,
    }
}

/// The namespaces that a container shares: as its process shows, where that can be seen.
fn shared_now(container: &Container) -> Vec<Namespace> {
    let Some(of_host) = &container.shares_of_host else {
        return container.shares.clone();
    };
    let joined = |shared: &&Namespace| match &shared.with {
        SharedWith::Host => true,
        SharedWith::Container(_) => false,
    };
    let mut shares: Vec<_> = container.shares.iter().filter(joined).cloned().collect();
    shares.extend(of_host.iter().filter(|shared| !container.shares.contains(shared)).cloned());
    shares
}

/// Anyone who joins a namespace joins those whom it is shared with already.
fn shared_by(container: &Container, kind: NamespaceKind) -> Vec<Effect> {
    let shares = container.shares.iter().filter(|shared| shared.kind == kind);
    shares.flat_map(Namespace::effects).collect()
}

/// What must be known of what exists already.
pub(in crate::policy) fn ask(
    policy: &Policy,
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    for RequestedEffect { effect, .. } in effects {
        match effect {
            Effect::Volume(name) | Effect::VolumeOnStart(name) if judges_mounts(policy) => {
                questions.ask(Question::volume(name));
            }
            Effect::Started(name) if judges_starts(policy) => {
                questions.ask(Question::container(name));
            }
            Effect::VolumesFrom(name)
                if judges_mounts(policy) || !policy.volumesfrom.is_empty() =>
            {
                questions.ask(Question::container(name));
            }
            Effect::Renamed { container, .. } if !policy.volumesfrom.is_empty() => {
                questions.ask(Question::container(container));
            }
            Effect::ContainerUser(name) if !policy.users.is_empty() => {
                questions.ask(Question::container(name));
            }
            Effect::ExecIn(name) if judges_reach(policy) => {
                questions.ask(Question::container(name));
            }
            Effect::Archive(name) if judges_mounts(policy) || policy.judges_images() => {
                questions.ask(Question::container(name));
            }
            Effect::Device(Device::Cdi(name)) if policy.restricts() => {
                questions.ask(Question::cdi(name));
            }
            Effect::ManagerRole { node, .. } if policy.can_be_taken_over() => {
                questions.ask(Question::node(node));
            }
            Effect::CpuQuota(name) if policy.ceilings.cpu.is_some() => {
                questions.ask(Question::container(name));
            }
            Effect::Namespace(Namespace { kind, with: SharedWith::Container(name) })
            | Effect::NamespaceOnStart(Namespace { kind, with: SharedWith::Container(name) })
                if may_be_forbidden(policy, *kind) =>
            {
                questions.ask(Question::container(name));
            }
            Effect::PreviousSpec { service, .. } if policy.first_section().is_some() => {
                questions.ask(Question::service(service));
                questions.wanted.ceilings = policy.ceilings.clone();
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
        NamespaceKind::Pid => about_paths(policy).next().is_some(),
        NamespaceKind::Ipc | NamespaceKind::Uts | NamespaceKind::User | NamespaceKind::Cgroup => {
            false
        }
    };
    by_kind || namespaces.iter().any(|rule| rule.forbids_host(kind))
}

/// The rules about paths of the host; a list of allowed ones is one.
pub(in crate::policy) fn about_paths(policy: &Policy) -> impl Iterator<Item = &str> {
    let forbidden = policy.mounts.iter().map(|rule| rule.as_str());
    forbidden.chain(policy.allowed_mounts.list().map(|_| MOUNTS))
}

/// The rules about what is mounted: without one about paths it may still be a way past SecDocker.
fn about_mounts(policy: &Policy) -> impl Iterator<Item = &str> {
    about_paths(policy).chain(way_out::as_only_rule(policy))
}

/// The rules that a volume may break: those about paths, and about drivers.
fn about_volumes(policy: &Policy) -> impl Iterator<Item = &str> {
    about_mounts(policy).chain(about_drivers(policy))
}

fn about_drivers(policy: &Policy) -> impl Iterator<Item = &str> {
    let denied = policy.volumedrivers.iter().map(|rule| rule.as_str());
    denied.chain(policy.allowed_volumedrivers.as_ref().map(|_| any_path::DRIVERS))
}

/// Whether a rule is about what is mounted: paths of the host, or volumes.
pub(in crate::policy) fn judges_mounts(policy: &Policy) -> bool {
    about_volumes(policy).next().is_some()
}

/// Whether a rule is about files in what is mounted. A socket is no file that could be read or written
/// so.
pub(in crate::policy) fn judges_files(policy: &Policy) -> bool {
    about_paths(policy).chain(about_drivers(policy)).next().is_some()
}

/// Whether starting what exists could break a rule.
pub(in crate::policy) fn judges_starts(policy: &Policy) -> bool {
    let about = about_starts(policy).chain(about_device_paths(policy));
    about.chain(first_start::about(policy)).next().is_some()
}

/// Whether working within what exists could break a rule.
pub(in crate::policy) fn judges_reach(policy: &Policy) -> bool {
    about_reach(policy).next().is_some()
}

/// The rules about what is looked for anew at a start: paths, devices, namespaces, networks.
fn about_starts(policy: &Policy) -> impl Iterator<Item = &str> {
    let Policy { ports, namespaces, privileged, .. } = policy;
    let namespaces = namespaces.iter().map(|rule| rule.as_str());
    let privileged = (*privileged == PrivilegedRule::Forbid).then_some("privileged");
    let ports = ports.iter().map(|rule| rule.as_str());
    about_volumes(policy).chain(namespaces).chain(privileged).chain(ports)
}

/// Those of them that only say which devices.
fn about_device_paths(policy: &Policy) -> impl Iterator<Item = &str> {
    policy.devices.iter().filter(|rule| rule.is_about_paths()).map(|rule| rule.as_str())
}

/// The rules about what a command within a container has by it.
fn about_reach(policy: &Policy) -> impl Iterator<Item = &str> {
    about_privileges(policy).chain(about_starts(policy))
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
    first_start::check_known((what, name), first_start::about(policy), facts, found);
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
    first_start::check_known((what, name), first_start::about_images(policy), facts, found);
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

#[cfg(test)]
#[path = "existing_tests.rs"]
mod tests;
