//! How SecDocker itself ends connections: with `close_notify` wherever nothing is missing, and never where something is.

use super::support::client::{Client, get};
use super::support::tls::House;
use super::support::{SecDocker, until};
use super::{connect, start};
use rustix::process::Signal;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// What a client or daemon sees at the end.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// `close_notify`: all has been said.
    Said,
    /// Without it: something may be missing.
    Cut,
    /// A reason.
    Alert(String),
}

fn end_of(mut read: impl FnMut() -> io::Result<usize>) -> End {
    loop {
        match read() {
            Ok(0) => return End::Said,
            Ok(_) => {}
            Err(error) => match error.kind() {
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset => return End::Cut,
                _ => return End::Alert(error.to_string()),
            },
        }
    }
}

/// How it ends for a client that reads on.
fn end(client: &mut Client) -> End {
    end_of(|| client.read_more())
}

/// A daemon that answers the first request of its first connection so, and says how that connection ended.
fn daemon(answer: &'static str) -> (u16, Receiver<End>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (ended, ends) = mpsc::channel();
    thread::spawn(move || {
        let mut stream = House::shared().accept(listener.accept().unwrap().0);
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            asked.push(byte[0]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        if answer.contains("cut") {
            return;
        }
        drop(ended.send(end_of(|| stream.read(&mut [0; 100]))));
    });
    (port, ends)
}

const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
/// Of which more is announced than comes.
const CUT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\ncut";
/// Which never ends.
const EVENTS: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n";

/// SecDocker before such a daemon.
fn before(port: u16, limits: &str) -> SecDocker {
    let house = House::shared();
    let (listen, upstream) = (house.listen(""), house.upstream());
    start(&format!(
        "dockerapi: tcp://127.0.0.1:{port}\nlisten:\n  loops: 1\n{listen}{upstream}limits:\n{limits}"
    ))
}

/// A client that was served.
fn served(secdocker: &SecDocker) -> Client {
    let mut client = connect(secdocker);
    assert_eq!(client.ask(get("/_ping")).status, 200);
    client
}

#[test]
fn a_refusal_that_ends_the_connection_says_so() {
    let (port, _) = daemon(EMPTY);
    let secdocker = before(port, "  head_time: 1s\n");
    for (sent, status) in [
        (
            "GET / HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
        ),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        // Which never comes to its end.
        ("GET /_ping HTTP/1.1\r\n", 408),
    ] {
        let mut client = connect(&secdocker);
        assert_eq!(client.ask(sent).status, status, "{sent}");
        assert_eq!(end(&mut client), End::Said, "{sent}");
    }
}

#[test]
fn the_last_answer_of_a_connection_is_followed_by_an_end() {
    let (port, ends) = daemon(EMPTY);
    let secdocker = before(port, "  head_time: 30s\n");
    let mut client = connect(&secdocker);
    let last = "GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
    assert_eq!(client.ask(last).status, 200);
    assert_eq!(end(&mut client), End::Said);
    assert_eq!(ends.recv().unwrap(), End::Said, "to the daemon, too");
}

/// Both sides of an idle connection, when it makes room for another and when SecDocker stops.
#[test]
fn idle_connections_are_ended_not_cut() {
    let (port, ends) = daemon(EMPTY);
    let secdocker = before(port, "  connections_per_client: 4\n");
    let mut first = served(&secdocker);
    let others = (0..4).map(|_| connect(&secdocker)).map(|mut other| {
        // It may be the one that makes room.
        drop(other.try_send("GET "));
        other
    });
    let _others: Vec<_> = others.collect();
    assert_eq!(end(&mut first), End::Said);
    assert_eq!(ends.recv().unwrap(), End::Said, "to the daemon, too");
    secdocker.logs("idle connection closed");
}

#[test]
fn a_stop_ends_what_is_idle_and_cuts_what_is_not() {
    let (port, ends) = daemon(EMPTY);
    let mut secdocker = before(port, "  shutdown_time: 300ms\n");
    let mut idle = served(&secdocker);
    secdocker.signal(Signal::TERM);
    assert_eq!(end(&mut idle), End::Said);
    assert_eq!(ends.recv().unwrap(), End::Said, "to the daemon, too");
    assert!(secdocker.wait().success());

    let (port, ends) = daemon(EVENTS);
    let mut secdocker = before(port, "  shutdown_time: 300ms\n");
    let mut busy = connect(&secdocker);
    busy.send(get("/events"));
    busy.take_through(b"{}\r\n");
    secdocker.signal(Signal::TERM);
    assert!(secdocker.wait().success());
    assert_eq!(end(&mut busy), End::Cut);
    assert_eq!(ends.recv().unwrap(), End::Cut, "for the daemon, too");
}

#[test]
fn what_a_daemon_cuts_is_cut() {
    let (port, _) = daemon(CUT);
    let secdocker = before(port, "  head_time: 30s\n");
    let mut client = connect(&secdocker);
    client.send(get("/_ping"));
    client.take_through(b"cut");
    assert_eq!(end(&mut client), End::Cut);
}

/// Before its handshake a client can be told by an alert alone.
#[test]
fn who_is_not_served_gets_an_alert() {
    let (port, _) = daemon(EVENTS);
    let secdocker = before(port, "  connections: 1\n");
    let busy = until("a place", || {
        let mut client = connect(&secdocker);
        client.try_send(get("/events")).ok()?;
        client.read_more().ok().map(|_| client)
    });
    let mut crowded = connect(&secdocker);
    let refused = crowded
        .try_send(get("/_ping"))
        .err()
        .map_or_else(|| end(&mut crowded), |error| End::Alert(error.to_string()));
    assert_eq!(refused, End::Alert("received fatal alert: InternalError".to_owned()));
    secdocker.logs("too many connections");
    // Who speaks HTTP is told so in HTTP.
    let plain = until("a first byte that is there in time", || {
        let mut plain = secdocker.plain();
        plain.try_send(get("/_ping")).ok()?;
        let said = plain.rest_or_reset();
        said.starts_with(b"HTTP/1.1 503 ").then_some(said)
    });
    assert!(String::from_utf8_lossy(&plain).contains("too many connections"));
    drop(busy);
}

/// A reload ends nothing.
#[test]
fn a_reload_leaves_connections_open() {
    let (port, _) = daemon(EVENTS);
    let secdocker = before(port, "  head_time: 30s\n");
    let mut client = connect(&secdocker);
    client.send(get("/events"));
    client.take_through(b"{}\r\n");
    let config = std::fs::read_to_string(secdocker.config_path()).unwrap();
    secdocker.reload(&format!("{config}  body_time: 50s\n"));
    assert!(client.is_silent_for(std::time::Duration::from_millis(1)));
}
