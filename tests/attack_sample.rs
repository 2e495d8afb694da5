//! The shared sample of attacks and harmless sessions, where it is at hand.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod support;
use std::fs;
use std::path::Path;
use std::process::Command;

use support::{Daemon, SecDocker, Way, run};

#[test]
fn every_attack_is_blocked_and_every_harmless_session_passes() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/attacks");
    if !sample.join("run.py").exists() {
        eprintln!("no {} here: the corpus in tests/attacks stands alone", sample.display());
        return;
    }
    let policy = fs::read_to_string(sample.join("config.yml")).unwrap();
    let rules = policy.split_once("restrictions:").unwrap().1;
    let secdocker = SecDocker::before(Daemon::shared(), &format!("restrictions:{rules}"));
    let target = secdocker.docker_host().replace("tcp://", "");
    let mut runner = Command::new("/usr/bin/python3");
    runner.arg(sample.join("run.py")).args(["--target", &target, "--daemon"]);
    runner.arg(Daemon::shared().socket()).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let output = run(&mut runner, b"").ok();
    let wrong: Vec<_> = output
        .lines()
        .filter(|line| ["BYPASSED", "BROKEN", "ERROR"].iter().any(|word| line.starts_with(word)))
        .collect();
    assert!(wrong.is_empty() && output.contains("PASS "), "{output}");
}
