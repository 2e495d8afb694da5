//! Exceptions in front of a real engine: what one image may do that no other may, and what does not
//! become that image.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed test says where"
)]

mod support;

use serde_json::{Value, json};
use support::client::{Client, post};
use support::{Daemon, SecDocker, Way, unique};

/// One image, which may mount the daemon's own directory of configurations and add a capability.
fn rules(image: &str) -> String {
    format!(
        "restrictions:\n  privileged: true\n  mounts: [/etc]\n  users: [root]\n  images: ['no/such']\n\
         exceptions:\n  - image: {image}\n    reason: a monitoring agent\n    capabilities: [SYS_ADMIN]\n    \
         mounts: [/etc/ssl]\n    users: [root]\n"
    )
}

fn body(image: &str) -> Value {
    json!({"Image": image, "Cmd": ["sleep", "60"], "User": "0",
           "HostConfig": {"CapAdd": ["SYS_ADMIN"], "Binds": ["/etc/ssl:/x:ro"]}})
}

/// Another name for the engine's own image.
fn tagged(repository: &str) -> String {
    let tag = format!("/images/probe:1/tag?repo={repository}&tag=1");
    assert_eq!(Daemon::shared().api().post(&tag, &json!(null)).status, 201, "{repository}");
    format!("{repository}:1")
}

/// Other content: the same files, and one variable more.
fn other(repository: &str) -> String {
    let api = Daemon::shared().api();
    let name = unique("base");
    api.create(&name, &json!({"Image": "probe:1", "Cmd": ["true"]}));
    let commit = format!("/commit?container={name}&repo={repository}&tag=1&changes=ENV%20A%3Db");
    assert_eq!(api.post(&commit, &json!({})).status, 201);
    api.remove(&name);
    format!("{repository}:1")
}

fn create(client: &mut Client, name: &str, body: &Value) -> (u16, String) {
    let answer =
        client.ask(post(&format!("/v1.41/containers/create?name={name}"), body.to_string()));
    (answer.status, answer.text())
}

