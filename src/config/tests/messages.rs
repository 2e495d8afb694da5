//! Every kind of refusal, in `messages.txt` as people read it: each effect under each rule, with what the
//! daemon and the host may say about it.
//!
//! `UPDATE_MESSAGES=1 cargo test --lib messages` writes the list anew.

#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use crate::config::{Overrides, parse};
use crate::image::ImageRef;
use crate::policy::effects::{
    AnyPath, Builder, Device, Effect, FieldPath, Holder, ImageNames, MadeOf, Namespace,
    NamespaceKind, Opaque, RequestedEffect, SharedWith, Steps, Takeover,
};
use crate::policy::facts::{
    AddressFacts, BuilderFacts, Container, ContainerFacts, DeviceFacts, Facts, ImageFacts,
    NamedImage, NetworkFacts, RealPath, ServiceFacts, SubnetFacts, VolumeFacts,
};
use crate::policy::platform::AskedPlatform;
use crate::policy::principals::GroupSpec;
use crate::policy::shares::{Protocol, Server, Share};
use crate::policy::subnets::{Subnet, SubnetUse};
use crate::policy::types::{
    Capability, EnvironmentEntry, HostPath, PortRange, SecurityOption, UserSpec,
};
use crate::policy::versions::ApiVersion;
use crate::policy::{Inspected, Policy, Verdict, ceilings::CpuLimit, judge};

/// One rule of each kind, as a configuration has it.
const RULES: &[&str] = &[
    "restrictions: {ports: [22, 31000]}",
    "restrictions: {mounts: [/root]}",
    "restrictions: {mounts: {allow: [/srv/ci]}}",
    "restrictions: {users: [root]}",
    "restrictions: {users: ['999']}",
    "restrictions: {users: ['500-1000']}",
    "restrictions: {groups: ['0', '999']}",
    "restrictions: {groups: [no-such-group]}",
    "restrictions: {environment: [USER=0]}",
    "restrictions: {environment: [HOSTNAME, A_NAME]}",
    "restrictions: {securitypolicies: [seccomp=unconfined]}",
    "restrictions: {securitypolicies: [privileged]}",
    "restrictions: {images: ['ubuntu:16.04']}",
    "restrictions: {images: {allow: ['team/app']}}",
    "restrictions: {privileged: true}",
    "restrictions: {capabilities: [SYS_ADMIN]}",
    "restrictions: {devices: [/dev/sda]}",
    "restrictions: {devices: [gpu]}",
    "restrictions: {namespaces: [host]}",
    "restrictions: {namespaces: [pid]}",
    "restrictions: {runtimes: [odd]}",
    "restrictions: {volumesfrom: ['*']}",
    "restrictions: {volumedrivers: [odd]}",
    "restrictions: {volumedrivers: {allow: [other]}}",
    "restrictions: {sysctls: ['kernel.*']}",
    "restrictions: {cgroupparent: [/odd]}",
    "restrictions: {subnets: [host]}",
    "restrictions: {subnets: [public, link-local]}",
    "restrictions: {subnets: [10.0.0.0/8]}",
    "restrictions: {subnets: {allow: [192.168.0.0/16]}}",
    "restrictions: {builds: forbid}",
    "restrictions: {users: [toor]}\ngeneral: {memory: 1g}",
    "restrictions: {users: ['1000']}\ngeneral: {user: '1000'}",
    "restrictions: {users: [toor]}\nstrict: true",
    "general: {secopts: [no-new-privileges], capdrop: [ALL], capadd: [KILL]}",
    "general: {secopts: ['apparmor=docker-default', 'label=disable']}",
    "restrictions: {users: [toor]}\nexceptions: [{image: odd, reason: x, users: [toor]}]",
];

fn text(text: &str) -> String {
    text.to_owned()
}

fn path(text: &str) -> HostPath {
    HostPath::parse(text).unwrap()
}

fn image(text: &str) -> ImageRef {
    ImageRef::parse(text).unwrap()
}

fn user(text: &str) -> UserSpec {
    UserSpec::parse(text).unwrap()
}

fn ports(text: &str) -> PortRange {
    PortRange::parse(text).unwrap()
}

fn capability(text: &str) -> Effect {
    Effect::Capability(Capability::parse(text).unwrap())
}

fn option(text: &str) -> Effect {
    Effect::SecurityOption(SecurityOption::parse(text).unwrap())
}

fn subnet(text: &str) -> Subnet {
    Subnet::parse(text).unwrap()
}

