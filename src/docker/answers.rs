//! Answers of the daemon that hold credentials, and the same answers without them.
//!
//! With a token for joining, whoever reaches the managers' port becomes one of them, and starts on the
//! host what they like. The settings of engine plugins hold the keys to storage elsewhere. Both are taken
//! out of the answer, and all else of it stays, for clients that look at a swarm or list plugins.

use std::fmt;

use serde_json::Value;

use super::routes::unversioned;
use crate::http::target::Target;

/// What stands in place of a credential.
const WITHHELD: &str = "withheld-by-SecDocker";
/// What a token for joining a swarm begins with.
const TOKEN: &str = "SWMTKN-";

/// Which credentials an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// `GET /swarm`: `JoinTokens`.
    JoinTokens,
    /// `GET /plugins` and `GET /plugins/{name}/json`: values in `Settings`.
    PluginSettings,
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::JoinTokens => "the tokens for joining the swarm",
            Self::PluginSettings => "the settings of engine plugins",
        })
    }
}

/// What the answer to a request holds, if anything. The path decides, however odd the target: nothing
/// but these paths leads there.
#[must_use]
pub fn withheld(method: &str, target: &Target<'_>) -> Option<Withheld> {
    let path = unversioned(target.path());
    let is_plugin = || path.starts_with("/plugins/") && path.ends_with("/json");
    match path {
        _ if !method.eq_ignore_ascii_case("GET") => None,
        "/swarm" => Some(Withheld::JoinTokens),
        "/plugins" => Some(Withheld::PluginSettings),
        _ => is_plugin().then_some(Withheld::PluginSettings),
    }
}

/// The answer without what is withheld; none if it is not JSON.
#[must_use]
pub fn without(withheld: Withheld, answer: &[u8]) -> Option<Vec<u8>> {
    let mut value = serde_json::from_slice(answer).ok()?;
    match withheld {
        Withheld::JoinTokens => hide_tokens(&mut value),
        Withheld::PluginSettings => hide_settings(&mut value),
    }
    let mut written = serde_json::to_vec(&value).ok()?;
    // As the daemon ends its answers.
    written.push(b'\n');
    Some(written)
}

/// All texts in `JoinTokens`, and whatever looks like a token anywhere.
fn hide_tokens(value: &mut Value) {
    match value {
        Value::String(text) if text.contains(TOKEN) => WITHHELD.clone_into(text),
        Value::Array(elements) => elements.iter_mut().for_each(hide_tokens),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| {
            if name.eq_ignore_ascii_case("JoinTokens") {
                hide_texts(value)
            } else {
                hide_tokens(value)
            }
        }),
        _ => {}
    }
}

fn hide_texts(value: &mut Value) {
    match value {
        Value::String(text) => WITHHELD.clone_into(text),
        Value::Array(elements) => elements.iter_mut().for_each(hide_texts),
        Value::Object(fields) => fields.values_mut().for_each(hide_texts),
        _ => {}
    }
}

/// In one plugin or each of a list.
fn hide_settings(value: &mut Value) {
    match value {
        Value::Array(plugins) => plugins.iter_mut().for_each(hide_settings),
        Value::Object(plugin) => {
            if let Some(Value::Object(settings)) = plugin.get_mut("Settings") {
                settings.get_mut("Env").into_iter().for_each(hide_values);
                settings.get_mut("Args").into_iter().for_each(hide_texts);
            }
        }
        _ => {}
    }
}

/// Of `NAME=value` the value.
fn hide_values(variables: &mut Value) {
    for variable in variables.as_array_mut().into_iter().flatten() {
        if let Value::String(text) = variable {
            let name = text.split('=').next().unwrap_or_default();
            *text = format!("{name}={WITHHELD}");
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::http::target;

    #[test]
    fn what_the_answers_to_these_hold() {
        use Withheld::{JoinTokens, PluginSettings};
        for (method, path, expected) in [
            ("GET", "/swarm", Some(JoinTokens)),
            ("GET", "/v1.41/swarm?x=1", Some(JoinTokens)),
            ("GET", "/v1.41%2fswar%6d", Some(JoinTokens)),
            ("GET", "http://d/swarm?a#b", Some(JoinTokens)),
            ("get", "/swarm", Some(JoinTokens)),
            ("POST", "/swarm", None),
            ("GET", "/swarm/unlockkey", None),
            ("GET", "/plugins", Some(PluginSettings)),
            ("GET", "/plugins/team/a:1/json", Some(PluginSettings)),
            ("GET", "/plugins/privileges", None),
            ("GET", "/containers/plugins/json", None),
        ] {
            let found = withheld(method, &target::parse(path).unwrap());
            assert_eq!(found, expected, "{method} {path}");
        }
    }

    #[test]
    fn credentials_are_taken_out_and_nothing_else() {
        for (withheld, answer, expected) in [
            (
                Withheld::JoinTokens,
                r#"{"ID":"a","JoinTokens":{"Worker":"SWMTKN-1-a","Manager":"b"},"Version":{"Index":18446744073709551615}}"#,
                r#"{"ID":"a","JoinTokens":{"Manager":"withheld-by-SecDocker","Worker":"withheld-by-SecDocker"},"Version":{"Index":18446744073709551615}}"#,
            ),
            (
                Withheld::JoinTokens,
                r#"{"New":[{"Text":"use SWMTKN-1-a"}],"JoinTokens":null}"#,
                r#"{"JoinTokens":null,"New":[{"Text":"withheld-by-SecDocker"}]}"#,
            ),
            (
                Withheld::PluginSettings,
                r#"[{"Name":"a","Settings":{"Args":["x"],"Env":["A=b=c","D"],"Mounts":[]}},{"Settings":null},1]"#,
                r#"[{"Name":"a","Settings":{"Args":["withheld-by-SecDocker"],"Env":["A=withheld-by-SecDocker","D=withheld-by-SecDocker"],"Mounts":[]}},{"Settings":null},1]"#,
            ),
            (
                Withheld::PluginSettings,
                r#"{"Settings":{"Env":null}}"#,
                r#"{"Settings":{"Env":null}}"#,
            ),
            (Withheld::PluginSettings, "null", "null"),
        ] {
            let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
            let written = without(withheld, answer.as_bytes()).unwrap();
            assert_eq!(read(&written), read(expected.as_bytes()));
            assert_eq!(written.last(), Some(&b'\n'));
        }
        for broken in ["", "{", "{} x"] {
            assert_eq!(without(Withheld::JoinTokens, broken.as_bytes()), None, "{broken}");
        }
    }
}
