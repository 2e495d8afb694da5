//! The words in which an attack is written down.
//!
//! In targets, bodies and bytes, `@name@` stands for a name that only this run of this attack uses
//! (six characters, like `@name@` itself, so that lengths stay right), `@image@` for the id of the
//! forbidden image, `@image:07@` for its first seven letters, `@version@` for the version of the
//! service `@name@`, `@host-network@` for the id of the host's network, and `@joined@` for the id of the
//! container whose namespace `@name@` shares.

use serde_json::{Value, json};
use std::path::Path;

/// One way to something forbidden.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// What the engine does that makes it work.
    pub(crate) why: &'static str,
    /// Done straight at the engine, whichever way the attack itself goes.
    pub(crate) setup: Vec<Step>,
    /// What is judged.
    pub(crate) requests: Vec<Step>,
    /// Done straight at the engine afterwards: what anybody may do with the spoils.
    pub(crate) follow_up: Vec<Step>,
    pub(crate) probe: Probe,
    pub(crate) outcome: Outcome,
    /// The first major version of the engine on which it works; none: 20.10, where it is shown.
    pub(crate) since: Option<u32>,
    /// The first major version on which it works no longer.
    pub(crate) until: Option<u32>,
}

/// What must come of it through SecDocker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A 4xx of SecDocker's own, and the engine is as before.
    Refused,
    /// It may pass, without the effect: a ceiling held.
    Tightened,
    /// It passes with its effect: no attack, but its harmless neighbour, so that a rule that refuses
    /// everything is noticed.
    Passes,
}

