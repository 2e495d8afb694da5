//! Ceilings of memory and CPU time, and rules about control groups, for the steps of builds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tools::{context, has, run};
use crate::buildkit::calls::{BRIDGE_SOLVE, Calls, SOLVE};
use crate::buildkit::messages::{
    bytes, definition, entry, file_alone, nested, runs, solve, source, step_in, text,
};
use crate::support::{Daemon, SecDocker, firewall, process, sandbox, unique};
use crate::{is_mediated, under};

const PROBE: &str = "docker-image://docker.io/library/probe:1";

/// A control group of SecDocker's own, taken away with all below it.
struct Group(String);

impl Group {
    fn new() -> Self {
        Self(format!("/{}", unique("secdocker-builds")))
    }

    fn in_tree(&self, controller: &str) -> PathBuf {
        let separate = Path::new("/sys/fs/cgroup").join(controller);
        let root = if separate.is_dir() { separate } else { PathBuf::from("/sys/fs/cgroup") };
        root.join(self.0.trim_start_matches('/'))
    }

    /// The most memory that was ever used in it, in bytes.
    fn peak(&self) -> u64 {
        let memory = self.in_tree("memory");
        let files = ["memory.max_usage_in_bytes", "memory.peak"];
        let said = files.iter().find_map(|file| fs::read_to_string(memory.join(file)).ok());
        said.unwrap().trim().parse().unwrap()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for controller in
            ["memory", "cpu", "cpuacct", "cpuset", "blkio", "devices", "freezer", "pids"]
        {
            let group = self.in_tree(controller);
            drop(fs::remove_dir(group.join("buildkit")));
            drop(fs::remove_dir(group));
        }
    }
}

fn limited(group: &Group) -> SecDocker {
    let Group(path) = group;
    under(&format!(
        "general: {{memory: 20m, cpu: 0.5}}\nrestrictions: {{builds: {{cgroup: {path}}}}}\n"
    ))
}

/// Takes 60 MB, and leaves what it has taken.
const GREEDY: &str =
    "FROM probe:1\nRUN dd if=/dev/zero of=/dev/shm/x bs=1M count=60 && echo taken > /marker\n";

#[test]
fn steps_take_no_more_than_the_ceiling() {
    if !has("docker-buildx") || !is_mediated() {
        return;
    }
    let straight = context(GREEDY);
    let output = ["buildx", "build", "--no-cache", "--output", "type=local,dest=out"];
    let built = run(Daemon::shared(), &[&output[..], &["."]].concat(), &straight);
    assert!(built.status.success() && straight.join("out/marker").exists(), "{built}");
    let group = Group::new();
    let secdocker = limited(&group);
    for more in [&[][..], &["--cgroup-parent", "/elsewhere"]] {
        let directory = context(GREEDY);
        let built = run(&secdocker, &[&output[..], more, &["."]].concat(), &directory);
        let was_killed = !built.status.success() && built.to_string().contains("137");
        assert!(was_killed && !directory.join("out/marker").exists(), "{built}");
    }
    let frugal = context("# syntax=probe:1\nFROM probe:1\nRUN cp /who /marker\n");
    let built = run(&secdocker, &[&output[..], &["."]].concat(), &frugal);
    assert!(built.status.success(), "built by the built-in frontend: {built}");
    assert!(group.peak() > 1 << 20, "steps ran in it: {}", group.peak());
    let bake = "target \"default\" {\n  contexts = { x = \"target:a\" }\n  dockerfile-inline = \"FROM x\\nRUN cat /made\\n\"\n}\n\
         target \"a\" {\n  dockerfile-inline = \"FROM probe:1\\nRUN cp /who /made\\n\"\n}\n";
    fs::write(frugal.join("docker-bake.hcl"), bake).unwrap();
    let bake = ["buildx", "bake", "-f", "docker-bake.hcl", "--no-cache"];
    let baked = run(&secdocker, &bake, &frugal);
    assert!(baked.status.success(), "targets upon targets: {baked}");
    let scanned = run(
        &secdocker,
        &["buildx", "build", "--sbom", "true", "--output", "type=oci,dest=o", "."],
        &frugal,
    );
    assert!(!scanned.status.success(), "{scanned}");
}

