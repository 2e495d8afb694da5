//! Paths of the host, and what is mounted.

use crate::policy::rules::shares::Share;
use crate::policy::types::HostPath;

/// What is made reachable of the host's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountEffect {
    /// Makes this path of the host, and all below it, reachable.
    HostPath(HostPath),
    /// May make any path of the host reachable.
    AnyPath(AnyPath),
    /// Mounts the volume of this name, which may exist already.
    Volume(String),
    /// Makes what this path leads to at this moment reachable. As it is written it was judged when it was asked
    /// for.
    HostPathOnStart(HostPath),
    /// Mounts what the volume of this name is at this moment. What was asked for was judged then.
    VolumeOnStart(String),
    /// Mounts what another machine exports, which may be this one.
    FileServer(Share),
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
