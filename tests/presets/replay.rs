//! A client's session, request by request: straight, then through SecDocker with a preset.

use crate::support::client::Client;
use crate::support::decided;
use crate::support::{Daemon, SecDocker, Way, compare, unique};
use serde_json::Value;
use std::collections::BTreeSet;

/// One request. In target and body, `@name@` is a name of this run's own, and `@exec@` the
/// identifier that the last answer gave.
pub(crate) struct Ask {
    method: &'static str,
    target: &'static str,
    headers: &'static str,
    body: Vec<u8>,
    /// The status that the daemon answers with.
    status: u16,
}

pub(crate) fn ask(method: &'static str, target: &'static str, status: u16) -> Ask {
    Ask { method, target, headers: "", body: Vec::new(), status }
}

impl Ask {
    pub(crate) fn json(mut self, body: &str) -> Ask {
        self.headers = "Content-Type: application/json\r\n";
        self.body = body.as_bytes().to_vec();
        self
    }

    pub(crate) fn upload(mut self, body: Vec<u8>) -> Ask {
        self.headers = "Content-Type: application/x-tar\r\n";
        self.body = body;
        self
    }

    /// Asks for a raw stream.
    pub(crate) fn raw(mut self, body: &str) -> Ask {
        self = self.json(body);
        self.headers = "Content-Type: application/json\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n";
        self
    }

    fn bytes(&self, fill: &impl Fn(&str) -> String) -> Vec<u8> {
        let body = match std::str::from_utf8(&self.body) {
            Ok(text) => fill(text).into_bytes(),
            Err(_) => self.body.clone(),
        };
        let (method, target, headers) = (self.method, fill(self.target), self.headers);
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: d\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), &body].concat()
    }
}

/// Plays the session both ways: the same statuses, and answers of the same shape.
#[track_caller]
pub(crate) fn the_same(rules: &str, session: &[Ask]) {
    explained(rules, session);
    let daemon = Daemon::shared();
    let secdocker = SecDocker::before(daemon, rules);
    let (straight, through) = (play(daemon, session), play(&secdocker, session));
    for (ask, (straight, through)) in session.iter().zip(straight.iter().zip(&through)) {
        let what = format!("{} {}", ask.method, ask.target);
        assert_eq!(straight.0, ask.status, "{what} straight: {straight:?}");
        assert_eq!(straight, through, "{what}: straight (left), through SecDocker (right)");
    }
}

/// What `explain` says of each request is what becomes of it.
#[track_caller]
fn explained(rules: &str, session: &[Ask]) {
    let rules = decided::rules(rules, false);
    for (ask, world) in session.iter().flat_map(|ask| decided::WORLDS.map(|world| (ask, world))) {
        let bytes = ask.bytes(&|text: &str| text.replace("@name@", "replay"));
        if let Some((treated, explained)) = decided::both(&rules, &bytes, world)
            && ask.method != "HEAD"
        {
            assert_eq!(treated, explained, "{} {} in {world:?}", ask.method, ask.target);
        }
    }
}

/// What came back of each request: its status, its type and the shape of its body.
fn play(way: &dyn Way, session: &[Ask]) -> Vec<(u16, String, String)> {
    let (name, mut last) = (unique("replay"), String::new());
    let mut client = way.connect();
    let mut answers = Vec::new();
    for ask in session {
        let fill = |text: &str| text.replace("@name@", &name).replace("@exec@", &last);
        client.send(ask.bytes(&fill));
        let (answer, next) = answer(&mut client, ask);
        let (kind, body) = (answer.1, answer.2);
        let is_stream = kind.ends_with(".raw-stream");
        let body = is_stream.then(|| joined(&body)).flatten().unwrap_or(body);
        if let Some(id) = id_in(&body) {
            last = id;
        }
        answers.push((answer.0, kind, shape_of(&body, &name)));
        if !next {
            client = way.connect();
        }
    }
    answers
}

/// What is said on each stream of an exec, whatever pieces the daemon has read of it (Engine API `ContainerAttach`);
/// none where there is a terminal, and so one stream without frames.
fn joined(mut frames: &[u8]) -> Option<Vec<u8>> {
    let mut streams: [Vec<u8>; 3] = Default::default();
    while !frames.is_empty() {
        let (head, rest) = frames.split_at_checked(8)?;
        let length = u32::from_be_bytes(head[4..].try_into().ok()?);
        let (said, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        streams.get_mut(usize::from(head[0]))?.extend_from_slice(said);
        frames = rest;
    }
    Some(streams.concat())
}

/// The answer, and whether its connection goes on.
fn answer(client: &mut Client, ask: &Ask) -> ((u16, String, Vec<u8>), bool) {
    if ask.method == "HEAD" {
        let head = client.answer_to_head();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        return ((status.unwrap(), String::new(), Vec::new()), true);
    }
    let mut answer = client.answer();
    let is_raw = answer.status == 101;
    if is_raw {
        client.end_sending();
        answer.body = client.rest();
    }
    let closes = answer.header("connection").is_some_and(|value| value == "close");
    let kind = answer.header("content-type").unwrap_or_default().to_owned();
    ((answer.status, kind, answer.body), !is_raw && !closes)
}

fn id_in(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get("Id")?.as_str().map(ToOwned::to_owned)
}

/// Keys and kinds of a JSON document; text with what differs from run to run left out; of a stream
/// of documents, whose number differs, nothing.
fn shape_of(body: &[u8], name: &str) -> String {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => shape(&value, name),
        Err(_) if body.starts_with(b"{") => "documents".to_owned(),
        Err(_) => compare::without_ids(&String::from_utf8_lossy(body).replace(name, "@name@")),
    }
}

fn shape(value: &Value, name: &str) -> String {
    match value {
        Value::Object(fields) => {
            let of = |(key, value): (&String, &Value)| {
                let key = compare::without_ids(&key.replace(name, "@name@"));
                format!("{key}:{}", shape(value, name))
            };
            format!(
                "{{{}}}",
                fields
                    .iter()
                    .map(of)
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect::<Vec<_>>()
                    .join(",")
            )
        }
        // How many there are, and whether a list is absent, is up to the other tests.
        Value::Array(_) | Value::Null => "[]".to_owned(),
        Value::String(_) => "text".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(_) => "number".to_owned(),
    }
}
