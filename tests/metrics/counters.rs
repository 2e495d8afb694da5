//! What is counted of requests, daemons, look-ups and plugins; and that no client can make the number of series grow.

use crate::scrape::{Scrape, Watched, check};
use crate::support::client::{get, post};
use crate::support::{Client, Daemon, Way, sandbox, until};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;

const RULES: &str = "restrictions:\n  ports: [22]\n  images: ['forbidden:1']\ngeneral:\n  memory: 512m\n\
                     clients:\n  - name: elsewhere\n    match: {network: 127.0.0.2}\n    inherit: true\n";

fn create(image: &str, port: u16) -> Vec<u8> {
    let body = json!({"Image": image, "Cmd": ["true"], "HostConfig": {
        "NetworkMode": "none", "PortBindings": {"80/tcp": [{"HostPort": port.to_string()}]}}});
    post("/v1.41/containers/create", body.to_string())
}

fn requests(class: &str, verdict: &str, client: &str) -> String {
    format!(
        "secdocker_requests_total{{class=\"{class}\",verdict=\"{verdict}\",client=\"{client}\"}}"
    )
}

/// Does something, and waits until this series has grown by so much; answers what was counted then.
#[track_caller]
fn grows(watched: &Watched, series: &str, by: f64, act: impl FnOnce()) -> Scrape {
    let before = watched.scrape().get(series);
    act();
    until(&format!("{series} to grow from {before} by {by}"), || {
        let scrape = watched.scrape();
        let grown = scrape.get(series) - before;
        assert!(grown <= by, "{series} has grown by {grown}");
        (grown >= by).then_some(scrape)
    })
}

#[test]
fn each_request_counts_by_what_became_of_it() {
    let watched = Watched::before(Daemon::shared(), RULES);
    grows(&watched, &requests("system", "passed", ""), 3.0, || {
        let mut client = watched.connect();
        (0..3).for_each(|_| drop(client.ask(get("/_ping"))));
    });
    let scrape = grows(&watched, &requests("containers", "forbidden", ""), 2.0, || {
        for request in [create("probe:1", 22), create("forbidden:1", 22)] {
            assert_eq!(watched.connect().ask(request).status, 403);
        }
    });
    assert_eq!(scrape.get("secdocker_violations_total{rule=\"22\"}"), 2.0);
    assert_eq!(scrape.get("secdocker_violations_total{rule=\"forbidden:1\"}"), 1.0);
    grows(&watched, &requests("containers", "changed", ""), 1.0, || {
        assert_eq!(watched.connect().ask(create("probe:1", 80)).status, 201);
    });
    grows(&watched, &requests("other", "invalid", ""), 1.0, || {
        assert_eq!(watched.connect().ask("GET /x HTTP/1.1\r\nA : b\r\n\r\n").status, 400);
    });
    let scrape = grows(&watched, &requests("containers", "forbidden", "elsewhere"), 1.0, || {
        assert_eq!(Client::elsewhere(watched.address).ask(create("probe:1", 22)).status, 403);
    });
    for series in [
        "secdocker_connections_total",
        "secdocker_received_bytes_total{from=\"client\"}",
        "secdocker_received_bytes_total{from=\"daemon\"}",
        "secdocker_look_up_duration_seconds_count{of=\"daemon\"}",
        "secdocker_look_up_duration_seconds_sum{of=\"daemon\"}",
    ] {
        assert!(scrape.get(series) > 0.0, "{series}\n{scrape:?}");
    }
    check(&["check", "metrics"], &watched.ask("/metrics").body);
}

