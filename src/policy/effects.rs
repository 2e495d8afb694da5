//! What a request would bring about: the vocabulary of every rule.
//!
//! A rule names an effect, not a field: the engine translates every endpoint, field and spelling
//! into these, and no rule ever sees where a request came from except to tell the person.

use std::fmt;

use crate::image::{ImageName, ImageRef};
use crate::policy::judge::platform::AskedPlatform;
use crate::policy::judge::versions::ApiVersion;
use crate::policy::rules::principals::GroupSpec;
use crate::policy::rules::shares::Share;
use crate::policy::rules::subnets::{Subnet, SubnetUse};
use crate::policy::shown::Shown;
use crate::policy::types::{
    Capability, EnvironmentEntry, HostPath, PortRange, SecurityOption, UserSpec,
};

/// One thing that a request would bring about.
///
/// A new variant breaks every `match` on effects, so that no rule can miss a new power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Builds an image.
    Build(Builder),
    /// Runs steps of a build that the daemon is not told where to run.
    BuildSteps(Steps),
    /// Does something by a Dockerfile's instruction that only the daemon can work out.
    Opaque(Opaque),
    /// Hands the host to someone whom no rule reaches.
    Takeover(Takeover),
    /// Uses this image of the daemon's: runs it, or gives it another name.
    Image(ImageRef),
    /// Has the content of this image, of which a container was made that has never run.
    MadeOf(Box<MadeOf>),
    /// Fetches images by their names, or gives such a name to something new: whatever the daemon has
    /// by that name now says nothing.
    ImageName(ImageNames),
    /// Makes images of content that no name says anything of: an archive's, a container's.
    ImageContent,
    /// Brings a policy of its own about the sources of a build, which the daemon's builder is told.
    SourcePolicy,
    /// Gives this name to new content, or to an image that has another one.
    ImageNameGiven(ImageRef),
    /// May give any name to new content.
    ImageNamesUnseen,
    /// May take any name from the image that has it.
    ImageNamesTaken,
    /// Takes this name from an image, or all names if it is its identifier.
    ImageRemoved(ImageRef),
    /// Runs as this user.
    User(UserSpec),
    /// Runs with this group besides its own.
    Group(GroupSpec),
    /// Names no user: what runs is the image's own user, unless `general.user` is set.
    ImageUser(Holder),
    /// Runs the image: the variables that it sets are set, where the request has no others.
    ImageEnvironment(Holder),
    /// Asks for the build of the image that is for this platform.
    Platform(Box<AskedPlatform>),
    /// Names no user: what runs is the user of the container of this name or identifier.
    ContainerUser(String),
    /// Runs within that container, with all that it was given.
    ExecIn(String),
    /// Reads or writes files of that container, through all that it has mounted.
    Archive(String),
    /// Gives a name that reads as an identifier to a thing of this kind.
    Named {
        /// As a message names it: `container`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Limits the CPU time of the container of this name or identifier by a quota and its period, which
    /// the daemon refuses where it is limited in another way already.
    CpuQuota(String),
    /// Sets (or, without a value, unsets) an environment variable.
    Environment(EnvironmentEntry),
    /// Sets the environment variable of this name to what only the daemon can tell: a template.
    EnvironmentTemplate(String),
    /// Has the daemon set this variable, where neither the request nor the image does: to a value that
    /// only it can tell if there is none here, a template.
    DefaultEnvironment {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: Option<String>,
    },
    /// Sets variables about another container: their names begin with this, which ends in `_`.
    LinkedEnvironment(String),
    /// Opens one or all of these ports of the host.
    HostPorts(PortRange),
    /// Makes this path of the host, and all below it, reachable.
    HostPath(HostPath),
    /// May make any path of the host reachable.
    AnyPath(AnyPath),
    /// Mounts the volume of this name, which may exist already.
    Volume(String),
    /// Starts the container of this name or identifier. It keeps what it was given, but where the paths
    /// lead that it was given is found out anew; and what it was made of counts when it runs first.
    Started(String),
    /// Makes what this path leads to at this moment reachable. As it is written it was judged when it was asked
    /// for.
    HostPathOnStart(HostPath),
    /// The same of the volume of this name.
    VolumeOnStart(String),
    /// The same of a device.
    DeviceOnStart(HostPath),
    /// Joins the namespace of a container that the name stands for at this start.
    NamespaceOnStart(Namespace),
    /// Asks for a security option, or for something that equals one.
    SecurityOption(SecurityOption),
    /// Lets root of a container write the settings of the kernel, which are the host's.
    KernelSettings,
    /// All capabilities, devices and no confinement.
    Privileged,
    /// Adds a capability, or all of them.
    Capability(Capability),
    /// Makes a device of the host usable.
    Device(Device),
    /// Shares a namespace instead of having its own.
    Namespace(Namespace),
    /// Joins a network by a name or identifier that may be the host's own network's.
    Network(String),
    /// Puts these addresses to use.
    Subnet(Subnet, SubnetUse),
    /// Puts those to use that the network of this name or identifier has.
    SubnetsOf(String, SubnetUse),
    /// Has another address manager than the daemon's own choose subnets.
    SubnetDriver(String),
    /// Puts containers on the wire of this interface of the host, beside the host itself.
    HostInterface(String),
    /// Uses the bridge of this name, which the host may have: with its addresses, and all that is in it.
    HostBridge(String),
    /// Mounts what another machine exports, which may be this one.
    FileServer(Share),
    /// Runs under this OCI runtime, or under the daemon's default if the name is empty.
    Runtime(String),
    /// Takes its name from a container.
    Renamed {
        /// By name or identifier.
        container: String,
        /// The name that it gets.
        to: String,
    },
    /// Mounts what another container has mounted.
    VolumesFrom(String),
    /// Sets a kernel parameter, its name with dots.
    Sysctl(String),
    /// Runs below this control group instead of the daemon's own.
    CgroupParent(String),
    /// Gives a node of the swarm the role of a manager, which it may have.
    ManagerRole {
        /// By name or identifier.
        node: String,
        /// The version of the node that is changed; `None` if the request names no version that the daemon would
        /// take.
        version: Option<u64>,
    },
    /// Has the OCI runtime run this program on the host, as root, for a device.
    HostProgram(String),
    /// Hands the OCI runtime an annotation of this name.
    Annotation(String),
    /// Returns to the specification that a service had before this version of it.
    PreviousSpec {
        /// By name or identifier.
        service: String,
        /// `None` if the request names no version that the daemon would take.
        version: Option<u64>,
    },
    /// Describes a service in this API version; none is the newest of the daemon. It decides which
    /// fields the daemon reads, those that are forced too.
    ServiceVersion(Option<ApiVersion>),
    /// Says something that only Podman reads, as a message names it.
    Podmans(String),
    /// Says something at this place, a field or a parameter, that nobody here has decided about.
    Unknown(String),
}

