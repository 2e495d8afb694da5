//! Clients other than the docker command: the Python package, compose, and curl.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod support;
use std::fs;

use support::cli::client;
use support::{Daemon, SecDocker, Way, run, sandbox, unique};

const POLICY: &str = "restrictions:\n  ports: [22]\n  privileged: true\n";

fn secdocker() -> SecDocker {
    SecDocker::before(Daemon::shared(), POLICY)
}

#[test]
fn the_python_package_runs_containers_and_sees_refusals() {
    const PROGRAM: &str = r#"
import docker
c = docker.from_env()
assert c.ping()
assert c.containers.run('probe:1', ['echo', 'hello'], remove=True) == b'hello\n'
k = c.containers.run('probe:1', ['sh', '-c', 'echo started; sleep 60'], detach=True)
code, out = k.exec_run(['echo', 'in'])
assert (code, out) == (0, b'in\n'), (code, out)
assert next(k.logs(stream=True, follow=True)) == b'started\n'
assert k.stats(stream=False)['id'] == k.id
data, stat = k.get_archive('/who')
assert len(b''.join(data)) > 512
k.remove(force=True)
try:
    c.containers.run('probe:1', ['true'], privileged=True)
    raise SystemExit('privileged was let through')
except docker.errors.APIError as e:
    assert e.response.status_code == 403 and 'privileged mode' in e.explanation, e
print('fine')
"#;
    let secdocker = secdocker();
    let mut python = client("/usr/bin/python3", &secdocker.docker_host());
    assert_eq!(run(python.args(["-c", PROGRAM]), b"").ok(), "fine");
}

#[test]
fn compose_brings_a_project_up_and_down() {
    let secdocker = secdocker();
    let folder = sandbox::directory("compose");
    let file = |extra: &str| {
        format!(
            "version: '2.4'\nservices:\n  web:\n    image: probe:1\n    command: sleep 60\n    network_mode: none\n{extra}"
        )
    };
    let compose = |arguments: &[&str]| {
        let mut command = client("/usr/bin/docker-compose", &secdocker.docker_host());
        run(command.current_dir(&folder).args(["-p", "project"]).args(arguments), b"")
    };
    fs::write(folder.join("docker-compose.yml"), file("")).unwrap();
    compose(&["up", "-d"]).ok();
    assert!(compose(&["ps"]).ok().contains("Up"));
    compose(&["down", "-t", "0"]).ok();
    fs::write(folder.join("docker-compose.yml"), file("    privileged: true\n")).unwrap();
    let refused = compose(&["up", "-d"]);
    assert!(refused.fails(1).contains("privileged mode"), "{refused}");
}

#[test]
fn curl_speaks_old_http_expects_to_continue_and_sends_chunks() {
    let secdocker = secdocker();
    let base = secdocker.docker_host().replace("tcp://", "http://");
    let body = r#"{"Image":"probe:1","Cmd":["true"],"Labels":{"x":"y"}}"#;
    for options in [
        &["--http1.0"][..],
        &["-H", "Expect: 100-continue"],
        &["-H", "Transfer-Encoding: chunked"],
        &["-H", "Connection: close"],
    ] {
        let name = unique("curl");
        let target = format!("{base}/v1.41/containers/create?name={name}");
        let mut curl = client("/usr/bin/curl", "");
        curl.args(["-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}"]).args(options);
        curl.args(["-H", "Content-Type: application/json", "-d", body, &target]);
        assert_eq!(run(&mut curl, b"").ok(), "201", "{options:?}");
        assert!(Daemon::shared().api().container(&name).is_some(), "{options:?}");
        Daemon::shared().api().remove(&name);
    }
}
