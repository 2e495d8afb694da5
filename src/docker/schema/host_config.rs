//! `HostConfig`: what a container is given of the host.

use super::mount::MOUNT;
use super::reasons::{
    ALL_ADDRESSES, CAPABILITIES, CGROUP_PARENT, CLIENT, CPU, DEVICE, DEVICE_AT_PATH, DROPPED,
    ENVIRONMENT, GROUPS, HOST_PATH, HOST_PORTS, INSIDE, INSIDE_PATH, ITS_NETWORK, LESS, LIFE,
    LOG_DRIVER_NAME, MEMORY, NAMESPACE, NETWORK_JOINED, OWN_VOLUME, PRIVILEGED, PROCESSES,
    RESOURCE, RUNTIME, SECURITY_OPTION, SECURITY_OPTIONS, STREAMS, SYSCTL, VOLUMES_FROM, WHAT_RUNS,
    WINDOWS,
};
use super::stance::{Power, Stance};
use super::table::{Field, INT, Kind, Struct, TEXT_MAP, TEXTS, UINT16, UINT64, fields, join};

/// `HostConfig`, with the fields of `Resources` that Go embeds in it.
pub static HOST_CONFIG: Struct = Struct::new(&HOST_CONFIG_FIELDS);

const HOST_CONFIG_FIELDS: [Field; HOST_CONFIG_LENGTH] =
    join(&[HOST_CONFIG_OWN_FIELDS, LIMIT_FIELDS, CONFINEMENT_FIELDS, NEWER_FIELDS]);
const HOST_CONFIG_LENGTH: usize = HOST_CONFIG_OWN_FIELDS.len()
    + LIMIT_FIELDS.len()
    + CONFINEMENT_FIELDS.len()
    + NEWER_FIELDS.len();

pub(super) const HOST_CONFIG_OWN_FIELDS: &[Field] = fields! {
    "Binds": TEXTS, HOST_PATH;
    "ContainerIDFile": Kind::Text, CLIENT;
    "LogConfig": Kind::Struct(&LOG_CONFIG), INSIDE;
    "NetworkMode": Kind::Text, NETWORK_JOINED;
    "PortBindings": Kind::Map(&Kind::List(&Kind::Struct(&PORT_BINDING))), INSIDE;
    "RestartPolicy": Kind::Struct(&RESTART_POLICY), LIFE;
    "AutoRemove": Kind::Bool, LIFE;
    "VolumeDriver": Kind::Text, HOST_PATH;
    "VolumesFrom": TEXTS, VOLUMES_FROM;
    "ConsoleSize": Kind::List(&UINT64), STREAMS;
    "CapAdd": Kind::TextOrList, CAPABILITIES;
    "CapDrop": Kind::TextOrList, DROPPED;
    // Only 19.03 obeys it: the whole set, before CapAdd and CapDrop.
    "Capabilities": Kind::TextOrList, CAPABILITIES;
    "CgroupnsMode": Kind::Text, NAMESPACE;
    "Dns": TEXTS, ITS_NETWORK;
    "DnsOptions": TEXTS, ITS_NETWORK;
    "DnsSearch": TEXTS, ITS_NETWORK;
    "ExtraHosts": TEXTS, ITS_NETWORK;
    "GroupAdd": TEXTS, GROUPS;
    "IpcMode": Kind::Text, NAMESPACE;
    "Cgroup": Kind::Text, NO_MEANING;
    "Links": TEXTS, ENVIRONMENT;
    "OomScoreAdj": INT, RESOURCE;
    "PidMode": Kind::Text, PROCESSES;
    "Privileged": Kind::Bool, PRIVILEGED;
    "PublishAllPorts": Kind::Bool, HOST_PORTS;
    "ReadonlyRootfs": Kind::Bool, LESS;
    "SecurityOpt": TEXTS, SECURITY_OPTIONS;
    "StorageOpt": TEXT_MAP, RESOURCE;
    "Tmpfs": TEXT_MAP, OWN_VOLUME;
    "UTSMode": Kind::Text, NAMESPACE;
    "UsernsMode": Kind::Text, NAMESPACE;
    "ShmSize": INT, RESOURCE;
    "Sysctls": TEXT_MAP, SYSCTL;
    "Runtime": Kind::Text, RUNTIME;
    "Isolation": Kind::Text, WINDOWS;
    "Mounts": Kind::List(&Kind::Struct(&MOUNT)), INSIDE;
    "MaskedPaths": TEXTS, SECURITY_OPTION;
    "ReadonlyPaths": TEXTS, SECURITY_OPTION;
    "Init": Kind::Bool, WHAT_RUNS;
};

