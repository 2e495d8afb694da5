//! Which rule is about which effect.

use crate::policy::effects::{
    AnyPath, BuildEffect, Builder, Device, Effect, EnvironmentEffect, ExistingEffect, Holder,
    IdentityEffect, ImageEffect, MountEffect, NamespaceEffect, NetworkEffect, PrivilegeEffect,
    ReadingEffect, RequestedEffect, RuntimeEffect,
};
use crate::policy::exceptions;
use crate::policy::facts::Facts;
use crate::policy::judge::{
    any_path, combined, existing, first_start, platform, takeover, versions, way_out,
};
use crate::policy::known::contents_of;
use crate::policy::rule_set::Policy;
use crate::policy::rules::privileged::PrivilegedRule;
use crate::policy::rules::{
    annotations, build_steps, builds, environment, identifiers, images, mounts, networks, runtimes,
    shares, subnets, unrouted,
};
use crate::policy::types::HostPath;
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
        Effect::Image(effect) => image(policy, effect, beside, found),
        Effect::Build(effect) => build(policy, effect, facts, found),
        Effect::Takeover(effect) => takeover::check(policy, effect, facts, found),
        Effect::Identity(effect) => identity(policy, effect, beside, found),
        Effect::Environment(effect) => variable(policy, effect, beside, found),
        Effect::Mount(effect) => mount(policy, effect, beside, found),
        Effect::Existing(effect) => existing(policy, effect, facts, found),
        Effect::Privilege(effect) => privilege(policy, effect, facts, found),
        Effect::Namespace(effect) => namespace(policy, effect, facts, found),
        Effect::Network(effect) => network(policy, effect, facts, found),
        Effect::Runtime(effect) => runtime(policy, effect, facts, found),
        Effect::Reading(effect) => reading(policy, effect, facts, found),
    }
}

/// All effects of the request, and what is known.
type Beside<'a> = (&'a [RequestedEffect], &'a Facts);

fn image(
    policy: &Policy,
    effect: &ImageEffect,
    (effects, facts): Beside<'_>,
    found: &mut Findings<'_>,
) {
    let Policy { images, allowed_images, .. } = policy;
    match effect {
        ImageEffect::Used(image) => {
            images.iter().for_each(|rule| rule.check(image, facts, found));
            allowed_images.check(image, facts, found);
        }
        ImageEffect::MadeOf(made) => {
            first_start::check((&made.image, made.asked.as_ref()), policy, facts, found);
        }
        ImageEffect::Names(names) => {
            images.iter().for_each(|rule| rule.check_names(names, found));
            allowed_images.check_names(names, found);
        }
        ImageEffect::Content => {
            allowed_images.check_unseen("an image of an archive or a container", found);
        }
        ImageEffect::SourcePolicy => allowed_images.check_own_policy(found),
        ImageEffect::NameGiven(name) => exceptions::check_given(policy, name, found),
        ImageEffect::NamesUnseen => {
            exceptions::check_unseen(policy, "an archive of images", found);
        }
        ImageEffect::NamesTaken => {
            images.iter().for_each(|rule| rule.check_names_taken(facts, found));
        }
        ImageEffect::Removed(image) => {
            images.iter().for_each(|rule| rule.check_removed(image, facts, found));
        }
        ImageEffect::Platform(asked) => {
            let Policy { users, groups, environment, ceilings, .. } = policy;
            platform::check(asked, (users, groups, environment), ceilings, effects, facts, found);
        }
    }
}

fn build(policy: &Policy, effect: &BuildEffect, facts: &Facts, found: &mut Findings<'_>) {
    match effect {
        BuildEffect::By(builder) => build_by(policy, *builder, facts, found),
        BuildEffect::Steps(steps) => build_steps::check(policy, steps, facts, found),
        BuildEffect::Opaque(unseen) => builds::check_unseen(policy, unseen, found),
    }
}

