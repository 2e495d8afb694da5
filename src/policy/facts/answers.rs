//! What is answered to questions: plain values, one type for each kind of question.

use crate::image::{ImageName, ImageRef};
use crate::policy::ceilings::CpuLimit;
use crate::policy::effects::{Effect, Namespace};
use crate::policy::rules::subnets::Subnet;
use crate::policy::types::{EnvironmentEntry, HostPath, UserSpec};

/// Where a path leads, and what else the host has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealPath {
    /// The path without links; the path itself, if no link is in it.
    pub path: HostPath,
    /// Other paths of the same files, or of a part of them: the same file system mounted twice.
    pub aliases: Vec<HostPath>,
}

/// What the daemon's builder can be held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuilderFacts {
    /// Whether it heeds source policies.
    pub heeds_policies: bool,
    /// Whether it limits each step as it is told to.
    pub limits_steps: bool,
}

/// What the daemon says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageFacts {
    /// It has no such image.
    Absent,
    /// It has one.
    Present {
        /// `sha256:…`.
        id: String,
        /// All its names, tags and digests alike.
        names: Vec<ImageName>,
        /// The user it runs as; `None` if it names none, which is root.
        user: Option<UserSpec>,
        /// The variables that it sets.
        environment: Vec<EnvironmentEntry>,
    },
}

/// An image and its names, tags and digests alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedImage {
    /// `sha256:…`.
    pub id: String,
    /// All that can be read.
    pub names: Vec<ImageName>,
}

impl NamedImage {
    /// An image with these names. What is none is left out: no rule can be about it.
    pub fn new<'a>(id: String, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = names.into_iter().filter_map(|name| match ImageRef::parse(name) {
            Ok(ImageRef::Named(name)) => Some(name),
            Ok(ImageRef::Id(_)) | Err(_) => None,
        });
        Self { id, names: names.collect() }
    }
}

/// The OCI runtimes that the daemon has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtimes {
    /// The one that runs containers that name none.
    pub default: String,
    /// Their names, and the program or the kind of each.
    pub programs: Vec<(String, String)>,
}

/// What the daemon says of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkFacts {
    /// It is that of the host.
    Host,
    /// It is another one with these subnets, or there is none.
    Other(Vec<Subnet>),
}

/// What of the host a subnet overlaps: the first of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SubnetFacts {
    /// An address of its own.
    pub address: Option<Subnet>,
    /// Where it sends what it has for others.
    pub route: Option<Subnet>,
    /// A gateway, a name server, the daemon's own address.
    pub server: Option<Subnet>,
}

/// What the daemon says of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeFacts {
    /// There is none: it will be created as the request says.
    Absent,
    /// To mount it is this.
    Present(Vec<Effect>),
}

/// What the daemon says of a container.
#[expect(clippy::large_enum_variant, reason = "nearly every one asked for is there")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerFacts {
    /// There is none.
    Absent,
    /// It has been given this.
    Present(Container),
}

/// What a container has been given, as far as others can get it from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// What it can be called: its identifier and its name.
    pub names: Vec<String>,
    /// The image that it was made of, by its identifier.
    pub image: Option<ImageRef>,
    /// What it brings about to start it for the first time: its image, user and variables. Nothing if it
    /// has run; `None` if it can't be read.
    pub first_run: Option<Vec<Effect>>,
    /// Whom its own command runs as.
    pub user: UserSpec,
    /// Whether all that runs in it is privileged.
    pub is_privileged: bool,
    /// The namespaces that it shares, as it was made.
    pub shares: Vec<Namespace>,
    /// Those of the host that its process shares, if it runs and that can be seen: a container whose
    /// namespace it has joined may be gone.
    pub shares_of_host: Option<Vec<Namespace>>,
    /// The networks that it joins whenever it is started, by name or identifier.
    pub networks: Vec<String>,
    /// What it may do beside: capabilities, devices, security options. `None` if it can't be read.
    pub powers: Option<Vec<Effect>>,
    /// To take over its mounts is this.
    pub mounts: Vec<Effect>,
    /// How its CPU time is limited.
    pub cpu: CpuLimit,
    /// The paths of devices of the host that it uses.
    pub devices: Vec<HostPath>,
}

/// What the daemon says of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceFacts {
    /// There is none, and the daemon will say so itself.
    Absent,
    /// There is one.
    Present {
        /// The version of its specification; an update of any other is refused by the daemon.
        version: u64,
        /// To return to the specification before this one is this. Nothing if there was none.
        effects: Vec<Effect>,
        /// What `general` would change of that specification.
        forced: Vec<&'static str>,
    },
}

/// What the daemon says of a node of the swarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeFacts {
    /// There is none, and the daemon will say so itself.
    Absent,
    /// There is one.
    Present {
        /// Its identifier.
        id: String,
        /// The version of its specification; an update of any other is refused by the daemon.
        version: u64,
        /// Whether that says that it is to be a manager.
        is_manager: bool,
    },
}

/// What the host's file system says of a path that is asked for as a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceFacts {
    /// A disk, or a folder with one in it: anyone who can read and write it has the files of the host.
    Disk,
    /// None of these.
    Other,
}

/// Whose an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFacts {
    /// The host's own.
    Own,
    /// Another machine's.
    Other,
}