/// Who has the content of the image that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The daemon; what it lacks does not run.
    Daemon,
    /// A registry: the nodes of a swarm fetch a name anew, whatever the daemon has by it.
    Registry,
}

/// To whom the host can be handed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takeover {
    /// A plugin of the Docker Engine: it runs as root, with what its own configuration asks for.
    Plugin,
    /// The managers of a swarm elsewhere: they start on this host what they like.
    Swarm,
    /// Membership as a manager of a swarm that begins here: its port takes requests past every rule.
    OwnSwarm,
    /// Anyone who can make certificates for the swarm, a manager's among them.
    SwarmAuthority,
    /// The managers of a swarm that was locked.
    SwarmUnlocked,
    /// Anyone who has the key that unlocks the managers, and with it what they keep.
    SwarmUnlockKey,
    /// A node that becomes a manager.
    Manager,
}

/// Ways to have the daemon build an image, by what is seen of the Dockerfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builder {
    /// The classic builder, whose Dockerfile was read: all that it does are effects of their own.
    Read,
    /// The classic builder, unread.
    Unread,
    /// The classic builder, with a Dockerfile that the daemon fetches from elsewhere.
    Remote,
    /// BuildKit, asked in a request whose parameters are seen.
    BuildKit,
    /// The same, with a Dockerfile that the daemon takes from the client's session, where it is judged.
    BuildKitSession,
    /// A client offers its session, from which builds may take a Dockerfile.
    SessionOffered,
    /// BuildKit, spoken to past every inspection, unless each of its calls is judged for itself.
    BuildKitUnseen,
    /// BuildKit, by a call that is judged for itself.
    BuildKitSolve,
}

/// What an instruction does, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opaque {
    /// Runs as a user that this text stands for.
    User(String),
    /// Sets a variable of any name.
    Variable,
    /// Uses an image by a name that is none.
    Image(String),
    /// Anything at all; why it can't be read.
    Instructions(String),
}

/// An image of which a container was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeOf {
    /// By its identifier.
    pub image: ImageRef,
    /// The name by which it was asked for, if it was no identifier.
    pub asked: Option<ImageName>,
}

