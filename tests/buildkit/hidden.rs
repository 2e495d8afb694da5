//! Images that are named where no Dockerfile is: in instructions within instructions, through the gateway that
//! build tools speak, beside policies of the client's own.

use crate::buildkit::calls::{BRIDGE_SOLVE, Calls, Ended, SOLVE, body};
use crate::buildkit::messages::{
    bytes, definition, entry, file_alone, nested, policy, runs, solve, source, step, text,
};
use crate::support::{Daemon, Way, unique};
use crate::{RULES, is_mediated, under};

const PROBE: &str = "docker-image://docker.io/library/probe:1";
const FORBIDDEN: &str = "docker-image://docker.io/library/ubuntu:16.04";

fn uses(identifier: &str) -> Vec<u8> {
    let base = source(identifier);
    definition(&[&base, &step(&base, &["/bin/sh", "-c", &unique("cat /who #")], 0, 0)])
}

/// Instructions that are only in a file which a step makes. Others each time: what came of the same before is
/// kept, and not made again.
fn hidden(identifier: &str) -> Vec<u8> {
    let made = file_alone(&uses(identifier));
    definition(&[&made, &nested(&made)])
}

#[test]
fn instructions_within_instructions_are_held_to_the_rules() {
    let straight = Calls::begin(Daemon::shared()).call(SOLVE, &solve(&hidden(FORBIDDEN), &[]));
    assert_eq!(straight.status, 0, "straight they run: {straight:?}");
    if !is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let mut calls = Calls::begin(&secdocker);
    calls.call(SOLVE, &solve(&hidden(FORBIDDEN), &[])).is_denied();
    let ended = calls.call(SOLVE, &solve(&hidden(PROBE), &[]));
    assert_eq!(ended.status, 0, "{ended:?}");
}

/// Begins a build that is told what to do by calls, as build tools do, and makes one.
fn through_gateway(way: &dyn Way, job: &[u8], instructions: &[u8]) -> Ended {
    let mut calls = Calls::begin(way);
    let name = unique("gateway").replace('-', "");
    let build = calls.open(SOLVE);
    calls.send(body(build, &[text(1, &name), job.to_vec()].concat()));
    calls.call_for(BRIDGE_SOLVE, &name, instructions)
}

#[test]
fn the_gateway_is_held_to_the_rules() {
    // BuildKit wants to be asked for the result.
    let asks = |definition: &[u8]| [bytes(1, definition), evaluated()].concat();
    let straight = through_gateway(Daemon::shared(), &[], &asks(&uses(FORBIDDEN)));
    if !is_mediated() {
        return;
    }
    assert_eq!(straight.status, 0, "straight it runs: {straight:?}");
    let secdocker = under(RULES);
    let ended = through_gateway(&secdocker, &[], &asks(&uses(PROBE)));
    assert_eq!(ended.status, 0, "{ended:?}");
    through_gateway(&secdocker, &[], &asks(&uses(FORBIDDEN))).is_denied();
    through_gateway(&secdocker, &[], &asks(&hidden(FORBIDDEN))).is_denied();
    let converts = policy(2, &format!("{PROBE}*"), Some(FORBIDDEN));
    for (job, more, used) in [
        (bytes(12, &policy(0, "*", None)), Vec::new(), FORBIDDEN),
        (Vec::new(), bytes(15, &policy(0, "*", None)), FORBIDDEN),
        (bytes(12, &converts), Vec::new(), PROBE),
        (Vec::new(), bytes(15, &converts), PROBE),
    ] {
        let message = [asks(&uses(used)), more].concat();
        through_gateway(&secdocker, &job, &message).is_denied();
    }
}

fn evaluated() -> Vec<u8> {
    crate::buildkit::messages::number(14, 1)
}

#[test]
fn what_no_rule_is_about_is_not_denied() {
    if !is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let mut calls = Calls::begin(&secdocker);
    for identifier in [
        "docker.io/library/ubuntu:18.04",
        "docker.io/library/ubuntu:latest",
        "docker.io/library/ubuntus:16.04",
        "docker.io/team/ubuntu:16.04",
        "registry.invalid:5000/a/b/c:V1.0-rc_1",
        "127.0.0.1:9/library/ubuntu:16.04",
        "localhost:9/library/ubuntu:16.04",
    ] {
        let ended = calls.call(SOLVE, &runs(&format!("docker-image://{identifier}"), &[]));
        let is_missing = ended.status != 0 && !ended.message.contains("denied by policy");
        assert!(is_missing, "it is looked for, and is not there: {ended:?}");
    }
}

/// Where content is found by its digest, whatever name stands before it.
#[test]
fn in_containerds_store_the_content_is_denied_beside_any_tag() {
    let info = Daemon::shared().api().get("/info").json().to_string();
    if !info.contains("io.containerd.snapshotter.v1") || !is_mediated() {
        return;
    }
    let api = Daemon::shared().api();
    let id = api.get("/images/ubuntu:16.04/json").json()["Id"].as_str().unwrap().to_owned();
    let beside = format!("docker-image://docker.io/library/ubuntu:18.04@{id}");
    let straight = Calls::begin(Daemon::shared()).call(SOLVE, &runs(&beside, &[]));
    assert_eq!(straight.status, 0, "straight it runs: {straight:?}");
    let secdocker = under(RULES);
    let mut calls = Calls::begin(&secdocker);
    calls.call(SOLVE, &runs(&beside, &[])).is_denied();
    let scanner = entry(7, "attest:sbom", "generator=ubuntu:16.04");
    calls.call(SOLVE, &runs(PROBE, &scanner)).is_refused_for("image ubuntu:16.04");
}