#[test]
fn one_image_may_and_no_other_may() {
    let api = Daemon::shared().api();
    let (agent, stranger) = (tagged(&unique("agent")), other(&unique("stranger")));
    let secdocker = SecDocker::before(Daemon::shared(), &rules(&agent));
    let mut client = secdocker.connect();
    let name = unique("excepted");
    let made = create(&mut client, &name, &body(&agent));
    assert_eq!(made.0, 201, "{}", made.1);
    let shown = api.inspect(&name);
    assert_eq!(shown["HostConfig"]["Binds"], json!(["/etc/ssl:/x:ro"]));
    assert_eq!(shown["HostConfig"]["CapAdd"], json!(["SYS_ADMIN"]));
    assert_eq!(shown["Image"], api.get(&format!("/images/{agent}/json")).json()["Id"]);
    let log = secdocker.logs("exception used");
    assert!(log.contains("a monitoring agent") && log.contains("capability SYS_ADMIN"), "{log}");
    // What was granted stays so: it is started, worked in and started again.
    for (target, body, status) in [
        ("start", "", 204),
        ("exec", r#"{"Cmd":["id"],"User":"0"}"#, 201),
        ("restart?t=0", "", 204),
        ("exec", r#"{"Cmd":["id"]}"#, 201),
        ("exec", r#"{"Cmd":["id"],"Privileged":true}"#, 403),
    ] {
        let answer = client.ask(post(&format!("/v1.41/containers/{name}/{target}"), body));
        assert_eq!(answer.status, status, "{target} {body}: {}", answer.text());
    }
    // Nothing beyond what is named, no other image, and nobody who takes it over.
    let mut more = body(&agent);
    more["HostConfig"]["Binds"] = json!(["/etc/ssh:/x"]);
    let from = json!({"Image": stranger, "Cmd": ["true"], "User": "1000", "HostConfig": {"VolumesFrom": [name]}});
    for (what, body) in [("more", more), ("another image", body(&stranger)), ("from it", from)] {
        let refused = create(&mut client, &unique("refused"), &body);
        assert_eq!(refused.0, 403, "{what}: {}", refused.1);
    }
    api.remove(&name);
}

#[test]
fn no_client_gives_other_content_the_name() {
    let agent = tagged(&unique("agent"));
    let repository = agent.trim_end_matches(":1").to_owned();
    let stranger = other(&unique("stranger"));
    let secdocker = SecDocker::before(Daemon::shared(), &rules(&agent));
    let mut client = secdocker.connect();
    let container = unique("committed");
    Daemon::shared().api().create(&container, &json!({"Image": stranger, "Cmd": ["true"]}));
    for target in [
        format!("/images/{stranger}/tag?repo={repository}&tag=1"),
        format!("/images/{stranger}/tag?repo=docker.io/library/{repository}&tag=1"),
        format!("/commit?container={container}&repo={repository}&tag=1"),
        format!("/images/create?fromSrc=-&repo={repository}&tag=1"),
        format!("/build?t={repository}:1&remote=http://127.0.0.1:1/x"),
        "/images/load".to_owned(),
    ] {
        let answer = client.ask(post(&format!("/v1.41{target}"), ""));
        assert_eq!(answer.status, 403, "{target}: {}", answer.text());
        assert!(answer.text().contains("exceptions: "), "{target}: {}", answer.text());
        client = secdocker.connect();
    }
    let fine =
        client.ask(post(&format!("/v1.41/images/{stranger}/tag?repo={repository}&tag=2"), ""));
    assert_eq!(fine.status, 201, "{}", fine.text());
    Daemon::shared().api().remove(&container);
}

#[test]
fn one_that_has_run_out_is_none() {
    let agent = tagged(&unique("agent"));
    for (until, status) in [("2020-01-01", 403), ("9999-12-31", 201)] {
        let rules =
            rules(&agent).replace("    reason:", &format!("    until: {until}\n    reason:"));
        let secdocker = SecDocker::before(Daemon::shared(), &rules);
        let name = unique("until");
        let made = create(&mut secdocker.connect(), &name, &body(&agent));
        assert_eq!(made.0, status, "{until}: {}", made.1);
        Daemon::shared().api().remove(&name);
    }
}

#[test]
fn the_daemons_socket_is_lifted_for_that_image_alone() {
    let api = Daemon::shared().api();
    let (reaper, stranger) = (tagged(&unique("reaper")), other(&unique("stranger")));
    let socket = Daemon::shared().socket();
    let (socket, folder) = (socket.display(), socket.parent().unwrap().display());
    let rules = format!(
        "restrictions:\n  ports: [22]\nexceptions:\n  - image: {reaper}\n    reason: a reaper\n    \
         mounts: [{socket}]\n"
    );
    let secdocker = SecDocker::before(Daemon::shared(), &rules);
    let mut client = secdocker.connect();
    let binds = |image: &str, bind: String| json!({"Image": image, "Cmd": ["sleep", "60"], "User": "1000", "HostConfig": {"Binds": [bind]}});
    let name = unique("reaper");
    let made = create(&mut client, &name, &binds(&reaper, format!("{socket}:/s")));
    assert_eq!(made.0, 201, "{}", made.1);
    let started = client.ask(post(&format!("/v1.41/containers/{name}/start"), ""));
    assert_eq!(started.status, 204, "{}", started.text());
    let from = json!({"Image": stranger, "Cmd": ["true"], "HostConfig": {"VolumesFrom": [name]}});
    for (what, body) in [
        ("another image", binds(&stranger, format!("{socket}:/s"))),
        ("what holds it", binds(&reaper, format!("{folder}:/s"))),
        ("from it", from),
    ] {
        let refused = create(&mut client, &unique("refused"), &body);
        assert_eq!(refused.0, 403, "{what}: {}", refused.1);
        assert!(refused.1.contains("which leads past SecDocker"), "{what}: {}", refused.1);
    }
    api.remove(&name);
}

#[test]
fn it_holds_by_every_way_to_name_the_image() {
    let api = Daemon::shared().api();
    let agent = tagged(&unique("agent"));
    let other_image = other(&unique("stranger"));
    let secdocker = SecDocker::before(Daemon::shared(), &rules(&agent));
    let id = |image: &str| {
        let image = api.get(&format!("/images/{image}/json")).json();
        image["Id"].as_str().unwrap().trim_start_matches("sha256:").to_owned()
    };
    for (image, expected) in [(agent.as_str(), 201), (other_image.as_str(), 403)] {
        let id = id(image);
        for named in [image.to_owned(), format!("sha256:{id}"), id.clone(), id[..12].to_owned()] {
            let name = unique("by-id");
            let made = create(&mut secdocker.connect(), &name, &body(&named));
            assert_eq!(made.0, expected, "{named}: {}", made.1);
            api.remove(&name);
        }
    }
}
