//! What a request reaches through a container that exists: `attach` and `archive`.
//!
//! Whoever writes to the input of a shell works within its container, as its user. Files are read and
//! written as root, through all that the container has mounted, whichever path is asked for: links
//! within may lead to any of it, and of a container that is stopped the daemon mounts everything anew.
//! What only shows the container's output or its own files passes: `logs`, `attach` without input,
//! `export`, `changes`, `top`, `stats`.

use super::routes::{name_between, unversioned};
use crate::http::target::{Target, query_pairs};
use crate::policy::effects::{Asked, Effect, Place};

const BEFORE: &str = "/containers/";

/// `POST /containers/{id}/attach` and `GET /containers/{id}/attach/ws`. Of the latter daemons before
/// API v1.42 take input whatever the query says.
pub(super) fn effects_of_attach(target: &Target<'_>) -> Vec<Asked> {
    let socket = name_between(target.path(), BEFORE, "/attach/ws");
    let (name, takes_input) = match socket {
        "" => (name_between(target.path(), BEFORE, "/attach"), asks_for_input(target)),
        name => (name, true),
    };
    if !takes_input {
        return Vec::new();
    }
    let at = || Place::Field("?stdin");
    let user = Asked { effect: Effect::ContainerUser(name.to_owned()), at: at() };
    vec![user, Asked { effect: Effect::Within(name.to_owned()), at: at() }]
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
pub(super) fn effects_of_archive(target: &Target<'_>) -> Vec<Asked> {
    let is_copy = unversioned(target.path()).ends_with("/copy");
    let name = name_between(target.path(), BEFORE, if is_copy { "/copy" } else { "/archive" });
    vec![Asked { effect: Effect::Archive(name.to_owned()), at: Place::Field("name") }]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::http::target;

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
            let within = Effect::Within("a".to_owned());
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
            let [Asked { effect: Effect::Archive(found), .. }] = asked.as_slice() else {
                panic!("{asked:?}")
            };
            assert_eq!(found, name, "{raw}");
        }
    }
}
