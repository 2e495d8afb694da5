//! What a request reaches through a container that exists: `attach` and `archive`.
//!
//! Anyone who writes to the input of a shell works within its container, as its user. Files are read and
//! written as root, through all that the container has mounted, whichever path is asked for: links
//! within may lead to any of it, and of a container that is stopped the daemon mounts everything anew.
//! What only shows the container's output or its own files passes: `logs`, `attach` without input,
//! `export`, `changes`, `top`, `stats`.
//!
//! The container that was judged is the one that is reached: its name may be another's by the time the
//! daemon looks, so its identifier is forwarded in place of it.

use crate::docker::routes::{name_between, unversioned};
use crate::http::target::{Target, query_pairs};
use crate::policy::effects::{ExistingEffect, FieldPath, IdentityEffect, RequestedEffect};

const BEFORE: &str = "/containers/";

/// Digits of a container's whole identifier.
const ID_DIGITS: usize = 64;

/// What stands behind a container's name where a request starts it or reaches into it.
const WAYS: [&str; 7] =
    ["/start", "/restart", "/exec", "/attach/ws", "/attach", "/archive", "/copy"];

/// A target with the identifier of the container in place of its name. `None` if the target does not
/// name it so, or that is not a whole identifier.
pub fn by_id(target: &Target<'_>, name: &str, id: &str) -> Option<String> {
    let is_whole = id.len() == ID_DIGITS && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    let path = target.path();
    let version = path.strip_suffix(unversioned(path)).filter(|_| is_whole && !name.is_empty())?;
    let way = WAYS.into_iter().find(|way| name_between(path, BEFORE, way) == name)?;
    let query = target.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("{version}{BEFORE}{id}{way}{query}"))
}

/// `POST /containers/{id}/attach` and `GET /containers/{id}/attach/ws`. Of the latter daemons before
/// API v1.42 take input whatever the query says.
pub(in crate::effects) fn effects_of_attach(target: &Target<'_>) -> Vec<RequestedEffect> {
    let socket = name_between(target.path(), BEFORE, "/attach/ws");
    let (name, takes_input) = match socket {
        "" => (name_between(target.path(), BEFORE, "/attach"), asks_for_input(target)),
        name => (name, true),
    };
    if !takes_input {
        return Vec::new();
    }
    let at = || FieldPath::Field("?stdin");
    let user =
        RequestedEffect { effect: IdentityEffect::ContainerUser(name.to_owned()).into(), at: at() };
    vec![user, RequestedEffect { effect: ExistingEffect::ExecIn(name.to_owned()).into(), at: at() }]
}

/// Whether any `stdin` is true as the daemon reads it (`httputils.BoolValue`). What can't be read may
/// be.
fn asks_for_input(target: &Target<'_>) -> bool {
    query_pairs(target.query().unwrap_or_default()).any(|pair| match pair {
        Ok((name, value)) => name == "stdin" && is_true(&value),
        Err(_) => true,
    })
}

fn is_true(value: &str) -> bool {
    let value = value.trim().to_lowercase();
    !matches!(value.as_str(), "" | "0" | "no" | "false" | "none")
}

/// `/containers/{id}/archive`, and `POST /containers/{id}/copy`.
pub(in crate::effects) fn effects_of_archive(target: &Target<'_>) -> Vec<RequestedEffect> {
    let is_copy = unversioned(target.path()).ends_with("/copy");
    let name = name_between(target.path(), BEFORE, if is_copy { "/copy" } else { "/archive" });
    vec![RequestedEffect {
        effect: ExistingEffect::Archive(name.to_owned()).into(),
        at: FieldPath::Field("name"),
    }]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::http::target;
    use crate::policy::effects::Effect;

    #[test]
    fn what_was_looked_at_is_what_is_reached() {
        let id = "0a".repeat(32);
        for way in WAYS {
            for (raw, expected) in [
                ("/containers/webWAY", "/containers/IDWAY"),
                ("/v1.41/containers/webWAY?a=b%2Cc", "/v1.41/containers/IDWAY?a=b%2Cc"),
                ("/v1.41/containers/w%65bWAY", "/v1.41/containers/IDWAY"),
            ] {
                let (raw, expected) = (raw.replace("WAY", way), expected.replace("WAY", way));
                let target = target::parse(&raw).unwrap();
                let expected = expected.replace("ID", &id);
                assert_eq!(by_id(&target, "web", &id), Some(expected), "{raw}");
                assert_eq!(by_id(&target, "web", "0a"), None, "{raw}");
                assert_eq!(by_id(&target, "other", &id), None, "{raw}");
            }
        }
        for (raw, name) in [("/containers/web/stop", "web"), ("/containers/create", "")] {
            assert_eq!(by_id(&target::parse(raw).unwrap(), name, &id), None, "{raw}");
        }
    }

    #[test]
    fn only_input_reaches_into_a_container() {
        for (raw, reaches) in [
            ("/containers/a/attach", false),
            ("/containers/a/attach?stream=1&stdout=1&stderr=1", false),
            ("/containers/a/attach?stdin=0&stdin=false", false),
            ("/containers/a/attach?stdin=", false),
            ("/containers/a/attach?stdin=1", true),
            ("/v1.41/containers/a/attach?stdin=0&stdin=yes", true),
            ("/containers/a/attach?%73tdin=true", true),
            ("/containers/a/attach?stdin=%zz", true),
            ("/containers/a/attach/ws", true),
            ("/v1.41/containers/a/attach/ws?stdin=0", true),
        ] {
            let asked = effects_of_attach(&target::parse(raw).unwrap());
            let within = Effect::Existing(ExistingEffect::ExecIn("a".to_owned()));
            assert_eq!(asked.iter().any(|asked| asked.effect == within), reaches, "{raw}");
            assert_eq!(asked.is_empty(), !reaches, "{raw}");
        }
    }

    #[test]
    fn files_are_those_of_the_container_in_the_path() {
        for (raw, name) in [
            ("/containers/a/archive?path=/x", "a"),
            ("/v1.41/containers/a/b/archive", "a/b"),
            ("/v1.12/containers/a/copy", "a"),
        ] {
            let asked = effects_of_archive(&target::parse(raw).unwrap());
            let [
                RequestedEffect {
                    effect: Effect::Existing(ExistingEffect::Archive(found)), ..
                },
            ] = asked.as_slice()
            else {
                panic!("{asked:?}")
            };
            assert_eq!(found, name, "{raw}");
        }
    }
}