// A body asks for as many effects as it has values.
const _: () = assert!(size_of::<Effect>() <= 72);

/// Steps of a build that do not come from a Dockerfile which the daemon itself reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Steps {
    /// What makes them is an image, or nothing that is known.
    Frontend,
    /// A step makes further instructions.
    Opaque,
    /// An image looks at what was built.
    Scanner,
    /// The client sends them, to run in this control group, or in the daemon's own.
    OfClient(Option<String>),
}

/// What gives paths of the host that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyPath {
    /// The processes of the host, each with its root.
    HostProcesses,
    /// A volume driver of this name, which is not the daemon's own.
    VolumeDriver(String),
    /// A volume of the swarm, which a plugin mounts.
    ClusterVolume,
    /// A path that begins where the daemon works.
    Relative(String),
    /// A file system of this type.
    FileSystem(String),
    /// A volume's option: its name, or all of it.
    Option(String),
    /// A file system of this type from another machine, with no server that can be told.
    NoServer(String),
    /// A request for devices that is not understood; with a device may come any mount.
    Devices(String),
    /// A device by its name in CDI, of which no file says what it is.
    Cdi(String),
    /// A text that the swarm fills in.
    Template(String),
    /// The address of a socket that is not a plain path.
    Socket(String),
}

/// The names by which images are fetched or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageNames {
    /// One name.
    One(ImageRef),
    /// Every tag of the repository of this name.
    EveryTag(ImageRef),
}

/// A device, by the way in which it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Device {
    /// By its path; of a directory, all devices in it.
    Path(HostPath),
    /// By numbers, which may be those of any device: `a *:* rwm`.
    CgroupRule(String),
    /// By a driver or what it can do: `nvidia`, `gpu`.
    Request(String),
    /// By its name in CDI, `vendor.com/class=name`: what it is stands in a file of the host.
    Cdi(String),
    /// By a request of which it is not known what it gives.
    Opaque(String),
}

/// A namespace that is shared, and with whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Which one.
    pub kind: NamespaceKind,
    /// With whom.
    pub with: SharedWith,
}

impl Namespace {
    /// What it is to share it: the processes of the host give its files too, by `/proc/PID/root`.
    pub fn effects(&self) -> impl Iterator<Item = Effect> + use<> {
        let is_host_pid = self.kind == NamespaceKind::Pid && self.with == SharedWith::Host;
        let files = is_host_pid.then_some(Effect::AnyPath(AnyPath::HostProcesses));
        [Effect::Namespace(self.clone())].into_iter().chain(files)
    }
}

/// The kinds of namespaces that the Engine API can share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NamespaceKind {
    /// Interfaces, addresses, ports.
    Network,
    /// Processes.
    Pid,
    /// Shared memory and message queues.
    Ipc,
    /// Host name.
    Uts,
    /// Users: that of the host, where the daemon maps users.
    User,
    /// Control groups.
    Cgroup,
}

impl NamespaceKind {
    /// As a rule names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Pid => "pid",
            Self::Ipc => "ipc",
            Self::Uts => "uts",
            Self::User => "user",
            Self::Cgroup => "cgroup",
        }
    }
}

/// Who else is in a shared namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharedWith {
    /// The host.
    Host,
    /// Another container, by name or identifier.
    Container(String),
}

/// Where in a request an effect was asked for, in the Engine API's own field names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldPath {
    /// A field, `HostConfig.Privileged`, or a query parameter, `?fromImage`.
    Field(&'static str),
    /// An element of a list: `HostConfig.Binds[2]`.
    Element(&'static str, usize),
    /// A field of an element of a list: `HostConfig.Mounts[2].Source`.
    Inside(&'static str, usize, &'static str),
    /// An entry of a map, by its key: `HostConfig.PortBindings[80/tcp]`.
    Entry(&'static str, String),
}

/// An effect and where it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedEffect {
    /// What would happen.
    pub effect: Effect,
    /// Where the request says so.
    pub at: FieldPath,
}

/// `pid namespace of the host`
impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.as_str();
        match &self.with {
            SharedWith::Host => write!(f, "{kind} namespace of the host"),
            SharedWith::Container(name) => {
                write!(f, "{kind} namespace of container {}", Shown(name))
            }
        }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => f.write_str(name),
            Self::Element(list, index) => write!(f, "{list}[{index}]"),
            Self::Inside(list, index, field) => write!(f, "{list}[{index}].{field}"),
            Self::Entry(map, key) => write!(f, "{map}[{}]", Shown(key)),
        }
    }
}
