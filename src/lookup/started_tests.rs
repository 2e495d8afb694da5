#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use super::*;
use crate::effects::existing::Run;
use crate::policy::allowed::AllowedMounts;
use crate::policy::mounts::MountRule;

/// Nothing is at these paths, so that each leads to itself.
const OURS: &str = "\
21 1 8:1 / / rw - ext4 /dev/sda1 rw
22 21 8:2 / /nowhere/disk rw - ext4 /dev/sdb1 rw
23 21 8:3 / /nowhere/ci/nested rw - ext4 /dev/sdc1 rw
24 21 0:9 / /nowhere/docker/containers/other/mounts/shm rw - tmpfs shm rw
";

fn path(text: &str) -> HostPath {
    HostPath::parse(text).unwrap()
}

/// A table of a container with these mounts, `AT MAJOR:MINOR ROOT`, beside what every container has.
fn its(mounts: &[&str], shows_own: bool) -> Mounts {
    let own = "52 50 8:1 /nowhere/docker/containers/c/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n";
    let mut text = "50 40 0:55 / / rw - overlay overlay rw\n\
                    51 50 0:56 / /proc rw - proc proc rw\n\
                    53 50 8:1 /nowhere/cgroup/x /sys/fs/cgroup/cpu ro - cgroup cgroup rw\n"
        .to_owned();
    text += if shows_own { own } else { "" };
    for (number, mount) in mounts.iter().enumerate() {
        let (at, place) = mount.split_once(' ').unwrap();
        text += &format!("6{number} 50 {place} {at} rw - ext4 /dev/sda1 rw\n");
    }
    Mounts::parse(&text)
}

/// What is found of a container that was given these, `AT PATH`.
fn outcome(policy: &Policy, given: &[&str], mounts: &[&str], shows_own: bool) -> String {
    let given = given.iter().map(|text| {
        let (at, source) = text.split_once(' ').unwrap();
        existing::Given { at: path(at), source: existing::Source::Path(path(source)) }
    });
    let running = Running {
        run: Run { pid: 1, started_at: String::new() },
        id: "c".to_owned(),
        given: given.collect(),
        own: vec![path("/nowhere/docker/containers/c")],
        shows_mounts: true,
    };
    let daemon = &Daemon::nowhere();
    let mut judge =
        Judge { daemon, policy, ours: Mounts::parse(OURS), effort: Effort::of_one_round() };
    let sources = judge.sources(&running).unwrap();
    match compare(&its(mounts, shows_own), &sources, &running, &mut judge) {
        Mounted::AsJudged => "as judged".to_owned(),
        Mounted::Elsewhere(violations) => violations.to_string(),
        Mounted::Hidden => "hidden".to_owned(),
        other => panic!("{other:?}"),
    }
}

fn denies() -> Policy {
    Policy { mounts: vec![MountRule::parse("/nowhere/secret").unwrap()], ..Policy::permissive() }
}

fn allows(entry: &str) -> Policy {
    let list = AllowedMounts::only(vec![AllowedMounts::parse(entry).unwrap()]);
    Policy { allowed_mounts: list, ..Policy::permissive() }
}

