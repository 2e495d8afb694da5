//! The endpoints whose readings are compared: how a body is sent to each, and what the engine made of
//! it.

use crate::support::client::{Answer, post};
use crate::support::compare::without_ids;
use crate::support::{Api, Daemon, Way};
use secdocker::docker::schema::{self, Struct};
use serde_json::Value;

/// One endpoint.
pub(crate) struct Door {
    pub(crate) table: &'static Struct,
    /// Entries with which the engine has all it needs.
    pub(crate) base: &'static str,
    /// Versions of the API under which it may be read in another way; empty is none.
    pub(crate) versions: &'static [&'static str],
    target: &'static str,
    prepare: fn(&Api),
    /// What the engine keeps, given its answer.
    made: fn(&Api, &Answer) -> Value,
    undo: fn(&Api, &Answer),
}

/// What came of a body.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    pub(crate) message: String,
    /// Without identifiers and times; null if the engine refused.
    pub(crate) made: Value,
}

impl Outcome {
    pub(crate) fn is_made(&self) -> bool {
        self.status < 300
    }

    /// What differs, one a line.
    pub(crate) fn differences(&self, other: &Outcome) -> Vec<String> {
        let said = |outcome: &Outcome| format!("{} {}", outcome.status, outcome.message);
        let mut all = vec![format!("{} straight, {} through SecDocker", said(self), said(other))];
        differences("", &self.made, &other.made, &mut all);
        all
    }

    pub(crate) fn is_refused_by_secdocker(&self) -> bool {
        self.message.starts_with("SecDocker")
    }
}

impl Door {
    /// Sends a body this way, and undoes what it made.
    pub(crate) fn try_body(&self, way: &dyn Way, version: &str, body: &[u8]) -> Outcome {
        let api = Daemon::shared().api();
        (self.prepare)(&api);
        let answer = ask(way, &post(&format!("{version}{}", self.target), body));
        let made = if answer.status < 300 { (self.made)(&api, &answer) } else { Value::Null };
        (self.undo)(&api, &answer);
        Outcome { status: answer.status, message: answer.message(), made: plain(made) }
    }
}

/// The answer; `502` where there is none: 20.10 crashes on some bodies for services, and hangs up.
fn ask(way: &dyn Way, request: &[u8]) -> Answer {
    let mut client = way.connect();
    client.send(request);
    match client.read_more() {
        Ok(1..) => client.answer(),
        Ok(0) => Answer { status: 502, head: String::new(), body: Vec::new() },
        Err(e) => panic!("{e}: {}", String::from_utf8_lossy(request)),
    }
}

pub(crate) const CONTAINER: Door = Door {
    table: &schema::CREATE,
    base: r#""Image":"probe:1","Cmd":["true"]"#,
    versions: &["/v1.41", "", "/v1.40", "/v1.24", "/v1.12"],
    target: "/containers/create?name=one",
    prepare: |_| {},
    made: |api, _| api.inspect("one"),
    undo: |api, answer| {
        if answer.status < 300 {
            api.remove("one");
        }
        remove_volumes(api);
    },
};

/// The same under the versions for which a body without `HostConfig` is one with an empty one: it
/// gets one where something is forced, and to the older ones that makes its `IpcMode` shareable.
pub(crate) const CONTAINER_NOW: Door = Door { versions: &["/v1.41", ""], ..CONTAINER };

pub(crate) const EXEC: Door = Door {
    table: &schema::EXEC,
    base: r#""Cmd":["true"]"#,
    versions: &["/v1.41", "/v1.24"],
    target: "/containers/runs/exec",
    prepare: |_| {},
    made: |api, answer| api.get(&format!("/exec/{}/json", id(answer))).json(),
    undo: |_, _| {},
};

pub(crate) const UPDATE: Door = Door {
    table: &schema::UPDATE,
    base: r#""CpuShares":512"#,
    versions: &["/v1.41", "/v1.24"],
    target: "/containers/one/update",
    prepare: |api| {
        let body = serde_json::json!({"Image": "probe:1", "Cmd": ["true"]});
        assert_eq!(api.create("one", &body).status, 201);
    },
    made: |api, _| api.inspect("one"),
    undo: |api, _| api.remove("one"),
};

pub(crate) const VOLUME: Door = Door {
    table: &schema::VOLUME_CREATE,
    base: r#""Name":"one""#,
    versions: &["/v1.41", "/v1.24"],
    target: "/volumes/create",
    prepare: |_| {},
    made: |_, answer| answer.json(),
    undo: |api, _| remove_volumes(api),
};

pub(crate) const NETWORK: Door = Door {
    table: &schema::NETWORK_CREATE,
    base: r#""Name":"one","Driver":"bridge","IPAM":{"Config":[{"Subnet":"10.8.0.0/24"}]}"#,
    versions: &["/v1.41", "/v1.24"],
    target: "/networks/create",
    prepare: |_| {},
    made: |api, answer| api.get(&format!("/networks/{}", id(answer))).json(),
    undo: |api, answer| {
        if answer.status < 300 {
            api.delete(&format!("/networks/{}", id(answer)));
        }
    },
};

pub(crate) const SERVICE: Door = Door {
    table: &schema::SERVICE,
    base: r#""Name":"one","Mode":{"Replicated":{"Replicas":0}},"TaskTemplate":{"ContainerSpec":{"Image":"probe:1"}}"#,
    versions: &["/v1.41", "/v1.39", "/v1.25"],
    target: "/services/create",
    prepare: |_| {},
    made: |api, answer| api.get(&format!("/services/{}", id(answer))).json()["Spec"].clone(),
    undo: |api, answer| {
        if answer.status < 300 {
            api.delete(&format!("/services/{}", id(answer)));
        }
    },
};

fn id(answer: &Answer) -> String {
    let made = answer.json();
    let id = made.get("Id").or(made.get("ID")).and_then(Value::as_str);
    id.unwrap_or_else(|| panic!("no id in {answer:?}")).to_owned()
}

fn remove_volumes(api: &Api) {
    for volume in api.get("/volumes").json()["Volumes"].as_array().into_iter().flatten() {
        api.delete(&format!("/volumes/{}?force=1", volume["Name"].as_str().unwrap()));
    }
}

fn differences(at: &str, one: &Value, other: &Value, all: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(fields), Value::Object(others)) if !fields.is_empty() => {
            let names =
                fields.keys().chain(others.keys().filter(|name| !fields.contains_key(*name)));
            for name in names {
                differences(&format!("{at}/{name}"), &one[name], &other[name], all);
            }
        }
        _ if one == other => {}
        _ => all.push(format!("{at}: {one} {other}")),
    }
}

/// Without what differs from one time to the next.
fn plain(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            for time in ["Created", "CreatedAt"] {
                fields.remove(time);
            }
            // The engine writes its default down only where it was given a `HostConfig`.
            if fields.get("Runtime").is_some_and(|name| name == "runc") {
                fields.remove("Runtime");
            }
            for (name, field) in fields.iter_mut() {
                *field = plain(field.take());
                // The engine keeps these by name, in no order.
                if let ("Mounts", Value::Array(list)) = (name.as_str(), field) {
                    list.sort_by_key(Value::to_string);
                }
            }
        }
        Value::Array(list) => {
            for element in list {
                *element = plain(element.take());
            }
        }
        Value::String(text) => *text = without_ids(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    value
}