/// Something to do.
pub(crate) enum Step {
    /// A request on a connection of its own.
    Request { method: &'static str, target: String, headers: String, body: Vec<u8> },
    /// Exactly these bytes, in these pieces, on one connection.
    Bytes(Vec<Vec<u8>>),
    /// Something on the host, which the engine shares with the test; it is given a path that no
    /// other attack uses.
    Host(fn(&Path)),
    /// Whether the engine is to be in a swarm of its own.
    Swarm(bool),
}

/// How the engine shows whether the effect came about.
pub(crate) enum Probe {
    /// The object that the engine answers to `GET target` is like this.
    State { target: String, test: fn(&Value) -> bool },
    /// It holds this text at a JSON pointer.
    Holds { target: String, pointer: &'static str, text: &'static str },
    /// The container `@name@` printed this.
    Prints(&'static str),
    /// The container of the service `@name@` holds this text at a JSON pointer.
    Task { pointer: &'static str, text: &'static str },
    /// The container of the service `@name@` printed this.
    TaskPrints(&'static str),
    /// The answer to the last request holds this text.
    Answers(&'static str),
}

impl Attack {
    pub(crate) fn new(name: &'static str, why: &'static str) -> Attack {
        Attack {
            name,
            why,
            setup: Vec::new(),
            requests: Vec::new(),
            follow_up: Vec::new(),
            probe: Probe::exists(),
            outcome: Outcome::Refused,
            since: None,
            until: None,
        }
    }

    /// A harmless neighbour of the attacks beside it.
    pub(crate) fn harmless(name: &'static str, why: &'static str) -> Attack {
        Attack { outcome: Outcome::Passes, ..Attack::new(name, why) }
    }

    pub(crate) fn setup(mut self, step: Step) -> Attack {
        self.setup.push(step);
        self
    }

    /// Before what is set up already.
    pub(crate) fn setup_first(mut self, step: Step) -> Attack {
        self.setup.insert(0, step);
        self
    }

    pub(crate) fn send(mut self, step: Step) -> Attack {
        self.requests.push(step);
        self
    }

    /// Creates a container with this body, and nothing else.
    pub(crate) fn create(self, body: Value) -> Attack {
        self.send(Step::create(body))
    }

    /// Creates a container with this body; it is started by whoever finds it.
    pub(crate) fn run(self, body: Value) -> Attack {
        self.send(Step::create(body)).then(Step::start())
    }

    pub(crate) fn then(mut self, step: Step) -> Attack {
        self.follow_up.push(step);
        self
    }

    pub(crate) fn works_when(mut self, probe: Probe) -> Attack {
        self.probe = probe;
        self
    }

    pub(crate) fn only_tightened(mut self) -> Attack {
        self.outcome = Outcome::Tightened;
        self
    }

    pub(crate) fn since(mut self, major: u32) -> Attack {
        self.since = Some(major);
        self
    }

    pub(crate) fn until(mut self, major: u32) -> Attack {
        self.until = Some(major);
        self
    }

    /// Whether an engine of this major version has what makes it work.
    pub(crate) fn works_on(&self, major: u32) -> bool {
        self.since.is_none_or(|since| since <= major) && self.until.is_none_or(|end| major < end)
    }
}

impl Step {
    pub(crate) fn post(target: &str, body: Value) -> Step {
        Step::send_as("POST", target, "application/json", body.to_string())
    }

    /// A request whose parameters are all in the query.
    pub(crate) fn query(target: &str) -> Step {
        Step::without_body("POST", target)
    }

    pub(crate) fn get(target: &str) -> Step {
        Step::without_body("GET", target)
    }

    pub(crate) fn delete(target: &str) -> Step {
        Step::without_body("DELETE", target)
    }

    fn without_body(method: &'static str, target: &str) -> Step {
        let (target, headers) = (target.into(), String::new());
        Step::Request { method, target, headers, body: Vec::new() }
    }

    pub(crate) fn send_as(
        method: &'static str,
        target: &str,
        content_type: &str,
        body: impl Into<Vec<u8>>,
    ) -> Step {
        let headers = format!("Content-Type: {content_type}\r\n");
        Step::Request { method, target: target.into(), headers, body: body.into() }
    }

    pub(crate) fn create(body: Value) -> Step {
        Step::post("/v1.41/containers/create?name=@name@", body)
    }

    /// Creates a container of the forbidden image by the first letters of its id.
    pub(crate) fn create_by_prefix(before: &str, letters: usize) -> Step {
        let image = format!("{before}@image:{letters:02}@");
        Step::create(with(json!({"Image": image})))
    }

    pub(crate) fn start() -> Step {
        Step::query("/containers/@name@/start")
    }
}

impl Probe {
    /// The container `@name@` is there.
    pub(crate) fn exists() -> Probe {
        Probe::found("/containers/@name@/json")
    }

    pub(crate) fn found(target: &str) -> Probe {
        Probe::state(target, |_| true)
    }

    pub(crate) fn state(target: &str, test: fn(&Value) -> bool) -> Probe {
        Probe::State { target: target.into(), test }
    }

    pub(crate) fn container(test: fn(&Value) -> bool) -> Probe {
        Probe::state("/containers/@name@/json", test)
    }

    pub(crate) fn container_holds(pointer: &'static str, text: &'static str) -> Probe {
        Probe::holds("/containers/@name@/json", pointer, text)
    }

    pub(crate) fn holds(target: &str, pointer: &'static str, text: &'static str) -> Probe {
        Probe::Holds { target: target.into(), pointer, text }
    }
}

/// A create body that breaks no rule, with these fields on top.
pub(crate) fn with(fields: Value) -> Value {
    let mut body = json!({"Image": "probe:1", "Cmd": ["sleep", "60"], "User": "1000"});
    if let (Some(body), Value::Object(fields)) = (body.as_object_mut(), fields) {
        body.extend(fields);
    }
    body
}

/// The same with these fields of `HostConfig`.
pub(crate) fn host(fields: Value) -> Value {
    with(json!({"HostConfig": fields}))
}

/// The same that runs these words of shell, with these fields of `HostConfig`.
pub(crate) fn shell(script: &str, fields: Value) -> Value {
    with(json!({"Cmd": ["sh", "-c", script], "HostConfig": fields}))
}