fn shares(kind: NamespaceKind, with: SharedWith) -> Namespace {
    Namespace { kind, with }
}

/// A new effect needs an example below.
fn has_an_example(effect: &Effect) {
    match effect {
        Effect::Build(_) | Effect::Opaque(_) | Effect::Takeover(_) | Effect::Image(_) => {}
        Effect::ImageName(_) | Effect::ImageContent | Effect::ImageNameGiven(_) => {}
        Effect::ImageNamesUnseen | Effect::ImageNamesTaken | Effect::ImageRemoved(_) => {}
        Effect::User(_) | Effect::Group(_) | Effect::ImageUser(_) => {}
        Effect::ImageEnvironment(_) | Effect::ContainerUser(_) | Effect::ExecIn(_) => {}
        Effect::Archive(_) | Effect::Named { .. } | Effect::CpuQuota(_) => {}
        Effect::Environment(_) | Effect::EnvironmentTemplate(_) => {}
        Effect::DefaultEnvironment { .. } | Effect::LinkedEnvironment(_) => {}
        Effect::HostPorts(_) | Effect::HostPath(_) | Effect::AnyPath(_) | Effect::Volume(_) => {}
        Effect::Started(_) | Effect::HostPathOnStart(_) | Effect::VolumeOnStart(_) => {}
        Effect::DeviceOnStart(_) | Effect::NamespaceOnStart(_) | Effect::SecurityOption(_) => {}
        Effect::KernelSettings | Effect::Privileged | Effect::Capability(_) => {}
        Effect::Device(_) | Effect::Namespace(_) | Effect::Network(_) => {}
        Effect::Subnet(..) | Effect::SubnetsOf(..) | Effect::SubnetDriver(_) => {}
        Effect::HostInterface(_)
        | Effect::HostBridge(_)
        | Effect::FileServer(_)
        | Effect::Runtime(_) => {}
        Effect::VolumesFrom(_) | Effect::Sysctl(_) | Effect::CgroupParent(_) => {}
        Effect::Annotation(_) | Effect::PreviousSpec { .. } => {}
        Effect::ServiceVersion(_) | Effect::Unknown(_) | Effect::Platform(_) => {}
        Effect::MadeOf(_) | Effect::Renamed { .. } | Effect::SourcePolicy => {}
        Effect::HostProgram(_) | Effect::ManagerRole { .. } | Effect::BuildSteps(_) => {}
        Effect::Podmans(_) => {}
    }
}

fn examples() -> Vec<Vec<Effect>> {
    let all =
        [of_images(), of_principals(), of_the_host(), of_networks(), of_what_exists()].concat();
    all.iter().flatten().for_each(has_an_example);
    all
}

fn each(effects: impl IntoIterator<Item = Effect>) -> Vec<Vec<Effect>> {
    effects.into_iter().map(|effect| vec![effect]).collect()
}

fn of_images() -> Vec<Vec<Effect>> {
    let builders = [
        Builder::Read,
        Builder::Unread,
        Builder::Remote,
        Builder::BuildKit,
        Builder::BuildKitSession,
        Builder::SessionOffered,
        Builder::BuildKitUnseen,
        Builder::BuildKitSolve,
    ];
    let mut all = each(builders.map(Effect::Build));
    all.extend(each([
        Effect::Opaque(Opaque::User(text("$WHO"))),
        Effect::Opaque(Opaque::Variable),
        Effect::Opaque(Opaque::Image(text("not a name"))),
        Effect::Opaque(Opaque::Instructions(text("it has no FROM"))),
        Effect::Image(image("ubuntu:16.04")),
        Effect::Image(image("alias:1")),
        Effect::Image(image("former:1")),
        Effect::Image(image("unknown:1")),
        Effect::MadeOf(Box::new(MadeOf { image: image("alias:1"), asked: None })),
        Effect::MadeOf(Box::new(MadeOf { image: image("unknown:1"), asked: None })),
        Effect::ImageName(ImageNames::One(image("ubuntu:16.04"))),
        Effect::ImageName(ImageNames::One(image("sha256:0123456789abcdef"))),
        Effect::ImageName(ImageNames::EveryTag(image("ubuntu"))),
        Effect::ImageContent,
        Effect::SourcePolicy,
        Effect::BuildSteps(Steps::Frontend),
        Effect::BuildSteps(Steps::Opaque),
        Effect::BuildSteps(Steps::Scanner),
        Effect::BuildSteps(Steps::OfClient(None)),
        Effect::ImageNameGiven(image("odd:1")),
        Effect::ImageNamesUnseen,
        Effect::ImageNamesTaken,
        Effect::ImageRemoved(image("ubuntu:16.04")),
        Effect::ImageRemoved(image("alias:1")),
    ]));
    all
}