fn identity(
    policy: &Policy,
    effect: &IdentityEffect,
    (effects, facts): Beside<'_>,
    found: &mut Findings<'_>,
) {
    let Policy { users, groups, .. } = policy;
    match effect {
        IdentityEffect::User(user) => {
            users.iter().for_each(|rule| rule.check(user, found));
            groups.iter().for_each(|rule| rule.check_user(user, found));
        }
        IdentityEffect::Group(group) => {
            users.iter().for_each(|rule| rule.check_group(group, found));
            groups.iter().for_each(|rule| rule.check(group, found));
        }
        IdentityEffect::ImageUser(holder) => image_user(policy, *holder, (effects, facts), found),
        IdentityEffect::ContainerUser(name) => existing::check_user_of(name, users, facts, found),
    }
}

fn variable(
    policy: &Policy,
    effect: &EnvironmentEffect,
    (effects, facts): Beside<'_>,
    found: &mut Findings<'_>,
) {
    let Policy { environment, ceilings, devices, .. } = policy;
    match effect {
        EnvironmentEffect::Set(entry) => {
            environment.iter().for_each(|rule| rule.check(entry, found));
            devices.iter().for_each(|rule| rule.check_variable(entry, found));
        }
        EnvironmentEffect::Template(name) => {
            environment.iter().for_each(|rule| rule.check_template(name, found));
        }
        EnvironmentEffect::Default { name, value } => {
            environment::check_default((environment, ceilings), (name, value.as_deref()), found);
        }
        EnvironmentEffect::OfImage(holder) => {
            // Of one that is fetched the daemon's own is the best guess: to set variables is no power
            // that would be worth refusing every service for.
            for content in contents_of(effects, (*holder, Holder::Daemon), facts) {
                environment::check_image((environment, ceilings), effects, content, found);
            }
        }
        EnvironmentEffect::Linked(prefix) => {
            environment.iter().for_each(|rule| rule.check_link(prefix, found));
        }
    }
}

