//! Clients that are tried once with TLS on both sides of SecDocker: a list, a container, and raw streams whose end
//! must be seen on the other side.

use super::ALONE;
use super::suites::{command_at, installed};
use super::support::tls::House;
use super::support::{Daemon, SecDocker, process, sandbox};
use std::path::Path;
use std::sync::PoisonError;

/// What each of the programs prints, beside what its client itself writes to a stream: dockerode sends the options of an
/// attach there, too.
const SAID: [&str; 4] = ["listed true", "executed in exec", "in attach", "ended 0"];

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
    let at = |address: &str| {
        let mut command = command_at(program, &format!("tcp://{address}"));
        process::run(command.args(arguments).envs(house.environment()), b"").ok()
    };
    let straight = at(&format!("127.0.0.1:{port}"));
    let said = |(line, wanted): (&str, &str)| line.ends_with(wanted);
    assert!(straight.lines().zip(SAID).all(said), "{straight}");
    assert_eq!(at(&secdocker.address.to_string()), straight);
}
