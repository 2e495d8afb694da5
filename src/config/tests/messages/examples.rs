//! Each effect, as far as rules differ in it.

use super::*;
use crate::policy::effects::{
    AnyPath, BuildEffect, Builder, Device, EnvironmentEffect, ExistingEffect, Holder, ImageEffect,
    ImageNames, MadeOf, NamespaceEffect, NetworkEffect, Opaque, ReadingEffect, RuntimeEffect,
    Steps, Takeover, TakeoverEffect,
};
use crate::policy::platform::AskedPlatform;
use crate::policy::principals::GroupSpec;
use crate::policy::shares::{Protocol, Server, Share};
use crate::policy::subnets::SubnetUse;

/// A new effect needs an example below.
fn has_an_example(effect: &Effect) {
    match effect {
        Effect::Image(effect) => image_has_an_example(effect),
        Effect::Build(BuildEffect::By(_) | BuildEffect::Steps(_) | BuildEffect::Opaque(_)) => {}
        Effect::Takeover(TakeoverEffect::By(_) | TakeoverEffect::HostProgram(_)) => {}
        Effect::Takeover(TakeoverEffect::ManagerRole { .. }) => {}
        Effect::Identity(IdentityEffect::User(_) | IdentityEffect::Group(_)) => {}
        Effect::Identity(IdentityEffect::ImageUser(_) | IdentityEffect::ContainerUser(_)) => {}
        Effect::Environment(EnvironmentEffect::Set(_) | EnvironmentEffect::Template(_)) => {}
        Effect::Environment(EnvironmentEffect::Default { .. } | EnvironmentEffect::Linked(_)) => {}
        Effect::Environment(EnvironmentEffect::OfImage(_)) => {}
        Effect::Mount(MountEffect::HostPath(_) | MountEffect::HostPathOnStart(_)) => {}
        Effect::Mount(MountEffect::Volume(_) | MountEffect::VolumeOnStart(_)) => {}
        Effect::Mount(MountEffect::AnyPath(_) | MountEffect::FileServer(_)) => {}
        Effect::Existing(effect) => existing_has_an_example(effect),
        Effect::Privilege(PrivilegeEffect::Device(_) | PrivilegeEffect::DeviceOnStart(_)) => {}
        Effect::Privilege(PrivilegeEffect::KernelSettings | PrivilegeEffect::Privileged) => {}
        Effect::Privilege(PrivilegeEffect::Capability(_)) => {}
        Effect::Privilege(PrivilegeEffect::SecurityOption(_)) => {}
        Effect::Namespace(NamespaceEffect::Shared(_) | NamespaceEffect::OnStart(_)) => {}
        Effect::Network(NetworkEffect::HostPorts(_) | NetworkEffect::Joined(_)) => {}
        Effect::Network(NetworkEffect::HostInterface(_) | NetworkEffect::HostBridge(_)) => {}
        Effect::Network(NetworkEffect::Subnet(..) | NetworkEffect::SubnetsOf(..)) => {}
        Effect::Network(NetworkEffect::SubnetDriver(_)) => {}
        Effect::Runtime(RuntimeEffect::Runtime(_) | RuntimeEffect::Sysctl(_)) => {}
        Effect::Runtime(RuntimeEffect::CgroupParent(_) | RuntimeEffect::Annotation(_)) => {}
        Effect::Reading(ReadingEffect::ServiceVersion(_) | ReadingEffect::Podmans(_)) => {}
        Effect::Reading(ReadingEffect::Unknown(_)) => {}
    }
}

fn image_has_an_example(effect: &ImageEffect) {
    match effect {
        ImageEffect::Used(_) | ImageEffect::MadeOf(_) | ImageEffect::Names(_) => {}
        ImageEffect::Content | ImageEffect::SourcePolicy | ImageEffect::NameGiven(_) => {}
        ImageEffect::NamesUnseen | ImageEffect::NamesTaken | ImageEffect::Removed(_) => {}
        ImageEffect::Platform(_) => {}
    }
}

fn existing_has_an_example(effect: &ExistingEffect) {
    match effect {
        ExistingEffect::Started(_) | ExistingEffect::ExecIn(_) | ExistingEffect::Archive(_) => {}
        ExistingEffect::VolumesFrom(_) | ExistingEffect::Renamed { .. } => {}
        ExistingEffect::Named { .. } | ExistingEffect::CpuQuota(_) => {}
        ExistingEffect::PreviousSpec { .. } => {}
    }
}

pub(super) fn examples() -> Vec<Vec<Effect>> {
    let all =
        [of_images(), of_principals(), of_the_host(), of_networks(), of_what_exists()].concat();
    all.iter().flatten().for_each(has_an_example);
    all
}

