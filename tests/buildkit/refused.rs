//! Where builds are refused: each call is told why, nothing is made, and a client may say what it likes.

use crate::buildkit::calls::{Calls, SOLVE, UPGRADE};
use crate::support::{Daemon, Way, unique};
use crate::{RULES, is_mediated, under};
use serde_json::json;

const LIST_WORKERS: &str = "/moby.buildkit.v1.Control/ListWorkers";

#[test]
fn each_call_is_told_why() {
    let forbid = "restrictions: {builds: forbid}\n".to_owned();
    let deny = "endpoints: {default: allow, deny: [\"POST /grpc\"]}\n".to_owned();
    let memory = "general: {memory: 1g}\n".to_owned();
    let mut rules = vec![
        (forbid, "forbidden: a build by BuildKit (rule \"builds: forbid\")"),
        (deny, "forbidden: POST /grpc (rule \"endpoints: deny POST /grpc\")"),
        (memory, "use DOCKER_BUILDKIT=0, or set `builds: allow`"),
    ];
    if !is_mediated() {
        rules.push((RULES.to_owned(), "use DOCKER_BUILDKIT=0, or set `builds: allow`"));
    }
    for (rules, sentence) in rules {
        let secdocker = under(&rules);
        let mut calls = Calls::begin(&secdocker);
        for path in [LIST_WORKERS, SOLVE, "/any/thing"] {
            calls.call(path, b"").is_refused_for(sentence);
        }
    }
}

#[test]
fn a_call_that_is_not_refused_reaches_the_engine() {
    let secdocker = under("restrictions: {builds: allow, ports: [22]}\n");
    for way in [Daemon::shared() as &dyn Way, &secdocker] {
        let ended = Calls::begin(way).call(LIST_WORKERS, b"");
        assert_eq!(ended.status, 0, "{}: {ended:?}", way.name());
    }
}

/// buildx names its containers so, and makes them of this image: that is no reason to let one pass.
#[test]
fn a_builder_in_a_container_is_a_container_like_any_other() {
    let secdocker = under("restrictions: {privileged: true, images: [\"moby/buildkit\"]}\n");
    let api = Daemon::shared().api();
    for (image, host_config) in
        [("probe:1", json!({"Privileged": true})), ("moby/buildkit:buildx-stable-1", json!({}))]
    {
        let name = format!("buildx_buildkit_{}0", unique("builder"));
        let body = json!({"Image": image, "HostConfig": host_config});
        let target = format!("/v1.41/containers/create?name={name}");
        let answer =
            secdocker.connect().ask(crate::support::client::post(&target, body.to_string()));
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(api.container(&name).is_none());
    }
}

#[test]
fn http2_with_prior_knowledge_is_refused() {
    let secdocker = under("restrictions: {builds: forbid}\n");
    let mut client = secdocker.connect();
    client.send(secdocker::http2::frame::PREFACE);
    assert_eq!(client.answer().status, 400);
}

/// The upgrade alone, as buildx does to find out which builder there is.
#[test]
fn the_upgrade_is_accepted_though_all_calls_are_refused() {
    let secdocker = under("restrictions: {builds: forbid}\n");
    let mut client = secdocker.connect();
    client.send(UPGRADE);
    assert_eq!(client.answer().status, 101);
    client.end_sending();
    assert!(client.is_closed());
}