/// Nothing that a client chooses becomes a label: whatever is asked, there are the same series.
#[test]
fn no_client_makes_series_grow() {
    let watched = Watched::before(Daemon::shared(), RULES);
    let odd = |seed: u16| {
        let name = format!("odd{seed}");
        for request in [
            get(&format!("/{name}")),
            get(&format!("/v1.{seed}/containers/{name}/json?{name}={name}")),
            format!("{} /{name} HTTP/1.1\r\n\r\n", name.to_uppercase()).into_bytes(),
            format!("GET /{name} HTTP/1.1\r\n{name} : x\r\n\r\n").into_bytes(),
            create(&format!("forbidden:1@sha256:{seed:064}"), 22),
            create("probe:1", 22),
            post(&format!("/v1.41/images/{name}/tag?repo=forbidden&tag=1"), ""),
            post(&format!("/v1.41/exec/{name}/start"), "{}"),
            post("/v1.41/volumes/create", json!({"Name": name, "Driver": name}).to_string()),
            post(&format!("/containers/create?name={name}"), format!("{{\"{name}\": ")),
        ] {
            let mut client = watched.connect();
            client.send(&request);
            client.any_answer();
        }
    };
    let settled = |watched: &Watched| {
        // An answer may be there before it is counted: this one is counted after those before it.
        grows(watched, &requests("system", "passed", "elsewhere"), 1.0, || {
            drop(Client::elsewhere(watched.address).ask(get("/_ping")));
        });
        watched.scrape()
    };
    odd(10_000);
    let before = settled(&watched);
    (10_001..10_040).for_each(odd);
    let after = until("what was asked to be counted", || {
        let scrape = settled(&watched);
        let counted: f64 = scrape
            .names()
            .filter(|name| name.starts_with("secdocker_requests_total{"))
            .map(|name| scrape.get(name))
            .sum();
        (counted >= 400.0).then_some(scrape)
    });
    let (before, after): (Vec<_>, Vec<_>) = (before.names().collect(), after.names().collect());
    assert_eq!(before, after);
    assert!(after.iter().all(|name| !name.to_lowercase().contains("odd")), "{after:?}");
}

#[test]
fn a_daemon_that_is_not_there_is_counted() {
    let socket = sandbox::short_directory("nowhere").join("docker.sock");
    let watched = Watched::at(&socket);
    grows(&watched, "secdocker_upstream_errors_total{kind=\"unreachable\"}", 1.0, || {
        assert_eq!(watched.plain().ask(get("/_ping")).status, 502);
    });
}

/// The example that cargo built for this test.
fn no_latest() -> String {
    let folder = sandbox::directory("no-latest");
    let built = std::env::current_exe().unwrap().parent().unwrap().join("libno_latest.so");
    let library = folder.join("libno-latest.so");
    fs::copy(&built, &library).unwrap_or_else(|error| panic!("{}: {error}", built.display()));
    fs::set_permissions(&library, fs::Permissions::from_mode(0o755)).unwrap();
    format!("- name: no-latest\n  path: {}\n", library.display())
}

#[test]
fn calls_of_plugins_are_counted() {
    let plugins = format!("plugins:\n{}", no_latest());
    let watched = Watched::before(Daemon::shared(), &plugins);
    let allowed = "secdocker_plugin_verdicts_total{plugin=\"no-latest\",verdict=\"allow\"}";
    let scrape = grows(&watched, allowed, 1.0, || {
        assert_eq!(watched.connect().ask(create("probe:1", 80)).status, 201);
    });
    let calls = "secdocker_plugin_call_duration_seconds_count{plugin=\"no-latest\"}";
    assert_eq!(scrape.get(calls), 1.0);
    grows(&watched, &requests("containers", "disliked", ""), 1.0, || {
        assert_eq!(watched.connect().ask(create("probe:latest", 80)).status, 403);
    });
}

/// Nothing is lost while somebody reads.
#[test]
fn it_is_read_under_load() {
    let watched = Watched::before(Daemon::shared(), "");
    grows(&watched, &requests("system", "passed", ""), 400.0, || {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut client = watched.connect();
                    (0..100).for_each(|_| assert_eq!(client.ask(get("/_ping")).status, 200));
                });
            }
            (0..20).for_each(|_| drop(watched.scrape()));
        });
    });
}
