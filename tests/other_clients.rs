//! Clients other than the `docker` command: the Python package, docker-compose, curl.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use std::fs;
use support::cli::client;
use support::compare::{POLICY, both, both_under, without_ids};
use support::{Daemon, Finished, SecDocker, Way, run, sandbox, tls, unique};

/// Runs a Python program with the `docker` package, the engine taken from the environment.
#[track_caller]
fn python(way: &dyn Way, program: &str) -> Finished {
    run(client("/usr/bin/python3", &way.docker_host()).args(["-u", "-c", program]), b"")
}

#[test]
fn the_python_package() {
    let name = unique("python");
    let program = format!(
        r#"
import docker, io, tarfile
c = docker.from_env()
print(c.ping(), c.version()["ApiVersion"], c.info()["Driver"])
print(c.containers.run("probe:1", ["sh", "-c", "echo out"], remove=True))
k = c.containers.run("probe:1", ["sh", "-c", "while read l; do echo got $l; done"], name="{name}",
    detach=True, stdin_open=True, mem_limit="64m", environment={{"A": "b"}}, labels=["x"])
print(k.exec_run(["sh", "-c", "echo $A; exit 3"], environment={{"A": "c"}}))
s = k.attach_socket(params={{"stdin": 1, "stream": 1}})
getattr(s, "_sock", s).sendall(b"line\n")
print(next(iter(k.logs(stream=True, follow=True))))
s.close()
print(next(k.stats(decode=True))["name"])
b = io.BytesIO(); t = tarfile.open(fileobj=b, mode="w")
i = tarfile.TarInfo("f"); i.size = 100000; t.addfile(i, io.BytesIO(b"x" * 100000)); t.close()
print(k.put_archive("/w", b.getvalue()))
print(sum(map(len, k.get_archive("/w/f")[0])), k.get_archive("/w/f")[1]["size"])
k.stop(timeout=0); print(k.wait()["StatusCode"]); k.remove()
f = io.BytesIO(b"FROM probe:1\nRUN echo built >/b\n")
m, log = c.images.build(fileobj=f, tag="{name}:1", rm=True)
print(c.containers.run("{name}:1", "cat /b", remove=True)); c.images.remove("{name}:1")
v = c.volumes.create("{name}"); print(v.attrs["Driver"]); v.remove()
n = c.networks.create("{name}", driver="bridge"); print(n.attrs["Driver"]); n.remove()
try: c.containers.run("probe:1", "no-such-command", remove=True)
except docker.errors.APIError as e: print(e.status_code)
try: c.containers.get("nobody")
except docker.errors.NotFound as e: print(e.explanation)
"#
    );
    let said = both(|way| python(way, &program).ok());
    assert!(said.contains("got line"), "{said}");
}

#[test]
fn the_python_package_is_told_why() {
    let secdocker = SecDocker::before(Daemon::shared(), "restrictions:\n  privileged: true\n");
    let program = r#"
import docker
try: docker.from_env().containers.create("probe:1", "true", privileged=True)
except docker.errors.APIError as e: print(e.status_code, e.explanation)
"#;
    let said = python(&secdocker, program).ok();
    assert_eq!(said, "403 SecDocker: forbidden: privileged mode (rule \"privileged\")");
}

#[test]
fn docker_compose() {
    compose(POLICY, "0");
}

#[test]
fn docker_compose_with_buildkit() {
    compose(&format!("{POLICY}  builds: allow\n"), "1");
}

