//! The log: what happened, by whom, in lines that no client can forge, without secrets.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;
use support::client::{get, post};
use support::{Daemon, SecDocker, Way, sandbox, unique, until};

const RULES: &str = "restrictions:\n  environment: [FORBIDDEN]\n  privileged: true\n\
                     general:\n  environment: [MY_ENV=forced-secret]\n";

#[test]
fn what_happened_stands_in_the_log() {
    let secdocker = SecDocker::before(Daemon::shared(), RULES);
    let name = unique("logged");
    let target = format!("/containers/create?name={name}");
    let mut client = secdocker.connect();
    let peer = format!("client=\"127.0.0.1:{}\"", client.local_port());
    client.ask(post(&target, r#"{"Image":"probe:1","Cmd":["true"]}"#));
    client.ask(post(&target, r#"{"Image":"probe:1","HostConfig":{"Privileged":true}}"#));
    client.ask("GET /_ping HTTP/1.1\r\nHost: d\r\nX : y\r\n\r\n");
    Daemon::shared().api().remove(&name);
    for (message, detail) in [
        ("request received", "/containers/create"),
        ("request allowed", "changes="),
        ("forbidden option requested", "(rule \\\"privileged\\\")"),
        ("request refused", "status=400"),
    ] {
        let line = secdocker.logs(&format!("msg=\"{message}\""));
        assert!(line.starts_with("time=") && line.contains(" level="), "{line}");
        assert!(line.contains(&peer) && line.contains(detail), "wants {peer} {detail}: {line}");
    }
}

/// Newlines, quotes and escapes in whatever is logged stay inside their line and value.
#[test]
fn nobody_forges_a_line() {
    let secdocker = SecDocker::before(Daemon::shared(), RULES);
    let forged = "time=2000 level=info msg=forged";
    let environment = serde_json::json!(format!("FORBIDDEN\n{forged}\u{2028}\u{1b}[2J=x"));
    let requests = [
        get(&format!("/_ping%0a{}", forged.replace(' ', "%20"))),
        get(&format!("/_ping?x=%0d%0a{}", forged.replace(' ', "+"))),
        post(
            "/containers/create",
            format!(r#"{{"Image":"a\n{forged}","Env":[{environment},"FORBIDDEN=x"]}}"#),
        ),
        post(
            "/containers/create",
            format!(r#"{{"Image":"probe:1","X\n{forged}":1,"X\n{forged}":2}}"#),
        ),
        format!("GET /\u{1}\n{forged} HTTP/1.1\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\nX: a\n{forged}\r\n\r\n").into_bytes(),
    ];
    for request in &requests {
        let mut client = secdocker.connect();
        client.send(request);
        client.end_sending();
        client.rest_or_reset();
    }
    let ending = unique("last");
    secdocker.connect().ask(get(&format!("/_ping?{ending}")));
    secdocker.logs(&ending);
    let log = secdocker.log();
    for line in log.lines() {
        assert!(line.starts_with("time=\"20"), "a line that is not ours: {line}");
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{2028}'), "control: {line:?}");
    }
}

#[test]
fn secrets_are_never_written() {
    for format in ["logfmt", "json"] {
        let rules = format!("log:\n  format: {format}\n  level: debug\n{RULES}");
        let secdocker = SecDocker::before(Daemon::shared(), &rules);
        let (name, ending) = (unique("secret"), unique("last"));
        let body =
            r#"{"Image":"probe:1","Cmd":["true"],"Env":["A=asked-secret","MY_ENV=old-secret"]}"#;
        let forbidden = r#"{"Image":"probe:1","Env":["FORBIDDEN=denied-secret"]}"#;
        let mut client = secdocker.connect();
        client.ask(post(&format!("/containers/create?name={name}"), body));
        client.ask(post("/containers/create", forbidden));
        client.ask(
            "POST /images/create?fromImage=no.example/x HTTP/1.1\r\nHost: d\r\n\
             X-Registry-Auth: registry-secret\r\nAuthorization: Basic basic-secret\r\n\
             Content-Length: 0\r\n\r\n",
        );
        client.ask(get("/_ping?buildargs=%7B%22A%22%3A%22build-secret%22%7D"));
        // What dockerode does: the body once more in the query.
        client
            .ask(post(&format!("/containers/create?name={name}&Env=A%3Dquery-secret"), forbidden));
        for target in [
            "/containers/create?Env%3DA%3Dname-secret",
            "/build?remote=https%3A%2F%2Fu%3Aremote-secret%40no.example%2Fx",
            "/images/create?fromSrc=http://u:source-secret@no.example/x&repo=x",
            "/images/create?fromImage=u:image-secret@no.example/x",
            "/containers/json?filters=%7B%22label%22%3A%5B%22a%3Dfilter-secret%22%5D%7D",
            "http://u:host-secret@no.example/containers/json",
            "/containers/x%3FEnv=path-secret/kill?signal=x",
        ] {
            let labelled = r#"{"Labels":{"a":"label-secret"},"Env":["=nameless-secret"]}"#;
            secdocker.connect().ask(post(target, labelled));
        }
        for line in ["Authorization: basic-secret", "X-Registry-Config: config-secret"] {
            secdocker
                .connect()
                .ask(format!("POST /build?t=x HTTP/1.1\r\nHost: d\r\n{line}\r\n\r\n"));
        }
        client.ask(get(&format!("/_ping?{ending}")));
        Daemon::shared().api().remove(&name);
        secdocker.logs(&ending);
        let log = secdocker.log();
        let shown: Vec<&str> = log.lines().filter(|line| line.contains("-secret")).collect();
        assert!(shown.is_empty(), "{format}: {shown:#?}");
        let parsed = log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok());
        assert_eq!(parsed, format == "json", "every line is one object, in JSON alone");
    }
}

/// As logrotate does it: no line is lost.
#[test]
fn the_log_is_opened_anew_on_sighup() {
    let secdocker = SecDocker::before(Daemon::shared(), RULES);
    let (before, after) = (unique("before"), unique("after"));
    secdocker.connect().ask(get(&format!("/_ping?{before}")));
    secdocker.logs(&before);
    let rotated = secdocker.log_path().with_extension("log.1");
    fs::rename(secdocker.log_path(), &rotated).unwrap();
    secdocker.signal(Signal::HUP);
    until("a new log", || secdocker.log_path().exists().then_some(()));
    secdocker.connect().ask(get(&format!("/_ping?{after}")));
    secdocker.logs(&after);
    assert!(!secdocker.log().contains(&before), "the new file begins anew");
    assert!(fs::read_to_string(rotated).unwrap().contains(&before), "the old file is kept");
}

/// A daemon that ends its answers as no engine should, and echoes raw streams.
fn play(mut client: TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    loop {
        head.clear();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let answer = match String::from_utf8_lossy(&head).split(' ').nth(1).unwrap() {
            "/short" => "Content-Length: 10\r\n\r\nabc",
            "/broken" => "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc",
            target if target.starts_with("/containers/x/attach") => {
                client.write_all(
                    b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
                )?;
                io::copy(&mut client.try_clone()?, &mut client)?;
                return client.shutdown(Shutdown::Both);
            }
            _ => "Content-Length: 2\r\n\r\nOK",
        };
        client.write_all(format!("HTTP/1.1 200 OK\r\n{answer}").as_bytes())?;
        if !answer.ends_with("OK") {
            return client.shutdown(Shutdown::Both);
        }
    }
}

/// How connections begin and end, with the bytes that they moved.
#[test]
fn connections_and_their_ends_stand_in_the_log() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, sandbox::port())).unwrap();
    let daemon = listener.local_addr().unwrap();
    // It ends with the program.
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || play(client));
        }
    });
    let config = format!("dockerapi: tcp://{daemon}\nlog: {{level: debug}}\n");
    let secdocker = SecDocker::start(&config, &[]);
    let attach = "POST /containers/x/attach?stream=1 HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\n\
                  Connection: Upgrade\r\nContent-Length: 0\r\n\r\n";
    // What is sent, what of the answer is waited for, how the client ends; the lines.
    let broke = "msg=\"connection broken\"";
    let table: [(&str, &str, How, &[String]); 5] = [
        (
            &String::from_utf8(get("/_ping")).unwrap(),
            "OK",
            How::Ends,
            &["msg=\"connection opened\"".into(), format!("upstream=\"tcp://{daemon}\"")],
        ),
        (
            &format!("{attach}hello"),
            "hello",
            How::Ends,
            &["msg=\"raw stream ended\"".into(), "from_client=5 to_client=5".into()],
        ),
        (
            &format!("{attach}hello"),
            "he",
            How::Resets,
            &[broke.into(), "the connection to the client broke: ".into()],
        ),
        (
            &String::from_utf8(get("/short")).unwrap(),
            "abc",
            How::Waits,
            &[broke.into(), "the daemon closed the connection within its answer".into()],
        ),
        (
            &String::from_utf8(get("/broken")).unwrap(),
            "\r\n\r\n",
            How::Waits,
            &[broke.into(), "the daemon's answer is not valid".into()],
        ),
    ];
    for (sent, awaited, how, texts) in table {
        let mut client = secdocker.connect();
        let who = format!("client=\"127.0.0.1:{}\"", client.local_port());
        client.send(sent);
        let mut came = client.take_through(awaited.as_bytes());
        match how {
            How::Ends => {
                client.end_sending();
                came.extend(client.rest());
            }
            How::Resets => {
                let at_once = Some(Duration::ZERO);
                rustix::net::sockopt::set_socket_linger(client.wire(), at_once).unwrap();
                drop(client);
            }
            How::Waits => drop(client.rest_or_reset_or_cut()),
        }
        let lines = |texts: &[String]| {
            let log = secdocker.log();
            let is_it = |line: &&str| {
                line.contains(&who) && texts.iter().all(|text| line.contains(text.as_str()))
            };
            log.lines().find(is_it).map(str::to_owned)
        };
        until(&format!("{who} {texts:?}"), || lines(texts));
        let closed = "msg=\"connection closed\"".to_owned();
        let line = until("the connection is closed", || lines(std::slice::from_ref(&closed)));
        assert!(line.contains(&format!("from_client={} ", sent.len())), "{line}");
        assert!(line.contains(" duration_ms="), "{line}");
        if how == How::Ends {
            assert!(line.contains(&format!("to_client={} ", came.len())), "{line}");
        }
    }
}

/// How a client leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Ends,
    Resets,
    Waits,
}
