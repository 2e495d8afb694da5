//! Request targets in all spellings, and what the engine takes them for.

use crate::support::{Answer, Daemon, Way};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use secdocker::docker::routes::{self, Route};
use secdocker::http::target;

/// An inspected endpoint, its segments, and a request that the engine answers as at no other.
pub(crate) struct Goal {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) query: &'static str,
    pub(crate) body: &'static str,
}

const fn goal(
    method: &'static str,
    path: &'static str,
    query: &'static str,
    body: &'static str,
) -> Goal {
    Goal { method, path, query, body }
}

pub(crate) const GOALS: &[Goal] = &[
    goal("POST", "/containers/create", "", r#"{"Image":5}"#),
    goal("POST", "/containers/nobody/exec", "", r#"{"Cmd":5}"#),
    goal("POST", "/containers/nobody/update", "", r#"{"Memory":"x"}"#),
    goal("POST", "/containers/nobody/start", "", r#"{"HostConfig":{}}"#),
    goal("POST", "/volumes/create", "", r#"{"Driver":5}"#),
    goal("POST", "/images/create", "?fromImage=A%20B", ""),
    goal("POST", "/images/no/body/tag", "?repo=A%20B", ""),
    goal("POST", "/commit", "?container=nobody", r#"{"Image":5}"#),
    goal("POST", "/build", "?remote=x%3A%2F%2Fy", ""),
    goal("POST", "/plugins/create", "?name=A%20B", ""),
    goal("POST", "/plugins/nobody/set", "", "5"),
    goal("POST", "/plugins/nobody/enable", "?timeout=x", ""),
    goal("POST", "/swarm/init", "", r#"{"ListenAddr":5}"#),
    goal("POST", "/swarm/join", "", r#"{"ListenAddr":5}"#),
    goal("POST", "/networks/create", "", r#"{"Driver":5}"#),
    goal("POST", "/services/create", "", r#"{"Name":5}"#),
    goal("POST", "/services/nobody/update", "?version=1", r#"{"Name":5}"#),
];

/// A goal by its place, and a target that looks like it.
pub(crate) fn spelled() -> BoxedStrategy<(usize, String)> {
    (0..GOALS.len())
        .prop_flat_map(|at| {
            let goal = &GOALS[at];
            let changes = vec((0..goal.path.len(), change()), 0..4);
            (Just(at), select(BEFORE), changes, select(BEHIND))
        })
        .prop_map(|(at, before, changes, behind)| {
            let path = changed(GOALS[at].path, changes);
            (at, format!("{before}{path}{behind}{}", GOALS[at].query))
        })
        .boxed()
}

const BEFORE: &[&str] = &[
    "",
    "",
    "",
    "/v1.41",
    "/v1.41",
    "/v1",
    "/v",
    "/v.",
    "/v1.41.",
    "/v9999999",
    "//v1.41",
    "/v1.41/",
    "/",
    "/v1.41/v1.41",
    "/x/..",
    "/.",
    "/v1.41/.",
    "/%76%31",
    "/v1%2e41",
    "/%2f",
    "/v1.41%2f..",
    "http://h",
    "HTTP://h:1/v1.41",
    "http:",
    "x://",
    "/v1.41;a",
    "/V1.41",
    "/v1.41%00",
    "/v1.41%20",
    "%2fv1.41",
    "/v+1",
    "/v１",
    "/\u{feff}",
    "/v1.41/..",
    "/v1.41?",
    "/v1.41#",
    "\\",
];
const BEHIND: &[&str] = &[
    "",
    "",
    "",
    "",
    "/",
    "//",
    "/.",
    "/..",
    "/../create",
    "%2f",
    "%00",
    "%20",
    "%0a",
    ";",
    ";a=b",
    "#",
    "#x",
    "?",
    "??",
    "%3f",
    "%23",
    ".",
    "\\",
    "%5c",
    "/%2e",
    "/x/..",
    "/%2e%2e",
    "%",
    "%2",
    "%zz",
    "%25",
    "&",
];

/// What happens to one place of the path.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Encoded,
    EncodedTwice,
    Upper,
    Before(&'static str),
}

fn change() -> BoxedStrategy<Change> {
    let before = &[
        "/", "/./", "/x/../", "%2f", "%2F", "%", "%00", "\\", "%5c", ";", "?", "#", "\u{131}", ".",
    ];
    prop_oneof![
        6 => Just(Change::Encoded),
        1 => Just(Change::EncodedTwice),
        1 => Just(Change::Upper),
        4 => select(&before[..]).prop_map(Change::Before),
    ]
    .boxed()
}

fn changed(path: &str, changes: Vec<(usize, Change)>) -> String {
    let spell = |(at, byte): (usize, u8)| {
        let found = changes.iter().find(|(place, _)| *place == at).map(|(_, change)| *change);
        match found {
            None => char::from(byte).to_string(),
            Some(Change::Encoded) => format!("%{byte:02x}"),
            Some(Change::EncodedTwice) => format!("%25{byte:02X}"),
            Some(Change::Upper) => char::from(byte).to_ascii_uppercase().to_string(),
            Some(Change::Before(text)) => format!("{text}{}", char::from(byte)),
        }
    };
    path.bytes().enumerate().map(spell).collect()
}

/// What SecDocker would send on uninspected; none if it refuses or inspects.
pub(crate) fn passed(method: &str, spelled: &str) -> Option<String> {
    let target = target::parse(spelled).ok()?;
    match routes::classify(method, &target) {
        Ok(Route::Plain | Route::MaySwitch) => Some(target.forwarded().to_owned()),
        Ok(Route::Inspected(_)) | Err(_) => None,
    }
}

/// What the engine says to a goal's request at this target: status and message.
pub(crate) fn said(goal: &Goal, target: &str) -> (u16, String) {
    let Goal { method, body, .. } = goal;
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer: Answer = Daemon::shared().connect().ask(head);
    (answer.status, answer.text())
}
