//! Security options, and what equals one.

use crate::docker::json::{Node, Object};
use crate::effects::collect::{BodyError, Effects, texts};
use crate::effects::containers::security_options::{self, UNCONFINED};
use crate::policy::effects::{FieldPath, PrivilegeEffect};
use crate::policy::types::SecurityOption;

const SECURITY_OPT: &str = "HostConfig.SecurityOpt";

/// What the newest daemon masks in every container, beside counters of each processor that only some
/// hosts have (moby 28.3 and 29, `defaultLinuxMaskedPaths`). A list given is used in place of the
/// daemon's own, so one that an older daemon had as its default takes away what a newer one hides.
const MASKED_PATHS: &[&str] = &[
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

/// What all daemons make read-only in every container.
const READONLY_PATHS: &[&str] =
    &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

pub(super) fn effects(host: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    for (at, text) in texts(host, "SecurityOpt") {
        let at = FieldPath::Element(SECURITY_OPT, at);
        security_options::push(SecurityOption::parse(text), at, effects)?;
    }
    exposed("HostConfig.MaskedPaths", host.get("MaskedPaths"), MASKED_PATHS, effects);
    exposed("HostConfig.ReadonlyPaths", host.get("ReadonlyPaths"), READONLY_PATHS, effects);
    if let Some(Node::List(given)) = host.get("ReadonlyPaths")
        && !given.iter().any(|path| matches!(path.as_text(), Some("/proc" | "/proc/sys")))
    {
        effects.push(PrivilegeEffect::KernelSettings, FieldPath::Field("HostConfig.ReadonlyPaths"));
    }
    Ok(())
}

/// The CLI turns `systempaths=unconfined` into empty lists. `null` leaves the daemon's own.
fn exposed(name: &'static str, given: Option<&Node>, usual: &[&str], effects: &mut Effects) {
    let Some(Node::List(given)) = given else {
        return;
    };
    let has = |path: &&str| given.iter().any(|node| node.as_text() == Some(*path));
    if !usual.iter().all(has) {
        let option = SecurityOption::new("systempaths", UNCONFINED);
        effects.push(PrivilegeEffect::SecurityOption(option), FieldPath::Field(name));
    }
}
