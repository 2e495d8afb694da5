//! Security options, and what equals one.

use crate::engine::effects::{BodyError, Effects, texts};
use crate::engine::json::{self, Node, Object};
use crate::engine::schema::SECCOMP_PROFILE;
use crate::policy::effects::{Effect, Place};
use crate::policy::types::SecurityOption;

const SECURITY_OPT: &str = "HostConfig.SecurityOpt";
const UNCONFINED: &str = "unconfined";

/// What 20.10 masks in every container; newer daemons mask these and more.
const MASKED_PATHS: &[&str] = &[
    "/proc/asound",
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
];

/// What all daemons make read-only in every container.
const READONLY_PATHS: &[&str] =
    &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

pub(super) fn effects(host: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    for (at, text) in texts(host, "SecurityOpt") {
        let at = Place::Element(SECURITY_OPT, at);
        let option = SecurityOption::parse(text);
        if let Ok(option) = &option
            && option.name() == "seccomp"
            && option.value().is_some_and(confines_nothing)
        {
            let unconfined = SecurityOption::new("seccomp", UNCONFINED);
            effects.push(Effect::SecurityOption(unconfined), at.clone());
        }
        effects.push_parsed(option, Effect::SecurityOption, at)?;
    }
    exposed("HostConfig.MaskedPaths", host.get("MaskedPaths"), MASKED_PATHS, effects);
    exposed("HostConfig.ReadonlyPaths", host.get("ReadonlyPaths"), READONLY_PATHS, effects);
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
        effects.push(Effect::SecurityOption(option), Place::Field(name));
    }
}

/// Whether a seccomp profile given as JSON lets every call through that it does not name. One that
/// can't be read counts: the daemon may be less strict.
fn confines_nothing(profile: &str) -> bool {
    if !profile.trim_start().starts_with('{') {
        return false;
    }
    let default = json::read(profile.as_bytes(), &SECCOMP_PROFILE).ok();
    let default = default.as_ref().and_then(|profile| profile.text("defaultAction"));
    !matches!(
        default,
        Some(
            "SCMP_ACT_ERRNO"
                | "SCMP_ACT_KILL"
                | "SCMP_ACT_KILL_PROCESS"
                | "SCMP_ACT_KILL_THREAD"
                | "SCMP_ACT_TRAP"
        )
    )
}
