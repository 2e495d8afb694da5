//! What build tools do in a day's work, under rules that are about none of it: as straight at the engine.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;

use super::tools::{context, has, run, run_with};
use crate::buildkit::calls::{Calls, SOLVE, STATUS, body};
use crate::buildkit::messages::{runs, text};
use crate::support::{Daemon, SecDocker, Way, firewall, unique};
use crate::{RULES, is_mediated, under};

const PROBE: &str = "docker-image://docker.io/library/probe:1";
const FORBIDDEN: &str = "docker-image://docker.io/library/ubuntu:16.04";

#[track_caller]
fn passes(way: &dyn Way, arguments: &[&str], directory: &Path) -> String {
    let ran = run(way, arguments, directory);
    assert!(ran.status.success(), "{arguments:?}: {ran}");
    ran.to_string()
}

#[test]
fn targets_that_are_built_upon_each_other_pass() {
    if !has("docker-buildx") || !is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let directory = context("FROM x\nRUN cat /made\n");
    let tag = unique("baked");
    let bake = format!(
        "target \"default\" {{\n  contexts = {{ x = \"target:a\" }}\n  tags = [\"{tag}\"]\n}}\n\
         target \"a\" {{\n  dockerfile-inline = \"FROM probe:1\\nRUN cp /who /made\\n\"\n}}\n\
         target \"b\" {{\n  dockerfile-inline = \"FROM ubuntu:16.04\\nRUN cp /who /made\\n\"\n}}\n"
    );
    fs::write(directory.join("docker-bake.hcl"), bake).unwrap();
    let said =
        passes(&secdocker, &["buildx", "bake", "-f", "docker-bake.hcl", "--no-cache"], &directory);
    assert_eq!(Daemon::shared().api().get(&format!("/images/{tag}/json")).status, 200, "{said}");
    for set in ["default.contexts.x=target:b", "default.tags=ubuntu:16.04"] {
        let refused = run(
            &secdocker,
            &["buildx", "bake", "-f", "docker-bake.hcl", "--no-cache", "--set", set],
            &directory,
        );
        let said = refused.to_string();
        let is_it = said.contains("denied by policy") || said.contains("image ubuntu:16.04");
        assert!(!refused.status.success() && is_it, "{said}");
    }
}

#[test]
fn compose_builds_in_each_of_its_ways() {
    if !has("docker-compose") || !is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let directory = context("FROM probe:1\nRUN cat /who\n");
    let compose = "services: {a: {build: ., image: \"composed:1\", command: [\"/bin/true\"], network_mode: none}}\n";
    fs::write(directory.join("compose.yml"), compose).unwrap();
    for (arguments, bake) in [
        (&["compose", "build"][..], "true"),
        (&["compose", "build"], "false"),
        (&["compose", "up", "--build", "--abort-on-container-exit"], "true"),
        (&["compose", "down"], "true"),
    ] {
        let ran = run_with(&secdocker, arguments, &directory, &[("COMPOSE_BAKE", bake)], b"");
        assert!(ran.status.success(), "{arguments:?} {bake}: {ran}");
    }
}

#[test]
fn the_network_of_the_host_is_shared_where_no_rule_is_about_it() {
    if !has("docker-buildx") || !is_mediated() {
        return;
    }
    let secdocker = under("restrictions: {images: [\"ubuntu:16.04\"]}\n");
    let directory = context("FROM probe:1\nRUN cat /who\n");
    passes(&secdocker, &["buildx", "build", "--network", "host", "."], &directory);
}

