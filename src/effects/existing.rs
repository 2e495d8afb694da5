//! What the daemon says of what exists already, read as effects: volumes, containers, services.
//!
//! A volume is read as if it were created now, a specification as if it were asked for now, so that
//! one way to a path is one piece of code.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::{create, services, volumes};
use crate::effects::collect::{host_path, may_be_network_id};
use crate::image::ImageRef;
use crate::policy::ceilings::{Ceilings, CpuLimit};
use crate::policy::effects::{
    Effect, EnvironmentEffect, IdentityEffect, ImageEffect, MadeOf, MountEffect, Namespace,
    NamespaceEffect, NamespaceKind, PrivilegeEffect, RequestedEffect, SharedWith,
};
use crate::policy::facts::{Container, ServiceFacts};
use crate::policy::types::{EnvironmentEntry, HostPath, UserSpec};

/// The most mounts of one container that are read; of a container with more nothing is known.
const MOUNTS_MAX: usize = 1024;

/// What it is to mount the volume that `answer` describes (Engine API `VolumeInspect`). Where the
/// daemon itself keeps it, its `Mountpoint`, is no effect: every new volume lies there too. `None`
/// if it can't be read.
pub fn volume(answer: &[u8]) -> Option<Vec<Effect>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Inspection {
        driver: String,
        #[serde(default)]
        options: Value,
        /// Of a volume of the swarm, which a plugin mounts.
        #[serde(default)]
        cluster_volume: Value,
    }
    let Inspection { driver, options, cluster_volume } = serde_json::from_slice(answer).ok()?;
    let mut creation =
        serde_json::json!({"Driver": driver, "DriverOpts": options, "ClusterVolumeSpec": null});
    if let (Some(spec), false) = (creation.get_mut("ClusterVolumeSpec"), cluster_volume.is_null()) {
        *spec = serde_json::json!({});
    }
    let read = volumes::read(creation.to_string().as_bytes()).ok()?;
    Some(effects_in(read.effects()))
}

/// The description of the volume `name` in a list (Engine API `VolumeList`), to be read by
/// [`volume`]; `Some(None)` if it is not in it, and `None` if the list can't be read.
pub fn listed_volume(name: &str, list: &[u8]) -> Option<Option<Vec<u8>>> {
    let list: Value = serde_json::from_slice(list).ok()?;
    let volumes = match list.get("Volumes")? {
        Value::Null => return Some(None),
        volumes => volumes.as_array()?,
    };
    let is_it = |volume: &&Value| volume.get("Name").and_then(Value::as_str) == Some(name);
    Some(volumes.iter().find(is_it).map(|volume| volume.to_string().into_bytes()))
}

fn effects_in(asked: &[RequestedEffect]) -> Vec<Effect> {
    asked.iter().map(|asked| asked.effect.clone()).collect()
}

