//! Which rule is about which effect.

mod host;
mod images;
mod running;

use crate::policy::effects::{
    Effect, ExistingEffect, NamespaceEffect, NetworkEffect, ReadingEffect, RequestedEffect,
    RuntimeEffect,
};
use crate::policy::facts::Facts;
use crate::policy::judge::{existing, takeover, versions};
use crate::policy::rule_set::Policy;
use crate::policy::rules::{annotations, identifiers, networks, runtimes, subnets, unrouted};
use crate::policy::violations::{Findings, Violations};

/// A rule that is new breaks the build here: it is shown the effects that it is about below.
const _: fn(&Policy) = |policy| {
    let Policy {
        ports: _,
        mounts: _,
        users: _,
        groups: _,
        environment: _,
        security: _,
        images: _,
        privileged: _,
        capabilities: _,
        devices: _,
        namespaces: _,
        runtimes: _,
        volumesfrom: _, // Judged with what the other container is called.
        volumedrivers: _,
        allowed_volumedrivers: _,
        sysctls: _,
        cgroupparent: _,
        allowed_images: _,
        allowed_mounts: _,
        allowed_shares: _,
        way_out: _, // Judged with all that is allowed.
        subnets: _,
        allowed_subnets: _,
        builds: _,      // Judged with all that a build could break.
        build_group: _, // Judged with the steps that could run elsewhere.
        endpoints: _,   // Asked when the head was there.
        strict: _,
        ceilings: _,
        exceptions: _, // They say where what is found counts.
    } = policy;
};

/// Shows one effect to every rule that is about it, family by family. An effect without a line below breaks
/// the build.
pub(super) fn check(
    policy: &Policy,
    asked: &RequestedEffect,
    effects: &[RequestedEffect],
    facts: &Facts,
    violations: &mut Violations,
) {
    let found = &mut Findings::new(violations, &asked.at);
    let beside = (effects, facts);
    match &asked.effect {
        Effect::Image(effect) => images::image(policy, effect, beside, found),
        Effect::Build(effect) => images::build(policy, effect, facts, found),
        Effect::Takeover(effect) => takeover::check(policy, effect, facts, found),
        Effect::Identity(effect) => running::identity(policy, effect, beside, found),
        Effect::Environment(effect) => running::variable(policy, effect, beside, found),
        Effect::Mount(effect) => host::mount(policy, effect, beside, found),
        Effect::Existing(effect) => existing(policy, effect, facts, found),
        Effect::Privilege(effect) => host::privilege(policy, effect, facts, found),
        Effect::Namespace(effect) => namespace(policy, effect, facts, found),
        Effect::Network(effect) => network(policy, effect, facts, found),
        Effect::Runtime(effect) => runtime(policy, effect, facts, found),
        Effect::Reading(effect) => reading(policy, effect, facts, found),
    }
}

fn existing(policy: &Policy, effect: &ExistingEffect, facts: &Facts, found: &mut Findings<'_>) {
    match effect {
        ExistingEffect::Started(name) => existing::check_started(name, policy, facts, found),
        ExistingEffect::ExecIn(name) => existing::check_powers_of(name, policy, facts, found),
        ExistingEffect::Archive(name) => existing::check_archive(name, policy, facts, found),
        ExistingEffect::VolumesFrom(name) => {
            existing::check_mounts_of(name, policy, facts, found);
        }
        ExistingEffect::Named { what, name } => identifiers::check((what, name), policy, found),
        ExistingEffect::Renamed { container, to } => {
            existing::check_renamed((container, to), &policy.volumesfrom, facts, found);
        }
        // The ceilings hold for it, in whichever way it is asked for.
        ExistingEffect::CpuQuota(_) => {}
        ExistingEffect::PreviousSpec { service, version } => {
            existing::check_previous((service, *version), policy, facts, found);
        }
    }
}

fn namespace(policy: &Policy, effect: &NamespaceEffect, facts: &Facts, found: &mut Findings<'_>) {
    let (NamespaceEffect::Shared(shared) | NamespaceEffect::OnStart(shared)) = effect;
    match effect {
        NamespaceEffect::Shared(_) => {
            policy.namespaces.iter().for_each(|rule| rule.check(shared, found));
            policy.ports.iter().for_each(|rule| rule.check_namespace(shared, found));
        }
        NamespaceEffect::OnStart(_) => {}
    }
    existing::check_joined(shared, policy, facts, found);
}

fn network(policy: &Policy, effect: &NetworkEffect, facts: &Facts, found: &mut Findings<'_>) {
    let Policy { ports, namespaces, subnets, allowed_subnets, .. } = policy;
    let lists = (subnets.as_slice(), allowed_subnets);
    match effect {
        NetworkEffect::HostPorts(range) => ports.iter().for_each(|rule| rule.check(range, found)),
        NetworkEffect::Joined(name) => networks::check(name, (ports, namespaces), facts, found),
        NetworkEffect::HostInterface(name) => {
            namespaces.iter().for_each(|rule| rule.check_interface(name, found));
        }
        NetworkEffect::HostBridge(name) => subnets::check_bridge(subnets, name, facts, found),
        NetworkEffect::Subnet(subnet, put_to) => {
            subnets::check(lists, *subnet, *put_to, facts, found);
        }
        NetworkEffect::SubnetsOf(name, _) => subnets::check_network(lists, name, facts, found),
        NetworkEffect::SubnetDriver(name) => subnets::check_driver(lists, name, found),
    }
}

fn runtime(policy: &Policy, effect: &RuntimeEffect, facts: &Facts, found: &mut Findings<'_>) {
    let Policy { runtimes, devices, sysctls, cgroupparent, .. } = policy;
    match effect {
        RuntimeEffect::Runtime(name) => {
            runtimes::check(runtimes, name, facts, found);
            devices.iter().for_each(|rule| rule.check_runtime(name, found));
        }
        RuntimeEffect::Sysctl(name) => sysctls.iter().for_each(|rule| rule.check(name, found)),
        RuntimeEffect::CgroupParent(path) => {
            cgroupparent.iter().for_each(|rule| rule.check(path, found));
        }
        RuntimeEffect::Annotation(name) => annotations::check(name, policy, found),
    }
}

fn reading(policy: &Policy, effect: &ReadingEffect, facts: &Facts, found: &mut Findings<'_>) {
    match effect {
        ReadingEffect::ServiceVersion(spoken) => {
            versions::check(*spoken, &policy.ceilings, facts, found);
        }
        ReadingEffect::Podmans(what) => unrouted::check_podmans(policy, what, found),
        ReadingEffect::Unknown(path) => policy.strict.check(path, found),
    }
}
