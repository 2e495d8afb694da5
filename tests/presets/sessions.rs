//! What clients really do one after the other, against a real engine.

use crate::replay::{Ask, ask, the_same};
use crate::support::client::{get, post};
use crate::support::{Daemon, SecDocker, Way, unique};

const SLEEPS: &str = r#"{"Image":"probe:1","Cmd":["sleep","60"]}"#;
const TESTED: &str = r#"{"Image":"probe:1","Cmd":["sleep","60"],"Env":["MYSQL_DATABASE=test"],
    "ExposedPorts":{"3306/tcp":{}},
    "Labels":{"org.testcontainers":"true","org.testcontainers.sessionId":"@name@"},
    "HostConfig":{"PortBindings":{"3306/tcp":[{"HostIp":"","HostPort":""}]},"PublishAllPorts":false,
        "Mounts":[{"Type":"volume","Source":"@name@-data","Target":"/data"}]}}"#;
const CREATE: &str = "/v1.41/containers/create?name=@name@";

fn named(preset: &str) -> String {
    format!("endpoints: {{preset: {preset}}}\n")
}

/// An archive without an entry.
fn empty_tar() -> Vec<u8> {
    vec![0; 1024]
}

fn greeting() -> Vec<Ask> {
    vec![ask("HEAD", "/_ping", 200), ask("GET", "/_ping", 200), ask("GET", "/v1.41/version", 200)]
}

#[test]
fn a_dashboard() {
    let mut session = greeting();
    session.extend([
        ask("GET", "/v1.41/info", 200),
        ask("GET", "/v1.41/system/df", 200),
        ask("GET", "/v1.41/containers/json?all=1", 200),
        ask("GET", "/v1.41/containers/@name@/json", 404),
        ask("GET", "/v1.41/images/json", 200),
        ask("GET", "/v1.41/images/probe:1/json", 200),
        ask("GET", "/v1.41/images/docker.io%2Flibrary%2Fprobe:1/history", 200),
        ask("GET", "/v1.41/networks", 200),
        ask("GET", "/v1.41/networks/bridge", 200),
        ask("GET", "/v1.41/volumes", 200),
        ask("GET", "/v1.41/plugins", 200),
        ask("GET", "/v1.41/events?since=1&until=2", 200),
    ]);
    the_same(&named("read-only"), &session);
}

#[test]
fn traefik() {
    let api = Daemon::shared().api();
    let name = unique("traefik");
    api.create(&name, &serde_json::from_str(SLEEPS).unwrap());
    let mut session = greeting();
    session.extend([
        ask("GET", "/v1.24/containers/json?limit=0", 200),
        ask(
            "GET",
            "/v1.24/events?since=1&until=2&filters=%7B%22type%22%3A%7B%22container%22%3Atrue%7D%7D",
            200,
        ),
        // Not in a swarm.
        ask("GET", "/v1.24/services", 503),
        ask("GET", "/v1.24/tasks", 503),
        ask("GET", "/v1.24/nodes/self", 503),
        ask("GET", "/v1.24/networks?filters=%7B%22driver%22%3A%7B%22overlay%22%3Atrue%7D%7D", 200),
    ]);
    the_same(&named("traefik"), &session);
    let secdocker = SecDocker::before(Daemon::shared(), &named("traefik"));
    let mut client = secdocker.connect();
    let shown = client.ask(get(&format!("/v1.24/containers/{name}/json"))).json();
    assert_eq!(shown, api.inspect(&name));
    for denied in ["start", "exec", "attach?stdin=1", "kill"] {
        let answer = client.ask(post(&format!("/v1.24/containers/{name}/{denied}"), "{}"));
        assert_eq!(answer.status, 403, "{denied}: {}", answer.text());
    }
    assert_eq!(api.inspect(&name)["State"]["Status"], "created");
    api.remove(&name);
}