/// The life of a project that has a build.
#[track_caller]
fn compose(rules: &str, buildkit: &str) {
    let directory = sandbox::directory("compose");
    let project = unique("compose");
    let file = "\
version: '3.3'
services:
  web:
    image: probe:1
    command: sh -c 'echo web is up; sleep 1000'
    environment: [A=b]
    volumes: ['kept:/kept']
    networks: [inner]
  built:
    build: .
    depends_on: [web]
    command: sh -c 'cat /word; ping -c 1 -w 10 web >/dev/null && echo reached web'
    networks: [inner]
networks:
  inner: {}
volumes:
  kept: {}
";
    fs::write(directory.join("docker-compose.yml"), file).unwrap();
    fs::write(directory.join("Dockerfile"), "FROM probe:1\nRUN echo word >/word\n").unwrap();
    both_under(rules, |way| {
        let compose = |arguments: &str| {
            let mut command = client("/usr/bin/docker-compose", &way.docker_host());
            command.current_dir(&directory).args(["--ansi", "never"]);
            command.args(["--project-name", &project]).env("DOCKER_BUILDKIT", buildkit);
            let done = run(command.args(arguments.split_whitespace()), b"");
            done.ok();
            without_ids(&done.text())
        };
        compose("build --compress");
        compose("build");
        compose("up -d web");
        let ran = compose("run --rm built");
        let executed = compose("exec -T web sh -c env");
        assert!(executed.contains("A=b"), "{executed}");
        let logs = compose("logs --no-color web");
        let listed = compose("ps --services");
        compose("down --volumes --rmi local --timeout 0");
        (ran, logs, listed)
    });
}

#[test]
fn docker_compose_is_told_why() {
    let directory = sandbox::directory("compose");
    let file = "version: '2.4'\nservices:\n  web: {image: 'probe:1', privileged: true}\n";
    fs::write(directory.join("docker-compose.yml"), file).unwrap();
    let secdocker = SecDocker::before(Daemon::shared(), "restrictions:\n  privileged: true\n");
    let mut compose = client("/usr/bin/docker-compose", &secdocker.docker_host());
    compose.current_dir(&directory).args(["--project-name", "refused"]);
    let complaint = run(compose.args(["up", "-d"]), b"").fails(1);
    assert!(complaint.contains("SecDocker: forbidden: privileged mode"), "{complaint}");
}

/// What curl says to this, the status last.
#[track_caller]
fn curl(way: &dyn Way, target: &str, arguments: &[&str], input: &[u8]) -> String {
    let host = way.docker_host();
    let mut command = client("/usr/bin/curl", &host);
    command.args(["-sS", "-m", "30", "-w", " %{http_code}"]).args(arguments);
    match host.strip_prefix("unix://") {
        Some(socket) => command.args(["--unix-socket", socket, &format!("http://d{target}")]),
        None if tls::sides() == tls::Sides::None => {
            command.arg(format!("{}{target}", host.replace("tcp:", "http:")))
        }
        None => {
            let [ca, cert, key] =
                ["ca.pem", "cert.pem", "key.pem"].map(|name| tls::House::shared().file(name));
            command.args(["--cacert", &ca, "--cert", &cert, "--key", &key]);
            command.arg(format!("{}{target}", host.replace("tcp:", "https:")))
        }
    };
    run(&mut command, input).ok()
}

#[test]
fn curl_with_old_and_new_http() {
    for version in ["--http1.0", "--http1.1", "--http0.9"] {
        let said = both(|way| curl(way, "/_ping", &[version], b""));
        assert_eq!(said, "OK 200", "{version}");
        both(|way| curl(way, "/v1.41/images/probe:1/json", &[version], b""));
        both(|way| curl(way, "/v1.41/containers/nobody/json", &[version], b""));
    }
    both(|way| curl(way, "/_ping", &["--head"], b"").replace(|c: char| c.is_ascii_digit(), ""));
    both(|way| curl(way, "/_ping", &["-X", "OPTIONS"], b""));
}