/// What no engine knows that still reads the fields of `HostConfig` beside it.
pub(super) const NEWER_FIELDS: &[Field] = fields! {
    "Annotations": TEXT_MAP, Stance::Checked(&[Power::Annotation]);
};

const NO_MEANING: Stance =
    Stance::Harmless("`container:NAME` is only recorded; no daemon shares a control group by it");

/// The part of `Resources` that limits.
pub(super) const LIMIT_FIELDS: &[Field] = fields! {
    "CpuShares": INT, RESOURCE;
    "Memory": INT, MEMORY;
    "NanoCpus": INT, CPU;
    "BlkioWeight": UINT16, RESOURCE;
    "BlkioWeightDevice": Kind::List(&Kind::Struct(&WEIGHT_DEVICE)), RESOURCE;
    "BlkioDeviceReadBps": THROTTLES, RESOURCE;
    "BlkioDeviceWriteBps": THROTTLES, RESOURCE;
    "BlkioDeviceReadIOps": THROTTLES, RESOURCE;
    "BlkioDeviceWriteIOps": THROTTLES, RESOURCE;
    "CpuPeriod": INT, CPU;
    "CpuQuota": INT, CPU;
    "CpuRealtimePeriod": INT, RESOURCE;
    "CpuRealtimeRuntime": INT, CPU;
    "CpusetCpus": Kind::Text, RESOURCE;
    "CpusetMems": Kind::Text, RESOURCE;
    "KernelMemory": INT, RESOURCE;
    "KernelMemoryTCP": INT, RESOURCE;
    "MemoryReservation": INT, MEMORY;
    "MemorySwap": INT, MEMORY;
    "MemorySwappiness": INT, RESOURCE;
    "OomKillDisable": Kind::Bool, RESOURCE;
    "PidsLimit": INT, RESOURCE;
    "Ulimits": Kind::List(&Kind::Struct(&ULIMIT)), RESOURCE;
    "CpuCount": INT, WINDOWS;
    "CpuPercent": INT, WINDOWS;
    "IOMaximumIOps": UINT64, WINDOWS;
    "IOMaximumBandwidth": UINT64, WINDOWS;
};

/// The part of `Resources` that gives.
pub(super) const CONFINEMENT_FIELDS: &[Field] = fields! {
    "CgroupParent": Kind::Text, CGROUP_PARENT;
    "Devices": Kind::List(&Kind::Struct(&HOST_DEVICE)), INSIDE;
    "DeviceCgroupRules": TEXTS, DEVICE;
    "DeviceRequests": Kind::List(&Kind::Struct(&DEVICE_REQUEST)), INSIDE;
};

const THROTTLES: Kind = Kind::List(&Kind::Struct(&THROTTLE_DEVICE));

static LOG_CONFIG: Struct = Struct::new(fields! {
    "Type": Kind::Text, LOG_DRIVER_NAME;
    "Config": TEXT_MAP, HOST_PATH;
});

static PORT_BINDING: Struct = Struct::new(fields! {
    "HostIp": Kind::Text, ALL_ADDRESSES;
    "HostPort": Kind::Text, HOST_PORTS;
});

pub(super) static RESTART_POLICY: Struct = Struct::new(fields! {
    "Name": Kind::Text, LIFE;
    "MaximumRetryCount": INT, LIFE;
});

static WEIGHT_DEVICE: Struct = Struct::new(fields! {
    "Path": Kind::Text, RESOURCE;
    "Weight": UINT16, RESOURCE;
});

static THROTTLE_DEVICE: Struct = Struct::new(fields! {
    "Path": Kind::Text, RESOURCE;
    "Rate": UINT64, RESOURCE;
});

static HOST_DEVICE: Struct = Struct::new(fields! {
    "PathOnHost": Kind::Text, DEVICE_AT_PATH;
    "PathInContainer": Kind::Text, INSIDE_PATH;
    "CgroupPermissions": Kind::Text, DEVICE_DETAIL;
});

static DEVICE_REQUEST: Struct = Struct::new(fields! {
    "Driver": Kind::Text, DEVICE;
    "Count": INT, DEVICE_DETAIL;
    "DeviceIDs": TEXTS, DEVICE;
    "Capabilities": Kind::List(&TEXTS), DEVICE;
    "Options": TEXT_MAP, DEVICE_DETAIL;
});

const DEVICE_DETAIL: Stance =
    Stance::Harmless("how a device is used that is judged by its path or by the request for it");

pub(super) static ULIMIT: Struct = Struct::new(fields! {
    "Name": Kind::Text, RESOURCE;
    "Hard": INT, RESOURCE;
    "Soft": INT, RESOURCE;
});
