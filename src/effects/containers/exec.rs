//! `POST /containers/{id}/exec`: the body to effects, and the checked body to bytes.
//!
//! A privileged exec has all capabilities in a container without any (seen on 20.10), so it is the
//! same effect as a privileged container; and any exec in a privileged container has what that one
//! has. What else the container was given is not asked again: it was when it was made.

use std::convert::identity;

use crate::docker::json::Object;
use crate::docker::routes::name_between;
use crate::docker::schema::EXEC;
use crate::effects::changes::Changes;
use crate::effects::collect::{BodyError, Effects};
use crate::effects::force;
use crate::http::target::Target;
use crate::policy::Inspected;
use crate::policy::ceilings::Ceilings;
use crate::policy::effects::{ExistingEffect, FieldPath, IdentityEffect, PrivilegeEffect};
use crate::policy::types::UserSpec;

/// The body of a request to prepare a command in a container, in canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecBody(Object);

const USER: FieldPath = FieldPath::Field("User");
const PRIVILEGED: FieldPath = FieldPath::Field("Privileged");

/// Reads a body and says all that it would bring about.
///
/// # Errors
/// [`BodyError`] if the daemon would refuse the body, or nobody can say what it would do.
pub(in crate::effects) fn read(
    target: &Target<'_>,
    body: &[u8],
) -> Result<Inspected<ExecBody>, BodyError> {
    let mut effects = Effects::default();
    let fields = effects.fields(body, &EXEC)?;
    let container = || name_between(target.path(), "/containers/", "/exec").to_owned();
    match user(&fields) {
        Some(user) => effects.push_parsed(UserSpec::parse(user), IdentityEffect::User, USER)?,
        None => effects.push(IdentityEffect::ContainerUser(container()), USER),
    }
    effects.push_environment(&fields)?;
    if fields.is_true("Tty") {
        effects.push_term(&fields, FieldPath::Field("Tty"));
    }
    match fields.is_true("Privileged") {
        true => effects.push(PrivilegeEffect::Privileged, PRIVILEGED),
        false => effects.push(ExistingEffect::ExecIn(container()), PRIVILEGED),
    }
    Ok(Inspected::new(ExecBody(fields), effects.into_asked()))
}

/// Appends the body with all that is forced, and says what that changed. Only a checked body comes
/// here: see [`super::write`].
pub(in crate::effects) fn write(body: ExecBody, ceilings: &Ceilings, out: &mut Vec<u8>) -> Changes {
    // The others hold for the container, and for all that runs in it.
    let Ceilings { user: forced, environment, .. } = ceilings;
    let ExecBody(mut fields) = body;
    let mut changes = Changes::default();
    if let Some(forced) = forced
        && user(&fields).is_some()
    {
        force::user(&mut fields, forced.as_str(), &mut changes);
    }
    if !environment.is_empty() {
        force::environment(&mut fields, ceilings, "Env", identity, &mut changes);
    }
    fields.write(out);
    changes
}

