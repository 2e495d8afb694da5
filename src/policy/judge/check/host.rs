//! Which rules are about the host: its files, its devices, and the power of its root.

use crate::policy::effects::{AnyPath, Device, MountEffect, PrivilegeEffect, RequestedEffect};
use crate::policy::facts::Facts;
use crate::policy::judge::{any_path, combined, existing, way_out};
use crate::policy::rule_set::Policy;
use crate::policy::rules::privileged::PrivilegedRule;
use crate::policy::rules::{mounts, shares};
use crate::policy::types::HostPath;
use crate::policy::violations::Findings;

pub(super) fn mount(
    policy: &Policy,
    effect: &MountEffect,
    beside: (&[RequestedEffect], &Facts),
    found: &mut Findings<'_>,
) {
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

pub(super) fn privilege(
    policy: &Policy,
    effect: &PrivilegeEffect,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
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
