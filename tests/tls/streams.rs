//! Ends and breaks: a direction that ends is passed on as an end, one that is cut off never is.

use super::support::client::{Client, get, post};
use super::support::{Api, unique};
use super::{both_sides, connect, engine, for_clients};
use serde_json::json;
use std::net::Shutdown;

/// A container that says what it was told, once it has been told all.
fn listener(name: &str) {
    let api = engine().api();
    let body = json!({
        "Image": "probe:1", "OpenStdin": true, "StdinOnce": true, "HostConfig": {"NetworkMode": "host"},
        "Cmd": ["sh", "-c", "cat >/got; echo ended >>/got; sleep 1000"],
    });
    assert_eq!(api.create(name, &body).status, 201);
    api.start(name);
}

fn attach(client: &mut Client, name: &str) {
    let target = format!("/containers/{name}/attach?stream=1&stdin=1");
    client.send(format!(
        "POST {target} HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    ));
    assert_eq!(client.answer().status, 101);
}

/// What the container was told so far.
fn got(api: &Api, name: &str) -> String {
    let exec = json!({"AttachStdout": true, "Cmd": ["cat", "/got"]});
    let id = api.post(&format!("/containers/{name}/exec"), &exec).json()["Id"].clone();
    let mut client = Client::unix(&api.socket);
    client.send(post(&format!("/exec/{}/start", id.as_str().unwrap()), "{}"));
    String::from_utf8_lossy(&client.answer().body).into_owned()
}

#[test]
fn an_end_is_passed_on_and_a_break_is_not() {
    for secdocker in [both_sides(""), for_clients("", "")] {
        let name = unique("ends");
        listener(&name);
        let mut client = connect(&secdocker);
        attach(&mut client, &name);
        client.send("told\n");
        client.end_sending();
        let api = engine().api();
        super::support::until("the container to be told the end", || {
            got(&api, &name).contains("told\nended").then_some(())
        });
        api.remove(&name);
    }
    let secdocker = both_sides("");
    let name = unique("breaks");
    listener(&name);
    let mut client = connect(&secdocker);
    attach(&mut client, &name);
    client.send("told\n");
    let api = engine().api();
    super::support::until("the container to be told", || {
        got(&api, &name).contains("told").then_some(())
    });
    // The connection below ends; TLS has not said so. Of the other side nothing is told but a break.
    client.wire().shutdown(Shutdown::Write).unwrap();
    assert!(client.read_more().is_err(), "a break is answered by one");
    api.remove(&name);
}

/// A body that stops with the connection below, without `close_notify`, is not whole.
#[test]
fn a_body_that_is_cut_off_changes_nothing() {
    let secdocker = both_sides("");
    let name = unique("cut");
    let images = || engine().api().get("/images/json?all=1").json().as_array().unwrap().len();
    let before = images();
    for request in [
        format!(
            "POST /containers/create?name={name} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n{{\"Image\":"
        ),
        "POST /images/load HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"
            .to_owned(),
    ] {
        let mut client = connect(&secdocker);
        client.send(request);
        client.wire().shutdown(Shutdown::Write).unwrap();
        client.rest_or_reset_or_cut();
    }
    assert_eq!(images(), before);
    assert!(engine().api().container(&name).is_none());
}

/// What flows borrows buffers, and an idle stream has none.
#[test]
fn an_idle_stream_is_small() {
    const BYTES_MAX: u64 = 12 * 1024;
    const COUNT: u64 = 250;
    let secdocker = both_sides("");
    let open = |count: u64| -> Vec<Client> {
        let stream = |_| {
            let mut client = connect(&secdocker);
            client.send(get("/events"));
            assert!(client.take_through(b"\r\n\r\n").starts_with(b"HTTP/1.1 200"));
            client
        };
        (0..count).map(stream).collect()
    };
    // What the first ones bring stays: threads, buffers that are lent, sessions to resume.
    let _first = open(50);
    let before = secdocker.resident_kib();
    let _streams = open(COUNT);
    let each = secdocker.resident_kib().saturating_sub(before) * 1024 / COUNT;
    println!("{each} bytes for an idle stream with TLS on both sides");
    assert!(each <= BYTES_MAX, "{each} bytes for an idle stream");
}

#[test]
fn many_requests_on_one_connection() {
    let secdocker = both_sides("");
    let mut client = connect(&secdocker);
    for _ in 0..50 {
        assert_eq!(client.ask(get("/_ping")).status, 200);
    }
    client.send([get("/_ping"), get("/version"), get("/_ping")].concat());
    for _ in 0..3 {
        assert_eq!(client.answer().status, 200);
    }
    client.end_sending();
    assert!(client.is_closed(), "with an end, not a break");
}
