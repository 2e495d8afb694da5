//! The section `endpoints` from outside: what of the daemon's routing it relies on, what a refused
//! client sees, and what the commands say.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use serde_json::{Value, json};
use support::client::{Answer, get, post};
use support::{Daemon, Docker, SecDocker, Way, firewall, run, unique};

const READ_ONLY: &str = "endpoints: {preset: read-only}\n";

fn straight(request: &str) -> Answer {
    let request = format!("{request} HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n");
    Daemon::shared().connect().ask(request)
}

fn is_routed(request: &str) -> bool {
    let answer = straight(request);
    !(answer.status == 404 && answer.text().contains("page not found"))
}

/// What matching relies on: where names take slashes, that methods are compared to the letter, and
/// that nobody looks at a header for another one.
#[test]
fn the_daemon_routes_as_the_rules_say() {
    for (request, routed) in [
        ("GET /images/team/app/json", true),
        ("GET /images/team%2Fapp/json", true),
        ("GET /v1.41./images/a/b/c/history", true),
        ("DELETE /images/team/app", true),
        ("GET /networks/a/b", true),
        ("GET /volumes/a/b", true),
        ("GET /containers/a/b/json", true),
        ("DELETE /containers/a/checkpoints/b/c", true),
        ("GET /services/a", true),
        ("GET /services/a/b", false),
        ("GET /tasks/a/b/logs", false),
        ("GET /nodes/a/b", false),
        ("GET /secrets/a/b", false),
        ("GET /containers/a/json/x", false),
        ("GET /containers/json/", false),
        ("GET /Containers/json", false),
        ("GET /v/containers/json", false),
        ("GET /v1.41/v1.41/containers/json", false),
        ("GET /v1.41/debug/vars", false),
        ("get /containers/json", false),
        ("Get /containers/json", false),
        ("OPTIONS /containers/json", true),
        ("PROPFIND /containers/json", false),
        ("CONNECT /containers/json", false),
        ("POST /containers/json", false),
        ("LOOK /debug/vars", true),
    ] {
        assert_eq!(is_routed(request), routed, "{request}: {:?}", straight(request));
    }
    // Without a body an answer to HEAD shows its status alone.
    let mut client = Daemon::shared().connect();
    for (target, status) in [("/_ping", 200), ("/containers/json", 404), ("/info", 404)] {
        client.send(format!("HEAD {target} HTTP/1.1\r\nHost: d\r\n\r\n"));
        let head = client.answer_to_head();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {head}");
    }
}

/// Paths that the daemon would clean and redirect name nothing until somebody follows.
#[test]
fn paths_that_are_not_plain_are_refused() {
    let secdocker = SecDocker::before(Daemon::shared(), "endpoints: {allow: ['* /**']}\n");
    for target in ["//containers/json", "/containers/json/../create", "/containers/./json"] {
        assert_eq!(straight(&format!("POST {target}")).status, 301, "{target}");
        let mut client = secdocker.connect();
        let answer = client.ask(post(target, "{}"));
        assert_eq!((answer.status, answer.message()), {
            let why = "the request target is not plain, and there are rules about endpoints";
            (400, format!("SecDocker: {why}"))
        });
        assert!(client.is_closed(), "{target}");
    }
}

#[test]
fn a_method_in_a_header_is_none() {
    let api = Daemon::shared().api();
    let name = unique("method");
    let body = json!({"Image": "probe:1", "Cmd": ["sleep", "60"]});
    assert_eq!(api.create(&name, &body).status, 201);
    let secdocker = SecDocker::before(Daemon::shared(), READ_ONLY);
    let ways: [&dyn Way; 2] = [Daemon::shared(), &secdocker];
    for way in ways {
        for target in [format!("/containers/{name}/json"), "/containers/json".to_owned()] {
            let request = format!(
                "GET {target} HTTP/1.1\r\nHost: d\r\nX-HTTP-Method-Override: DELETE\r\n\
                 X-HTTP-Method: DELETE\r\nX-Method-Override: DELETE\r\n\r\n"
            );
            assert_eq!(way.connect().ask(request).status, 200, "{} {target}", way.name());
        }
    }
    assert_eq!(api.inspect(&name)["State"]["Status"], "created");
    let mut client = secdocker.connect();
    let delete = format!(
        "DELETE /containers/{name} HTTP/1.1\r\nHost: d\r\nX-HTTP-Method-Override: GET\r\n\r\n"
    );
    assert_eq!(client.ask(delete).status, 403);
    assert!(api.container(&name).is_some());
    api.remove(&name);
}

