//! What adds up to privileged mode without its name: each of these gives root of a container the
//! power of root of the host.
//!
//! Capabilities that are enough by themselves, the devices that hold the host's files, the kernel's
//! settings laid open, and pairs of which each is ordinary alone. A mount is never one of them: which
//! paths give power is said by `mounts`.

use std::collections::HashSet;

use super::effects::{Asked, Device, Effect, Namespace, NamespaceKind, SharedWith};
use super::facts::{DeviceFacts, Facts};
use super::privileged::PrivilegedRule;
use super::types::{HostPath, SecurityOption};
use super::{Findings, Violations};

/// Capabilities each of which is enough, and why.
const ENOUGH: [(&str, &str); 4] = [
    ("ALL", "which is every one"),
    ("SYS_MODULE", "which loads code into the kernel"),
    ("SYS_RAWIO", "which reaches the memory and disks of the host"),
    // open_by_handle_at(2) from any file of the host, and the daemon binds three into every container.
    ("DAC_READ_SEARCH", "which opens any file of the host by its handle"),
];

/// Capabilities that are enough beside something else.
const PAIRS: [(&str, Beside); 6] = [
    ("SYS_ADMIN", Beside::Unconfined),
    ("SYS_ADMIN", Beside::Shared(NamespaceKind::Pid)),
    ("SYS_ADMIN", Beside::Shared(NamespaceKind::Cgroup)),
    ("SYS_PTRACE", Beside::Shared(NamespaceKind::Pid)),
    ("NET_ADMIN", Beside::Shared(NamespaceKind::Network)),
    ("SYS_BOOT", Beside::Option("seccomp")),
];

/// What makes a capability enough.
#[derive(Debug, Clone, Copy)]
enum Beside {
    /// Any option that takes confinement away.
    Unconfined,
    /// This one.
    Option(&'static str),
    /// A namespace of the host, or of a container that may share it.
    Shared(NamespaceKind),
}

/// Reports every combination. One violation stands for each capability and each device.
pub(super) fn check(
    rule: PrivilegedRule,
    effects: &[Asked],
    facts: &Facts,
    violations: &mut Violations,
) {
    if rule == PrivilegedRule::Allow {
        return;
    }
    // Each is looked for beside all else: a list of 4 MiB names one 300,000 times.
    let mut seen = HashSet::new();
    for asked in effects {
        let found = &mut Findings { violations, at: &asked.at };
        match &asked.effect {
            Effect::Capability(capability) if !seen.insert(capability.as_str()) => {}
            Effect::Capability(capability) => {
                capability_alone(capability.as_str(), found);
                capability_beside(capability.as_str(), effects, found);
            }
            Effect::Device(device) => device_alone(device, facts, found),
            // As it is written it was given beside SecDocker, or is no disk.
            Effect::DeviceAgain(path) if facts.link(path) != Some(path) => {
                device_alone(&Device::Path(path.clone()), facts, found);
            }
            Effect::KernelSettings => {
                found.add("writable settings of the kernel, as in privileged mode", RULE);
            }
            _ => {}
        }
    }
}

const RULE: &str = "privileged";

fn capability_alone(name: &str, found: &mut Findings<'_>) {
    if let Some((_, why)) = ENOUGH.iter().find(|(enough, _)| *enough == name) {
        found.add(format_args!("capability {name}, {why}"), RULE);
    }
}

fn capability_beside(name: &str, effects: &[Asked], found: &mut Findings<'_>) {
    let pairs = PAIRS.iter().filter(|(capability, _)| *capability == name);
    let besides = pairs.filter_map(|(_, beside)| effects.iter().find(|asked| beside.is(asked)));
    for asked in besides.map(|asked| &asked.at) {
        let what =
            format_args!("capability {name} beside {asked}, which add up to privileged mode");
        found.add(what, RULE);
    }
}

impl Beside {
    fn is(self, asked: &Asked) -> bool {
        match (&asked.effect, self) {
            (Effect::SecurityOption(option), Self::Unconfined) => takes_confinement(option),
            (Effect::SecurityOption(option), Self::Option(name)) => {
                option.name() == name && takes_confinement(option)
            }
            (Effect::Namespace(Namespace { kind, with }), Self::Shared(wanted)) => {
                *kind == wanted && may_be_the_hosts(with)
            }
            _ => false,
        }
    }
}

/// A container may share its namespace with the host: what it joined is not known here.
fn may_be_the_hosts(with: &SharedWith) -> bool {
    match with {
        SharedWith::Host | SharedWith::Container(_) => true,
    }
}

/// A profile of the client's own confines as much as the client likes.
fn takes_confinement(option: &SecurityOption) -> bool {
    match (option.name(), option.value().unwrap_or_default()) {
        ("seccomp", value) => !matches!(value, "" | "builtin"),
        ("apparmor", value) => !matches!(value, "" | "docker-default"),
        ("label", "disable") | ("systempaths", _) | ("writable-cgroups", _) => true,
        _ => false,
    }
}

fn device_alone(device: &Device, facts: &Facts, found: &mut Findings<'_>) {
    match device {
        Device::Path(path) => match facts.device(path) {
            Some(DeviceFacts::Other) => {}
            Some(DeviceFacts::Disk) => {
                found.add(format_args!("device {path}, which holds files of the host"), RULE);
            }
            None => found.add(format_args!("device {path}, which is not known"), RULE),
        },
        // With MKNOD, which every container has, a number is the device.
        Device::CgroupRule(rule) if may_be_disks(rule) => {
            found.add("a device rule for disks, which hold the files of the host", RULE);
        }
        Device::CgroupRule(_) | Device::Request(_) => {}
    }
}

/// Disks are also reached as SCSI generic (21) and MTD (90) character devices.
fn may_be_disks(rule: &str) -> bool {
    let numbers = rule.strip_prefix('c').map(str::trim_start);
    let major = numbers.and_then(|numbers| numbers.split(':').next());
    major.is_none_or(|major| major.parse().map_or(true, |major: u32| matches!(major, 21 | 90)))
}

/// The most devices of one request that are looked at. Those beyond stay unknown.
const DEVICES_ASKED_MAX: usize = 64;

/// The devices that must be known.
pub(super) fn ask(rule: PrivilegedRule, effects: &[Asked], devices: &mut Vec<HostPath>) {
    if rule == PrivilegedRule::Forbid {
        devices.extend(effects.iter().filter_map(|asked| match &asked.effect {
            Effect::Device(Device::Path(path)) | Effect::DeviceAgain(path) => Some(path.clone()),
            _ => None,
        }));
        devices.sort_unstable();
        devices.dedup();
        devices.truncate(DEVICES_ASKED_MAX);
    }
}

#[cfg(test)]
mod tests;
