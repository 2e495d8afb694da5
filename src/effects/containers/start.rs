//! `POST /containers/{id}/start` and `/restart`: no body that says anything, no checkpoint of a path that
//! is forbidden, and no mount that leads to one at this moment.
//!
//! Under API versions before 1.24, 20.10 takes a body for a whole `HostConfig` and *replaces* that
//! of the container: privileged mode, binds and network at once (seen). Newer versions refuse a body
//! of more than 7 bytes, or of unknown length; to none of them does a shorter one say anything, form
//! or not. Only a body that says nothing passes here, and none is forwarded.

use crate::docker::json::{self, Fault, Object};
use crate::docker::routes::name_between;
use crate::docker::schema::START;
use crate::effects::collect::{BodyError, Effects};
use crate::http::target::{Target, query_pairs};
use crate::policy::Inspected;
use crate::policy::effects::{ExistingEffect, FieldPath, RequestedEffect};

const BEFORE: &str = "/containers/";

/// A request to start a container, which has no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartBody;

/// Reads a body, which must say nothing, and the query.
///
/// # Errors
/// [`BodyError`] if the body says anything, or the query can't be read.
pub(in crate::effects) fn read(
    target: &Target<'_>,
    body: &[u8],
) -> Result<Inspected<StartBody>, BodyError> {
    says_nothing(body)?;
    let mut effects = Effects::default();
    let name = name_between(target.path(), BEFORE, "/start");
    effects.push(ExistingEffect::Started(name.to_owned()), FieldPath::Field("name"));
    for pair in query_pairs(target.query().unwrap_or_default()) {
        // Of a query that it can't read the daemon refuses the request.
        let (name, value) = pair.map_err(|error| refused("?", error.to_string()))?;
        // Where checkpoints are enabled, one is restored from any directory of the host.
        if name == "checkpoint-dir" && !value.is_empty() {
            let at = || FieldPath::Field("?checkpoint-dir");
            effects.push_path(&value, at())?;
            // Its author decides what goes on within.
            let container = name_between(target.path(), BEFORE, "/start").to_owned();
            effects.push(ExistingEffect::ExecIn(container), at());
        }
    }
    Ok(Inspected::new(StartBody, effects.into_asked()))
}

/// `POST /containers/{id}/restart`, of which the daemon reads no body.
pub(in crate::effects) fn effects_of_restart(target: &Target<'_>) -> Vec<RequestedEffect> {
    let name = name_between(target.path(), BEFORE, "/restart").to_owned();
    vec![RequestedEffect {
        effect: ExistingEffect::Started(name).into(),
        at: FieldPath::Field("name"),
    }]
}

/// No JSON object with a field in it is shorter than 8 bytes, and so the daemon looks at no such body.
const UNREAD_BYTES_MAX: usize = 7;

fn says_nothing(body: &[u8]) -> Result<(), BodyError> {
    if body.len() <= UNREAD_BYTES_MAX || body.trim_ascii() == b"null" {
        return Ok(());
    }
    match json::read(body, &START) {
        Ok(fields) if Object::is_empty(&fields) => Ok(()),
        Err(error) if error.fault == Fault::Empty => Ok(()),
        Ok(_) | Err(_) => {
            let reason = "a body would replace the container's whole configuration: send none";
            Err(refused("the body", reason.to_owned()))
        }
    }
}

fn refused(at: &'static str, reason: String) -> BodyError {
    BodyError::Value { at: FieldPath::Field(at), reason }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::http::target;
    use crate::policy::effects::Effect;
    use crate::policy::effects::MountEffect;

    fn read_at(query: &str, body: &str) -> Result<Inspected<StartBody>, BodyError> {
        let raw = format!("/v1.23/containers/x/start{query}");
        read(&target::parse(&raw).unwrap(), body.as_bytes())
    }

    #[test]
    fn only_a_body_that_says_nothing_passes() {
        for body in [
            "",
            " ",
            "\r\n\t",
            "{}",
            "      { } ",
            "null    ",
            "null\n",
            "t=5",
            "a=b&c=d",
            "{",
            "\0",
        ] {
            let read = read_at("", body).unwrap();
            let [started] = read.effects() else { panic!("{body}") };
            assert_eq!(
                started.effect,
                Effect::Existing(ExistingEffect::Started("x".to_owned())),
                "{body}"
            );
        }
        for body in [
            r#"{"Privileged":true}"#,
            r#"{"Privileged":null}"#,
            r#"{"":0   }"#,
            "{}{}    ",
            "nullnull",
            "[      ]",
            "00000000",
            "\0       ",
            "a=b&c=de",
            "checkpoint=x",
        ] {
            let reason = read_at("", body).unwrap_err().to_string();
            assert!(reason.starts_with("the body: a body would replace"), "{body} {reason}");
        }
    }

    #[test]
    fn a_checkpoint_is_read_from_a_path_of_the_host() {
        for (query, paths) in [
            ("", &[][..]),
            ("?detachKeys=ctrl-p", &[]),
            ("?checkpoint=c&checkpoint-dir=", &[]),
            ("?checkpoint=c&checkpoint-dir=/root", &["/root", r#"ExecIn("x")"#]),
            (
                "?checkpoint%2ddir=%2Fa%2F..%2Froot&checkpoint-dir=x",
                &["/root", r#"ExecIn("x")"#, "/", r#"ExecIn("x")"#],
            ),
        ] {
            let inspected = read_at(query, "").unwrap();
            let asked = inspected.effects().iter().skip(1);
            let found: Vec<_> = asked
                .map(|asked| match &asked.effect {
                    Effect::Mount(MountEffect::HostPath(path)) => path.to_string(),
                    Effect::Mount(MountEffect::AnyPath(_)) => "/".to_owned(),
                    effect => format!("{effect:?}"),
                })
                .collect();
            assert_eq!(found, paths, "{query}");
        }
    }
}