#[test]
fn the_connection_goes_on_behind_a_refusal() {
    let secdocker = SecDocker::before(Daemon::shared(), READ_ONLY);
    let mut client = secdocker.connect();
    let body = "x".repeat(100_000);
    for denied in [post("/containers/create", "{}"), post("/images/load", body)] {
        client.send([denied, get("/_ping")].concat());
        let answer = client.answer();
        assert_eq!(answer.status, 403, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(client.answer().text(), "OK");
    }
    client.send("HEAD /containers/a/archive?path=/etc HTTP/1.1\r\nHost: d\r\n\r\n");
    assert!(client.answer_to_head().starts_with("HTTP/1.1 403 "));
    assert_eq!(client.ask(get("/_ping")).text(), "OK");
    let line = secdocker.logs("method=HEAD target=\"/containers/a/archive?path=/etc\" violations=");
    assert!(line.contains("level=warning msg=\"forbidden option requested\""), "{line}");
}

#[test]
fn the_docker_command_says_why() {
    let secdocker = SecDocker::before(Daemon::shared(), READ_ONLY);
    let docker = Docker::on(&secdocker);
    docker.run(&["ps", "--all"]).ok();
    docker.run(&["image", "inspect", "probe:1"]).ok();
    docker.run(&["info"]).ok();
    for (command, what) in [
        (&["run", "probe:1", "true"][..], "POST /containers/create"),
        (&["pull", "probe:1"], "POST /images/create"),
        (&["rmi", "team/app:1"], "DELETE /images/team/app:1"),
        (&["cp", "x:/etc/passwd", "-"], "HEAD /containers/x/archive"),
        (&["volume", "rm", "v"], "DELETE /volumes/v"),
    ] {
        let said = docker.run(command);
        assert!(!said.status.success(), "{command:?}");
        let why = format!("SecDocker: forbidden: {what} (rule \"endpoints: default deny\")");
        let is_head = what.starts_with("HEAD");
        assert!(said.to_string().contains(&why) || is_head, "{command:?}: {said}");
    }
}

/// A manager's token and the data of configs are a GET away.
#[test]
fn a_swarm_keeps_its_secrets() {
    let daemon = Daemon::shared();
    let api = daemon.api();
    let init = json!({"ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1"});
    let answer = api.post("/swarm/init", &init);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let config = json!({"Name": "c", "Data": "YS1jb25maWc="});
    assert_eq!(api.post("/configs/create", &config).status, 201);
    for preset in ["read-only", "traefik"] {
        let rules = format!("endpoints: {{preset: {preset}}}\n");
        let secdocker = SecDocker::before(daemon, &rules);
        let mut client = secdocker.connect();
        for (target, secret) in [("/swarm", "SWMTKN-1-"), ("/configs", "YS1jb25maWc=")] {
            assert!(api.get(target).text().contains(secret), "{target} straight");
            assert_eq!(client.ask(get(target)).status, 403, "{target}, {preset}");
        }
        let node = api.get("/info").json()["Swarm"]["NodeID"].as_str().unwrap().to_owned();
        let node = format!("/v1.24/nodes/{node}");
        for target in ["/v1.24/services", "/v1.24/tasks", "/v1.24/networks", &node] {
            assert_eq!(api.get(target).status, 200, "{target}");
            assert_eq!(client.ask(get(target)).status, 200, "{target}, {preset}");
        }
    }
    // What may be looked at shows no token; all else of it stays.
    let portainer = SecDocker::before(daemon, "endpoints: {preset: portainer}\n");
    let (straight, through) =
        (api.get("/swarm").json(), portainer.connect().ask(get("/swarm")).json());
    for token in ["Worker", "Manager"] {
        assert_eq!(through["JoinTokens"][token], "withheld-by-SecDocker");
    }
    let without = |mut answer: Value| {
        answer["JoinTokens"].take();
        answer
    };
    assert_eq!(without(straight), without(through));
    portainer.logs("msg=\"credentials withheld\"");
    assert_eq!(api.ask(&post("/swarm/leave?force=1", "")).status, 200);
}

#[test]
fn a_reload_replaces_the_rules() {
    let secdocker = SecDocker::before(Daemon::shared(), READ_ONLY);
    let mut client = secdocker.connect();
    assert_eq!(client.ask(get("/images/search?term=a")).status, 403);
    let rules = "endpoints: {deny: [GET /info]}\n";
    let config = firewall::config(&Daemon::shared().socket(), rules);
    secdocker.reload(&config);
    assert_eq!(client.ask(get("/info")).status, 403);
    assert_eq!(client.ask(get("/containers/none/export")).status, 404);
}

#[test]
fn check_and_explain_know_the_rules() {
    let rules = "endpoints:\n  preset: traefik\n  allow: [GET /containers/**]\n  deny: [GET /nodes/*, POST /container/*/exec]\n";
    let secdocker = SecDocker::before(Daemon::shared(), rules);
    let path = secdocker.config_path();
    let path = path.to_str().unwrap();
    let said = run(firewall::command().args(["check", path]), b"").ok();
    for sentence in [
        "Endpoint `GET /nodes/*` may not be called.",
        "Endpoint `POST /container/*/exec` may not be called, though Docker has none like it.",
        "Endpoint `GET /containers/*/json` may be called.",
        "Endpoint `GET /containers/**` may be called, also to write to a container's standard input.",
        "No other endpoint may be called.",
    ] {
        assert!(said.contains(sentence), "no {sentence:?} in {said}");
    }
    let explained = run(firewall::command().args(["explain", "--config", path, "-"]), b"{}");
    assert_eq!(explained.status.code(), Some(1), "{explained}");
    let why = "forbidden: POST /containers/create (rule \"endpoints: default deny\")";
    assert!(explained.to_string().contains(why), "{explained}");
}

/// How `CONTAINERS=1`, with and without `POST=1`, is written here (see docs/MIGRATION.md).
#[test]
fn what_socket_proxies_say_in_variables() {
    let api = Daemon::shared().api();
    let name = unique("moved");
    let looks = "endpoints: {allow: [GET|HEAD /containers/**]}\n";
    let acts = "endpoints: {allow: ['* /containers/**']}\n";
    for (rules, status) in [(looks, 403), (acts, 201)] {
        let secdocker = SecDocker::before(Daemon::shared(), rules);
        let mut client = secdocker.connect();
        assert_eq!(client.ask(get("/v1.41/containers/json")).status, 200);
        assert_eq!(client.ask(get("/v1.41/images/json")).status, 403);
        let body: Value = json!({"Image": "probe:1", "Cmd": ["true"]});
        let create = post(&format!("/containers/create?name={name}"), body.to_string());
        assert_eq!(client.ask(create).status, status, "{rules}");
    }
    api.remove(&name);
}