/// Curl makes the offer beside the request, and goes on in HTTP/1.1 where it is not taken.
#[test]
fn curl_with_an_offer_of_http2() {
    let said = both(|way| curl(way, "/_ping", &["--http2"], b""));
    assert_eq!(said, "OK 200");
    both(|way| curl(way, "/v1.41/containers/nobody/json", &["--http2"], b""));
    let api = Daemon::shared().api();
    let body = br#"{"Image":"probe:1","Cmd":["true"]}"#;
    for expect in ["Expect:", "Expect: 100-continue"] {
        let name = unique("offer");
        let arguments = ["--http2", "-H", expect, "-H", "Content-Type: application/json"];
        let arguments = [&arguments[..], &["--data-binary", "@-"]].concat();
        let target = format!("/v1.41/containers/create?name={name}");
        let said = both_under("restrictions:\n  privileged: true\n", |way| {
            let said = without_ids(&curl(way, &target, &arguments, body));
            api.remove(&name);
            said
        });
        assert!(said.ends_with(" 201"), "{said}");
    }
}

const READ: &str = "restrictions:\n  images: ['forbidden:1']\n";

/// The package names the compression in a header, of which the daemon reads nothing.
#[test]
fn the_python_package_with_compressed_contexts() {
    let name = unique("gzip");
    let program = format!(
        r#"
import docker, gzip, io, os, tarfile, tempfile
c = docker.from_env()
with tempfile.TemporaryDirectory() as d:
    with open(os.path.join(d, "Dockerfile"), "w") as f: f.write("FROM probe:1\nLABEL a=b\n")
    with open(os.path.join(d, "file"), "w") as f: f.write("x" * 100000)
    m, _ = c.images.build(path=d, tag="{name}:1", gzip=True, rm=True); print(m.labels)
    # A Dockerfile outside of the context: the package names it twice in the query.
    with tempfile.NamedTemporaryFile("w", suffix=".dockerfile") as o:
        o.write("FROM probe:1\nLABEL c=d\n"); o.flush()
        m, _ = c.images.build(path=d, dockerfile=o.name, tag="{name}:2", rm=True); print(m.labels)
b = io.BytesIO()
with tarfile.open(fileobj=b, mode="w:gz") as t:
    i = tarfile.TarInfo("Dockerfile"); f = b"FROM probe:1\nLABEL e=f\n"; i.size = len(f); t.addfile(i, io.BytesIO(f))
b.seek(0)
m, _ = c.images.build(fileobj=b, custom_context=True, encoding="gzip", tag="{name}:3"); print(m.labels)
saved = gzip.compress(b"".join(c.images.get("{name}:1").save(named=True)))
r = c.api._post(c.api._url("/images/load"), data=saved, headers={{"Content-Encoding": "gzip"}}); print(r.status_code)
r = c.api._post(c.api._url("/images/create"), params={{"fromSrc": "-", "repo": "{name}", "tag": "4"}},
    data=gzip.compress(b"\0" * 10240), headers={{"Content-Encoding": "gzip", "Content-Type": "application/x-tar"}}); print(r.status_code)
for n in "1234": c.images.remove("{name}:" + n)
"#
    );
    let said = both_under(READ, |way| python(way, &program).ok());
    for label in ["{'a': 'b'}", "{'c': 'd'}", "{'e': 'f'}"] {
        assert!(said.contains(label), "{said}");
    }
}

/// What is compressed is read all the same.
#[test]
fn the_python_package_with_a_compressed_context_is_told_why() {
    let secdocker = SecDocker::before(Daemon::shared(), READ);
    let program = r#"
import docker, os, tempfile
c = docker.from_env()
for text in ["FROM forbidden:1\n", "FROM probe:1\nCOPY --from=forbidden:1 / /\n"]:
    with tempfile.TemporaryDirectory() as d:
        with open(os.path.join(d, "Dockerfile"), "w") as f: f.write(text)
        try: c.images.build(path=d, gzip=True)
        except docker.errors.APIError as e: print(e.status_code, e.explanation)
"#;
    let said = python(&secdocker, program).ok();
    assert_eq!(said.matches("403 SecDocker: forbidden: ").count(), 2, "{said}");
}

