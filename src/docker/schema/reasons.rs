//! The decisions that many fields share: each said once, with its reason.

use super::stance::General::{Capabilities, Cpu, Environment, Memory, SecurityOptions, User};
use super::stance::{Power, Stance};
use Stance::{Checked, CheckedAndForced, Forced, Harmless, Inside, Moved, Refused};

pub(super) const INSIDE: Stance = Inside;

pub(super) const IMAGE: Stance = Checked(&[Power::Image]);
pub(super) const ENVIRONMENT: Stance = Checked(&[Power::Environment]);
pub(super) const HOST_PORTS: Stance = Checked(&[Power::HostPorts]);
pub(super) const HOST_PATH: Stance = Checked(&[Power::HostPath]);
pub(super) const HOST_PATH_OR_IMAGE: Stance = Checked(&[Power::HostPath, Power::Image]);
pub(super) const SECURITY_OPTION: Stance = Checked(&[Power::SecurityOption]);
pub(super) const PRIVILEGED: Stance = Checked(&[Power::Privileged]);
pub(super) const DEVICE: Stance = Checked(&[Power::Device]);
pub(super) const DEVICE_AT_PATH: Stance = Checked(&[Power::Device, Power::HostPath]);
pub(super) const NAMESPACE: Stance = Checked(&[Power::Namespace]);
pub(super) const NETWORK_JOINED: Stance = Checked(&[Power::Namespace, Power::Subnet]);
pub(super) const ADDRESSES: Stance = Checked(&[Power::Subnet]);
pub(super) const PROCESSES: Stance = Checked(&[Power::Namespace, Power::HostPath]);
pub(super) const RUNTIME: Stance = Checked(&[Power::Runtime]);
pub(super) const VOLUMES_FROM: Stance = Checked(&[Power::VolumesFrom]);
pub(super) const SYSCTL: Stance = Checked(&[Power::Sysctl]);
pub(super) const CGROUP_PARENT: Stance = Checked(&[Power::CgroupParent]);

pub(super) const USER: Stance = CheckedAndForced(&[Power::User], User);
pub(super) const RUNS_AS: Stance = Checked(&[Power::User]);
pub(super) const INSTRUCTIONS: Stance =
    Checked(&[Power::User, Power::Environment, Power::Image, Power::Build]);
pub(super) const VARIABLES: Stance = CheckedAndForced(&[Power::Environment], Environment);
pub(super) const SECURITY_OPTIONS: Stance =
    CheckedAndForced(&[Power::SecurityOption], SecurityOptions);
pub(super) const CAPABILITIES: Stance = CheckedAndForced(&[Power::Capability], Capabilities);
pub(super) const CONTROL_PLANE: Stance = Checked(&[Power::Takeover]);
pub(super) const DROPPED: Stance = Forced(Capabilities);
pub(super) const MEMORY: Stance = Forced(Memory);
pub(super) const CPU: Stance = Forced(Cpu);

pub(super) const FILLS: Stance =
    Moved("the daemon reads it where the same field of HostConfig is empty; moved there");

pub(super) const NAME: Stance = Checked(&[Power::Name]);
pub(super) const NAMED: Stance = Harmless("names and describes things, and gives them nothing");
pub(super) const WHAT_RUNS: Stance =
    Harmless("what runs inside the container, as the user and with the rights that were judged");
pub(super) const STREAMS: Stance = Harmless("how its input and output reach the client");
pub(super) const LIFE: Stance = Harmless("when it is started, stopped and removed");
pub(super) const INSIDE_PATH: Stance = Harmless("a path inside the container");
pub(super) const LESS: Stance = Harmless("only takes away from what the container may do");
pub(super) const RESOURCE: Stance =
    Harmless("how much of a resource it may use, for which there is no rule");
pub(super) const WINDOWS: Stance = Harmless("has a meaning on Windows only");
pub(super) const CLIENT: Stance = Harmless("meant for the client; the daemon does not use it");
pub(super) const ITS_NETWORK: Stance =
    Harmless("addresses and names in networks of its own, which are not the host's");
pub(super) const IGNORED_INPUT: Stance =
    Harmless("what the daemon answers with, and ignores in a request");
pub(super) const GROUPS: Stance = Checked(&[Power::Group]);
pub(super) const MOUNT_DETAIL: Stance =
    Harmless("how a path is mounted that is judged by its own name");
pub(super) const OWN_VOLUME: Stance =
    Harmless("a file system of its own, or a volume that the daemon makes, with nothing in it");
pub(super) const ALL_ADDRESSES: Stance =
    Harmless("a port counts as the host's whichever of its addresses it is opened at");
pub(super) const NOT_APPLIED: Stance =
    Harmless("the daemon reads it and applies nothing of it to a container that exists");
pub(super) const NOT_YET: Stance =
    Harmless("becomes the configuration of an image, and is judged when that is run");
pub(super) const PLACED: Stance = Harmless("on which nodes a service runs, how often, and when");
pub(super) const OTHER_RUNTIME: Stance = Harmless("only read under a `Runtime` that is refused");
pub(super) const CONTENTS: Stance = Harmless(
    "which secret or config is put into the container as a file; what is in it can be read by \
     whoever manages the swarm",
);
pub(super) const SWARM_OF_ITS_OWN: Stance =
    Harmless("how the managers of the swarm work together; it starts nothing");
pub(super) const CLUSTER_VOLUME: Stance =
    Harmless("part of `ClusterVolumeSpec`, which counts as every path of the host");

/// `syslog` alone writes to a socket of the host; and a name that is a path is refused as well.
pub(super) const LOG_DRIVER_NAME: Stance = HOST_PATH;

pub(super) const DRIVER_NAME: Stance =
    Refused("a name that is a path, at which the daemon would find a plugin of anybody's");
