#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use super::*;
use crate::config::UpstreamAddress;
use crate::policy::allowed::AllowedMounts;
use crate::policy::mounts::MountRule;

/// Nothing is at these paths, so that each leads to itself.
const OURS: &str = "\
21 1 8:1 / / rw - ext4 /dev/sda1 rw
22 21 8:2 / /nowhere/disk rw - ext4 /dev/sdb1 rw
";

fn path(text: &str) -> HostPath {
    HostPath::parse(text).unwrap()
}

/// A table of a container with these places mounted, beside what every container has.
fn its(places: &[&str]) -> Mounts {
    let mut text = "50 40 0:55 / / rw - overlay overlay rw\n\
                    51 50 0:56 / /proc rw - proc proc rw\n\
                    53 50 8:1 /nowhere/cgroup/c /sys/fs/cgroup/cpu ro - cgroup cgroup rw\n\
                    52 50 8:1 /nowhere/docker/containers/c/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n"
        .to_owned();
    for (number, place) in places.iter().enumerate() {
        text += &format!("6{number} 50 {place} /x{number} rw - ext4 /dev/sda1 rw\n");
    }
    Mounts::parse(&text)
}

fn outcome(policy: &Policy, sources: &[&str], places: &[&str]) -> String {
    let running = Running {
        pid: 1,
        id: "c".to_owned(),
        sources: sources.iter().map(|text| path(text)).collect(),
        volumes: Vec::new(),
        own: vec![path("/nowhere/docker/containers/c")],
    };
    let address = UpstreamAddress::Unix("/nowhere/docker.sock".into());
    let daemon = &Daemon { address, mark: None };
    match compare(&its(places), &Mounts::parse(OURS), &running, &Judge { daemon, policy }) {
        Mounted::AsJudged => "as judged".to_owned(),
        Mounted::Elsewhere(violations) => violations.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_mounted_is_compared_with_what_was_judged() {
    let denies = Policy {
        mounts: vec![MountRule::parse("/nowhere/secret").unwrap()],
        ..Policy::permissive()
    };
    let list = AllowedMounts::only(vec![AllowedMounts::parse("/nowhere/ci/**").unwrap()]);
    let allows = Policy { allowed_mounts: list, ..Policy::permissive() };
    let (ci, secret) = ("8:1 /nowhere/ci/a", "8:1 /nowhere/secret");
    for (sources, places, as_judged) in [
        (&["/nowhere/ci/a"][..], &[ci][..], true),
        (&["/nowhere/ci/a"], &[secret], false),
        (&["/nowhere/ci/a"], &["8:1 /nowhere/secret/below//deleted"], false),
        // Moved since, or removed.
        (&["/nowhere/ci/a"], &["8:1 /nowhere/ci/b"], true),
        (&["/nowhere/ci/a"], &["8:1 /nowhere/ci/a//deleted"], true),
        // One of two that are the same.
        (&["/nowhere/ci/a", "/nowhere/ci/a"], &[ci, secret], false),
        (&["/nowhere/ci/a", "/nowhere/ci/a"], &[ci, ci], true),
        // A hook of the runtime has mounted something that nobody asked for.
        (&["/nowhere/ci/a"], &[ci, "8:1 /usr/lib/libcuda.so"], true),
        // What is not in our table can't be told.
        (&["/nowhere/ci/a"], &["9:9 /secret"], true),
        // Given beside SecDocker.
        (&["/nowhere/secret"], &[secret], true),
        (&["/nowhere/secret", "/nowhere/ci/a"], &[secret, ci], true),
        (&[], &[], true),
    ] {
        for policy in [&denies, &allows] {
            let told = outcome(policy, sources, places);
            assert_eq!(told == "as judged", as_judged, "{sources:?} {places:?} {told}");
        }
    }
    let elsewhere = outcome(&denies, &["/nowhere/ci/a"], &[secret]);
    assert_eq!(elsewhere, "forbidden: mount of /nowhere/secret (rule \"/nowhere/secret\")");
}

#[test]
fn a_mount_of_another_disk_is_what_is_on_it() {
    let policy = Policy {
        mounts: vec![MountRule::parse("/nowhere/disk/secret").unwrap()],
        ..Policy::permissive()
    };
    let told = |place| outcome(&policy, &["/nowhere/ci/a"], &[place]);
    assert!(told("8:2 /secret").contains("mount of /nowhere/disk/secret"));
    assert_eq!(told("8:2 /other"), "as judged");
}
