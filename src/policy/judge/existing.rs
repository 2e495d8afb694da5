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

mod ask;
mod check;

use std::collections::HashSet;
use std::mem::{Discriminant, discriminant};

use crate::policy::ceilings::Ceilings;
use crate::policy::effects::{
    Device, Effect, ExistingEffect, IdentityEffect, MountEffect, Namespace, NamespaceEffect,
    NamespaceKind, NetworkEffect, PrivilegeEffect, RequestedEffect, SharedWith,
};
use crate::policy::facts::{
    Container, ContainerFacts, Facts, NetworkFacts, ROUNDS_MAX, ServiceFacts, VolumeFacts,
};
use crate::policy::judge::first_start;
use crate::policy::shown::Shown;
use crate::policy::violations::Violations;
pub(in crate::policy) use ask::ask;
pub(in crate::policy) use check::{
    check_archive, check_joined, check_mounts_of, check_powers_of, check_previous, check_renamed,
    check_started, check_user_of, check_volume,
};

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
            let is_reached = matches!(
                effect,
                Effect::Existing(ExistingEffect::ExecIn(_) | ExistingEffect::Archive(_))
            );
            let through = through.or(is_reached.then_some(name)).map(str::to_owned);
            let is_device = matches!(effect, Effect::Privilege(PrivilegeEffect::Device(_)));
            let device =
                is_device.then(|| RequestedEffect { effect: effect.clone(), at: at.clone() });
            groups.push(Implied { effects: effects.collect(), through, device });
        }
    }
    groups
}

