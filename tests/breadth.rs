//! Every operation of the Engine API, asked for as ordinary clients do: through SecDocker it is what it
//! is straight at the engine.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

#[path = "breadth/session.rs"]
mod session;
mod support;
#[path = "breadth/tar.rs"]
mod tar;

use serde_json::Value;
use session::{Compared, Row, Sent};
use std::collections::BTreeSet;
use support::compare::without_ids;
use support::{Answer, Daemon, SecDocker, Way};

/// The operations of the description, `METHOD path`.
const ROUTES: &str = include_str!("engine-api/routes-v1.41.txt");
const CORE: &str = include_str!("attacks/core.yml");

#[test]
fn every_operation_of_the_description_is_in_the_session() {
    let described: BTreeSet<&str> = ROUTES.lines().collect();
    let done: BTreeSet<&str> = session::rows().iter().map(|row| row.operation).collect();
    assert_eq!(done, described);
}

#[test]
fn every_operation_passes() {
    let (restrictions, _) = CORE.split_once("general:").unwrap();
    let straight = Session::run(Daemon::shared(), false);
    let unruled = Session::run(&SecDocker::before(Daemon::shared(), ""), false);
    let ruled = Session::run(&SecDocker::before(Daemon::shared(), restrictions), true);
    let mut wrong = Vec::new();
    for (at, row) in session::rows().iter().enumerate() {
        let one = &straight[at];
        let by_rules = match row.compared {
            Compared::Withheld => &one.replace("[\"A=1\"]", "[\"A=withheld-by-SecDocker\"]"),
            _ => one,
        };
        assert!(
            row.compared != Compared::Withheld || by_rules != one,
            "nothing to withhold: {one}"
        );
        for (rules, one, other) in
            [("no rules", one, &unruled[at]), ("all rules", by_rules, &ruled[at])]
        {
            if other != one {
                let operation = row.operation;
                wrong.push(format!("{operation}, {rules}:\n  straight {one}\n  through  {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The session on its way: what later requests refer to.
struct Session<'a> {
    way: &'a dyn Way,
    id: String,
    version: String,
    last: Vec<u8>,
}

impl Session<'_> {
    /// What came of each row. Under rules that refuse a row it is done straight, so that later rows
    /// find what they need.
    fn run(way: &dyn Way, refuses: bool) -> Vec<String> {
        let mut session =
            Session { way, id: String::new(), version: String::new(), last: Vec::new() };
        let rows = session::rows();
        let step = |(at, row): (usize, &Row)| {
            if refuses && row.compared == Compared::Refused {
                let answer = session.ask(row, session.way);
                assert_eq!(answer.status, 403, "{}: {}", row.operation, answer.text());
                assert!(answer.message().starts_with("SecDocker"), "{}", answer.text());
                return session.done(row, Daemon::shared());
            }
            support::until("a version that holds still", || {
                let done = session.done(row, way);
                let is_late = done.contains("update out of sequence");
                if is_late {
                    session.done(&rows[at - 1], way);
                }
                (!is_late).then_some(done)
            })
        };
        rows.iter().enumerate().map(step).collect()
    }

    fn done(&mut self, row: &Row, way: &dyn Way) -> String {
        let answer = self.ask(row, way);
        self.remember(&answer);
        format!("{} {} {}", answer.status, answer.header("content-type").unwrap_or("-"), {
            compared(row.compared, &answer)
        })
    }

    fn ask(&self, row: &Row, way: &dyn Way) -> Answer {
        let mut client = way.connect();
        client.send(self.request(row));
        if row.operation.starts_with("HEAD") {
            let head = client.answer_to_head();
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            return Answer { status, head, body: Vec::new() };
        }
        let mut answer = client.answer();
        if row.compared == Compared::RawToEnd {
            answer.body.extend(client.rest());
        }
        answer
    }

    fn request(&self, row: &Row) -> Vec<u8> {
        let (method, _) = row.operation.split_once(' ').unwrap();
        let target = row.target.replace("@id@", &self.id).replace("@version@", &self.version);
        let (kind, body) = match &row.sent {
            Sent::Nothing => ("text/plain", Vec::new()),
            Sent::Json(text) => ("application/json", text.as_bytes().to_vec()),
            Sent::Tar(bytes) => ("application/x-tar", bytes.clone()),
            Sent::Last => ("application/x-tar", self.last.clone()),
        };
        let upgrade = match (row.compared, row.operation) {
            (Compared::Raw, "POST /session") => "Connection: Upgrade\r\nUpgrade: h2c\r\n",
            (Compared::Raw, _) => {
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://h\r\n"
            }
            (Compared::RawToEnd, _) => "Connection: Upgrade\r\nUpgrade: tcp\r\n",
            _ => "",
        };
        let head = format!(
            "{method} /v1.41{target} HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\n{upgrade}\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        [head.into_bytes(), body].concat()
    }

    fn remember(&mut self, answer: &Answer) {
        self.last.clone_from(&answer.body);
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let value = if value.is_array() { &value[0] } else { &value };
        let id = value.get("ID").or(value.get("Id")).and_then(Value::as_str);
        if let Some(id) = id {
            id.clone_into(&mut self.id);
        }
        if let Some(version) = value.pointer("/Version/Index") {
            self.version = version.to_string();
        }
    }
}

/// What of a body must be the same. Errors that come from elsewhere name ports and times.
fn compared(by: Compared, answer: &Answer) -> String {
    let value = serde_json::from_slice::<Value>(&answer.body).ok();
    match (by, value) {
        (Compared::Length, _) if answer.status < 300 => match answer.header("content-type") {
            Some("application/json") => "progress".to_owned(),
            _ => format!("{} bytes", answer.body.len()),
        },
        _ if answer.status >= 500 && !answer.text().contains("out of sequence") => String::new(),
        (Compared::Keys, Some(value)) => keys(&value),
        (Compared::Body | Compared::Refused | Compared::Withheld, Some(value)) => {
            plain(value).to_string()
        }
        _ => without_ids(&answer.text()),
    }
}

fn keys(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let all =
                fields.iter().map(|(name, field)| format!("{}:{}", without_ids(name), keys(field)));
            format!("{{{}}}", all.collect::<Vec<_>>().join(","))
        }
        Value::Array(list) => format!("[{}]", list.first().map(keys).unwrap_or_default()),
        _ => "_".to_owned(),
    }
}

/// Without identifiers, times, and the swarm's own numbers.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let changes = |name: &str| {
                name.ends_with("At") || matches!(name, "Created" | "Version" | "ID" | "Id")
            };
            let kept = fields.into_iter().filter(|(name, _)| !changes(name));
            kept.map(|(name, field)| (name, plain(field))).collect()
        }
        Value::Array(list) => list.into_iter().map(plain).collect(),
        Value::String(text) => without_nodes(&without_ids(&text)).into(),
        other => other,
    }
}

/// Without the identifiers of a swarm's parts, which are 25 digits and letters.
fn without_nodes(text: &str) -> String {
    let words = text.split(' ').map(|word| if word.len() == 25 { "<id>" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
