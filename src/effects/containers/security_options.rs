//! Security options, wherever an endpoint asks for them.

use crate::docker::json;
use crate::docker::schema::SECCOMP_PROFILE;
use crate::effects::collect::{BodyError, Effects};
use crate::policy::effects::{FieldPath, PrivilegeEffect};
use crate::policy::types::{SecurityOption, ValueError};

/// The value that stands for no confinement at all.
pub(in crate::effects) const UNCONFINED: &str = "unconfined";

/// Adds an option, and what it equals.
pub(in crate::effects) fn push(
    option: Result<SecurityOption, ValueError>,
    at: FieldPath,
    effects: &mut Effects,
) -> Result<(), BodyError> {
    if let Ok(option) = &option
        && option.name() == "seccomp"
        && option.value().is_some_and(confines_nothing)
    {
        let unconfined = SecurityOption::new("seccomp", UNCONFINED);
        effects.push(PrivilegeEffect::SecurityOption(unconfined), at.clone());
    }
    effects.push_parsed(option, PrivilegeEffect::SecurityOption, at)
}

/// Whether a seccomp profile lets every call through that it does not name. Seen on 20.10: what is
/// no name is read as JSON, and `null` confines nothing. One that can't be read counts: the daemon may
/// be less strict.
fn confines_nothing(profile: &str) -> bool {
    match profile {
        "" | "builtin" => false,
        // It says so itself.
        UNCONFINED => false,
        _ => !has_denying_default(profile),
    }
}

fn has_denying_default(profile: &str) -> bool {
    let profile = json::read(profile.as_bytes(), &SECCOMP_PROFILE).ok();
    matches!(
        profile.as_ref().and_then(|profile| profile.text("defaultAction")),
        Some(
            "SCMP_ACT_ERRNO"
                | "SCMP_ACT_KILL"
                | "SCMP_ACT_KILL_PROCESS"
                | "SCMP_ACT_KILL_THREAD"
                | "SCMP_ACT_TRAP"
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_profile_that_can_be_read_and_denies_confines() {
        for (profile, confines) in [
            ("", true),
            ("builtin", true),
            (r#"{"defaultAction":"SCMP_ACT_ERRNO"}"#, true),
            (r#" {"DefaultAction":"SCMP_ACT_KILL_PROCESS","syscalls":[]}"#, true),
            ("null", false),
            (" null ", false),
            ("{}", false),
            ("[]", false),
            ("0", false),
            ("/x.json", false),
            ("Unconfined", false),
            ("unconfined ", false),
            ("\u{feff}{\"defaultAction\":\"SCMP_ACT_ERRNO\"}", false),
            (r#"{"defaultAction":null}"#, false),
            (r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#, false),
            (r#"{"defaultAction":"scmp_act_errno"}"#, false),
            (r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultaction":"SCMP_ACT_ALLOW"}"#, false),
            (r#"{"defaultAction":"SCMP_ACT_ERRNO"} null"#, false),
        ] {
            assert_eq!(confines_nothing(profile), !confines, "{profile}");
        }
    }
}