/// Whether each ends as it does straight at the engine.
#[test]
fn what_tools_bring_along_ends_as_straight_at_the_engine() {
    if !has("docker-buildx") || !is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let ways: [&dyn Way; 2] = [Daemon::shared(), &secdocker];
    let both = |arguments: &[&str], dockerfile: &str, input: &[u8]| {
        let ended = ways.map(|way| {
            let directory = context(dockerfile);
            let agent = directory.join("agent");
            let _listens = UnixListener::bind(&agent).unwrap();
            let agent = agent.to_str().unwrap();
            let ran = run_with(way, arguments, &directory, &[("SSH_AUTH_SOCK", agent)], input);
            let said = ran.to_string();
            // The engine makes the agent's socket in a directory of its own, whose name has any number of digits:
            // near the longest that a socket may have, this one bears it and that one does not.
            let is_too_long = said.contains("bind: invalid argument");
            (ran.status.success() || is_too_long, said)
        });
        assert_eq!(ended[0].0, ended[1].0, "{arguments:?}: {} {}", ended[0].1, ended[1].1);
        assert!(!ended[1].1.contains("SecDocker"), "{arguments:?}: {}", ended[1].1);
        ended[1].0
    };
    let plain = "FROM probe:1\nRUN cat /who\n";
    let ssh = "FROM probe:1\nRUN --mount=type=ssh test -S \"$SSH_AUTH_SOCK\"\n";
    both(&["buildx", "build", "--no-cache", "--ssh", "default", "."], ssh, b"");
    assert!(both(&["buildx", "build", "--no-cache", "-"], plain, plain.as_bytes()));
    let mut tar = Vec::new();
    append_file(&mut tar, "Dockerfile", b"FROM probe:1\nCOPY sent /\nRUN cat /sent\n");
    append_file(&mut tar, "sent", b"x");
    tar.extend_from_slice(&[0; 1024]);
    assert!(both(&["buildx", "build", "--no-cache", "-"], plain, &tar));
    assert!(both(&["buildx", "build", "--build-arg", "BUILDKIT_INLINE_CACHE=1", "."], plain, b""));
    assert!(both(&["buildx", "build", "--cache-from", "probe:1", "."], plain, b""));
    assert!(both(
        &["buildx", "build", "--label", "a=b", "--add-host", "a:1.2.3.4", "."],
        plain,
        b""
    ));
    both(&["buildx", "build", "--call=check", "."], plain, b"");
    for arguments in [&["buildx", "ls"][..], &["buildx", "du"], &["builder", "prune", "--help"]] {
        assert!(both(arguments, plain, b""), "{arguments:?}");
    }
    for arguments in [&["history", "ls"][..], &["history", "inspect"], &["history", "logs"]] {
        both(&[&["buildx"], arguments].concat(), plain, b"");
    }
}

/// A file of an archive (tar(5)).
fn append_file(tar: &mut Vec<u8>, name: &str, content: &[u8]) {
    let mut head = [0; 512];
    head[..name.len()].copy_from_slice(name.as_bytes());
    head[100..108].copy_from_slice(b"0000644\0");
    head[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    head[136..148].copy_from_slice(b"00000000000\0");
    head[148..156].copy_from_slice(b"        ");
    head[156] = b'0';
    head[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend_from_slice(&head);
    tar.extend_from_slice(content);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

#[test]
fn all_builds_pass_unseen_where_that_is_said() {
    let secdocker = under(&RULES.replace("restrictions:", "restrictions:\n  builds: allow"));
    let ended = Calls::begin(&secdocker).call(SOLVE, &runs(FORBIDDEN, &[]));
    assert_eq!(ended.status, 0, "{ended:?}");
    secdocker.logs("raw stream began");
    assert!(!secdocker.log().contains("calls are judged"));
}

#[test]
fn rules_that_change_meanwhile_judge_what_comes_then() {
    if !is_mediated() {
        return;
    }
    let secdocker = SecDocker::before(Daemon::shared(), RULES);
    let mut calls = Calls::begin(&secdocker);
    let status = calls.open(STATUS);
    calls.send(body(status, &text(1, "unknown")));
    let ended = calls.call(SOLVE, &runs(PROBE, &[]));
    assert_eq!(ended.status, 0, "{ended:?}");
    let forbids = RULES.replace("restrictions:", "restrictions:\n  builds: forbid");
    let config = firewall::config(&Daemon::shared().socket(), &forbids);
    secdocker.reload(&config);
    calls
        .call(SOLVE, &runs(PROBE, &[]))
        .is_refused_for("a build by BuildKit (rule \"builds: forbid\")");
}
