//! The integration tests that come with other people's clients: what passes straight at the engine
//! passes through a SecDocker that forbids nothing: heads and bodies are read and written anew there too.
//!
//! `scripts/install-client-suites` brings them; `scripts/test-engines` and `make engines` run them, not
//! plain `cargo test`: they take minutes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed test says where, and it waits for what it started"
)]

#[path = "client_suites/registry.rs"]
mod registry;
#[path = "client_suites/suites.rs"]
mod suites;
mod support;
#[path = "client_suites/tls.rs"]
mod tls;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use suites::{Outcomes, Suite};
use support::{Daemon, SecDocker, process, sandbox};

/// How often a test that went differently is tried again: some of them are races of their own.
const RETRIES: usize = 2;

/// Each makes swarms, at the port that there is one of, and engines that share a bridge.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn docker_py_containers() {
    compare(&suites::docker_py_containers());
}

#[test]
fn docker_py_swarms() {
    compare(&suites::docker_py_swarms());
}

#[test]
fn docker_py_others() {
    compare(&suites::docker_py_others());
}

#[test]
fn aiodocker() {
    compare(&suites::aiodocker());
}

#[test]
fn bollard() {
    compare(&suites::bollard());
}

#[track_caller]
fn compare(suite: &Suite) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (straight, through) = (straight(suite, &[]), through(suite, &[]));
    assert!(straight.len() >= suite.least, "only {} tests ran: {straight:?}", straight.len());
    let passed = |outcomes: &Outcomes| outcomes.values().filter(|one| *one == "passed").count();
    let mut differ = differing(&straight, &through);
    for _ in 0..RETRIES {
        if differ.is_empty() {
            break;
        }
        // Some need others before them: only one that passes has shown that it was a race.
        let names: Vec<&str> = differ.keys().map(String::as_str).collect();
        let again = self::through(suite, &names);
        differ.retain(|name, _| again.get(name).is_none_or(|outcome| outcome != "passed"));
    }
    let (tests, passed, before) = (straight.len(), passed(&through), passed(&straight));
    println!("{tests} tests: {before} pass straight, {passed} through SecDocker");
    assert!(differ.is_empty(), "straight, and through SecDocker: {differ:#?}");
}

/// What each test came to, straight and through SecDocker, where that is not the same. What fails straight
/// and passes through SecDocker, which is slower, is a race of its own.
fn differing(straight: &Outcomes, through: &Outcomes) -> BTreeMap<String, (String, String)> {
    let names = straight.keys().chain(through.keys());
    let of = |outcomes: &Outcomes, name| outcomes.get(name).map_or("did not run", |one| one).into();
    let pairs = names.map(|name| (name.clone(), (of(straight, name), of(through, name))));
    pairs.filter(|(_, (straight, through))| straight != through && through != "passed").collect()
}

/// The suite, or these tests of it, at an engine of its own.
fn straight(suite: &Suite, only: &[&str]) -> Outcomes {
    let engine = engine();
    suite.run(&engine.socket(), only)
}

fn through(suite: &Suite, only: &[&str]) -> Outcomes {
    let engine = engine();
    // Like the engine on a Unix socket: some clients speak otherwise on another transport.
    let socket = sandbox::short_directory("secdocker").join("docker.sock");
    let listen = format!("listen:\n  unix: {}\n", socket.display());
    let _secdocker = SecDocker::before(&engine, &listen);
    suite.run(&socket, only)
}

/// One with the images that the suites ask for, and a registry in place of Docker's.
fn engine() -> Daemon {
    // An engine that had a swarm leaves its bridge, and the next one could not tell which address is its own.
    let _ = process::run(Command::new("ip").args(["link", "delete", "docker_gwbridge"]), b"");
    let registry = registry::start();
    let engine = Daemon::fresh(&[&format!("--registry-mirror=http://{registry}")]);
    registry::fill(&engine);
    engine
}