fn named(effect: &Effect) -> Option<(Option<NamespaceKind>, &str)> {
    match effect {
        Effect::Mount(MountEffect::Volume(name) | MountEffect::VolumeOnStart(name))
        | Effect::Existing(
            ExistingEffect::Started(name)
            | ExistingEffect::VolumesFrom(name)
            | ExistingEffect::ExecIn(name)
            | ExistingEffect::Archive(name)
            | ExistingEffect::PreviousSpec { service: name, .. },
        )
        | Effect::Identity(IdentityEffect::ContainerUser(name))
        | Effect::Network(NetworkEffect::SubnetsOf(name, _))
        | Effect::Privilege(PrivilegeEffect::Device(Device::Cdi(name))) => Some((None, name)),
        Effect::Namespace(
            NamespaceEffect::Shared(Namespace { kind, with: SharedWith::Container(name) })
            | NamespaceEffect::OnStart(Namespace { kind, with: SharedWith::Container(name) }),
        ) => Some((Some(*kind), name)),
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
            Effect::Mount(MountEffect::Volume(name)) => match self.facts.volume(name) {
                Some(VolumeFacts::Present(effects)) => effects.clone(),
                Some(VolumeFacts::Absent) | None => Vec::new(),
            },
            Effect::Mount(MountEffect::VolumeOnStart(name)) => match self.facts.volume(name) {
                Some(VolumeFacts::Present(effects)) => effects.iter().filter_map(again).collect(),
                Some(VolumeFacts::Absent) | None => Vec::new(),
            },
            Effect::Existing(ExistingEffect::Started(name)) => of(name, &|container| {
                let made_of = first_start::effects(container, self.ceilings);
                started(container).into_iter().chain(made_of).collect()
            }),
            Effect::Existing(ExistingEffect::VolumesFrom(name)) => of(name, &|c| c.mounts.clone()),
            Effect::Existing(ExistingEffect::Archive(name)) => of(name, &|container| {
                container.mounts.iter().cloned().chain(first_start::content(container)).collect()
            }),
            Effect::Identity(IdentityEffect::ContainerUser(name)) => {
                of(name, &|c| vec![IdentityEffect::User(c.user.clone()).into()])
            }
            Effect::Existing(ExistingEffect::ExecIn(name)) => {
                of(name, &|container| reached(container, self.ceilings))
            }
            Effect::Namespace(NamespaceEffect::Shared(Namespace {
                kind,
                with: SharedWith::Container(name),
            })) => of(name, &|container| shared_by(container, *kind)),
            Effect::Namespace(NamespaceEffect::OnStart(Namespace {
                kind,
                with: SharedWith::Container(name),
            })) => {
                of(name, &|container| shared_by(container, *kind).into_iter().map(still).collect())
            }
            Effect::Privilege(PrivilegeEffect::Device(Device::Cdi(name))) => {
                self.facts.cdi(name).cloned().unwrap_or_default()
            }
            Effect::Network(NetworkEffect::SubnetsOf(name, put_to)) => {
                match self.facts.network(name) {
                    Some(NetworkFacts::Other(subnets)) => subnets
                        .iter()
                        .map(|subnet| Effect::Network(NetworkEffect::Subnet(*subnet, *put_to)))
                        .collect(),
                    Some(NetworkFacts::Host) | None => Vec::new(),
                }
            }
            Effect::Existing(ExistingEffect::PreviousSpec { service, .. }) => {
                match self.facts.service(service) {
                    Some(ServiceFacts::Present { effects, .. }) => effects.clone(),
                    Some(ServiceFacts::Absent) | None => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }
}

/// What the daemon looks for anew when it starts a container.
fn started(container: &Container) -> Vec<Effect> {
    let devices = container.devices.iter().flat_map(|path| {
        [
            Effect::Mount(MountEffect::HostPathOnStart(path.clone())),
            Effect::Privilege(PrivilegeEffect::DeviceOnStart(path.clone())),
        ]
    });
    let joined = container.shares.iter().filter_map(joined_again);
    let networks = container.networks.iter().cloned();
    let networks = networks.map(|name| NetworkEffect::Joined(name).into());
    container.mounts.iter().filter_map(again).chain(devices).chain(joined).chain(networks).collect()
}

fn again(effect: &Effect) -> Option<Effect> {
    match effect {
        Effect::Mount(MountEffect::HostPath(path)) => {
            Some(Effect::Mount(MountEffect::HostPathOnStart(path.clone())))
        }
        Effect::Mount(MountEffect::Volume(name)) => {
            Some(Effect::Mount(MountEffect::VolumeOnStart(name.clone())))
        }
        _ => None,
    }
}

/// That it shares with the host was given to it; the container that it meets may be another one meanwhile.
fn joined_again(shared: &Namespace) -> Option<Effect> {
    matches!(shared.with, SharedWith::Container(_))
        .then(|| Effect::Namespace(NamespaceEffect::OnStart(shared.clone())))
}

/// What those share who are met counts in full, but not by whom they have joined themselves.
fn still(effect: Effect) -> Effect {
    match effect {
        Effect::Namespace(NamespaceEffect::Shared(shared))
            if matches!(shared.with, SharedWith::Container(_)) =>
        {
            Effect::Namespace(NamespaceEffect::OnStart(shared))
        }
        effect => effect,
    }
}

/// All that a command within the container has. What `general` forces on every container is in order.
fn reached(container: &Container, ceilings: &Ceilings) -> Vec<Effect> {
    let privileged =
        container.is_privileged.then_some(Effect::Privilege(PrivilegeEffect::Privileged));
    let powers = container.powers.iter().flatten().filter(|power| !is_forced(power, ceilings));
    let shares = shared_now(container);
    let shares = shares.iter().flat_map(Namespace::effects);
    let mounts = container.mounts.iter().cloned();
    privileged.into_iter().chain(powers.cloned()).chain(shares).chain(mounts).collect()
}

fn is_forced(power: &Effect, ceilings: &Ceilings) -> bool {
    match power {
        Effect::Privilege(PrivilegeEffect::Capability(capability)) => {
            ceilings.capadd.contains(capability)
        }
        Effect::Privilege(PrivilegeEffect::SecurityOption(option)) => {
            ceilings.secopts.contains(option)
        }
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

#[cfg(test)]
mod tests;
