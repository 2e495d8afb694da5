//! In front of an engine whose builder can be held to rules: what a build may not do, and what it may.

use crate::buildkit::calls::{BRIDGE_SOLVE, Calls, SOLVE, STATUS, body};
use crate::buildkit::messages::{
    bytes, definition, entry, file, number, policy, runs, solve, source, step, text,
};
use crate::support::{Daemon, unique};
use crate::{RULES, is_mediated, under};

const PROBE: &str = "docker-image://docker.io/library/probe:1";
const FORBIDDEN: &str = "docker-image://docker.io/library/ubuntu:16.04";
const NOTHING: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// All reach the forbidden image on an engine without SecDocker, or might.
fn spellings() -> Vec<String> {
    let plain = "docker.io/library/ubuntu:16.04";
    let all = [
        plain,
        "library/ubuntu:16.04",
        "docker.io/ubuntu:16.04",
        "index.docker.io/library/ubuntu:16.04",
        "index.docker.io/ubuntu:16.04",
        "registry-1.docker.io/library/ubuntu:16.04",
        "docker.io:443/library/ubuntu:16.04",
        "DOCKER.IO/library/ubuntu:16.04",
        "docker.io./library/ubuntu:16.04",
        "docker.io:/library/ubuntu:16.04",
        "me@docker.io/library/ubuntu:16.04",
        "docker.io/library/%75buntu:16.04",
        "docker.io/library/ubuntu:16%2e04",
        "docker.io/x/../library/ubuntu:16.04",
        "docker.io/x/../ubuntu:16.04",
        "docker.io/library/x/../ubuntu:16.04",
        "docker.io/library/./ubuntu:16.04",
        "docker.io/library//ubuntu:16.04",
        "docker.io//library/ubuntu:16.04",
        "docker.io/./library/ubuntu:16.04",
        "docker.io/library/ubuntu/:16.04",
        "docker.io/library/ubuntu:16.04?x",
        "docker.io/library/ubuntu:16.04#x",
        "docker.io/library/ubuntu:16.04 ",
        "docker.io/library/ubuntu:16.04\n",
        "docker.io/library/Ubuntu:16.04",
        "docker.io/library/ubuntu::16.04",
    ];
    let digests = [format!("{plain}@{NOTHING}"), format!("docker.io/library/ubuntu@{NOTHING}")];
    all.map(str::to_owned).into_iter().chain(digests).collect()
}

#[test]
fn a_forbidden_image_is_denied_however_it_is_spelt() {
    if !is_mediated() {
        return refused_altogether();
    }
    let secdocker = under(RULES);
    let mut calls = Calls::begin(&secdocker);
    for spelling in spellings() {
        calls.call(SOLVE, &runs(&format!("docker-image://{spelling}"), &[])).is_denied();
    }
    let ended = calls.call(SOLVE, &runs(PROBE, &[]));
    assert_eq!(ended.status, 0, "{ended:?}");
}

/// The same bytes straight: the image is there, and its steps run.
#[test]
fn without_rules_the_forbidden_image_builds() {
    let mut calls = Calls::begin(Daemon::shared());
    let ended = calls.call(SOLVE, &runs(FORBIDDEN, &[]));
    assert_eq!(ended.status, 0, "{ended:?}");
}

fn refused_altogether() {
    let secdocker = under(RULES);
    let mut calls = Calls::begin(&secdocker);
    calls.call(SOLVE, &runs(PROBE, &[])).is_refused_for("DOCKER_BUILDKIT=0");
}

#[test]
fn a_policy_of_the_clients_undoes_nothing() {
    if !is_mediated() {
        return refused_altogether();
    }
    let secdocker = under(RULES);
    let mut calls = Calls::begin(&secdocker);
    let allow = bytes(12, &policy(0, "*", None));
    calls.call(SOLVE, &runs(FORBIDDEN, &allow)).is_denied();
    let convert = bytes(12, &policy(2, &format!("{PROBE}*"), Some(FORBIDDEN)));
    calls.call(SOLVE, &runs(PROBE, &convert)).is_denied();
    let twice = calls.call(SOLVE, &runs(PROBE, &[allow.clone(), allow].concat()));
    assert_eq!((twice.status, twice.message.contains("field 12")), (3, true), "{twice:?}");
    let split = bytes(2, &definition(&[&source(PROBE)]));
    let split = calls.call(SOLVE, &runs(PROBE, &split));
    assert_eq!((split.status, split.message.contains("field 2")), (3, true), "{split:?}");
}