/// The part of Engine API `ContainerInspect` that others can get from a container.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspection {
    #[serde(default)]
    id: String,
    name: String,
    /// The image's identifier.
    #[serde(default)]
    image: String,
    config: Config,
    host_config: HostConfig,
    #[serde(default)]
    mounts: Option<Vec<Mount>>,
    #[serde(default)]
    network_settings: NetworkSettings,
    #[serde(default)]
    state: State,
    #[serde(default)]
    resolv_conf_path: String,
    #[serde(default)]
    hosts_path: String,
    #[serde(default)]
    hostname_path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    #[serde(default)]
    pid: u32,
    #[serde(default)]
    running: bool,
    #[serde(default)]
    restarting: bool,
    #[serde(default)]
    started_at: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkSettings {
    #[serde(default)]
    networks: Option<BTreeMap<String, IgnoredAny>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    user: String,
    /// The name that was asked for.
    #[serde(default)]
    image: String,
    #[serde(default)]
    env: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    #[serde(default)]
    privileged: bool,
    #[serde(default)]
    network_mode: String,
    #[serde(default)]
    pid_mode: String,
    #[serde(default)]
    ipc_mode: String,
    #[serde(default)]
    nano_cpus: i64,
    #[serde(default)]
    devices: Option<Vec<Device>>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Device {
    #[serde(default)]
    path_on_host: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mount {
    r#type: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    destination: String,
}

/// What the container that `answer` describes has been given. `None` if it can't be read, or is not
/// the one that was `asked` for: `/x` is a name to the daemon, and never an identifier.
pub fn container(asked: &str, answer: &[u8]) -> Option<Container> {
    let found: Inspection = serde_json::from_slice(answer).ok()?;
    if asked.starts_with('/') && asked != found.name {
        return None;
    }
    let user = match found.config.user.as_str() {
        // The image's own user is written here when the container is made.
        "" => "root",
        user => user,
    };
    let name = found.name.strip_prefix('/').unwrap_or(&found.name).to_owned();
    let host = &found.host_config;
    let user = UserSpec::parse(user).ok()?;
    let image = ImageRef::parse(&found.image).ok();
    let first_run = match found.state.has_run() {
        true => Some(Vec::new()),
        false => found.config.first_run(image.as_ref(), &user),
    };
    Some(Container {
        networks: networks(&host.network_mode, found.network_settings.networks)?,
        powers: host.powers(),
        shares_of_host: None,
        names: vec![name, found.id],
        image,
        first_run,
        user,
        is_privileged: found.host_config.privileged,
        shares: found.host_config.shares(),
        cpu: match found.host_config.nano_cpus {
            0 => CpuLimit::QuotaOrNone,
            _ => CpuLimit::Nano,
        },
        mounts: mounts(&found.mounts.unwrap_or_default())?,
        devices: devices(&found.host_config.devices.unwrap_or_default())?,
    })
}

/// When whatever has never been started was.
const NEVER: &str = "0001-01-01T00:00:00Z";

impl State {
    /// Whether it was ever started, as far as that is known.
    fn has_run(&self) -> bool {
        !matches!(self.started_at.as_str(), "" | NEVER)
    }
}

impl Config {
    /// The daemon has put together what the image and the request say.
    fn first_run(&self, image: Option<&ImageRef>, user: &UserSpec) -> Option<Vec<Effect>> {
        let asked = match ImageRef::parse(&self.image) {
            Ok(ImageRef::Named(name)) => Some(name),
            Ok(ImageRef::Id(_)) | Err(_) => None,
        };
        let image = image.filter(|image| matches!(image, ImageRef::Id(_)))?.clone();
        let made = Effect::Image(ImageEffect::MadeOf(Box::new(MadeOf { image, asked })));
        let made = [made, Effect::Identity(IdentityEffect::User(user.clone()))];
        let variables = self.env.iter().flatten().map(|entry| {
            EnvironmentEntry::parse(entry).map(|entry| EnvironmentEffect::Set(entry).into())
        });
        made.into_iter().map(Ok).chain(variables).collect::<Result<_, _>>().ok()
    }
}

impl HostConfig {
    fn shows_mounts(&self) -> bool {
        let runtime = self.others.get("Runtime").and_then(Value::as_str).unwrap_or_default();
        OF_NAMESPACES.contains(&runtime)
    }

    fn shares(&self) -> Vec<Namespace> {
        let modes = [
            (NamespaceKind::Network, &self.network_mode),
            (NamespaceKind::Pid, &self.pid_mode),
            (NamespaceKind::Ipc, &self.ipc_mode),
        ];
        let shared = modes.into_iter().filter_map(|(kind, mode)| {
            let with = match mode.as_str() {
                "host" => SharedWith::Host,
                mode => SharedWith::Container(mode.strip_prefix("container:")?.to_owned()),
            };
            Some(Namespace { kind, with })
        });
        shared.collect()
    }
}

/// The fields of `HostConfig` that give something to whatever runs within, beside mounts and the
/// namespaces that can be joined.
const POWERS: [&str; 8] = [
    "CapAdd",
    "Capabilities",
    "DeviceCgroupRules",
    "DeviceRequests",
    "GroupAdd",
    "SecurityOpt",
    "UTSMode",
    "UsernsMode",
];

/// Lists that take something away; empty ones were asked for, and others may be those of an older
/// daemon.
const HIDDEN: [&str; 2] = ["MaskedPaths", "ReadonlyPaths"];

impl HostConfig {
    /// What it would be to ask for the same now.
    fn powers(&self) -> Option<Vec<Effect>> {
        let mut fields = Map::new();
        for name in POWERS {
            fields.extend(self.others.get(name).map(|value| (name.to_owned(), value.clone())));
        }
        for name in HIDDEN.iter().filter(|_| !self.privileged) {
            let is_empty = |value: &&Value| value.as_array().is_some_and(Vec::is_empty);
            let value = self.others.get(*name).filter(is_empty);
            fields.extend(value.map(|value| ((*name).to_owned(), value.clone())));
        }
        let devices = self
            .devices
            .iter()
            .flatten()
            .map(|device| serde_json::json!({"PathOnHost": device.path_on_host}));
        fields.insert("Devices".to_owned(), devices.collect());
        let creation = serde_json::json!({"Image": "any", "HostConfig": fields});
        let read = create::read(creation.to_string().as_bytes()).ok()?;
        let is_power = |effect: &Effect| {
            matches!(
                effect,
                Effect::Mount(MountEffect::AnyPath(_))
                    | Effect::Privilege(
                        PrivilegeEffect::Capability(_) | PrivilegeEffect::Device(_)
                    )
                    | Effect::Identity(IdentityEffect::Group(_))
                    | Effect::Mount(MountEffect::HostPath(_))
                    | Effect::Privilege(PrivilegeEffect::KernelSettings)
                    | Effect::Namespace(NamespaceEffect::Shared(_))
                    | Effect::Privilege(PrivilegeEffect::SecurityOption(_))
            )
        };
        Some(effects_in(read.effects()).into_iter().filter(is_power).collect())
    }
}

/// The networks that are looked for at every start by what may be an identifier.
fn networks(mode: &str, joined: Option<BTreeMap<String, IgnoredAny>>) -> Option<Vec<String>> {
    let joined = joined.unwrap_or_default();
    if joined.len() > MOUNTS_MAX {
        return None;
    }
    let mut names: Vec<String> = joined.into_keys().chain([mode.to_owned()]).collect();
    names.retain(|name| !name.is_empty() && may_be_network_id(name));
    names.sort_unstable();
    names.dedup();
    Some(names)
}

/// A container that runs, as it must be known to look at what it has mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Which of its runs this is.
    pub run: Run,
    /// Its identifier.
    pub id: String,
    /// What it was given of the host.
    pub given: Vec<Given>,
    /// Folders of the daemon's, out of which it mounts files of its own into the container.
    pub own: Vec<HostPath>,
    /// Whether it runs as processes of the host that show what it has mounted, as far as is known by the
    /// name of its runtime: what runs in a virtual machine, or before a kernel of its own, does not.
    pub shows_mounts: bool,
}

/// One run of a container, from its start to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The number of its first process, as the daemon counts.
    pub pid: u32,
    /// When it was started, as the daemon writes it.
    pub started_at: String,
}

