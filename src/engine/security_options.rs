//! Security options, wherever an endpoint asks for them.

use super::effects::{BodyError, Effects};
use super::json;
use super::schema::SECCOMP_PROFILE;
use crate::policy::effects::{Effect, Place};
use crate::policy::types::{SecurityOption, ValueError};

/// The value that stands for no confinement at all.
pub(super) const UNCONFINED: &str = "unconfined";

/// Adds an option, and what it equals.
pub(super) fn push(
    option: Result<SecurityOption, ValueError>,
    at: Place,
    effects: &mut Effects,
) -> Result<(), BodyError> {
    if let Ok(option) = &option
        && option.name() == "seccomp"
        && option.value().is_some_and(confines_nothing)
    {
        let unconfined = SecurityOption::new("seccomp", UNCONFINED);
        effects.push(Effect::SecurityOption(unconfined), at.clone());
    }
    effects.push_parsed(option, Effect::SecurityOption, at)
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