#[test]
fn what_a_message_asks_for_is_judged_in_the_words_of_the_rules() {
    if !is_mediated() {
        return refused_altogether();
    }
    let secdocker = under(RULES);
    let mut calls = Calls::begin(&secdocker);
    let exporter = |attributes: &[u8]| bytes(13, &[text(1, "image"), attributes.to_vec()].concat());
    let prefix = "docker.io/library/ubuntu:16.04";
    let image = "forbidden: image ubuntu:16.04 (rule \"ubuntu:16.04\")";
    let id = Daemon::shared().api().get("/images/ubuntu:16.04/json").json()["Id"].clone();
    for (more, sentence) in [
        (exporter(&entry(2, "name", "ubuntu:16.04")), image),
        (exporter(&entry(2, "name", "a,ubuntu:16.04")), image),
        ([exporter(b""), exporter(&entry(2, "name", "ubuntu:16.04"))].concat(), image),
        ([text(3, "moby"), entry(4, "name", "ubuntu:16.04")].concat(), image),
        (exporter(&entry(2, "name", "*")), "which is not a name"),
        (exporter(&entry(2, "dangling-name-prefix", prefix)), image),
        (number(14, 1), "which is not a name"),
        (text(9, "network.host"), "network namespace of the host"),
        (text(9, "security.insecure"), "privileged mode"),
        (text(9, "device"), "device"),
        (text(9, "device=vendor.com/class=all"), "device"),
        (entry(7, "build-arg:TOKEN", "x"), "TOKEN"),
        (entry(7, "source", "ubuntu:16.04"), image),
        (bytes(8, &text(2, "ubuntu:16.04")), image),
    ] {
        calls.call(SOLVE, &runs(PROBE, &more)).is_refused_for(sentence);
    }
    let now = Daemon::shared().api().get("/images/ubuntu:16.04/json").json()["Id"].clone();
    assert_eq!(now, id, "the forbidden name has the image that it had");
    let bridge = [text(2, "gateway.v0"), entry(3, "source", "ubuntu:16.04")].concat();
    calls.call(BRIDGE_SOLVE, &bridge).is_refused_for(image);
}

#[test]
fn steps_have_no_power_without_an_entitlement() {
    if !is_mediated() {
        return refused_altogether();
    }
    let secdocker = under(RULES);
    let mut calls = Calls::begin(&secdocker);
    let base = source(PROBE);
    for (network, security) in [(1, 0), (0, 1)] {
        let step = step(&base, &["/bin/cat", "/who"], network, security);
        let ended = calls.call(SOLVE, &solve(&definition(&[&base, &step]), &[]));
        assert!(ended.status != 0 && ended.message.contains("is not allowed"), "{ended:?}");
    }
}

#[test]
fn another_name_of_a_forbidden_image_is_denied() {
    if !is_mediated() {
        return refused_altogether();
    }
    let api = Daemon::shared().api();
    let tag = |name: &str| {
        let target = format!("/images/ubuntu:16.04/tag?repo={name}&tag=1");
        api.ask(&crate::support::client::post(&target, ""));
    };
    tag("elsewhere");
    let secdocker = under(RULES);
    let mut calls = Calls::begin(&secdocker);
    let alias = "docker-image://docker.io/library/elsewhere:1";
    calls.call(SOLVE, &runs(alias, &[])).is_denied();
    api.delete("/images/elsewhere:1");
}

#[test]
fn long_messages_are_held_and_go_on() {
    if !is_mediated() {
        return refused_altogether();
    }
    let secdocker = under(&format!("{RULES}limits: {{body: 4m}}\n"));
    let mut calls = Calls::begin(&secdocker);
    let base = source(PROBE);
    for length in [60_000, 900_000, 3_000_000] {
        let content = vec![length as u8; length];
        let file = file(&base, &content);
        // What happens in it is told while its message is held, and goes on.
        let name = unique("long").replace('-', "");
        let status = calls.open(STATUS);
        calls.send(body(status, &text(1, &name)));
        let solved = calls.open(SOLVE);
        let message = [text(1, &name), bytes(2, &definition(&[&base, &file]))].concat();
        calls.send(body(solved, &message));
        let [solved, status] = calls.ends_of([solved, status]);
        assert_eq!(solved.status, 0, "{length} bytes: {}", solved.message);
        assert!(status.status == 0 && !status.body.is_empty(), "{length} bytes: {status:?}");
    }
    let stream = calls.open(SOLVE);
    let long = [&[0][..], &5_000_000_u32.to_be_bytes(), b"x"].concat();
    calls.send(super::calls::frame(secdocker::http2::frame::Kind::Data, 0, stream, &long));
    let ended = calls.end_of(stream);
    assert_eq!((ended.status, ended.message.contains("limits.body")), (8, true), "{ended:?}");
}

#[test]
fn where_no_rule_needs_it_calls_pass_unseen() {
    let secdocker = under("restrictions: {mounts: [/root]}\n");
    let ended = Calls::begin(&secdocker).call(SOLVE, &runs(FORBIDDEN, &[]));
    assert_eq!(ended.status, 0, "{ended:?}");
}

#[test]
fn a_name_that_an_exception_trusts_is_given_to_no_build() {
    // No rule here is one that a build could break; the exception's name is.
    let exception = "exceptions: [{image: \"trusted:1\", reason: x, mounts: [/root]}]\n";
    let secdocker = under(&format!("restrictions: {{mounts: [/root]}}\n{exception}"));
    let mut calls = Calls::begin(&secdocker);
    let named = |name: &str| {
        let exporter = [text(1, "image"), entry(2, "name", name)].concat();
        runs(PROBE, &bytes(13, &exporter))
    };
    let trusted = calls.call(SOLVE, &named("a,docker.io/library/trusted:1"));
    if is_mediated() {
        trusted.is_refused_for("by which an exception knows an image");
        calls.call(SOLVE, &named("*")).is_refused_for("exception");
    } else {
        trusted.is_refused_for("a build by BuildKit");
    }
    assert_eq!(Daemon::shared().api().get("/images/trusted:1/json").status, 404);
}