/// A mount that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Where it is in the container, if the image has no links on the way there.
    pub at: HostPath,
    /// What is mounted there.
    pub source: Source,
}

/// What of the host a container was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A path, as it was written.
    Path(HostPath),
    /// A volume.
    Volume {
        /// Its name.
        name: String,
        /// Where the daemon keeps it, if it says so.
        kept_at: Option<HostPath>,
    },
}

/// Whether the container that `answer` describes neither runs nor is about to run again. `None` if it
/// can't be read.
#[must_use]
pub fn is_over(answer: &[u8]) -> Option<bool> {
    let Inspection { state, .. } = serde_json::from_slice(answer).ok()?;
    Some(!state.running && !state.restarting)
}

/// The container that `answer` describes; `Some(None)` if it does not run, and `None` if it can't be
/// read.
#[must_use]
pub fn running(answer: &[u8]) -> Option<Option<Running>> {
    let found: Inspection = serde_json::from_slice(answer).ok()?;
    if found.state.pid == 0 {
        return Some(None);
    }
    let given = found.mounts.unwrap_or_default();
    let given = given.iter().filter_map(Mount::given).collect::<Option<_>>()?;
    let run = Run { pid: found.state.pid, started_at: found.state.started_at };
    // `…/containers/ID/resolv.conf`: beside it lie those of the container whose network it has joined.
    let mut own = Vec::new();
    for file in [found.resolv_conf_path, found.hosts_path, found.hostname_path] {
        let folder = file.rsplit_once('/').map(|(folder, _)| HostPath::parse(folder));
        own.extend(folder.and_then(Result::ok).filter(|folder| !folder.is_root()));
    }
    let shows_mounts = found.host_config.shows_mounts();
    Some(Some(Running { run, id: found.id, given, own, shows_mounts }))
}

