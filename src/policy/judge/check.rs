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
use crate::policy::violations::{Findings, Violations};

/// Shows one effect to every rule that is about it. An effect without a line here, or a rule that
/// is not taken out of the policy, breaks the build.
pub(super) fn check(
    policy: &Policy,
    asked: &RequestedEffect,
    effects: &[RequestedEffect],
    facts: &Facts,
    violations: &mut Violations,
) {
    let Policy {
        ports,
        mounts,
        users,
        groups,
        environment,
        security,
        images,
        privileged,
        capabilities,
        devices,
        namespaces,
        runtimes,
        volumesfrom, // Judged with what the other container is called.
        volumedrivers,
        allowed_volumedrivers,
        sysctls,
        cgroupparent,
        allowed_images,
        allowed_mounts,
        allowed_shares,
        way_out: _, // Judged with all that is allowed.
        subnets,
        allowed_subnets,
        builds: _,      // Judged with all that a build could break.
        build_group: _, // Judged with the steps that could run elsewhere.
        endpoints: _,   // Asked when the head was there.
        strict,
        ceilings,
        exceptions: _, // They say where what is found counts.
    } = policy;
    let found = &mut Findings::new(violations, &asked.at);
    match &asked.effect {
        Effect::Takeover(by) => takeover::check(policy, *by, found),
        Effect::Build(builder) => {
            builds::check(policy, *builder, facts, found);
            match builder {
                Builder::BuildKitSolve => allowed_images.check_listed(facts, found),
                Builder::BuildKitUnseen if builds::are_calls_judged(policy, facts) => {}
                Builder::SessionOffered => {}
                _ => allowed_images.check_unseen("a build", found),
            }
            if *builder == Builder::BuildKitUnseen && !builds::are_calls_judged(policy, facts) {
                exceptions::check_unseen(policy, "a build by BuildKit", found);
            }
            if images::takes_names(policy, &asked.effect) {
                images.iter().for_each(|rule| rule.check_names_taken(facts, found));
            }
        }
        Effect::BuildSteps(steps) => build_steps::check(policy, steps, facts, found),
        Effect::Opaque(unseen) => builds::check_unseen(policy, unseen, found),
        Effect::Image(image) => {
            images.iter().for_each(|rule| rule.check(image, facts, found));
            allowed_images.check(image, facts, found);
        }
        Effect::MadeOf(made) => {
            first_start::check((&made.image, made.asked.as_ref()), policy, facts, found);
        }
        Effect::ImageName(names) => {
            images.iter().for_each(|rule| rule.check_names(names, found));
            allowed_images.check_names(names, found);
        }
        Effect::ImageContent => {
            allowed_images.check_unseen("an image of an archive or a container", found)
        }
        Effect::SourcePolicy => allowed_images.check_own_policy(found),
        Effect::ImageNameGiven(name) => exceptions::check_given(policy, name, found),
        Effect::ImageNamesUnseen => {
            exceptions::check_unseen(policy, "an archive of images", found);
        }
        Effect::ImageNamesTaken => {
            images.iter().for_each(|rule| rule.check_names_taken(facts, found));
        }
        Effect::ImageRemoved(image) => {
            images.iter().for_each(|rule| rule.check_removed(image, facts, found));
        }
        Effect::User(user) => {
            users.iter().for_each(|rule| rule.check(user, found));
            groups.iter().for_each(|rule| rule.check_user(user, found));
        }
        Effect::Group(group) => {
            users.iter().for_each(|rule| rule.check_group(group, found));
            groups.iter().for_each(|rule| rule.check(group, found));
        }
        Effect::ImageUser(holder) => match &ceilings.user {
            Some(forced) => {
                users.iter().for_each(|rule| rule.check_forced(forced, found));
                groups.iter().for_each(|rule| rule.check_user(forced, found));
            }
            None => {
                for content in contents_of(effects, (*holder, *holder), facts) {
                    users.iter().for_each(|rule| rule.check_image(content, found));
                    groups.iter().for_each(|rule| rule.check_image(content, found));
                }
            }
        },
        Effect::Environment(entry) => {
            environment.iter().for_each(|rule| rule.check(entry, found));
            devices.iter().for_each(|rule| rule.check_variable(entry, found));
        }
        Effect::ImageEnvironment(holder) => {
            // Of one that is fetched the daemon's own is the best guess: to set variables is no power
            // that would be worth refusing every service for.
            for content in contents_of(effects, (*holder, Holder::Daemon), facts) {
                environment::check_image((environment, ceilings), effects, content, found);
            }
        }
        Effect::DefaultEnvironment { name, value } => {
            let value = value.as_deref();
            environment::check_default((environment, ceilings), (name, value), found);
        }
        Effect::LinkedEnvironment(prefix) => {
            environment.iter().for_each(|rule| rule.check_link(prefix, found));
        }
        Effect::Platform(asked) => {
            let rules = (users.as_slice(), groups.as_slice(), environment.as_slice());
            platform::check(asked, rules, ceilings, effects, facts, found);
        }
        Effect::ContainerUser(name) => existing::check_user_of(name, users, facts, found),
        Effect::ExecIn(name) => existing::check_powers_of(name, policy, facts, found),
        // The ceilings hold for it, in whichever way it is asked for.
        Effect::CpuQuota(_) => {}
        Effect::EnvironmentTemplate(name) => {
            environment.iter().for_each(|rule| rule.check_template(name, found));
        }
        Effect::HostPorts(range) => ports.iter().for_each(|rule| rule.check(range, found)),
        Effect::HostPath(path) => {
            let before = found.count();
            mounts::check((mounts, allowed_mounts), path, facts, found);
            if found.count() == before {
                way_out::check(policy, path, facts, found);
            }
            if !combined::is_device(path, effects) {
                devices.iter().for_each(|rule| rule.check_mount(path, facts, found));
            }
        }
        Effect::AnyPath(AnyPath::VolumeDriver(name)) => {
            let lists = (volumedrivers.as_slice(), allowed_volumedrivers.as_deref());
            any_path::check_driver(lists, (mounts, allowed_mounts), name, found);
            if allowed_volumedrivers.is_none() {
                way_out::check_any(policy, &AnyPath::VolumeDriver(name.clone()), found);
            }
        }
        Effect::AnyPath(any) => {
            any_path::check((mounts, allowed_mounts), any, found);
            way_out::check_any(policy, any, found);
        }
        Effect::FileServer(share) => {
            shares::check((mounts, allowed_mounts, allowed_shares), share, facts, found);
        }
        Effect::HostInterface(name) => {
            namespaces.iter().for_each(|rule| rule.check_interface(name, found));
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
            mounts::check_again((mounts, allowed_mounts), path, facts, found);
            way_out::check_again(policy, path, facts, found);
        }
        // Whether it leads to a disk at this moment is judged with what adds up to privileged mode.
        Effect::DeviceOnStart(path) => {
            devices.iter().for_each(|rule| rule.check_again(path, facts, found));
        }
        Effect::SecurityOption(option) => {
            security.iter().for_each(|rule| rule.check(option, found))
        }
        // A security option is asked for besides; alone it adds up to privileged mode.
        Effect::KernelSettings => {}
        Effect::Privileged => {
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
        Effect::Capability(capability) => {
            capabilities.iter().for_each(|rule| rule.check(capability, found));
        }
        Effect::Device(device) => {
            devices.iter().for_each(|rule| rule.check(device, facts, found));
            if let Device::Cdi(name) = device
                && facts.cdi(name).is_none()
            {
                let any = AnyPath::Cdi(name.clone());
                any_path::check((mounts, allowed_mounts), &any, found);
                way_out::check_any(policy, &any, found);
            }
        }
        Effect::ManagerRole { node, version } => {
            takeover::check_role((node, *version), policy, facts, found);
        }
        Effect::HostProgram(path) => takeover::check_program(policy, path, found),
        Effect::Namespace(namespace) => {
            namespaces.iter().for_each(|rule| rule.check(namespace, found));
            ports.iter().for_each(|rule| rule.check_namespace(namespace, found));
            existing::check_joined(namespace, policy, facts, found);
        }
        Effect::Network(name) => networks::check(name, (ports, namespaces), facts, found),
        Effect::Subnet(subnet, put_to) => {
            subnets::check((subnets, allowed_subnets), *subnet, *put_to, facts, found);
        }
        Effect::SubnetsOf(name, _) => {
            subnets::check_network((subnets, allowed_subnets), name, facts, found);
        }
        Effect::HostBridge(name) => subnets::check_bridge(subnets, name, facts, found),
        Effect::SubnetDriver(name) => {
            subnets::check_driver((subnets, allowed_subnets), name, found);
        }
        Effect::Runtime(name) => {
            runtimes::check(runtimes, name, facts, found);
            devices.iter().for_each(|rule| rule.check_runtime(name, found));
        }
        Effect::VolumesFrom(name) => {
            existing::check_mounts_of(name, policy, facts, found);
        }
        Effect::Renamed { container, to } => {
            existing::check_renamed((container, to), volumesfrom, facts, found);
        }
        Effect::Sysctl(name) => sysctls.iter().for_each(|rule| rule.check(name, found)),
        Effect::CgroupParent(path) => cgroupparent.iter().for_each(|rule| rule.check(path, found)),
        Effect::PreviousSpec { service, version } => {
            existing::check_previous((service, *version), policy, facts, found);
        }
        Effect::Annotation(name) => annotations::check(name, policy, found),
        Effect::Podmans(what) => unrouted::check_podmans(policy, what, found),
        Effect::Unknown(path) => strict.check(path, found),
        Effect::ServiceVersion(spoken) => versions::check(*spoken, ceilings, facts, found),
    }
}