/// Text of any bytes, as Python hands it on.
#[test]
fn the_python_package_with_text_that_is_none() {
    let name = unique("bytes");
    let program = format!(
        r#"
import docker, os
c = docker.from_env(); s = os.fsdecode(b"J\xf6rg")
k = c.containers.create("probe:1", ["echo", s], name="{name}", environment={{"A": s}}, labels={{"a": s, s: "b"}},
    volumes={{"/srv/" + s: {{"bind": "/x"}}}}, working_dir="/" + s)
k.reload(); a = k.attrs
print([ascii(x) for x in (a["Config"]["Env"], sorted(a["Config"]["Labels"].items()), a["Config"]["Cmd"],
    a["Config"]["WorkingDir"], a["HostConfig"]["Binds"])])
k.remove()
v = c.volumes.create("{name}", labels={{"a": s}}); print(ascii(v.attrs["Labels"])); v.remove()
n = c.networks.create("{name}", labels={{"a": s}}); n.remove()
"#
    );
    let rules = "restrictions:\n  mounts: [/root]\n  environment: [B]\n";
    let said = both_under(rules, |way| python(way, &program).ok());
    assert!(said.contains("ufffd"), "{said}");
}

/// Curl calls all that it posts a form.
#[test]
fn curl_with_a_form_that_is_empty() {
    let api = Daemon::shared().api();
    let name = unique("form");
    let body = serde_json::json!({"Image": "probe:1", "Cmd": ["true"]});
    assert_eq!(api.create(&name, &body).status, 201);
    assert_eq!(api.post(&format!("/commit?container={name}&repo={name}"), &body).status, 201);
    let said = both(|way| {
        let said = curl(way, &format!("/images/{name}/tag?repo={name}&tag=1"), &["-d", ""], b"");
        assert_eq!(api.delete(&format!("/images/{name}:1")).status, 200, "{said}");
        said
    });
    assert_eq!(said, "201");
    api.delete(&format!("/images/{name}"));
    api.remove(&name);
}

/// Big enough that curl itself would ask for `100 (Continue)` and send several pieces.
#[test]
fn curl_with_bodies() {
    let label = "y".repeat(100_000);
    let body =
        format!(r#"{{"Image":"probe:1","Cmd":["true"],"User":"1000","Labels":{{"x":"{label}"}}}}"#);
    let ways: [&[&str]; 4] = [
        &["-H", "Expect: 100-continue"],
        &["-H", "Expect:"],
        &["-H", "Transfer-Encoding: chunked"],
        &["-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue"],
    ];
    let api = Daemon::shared().api();
    for headers in ways {
        let name = unique("curl");
        let mut arguments = vec!["-H", "Content-Type: application/json", "--data-binary", "@-"];
        arguments.extend(headers);
        let target = format!("/v1.41/containers/create?name={name}");
        both(|way| {
            let said = without_ids(&curl(way, &target, &arguments, body.as_bytes()));
            let made = api.inspect(&name)["Config"]["Labels"]["x"] == label.as_str();
            api.remove(&name);
            assert!(made, "{headers:?} {}: {said}", way.name());
            said
        });
    }
}

/// An upload that is not inspected, chunked and with a length, larger than any buffer.
#[test]
fn curl_with_uploads() {
    let directory = sandbox::directory("upload");
    fs::write(directory.join("file"), vec![b'z'; 20 << 20]).unwrap();
    let mut tar = std::process::Command::new("tar");
    let archive = run(tar.arg("-C").arg(&directory).args(["-c", "file"]), b"").stdout;
    let name = unique("upload");
    let api = Daemon::shared().api();
    let body = serde_json::json!({"Image": "probe:1", "Cmd": ["true"]});
    assert_eq!(api.create(&name, &body).status, 201);
    for headers in [&["-H", "Expect:"][..], &["-H", "Transfer-Encoding: chunked"]] {
        let mut arguments =
            vec!["-X", "PUT", "-H", "Content-Type: application/x-tar", "--data-binary", "@-"];
        arguments.extend(headers);
        let target = format!("/containers/{name}/archive?path=/w");
        let said = both(|way| curl(way, &target, &arguments, &archive).trim().to_owned());
        assert_eq!(said, "200", "{headers:?}");
    }
    api.remove(&name);
}