fn of_principals() -> Vec<Vec<Effect>> {
    let variable = |text: &str| Effect::Environment(EnvironmentEntry::parse(text).unwrap());
    let mut all =
        each(["root", "0:0", "1000:999", "somebody", "1000"].map(|name| Effect::User(user(name))));
    all.extend(each(["0", "999", "some"].map(|name| Effect::Group(GroupSpec::parse(name)))));
    for name in ["ubuntu:16.04", "alias:1", "unknown:1"] {
        for holder in [Holder::Daemon, Holder::Registry] {
            all.push(vec![Effect::Image(image(name)), Effect::ImageUser(holder)]);
            all.push(vec![Effect::Image(image(name)), Effect::ImageEnvironment(holder)]);
        }
    }
    for platform in ["linux/arm64", "odd"] {
        let asked = Effect::Platform(Box::new(AskedPlatform::parse(platform)));
        all.push(vec![
            Effect::Image(image("alias:1")),
            Effect::ImageUser(Holder::Daemon),
            Effect::ImageEnvironment(Holder::Daemon),
            asked,
        ]);
    }
    all.extend(each([
        variable("USER=0"),
        variable("HOSTNAME=x"),
        variable("NVIDIA_VISIBLE_DEVICES=all"),
        Effect::EnvironmentTemplate(text("USER")),
        Effect::DefaultEnvironment { name: "HOSTNAME", value: None },
        Effect::LinkedEnvironment(text("A_")),
    ]));
    all
}

fn of_the_host() -> Vec<Vec<Effect>> {
    let takeovers = [
        Takeover::Plugin,
        Takeover::Swarm,
        Takeover::OwnSwarm,
        Takeover::SwarmAuthority,
        Takeover::SwarmUnlocked,
        Takeover::SwarmUnlockKey,
        Takeover::Manager,
    ];
    let mut all = each(takeovers.map(Effect::Takeover));
    let paths = ["/root/.ssh", "/", "/link", "/alias", "/unknown", "/var/run/docker.sock", "/proc"];
    all.extend(each(paths.map(|text| Effect::HostPath(path(text)))));
    all.extend(each(paths.map(|text| Effect::HostPathOnStart(path(text)))));
    all.extend(each(["/dev/sda", "/dev/unknown", "/dev"].map(|text| Effect::HostPath(path(text)))));
    let any = [
        AnyPath::HostProcesses,
        AnyPath::VolumeDriver(text("odd")),
        AnyPath::ClusterVolume,
        AnyPath::Relative(text("./x")),
        AnyPath::FileSystem(text("overlay")),
        AnyPath::Option(text("o=x")),
        AnyPath::NoServer(text("nfs")),
        AnyPath::Devices(text("vendor.com/net=x")),
        AnyPath::Template(text("{{.Node.Hostname}}")),
        AnyPath::Socket(text("unix:x")),
    ];
    all.extend(each(any.map(Effect::AnyPath)));
    let share = |server: &str| Share {
        protocol: Protocol::Nfs,
        server: Server::of(server),
        path: Some(path("/export")),
    };
    let servers = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "nas.lan"];
    all.extend(each(servers.map(|server| Effect::FileServer(share(server)))));
    let devices = [
        Device::Path(path("/dev/sda")),
        Device::Path(path("/dev/unknown")),
        Device::Path(path("/dev")),
        Device::CgroupRule(text("a *:* rwm")),
        Device::Request(text("nvidia")),
        Device::Opaque(text("vendor.com/net=x")),
    ];
    all.extend(each(devices.map(Effect::Device)));
    all.extend(each(["SYS_ADMIN", "ALL", "SYS_MODULE"].map(capability)));
    all.push(
        ["ALL"]
            .map(capability)
            .into_iter()
            .chain([option("seccomp=unconfined"), option("apparmor=unconfined")])
            .collect(),
    );
    let options =
        ["seccomp=unconfined", "apparmor=unconfined", "label=disable", "systempaths=unconfined"];
    all.extend(each(options.map(option)));
    all.extend(each([
        Effect::DeviceOnStart(path("/dev/sda")),
        Effect::KernelSettings,
        Effect::Privileged,
        Effect::Runtime(text("odd")),
        Effect::Runtime(text("nvidia")),
        Effect::Sysctl(text("kernel.shmmax")),
        Effect::CgroupParent(text("/odd/x")),
        Effect::Annotation(text("org.systemd.property.MemoryMax")),
        Effect::CpuQuota(text("c")),
        Effect::Unknown(text("HostConfig.Odd")),
        Effect::Podmans(text("parameter volume of a build")),
        Effect::ServiceVersion(None),
        Effect::ServiceVersion(Some(ApiVersion::parse("1.30"))),
    ]));
    all
}

