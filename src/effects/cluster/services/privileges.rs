//! `Privileges`: security options in fields of their own.
//!
//! 20.10 reads the credentials and SELinux only; 29 turns all of them into the options of a
//! container.

use crate::docker::base64;
use crate::docker::json::Object;
use crate::effects::collect::{BodyError, Effects};
use crate::effects::containers::security_options::{self, UNCONFINED};
use crate::policy::effects::FieldPath;
use crate::policy::types::SecurityOption;

const SECCOMP: FieldPath = FieldPath::Field("TaskTemplate.ContainerSpec.Privileges.Seccomp");
const APPARMOR: FieldPath = FieldPath::Field("TaskTemplate.ContainerSpec.Privileges.AppArmor");
const NO_NEW: FieldPath = FieldPath::Field("TaskTemplate.ContainerSpec.Privileges.NoNewPrivileges");
const SELINUX: FieldPath = FieldPath::Field("TaskTemplate.ContainerSpec.Privileges.SELinuxContext");
const CREDENTIALS: FieldPath =
    FieldPath::Field("TaskTemplate.ContainerSpec.Privileges.CredentialSpec");

/// The fields of `SELinuxContext` and the parts of a label that they set.
pub(super) const LABELS: [(&str, &str); 4] =
    [("User", "user"), ("Role", "role"), ("Type", "type"), ("Level", "level")];

const CREDENTIAL_SOURCES: [(&str, &str); 3] =
    [("Config", "config"), ("File", "file"), ("Registry", "registry")];

pub(super) fn effects(container: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    let Some(privileges) = container.object("Privileges") else {
        return Ok(());
    };
    for (name, value, at) in options(privileges)? {
        security_options::push(Ok(SecurityOption::new(name, &value)), at, effects)?;
    }
    Ok(())
}

type Named = (&'static str, String, FieldPath);

/// The options of a container to which the daemon translates `privileges`.
fn options(privileges: &Object) -> Result<Vec<Named>, BodyError> {
    let mut options = Vec::new();
    if let Some(spec) = privileges.object("CredentialSpec") {
        for (source, value) in parts(spec, &CREDENTIAL_SOURCES) {
            options.push(("credentialspec", format!("{source}://{value}"), CREDENTIALS));
        }
    }
    if let Some(context) = privileges.object("SELinuxContext") {
        if context.is_true("Disable") {
            options.push(("label", "disable".to_owned(), SELINUX));
        }
        for (part, value) in parts(context, &LABELS) {
            options.push(("label", format!("{part}:{value}"), SELINUX));
        }
    }
    if let Some(seccomp) = privileges.object("Seccomp") {
        options.extend(profile(seccomp)?.map(|profile| ("seccomp", profile, SECCOMP)));
    }
    // Whatever else a daemon may know, it is not the default.
    let apparmor = privileges.object("AppArmor").and_then(|options| options.text("Mode"));
    if !matches!(apparmor, None | Some("" | "default")) {
        options.push(("apparmor", UNCONFINED.to_owned(), APPARMOR));
    }
    if privileges.is_true("NoNewPrivileges") {
        options.push(("no-new-privileges", "true".to_owned(), NO_NEW));
    }
    Ok(options)
}

/// The fields that say something, by the names of their parts.
fn parts<'a>(
    object: &'a Object,
    fields: &'a [(&str, &'static str)],
) -> impl Iterator<Item = (&'static str, &'a str)> {
    fields.iter().filter_map(|(field, part)| {
        object.text(field).filter(|value| !value.is_empty()).map(|value| (*part, value))
    })
}

/// The profile as the option `seccomp` has it: JSON, or a word that stands for one.
fn profile(seccomp: &Object) -> Result<Option<String>, BodyError> {
    match seccomp.text("Mode").unwrap_or_default() {
        "" | "default" => Ok(None),
        "custom" => match base64::decode(seccomp.text("Profile").unwrap_or_default()) {
            Some(profile) => Ok(Some(String::from_utf8_lossy(&profile).into_owned())),
            None => Err(BodyError::Value { at: SECCOMP, reason: "not base64".to_owned() }),
        },
        _ => Ok(Some(UNCONFINED.to_owned())),
    }
}
