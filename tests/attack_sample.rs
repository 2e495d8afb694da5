//! The attacks and harmless sessions of `../shared/attacks/run.py`, where that folder is there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use support::cli::client;
use support::{Daemon, SecDocker, Way, process};

#[test]
fn every_attack_is_blocked_and_every_harmless_session_passes() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/attacks"));
    let Ok(config) = fs::read_to_string(folder.join("config.yml")) else {
        skip(&format!("{} is not here", folder.display()));
        return;
    };
    let daemon = Daemon::shared();
    let socket = daemon.socket();
    let config = config.replace("/var/run/docker.sock", socket.to_str().unwrap());
    let secdocker = SecDocker::start(&config, &[]);
    let mut command = client("/usr/bin/python3", &secdocker.docker_host());
    command.env_remove("DOCKER_HOST").arg(folder.join("run.py"));
    command.args(["--json", "--target", &secdocker.address.to_string(), "--daemon"]).arg(&socket);
    let ran = process::run(&mut command, b"");
    let results = results(&ran.ok());
    assert!(results.len() > 30, "the sample has many cases: {ran}");
    let wrong: Vec<String> = results
        .iter()
        .filter(|(id, (result, _))| !is_as_wanted(id, result))
        .map(|(id, (result, why))| format!("{result} {id}: {why}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Says past the test harness, which keeps what a test prints, that nothing was tested; CI has it all.
#[track_caller]
fn skip(why: &str) {
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!in_ci, "{why}, but CI has to run the sample");
    let said = format!("SKIPPED: the sample of attacks: {why}\n");
    io::stderr().write_all(said.as_bytes()).unwrap();
}

/// Result and reason by case.
fn results(output: &str) -> BTreeMap<String, (String, String)> {
    let case = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        (text("id"), (text("result"), text("why")))
    };
    output.lines().map(case).collect()
}

fn is_as_wanted(id: &str, result: &str) -> bool {
    result == if id.starts_with('N') { "PASS" } else { "BLOCKED" }
}