fn of_networks() -> Vec<Vec<Effect>> {
    let mut all = each(["22", "20-25"].map(|text| Effect::HostPorts(ports(text))));
    all.push(vec![Effect::HostPorts(PortRange::INGRESS)]);
    let kinds = [
        NamespaceKind::Network,
        NamespaceKind::Pid,
        NamespaceKind::Ipc,
        NamespaceKind::Uts,
        NamespaceKind::User,
        NamespaceKind::Cgroup,
    ];
    for kind in kinds {
        all.push(vec![Effect::Namespace(shares(kind, SharedWith::Host))]);
    }
    for name in ["privileged", "unknown"] {
        let with = || SharedWith::Container(text(name));
        all.push(vec![Effect::Namespace(shares(NamespaceKind::Pid, with()))]);
        all.push(vec![Effect::NamespaceOnStart(shares(NamespaceKind::Network, with()))]);
    }
    for put_to in [SubnetUse::Routed, SubnetUse::Joined, SubnetUse::Given] {
        let nets = ["10.1.0.0/16", "8.8.8.0/24", "169.254.0.0/16", "172.16.0.0/16"];
        all.extend(each(nets.map(|text| Effect::Subnet(subnet(text), put_to))));
        all.extend(each(
            ["host", "ten", "unknown"].map(|name| Effect::SubnetsOf(text(name), put_to)),
        ));
    }
    all.extend(each([
        Effect::Network(text("host")),
        Effect::Network(text("unknown")),
        Effect::SubnetDriver(text("odd")),
        Effect::HostInterface(text("eth0")),
        Effect::HostBridge(text("br0")),
        Effect::HostProgram(text("/usr/bin/hook")),
        Effect::ManagerRole { node: text("unknown"), version: Some(1) },
        Effect::Device(Device::Cdi(text("vendor.com/class=unknown"))),
    ]));
    all
}

fn of_what_exists() -> Vec<Vec<Effect>> {
    let mut all = Vec::new();
    for name in ["privileged", "unknown"] {
        all.extend(each([
            Effect::ContainerUser(text(name)),
            Effect::ExecIn(text(name)),
            Effect::Archive(text(name)),
            Effect::Started(text(name)),
            Effect::VolumesFrom(text(name)),
            Effect::Renamed { container: text(name), to: text("free") },
            Effect::Volume(text(name)),
            Effect::VolumeOnStart(text(name)),
        ]));
        for version in [Some(1), Some(2)] {
            all.push(vec![Effect::PreviousSpec { service: text(name), version }]);
        }
    }
    all.extend(each(
        ["container", "network", "volume"]
            .map(|what| Effect::Named { what, name: text("0123456789ab") }),
    ));
    all
}

/// A host and a daemon on which whatever may be dangerous is.
fn known() -> Facts {
    let mut facts = Facts::none();
    for text in ["/root", "/root/.ssh", "/", "/alias", "/srv/ci", "/proc", "/dev", "/dev/sda"] {
        facts.add_link(path(text), path(text));
    }
    facts.add_link(path("/link"), path("/root"));
    facts.add_link(path("/var/run/docker.sock"), path("/run/docker.sock"));
    let twice = RealPath { path: path("/alias"), aliases: vec![path("/root/x")] };
    facts.add_real_path(path("/alias"), twice);
    facts.add_device(path("/dev/sda"), DeviceFacts::Disk);
    facts.add_device(path("/dev"), DeviceFacts::Disk);
    facts.add_address([10, 0, 0, 1].into(), AddressFacts::Own);
    facts.add_address([10, 0, 0, 2].into(), AddressFacts::Other);
    let ten = subnet("10.1.0.0/16");
    facts.add_subnet(ten, SubnetFacts { address: Some(ten), route: Some(ten), server: Some(ten) });
    let route = subnet("172.16.0.0/12");
    facts.add_subnet(
        subnet("172.16.0.0/16"),
        SubnetFacts { route: Some(route), ..Default::default() },
    );
    known_to_the_daemon(&mut facts);
    facts
}

