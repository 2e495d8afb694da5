//! Endpoints that look harmless, and names that look like paths: for rules about endpoints.

use super::attack::with;
use super::{Attack, Probe, Step};
use serde_json::json;

pub(crate) const READ_ONLY: &str = "endpoints: {preset: read-only}\n";
pub(crate) const DENIED: &str =
    "endpoints: {deny: [POST /containers/*/exec, DELETE /images/*, '* /debug/**']}\n";

/// Under a preset that only lets look.
pub(crate) fn more_than_looking() -> Vec<Attack> {
    let get = |name, why, target: &str, shows| {
        Attack::new(name, why)
            .setup(reader())
            .setup(Step::start())
            .send(line("GET", target))
            .works_when(Probe::Answers(shows))
    };
    vec![
        Attack::new("writing to standard input by a GET", "a websocket takes input")
            .setup(reader())
            .setup(Step::start())
            .send(Step::Bytes(vec![web_socket(), frame("said")]))
            .works_when(Probe::Prints("got said")),
        get("reading a file by a GET", "it is put into an archive", FILE, "root:x:0:0"),
        get("reading a file by an escaped GET", "the decoded path counts", ESCAPED, "root:x:0:0"),
        get("reading a file by an absolute GET", "so does its path alone", ABSOLUTE, "root:x:0:0"),
        get("reading all files by a GET", "export", "/containers/@name@/export", "root:x:0:0"),
        get("reading an image by a GET", "save", "/images/probe:1/get", "manifest.json"),
        get("reading images by a GET", "save", "/images/get?names=probe:1", "manifest.json"),
        Attack::new("profiling by a method of one's own", "routes for debugging have no method")
            .send(line("LOOK", "/debug/pprof/cmdline"))
            .works_when(Probe::Answers("dockerd"))
            .until(28),
        Attack::new("creating behind a look", "requests may come in one piece")
            .send(Step::Bytes(vec![[look(), create()].concat()])),
        Attack::new("creating behind an exec that there is none of", "the connection goes on")
            .send(Step::Bytes(vec![[no_exec(), create()].concat()])),
        Attack::harmless("listing", "the preset's own")
            .send(line("GET", "/containers/json?all=1"))
            .setup(reader())
            .works_when(Probe::Answers("sleep 60")),
        Attack::harmless("looking at an image by a name with slashes", "a name is one segment")
            .setup(tag())
            .send(line("GET", "/images/team/@name@:1/json"))
            .works_when(Probe::Answers("RepoTags")),
        Attack::harmless("looking by an escaped name with slashes", "the decoded path counts")
            .setup(tag())
            .send(line("GET", "/v1.41/images/team%2F@name@:1/history"))
            .works_when(Probe::Answers("CreatedBy")),
    ]
}

/// With an open default, and these denied: `POST /containers/*/exec`, `DELETE /images/*`,
/// `* /debug/**`.
pub(crate) fn denied() -> Vec<Attack> {
    let delete = |name, why, target: &str| {
        Attack::new(name, why)
            .setup(tag())
            .send(line("DELETE", target))
            .works_when(Probe::Answers("Untagged"))
    };
    let exec = |name, why, target: &str| {
        Attack::new(name, why)
            .setup(reader())
            .setup(Step::start())
            .send(Step::post(target, json!({"Cmd": ["id"]})))
            .works_when(Probe::container(|it| it["ExecIDs"].is_array()))
    };
    vec![
        delete(
            "deleting an image with slashes in its name",
            "a name is one segment",
            "/images/team/@name@:1",
        ),
        delete(
            "deleting it by an escaped name",
            "the decoded path counts",
            "/images/team%2f@name@%3A1",
        ),
        delete(
            "deleting it by an odd version",
            "digits and dots",
            "/v1.30.0../images/team/@name@:1",
        ),
        delete(
            "deleting it by its registry",
            "a port is part of it",
            "/images/docker.io/team/@name@:1",
        ),
        exec("denied exec", "plainly", "/containers/@name@/exec"),
        exec(
            "denied exec in letters that are escaped",
            "the decoded path counts",
            "/containers/@name@/%65xec",
        ),
        exec(
            "denied exec with a query",
            "it is no part of the path",
            "/v1.41/containers/@name@/exec?a=/b",
        ),
        Attack::new(
            "denied profile by a method of one's own",
            "routes for debugging have no method",
        )
        .send(line("LOOK", "/debug/pprof/cmdline"))
        .works_when(Probe::Answers("dockerd"))
        .until(28),
        Attack::harmless("what is not denied", "the default is open").create(with(json!({}))),
    ]
}

const FILE: &str = "/containers/@name@/archive?path=/etc/passwd";
const ESCAPED: &str = "/v1.41/containers/@name@%2F%61rchive?path=/etc/passwd";
const ABSOLUTE: &str = "http://d/containers/@name@/archive?path=/etc/passwd";

fn line(method: &'static str, target: &str) -> Step {
    let (target, headers, body) = (target.into(), String::new(), Vec::new());
    Step::Request { method, target, headers, body }
}

/// A container that says what it is told.
fn reader() -> Step {
    let script = "echo root:x:0:0 >/etc/passwd; read line; echo got $line; sleep 60";
    Step::create(with(json!({"Cmd": ["sh", "-c", script], "User": "0", "OpenStdin": true})))
}

fn tag() -> Step {
    Step::query("/images/probe:1/tag?repo=team/@name@&tag=1")
}

fn web_socket() -> Vec<u8> {
    b"GET /containers/@name@/attach/ws?stdin=1&stream=1 HTTP/1.1\r\nHost: d\r\nOrigin: http://d\r\n\
      Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec()
}

/// A masked text frame (RFC 6455 §5.2), its mask zero, with a line.
fn frame(text: &str) -> Vec<u8> {
    let length = 0x80 | u8::try_from(text.len() + 1).unwrap();
    [&[0x81, length, 0, 0, 0, 0], text.as_bytes(), b"\n"].concat()
}

fn look() -> Vec<u8> {
    b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n".to_vec()
}

fn no_exec() -> Vec<u8> {
    b"POST /exec/nobody/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n\
      Upgrade: tcp\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\n{}"
        .to_vec()
}

fn create() -> Vec<u8> {
    let body = with(json!({})).to_string();
    let head = format!(
        "POST /containers/create?name=@name@ HTTP/1.1\r\nHost: d\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    head.into_bytes()
}
