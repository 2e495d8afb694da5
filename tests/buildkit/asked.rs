//! Plugins that are asked about builds: about each image that a build names where SecDocker can see it.

use std::fs;

use super::tools::{context, has, run};
use crate::buildkit::calls::{BRIDGE_SOLVE, Calls, SOLVE};
use crate::buildkit::messages::{entry, runs, text};
use crate::support::{Docker, SecDocker, firewall, sandbox, unique};
use crate::under;

const DENIED: &str = "plugin no_latest: the image is not safe";

/// A plugin that wants a tag other than `latest`, and no rule.
fn asking() -> SecDocker {
    under(&format!("plugins:\n{}  when: [builds]\n", firewall::plugin("no_latest", "")))
}

#[test]
fn calls_that_name_images_are_shown_to_plugins() {
    let secdocker = asking();
    let mut calls = Calls::begin(&secdocker);
    let ended = calls.call(SOLVE, &runs("docker-image://docker.io/library/probe:1", &[]));
    assert_eq!(ended.status, 0, "{ended:?}");
    for identifier in ["docker.io/library/probe:latest", "docker.io/library/probe"] {
        let call = runs(&format!("docker-image://{identifier}"), &[]);
        calls.call(SOLVE, &call).is_refused_for(DENIED);
    }
    for attribute in [
        entry(7, "source", "probe"),
        entry(7, "context:base", "docker-image://probe:latest"),
        entry(7, "build-arg:BUILDKIT_SYNTAX", "probe x"),
    ] {
        let good = "docker-image://docker.io/library/probe:1";
        calls.call(SOLVE, &runs(good, &attribute)).is_refused_for(DENIED);
    }
    let bridge = [text(2, "gateway.v0"), entry(3, "source", "probe")].concat();
    calls.call(BRIDGE_SOLVE, &bridge).is_refused_for(DENIED);
    secdocker.logs("plugin=no_latest image=\"probe:latest\" verdict=deny");
}

#[test]
fn a_classic_build_is_asked_about_each_image_of_its_dockerfile() {
    let secdocker = asking();
    let docker = Docker::on(&secdocker);
    for (dockerfile, passes) in [
        ("FROM probe:1 AS a\nFROM probe:1\nCOPY --from=a /who /w\n", true),
        ("FROM probe:1\nCOPY --from=ubuntu:latest /who /w\n", false),
        ("FROM probe:1\nFROM ubuntu\n", false),
    ] {
        let directory = sandbox::directory("classic");
        fs::write(directory.join("Dockerfile"), dockerfile).unwrap();
        let tag = unique("asked");
        let mut command = docker.command(&["build", "--tag", &tag, "."]);
        command.current_dir(&directory).env("DOCKER_BUILDKIT", "0");
        let built = crate::support::process::run(&mut command, b"");
        assert_eq!(built.status.success(), passes, "{dockerfile}: {built}");
        assert_eq!(built.to_string().contains(DENIED), !passes, "{dockerfile}: {built}");
    }
}

#[test]
fn a_build_tool_shows_what_a_plugin_says() {
    if !has("docker-buildx") {
        return;
    }
    let secdocker = asking();
    for (base, passes) in [("ubuntu:16.04", true), ("ubuntu:latest", false)] {
        let directory = context("FROM base\nRUN cat /who\n");
        let base = format!("base=docker-image://{base}");
        let built =
            run(&secdocker, &["buildx", "build", "--build-context", &base, "."], &directory);
        assert_eq!(built.status.success(), passes, "{base}: {built}");
        assert_eq!(built.to_string().contains(DENIED), !passes, "{base}: {built}");
    }
}