fn mount(policy: &Policy, effect: &MountEffect, beside: Beside<'_>, found: &mut Findings<'_>) {
    let Policy { mounts, allowed_mounts, allowed_shares, .. } = policy;
    let (_, facts) = beside;
    match effect {
        MountEffect::HostPath(path) => host_path(policy, path, beside, found),
        MountEffect::HostPathOnStart(path) => {
            mounts::check_again((mounts, allowed_mounts), path, facts, found);
            way_out::check_again(policy, path, facts, found);
        }
        MountEffect::AnyPath(AnyPath::VolumeDriver(name)) => volume_driver(policy, name, found),
        MountEffect::AnyPath(any) => {
            any_path::check((mounts, allowed_mounts), any, found);
            way_out::check_any(policy, any, found);
        }
        MountEffect::FileServer(share) => {
            shares::check((mounts, allowed_mounts, allowed_shares), share, facts, found);
        }
        MountEffect::Volume(name) | MountEffect::VolumeOnStart(name) => {
            existing::check_volume(name, policy, facts, found);
        }
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

fn privilege(policy: &Policy, effect: &PrivilegeEffect, facts: &Facts, found: &mut Findings<'_>) {
    let Policy { security, capabilities, devices, .. } = policy;
    match effect {
        PrivilegeEffect::SecurityOption(option) => {
            security.iter().for_each(|rule| rule.check(option, found));
        }
        // A security option is asked for besides; alone it adds up to privileged mode.
        PrivilegeEffect::KernelSettings => {}
        PrivilegeEffect::Privileged => privileged(policy, found),
        PrivilegeEffect::Capability(capability) => {
            capabilities.iter().for_each(|rule| rule.check(capability, found));
        }
        PrivilegeEffect::Device(device) => check_device(policy, device, facts, found),
        // Whether it leads to a disk at this moment is judged with what adds up to privileged mode.
        PrivilegeEffect::DeviceOnStart(path) => {
            devices.iter().for_each(|rule| rule.check_again(path, facts, found));
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

/// A build, and the names that it may give.
fn build_by(policy: &Policy, builder: Builder, facts: &Facts, found: &mut Findings<'_>) {
    let Policy { images, allowed_images, .. } = policy;
    builds::check(policy, builder, facts, found);
    match builder {
        Builder::BuildKitSolve => allowed_images.check_listed(facts, found),
        Builder::BuildKitUnseen if builds::are_calls_judged(policy, facts) => {}
        Builder::SessionOffered => {}
        _ => allowed_images.check_unseen("a build", found),
    }
    if builder == Builder::BuildKitUnseen && !builds::are_calls_judged(policy, facts) {
        exceptions::check_unseen(policy, "a build by BuildKit", found);
    }
    if images::build_takes_names(policy, builder) {
        images.iter().for_each(|rule| rule.check_names_taken(facts, found));
    }
}

/// Who an image runs as: the forced user, or the image's own.
fn image_user(
    policy: &Policy,
    holder: Holder,
    (effects, facts): Beside<'_>,
    found: &mut Findings<'_>,
) {
    let Policy { users, groups, ceilings, .. } = policy;
    match &ceilings.user {
        Some(forced) => {
            users.iter().for_each(|rule| rule.check_forced(forced, found));
            groups.iter().for_each(|rule| rule.check_user(forced, found));
        }
        None => {
            for content in contents_of(effects, (holder, holder), facts) {
                users.iter().for_each(|rule| rule.check_image(content, found));
                groups.iter().for_each(|rule| rule.check_image(content, found));
            }
        }
    }
}

/// A mount: by the rules about paths, or else as a way past SecDocker, and as a device.
fn host_path(
    policy: &Policy,
    path: &HostPath,
    (effects, facts): Beside<'_>,
    found: &mut Findings<'_>,
) {
    let Policy { mounts, allowed_mounts, devices, .. } = policy;
    let before = found.count();
    mounts::check((mounts, allowed_mounts), path, facts, found);
    if found.count() == before {
        way_out::check(policy, path, facts, found);
    }
    if !combined::is_device(path, effects) {
        devices.iter().for_each(|rule| rule.check_mount(path, facts, found));
    }
}

/// Another driver, which may mount anything.
fn volume_driver(policy: &Policy, name: &str, found: &mut Findings<'_>) {
    let Policy { mounts, allowed_mounts, volumedrivers, allowed_volumedrivers, .. } = policy;
    let lists = (volumedrivers.as_slice(), allowed_volumedrivers.as_deref());
    any_path::check_driver(lists, (mounts, allowed_mounts), name, found);
    if allowed_volumedrivers.is_none() {
        way_out::check_any(policy, &AnyPath::VolumeDriver(name.to_owned()), found);
    }
}

/// Privileged mode, and all that it is made of.
fn privileged(policy: &Policy, found: &mut Findings<'_>) {
    let Policy { privileged, security, capabilities, devices, .. } = policy;
    let names_it = security.iter().filter(|rule| rule.forbids_privileged());
    privileged.check(found);
    names_it.clone().for_each(|rule| rule.check_privileged(found));
    // Where a rule names it, those say nothing more that it is made of.
    if *privileged == PrivilegedRule::Allow && names_it.count() == 0 {
        security.iter().for_each(|rule| rule.check_privileged(found));
        capabilities.iter().for_each(|rule| rule.check_privileged(found));
        devices.iter().for_each(|rule| rule.check_privileged(found));
    }
}

/// A device; one that is named by CDI may be anything if it is not known.
fn check_device(policy: &Policy, device: &Device, facts: &Facts, found: &mut Findings<'_>) {
    let Policy { devices, mounts, allowed_mounts, .. } = policy;
    devices.iter().for_each(|rule| rule.check(device, facts, found));
    if let Device::Cdi(name) = device
        && facts.cdi(name).is_none()
    {
        let any = AnyPath::Cdi(name.clone());
        any_path::check((mounts, allowed_mounts), &any, found);
        way_out::check_any(policy, &any, found);
    }
}
