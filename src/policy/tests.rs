#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

mod images;

use super::*;
use crate::image::ImageRef;
use crate::policy::effects::{
    Device, Effect, EnvironmentEffect, ExistingEffect, Holder, IdentityEffect, MountEffect,
    Namespace, NamespaceEffect, NamespaceKind, NetworkEffect, PrivilegeEffect, RuntimeEffect,
    SharedWith,
};
use crate::policy::facts::{ImageFacts, NetworkFacts, RealPath};
use crate::policy::rules::capabilities::CapabilityRule;
use crate::policy::rules::devices::DeviceRule;
use crate::policy::rules::environment::EnvironmentRule;
use crate::policy::rules::images::ImageRule;
use crate::policy::rules::mounts::MountRule;
use crate::policy::rules::names::NameRule;
use crate::policy::rules::namespaces::NamespaceRule;
use crate::policy::rules::ports::PortRule;
use crate::policy::rules::privileged::PrivilegedRule;
use crate::policy::rules::security::SecurityRule;
use crate::policy::rules::users::UserRule;
use crate::policy::testing::{self, asked};
use crate::policy::types::{
    Capability, EnvironmentEntry, HostPath, PortRange, SecurityOption, UserSpec,
};
use crate::policy::violations::VIOLATIONS_LISTED_MAX;
use proptest::prelude::*;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn verdict(policy: &Policy, effects: Vec<Effect>, facts: &Facts) -> String {
    let effects = effects.into_iter().map(asked).collect();
    testing::judged(policy, effects, facts)
}

fn path(text: &str) -> HostPath {
    HostPath::parse(text).unwrap()
}

fn image(text: &str) -> ImageRef {
    ImageRef::parse(text).unwrap()
}

/// Facts in which the given paths lead to themselves.
fn no_links(paths: &[&str]) -> Facts {
    let mut facts = Facts::none();
    paths.iter().for_each(|text| facts.add_link(path(text), path(text)));
    facts
}

fn host_network() -> Effect {
    Effect::Namespace(NamespaceEffect::Shared(Namespace {
        kind: NamespaceKind::Network,
        with: SharedWith::Host,
    }))
}

#[test]
fn all_violations_are_reported_together() {
    let policy = Policy {
        ports: vec![PortRule::parse("22").unwrap()],
        mounts: vec![MountRule::parse("/root").unwrap()],
        environment: vec![EnvironmentRule::parse("USER=0").unwrap()],
        privileged: PrivilegedRule::Forbid,
        ..Policy::permissive()
    };
    let effects = vec![
        Effect::Network(NetworkEffect::HostPorts(PortRange::parse("022").unwrap())),
        Effect::Mount(MountEffect::HostPath(path("/root/.ssh"))),
        Effect::Environment(EnvironmentEffect::Set(EnvironmentEntry::parse("USER=0").unwrap())),
        Effect::Privilege(PrivilegeEffect::Privileged),
    ];
    assert_eq!(
        verdict(&policy, effects, &Facts::none()),
        "forbidden: host port 22 (rule \"22\"); mount of /root/.ssh (rule \"/root\"); \
         environment variable USER (rule \"USER=...\"); privileged mode (rule \"privileged\")"
    );
}

