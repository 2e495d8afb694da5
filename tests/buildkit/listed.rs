//! Where images are listed that may be used: builds use these and give what they make names of these.

use crate::buildkit::calls::{Calls, SOLVE};
use crate::buildkit::messages::{
    bytes, definition, entry, file_alone, policy, runs, solve, source, text,
};
use crate::support::{Daemon, unique};
use crate::{is_mediated, under};

const LISTED: &str = "restrictions: {images: {allow: [\"probe:1\", \"made/*\"]}}\n";
const PROBE: &str = "docker-image://docker.io/library/probe:1";
const OTHER: &str = "docker-image://docker.io/library/ubuntu:16.04";

fn exports(name: &str) -> Vec<u8> {
    bytes(13, &[text(1, "moby"), entry(2, "name", name)].concat())
}

#[test]
fn engines_that_keep_no_list_refuse_builds() {
    if is_mediated() {
        return;
    }
    let secdocker = under(LISTED);
    let ended = Calls::begin(&secdocker).call(SOLVE, &runs(PROBE, &[]));
    ended.is_refused_for("a build, whose content no list can allow (rule \"images: allow\")");
}

#[test]
fn what_is_listed_is_built_upon_and_made() {
    if !is_mediated() {
        return;
    }
    let secdocker = under(LISTED);
    let mut calls = Calls::begin(&secdocker);
    let name = format!("made/{}:1", unique("listed"));
    let ended = calls.call(SOLVE, &runs(PROBE, &exports(&name)));
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(Daemon::shared().api().get(&format!("/images/{name}/json")).status, 200);
    let made = format!("docker-image://docker.io/{name}");
    let ended = calls.call(SOLVE, &runs(&made, &[]));
    assert_eq!(ended.status, 0, "an image below a prefix: {ended:?}");
    let upon_nothing = file_alone(b"x");
    let ended = calls.call(SOLVE, &solve(&definition(&[&upon_nothing]), &[]));
    assert_eq!(ended.status, 0, "no image at all: {ended:?}");
}

#[test]
fn what_is_not_listed_is_neither_used_nor_made() {
    if !is_mediated() {
        return;
    }
    let api = Daemon::shared().api();
    let tag = "/images/ubuntu:16.04/tag?repo=another&tag=1";
    api.ask(&crate::support::client::post(tag, ""));
    let id = api.get("/images/ubuntu:16.04/json").json()["Id"].as_str().unwrap().to_owned();
    let beside = format!("{PROBE}@{id}");
    let secdocker = under(LISTED);
    let mut calls = Calls::begin(&secdocker);
    for identifier in [
        OTHER,
        "docker-image://docker.io/library/another:1",
        "docker-image://docker.io/library/probe:2",
        "docker-image://docker.io/made/../library/ubuntu:16.04",
        "docker-image://docker.io/made/%2e%2e/library/ubuntu:16.04",
        "docker-image://docker.io/library/%75buntu:16.04",
        "docker-image://me@docker.io/library/ubuntu:16.04",
        "oci-layout://docker.io/library/ubuntu@sha256:00",
        beside.as_str(),
    ] {
        let marker = format!("made/{}:1", unique("marker"));
        let ended = calls.call(SOLVE, &runs(identifier, &exports(&marker)));
        ended.is_denied();
        assert_eq!(api.get(&format!("/images/{marker}/json")).status, 404, "{identifier}");
    }
    let refused = |ended: super::calls::Ended, sentence: &str| ended.is_refused_for(sentence);
    let name = "image other:1, which is not allowed (rule \"images: allow\")";
    refused(calls.call(SOLVE, &runs(PROBE, &exports("made/x:1,other:1"))), name);
    refused(calls.call(SOLVE, &runs(PROBE, &exports("*"))), "image \"*\", which is not a name");
    let source = entry(7, "source", "ubuntu:16.04");
    refused(calls.call(SOLVE, &runs(PROBE, &source)), "image ubuntu:16.04, which is not allowed");
    api.delete("/images/another:1");
}

/// The list is told to the engine behind it, and would undo what it denies.
#[test]
fn a_policy_of_the_clients_own_is_refused() {
    if !is_mediated() {
        return;
    }
    let secdocker = under(LISTED);
    let mut calls = Calls::begin(&secdocker);
    for own in [policy(0, "*", None), policy(1, PROBE, None), policy(2, PROBE, Some(OTHER))] {
        let ended = calls.call(SOLVE, &runs(PROBE, &bytes(12, &own)));
        ended.is_refused_for("a source policy of the client's own");
    }
    let denied = calls.call(SOLVE, &solve(&definition(&[&source(OTHER)]), &[]));
    denied.is_denied();
}

/// The same messages straight: they make what they name.
#[test]
fn without_a_list_all_of_it_is_made() {
    if Daemon::shared().major() < 23 {
        return;
    }
    let mut calls = Calls::begin(Daemon::shared());
    let marker = unique("marker");
    let ended = calls.call(SOLVE, &runs(OTHER, &exports(&format!("{marker}:1"))));
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(Daemon::shared().api().get(&format!("/images/{marker}:1/json")).status, 200);
}
