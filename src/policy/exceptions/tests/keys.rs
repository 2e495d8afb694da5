//! Every key of an exception, and what it lifts.

use super::*;
use crate::policy::effects::{
    IdentityEffect, MountEffect, NetworkEffect, PrivilegeEffect, RuntimeEffect,
};

/// What each key lifts, and what lies beside it.
fn lifted_by_key() -> Vec<(Lifts, Vec<Effect>, Vec<Effect>)> {
    let option = |text: &str| {
        Effect::Privilege(PrivilegeEffect::SecurityOption(SecurityOption::parse(text).unwrap()))
    };
    let ports =
        |text: &str| Effect::Network(NetworkEffect::HostPorts(PortRange::parse(text).unwrap()));
    let user = |text: &str| Effect::Identity(IdentityEffect::User(UserSpec::parse(text).unwrap()));
    let group = |text: &str| Effect::Identity(IdentityEffect::Group(GroupSpec::parse(text)));
    let any =
        |text: &str| Effect::Mount(MountEffect::AnyPath(AnyPath::VolumeDriver(text.to_owned())));
    let share = |text: &str| ShareRule::parse(text).unwrap();
    let shared_by = |text: &str| share(text).example().unwrap();
    let host = |kind| shared(kind, SharedWith::Host);
    let (none, device) = (Lifts::default, |it| Effect::Privilege(PrivilegeEffect::Device(it)));
    let named = |text: &str| text.to_owned();
    vec![
        (
            Lifts { privileged: true, ..none() },
            vec![
                Effect::Privilege(PrivilegeEffect::Privileged),
                Effect::Privilege(PrivilegeEffect::KernelSettings),
            ],
            vec![Effect::Mount(MountEffect::HostPath(path("/srv"))), user("root")],
        ),
        (
            Lifts { capabilities: vec![Capability::parse("NET_RAW").unwrap()], ..none() },
            vec![capability("NET_RAW")],
            vec![capability("NET_ADMIN"), capability("ALL")],
        ),
        (
            Lifts {
                devices: ["/dev/fuse", "c 10:229 rwm", "gpu", "v.com/c=a"].map(named).into(),
                ..none()
            },
            vec![
                device(Device::Path(path("/dev/fuse"))),
                Effect::Privilege(PrivilegeEffect::DeviceOnStart(path("/dev/fuse"))),
                Effect::Mount(MountEffect::HostPath(path("/dev/fuse"))),
                device(Device::CgroupRule(named("c 10:229 rwm"))),
                device(Device::Request(named("gpu"))),
                device(Device::Request(named("nvidia"))),
                device(Device::Cdi(named("v.com/c=a"))),
            ],
            vec![
                device(Device::Path(path("/dev"))),
                device(Device::CgroupRule(named("c 10:* rwm"))),
                device(Device::Request(named("tpu"))),
                device(Device::Cdi(named("v.com/c=all"))),
                device(Device::Opaque(named("v.com/c=a,x"))),
                device(Device::Opaque(String::new())),
            ],
        ),
        (
            Lifts {
                paths: Some(AllowedMounts::only(vec![AllowedMounts::parse("/proc").unwrap()])),
                path_texts: vec![named("/proc")],
                ..none()
            },
            vec![
                Effect::Mount(MountEffect::HostPath(path("/proc"))),
                Effect::Mount(MountEffect::HostPathOnStart(path("/proc"))),
            ],
            ["/", "/proc/sys", "/root", "/tmp/proc"]
                .map(|text| Effect::Mount(MountEffect::HostPath(path(text))))
                .into(),
        ),
        (
            Lifts { shares: vec![share("nas.lan:/export")], ..none() },
            vec![shared_by("nas.lan:/export")],
            vec![shared_by("nas.lan:/other"), shared_by("other.lan:/export")],
        ),
        (
            Lifts { namespaces: vec![LiftedNamespace::parse("pid").unwrap()], ..none() },
            vec![
                host(NamespaceKind::Pid),
                Effect::Mount(MountEffect::AnyPath(AnyPath::HostProcesses)),
            ],
            vec![
                host(NamespaceKind::Ipc),
                shared(NamespaceKind::Pid, SharedWith::Container(named("x"))),
            ],
        ),
        (
            Lifts { users: vec![UserSpec::parse("1001").unwrap()], ..none() },
            vec![user("1001")],
            vec![
                user("1002"),
                user("1001:7"),
                user("root"),
                Effect::Identity(IdentityEffect::ImageUser(Holder::Daemon)),
            ],
        ),
        (
            Lifts { groups: vec![GroupSpec::parse("999")], ..none() },
            vec![group("999")],
            vec![group("998"), group("docker"), user("1000:999")],
        ),
        (
            Lifts { ports: vec![PortRange::parse_one("20-25").unwrap()], ..none() },
            vec![ports("22"), ports("20-25")],
            vec![ports("19-22"), ports("26"), ports("0")],
        ),
        (
            Lifts {
                security: vec![SecurityOption::parse("seccomp=unconfined").unwrap()],
                ..none()
            },
            vec![option("seccomp=unconfined")],
            vec![
                option("seccomp={}"),
                option("apparmor=unconfined"),
                Effect::Privilege(PrivilegeEffect::KernelSettings),
            ],
        ),
        (
            Lifts { sysctls: vec![NameRule::parse("net.ipv4.ip_forward").unwrap()], ..none() },
            vec![RuntimeEffect::Sysctl(named("net.ipv4.ip_forward")).into()],
            vec![
                Effect::Runtime(RuntimeEffect::Sysctl(named("net.ipv4.ip_forward.x"))),
                Effect::Runtime(RuntimeEffect::Sysctl(named("kernel.x"))),
            ],
        ),
        (
            Lifts { runtimes: vec![NameRule::parse("kata").unwrap()], ..none() },
            vec![RuntimeEffect::Runtime(named("kata")).into()],
            vec![
                Effect::Runtime(RuntimeEffect::Runtime(named("runc"))),
                Effect::Runtime(RuntimeEffect::Runtime(String::new())),
            ],
        ),
        (
            Lifts { cgroupparent: vec![NameRule::parse("/agents").unwrap()], ..none() },
            vec![RuntimeEffect::CgroupParent(named("/agents")).into()],
            vec![
                Effect::Runtime(RuntimeEffect::CgroupParent(named("/other"))),
                Effect::Runtime(RuntimeEffect::CgroupParent(named("/"))),
            ],
        ),
        (
            Lifts { volumedrivers: vec![NameRule::parse("rclone").unwrap()], ..none() },
            vec![any("rclone")],
            vec![any("rclone2"), Effect::Mount(MountEffect::AnyPath(AnyPath::ClusterVolume))],
        ),
    ]
}

