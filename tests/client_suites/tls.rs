//! Clients that are tried once with TLS on both sides of SecDocker: a list, a container, and raw streams whose end
//! must be seen on the other side.

use super::ALONE;
use super::suites::{command_at, installed};
use super::support::tls::House;
use super::support::{Daemon, SecDocker, process, sandbox};
use std::path::Path;
use std::sync::PoisonError;

/// What each of the programs prints.
const SAID: &str = "listed true\nexecuted in exec\nattached in attach\nended 0";

#[test]
fn dockerode_over_tls() {
    let main = installed("dockerode/main.js");
    says(Path::new("/usr/bin/node"), &[&main.display().to_string()]);
}

#[test]
fn bollard_over_tls() {
    says(&installed("bollard/build/debug/bollard-tls"), &[]);
}

/// Runs a program against SecDocker before an engine, each with TLS.
#[track_caller]
fn says(program: &Path, arguments: &[&str]) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (house, port) = (House::shared(), sandbox::port());
    let listen = house.engine(&format!("127.0.0.1:{port}"));
    let listen: Vec<&str> = listen.iter().map(String::as_str).collect();
    let engine = Daemon::fresh(&listen);
    engine.make_images().unwrap();
    let secdocker = SecDocker::start(
        &format!(
            "dockerapi: tcp://127.0.0.1:{port}\nlisten:\n{}{}restrictions:\n  privileged: true\n",
            house.listen(""),
            house.upstream()
        ),
        &[],
    );
    let mut command = command_at(program, &format!("tcp://{}", secdocker.address));
    command.args(arguments).envs(house.environment());
    assert_eq!(process::run(&mut command, b"").ok(), SAID);
}