fn known_to_the_daemon(facts: &mut Facts) {
    let of = |names: &[&str], who: Option<&str>| ImageFacts::Present {
        id: text("sha256:01"),
        names: NamedImage::new(text("sha256:01"), names.iter().copied()).names,
        user: who.map(user),
        environment: vec![EnvironmentEntry::parse("USER=0").unwrap()],
    };
    facts.add_image(image("ubuntu:16.04"), of(&["ubuntu:16.04"], None));
    facts.add_image(image("alias:1"), of(&["alias:1", "ubuntu:16.04"], Some("somebody:999")));
    facts.add_image_list(vec![NamedImage::new(text("sha256:01"), ["alias:1", "ubuntu:16.04"])]);
    facts.add_network(text("host"), NetworkFacts::Host);
    facts.add_network(text("ten"), NetworkFacts::Other(vec![subnet("10.1.0.0/16")]));
    let mount = || Effect::HostPath(path("/root"));
    facts.add_volume(text("privileged"), VolumeFacts::Present(vec![mount()]));
    facts.add_container(text("privileged"), ContainerFacts::Present(privileged(mount())));
    let effects = vec![Effect::User(user("root"))];
    let service = ServiceFacts::Present { version: 1, effects, forced: vec!["general.user"] };
    facts.add_service(text("privileged"), service);
    facts.add_builder(BuilderFacts { heeds_policies: false, limits_steps: false });
    facts.add_api_version(ApiVersion::parse("1.40"));
}

fn privileged(mount: Effect) -> Container {
    let host = || vec![shares(NamespaceKind::Pid, SharedWith::Host)];
    Container {
        names: vec![text("privileged")],
        image: None,
        first_run: Some(vec![Effect::User(user("root"))]),
        user: user("root"),
        is_privileged: true,
        shares: host(),
        shares_of_host: Some(host()),
        networks: vec![text("host")],
        powers: Some(vec![Effect::Privileged, capability("SYS_ADMIN")]),
        mounts: vec![mount],
        cpu: CpuLimit::QuotaOrNone,
        devices: vec![path("/dev/sda")],
    }
}

/// What is said of these effects, one sentence each.
fn said(policy: &Policy, effects: &[Effect], facts: &Facts) -> Vec<String> {
    let at = || FieldPath::Element("List", 7);
    let asked =
        effects.iter().map(|effect| RequestedEffect { effect: effect.clone(), at: at() }).collect();
    match judge(policy, Inspected::new((), asked), facts) {
        Verdict::Allowed(_) => Vec::new(),
        Verdict::Forbidden(violations) => violations.iter().map(ToString::to_string).collect(),
    }
}

/// The whole list: below each rule what it says, each sentence where it is said first.
fn list() -> String {
    let (mut list, mut before) = (String::new(), BTreeSet::new());
    for rules in RULES {
        let policy = parse(rules, Path::new("/"), &Overrides::default()).unwrap().policy;
        let mut sentences = BTreeSet::new();
        for effects in examples() {
            for facts in [Facts::none(), known()] {
                sentences.extend(said(&policy, &effects, &facts));
            }
        }
        sentences.retain(|sentence| before.insert(without_rules(sentence).to_owned()));
        writeln!(list, "{rules}").unwrap();
        sentences.iter().for_each(|sentence| writeln!(list, "  {sentence}").unwrap());
    }
    list
}

fn without_rules(sentence: &str) -> &str {
    sentence.rsplit_once(" (rule").unwrap().0
}

#[test]
fn every_kind_of_refusal_reads_as_in_the_list() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/messages.txt");
    let list = list();
    if std::env::var_os("UPDATE_MESSAGES").is_some() {
        std::fs::write(&file, &list).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = list.lines().zip(written.lines()).find(|(is, was)| is != was);
    assert!(
        list == written,
        "messages read otherwise than src/config/messages.txt; read them, and write the list anew by \
         `UPDATE_MESSAGES=1 cargo test --lib messages`. First difference: {differs:?}"
    );
}

/// Values are named, not places in lists, and no clause stands twice.
#[test]
fn no_refusal_names_a_position_or_says_anything_twice() {
    for line in list().lines().filter(|line| line.starts_with("  ")) {
        assert!(!line.contains("List[") && !line.contains("[7]"), "a position: {line}");
        assert!(!line.contains(" is no ") && !line.contains("  which"), "not plain: {line}");
        let clauses: Vec<_> = without_rules(line).split(", ").collect();
        let distinct: BTreeSet<_> = clauses.iter().collect();
        assert_eq!(clauses.len(), distinct.len(), "twice: {line}");
    }
}