/// Version 2 has what version 1 has left; where that is not what is to be limited, nothing starts that would not limit it.
#[test]
fn a_hierarchy_of_version_2_without_the_controllers_stops_the_start() {
    let group = Group::new();
    let path = &group.0;
    let rest = format!("general: {{memory: 20m}}\nrestrictions: {{builds: {{cgroup: {path}}}}}\n");
    let config = sandbox::directory("unified").join("config.yml");
    fs::write(&config, firewall::config(&Daemon::shared().socket(), &rest)).unwrap();
    let in_version_2 = |command: &str| {
        let script = format!("mount -t cgroup2 none /sys/fs/cgroup && {command}");
        let mut unshare = Command::new("/usr/bin/unshare");
        let secdocker = firewall::command();
        unshare.args(["--mount", "/bin/sh", "-c", &script]).arg(secdocker.get_program());
        process::run(unshare.arg(&config), b"")
    };
    let there = in_version_2("cat /sys/fs/cgroup/cgroup.controllers").ok();
    let has = |name: &str| there.split_whitespace().any(|it| it == name);
    let Some(missing) = ["memory", "cpu"].into_iter().find(|name| !has(name)) else { return };
    let ended = in_version_2("exec \"$0\" --config \"$1\" --listen 127.0.0.1:0");
    let said = ended.to_string();
    let sentence = format!("restrictions.builds.cgroup: this host has no controller `{missing}`");
    assert!(!ended.status.success() && said.contains(&sentence), "{said}");
}

#[test]
fn steps_that_nobody_limits_are_refused() {
    if !is_mediated() {
        return;
    }
    let group = Group::new();
    let secdocker = limited(&group);
    let mut calls = Calls::begin(&secdocker);
    let base = source(PROBE);
    let inside = step_in(&base, &["/bin/cat", "/who"], &group.0);
    let ended = calls.call(SOLVE, &solve(&definition(&[&base, &inside]), &[]));
    assert_eq!(ended.status, 0, "where Dockerfiles' steps are, too: {ended:?}");
    calls.call(SOLVE, &runs(PROBE, &[])).is_refused_for("steps that the client sends");
    let below = step_in(&base, &["/bin/cat", "/who"], &format!("{}/../x", group.0));
    let below = calls.call(SOLVE, &solve(&definition(&[&base, &below]), &[]));
    below.is_refused_for("steps that the client sends");
    let made = file_alone(&definition(&[&base]));
    let made = calls.call(SOLVE, &solve(&definition(&[&made, &nested(&made)]), &[]));
    made.is_refused_for("instructions that a step");
    let gateway = [text(2, "gateway.v0"), entry(3, "source", "probe:1")].concat();
    calls.call(BRIDGE_SOLVE, &gateway).is_refused_for("another frontend than dockerfile.v0");
    let scanned = entry(7, "attest:sbom", "generator=probe:1");
    calls.call(SOLVE, &solve(&[], &scanned)).is_refused_for("build without --sbom");
}

#[test]
fn where_nothing_holds_steps_builds_are_refused_with_the_reason() {
    let secdocker = under("general: {memory: 20m}\n");
    let ended = Calls::begin(&secdocker).call(SOLVE, &runs(PROBE, &[]));
    let sentence = if is_mediated() {
        "a control group for them (`builds: {cgroup: /secdocker-builds}`) (rule \"general.memory\")"
    } else {
        "a control group for them"
    };
    ended.is_refused_for(sentence);
}

#[test]
fn a_control_group_that_is_forbidden_is_no_parent_of_steps() {
    if !is_mediated() {
        return;
    }
    let secdocker = under("restrictions: {cgroupparent: [/other]}\n");
    let mut calls = Calls::begin(&secdocker);
    let base = source(PROBE);
    let build = |group: &str| {
        let step = step_in(&base, &["/bin/cat", "/who"], group);
        solve(&definition(&[&base, &step]), &[])
    };
    calls.call(SOLVE, &build("/other/x")).is_refused_for("control group /other/x");
    let ended = calls.call(SOLVE, &build("/free"));
    assert_eq!(ended.status, 0, "{ended:?}");
    let inputs = bytes(
        10,
        &[text(1, "x"), bytes(2, &definition(&[&base, &step_in(&base, &["/x"], "/other")]))]
            .concat(),
    );
    calls.call(SOLVE, &solve(&[], &inputs)).is_refused_for("control group /other");
    if !has("docker-buildx") {
        return;
    }
    let directory = context("# syntax=probe:1\nFROM probe:1\nRUN cat /who\n");
    let refused =
        run(&secdocker, &["buildx", "build", "--cgroup-parent", "/other", "."], &directory);
    assert!(refused.to_string().contains("control group /other"), "{refused}");
    let built = run(&secdocker, &["buildx", "build", "."], &directory);
    assert!(built.status.success(), "built by the built-in frontend: {built}");
}
