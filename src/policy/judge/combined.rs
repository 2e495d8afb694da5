//! What adds up to privileged mode without its name: each of these gives root of a container the
//! power of root of the host.
//!
//! Capabilities that are enough by themselves, the devices that hold the host's files, the kernel's
//! settings laid open, and pairs of which each is ordinary alone. A mount is never one of them: which
//! paths give power is said by `mounts`.

mod capabilities;

use std::collections::HashSet;

use crate::policy::effects::{
    Device, Effect, MountEffect, NamespaceEffect, PrivilegeEffect, RequestedEffect,
};
use crate::policy::exceptions::Sinks;
use crate::policy::facts::{DeviceFacts, Facts, Question, Questions};
use crate::policy::rules::devices::{CDI_UNKNOWN, CONTENT_UNKNOWN};
use crate::policy::rules::majors;
use crate::policy::rules::privileged::PrivilegedRule;
use crate::policy::shown::Shown;
use crate::policy::types::{Capability, HostPath, SecurityOption};
use crate::policy::violations::Findings;
pub(in crate::policy) use capabilities::capability_names;
use capabilities::{Beside, Power};

/// Reports every combination. One violation stands for each capability and each device.
pub(in crate::policy) fn check(
    rule: PrivilegedRule,
    effects: &[RequestedEffect],
    facts: &Facts,
    sinks: &mut Sinks<'_>,
) {
    if rule == PrivilegedRule::Allow {
        return;
    }
    // Each is looked for beside all else: a list of 4 MiB names one 300,000 times.
    let mut seen = HashSet::new();
    for asked in effects {
        match &asked.effect {
            Effect::Privilege(PrivilegeEffect::Capability(capability))
                if !seen.insert(capability.as_str()) => {}
            Effect::Privilege(PrivilegeEffect::Capability(capability)) => {
                self::capability((capability, asked), effects, facts, sinks);
            }
            Effect::Privilege(PrivilegeEffect::Device(device)) => {
                let sink = sinks.of(asked, effects, facts);
                device_alone(device, facts, &mut Findings::new(sink, &asked.at));
            }
            // As it is written it was given beside SecDocker, or is no disk.
            Effect::Privilege(PrivilegeEffect::DeviceOnStart(path))
                if facts.link(path) != Some(path) =>
            {
                let sink = sinks.of(asked, effects, facts);
                let found = &mut Findings::new(sink, &asked.at);
                device_alone(&Device::Path(path.clone()), facts, found);
            }
            Effect::Mount(MountEffect::HostPath(path))
                if is_of_devices(path, facts)
                    && !is_device(path, effects)
                    && facts.device(path) != Some(&DeviceFacts::Other) =>
            {
                let reason = "which has nodes of disks";
                let sink = sinks.of(asked, effects, facts);
                let found = &mut Findings::new(sink, &asked.at);
                found.add_because(format_args!("mount of {path}"), reason, RULE);
            }
            Effect::Privilege(PrivilegeEffect::KernelSettings) => {
                let sink = sinks.of(asked, effects, facts);
                let found = &mut Findings::new(sink, &asked.at);
                found.add("writable settings of the kernel, as in privileged mode", RULE);
            }
            _ => {}
        }
    }
}

const RULE: &str = "privileged";

fn capability(
    (named, asked): (&Capability, &RequestedEffect),
    effects: &[RequestedEffect],
    facts: &Facts,
    sinks: &mut Sinks<'_>,
) {
    let what = format_args!("capability {named}");
    let alone = match capabilities::power(named.as_str()) {
        None => Some("which is not known"),
        Some(Power::Default | Power::Ordinary) => None,
        Some(Power::Alone(why)) => Some(why),
        Some(Power::With(besides)) => {
            let named = besides
                .iter()
                .filter_map(|beside| effects.iter().find_map(|other| beside.named_in(other)));
            for (name, other) in named {
                let reason = format_args!("which with {name} is as good as privileged mode");
                let sink = sinks.of_both([asked, other], effects, facts);
                Findings::new(sink, &asked.at).add_because(what, reason, RULE);
            }
            None
        }
    };
    if let Some(why) = alone {
        let sink = sinks.of(asked, effects, facts);
        Findings::new(sink, &asked.at).add_because(what, why, RULE);
    }
}