#[test]
fn watchtower() {
    the_same(
        &named("watchtower"),
        &[
            ask("POST", CREATE, 201).json(SLEEPS),
            ask("POST", "/v1.41/containers/@name@/start", 204),
            ask(
                "GET",
                "/v1.41/containers/json?filters=%7B%22status%22%3A%7B%22running%22%3Atrue%7D%7D&limit=0",
                200,
            ),
            ask("GET", "/v1.41/containers/@name@/json", 200),
            ask("GET", "/v1.41/images/probe:1/json", 200),
            // Nobody listens there.
            ask("POST", "/v1.41/images/create?fromImage=127.0.0.1:1%2Fteam%2Fapp&tag=1", 500),
            ask("POST", "/v1.41/containers/@name@/kill?signal=SIGKILL", 204),
            ask("DELETE", "/v1.41/containers/@name@?force=1", 204),
            ask("GET", "/v1.41/containers/@name@/json", 404),
            ask("POST", CREATE, 201).json(SLEEPS),
            ask("POST", "/v1.41/networks/bridge/disconnect", 200)
                .json(r#"{"Container":"@name@","Force":true}"#),
            ask("POST", "/v1.41/networks/bridge/connect", 200).json(r#"{"Container":"@name@"}"#),
            ask("POST", "/v1.41/containers/@name@/start", 204),
            ask("POST", "/v1.41/containers/@name@/rename?name=@name@x", 204),
            ask("DELETE", "/v1.41/images/no/such:1?force=1", 404),
            ask("DELETE", "/v1.41/containers/@name@x?force=1", 204),
        ],
    );
}

#[test]
fn jenkins() {
    let mut session = greeting();
    session.extend([
        ask("GET", "/v1.41/info", 200),
        ask("GET", "/v1.41/images/json", 200),
        ask("GET", "/v1.41/images/probe:1/json", 200),
        ask("POST", "/v1.41/images/create?fromImage=127.0.0.1:1%2Fjenkins%2Fagent&tag=1", 500),
        ask("GET", "/v1.41/containers/json?all=true", 200),
        ask("POST", CREATE, 201).json(SLEEPS),
        ask("PUT", "/v1.41/containers/@name@/archive?path=/", 200).upload(empty_tar()),
        ask("POST", "/v1.41/containers/@name@/start", 204),
        ask("GET", "/v1.41/containers/@name@/json", 200),
        ask("POST", "/v1.41/containers/@name@/exec", 201)
            .json(r#"{"AttachStdout":true,"Cmd":["echo","an agent"]}"#),
        ask("POST", "/v1.41/exec/@exec@/start", 101).raw(r#"{"Detach":false,"Tty":true}"#),
        ask("GET", "/v1.41/containers/@name@/logs?stdout=1", 200),
        ask("GET", "/v1.41/containers/@name@/top?ps_args=-eo+pid%2Ccomm", 200),
        ask("POST", "/v1.41/containers/@name@/stop?t=0", 204),
        ask("DELETE", "/v1.41/containers/@name@?v=true&force=true", 204),
    ]);
    the_same(&named("jenkins"), &session);
}

/// What act 0.2.89 sends for a job of one step, as it was seen in the walk-through of `docs/DEPLOYMENT.md`, whose rules
/// these are.
#[test]
fn act() {
    let rules = "endpoints:\n  preset: gitlab-runner\n  \
        allow: [GET /exec/*/json, GET|PUT /containers/*/archive]\n\
        restrictions: {privileged: true, mounts: [/**], capabilities: [ALL]}\n\
        general: {memory: 512m, cpu: 1}\n";
    let step = r#"{"User":"","Cmd":["sh","-e","/var/run/act/workflow/0.sh"],"AttachStdout":true,
        "AttachStderr":true,"Tty":false,"WorkingDir":"/w","Env":["CI=true"]}"#;
    let mut session = greeting();
    session.extend([
        ask("GET", "/v1.41/info", 200),
        ask("GET", "/v1.41/images/probe:1/json", 200),
        ask("GET", "/v1.41/containers/json?all=1", 200),
        ask("GET", "/v1.41/volumes", 200),
        ask("POST", CREATE, 201).json(
            r#"{"Image":"probe:1","Entrypoint":["tail","-f","/dev/null"],"Cmd":[],"WorkingDir":"/w","Tty":false,
                "HostConfig":{"NetworkMode":"host","Privileged":false,"CapAdd":null,"Mounts":[
                    {"Type":"volume","Source":"@name@-env","Target":"/var/run/act"},
                    {"Type":"volume","Source":"@name@","Target":"/w"}]},
                "NetworkingConfig":{"EndpointsConfig":{}}}"#,
        ),
        ask("POST", "/v1.41/containers/@name@/start", 204),
        ask(
            "PUT",
            "/v1.41/containers/@name@/archive?noOverwriteDirNonDir=true&path=%2Fvar%2Frun%2Fact",
            200,
        )
        .upload(empty_tar()),
        ask("POST", "/v1.41/containers/@name@/exec", 201).json(step),
        ask("POST", "/v1.41/exec/@exec@/start", 101).raw("{}"),
        ask("GET", "/v1.41/exec/@exec@/json", 200),
        ask("GET", "/v1.41/containers/@name@/archive?path=%2Fetc%2Fpasswd", 200),
        ask("DELETE", "/v1.41/containers/@name@?force=1&v=1", 204),
        ask("DELETE", "/v1.41/volumes/@name@", 204),
        ask("DELETE", "/v1.41/volumes/@name@-env", 204),
    ]);
    the_same(rules, &session);
}

#[test]
fn gitlab_runner() {
    let mut session = greeting();
    session.extend([
        ask("GET", "/v1.41/info", 200),
        ask("GET", "/v1.41/images/probe:1/json", 200),
        ask("POST", "/v1.41/images/create?fromImage=127.0.0.1:1%2Fgroup%2Fimage&tag=1", 500),
        ask("POST", "/v1.41/volumes/create", 201).json(r#"{"Name":"@name@-cache"}"#),
        ask("GET", "/v1.41/volumes/@name@-cache", 200),
        ask("POST", "/v1.41/networks/create", 201)
            .json(r#"{"Name":"@name@-net","CheckDuplicate":true}"#),
        ask("GET", "/v1.41/networks", 200),
        ask("GET", "/v1.41/networks/@name@-net", 200),
        ask("POST", CREATE, 201).json(
            r#"{"Image":"probe:1","Cmd":["sh","-c","echo built"],"AttachStdout":true,"Tty":true,
                "HostConfig":{"Binds":["@name@-cache:/cache"],"NetworkMode":"@name@-net"}}"#,
        ),
        ask("GET", "/v1.41/containers/@name@/json", 200),
        ask("POST", "/v1.41/containers/@name@/start", 204),
        ask("POST", "/v1.41/containers/@name@/wait?condition=not-running", 200),
        ask("GET", "/v1.41/containers/@name@/logs?stdout=1", 200),
        ask("POST", "/v1.41/containers/@name@/kill", 409),
        ask("POST", "/v1.41/networks/@name@-net/disconnect", 200)
            .json(r#"{"Container":"@name@","Force":true}"#),
        ask("DELETE", "/v1.41/containers/@name@?force=1&v=1", 204),
        ask("DELETE", "/v1.41/networks/@name@-net", 204),
        ask("DELETE", "/v1.41/volumes/@name@-cache", 204),
        ask("GET", "/v1.41/containers/json?all=1", 200),
    ]);
    the_same(&named("gitlab-runner"), &session);
}

/// A test with a container of its own, on a network of its own, and what is left of both removed.
#[test]
fn testcontainers() {
    let mut session = greeting();
    session.extend([
        ask("GET", "/v1.41/info", 200),
        ask("GET", "/v1.41/images/json?all=true", 200),
        ask("GET", "/v1.41/images/probe:1/json", 200),
        ask("POST", "/v1.41/images/create?fromImage=127.0.0.1:1%2Ftestcontainers%2Fryuk&tag=1", 500),
        ask("POST", "/v1.41/networks/create", 201).json(
            r#"{"Name":"@name@-net","Driver":"bridge","CheckDuplicate":true,"Internal":false,"EnableIPv6":false,
                "Labels":{"org.testcontainers":"true","org.testcontainers.sessionId":"@name@"}}"#,
        ),
        ask("GET", "/v1.41/networks/@name@-net", 200),
        ask("POST", "/v1.41/volumes/create", 201)
            .json(r#"{"Name":"@name@-data","Labels":{"org.testcontainers":"true"}}"#),
        ask("POST", CREATE, 201).json(TESTED),
        ask("PUT", "/v1.41/containers/@name@/archive?path=%2F", 200).upload(empty_tar()),
        ask("POST", "/v1.41/networks/@name@-net/connect", 200)
            .json(r#"{"Container":"@name@","EndpointConfig":{"Aliases":["db"]}}"#),
        ask("POST", "/v1.41/containers/@name@/start", 204),
        ask("GET", "/v1.41/containers/@name@/json", 200),
        ask("GET", "/v1.41/containers/json?all=1&limit=1&filters=%7B%22label%22%3A%5B%22org.testcontainers.sessionId%3D@name@%22%5D%7D", 200),
        ask("GET", "/v1.41/events?since=1&until=2&filters=%7B%22type%22%3A%5B%22container%22%5D%2C%22container%22%3A%5B%22@name@%22%5D%7D", 200),
        ask("POST", "/v1.41/containers/@name@/exec", 201).json(
            r#"{"AttachStdout":true,"AttachStderr":true,"Cmd":["echo","is it there?"]}"#,
        ),
        ask("POST", "/v1.41/exec/@exec@/start", 101).raw(r#"{"Detach":false,"Tty":false}"#),
        ask("GET", "/v1.41/exec/@exec@/json", 200),
        ask("GET", "/v1.41/containers/@name@/archive?path=%2Fetc%2Fpasswd", 200),
        ask("POST", "/v1.41/containers/@name@/pause", 204),
        ask("POST", "/v1.41/containers/@name@/unpause", 204),
        ask("POST", "/v1.41/containers/@name@/restart?t=0", 204),
        ask("POST", "/v1.41/containers/@name@/kill?signal=SIGKILL", 204),
        ask("POST", "/v1.41/containers/@name@/wait", 200),
        ask("GET", "/v1.41/containers/@name@/logs?stdout=1&stderr=1&since=0", 200),
        ask("POST", "/v1.41/containers/@name@/attach?stream=false&stdout=true&stderr=true", 101)
            .raw(""),
        ask("POST", "/v1.41/commit?container=@name@&repo=@name@&tag=1", 201).json("{}"),
        ask("DELETE", "/v1.41/images/@name@:1?force=1", 200),
        ask("DELETE", "/v1.41/containers/@name@?force=1&v=1", 204),
        ask("POST", "/v1.41/networks/@name@-net/disconnect", 404)
            .json(r#"{"Container":"@name@","Force":true}"#),
        ask("GET", "/v1.41/networks?filters=%7B%22label%22%3A%5B%22org.testcontainers%22%5D%7D", 200),
        ask("DELETE", "/v1.41/networks/@name@-net", 204),
        ask("GET", "/v1.41/volumes?filters=%7B%22label%22%3A%5B%22org.testcontainers%22%5D%7D", 200),
        ask("DELETE", "/v1.41/volumes/@name@-data?force=1", 204),
    ]);
    the_same(&named("testcontainers"), &session);
}

/// The reaper mounts the daemon's socket: without a rule it passes, under one by an exception alone.
#[test]
fn the_reaper_of_testcontainers() {
    let rules = format!("{}restrictions: {{privileged: true}}\n", named("testcontainers"));
    let exception = "exceptions:\n  - image: probe:1\n    reason: removes what tests leave behind\n    \
                     mounts: [/var/run/docker.sock]\n";
    let reaper = r#"{"Image":"probe:1","Cmd":["sleep","60"],
        "HostConfig":{"AutoRemove":true,"Binds":["/var/run/docker.sock:/var/run/docker.sock"]}}"#;
    for (rules, status) in
        [(named("testcontainers"), 201), (rules.clone(), 403), (format!("{rules}{exception}"), 201)]
    {
        let secdocker = SecDocker::before(Daemon::shared(), &rules);
        let name = unique("reaper");
        let answer =
            secdocker.connect().ask(post(&format!("/containers/create?name={name}"), reaper));
        assert_eq!(answer.status, status, "{rules}{}", answer.text());
        if status == 201 {
            Daemon::shared().api().remove(&name);
        }
    }
}

#[test]
fn portainer() {
    the_same(
        &named("portainer"),
        &[
            ask("GET", "/_ping", 200),
            ask("GET", "/info", 200),
            ask("GET", "/version", 200),
            ask("GET", "/system/df", 200),
            ask("GET", "/images/json?all=0", 200),
            ask("POST", "/images/probe:1/tag?repo=team%2F@name@&tag=1", 201),
            ask("GET", "/images/team/@name@:1/json", 200),
            ask("GET", "/images/team/@name@:1/history", 200),
            ask("DELETE", "/images/team/@name@:1?force=1", 200),
            ask("POST", "/containers/create?name=@name@", 201).json(SLEEPS),
            ask("POST", "/containers/@name@/start", 204),
            ask("GET", "/containers/@name@/stats?stream=false", 200),
            ask("GET", "/containers/@name@/top", 200),
            ask("POST", "/containers/@name@/exec", 201)
                .json(r#"{"AttachStdout":true,"Cmd":["echo","a console"]}"#),
            ask("POST", "/exec/@exec@/start", 101).raw(r#"{"Detach":false,"Tty":true}"#),
            ask("POST", "/containers/@name@/pause", 204),
            ask("POST", "/containers/@name@/unpause", 204),
            ask("POST", "/containers/@name@/restart?t=0", 204),
            ask("POST", "/containers/@name@/update", 200)
                .json(r#"{"RestartPolicy":{"Name":"no"}}"#),
            ask("POST", "/commit?container=@name@&repo=@name@", 201).json("{}"),
            ask("DELETE", "/images/@name@", 200),
            ask("DELETE", "/containers/@name@?force=true&v=1", 204),
            ask("POST", "/volumes/create", 201).json(r#"{"Name":"@name@"}"#),
            ask("GET", "/volumes/@name@", 200),
            ask("DELETE", "/volumes/@name@", 204),
            ask("GET", "/swarm", 503),
            ask("GET", "/services", 503),
            ask("GET", "/plugins", 200),
        ],
    );
}

/// Which endpoint may be called is one question, what it may bring about another.
#[test]
fn a_preset_beside_restrictions() {
    let rules = format!("{}restrictions: {{privileged: true}}\n", named("watchtower"));
    let secdocker = SecDocker::before(Daemon::shared(), &rules);
    let mut client = secdocker.connect();
    let name = unique("both");
    let target = format!("/containers/create?name={name}");
    let privileged = r#"{"Image":"probe:1","HostConfig":{"Privileged":true}}"#;
    let refused = client.ask(post(&target, privileged));
    assert_eq!((refused.status, refused.message()), {
        (403, "SecDocker: forbidden: privileged mode (rule \"privileged\")".to_owned())
    });
    assert_eq!(client.ask(post(&target, SLEEPS)).status, 201);
    let denied = client.ask(post(&format!("/containers/{name}/exec"), r#"{"Cmd":["id"]}"#));
    assert_eq!((denied.status, denied.message()), {
        let what = format!("POST /containers/{name}/exec");
        (403, format!("SecDocker: forbidden: {what} (rule \"endpoints: default deny\")"))
    });
    assert!(secdocker.logs("forbidden option requested").contains("privileged"));
    secdocker.logs(&format!("target=/containers/{name}/exec violations="));
    Daemon::shared().api().remove(&name);
}