fn each<E: Into<Effect>>(effects: impl IntoIterator<Item = E>) -> Vec<Vec<Effect>> {
    effects.into_iter().map(|effect| vec![effect.into()]).collect()
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
    let mut all = each(builders.map(BuildEffect::By));
    all.extend(each([
        Effect::Build(BuildEffect::Opaque(Opaque::User(text("$WHO")))),
        Effect::Build(BuildEffect::Opaque(Opaque::Variable)),
        Effect::Build(BuildEffect::Opaque(Opaque::Image(text("not a name")))),
        Effect::Build(BuildEffect::Opaque(Opaque::Instructions(text("it has no FROM")))),
        Effect::Image(ImageEffect::Used(image("ubuntu:16.04"))),
        Effect::Image(ImageEffect::Used(image("alias:1"))),
        Effect::Image(ImageEffect::Used(image("former:1"))),
        Effect::Image(ImageEffect::Used(image("unknown:1"))),
        Effect::Image(ImageEffect::MadeOf(Box::new(MadeOf {
            image: image("alias:1"),
            asked: None,
        }))),
        Effect::Image(ImageEffect::MadeOf(Box::new(MadeOf {
            image: image("unknown:1"),
            asked: None,
        }))),
        Effect::Image(ImageEffect::Names(ImageNames::One(image("ubuntu:16.04")))),
        Effect::Image(ImageEffect::Names(ImageNames::One(image("sha256:0123456789abcdef")))),
        Effect::Image(ImageEffect::Names(ImageNames::EveryTag(image("ubuntu")))),
        Effect::Image(ImageEffect::Content),
        Effect::Image(ImageEffect::SourcePolicy),
        Effect::Build(BuildEffect::Steps(Steps::Frontend)),
        Effect::Build(BuildEffect::Steps(Steps::Opaque)),
        Effect::Build(BuildEffect::Steps(Steps::Scanner)),
        Effect::Build(BuildEffect::Steps(Steps::OfClient(None))),
        Effect::Image(ImageEffect::NameGiven(image("odd:1"))),
        Effect::Image(ImageEffect::NamesUnseen),
        Effect::Image(ImageEffect::NamesTaken),
        Effect::Image(ImageEffect::Removed(image("ubuntu:16.04"))),
        Effect::Image(ImageEffect::Removed(image("alias:1"))),
    ]));
    all
}

fn of_principals() -> Vec<Vec<Effect>> {
    let variable = |text: &str| {
        Effect::Environment(EnvironmentEffect::Set(EnvironmentEntry::parse(text).unwrap()))
    };
    let mut all = each(
        ["root", "0:0", "1000:999", "somebody", "1000"]
            .map(|name| IdentityEffect::User(user(name))),
    );
    all.extend(each(
        ["0", "999", "some"].map(|name| IdentityEffect::Group(GroupSpec::parse(name))),
    ));
    for name in ["ubuntu:16.04", "alias:1", "unknown:1"] {
        for holder in [Holder::Daemon, Holder::Registry] {
            all.push(vec![
                Effect::Image(ImageEffect::Used(image(name))),
                Effect::Identity(IdentityEffect::ImageUser(holder)),
            ]);
            all.push(vec![
                Effect::Image(ImageEffect::Used(image(name))),
                Effect::Environment(EnvironmentEffect::OfImage(holder)),
            ]);
        }
    }
    for platform in ["linux/arm64", "odd"] {
        let asked = Effect::Image(ImageEffect::Platform(Box::new(AskedPlatform::parse(platform))));
        all.push(vec![
            Effect::Image(ImageEffect::Used(image("alias:1"))),
            Effect::Identity(IdentityEffect::ImageUser(Holder::Daemon)),
            Effect::Environment(EnvironmentEffect::OfImage(Holder::Daemon)),
            asked,
        ]);
    }
    all.extend(each([
        variable("USER=0"),
        variable("HOSTNAME=x"),
        variable("NVIDIA_VISIBLE_DEVICES=all"),
        Effect::Environment(EnvironmentEffect::Template(text("USER"))),
        Effect::Environment(EnvironmentEffect::Default { name: "HOSTNAME", value: None }),
        Effect::Environment(EnvironmentEffect::Linked(text("A_"))),
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
    let mut all = each(takeovers.map(TakeoverEffect::By));
    let paths = ["/root/.ssh", "/", "/link", "/alias", "/unknown", "/var/run/docker.sock", "/proc"];
    all.extend(each(paths.map(|text| MountEffect::HostPath(path(text)))));
    all.extend(each(paths.map(|text| MountEffect::HostPathOnStart(path(text)))));
    all.extend(each(
        ["/dev/sda", "/dev/unknown", "/dev"].map(|text| MountEffect::HostPath(path(text))),
    ));
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
    all.extend(each(any.map(MountEffect::AnyPath)));
    let share = |server: &str| Share {
        protocol: Protocol::Nfs,
        server: Server::of(server),
        path: Some(path("/export")),
    };
    let servers = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "nas.lan"];
    all.extend(each(servers.map(|server| MountEffect::FileServer(share(server)))));
    let devices = [
        Device::Path(path("/dev/sda")),
        Device::Path(path("/dev/unknown")),
        Device::Path(path("/dev")),
        Device::CgroupRule(text("a *:* rwm")),
        Device::Request(text("nvidia")),
        Device::Opaque(text("vendor.com/net=x")),
    ];
    all.extend(each(devices.map(PrivilegeEffect::Device)));
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
        Effect::Privilege(PrivilegeEffect::DeviceOnStart(path("/dev/sda"))),
        Effect::Privilege(PrivilegeEffect::KernelSettings),
        Effect::Privilege(PrivilegeEffect::Privileged),
        Effect::Runtime(RuntimeEffect::Runtime(text("odd"))),
        Effect::Runtime(RuntimeEffect::Runtime(text("nvidia"))),
        Effect::Runtime(RuntimeEffect::Sysctl(text("kernel.shmmax"))),
        Effect::Runtime(RuntimeEffect::CgroupParent(text("/odd/x"))),
        Effect::Runtime(RuntimeEffect::Annotation(text("org.systemd.property.MemoryMax"))),
        Effect::Existing(ExistingEffect::CpuQuota(text("c"))),
        Effect::Reading(ReadingEffect::Unknown(text("HostConfig.Odd"))),
        Effect::Reading(ReadingEffect::Podmans(text("parameter volume of a build"))),
        Effect::Reading(ReadingEffect::ServiceVersion(None)),
        Effect::Reading(ReadingEffect::ServiceVersion(Some(ApiVersion::parse("1.30")))),
    ]));
    all
}