#[test]
fn what_is_mounted_is_judged_as_what_it_is() {
    const CI: &str = "/x 8:1 /nowhere/ci/a";
    const SECRET: &str = "/x 8:1 /nowhere/secret";
    for (given, mounts, as_judged) in [
        (&["/x /nowhere/ci/a"][..], &[CI][..], true),
        (&["/x /nowhere/ci/a"], &[SECRET], false),
        (&["/x /nowhere/ci/a"], &["/x 8:1 /nowhere/secret/below//deleted"], false),
        (&["/x /nowhere/ci/a"], &["/x 8:1 /nowhere"], false),
        // Moved since, or removed.
        (&["/x /nowhere/ci/a"], &["/x 8:1 /nowhere/ci/b"], true),
        (&["/x /nowhere/ci/a"], &["/x 8:1 /nowhere/ci/a//deleted"], true),
        // One of two that are the same.
        (&["/x /nowhere/ci/a", "/y /nowhere/ci/a"], &[CI, "/y 8:1 /nowhere/secret"], false),
        (&["/x /nowhere/ci/a", "/y /nowhere/ci/a"], &[CI, "/y 8:1 /nowhere/ci/a"], true),
        // One hides another at the same place.
        (&["/x /nowhere/ci/a"], &[SECRET, CI], true),
        (&["/x /nowhere/ci/a"], &[CI, SECRET], false),
        // Where the kernel's own file systems are in others.
        (&["/sys /nowhere/ci/a"], &["/sys 8:1 /nowhere/secret"], false),
        // A hook of the runtime has mounted something that nobody asked for.
        (&["/x /nowhere/ci/a"], &[CI, "/usr/lib/libcuda.so 8:1 /usr/lib/libcuda.so"], true),
        // What is not in our table can't be told.
        (&["/x /nowhere/ci/a"], &["/x 9:9 /secret"], true),
        // Given beside SecDocker.
        (&["/x /nowhere/secret"], &[SECRET], true),
        (&["/y /nowhere/secret", "/x /nowhere/ci/a"], &[CI, "/y 8:1 /nowhere/secret"], true),
        (&["/y /nowhere/secret", "/x /nowhere/ci/a"], &[SECRET, "/y 8:1 /nowhere/secret"], false),
        // The image has links on the way, so that it is elsewhere in the container.
        (&["/l/x /nowhere/ci/a"], &["/run/x 8:1 /nowhere/ci/a"], true),
        (&["/l/x /nowhere/ci/a"], &["/run/x 8:1 /nowhere/secret"], false),
        (&["/l/x /nowhere/ci/a"], &["/run/x 8:1 /nowhere/ci/b"], true),
        (&["/l/x /nowhere/ci/a", "/l/y /nowhere/ci/a"], &[CI, "/y 8:1 /nowhere/secret"], false),
        (&["/x /nowhere/ci", "/l /nowhere/ci/nested"], &["/x 8:1 /nowhere/ci"], true),
        // What came along below another is not a second one, wherever the path leads meanwhile.
        (
            &["/x /nowhere/ci", "/l /nowhere/ci/nested"],
            &["/x 8:1 /nowhere/ci", "/x/nested 8:3 /", "/l2 8:1 /nowhere/secret"],
            false,
        ),
        // Nor is the memory of a container that it has joined.
        (
            &["/l /nowhere/docker/containers/other/mounts/shm"],
            &["/dev/shm 0:9 /", "/l2 8:1 /nowhere/secret"],
            false,
        ),
        (&[], &[], true),
    ] {
        let told = outcome(&denies(), given, mounts, true);
        assert_eq!(told == "as judged", as_judged, "{given:?} {mounts:?} {told}");
        let told = outcome(&allows("/nowhere/ci/**"), given, mounts, true);
        let is_other = given.iter().all(|given| !given.contains("/nowhere/ci"));
        assert_eq!(told == "as judged", as_judged || is_other, "{given:?} {mounts:?} {told}");
    }
    let elsewhere = outcome(&denies(), &["/x /nowhere/ci/a"], &[SECRET], true);
    assert_eq!(elsewhere, "forbidden: mount of /nowhere/secret (rule \"/nowhere/secret\")");
}

#[test]
fn one_that_shows_nothing_of_its_own_is_hidden() {
    let told = |mounts: &[&str]| outcome(&denies(), &["/x /nowhere/ci/a"], mounts, false);
    assert_eq!(told(&[]), "hidden");
    assert_eq!(told(&["/y 8:1 /nowhere/ci/a"]), "hidden");
    assert_eq!(told(&["/x 8:1 /nowhere/ci/a"]), "as judged");
    assert!(told(&["/x 8:1 /nowhere/secret"]).starts_with("forbidden"));
}

#[test]
fn a_mount_of_another_disk_is_what_is_on_it() {
    let policy = Policy {
        mounts: vec![MountRule::parse("/nowhere/disk/secret").unwrap()],
        ..Policy::permissive()
    };
    let told = |place| outcome(&policy, &["/x /nowhere/ci/a"], &[place], true);
    assert!(told("/x 8:2 /secret").contains("mount of /nowhere/disk/secret"));
    assert_eq!(told("/x 8:2 /other"), "as judged");
}

#[test]
fn a_directory_that_is_allowed_brings_along_what_is_below() {
    let policy = allows("/nowhere/ci");
    let mounts = &["/x 8:1 /nowhere/ci", "/x/nested 8:3 /"];
    assert_eq!(outcome(&policy, &["/x /nowhere/ci"], mounts, true), "as judged");
    let mounts = &["/run/x 8:1 /nowhere/ci", "/run/x/nested 8:3 /"];
    assert_eq!(outcome(&policy, &["/l/x /nowhere/ci"], mounts, true), "as judged");
    // A part of a volume.
    let mounts = &["/x 8:1 /nowhere/ci/part"];
    assert_eq!(outcome(&policy, &["/x /nowhere/ci"], mounts, true), "as judged");
    let told = outcome(&policy, &["/x /nowhere/ci"], &["/x 8:1 /nowhere/cis"], true);
    assert!(told.contains("mount of /nowhere/cis"), "{told}");
}
