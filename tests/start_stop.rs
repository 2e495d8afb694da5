//! Starting, stopping, and new rules while connections are open.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use rustix::process::Signal;
use std::fs;
use std::net::{TcpListener, TcpStream};
use support::client::{get, post};
use support::firewall::command;
use support::poll::PATIENCE;
use support::{Daemon, Docker, SecDocker, Way, run, sandbox, unique, until};

/// What it says when it can't start: one line, and a status that is not 0.
#[track_caller]
fn complaint(config: &str, arguments: &[&str]) -> String {
    let directory = sandbox::directory("start");
    fs::write(directory.join("config.yml"), config).unwrap();
    let mut secdocker = command();
    let complaint = run(secdocker.current_dir(&directory).args(arguments), b"").fails(2);
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    complaint
}

#[test]
fn a_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let complaint = complaint("restrictions:\n", &["--listen", &address]);
    assert!(complaint.contains(&address), "{complaint}");
}

#[test]
fn a_port_that_another_secdocker_has() {
    let secdocker = SecDocker::before(Daemon::shared(), "");
    let address = secdocker.address.to_string();
    let complaint = complaint("restrictions:\n", &["--listen", &address]);
    assert!(complaint.contains(&address), "{complaint}");
}

#[test]
fn a_broken_configuration() {
    let complaint = complaint("restrictions:\n  ports: [99999]\n", &[]);
    assert!(complaint.contains("config.yml:2"), "{complaint}");
}

/// A missing socket is a `502` with the path, until the engine is there.
#[test]
fn a_missing_socket() {
    let socket = sandbox::short_directory("nowhere").join("docker.sock");
    let secdocker = SecDocker::start(&support::firewall::config(&socket, ""), &[]);
    let answer = secdocker.connect().ask(get("/_ping"));
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.message().contains(socket.to_str().unwrap()), "{}", answer.text());
    let stderr = Docker::on(&secdocker).run(&["ps"]).fails(1);
    assert!(stderr.contains("SecDocker: cannot reach the daemon"), "{stderr}");
    std::os::unix::fs::symlink(Daemon::shared().socket(), &socket).unwrap();
    assert_eq!(secdocker.connect().ask(get("/_ping")).text(), "OK");
}

/// A raw stream goes on while no new connection is taken, and ends the wait when it ends.
#[test]
fn a_raw_stream_is_drained() {
    let mut secdocker = SecDocker::before(Daemon::shared(), "");
    let mut cat = Docker::on(&secdocker).start(&["run", "--rm", "-i", "probe:1", "cat"]);
    cat.send(b"before\n");
    cat.says("before");
    secdocker.signal(Signal::TERM);
    secdocker.logs("msg=stopping");
    until("no new connections", || {
        TcpStream::connect_timeout(&secdocker.address, PATIENCE).is_err().then_some(())
    });
    cat.send(b"after\n");
    cat.says("after");
    assert!(!secdocker.has_ended(), "it waits for the open stream");
    cat.close_stdin();
    cat.says("after");
    until("the end", || secdocker.has_ended().then_some(()));
    assert!(secdocker.wait().success());
}

/// What does not finish in time is cut, and the status is still 0.
#[test]
fn a_drain_has_its_limit() {
    let mut secdocker = SecDocker::before(Daemon::shared(), "limits:\n  shutdown_time: 300ms\n");
    let mut events = secdocker.connect();
    events.send(get("/events"));
    events.take_through(b"\r\n\r\n");
    secdocker.signal(Signal::TERM);
    assert!(secdocker.wait().success());
    events.rest_or_reset();
}

/// New rules hold for the next request of a connection that was open before.
#[test]
fn new_rules_reach_open_connections() {
    let secdocker = SecDocker::before(Daemon::shared(), "");
    let mut client = secdocker.connect();
    let name = unique("reloaded");
    let privileged = || {
        let body = r#"{"Image":"probe:1","Cmd":["true"],"HostConfig":{"Privileged":true}}"#;
        post(&format!("/containers/create?name={name}"), body)
    };
    let remove = || Daemon::shared().api().remove(&name);
    assert_eq!(client.ask(privileged()).status, 201);
    remove();

    let config = fs::read_to_string(secdocker.config_path()).unwrap();
    let with = |rules: &str| format!("{config}{rules}");
    secdocker.reload(&with("restrictions:\n  privileged: true\n"));
    assert_eq!(client.ask(privileged()).status, 403);
    assert_eq!(client.ask(get("/_ping")).status, 200);

    fs::write(secdocker.config_path(), with("restrictions:\n  privileged: perhaps\n")).unwrap();
    let refused = secdocker.logs("configuration refused");
    assert!(refused.contains("config.yml:3"), "{refused}");
    assert_eq!(client.ask(privileged()).status, 403, "the old rules stay");
    assert!(Daemon::shared().api().container(&name).is_none(), "a container was made");
}