fn of_networks() -> Vec<Vec<Effect>> {
    let mut all = each(["22", "20-25"].map(|text| NetworkEffect::HostPorts(ports(text))));
    all.push(vec![NetworkEffect::HostPorts(PortRange::INGRESS).into()]);
    for kind in NamespaceKind::ALL {
        all.push(vec![NamespaceEffect::Shared(shares(kind, SharedWith::Host)).into()]);
    }
    for name in ["privileged", "unknown"] {
        let with = || SharedWith::Container(text(name));
        all.push(vec![NamespaceEffect::Shared(shares(NamespaceKind::Pid, with())).into()]);
        all.push(vec![NamespaceEffect::OnStart(shares(NamespaceKind::Network, with())).into()]);
    }
    for put_to in [SubnetUse::Routed, SubnetUse::Joined, SubnetUse::Given] {
        let nets = ["10.1.0.0/16", "8.8.8.0/24", "169.254.0.0/16", "172.16.0.0/16"];
        all.extend(each(nets.map(|text| NetworkEffect::Subnet(subnet(text), put_to))));
        all.extend(each(
            ["host", "ten", "unknown"].map(|name| NetworkEffect::SubnetsOf(text(name), put_to)),
        ));
    }
    all.extend(each([
        Effect::Network(NetworkEffect::Joined(text("host"))),
        Effect::Network(NetworkEffect::Joined(text("unknown"))),
        Effect::Network(NetworkEffect::SubnetDriver(text("odd"))),
        Effect::Network(NetworkEffect::HostInterface(text("eth0"))),
        Effect::Network(NetworkEffect::HostBridge(text("br0"))),
        Effect::Takeover(TakeoverEffect::HostProgram(text("/usr/bin/hook"))),
        Effect::Takeover(TakeoverEffect::ManagerRole { node: text("unknown"), version: Some(1) }),
        Effect::Privilege(PrivilegeEffect::Device(Device::Cdi(text("vendor.com/class=unknown")))),
    ]));
    all
}

fn of_what_exists() -> Vec<Vec<Effect>> {
    let mut all = Vec::new();
    for name in ["privileged", "unknown"] {
        all.extend(each([
            Effect::Identity(IdentityEffect::ContainerUser(text(name))),
            Effect::Existing(ExistingEffect::ExecIn(text(name))),
            Effect::Existing(ExistingEffect::Archive(text(name))),
            Effect::Existing(ExistingEffect::Started(text(name))),
            Effect::Existing(ExistingEffect::VolumesFrom(text(name))),
            Effect::Existing(ExistingEffect::Renamed { container: text(name), to: text("free") }),
            Effect::Mount(MountEffect::Volume(text(name))),
            Effect::Mount(MountEffect::VolumeOnStart(text(name))),
        ]));
        for version in [Some(1), Some(2)] {
            all.push(vec![ExistingEffect::PreviousSpec { service: text(name), version }.into()]);
        }
    }
    all.extend(each(
        ["container", "network", "volume"]
            .map(|what| ExistingEffect::Named { what, name: text("0123456789ab") }),
    ));
    all
}