impl Beside {
    /// What an effect is called, if it is this.
    fn named_in(self, asked: &RequestedEffect) -> Option<(String, &RequestedEffect)> {
        let name = match (&asked.effect, self) {
            (Effect::Privilege(PrivilegeEffect::SecurityOption(option)), Self::NoSeccomp)
                if is_without_seccomp(option) =>
            {
                Some(format!("security option {option}"))
            }
            (Effect::Privilege(PrivilegeEffect::Capability(other)), Self::Capability(name))
                if other.as_str() == name =>
            {
                Some(format!("capability {other}"))
            }
            // A container may share its own with the host: what it joined is not known here.
            (Effect::Namespace(NamespaceEffect::Shared(namespace)), Self::Shared(kind))
                if namespace.kind == kind =>
            {
                Some(namespace.to_string())
            }
            _ => None,
        };
        name.map(|name| (name, asked))
    }
}

/// A profile of the client's own confines as much as the client likes.
fn is_without_seccomp(option: &SecurityOption) -> bool {
    let value = option.value().unwrap_or_default();
    option.name() == "seccomp" && !matches!(value, "" | "builtin")
}

fn device_alone(device: &Device, facts: &Facts, found: &mut Findings<'_>) {
    match device {
        Device::Path(path) => match facts.device(path) {
            Some(DeviceFacts::Other) => {}
            Some(DeviceFacts::Disk) => {
                let reason = "which holds files of the host";
                found.add_because(format_args!("device {path}"), reason, RULE);
            }
            None => {
                found.add_because(format_args!("device {path}"), "which is not known", RULE);
            }
        },
        // With MKNOD, which every container has, a number is the device.
        Device::CgroupRule(rule) if majors::rule_may_be_for_disks(rule) => {
            let reason = "which is for disks, and so for the files of the host";
            found.add_because(format_args!("device rule {}", Shown(rule)), reason, RULE);
        }
        Device::Cdi(name) if facts.cdi(name).is_none() => {
            found.add_because(format_args!("device {}", Shown(name)), CDI_UNKNOWN, RULE);
        }
        Device::Opaque(text) => {
            found.add_because(
                format_args!("device request {}", Shown(text)),
                CONTENT_UNKNOWN,
                RULE,
            );
        }
        Device::CgroupRule(_) | Device::Request(_) | Device::Cdi(_) => {}
    }
}

/// The devices that must be known.
pub(in crate::policy) fn ask(
    rule: PrivilegedRule,
    effects: &[RequestedEffect],
    facts: &Facts,
    questions: &mut Questions,
) {
    if rule == PrivilegedRule::Forbid {
        questions.extend(effects.iter().filter_map(|asked| match &asked.effect {
            Effect::Privilege(
                PrivilegeEffect::Device(Device::Path(path)) | PrivilegeEffect::DeviceOnStart(path),
            ) => Some(Question::device(path)),
            Effect::Mount(MountEffect::HostPath(path)) if is_of_devices(path, facts) => {
                Some(Question::device(path))
            }
            _ => None,
        }));
    }
}

/// Whether a mount may bring device nodes.
fn is_of_devices(path: &HostPath, facts: &Facts) -> bool {
    let mut led_to = [path].into_iter().chain(facts.link(path)).chain(facts.aliases(path));
    led_to.any(|path| path.as_str() == "/dev" || path.as_str().starts_with("/dev/"))
}

/// Whether a path is asked for as a device too, as all of these are paths.
pub(in crate::policy) fn is_device(path: &HostPath, effects: &[RequestedEffect]) -> bool {
    effects.iter().any(
        |asked| matches!(&asked.effect, Effect::Privilege(PrivilegeEffect::Device(Device::Path(it))) if it == path),
    )
}

#[cfg(test)]
mod tests;
