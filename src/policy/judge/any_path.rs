//! What may make any path of the host reachable: asked for is something else, and which path it gives
//! cannot be seen. Every rule about paths could be broken.

use crate::policy::effects::{AnyPath, Namespace, NamespaceKind, SharedWith};
use crate::policy::rules::allowed::{AllowedMounts, MOUNTS};
use crate::policy::rules::devices::{CDI_UNKNOWN, CONTENT_UNKNOWN};
use crate::policy::rules::mounts::MountRule;
use crate::policy::rules::names::{NameRule, VolumeDriver};
use crate::policy::shown::{Shown, without_passwords};
use crate::policy::violations::Findings;

/// Shows it to every rule about paths.
pub(in crate::policy) fn check(
    (denied, allowed): (&[MountRule], &AllowedMounts),
    any: &AnyPath,
    found: &mut Findings<'_>,
) {
    let allow_list = (!allowed.hold_root()).then_some(MOUNTS);
    for rule in denied.iter().map(MountRule::as_str).chain(allow_list) {
        add(any, rule, found);
    }
}

/// What messages name as the rule.
pub(in crate::policy) const DRIVERS: &str = "volumedrivers: allow";

/// Shows a volume driver to the rules about drivers. One that is allowed by its name may mount what it
/// mounts; any other may mount every path.
pub(in crate::policy) fn check_driver(
    (denied, allowed): (&[NameRule<VolumeDriver>], Option<&[NameRule<VolumeDriver>]>),
    paths: (&[MountRule], &AllowedMounts),
    name: &str,
    found: &mut Findings<'_>,
) {
    denied.iter().for_each(|rule| rule.check(name, found));
    match allowed {
        Some(allowed) if allowed.iter().any(|rule| rule.is_like(name)) => {}
        Some(_) => {
            let what = format_args!("volume driver {}", Shown(name));
            found.add_because(what, "which is not allowed", DRIVERS);
        }
        None => check(paths, &AnyPath::VolumeDriver(name.to_owned()), found),
    }
}

/// Says that it breaks this rule.
pub(in crate::policy) fn add(any: &AnyPath, rule: &str, found: &mut Findings<'_>) {
    match any {
        AnyPath::HostProcesses => {
            let pid = Namespace { kind: NamespaceKind::Pid, with: SharedWith::Host };
            found.add_because(pid, "which shows every process' root", rule);
        }
        AnyPath::VolumeDriver(name) => {
            let what = format_args!("volume driver {}", Shown(name));
            let name = without_passwords(name);
            let reason = format_args!(
                "which may mount any path of the host, unless `volumedrivers: {{allow: [\"{}\"]}}` \
                 allows it",
                name.escape_debug()
            );
            found.add_because(what, reason, rule);
        }
        AnyPath::ClusterVolume => {
            let reason = "which a plugin of the swarm mounts, from any path of the host";
            found.add_because("a cluster volume", reason, rule);
        }
        AnyPath::Relative(path) => {
            let reason = "which begins at the daemon's own directory";
            found.add_because(format_args!("mount of {}", Shown(path)), reason, rule);
        }
        AnyPath::FileSystem(kind) => {
            let what = format_args!("a volume of type {}", Shown(kind));
            found.add_because(what, "which may hold any files of the host", rule);
        }
        AnyPath::Option(text) => {
            let what = format_args!("volume option {}", Shown(text));
            found.add_because(what, "which may mean any path of the host", rule);
        }
        AnyPath::Cdi(name) => {
            found.add_because(format_args!("device {}", Shown(name)), CDI_UNKNOWN, rule);
        }
        AnyPath::Devices(text) => {
            found.add_because(
                format_args!("device request {}", Shown(text)),
                CONTENT_UNKNOWN,
                rule,
            );
        }
        AnyPath::NoServer(kind) => {
            let what = format_args!("a volume of type {}", Shown(kind));
            let reason = "whose server is not known: name it by `addr=` in its options";
            found.add_because(what, reason, rule);
        }
        AnyPath::Template(text) => {
            let what = format_args!("mount of {}", Shown(text));
            found.add_because(what, "which the swarm fills in", rule);
        }
        AnyPath::Socket(address) => {
            let what = format_args!("log address {}", Shown(address));
            found.add_because(what, "which may mean any path of the host", rule);
        }
    }
}
