//! A body that can be read in two ways is refused, and the engine's state does not change.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use support::client::{get, post};
use support::{Client, Daemon, SecDocker, Way, unique};

/// What the engine makes of the same body.
#[derive(Debug, PartialEq)]
enum Straight {
    Creates,
    Refuses,
}
use Straight::{Creates, Refuses};

const FIELDS: &str = r#""Image":"probe:1","Cmd":["true"]"#;

#[track_caller]
fn refuses(cases: &[(&str, Straight, Vec<u8>)]) {
    let secdocker = SecDocker::before(Daemon::shared(), "restrictions:\n  privileged: true\n");
    let wrong: Vec<String> =
        cases.iter().filter_map(|case| refuses_one(&secdocker, case).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn refuses_one(
    secdocker: &SecDocker,
    (what, expected, body): &(&str, Straight, Vec<u8>),
) -> Result<(), String> {
    let api = Daemon::shared().api();
    let name = unique("json");
    let request = post(&format!("/v1.41/containers/create?name={name}"), body);
    let check = |holds: bool, says: &str| match holds {
        true => Ok(()),
        false => Err(format!("{what}: {says}")),
    };
    let made = || {
        let made = api.container(&name).is_some();
        api.remove(&name);
        if made { Creates } else { Refuses }
    };
    api.ask(&request);
    let by_engine = made();
    check(by_engine == *expected, &format!("the engine itself {by_engine:?} it"))?;

    let mut client = secdocker.connect();
    let answer = client.ask(&request);
    let said = format!("{} {}", answer.status, answer.text());
    check(made() == Refuses, &format!("made a container, and said {said}"))?;
    check(answer.status == 400, &said)?;
    let message = answer.message();
    check(message.starts_with("SecDocker: ") && !message.contains('\n'), &said)?;
    check(is_consistent(&mut client, &answer), &format!("the connection after {said}"))
}

/// The connection is closed if the answer says so, and otherwise serves the next request.
fn is_consistent(client: &mut Client, answer: &support::Answer) -> bool {
    match answer.header("connection") {
        Some("close") => client.is_closed(),
        _ => client.ask(get("/_ping")).status == 200,
    }
}

fn object(fields: &str) -> Vec<u8> {
    format!("{{{FIELDS},{fields}}}").into_bytes()
}

#[test]
fn fields_twice() {
    let twice = |fields| object(fields);
    refuses(&[
        ("merged", Creates, twice(r#""HostConfig":{"Privileged":true},"HostConfig":{"Memory":0}"#)),
        ("in two spellings", Creates, twice(r#""HostConfig":{"Privileged":true},"hostconfig":{}"#)),
        (
            "by an escape",
            Creates,
            twice(r#""HostConfig":{},"Host\u0043onfig":{"Privileged":true}"#),
        ),
        ("by a long s", Creates, twice("\"HostConfig\":{},\"Ho\u{17f}tConfig\":{}")),
        ("exactly", Creates, twice(r#""User":"1","User":"0""#)),
        ("deeper down", Creates, twice(r#""HostConfig":{"Privileged":false,"privileged":true}"#)),
        ("in a map", Creates, twice(r#""Labels":{"a":"1","a":"2"}"#)),
        (
            "in a list's object",
            Creates,
            twice(
                r#""HostConfig":{"Ulimits":[{"Name":"nofile","name":"core","Soft":1,"Hard":2}]}"#,
            ),
        ),
        ("in a field that nobody knows", Creates, twice(r#""Unknown":{"a":1,"a":2}"#)),
        ("that nobody knows", Creates, twice(r#""Unknown":1,"Unknown":2"#)),
    ]);
}

#[test]
fn wrong_types() {
    refuses(&[
        ("a list for an object", Refuses, object(r#""HostConfig":[]"#)),
        ("an object for a list", Refuses, object(r#""Env":{}"#)),
        ("a text for a number", Refuses, object(r#""HostConfig":{"Memory":"1"}"#)),
        ("a number for a text", Refuses, object(r#""User":0"#)),
        ("a number for a truth value", Refuses, object(r#""HostConfig":{"Privileged":1}"#)),
        ("a text for a truth value", Refuses, object(r#""HostConfig":{"Privileged":"true"}"#)),
        ("a fraction", Refuses, object(r#""HostConfig":{"Memory":1.5}"#)),
        (
            "a number beyond 64 bits",
            Refuses,
            object(r#""HostConfig":{"Memory":18446744073709551616}"#),
        ),
        ("an object in a list of texts", Refuses, object(r#""Env":[{}]"#)),
    ]);
}

#[test]
fn not_one_object() {
    let whole = |text: &str| text.as_bytes().to_vec();
    let good = || format!("{{{FIELDS}}}");
    refuses(&[
        ("nothing", Refuses, whole("")),
        ("null", Refuses, whole("null")),
        ("a list", Refuses, whole(&format!("[{}]", good()))),
        ("a text", Refuses, whole("\"x\"")),
        ("cut short", Refuses, whole(&good()[..20])),
        ("two objects", Creates, whole(&(good() + &good()))),
        ("data behind it", Creates, whole(&(good() + "x"))),
        ("a second value behind it", Creates, whole(&(good() + " {}"))),
        ("a NUL behind it", Creates, whole(&(good() + "\0"))),
        ("a byte order mark", Refuses, whole(&format!("\u{feff}{}", good()))),
        ("a comment", Refuses, object("/* */\"User\":\"1\"")),
        ("a trailing comma", Refuses, whole(&format!("{{{FIELDS},}}"))),
        ("single quotes", Refuses, object("'User':'1'")),
        ("a key without quotes", Refuses, object("User:\"1\"")),
        ("a control character", Refuses, object("\"User\":\"1\n\"")),
        ("a bad escape", Refuses, object(r#""User":"\x31""#)),
        ("NaN", Refuses, object("\"HostConfig\":{\"Memory\":NaN}")),
        ("a number with a leading zero", Refuses, object("\"HostConfig\":{\"Memory\":01}")),
        ("a number with a sign", Refuses, object("\"HostConfig\":{\"Memory\":+1}")),
        (
            "too deep",
            Refuses,
            object(&format!("\"X\":{}{}", "[".repeat(100_000), "]".repeat(100_000))),
        ),
    ]);
}

/// Unusual, but with one meaning: let through, in the engine's own spelling.
#[test]
fn odd_but_clear_bodies_pass() {
    let secdocker = SecDocker::before(Daemon::shared(), "restrictions:\n  privileged: true\n");
    let api = Daemon::shared().api();
    let bodies = [
        r#"{"image":"probe:1","cmd":["true"],"hostconfig":{"memory":67108864}}"#,
        r#"{"IMAGE":"probe:1","CMD":["true"],"HoSTCoNFiG":{"MeMoRy":67108864}}"#,
        "{\"Image\":\"probe:1\",\"Cmd\":[\"true\"],\"Ho\u{17f}tConfig\":{\"Memory\":67108864}}",
        r#"{"Image":"probe:1","Cmd":["true"],"Memory":67108864}"#,
        r#"{"Image":"probe:1","Cmd":["true"],"HostConfig":{"Memory":67108864},"Labels":null,"Env":null}"#,
        r#"{"Image":"probe:1","Cmd":["true"],"HostConfig":{"Memory":67108864},"Unknown":[1e400,{"x":-0.0}]}"#,
    ];
    for body in bodies {
        for way in [Daemon::shared() as &dyn Way, &secdocker] {
            let name = unique("clear");
            let request = post(&format!("/containers/create?name={name}"), body);
            let answer = way.connect().ask(request);
            assert_eq!(answer.status, 201, "{body} {}: {}", way.name(), answer.text());
            assert_eq!(api.inspect(&name)["HostConfig"]["Memory"], 67_108_864, "{body}");
            api.remove(&name);
        }
    }
}

/// What the engine makes of bytes that are no text, and of keys that it does not know, is the same.
#[test]
fn bodies_that_the_engine_mends_are_mended_alike() {
    let secdocker = SecDocker::before(Daemon::shared(), "restrictions:\n  privileged: true\n");
    let api = Daemon::shared().api();
    let bodies: [&[u8]; 8] = [
        b"\"Env\":[\"A=J\xf6rg\"]",
        b"\"Labels\":{\"J\xf6\":\"\xe2\x82\",\"\xed\xa0\x80\":\"\xc0\xaf\"}",
        br#""Labels":{"a\udcf6":"\ud83d\ud83d\ude00","b":"\ude00\ud83d\u0041\\ud83d"}"#,
        b"\"Cmd\":[\"echo\",\"\xf0\x9f\x98\"],\"WorkingDir\":\"/J\xf6rg\"",
        b"\"HostConfig\":{\"Binds\":[\"/srv/J\xf6rg:/x\"]}",
        b"\"\xffX\":1,\"Labels\":{\"\xe4\xb8\xad\xe4\":\"\"}",
        br#""name":"x","Name":"y","Labels":{"name":"","Name":""}"#,
        br#""Healthcheck":{"Test":["CMD","\udcff"]},"x\udcff":{"y":"\udcff"}"#,
    ];
    for body in bodies {
        let sent = [br#"{"Image":"probe:1","Entrypoint":["true"],"#, body, b"}"].concat();
        let shown = String::from_utf8_lossy(body);
        let made = |way: &dyn Way| {
            let name = unique("mended");
            let answer = way.connect().ask(post(&format!("/containers/create?name={name}"), &sent));
            assert_eq!(answer.status, 201, "{shown} {}: {}", way.name(), answer.text());
            let made = api.inspect(&name);
            api.remove(&name);
            let of = |section: &str, field: &str| made[section][field].clone();
            let config =
                ["Env", "Labels", "Cmd", "WorkingDir", "Healthcheck"].map(|f| of("Config", f));
            (config, of("HostConfig", "Binds"))
        };
        assert_eq!(made(&secdocker), made(Daemon::shared()), "{shown}, through SecDocker (left)");
    }
}

#[test]
fn the_engines_own_refusals_come_through() {
    let secdocker = SecDocker::before(Daemon::shared(), "restrictions:\n  privileged: true\n");
    let bodies = [
        r#"{"Image":"no-such-image:1","Cmd":["true"]}"#,
        r#"{"Image":"probe:1"}"#,
        r#"{"Image":"probe:1","Cmd":["true"],"HostConfig":{"Memory":1}}"#,
        r#"{"Image":"probe:1","Cmd":["true"],"WorkingDir":"relative"}"#,
    ];
    for body in bodies {
        let request = post("/v1.41/containers/create?name=nobody", body);
        let ask = |way: &dyn Way| {
            let answer = way.connect().ask(&request);
            (answer.status, answer.text())
        };
        let straight = ask(Daemon::shared());
        assert!(straight.0 >= 400, "{body}: {straight:?}");
        assert_eq!(ask(&secdocker), straight, "{body}");
    }
}