#[test]
fn ports() {
    let policy = Policy { ports: vec![PortRule::parse("20-25").unwrap()], ..Policy::permissive() };
    let table = [
        ("22", "forbidden: host port 22 (rule \"20-25\")"),
        ("25-30/udp", "forbidden: host ports 25-30 (rule \"20-25\")"),
        ("26", "allowed"),
        ("", "allowed"),
    ];
    for (ports, expected) in table {
        let effect = Effect::Network(NetworkEffect::HostPorts(PortRange::parse(ports).unwrap()));
        assert_eq!(verdict(&policy, vec![effect], &Facts::none()), expected, "{ports:?}");
    }
    assert!(verdict(&policy, vec![host_network()], &Facts::none()).contains("every port"));
    let high = Policy { ports: vec![PortRule::parse("50000").unwrap()], ..Policy::permissive() };
    let picked = Effect::Network(NetworkEffect::HostPorts(PortRange::EPHEMERAL));
    assert!(verdict(&high, vec![picked], &Facts::none()).contains("the daemon picks"));
    for text in ["0", "", "0-0", "0-25", "/tcp", "-25", "22-"] {
        assert!(PortRule::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn mounts() {
    let policy = Policy {
        mounts: ["/root", "/"].map(|text| MountRule::parse(text).unwrap()).to_vec(),
        ..Policy::permissive()
    };
    let facts = no_links(&["/tmp", "/rootfs", "/root", "/root/x", "/"]);
    for (mounted, allowed) in [
        ("/root", false),
        ("/root/x", false),
        ("/", false),
        ("/..", false),
        ("/tmp", true),
        ("/rootfs", true),
    ] {
        let verdict = verdict(&policy, vec![MountEffect::HostPath(path(mounted)).into()], &facts);
        assert_eq!(verdict == "allowed", allowed, "{mounted}: {verdict}");
    }
    let every = Policy { mounts: vec![MountRule::parse("/**").unwrap()], ..Policy::permissive() };
    assert!(verdict(&every, vec![MountEffect::HostPath(path("/a")).into()], &facts).contains("/a"));
    for text in ["/root/*", "/root/**", "/*", "root", "", "~/x"] {
        assert!(MountRule::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn links_of_the_request_and_of_the_rule_are_followed() {
    let policy = Policy {
        mounts: vec![MountRule::parse("/var/run/docker.sock").unwrap()],
        ..Policy::permissive()
    };
    let mut facts = no_links(&["/tmp", "/run/docker.sock"]);
    facts.add_link(path("/var/run/docker.sock"), path("/run/docker.sock"));
    facts.add_link(path("/tmp/alias"), path("/run"));
    for (mounted, allowed) in [
        ("/var/run/docker.sock", false),
        ("/run/docker.sock", false),
        ("/tmp/alias", false),
        ("/tmp", true),
    ] {
        let verdict = verdict(&policy, vec![MountEffect::HostPath(path(mounted)).into()], &facts);
        assert_eq!(verdict == "allowed", allowed, "{mounted}: {verdict}");
    }
    let unknown = verdict(&policy, vec![MountEffect::HostPath(path("/elsewhere")).into()], &facts);
    assert!(unknown.contains("links are not known"), "{unknown}");
}

#[test]
fn what_is_mounted_twice_is_forbidden_by_either_path() {
    let policy =
        Policy { mounts: vec![MountRule::parse("/root").unwrap()], ..Policy::permissive() };
    let mut facts = no_links(&["/root", "/srv/x", "/srv/y", "/proc", "/proc/cpuinfo"]);
    for (mounted, alias) in [("/srv/x", "/root/.ssh"), ("/srv/y", "/home")] {
        let real = RealPath { path: path(mounted), aliases: vec![path(alias)] };
        facts.add_real_path(path(mounted), real);
    }
    for (mounted, expected) in [
        ("/srv/x", "mount of /srv/x, which is /root/.ssh too"),
        ("/srv/y", "allowed"),
        ("/proc", "mount of /proc, which has every process' files"),
        ("/proc/cpuinfo", "allowed"),
    ] {
        let verdict = verdict(&policy, vec![MountEffect::HostPath(path(mounted)).into()], &facts);
        assert!(verdict.contains(expected), "{mounted}: {verdict}");
    }
}

#[test]
fn only_what_a_rule_is_about_is_asked() {
    let policy =
        Policy { mounts: vec![MountRule::parse("/root").unwrap()], ..Policy::permissive() };
    let mount = [asked(MountEffect::HostPath(path("/tmp")))];
    let sockets = [path("/run/docker.sock"), path("/var/run/docker.sock")];
    let links = [&[path("/tmp"), path("/root")][..], &sockets].concat();
    assert!(questions(&policy, &mount).real_paths().into_iter().eq(&links));
    assert!(questions(&policy, &[asked(PrivilegeEffect::Privileged)]).is_empty());
    assert!(questions(&Policy::permissive(), &mount).is_empty());
}

#[test]
fn security_options() {
    let judged = |rule: &str, effect: Effect| {
        let policy =
            Policy { security: vec![SecurityRule::parse(rule).unwrap()], ..Policy::permissive() };
        verdict(&policy, vec![effect], &Facts::none()) == "allowed"
    };
    let table = [
        ("seccomp=unconfined", "seccomp:unconfined", false),
        ("seccomp:unconfined", "seccomp=unconfined", false),
        ("seccomp=unconfined", "seccomp={}", true),
        ("seccomp", "seccomp={}", false),
        ("apparmor", "seccomp={}", true),
        ("label=disable", "disable", false),
        ("no-new-privileges=false", "no-new-privileges=0", false),
        ("no-new-privileges=true", "no-new-privileges", false),
        ("no-new-privileges=false", "no-new-privileges", true),
        ("writable-cgroups=true", "writable-cgroups", false),
        ("label", "disable", false),
        ("label=type:x", "label:type:x", false),
    ];
    for (rule, option, allowed) in table {
        let effect = Effect::Privilege(PrivilegeEffect::SecurityOption(
            SecurityOption::parse(option).unwrap(),
        ));
        assert_eq!(judged(rule, effect), allowed, "{rule} against {option}");
    }
    for (rule, allowed) in [
        ("privileged", false),
        ("seccomp=unconfined", false),
        ("apparmor", false),
        ("systempaths=unconfined", false),
        ("no-new-privileges=false", true),
        ("seccomp=builtin", true),
    ] {
        assert_eq!(
            judged(rule, Effect::Privilege(PrivilegeEffect::Privileged)),
            allowed,
            "{rule} against privileged"
        );
    }
}

#[test]
fn a_rule_on_an_option_that_no_daemon_has_is_a_slip() {
    for text in [
        "secomp=unconfined",
        "seccomp =unconfined",
        "seccomp= unconfined",
        " seccomp",
        "Seccomp=unconfined",
        "",
        "=",
    ] {
        assert!(SecurityRule::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn one_refusal_lists_so_many_violations_and_no_more() {
    let policy = Policy {
        ports: ["1-65535", "22"].map(|text| PortRule::parse(text).unwrap()).to_vec(),
        ..Policy::permissive()
    };
    let port = |number: u32| {
        Effect::Network(NetworkEffect::HostPorts(PortRange::parse(&number.to_string()).unwrap()))
    };
    let told = verdict(&policy, (1..=65_535).map(port).collect(), &Facts::none());
    assert_eq!(told.matches("(rule").count(), VIOLATIONS_LISTED_MAX);
    assert!(told.ends_with("; and more"), "{told}");
    let host_network = Effect::Namespace(NamespaceEffect::Shared(Namespace {
        kind: NamespaceKind::Network,
        with: SharedWith::Host,
    }));
    let network = verdict(&policy, vec![host_network], &Facts::none());
    assert_eq!(network.matches("(rule").count(), 1, "{network}");
}

#[test]
fn client_text_cannot_forge_a_message() {
    let policy = Policy {
        environment: vec![EnvironmentRule::parse("A\nB").unwrap()],
        ..Policy::permissive()
    };
    let effect =
        Effect::Environment(EnvironmentEffect::Set(EnvironmentEntry::parse("A\nB=x").unwrap()));
    assert!(!verdict(&policy, vec![effect], &Facts::none()).contains('\n'));
}

#[test]
fn capabilities_devices_and_namespaces() {
    let policy = Policy {
        capabilities: vec![CapabilityRule::parse("cap_sys_admin").unwrap()],
        devices: ["/dev/kvm", "gpu"].map(|text| DeviceRule::parse(text).unwrap()).to_vec(),
        namespaces: ["pid", "container"].map(|text| NamespaceRule::parse(text).unwrap()).to_vec(),
        runtimes: vec![NameRule::parse("*").unwrap()],
        volumesfrom: vec![NameRule::parse("db").unwrap()],
        sysctls: vec![NameRule::parse("net.*").unwrap()],
        cgroupparent: vec![NameRule::parse("*").unwrap()],
        ..Policy::permissive()
    };
    let namespace =
        |kind, with| Effect::Namespace(NamespaceEffect::Shared(Namespace { kind, with }));
    let capability =
        |text| Effect::Privilege(PrivilegeEffect::Capability(Capability::parse(text).unwrap()));
    let db = || SharedWith::Container("db".to_owned());
    let table = [
        (capability("SYS_ADMIN"), false),
        (capability("all"), false),
        (capability("CHOWN"), true),
        (Effect::Privilege(PrivilegeEffect::Device(Device::Path(path("/dev/kvm")))), false),
        (Effect::Privilege(PrivilegeEffect::Device(Device::Path(path("/dev")))), false),
        (Effect::Privilege(PrivilegeEffect::Device(Device::Path(path("/dev/fuse")))), true),
        (
            Effect::Privilege(PrivilegeEffect::Device(Device::CgroupRule("c 1:3 r".to_owned()))),
            false,
        ),
        (Effect::Privilege(PrivilegeEffect::Device(Device::Request("GPU".to_owned()))), false),
        (Effect::Privilege(PrivilegeEffect::Device(Device::Request("tpu".to_owned()))), true),
        (namespace(NamespaceKind::Pid, SharedWith::Host), false),
        (namespace(NamespaceKind::Pid, db()), false),
        (namespace(NamespaceKind::Ipc, db()), false),
        (namespace(NamespaceKind::Ipc, SharedWith::Host), true),
        (Effect::Runtime(RuntimeEffect::Runtime("runc".to_owned())), false),
        (Effect::Existing(ExistingEffect::VolumesFrom("db".to_owned())), false),
        // It may be another name of it.
        (Effect::Existing(ExistingEffect::VolumesFrom("web".to_owned())), false),
        (Effect::Runtime(RuntimeEffect::Sysctl("net.ipv4.ip_forward".to_owned())), false),
        (Effect::Runtime(RuntimeEffect::Sysctl("kernel.msgmax".to_owned())), true),
        (Effect::Runtime(RuntimeEffect::CgroupParent("/".to_owned())), false),
        (Effect::Privilege(PrivilegeEffect::Privileged), false),
    ];
    for (effect, allowed) in table {
        let verdict = verdict(&policy, vec![effect.clone()], &Facts::none());
        assert_eq!(verdict == "allowed", allowed, "{effect:?}: {verdict}");
    }
}

proptest! {
    #[test]
    fn a_forbidden_port_is_refused_however_it_is_written(
        port in 1_u16..,
        (below, above) in (0_u16..99, 0_u16..99),
        zeros in "0{0,9}",
        protocol in "(/(tcp|UDP|sctp)?)?",
    ) {
        let policy = Policy {
            ports: vec![PortRule::parse(&port.to_string()).unwrap()],
            ..Policy::permissive()
        };
        let (first, last) = (port.saturating_sub(below).max(1), port.saturating_add(above));
        for text in [
            format!("{zeros}{port}{protocol}"),
            format!("{zeros}{first}-{zeros}{last}{protocol}"),
        ] {
            let effect = Effect::Network(NetworkEffect::HostPorts(PortRange::parse(&text).unwrap()));
            prop_assert_ne!(verdict(&policy, vec![effect], &Facts::none()), "allowed", "{}", text);
        }
        let beside = port.checked_add(1).unwrap_or(1);
        let effect = Effect::Network(NetworkEffect::HostPorts(PortRange::parse(&beside.to_string()).unwrap()));
        prop_assert_eq!(verdict(&policy, vec![effect], &Facts::none()), "allowed");
    }

    #[test]
    fn a_forbidden_path_is_refused_however_it_is_written(
        detours in prop::collection::vec("/|/\\.|/[a-z]{1,3}/\\.\\.", 3),
        below in "(/[a-z.]{1,3}x)?",
    ) {
        let policy = Policy {
            mounts: vec![MountRule::parse("/srv/keys").unwrap()],
            ..Policy::permissive()
        };
        let [a, b, c] = <[String; 3]>::try_from(detours).unwrap();
        let text = format!("{a}/srv{b}/keys{c}{below}");
        prop_assert_ne!(
            verdict(&policy, vec![MountEffect::HostPath(path(&text)).into()], &Facts::none()),
            "allowed",
            "{}", text
        );
    }

    #[test]
    fn messages_stay_on_one_line(text in "\\PC{0,9}[\\x00-\\x1f\"\\\\;()]{0,9}") {
        let policy = Policy {
            mounts: vec![MountRule::parse("/**").unwrap()],
            users: vec![UserRule::parse("0").unwrap()],
            ..Policy::permissive()
        };
        let effects = [
            HostPath::parse(&format!("/{text}")).ok().map(|path| MountEffect::HostPath(path).into()),
            UserSpec::parse(&format!("0:{text}")).ok().map(|user| IdentityEffect::User(user).into()),
        ];
        let asked = effects.into_iter().flatten().collect::<Vec<_>>();
        let count = asked.len();
        let told = verdict(&policy, asked, &Facts::none());
        prop_assert!(!told.contains(|c: char| c.is_control()), "{}", told);
        prop_assert_eq!(told.replace("\\\"", "").matches(" (rule \"").count() >= count, true);
    }
}
#[test]
fn a_network_that_may_be_the_hosts_must_be_known() {
    let of_ports = Policy { ports: vec![PortRule::parse("22").unwrap()], ..Policy::permissive() };
    let rule = |text| vec![NamespaceRule::parse(text).unwrap()];
    let of_namespaces = |text| Policy { namespaces: rule(text), ..Policy::permissive() };
    let effect = || Effect::Network(NetworkEffect::Joined("sh8".to_owned()));
    for (policy, is_about) in [
        (of_ports, true),
        (of_namespaces("network"), true),
        (of_namespaces("host"), true),
        (of_namespaces("pid"), false),
        (Policy::permissive(), false),
    ] {
        let unknown = verdict(&policy, vec![effect()], &Facts::none());
        assert_eq!(unknown != "allowed", is_about, "{unknown}");
        assert_eq!(questions(&policy, &[asked(effect())]).is_empty(), !is_about);
        for (known, allowed) in
            [(NetworkFacts::Other(vec![]), true), (NetworkFacts::Host, !is_about)]
        {
            let mut facts = Facts::none();
            facts.add_network("sh8".to_owned(), known.clone());
            let verdict = verdict(&policy, vec![effect()], &facts);
            assert_eq!(verdict == "allowed", allowed, "{known:?}: {verdict}");
        }
    }
}

#[test]
fn what_only_the_daemon_can_tell_is_refused_by_the_rules_about_it() {
    let mut policy = Policy {
        environment: vec![EnvironmentRule::parse("USER=0").unwrap()],
        ..Policy::permissive()
    };
    let template = |name: &str| vec![EnvironmentEffect::Template(name.to_owned()).into()];
    assert!(verdict(&policy, template("USER"), &Facts::none()).contains("template"));
    assert_eq!(verdict(&policy, template("user"), &Facts::none()), "allowed");
    let previous =
        || vec![ExistingEffect::PreviousSpec { service: "x".to_owned(), version: Some(1) }.into()];
    assert!(verdict(&policy, previous(), &Facts::none()).contains("(rule \"restrictions\")"));
    policy = Policy::permissive();
    assert_eq!(verdict(&policy, previous(), &Facts::none()), "allowed");
    policy.ceilings.capdrop = vec![Capability::parse("ALL").unwrap()];
    assert!(verdict(&policy, previous(), &Facts::none()).contains("(rule \"general\")"));
}

#[test]
fn ports_that_a_swarm_picks() {
    let policy = Policy { ports: vec![PortRule::parse("31000").unwrap()], ..Policy::permissive() };
    let picked =
        verdict(&policy, vec![NetworkEffect::HostPorts(PortRange::INGRESS).into()], &Facts::none());
    assert!(picked.contains("30000-32767 that the daemon picks"), "{picked}");
    assert!(PortRange::single(0).is_err() && PortRange::single(65_536).is_err());
    assert_eq!(PortRange::single(22), PortRange::parse("22"));
}
