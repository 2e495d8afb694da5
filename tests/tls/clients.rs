//! Docker's own clients with `DOCKER_TLS_VERIFY`.

use super::support::cli::client;
use super::support::tls::House;
use super::support::{Docker, Finished, SecDocker, run, sandbox, unique};
use super::{both_sides, for_clients};
use std::process::Command;

/// Runs a client's program against SecDocker, with this house's certificates.
fn with_tls(program: &str, secdocker: &SecDocker) -> Command {
    let mut command = client(program, &format!("tcp://{}", secdocker.address));
    command.envs(House::shared().environment());
    command
}

#[track_caller]
fn docker(secdocker: &SecDocker, arguments: &[&str], input: &[u8]) -> Finished {
    run(with_tls("/usr/bin/docker", secdocker).args(arguments), input)
}

/// What people do, with what it must print.
const COMMANDS: [(&[&str], &[u8], &str); 6] = [
    (&["run", "--rm", "--network=host", "probe:1", "echo", "hello"], b"", "hello"),
    (&["run", "--rm", "-i", "--network=host", "probe:1", "cat"], b"in and out\n", "in and out"),
    (
        &["run", "--rm", "--network=host", "probe:1", "sh", "-c", "yes | head -c 300000 | wc -c"],
        b"",
        "300000",
    ),
    (
        &["run", "--rm", "-i", "--network=host", "probe:1", "sh", "-c", "wc -c"],
        &[b'x'; 300_000],
        "300000",
    ),
    (&["images", "--format", "{{.Repository}}", "probe"], b"", "probe"),
    (&["version", "--format", "{{.Server.Os}}"], b"", "linux"),
];

#[test]
fn the_docker_command() {
    for secdocker in [
        both_sides("restrictions:\n  privileged: true\n"),
        for_clients("", "restrictions:\n  privileged: true\n"),
    ] {
        for (arguments, input, expected) in COMMANDS {
            assert_eq!(docker(&secdocker, arguments, input).ok(), expected, "{arguments:?}");
        }
        let refused = docker(&secdocker, &["run", "--privileged", "probe:1"], b"").fails(125);
        assert!(refused.contains("SecDocker: forbidden: privileged mode"), "{refused}");
        let name = unique("tls");
        let run = ["run", "-d", "--network=host", "--name", &name, "probe:1", "sleep", "1000"];
        docker(&secdocker, &run, b"").ok();
        assert_eq!(docker(&secdocker, &["exec", "-i", &name, "cat"], b"exec").ok(), "exec");
        let logs = docker(&secdocker, &["logs", &name], b"").ok();
        assert_eq!(logs, "");
        docker(&secdocker, &["rm", "-f", &name], b"").ok();
    }
}

#[test]
fn a_plain_docker_command_is_told_why() {
    let secdocker = for_clients("", "");
    let complaint = Docker::at(format!("tcp://{}", secdocker.address)).run(&["version"]).fails(1);
    assert!(complaint.contains("this port speaks TLS only"), "{complaint}");
    secdocker.logs("this port speaks TLS only");
}

#[test]
fn a_docker_command_with_tls_is_told_why_where_there_is_none() {
    let secdocker = SecDocker::start("dockerapi: /nowhere/docker.sock\n", &[]);
    let complaint = docker(&secdocker, &["version"], b"").fails(1);
    assert!(complaint.contains("HTTP response to HTTPS client"), "{complaint}");
    secdocker.logs("this is TLS; ");
}

#[test]
fn the_python_package() {
    let secdocker = both_sides("");
    let program = r#"
import docker
c = docker.from_env()
print(c.ping(), c.containers.run("probe:1", ["echo", "out"], remove=True, network_mode="host"))
k = c.containers.run("probe:1", ["sh", "-c", "read l; echo got $l"], detach=True, stdin_open=True, network_mode="host")
s = k.attach_socket(params={"stdin": 1, "stream": 1})
getattr(s, "_sock", s).sendall(b"line\n")
print(k.wait()["StatusCode"], k.logs()); k.remove()
"#;
    let said = run(with_tls("/usr/bin/python3", &secdocker).args(["-c", program]), b"").ok();
    assert_eq!(said, "True b'out\\n'\n0 b'got line\\n'");
}

#[test]
fn docker_compose() {
    let secdocker = both_sides("");
    let directory = sandbox::directory("compose");
    let file = "services:\n  one:\n    image: probe:1\n    network_mode: host\n    command: echo from compose\n";
    std::fs::write(directory.join("docker-compose.yml"), format!("version: '3'\n{file}")).unwrap();
    let compose = |arguments: &[&str]| {
        let mut command = with_tls("/usr/bin/docker-compose", &secdocker);
        run(command.current_dir(&directory).args(arguments), b"")
    };
    let said = compose(&["up", "--no-color"]).ok();
    assert!(said.contains("from compose"), "{said}");
    compose(&["down"]).ok();
}
