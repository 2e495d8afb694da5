//! The plugin `anchore` in a running SecDocker, between a real Docker engine and an Anchore Engine of the
//! test's own, which answers as the real one did.
#![cfg(feature = "plugins")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;

use secdocker_plugin_testing::{Answer, Asked, Stub};
use serde_json::{Value, json};
use support::daemon::IMAGE;
use support::{Daemon, Docker, SecDocker, Way, client, firewall, unique};

fn digest() -> String {
    format!("sha256:{}", "9".repeat(64))
}

/// The record of an image whose analysis is over: it has this identifier.
fn record(tag: &str, id: &str) -> Value {
    json!([{"analysis_status": "analyzed", "image_status": "active", "imageDigest": digest(),
        "image_detail": [{"fulltag": format!("docker.io/library/{tag}"), "imageId": id}]}])
}

/// An engine that knows images with this identifier alone, and two vulnerabilities more than are
/// allowed in those called `bad…`.
fn engine(id: String) -> Stub {
    let mut asked_for = String::new();
    Stub::new(move |request: &Asked| {
        if request.header("authorization") != Some("Basic YWRtaW46Zm9vYmFy") {
            return Answer::empty(401);
        }
        if request.method == "POST" {
            asked_for = request.json().to_string();
            return Answer::json(200, &record("x:1", &id));
        }
        let count = if asked_for.contains("/bad") { 7 } else { 5 };
        let one =
            json!({"vuln": "CVE-2099-0001", "severity": "Low", "package": "a-1", "fix": "None"});
        let list: Vec<Value> = (0..count).map(|_| one.clone()).collect();
        match request.target.ends_with("/vuln/all") {
            true => Answer::json(200, &json!({"imageDigest": digest(), "vulnerabilities": list})),
            false => Answer::json(200, &json!("v1")),
        }
    })
}

#[test]
fn the_library_in_a_running_secdocker() {
    let daemon = Daemon::shared();
    let direct = Docker::on(daemon);
    let inspected = daemon.api().get(&format!("/images/{IMAGE}/json")).json();
    let id = inspected["Id"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
    let stub = engine(id);
    // As the Go tool's: nothing but these four.
    let settings =
        format!("url: {}\nusername: admin\npassword: foobar\namountvulns: 5\n", stub.url());
    let plugin = firewall::plugin("anchore", &settings);
    let asked = "  when: [create, services, pull]\n";
    let secdocker = SecDocker::before(daemon, &format!("plugins:\n{plugin}{asked}"));
    let through = Docker::on(&secdocker);
    let (good, bad) = (unique("good"), unique("bad"));
    for name in [&good, &bad] {
        direct.run(&["tag", IMAGE, name]).ok();
    }
    through.run(&["run", "--rm", &good, "true"]).ok();
    let refused = through.run(&["run", "--rm", &bad, "true"]).fails(125);
    assert!(refused.contains("SecDocker: plugin anchore: 7 vulnerabilities"), "{refused}");
    let service = json!({"Name": "s", "TaskTemplate": {"ContainerSpec": {"Image": bad}}});
    let service = client::post("/v1.41/services/create", service.to_string());
    let refused = secdocker.connect().ask(service);
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.message().contains("7 vulnerabilities"), "{}", refused.text());
    let before = stub.asked().len();
    let refused = through.run(&["pull", "--all-tags", "app"]).fails(1);
    assert!(refused.contains("SecDocker: plugin anchore: every tag at once"), "{refused}");
    through.run(&["run", "--rm", &good, "true"]).ok();
    assert_eq!(stub.asked().len(), before, "the verdict was kept");
    stub.script(|_| Answer::empty(500));
    let other = unique("other");
    direct.run(&["tag", IMAGE, &other]).ok();
    let failed = through.run(&["create", &other, "true"]).fails(1);
    assert!(failed.contains("SecDocker: plugin anchore failed"), "{failed}");
}
