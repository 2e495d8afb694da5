#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use super::*;
use crate::policy::effects::{FieldPath, Namespace, SharedWith};
use crate::policy::effects::{NamespaceEffect, NamespaceKind, PrivilegeEffect};
use crate::policy::testing;
use crate::policy::types::Capability;
use crate::policy::{Inspected, Policy, Verdict, judge};

fn capability(name: &str) -> Effect {
    Effect::Privilege(PrivilegeEffect::Capability(Capability::parse(name).unwrap()))
}

fn option(text: &str) -> Effect {
    Effect::Privilege(PrivilegeEffect::SecurityOption(SecurityOption::parse(text).unwrap()))
}

fn host(kind: NamespaceKind) -> Effect {
    Effect::Namespace(NamespaceEffect::Shared(Namespace { kind, with: SharedWith::Host }))
}

fn joined(kind: NamespaceKind) -> Effect {
    Effect::Namespace(NamespaceEffect::Shared(Namespace {
        kind,
        with: SharedWith::Container("x".to_owned()),
    }))
}

fn device(path: &str) -> Effect {
    Effect::Privilege(PrivilegeEffect::Device(Device::Path(HostPath::parse(path).unwrap())))
}

fn numbers(rule: &str) -> Effect {
    Effect::Privilege(PrivilegeEffect::Device(Device::CgroupRule(rule.to_owned())))
}

fn reasons(effects: &[Effect]) -> String {
    let at = FieldPath::Field("X");
    let asked =
        effects.iter().map(|effect| RequestedEffect { effect: effect.clone(), at: at.clone() });
    let mut facts = Facts::none();
    for (path, known) in [("/dev/sda", DeviceFacts::Disk), ("/dev/fuse", DeviceFacts::Other)] {
        facts.add_device(HostPath::parse(path).unwrap(), known);
    }
    let policy = Policy { privileged: PrivilegedRule::Forbid, ..Policy::permissive() };
    testing::refusal(&judge(&policy, Inspected::new((), asked.collect()), &facts))
}

#[test]
fn what_adds_up_to_privileged_mode() {
    for effects in [
        &[capability("all")][..],
        &[capability("CAP_SYS_MODULE")],
        &[capability("SYS_RAWIO")],
        &[capability("dac_read_search")],
        &[capability("SYS_ADMIN")],
        &[capability("cap_\u{17f}ys_adm\u{131}n")],
        &[capability("BPF"), capability("CAP_PERFMON")],
        &[capability("PERFMON"), capability("bpf")],
        &[capability("BPF"), host(NamespaceKind::Cgroup)],
        &[capability("SYS_PTRACE"), host(NamespaceKind::Pid)],
        &[capability("NET_ADMIN"), host(NamespaceKind::Network)],
        &[capability("NET_ADMIN"), host(NamespaceKind::Pid)],
        &[capability("SYS_PTRACE"), joined(NamespaceKind::Pid)],
        &[capability("SYS_BOOT"), option("seccomp=unconfined")],
        &[capability("SYS_BOOT"), joined(NamespaceKind::Pid)],
        &[capability("NEWER_THAN_THIS")],
        &[Effect::Privilege(PrivilegeEffect::KernelSettings)],
        &[device("/dev/sda")],
        &[device("/dev/not-known")],
        &[numbers("a *:* rwm")],
        &[numbers("b 8:0 r")],
        &[numbers("c 21:* rwm")],
        &[numbers("c *:* rwm")],
    ] {
        assert!(reasons(effects).contains("rule \"privileged\""), "{effects:?}");
    }
}

#[test]
fn what_is_ordinary() {
    for effects in [
        &[capability("NET_ADMIN"), capability("SYS_PTRACE"), capability("SYS_TIME")][..],
        &[capability("BPF"), capability("NET_ADMIN"), capability("SYS_RESOURCE")],
        &[capability("PERFMON"), capability("SYSLOG"), option("seccomp=unconfined")],
        &[capability("SYS_PTRACE"), option("seccomp=unconfined"), option("apparmor=unconfined")],
        &[capability("SYS_BOOT"), option("no-new-privileges"), option("seccomp=builtin")],
        &[capability("IPC_OWNER"), option("label=type:svirt_t"), device("/dev/fuse")],
        &[capability("SYS_BOOT"), option("apparmor=unconfined")],
        &[option("systempaths=unconfined")],
        &[host(NamespaceKind::Pid), host(NamespaceKind::Network), host(NamespaceKind::Ipc)],
        &[
            numbers("c 10:200 rwm"),
            Effect::Privilege(PrivilegeEffect::Device(Device::Request("gpu".to_owned()))),
        ],
    ] {
        assert_eq!(reasons(effects), "", "{effects:?}");
    }
}

#[test]
fn what_makes_a_capability_enough_is_named_by_its_value() {
    assert_eq!(
        reasons(&[capability("SYS_PTRACE"), joined(NamespaceKind::Pid)]),
        "forbidden: capability SYS_PTRACE, which with pid namespace of container x is as good as \
         privileged mode (rule \"privileged\")"
    );
}

/// Compared with all others each, these would take minutes.
#[test]
fn a_capability_that_is_named_again_is_not_looked_at_again() {
    let again = vec![capability("SYS_BOOT"); 100_000];
    assert_eq!(reasons(&again), "");
    let twice = [capability("ALL"), capability("all")];
    assert_eq!(
        reasons(&twice),
        "forbidden: capability ALL, which is every one (rule \"privileged\")"
    );
}

#[test]
fn without_the_rule_nothing_adds_up() {
    let asked = vec![RequestedEffect { effect: capability("ALL"), at: FieldPath::Field("X") }];
    let verdict = judge(&Policy::permissive(), Inspected::new((), asked), &Facts::none());
    assert!(matches!(verdict, Verdict::Allowed(_)));
}