#[test]
fn every_key_lifts_what_it_names_and_nothing_else() {
    let all = lifted_by_key();
    let known = facts("agent:1", &["agent:1"]);
    let lift = |lifts: &Lifts, effect: &Effect| {
        let asked = RequestedEffect { effect: effect.clone(), at: FieldPath::Field("X") };
        lifts.lift(&asked, std::slice::from_ref(&asked), &known)
    };
    // A new key needs a line above.
    let Lifts {
        privileged: _,
        capabilities: _,
        devices: _,
        paths: _,
        path_texts: _, // With the paths.
        shares: _,
        namespaces: _,
        users: _,
        groups: _,
        ports: _,
        security: _,
        sysctls: _,
        runtimes: _,
        cgroupparent: _,
        volumedrivers: _,
    } = Lifts::default();
    assert_eq!(all.len(), 14);
    for (row, (lifts, named, beside)) in all.iter().enumerate() {
        named.iter().for_each(|effect| assert!(lift(lifts, effect), "{lifts:?}: {effect:?}"));
        beside.iter().for_each(|effect| assert!(!lift(lifts, effect), "{lifts:?}: {effect:?}"));
        for (other, (_, effects, _)) in all.iter().enumerate().filter(|(other, _)| *other != row) {
            for effect in effects {
                // Privileged mode has every capability, device and option.
                let is_of_privileged = lifts.privileged
                    && matches!(
                        effect,
                        Effect::Privilege(
                            PrivilegeEffect::Capability(_)
                                | PrivilegeEffect::Device(_)
                                | PrivilegeEffect::DeviceOnStart(_)
                                | PrivilegeEffect::SecurityOption(_)
                        )
                    );
                assert_eq!(lift(lifts, effect), is_of_privileged, "{other} {lifts:?}: {effect:?}");
            }
        }
    }
}
