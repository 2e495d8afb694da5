//! The build tools themselves, where they are installed: `docker buildx` and `docker compose`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Daemon, Docker, Finished, Way, process, sandbox, unique};
use crate::{RULES, is_mediated, under};

const PLUGINS: [&str; 2] = ["/usr/libexec/docker/cli-plugins", "/usr/lib/docker/cli-plugins"];

/// Debian's docker.io before trixie has no plugins.
pub(super) fn has(plugin: &str) -> bool {
    PLUGINS.iter().any(|folder| Path::new(folder).join(plugin).exists())
}

pub(super) fn context(dockerfile: &str) -> PathBuf {
    let directory = sandbox::directory("context");
    fs::write(directory.join("Dockerfile"), dockerfile).unwrap();
    let compose = "services: {a: {build: ., image: \"composed:1\"}}\n";
    fs::write(directory.join("compose.yml"), compose).unwrap();
    directory
}

pub(super) fn run(way: &dyn Way, arguments: &[&str], directory: &Path) -> Finished {
    run_with(way, arguments, directory, &[], b"")
}

/// The same with variables and standard input.
pub(super) fn run_with(
    way: &dyn Way,
    arguments: &[&str],
    directory: &Path,
    variables: &[(&str, &str)],
    input: &[u8],
) -> Finished {
    let mut command = Docker::on(way).command(arguments);
    command.current_dir(directory).env("BUILDKIT_PROGRESS", "plain");
    command.envs(variables.iter().copied());
    process::run(&mut command, input)
}

#[track_caller]
fn fails(ran: &Finished, sentence: &str) {
    let said = ran.to_string();
    assert!(!ran.status.success() && said.contains(sentence), "{sentence}: {said}");
    let all = Daemon::shared().api().get("/containers/json?all=1").json();
    let names = all.to_string();
    assert!(!names.contains("buildx_buildkit"), "no builder of its own was made: {names}");
}

#[test]
fn a_refusal_is_shown_and_no_builder_is_made() {
    if !has("docker-buildx") {
        return;
    }
    let directory = context("FROM probe:1\nRUN echo ran\n");
    for rules in [
        "restrictions: {builds: forbid}\n",
        // Nothing would keep a builder of its own from being made.
        "endpoints: {default: allow, deny: [\"POST /grpc\"]}\n",
        "general: {memory: 1g}\n",
    ] {
        let secdocker = under(rules);
        fails(&run(&secdocker, &["buildx", "build", "."], &directory), "SecDocker: forbidden: ");
    }
}

#[test]
fn builds_pass_and_the_rules_hold_in_them() {
    if !has("docker-buildx") {
        return;
    }
    let secdocker = under(RULES);
    let plain =
        context("FROM probe:1\nARG A\nCOPY compose.yml /\nRUN cat /who; test -f /compose.yml\n");
    let tag = unique("built");
    let built = run(&secdocker, &["buildx", "build", "--tag", &tag, "."], &plain);
    if !is_mediated() {
        return fails(&built, "DOCKER_BUILDKIT=0");
    }
    assert!(built.status.success(), "{built}");
    assert_eq!(Daemon::shared().api().get(&format!("/images/{tag}/json")).status, 200);
    for (dockerfile, arguments, sentence) in [
        ("FROM ubuntu:16.04\nRUN echo ran\n", &[][..], "denied by policy"),
        ("FROM probe:1\nCOPY --from=ubuntu:16.04 /who /w\n", &[], "denied by policy"),
        (
            "FROM probe:1\nRUN --mount=from=ubuntu:16.04,target=/m cat /m/who\n",
            &[],
            "denied by policy",
        ),
        ("# syntax=ubuntu:16.04\nFROM probe:1\n", &[], "denied by policy"),
        (
            "FROM base\nRUN cat /who\n",
            &["--build-context", "base=docker-image://ubuntu:16.04"],
            "image ubuntu:16.04",
        ),
        ("FROM probe:1\n", &["--build-arg", "BUILDKIT_SYNTAX=ubuntu:16.04"], "image ubuntu:16.04"),
        ("FROM probe:1\n", &["--build-arg", "TOKEN=x"], "TOKEN"),
        ("FROM probe:1\n", &["--tag", "ubuntu:16.04"], "image ubuntu:16.04"),
        ("FROM probe:1\n", &["--network", "host"], "network namespace of the host"),
        ("FROM probe:1\nRUN --network=host true\n", &[], "network.host is not allowed"),
        ("FROM probe:1\n", &["--cache-from", "ubuntu:16.04"], "image ubuntu:16.04"),
    ] {
        let directory = context(dockerfile);
        let arguments = [&["buildx", "build", "--no-cache"], arguments, &["."]].concat();
        fails(&run(&secdocker, &arguments, &directory), sentence);
    }
}

#[test]
fn compose_builds_as_well() {
    if !has("docker-compose") || !is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let directory = context("FROM probe:1\nRUN cat /who\n");
    let built = run(&secdocker, &["compose", "build"], &directory);
    assert!(built.status.success(), "{built}");
    let directory = context("FROM ubuntu:16.04\nRUN cat /who\n");
    fails(&run(&secdocker, &["compose", "build"], &directory), "denied by policy");
}

#[test]
fn what_a_build_sends_and_fetches_passes() {
    if !has("docker-buildx") || !is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let directory =
        context("FROM probe:1\nRUN --mount=type=secret,id=s cat /run/secrets/s\nRUN cat /who\n");
    fs::write(directory.join("secret"), "x").unwrap();
    for arguments in [
        &["--secret", "id=s,src=secret"][..],
        &["--secret", "id=s,src=secret", "--output", "type=local,dest=out"],
        &["--secret", "id=s,src=secret", "--output", "type=tar,dest=out.tar"],
        &["--secret", "id=s,src=secret", "--metadata-file", "metadata", "--iidfile", "iid"],
        &["--secret", "id=s,src=secret", "--build-arg", "BUILDKIT_INLINE_CACHE=1"],
        &["--secret", "id=s,src=secret", "--network", "none"],
    ] {
        let arguments = [&["buildx", "build", "--no-cache"], arguments, &["."]].concat();
        let built = run(&secdocker, &arguments, &directory);
        assert!(built.status.success(), "{arguments:?}: {built}");
    }
    assert_eq!(fs::read_to_string(directory.join("out/who")).unwrap().trim(), "probe:1");
    for arguments in [&["buildx", "ls"][..], &["buildx", "du"]] {
        let ran = run(&secdocker, arguments, &directory);
        assert!(ran.status.success() && !ran.to_string().contains("SecDocker"), "{ran}");
    }
}