fn user(fields: &Object) -> Option<&str> {
    fields.text("User").filter(|user| !user.is_empty())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use crate::policy::effects::EnvironmentEffect;
    use proptest::prelude::*;

    use super::*;
    use crate::docker::json;
    use crate::http::target;
    use crate::policy::effects::Effect;
    use crate::policy::types::EnvironmentEntry;

    fn read_at(target: &str, body: &str) -> Result<Inspected<ExecBody>, BodyError> {
        read(&target::parse(target).unwrap(), body.as_bytes())
    }

    fn asked(body: &str) -> Vec<String> {
        let inspected = read_at("/v1.41/containers/web/exec", body).unwrap();
        let told = inspected.effects().iter().map(|asked| match &asked.effect {
            Effect::Identity(IdentityEffect::User(user)) => format!("user {user} at {}", asked.at),
            Effect::Environment(EnvironmentEffect::Set(entry)) => {
                format!("variable {} at {}", entry.to_entry(), asked.at)
            }
            effect => format!("{effect:?} at {}", asked.at),
        });
        told.collect()
    }

    #[test]
    fn what_a_command_would_have() {
        let user = r#"ContainerUser("web") at User"#;
        let within = r#"ExecIn("web") at Privileged"#;
        let term = r#"Default { name: "TERM", value: Some("xterm") } at Tty"#;
        for (body, expected) in [
            (r#"{"Cmd":["id"]}"#, &[user, within][..]),
            (r#"{"Cmd":["id"],"User":"","Privileged":false,"Env":null}"#, &[user, within]),
            (r#"{"User":"root"}"#, &["user root at User", within]),
            (r#"{"uſer":"0:0"}"#, &["user 0:0 at User", within]),
            (r#"{"PRIVILEGED":true}"#, &[user, "Privileged at Privileged"]),
            (r#"{"tty":true}"#, &[user, term, within]),
            (
                r#"{"Tty":true,"Env":["TERM=dumb"]}"#,
                &[user, "variable TERM=dumb at Env[0]", within],
            ),
            (
                r#"{"Env":["USER=0","A"]}"#,
                &[user, "variable USER=0 at Env[0]", "variable A at Env[1]", within],
            ),
        ] {
            assert_eq!(asked(body), expected, "{body}");
        }
    }

    #[test]
    fn what_no_daemon_would_take() {
        for (body, reason) in [
            ("", "the body is empty"),
            (r#"{"Cmd":"id"}"#, "Cmd: expected a list, got a string"),
            (r#"{"Privileged":"true"}"#, "Privileged: expected a boolean, got a string"),
            (r#"{"Privileged":false,"privileged":true}"#, "Privileged: given more than once"),
            (r#"{"User":0}"#, "User: expected a string, got a number"),
            (r#"{"Env":["=x"]}"#, "Env[0]: an environment entry has no name"),
        ] {
            let refused = read_at("/containers/web/exec", body).unwrap_err();
            assert_eq!(refused.to_string(), reason, "{body}");
        }
    }

    fn written(body: &str, ceilings: &Ceilings) -> (String, String) {
        let fields = json::read(body.as_bytes(), &EXEC).unwrap();
        let mut out = Vec::new();
        let changes = write(ExecBody(fields), ceilings, &mut out);
        (String::from_utf8(out).unwrap(), changes.to_string())
    }

    #[test]
    fn a_user_is_replaced_but_not_added_and_variables_are_both() {
        let ceilings = Ceilings {
            user: Some(UserSpec::parse("1000").unwrap()),
            environment: vec![EnvironmentEntry::parse("A=secret").unwrap()],
            ..Ceilings::default()
        };
        for (body, forwarded, changes) in [
            (r#"{"Cmd":["id"]}"#, r#"{"Cmd":["id"],"Env":["A=secret"]}"#, "Env=A"),
            (r#"{"User":""}"#, r#"{"User":"","Env":["A=secret"]}"#, "Env=A"),
            (
                r#"{"user":"0","env":["A=b","C=d"]}"#,
                r#"{"User":"1000","Env":["C=d","A=secret"]}"#,
                "User=1000 Env=A",
            ),
            (r#"{"User":"1000","Env":["A=secret"]}"#, r#"{"User":"1000","Env":["A=secret"]}"#, ""),
        ] {
            let expected = (forwarded.to_owned(), changes.to_owned());
            assert_eq!(written(body, &ceilings), expected, "{body}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_what_was_read(
            user in any::<String>(), value in any::<String>(), tty in any::<bool>(),
        ) {
            let texts = [user, format!("A={value}")].map(|text| serde_json::to_string(&text).unwrap());
            let [user, entry] = texts;
            let body = format!(r#"{{"USER":{user},"env":[{entry}],"Tty":{tty},"New":[1.50,{user}]}}"#);
            let first = json::read(body.as_bytes(), &EXEC).unwrap();
            let (once, changes) = written(&body, &Ceilings::default());
            prop_assert_eq!(json::read(once.as_bytes(), &EXEC).unwrap(), first);
            prop_assert_eq!(changes, "");
        }
    }
}
