#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use super::*;
use crate::policy::effects::{Effect, MountEffect};
use crate::policy::facts::RealPath;
use crate::policy::rules::allowed::{AllowedMount, AllowedMounts};
use crate::policy::rules::ports::PortRule;
use crate::policy::testing;
use crate::policy::{Inspected, Policy, judge};

fn path(text: &str) -> HostPath {
    HostPath::parse(text).unwrap()
}

/// A host on which `/var/run` is a link to `/run`, `/mnt/run` the same directory mounted again, and
/// the daemon's socket a link too.
fn facts(asked: &str) -> Facts {
    let mut facts = Facts::none();
    let real = |text: &str| {
        let text = text.replacen("/var/run", "/run", 1).replacen("/srv/link", "/run", 1);
        path(&text.replacen("/opt/d.sock", "/data/engine/d.sock", 1))
    };
    let policy = policy(None);
    for known in policy.way_out.0.iter().cloned().chain([path(asked), path("/opt/d.sock")]) {
        facts.add_link(known.clone(), real(known.as_str()));
    }
    if let Some(rest) = asked.strip_prefix("/mnt/run") {
        let aliases = vec![path(&format!("/run{rest}"))];
        facts.add_real_path(path(asked), RealPath { path: real(asked), aliases });
    }
    facts
}

fn policy(allowed: Option<&[&str]>) -> Policy {
    let allowed =
        allowed.map(|list| list.iter().map(|text| AllowedMount::parse(text).unwrap()).collect());
    Policy {
        ports: vec![PortRule::parse("22").unwrap()],
        way_out: WayOut::with(path("/opt/d.sock")),
        allowed_mounts: allowed.map_or_else(AllowedMounts::default, AllowedMounts::only),
        ..Policy::permissive()
    }
}

fn refusal(policy: &Policy, effect: impl Into<Effect>, facts: &Facts) -> String {
    testing::refusal(&judge(policy, Inspected::new((), vec![testing::asked(effect)]), facts))
}

#[test]
fn under_any_restriction_no_way_out_is_mounted() {
    for asked in [
        "/run/docker.sock",
        "/var/run/docker.sock",
        "/run",
        "/var/run",
        "/srv/link",
        "/srv/link/docker.sock",
        "/mnt/run",
        "/mnt/run/docker.sock",
        "/",
        "/opt/d.sock",
        "/opt",
        "/data/engine/d.sock",
        "/data/engine",
        "/data",
        "/run/containerd/containerd.sock",
        "/run/containerd/s/0123",
        "/var/run/docker/containerd/containerd.sock",
        "/run/docker/swarm/control.sock",
        "/run/podman/podman.sock",
        "/run/user/1000/docker.sock",
        "/run/user/1000",
        "/run/user",
        "/run/user/1000/podman/podman.sock",
        "/run/crio/crio.sock",
        "/run/buildkit/buildkitd.sock",
    ] {
        let said = refusal(&policy(None), MountEffect::HostPath(path(asked)), &facts(asked));
        assert!(said.contains("rule \"daemon socket\""), "{asked}: {said}");
        let permissive =
            refusal(&Policy::permissive(), MountEffect::HostPath(path(asked)), &facts(asked));
        assert_eq!(permissive, "", "{asked}");
    }
}

#[test]
fn other_paths_are_mounted() {
    for asked in
        ["/srv/ci", "/run/dbus", "/run/user/1000/bus", "/var/lib/docker", "/etc", "/data/x"]
    {
        assert_eq!(
            refusal(&policy(None), MountEffect::HostPath(path(asked)), &facts(asked)),
            "",
            "{asked}"
        );
    }
    // Where a path leads that nobody could follow is not known.
    let said = refusal(&policy(None), MountEffect::HostPath(path("/srv")), &Facts::none());
    assert!(said.contains("whose links are not known"), "{said}");
}

#[test]
fn a_list_of_allowed_paths_can_name_the_socket() {
    let named = ["/var/run/docker.sock"];
    for (allowed, asked, passes) in [
        (&named[..], "/var/run/docker.sock", true),
        (&["/run/docker.sock"], "/run/docker.sock", true),
        (&["/opt/d.sock"], "/opt/d.sock", true),
        (&["/run"], "/run/docker.sock", false),
        (&["/run"], "/run", false),
        (&["/run/**"], "/run/docker.sock", false),
        (&["/run/docker.sock/**"], "/run/docker.sock", false),
        (&["/opt"], "/opt/d.sock", false),
        (&named, "/run/containerd", false),
    ] {
        let mut facts = facts(asked);
        for entry in allowed {
            let real = entry.replacen("/var/run", "/run", 1);
            facts.add_link(
                path(entry),
                path(&real.replacen("/opt/d.sock", "/data/engine/d.sock", 1)),
            );
        }
        let said = refusal(&policy(Some(allowed)), MountEffect::HostPath(path(asked)), &facts);
        assert_eq!(said.is_empty(), passes, "{allowed:?} {asked}: {said}");
    }
}

#[test]
fn what_was_mounted_beside_secdocker_is_started_again() {
    for (asked, passes) in [("/run/docker.sock", true), ("/var/run", true), ("/srv/link", false)] {
        let said = refusal(&policy(None), MountEffect::HostPathOnStart(path(asked)), &facts(asked));
        assert_eq!(said.is_empty(), passes, "{asked}: {said}");
    }
}