/// Runtimes that set up namespaces and no more, by the names that they commonly have. None is the
/// engine's default, before it wrote that down.
const OF_NAMESPACES: [&str; 7] =
    ["", "runc", "crun", "youki", "nvidia", "io.containerd.runc.v1", "io.containerd.runc.v2"];

impl Mount {
    /// What it is of the host, if anything: `Some(None)` if it can't be read.
    fn given(&self) -> Option<Option<Given>> {
        let source = match self.r#type.as_str() {
            "bind" => host_path(&self.source).ok().map(Source::Path),
            "volume" => {
                let kept_at = HostPath::parse(&self.source).ok();
                Some(Source::Volume { name: self.name.clone(), kept_at })
            }
            _ => return None,
        };
        let at = HostPath::parse(&self.destination).ok();
        Some(at.zip(source).map(|(at, source)| Given { at, source }))
    }
}

fn mounts(mounts: &[Mount]) -> Option<Vec<Effect>> {
    if mounts.len() > MOUNTS_MAX {
        return None;
    }
    let effects = mounts.iter().filter(|mount| mount.r#type != "tmpfs").map(|mount| {
        match mount.r#type.as_str() {
            "volume" | "cluster" if !mount.name.is_empty() => {
                Some(MountEffect::Volume(mount.name.clone()).into())
            }
            _ => Some(MountEffect::HostPath(host_path(&mount.source).ok()?).into()),
        }
    });
    effects.collect()
}

fn devices(devices: &[Device]) -> Option<Vec<HostPath>> {
    if devices.len() > MOUNTS_MAX {
        return None;
    }
    devices.iter().map(|device| host_path(&device.path_on_host).ok()).collect()
}

/// What it is to return to the specification before the current one of the service that `answer`
/// describes (Engine API `ServiceInspect`), and what `ceilings` would change of it. `None` if it
/// can't be read.
pub fn service(answer: &[u8], ceilings: &Ceilings) -> Option<ServiceFacts> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Inspection {
        version: Version,
        #[serde(default)]
        previous_spec: Value,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Version {
        index: u64,
    }
    let Inspection { version, previous_spec } = serde_json::from_slice(answer).ok()?;
    let (effects, forced) = match previous_spec {
        Value::Null => (Vec::new(), Vec::new()),
        spec => services::read_stored(spec.to_string().as_bytes(), ceilings)?,
    };
    Some(ServiceFacts::Present { version: version.index, effects: effects_in(&effects), forced })
}

#[cfg(test)]
mod tests;
