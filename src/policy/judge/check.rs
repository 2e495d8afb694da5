//! Which rule is about which effect.

use crate::policy::effects::{AnyPath, Builder, Device, Effect, Holder, RequestedEffect};
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

/// Shows one effect to every rule that is about it. An effect without a line here breaks the build.
pub(super) fn check(
    policy: &Policy,
    asked: &RequestedEffect,
    effects: &[RequestedEffect],
    facts: &Facts,
    violations: &mut Violations,
) {
    let found = &mut Findings::new(violations, &asked.at);
    match &asked.effect {
        Effect::Takeover(by) => takeover::check(policy, *by, found),
        Effect::Build(builder) => build(policy, *builder, &asked.effect, facts, found),
        Effect::BuildSteps(steps) => build_steps::check(policy, steps, facts, found),
        Effect::Opaque(unseen) => builds::check_unseen(policy, unseen, found),
        Effect::Image(image) => {
            policy.images.iter().for_each(|rule| rule.check(image, facts, found));
            policy.allowed_images.check(image, facts, found);
        }
        Effect::MadeOf(made) => {
            first_start::check((&made.image, made.asked.as_ref()), policy, facts, found);
        }
        Effect::ImageName(names) => {
            policy.images.iter().for_each(|rule| rule.check_names(names, found));
            policy.allowed_images.check_names(names, found);
        }
        Effect::ImageContent => {
            policy.allowed_images.check_unseen("an image of an archive or a container", found)
        }
        Effect::SourcePolicy => policy.allowed_images.check_own_policy(found),
        Effect::ImageNameGiven(name) => exceptions::check_given(policy, name, found),
        Effect::ImageNamesUnseen => {
            exceptions::check_unseen(policy, "an archive of images", found);
        }
        Effect::ImageNamesTaken => {
            policy.images.iter().for_each(|rule| rule.check_names_taken(facts, found));
        }
        Effect::ImageRemoved(image) => {
            policy.images.iter().for_each(|rule| rule.check_removed(image, facts, found));
        }
        Effect::User(user) => {
            policy.users.iter().for_each(|rule| rule.check(user, found));
            policy.groups.iter().for_each(|rule| rule.check_user(user, found));
        }
        Effect::Group(group) => {
            policy.users.iter().for_each(|rule| rule.check_group(group, found));
            policy.groups.iter().for_each(|rule| rule.check(group, found));
        }
        Effect::ImageUser(holder) => image_user(policy, *holder, (effects, facts), found),
        Effect::Environment(entry) => {
            policy.environment.iter().for_each(|rule| rule.check(entry, found));
            policy.devices.iter().for_each(|rule| rule.check_variable(entry, found));
        }
        Effect::ImageEnvironment(holder) => {
            image_environment(policy, *holder, (effects, facts), found)
        }
        Effect::DefaultEnvironment { name, value } => {
            let value = value.as_deref();
            environment::check_default(
                (&policy.environment, &policy.ceilings),
                (name, value),
                found,
            );
        }
        Effect::LinkedEnvironment(prefix) => {
            policy.environment.iter().for_each(|rule| rule.check_link(prefix, found));
        }
        Effect::Platform(asked) => {
            let rules =
                (policy.users.as_slice(), policy.groups.as_slice(), policy.environment.as_slice());
            platform::check(asked, rules, &policy.ceilings, effects, facts, found);
        }
        Effect::ContainerUser(name) => existing::check_user_of(name, &policy.users, facts, found),
        Effect::ExecIn(name) => existing::check_powers_of(name, policy, facts, found),
        // The ceilings hold for it, in whichever way it is asked for.
        Effect::CpuQuota(_) => {}
        Effect::EnvironmentTemplate(name) => {
            policy.environment.iter().for_each(|rule| rule.check_template(name, found));
        }
        Effect::HostPorts(range) => policy.ports.iter().for_each(|rule| rule.check(range, found)),
        Effect::HostPath(path) => host_path(policy, path, (effects, facts), found),
        Effect::AnyPath(AnyPath::VolumeDriver(name)) => volume_driver(policy, name, found),
        Effect::AnyPath(any) => {
            any_path::check((&policy.mounts, &policy.allowed_mounts), any, found);
            way_out::check_any(policy, any, found);
        }
        Effect::FileServer(share) => {
            shares::check(
                (&policy.mounts, &policy.allowed_mounts, &policy.allowed_shares),
                share,
                facts,
                found,
            );
        }
        Effect::HostInterface(name) => {
            policy.namespaces.iter().for_each(|rule| rule.check_interface(name, found));
        }
        Effect::Volume(name) | Effect::VolumeOnStart(name) => {
            existing::check_volume(name, policy, facts, found);
        }
        Effect::Started(name) => existing::check_started(name, policy, facts, found),
        Effect::Archive(name) => existing::check_archive(name, policy, facts, found),
        Effect::Named { what, name } => identifiers::check((what, name), policy, found),
        Effect::NamespaceOnStart(namespace) => {
            existing::check_joined(namespace, policy, facts, found);
        }
        Effect::HostPathOnStart(path) => {
            mounts::check_again((&policy.mounts, &policy.allowed_mounts), path, facts, found);
            way_out::check_again(policy, path, facts, found);
        }
        // Whether it leads to a disk at this moment is judged with what adds up to privileged mode.
        Effect::DeviceOnStart(path) => {
            policy.devices.iter().for_each(|rule| rule.check_again(path, facts, found));
        }
        Effect::SecurityOption(option) => {
            policy.security.iter().for_each(|rule| rule.check(option, found))
        }
        // A security option is asked for besides; alone it adds up to privileged mode.
        Effect::KernelSettings => {}
        Effect::Privileged => privileged(policy, found),
        Effect::Capability(capability) => {
            policy.capabilities.iter().for_each(|rule| rule.check(capability, found));
        }
        Effect::Device(device) => check_device(policy, device, facts, found),
        Effect::ManagerRole { node, version } => {
            takeover::check_role((node, *version), policy, facts, found);
        }
        Effect::HostProgram(path) => takeover::check_program(policy, path, found),
        Effect::Namespace(namespace) => {
            policy.namespaces.iter().for_each(|rule| rule.check(namespace, found));
            policy.ports.iter().for_each(|rule| rule.check_namespace(namespace, found));
            existing::check_joined(namespace, policy, facts, found);
        }
        Effect::Network(name) => {
            networks::check(name, (&policy.ports, &policy.namespaces), facts, found)
        }
        Effect::Subnet(subnet, put_to) => {
            subnets::check(
                (&policy.subnets, &policy.allowed_subnets),
                *subnet,
                *put_to,
                facts,
                found,
            );
        }
        Effect::SubnetsOf(name, _) => {
            subnets::check_network((&policy.subnets, &policy.allowed_subnets), name, facts, found);
        }
        Effect::HostBridge(name) => subnets::check_bridge(&policy.subnets, name, facts, found),
        Effect::SubnetDriver(name) => {
            subnets::check_driver((&policy.subnets, &policy.allowed_subnets), name, found);
        }
        Effect::Runtime(name) => {
            runtimes::check(&policy.runtimes, name, facts, found);
            policy.devices.iter().for_each(|rule| rule.check_runtime(name, found));
        }
        Effect::VolumesFrom(name) => {
            existing::check_mounts_of(name, policy, facts, found);
        }
        Effect::Renamed { container, to } => {
            existing::check_renamed((container, to), &policy.volumesfrom, facts, found);
        }
        Effect::Sysctl(name) => policy.sysctls.iter().for_each(|rule| rule.check(name, found)),
        Effect::CgroupParent(path) => {
            policy.cgroupparent.iter().for_each(|rule| rule.check(path, found))
        }
        Effect::PreviousSpec { service, version } => {
            existing::check_previous((service, *version), policy, facts, found);
        }
        Effect::Annotation(name) => annotations::check(name, policy, found),
        Effect::Podmans(what) => unrouted::check_podmans(policy, what, found),
        Effect::Unknown(path) => policy.strict.check(path, found),
        Effect::ServiceVersion(spoken) => versions::check(*spoken, &policy.ceilings, facts, found),
    }
}

/// A build, and the names that it may give.
fn build(
    policy: &Policy,
    builder: Builder,
    effect: &Effect,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
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
    if images::takes_names(policy, effect) {
        images.iter().for_each(|rule| rule.check_names_taken(facts, found));
    }
}

/// Who an image runs as: the forced user, or the image's own.
fn image_user(
    policy: &Policy,
    holder: Holder,
    (effects, facts): (&[RequestedEffect], &Facts),
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

/// The variables of an image.
fn image_environment(
    policy: &Policy,
    holder: Holder,
    (effects, facts): (&[RequestedEffect], &Facts),
    found: &mut Findings<'_>,
) {
    let Policy { environment, ceilings, .. } = policy;
    // Of one that is fetched the daemon's own is the best guess: to set variables is no power
    // that would be worth refusing every service for.
    for content in contents_of(effects, (holder, Holder::Daemon), facts) {
        environment::check_image((environment, ceilings), effects, content, found);
    }
}

/// A mount: by the rules about paths, or else as a way past SecDocker, and as a device.
fn host_path(
    policy: &Policy,
    path: &HostPath,
    (effects, facts): (&[RequestedEffect], &Facts),
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
