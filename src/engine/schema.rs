//! The bodies that the daemon reads, field by field: one table, from which all is read.
//!
//! The tables are the union of what Engine API v1.41 (20.10) and the newest daemon (29) know, with
//! the removed fields that some daemon between them still obeys. A field that is not here goes
//! through unchanged. Knows nothing of policy beyond each field's [`Stance`], nothing of HTTP.
//!
//! Sources: `api/types/container`, `api/types/mount`, `api/types/network`, `runconfig` of the
//! daemon.

/// What a value must look like. `null` is allowed for every kind: the daemon leaves the field as if
/// it were absent.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Whatever it is.
    Any,
    /// `true` or `false`.
    Bool,
    /// A string, also where the daemon parses it further (addresses, durations' enclosing types).
    Text,
    /// A number without fraction or exponent, in the range of the daemon's type.
    Integer(Width),
    /// A string, or a list of strings: Go `strslice.StrSlice`.
    TextOrList,
    /// A list of values of one kind.
    List(&'static Kind),
    /// An object whose keys are the client's: they stay case-sensitive.
    Map(&'static Kind),
    /// An object whose keys are fields: they match in any case.
    Struct(&'static Struct),
}

/// The range of an integer field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Go `int`, `int64`, `time.Duration`.
    Signed64,
    /// Go `uint16`.
    Unsigned16,
    /// Go `uint32`, `os.FileMode`.
    Unsigned32,
    /// Go `uint`, `uint64`.
    Unsigned64,
}

/// What the firewall does with a field. A new field needs a decision here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// A rule is about it: it becomes effects.
    Checked,
    /// `general` may change it.
    Forced,
    /// Both of these.
    CheckedAndForced,
    /// Holds other fields: see those.
    Inside,
    /// Moved to where newer daemons read it, or dropped where the daemon ignores it.
    Moved,
    /// No rule is about it.
    Passed,
}

/// One field of a [`Struct`].
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The Engine API's own spelling: what is written.
    pub name: &'static str,
    /// What the value must look like.
    pub kind: Kind,
    /// What the firewall does with it.
    pub stance: Stance,
}

/// An object whose keys the daemon matches with its fields.
#[derive(Debug)]
pub struct Struct {
    fields: &'static [Field],
    /// Open addressing by [`bucket`]; [`VACANT`] ends a search.
    index: [u8; BUCKETS],
}

const BUCKETS: usize = 256;
const VACANT: u8 = u8::MAX;
/// So that the positions of the fields that were seen fit in a `u128`, and half of the index stays
/// vacant.
const FIELDS_MAX: usize = 128;
const _: () = assert!(FIELDS_MAX * 2 <= BUCKETS && FIELDS_MAX < VACANT as usize);

impl Struct {
    const fn new(fields: &'static [Field]) -> Self {
        Self { fields, index: index(fields) }
    }

    /// The field that the daemon takes `key` for, and its position.
    ///
    /// Go `encoding/json`: the exact name, or one that equals it under simple case folding. Of all
    /// characters beyond ASCII only `ſ` (U+017F) and the Kelvin sign (U+212A) fold into ASCII, and
    /// no two fields of a table fold into one another, so the order of the two does not matter.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<(usize, &'static Field)> {
        if key.is_ascii() { self.ascii_field(key) } else { self.ascii_field(&folded(key)) }
    }

    /// All fields in the order of their positions.
    #[must_use]
    pub fn fields(&self) -> &'static [Field] {
        self.fields
    }

    fn ascii_field(&self, key: &str) -> Option<(usize, &'static Field)> {
        let mut at = bucket(key.as_bytes());
        loop {
            let position = usize::from(*self.index.get(at)?);
            let field = self.fields.get(position)?;
            if field.name.eq_ignore_ascii_case(key) {
                return Some((position, field));
            }
            at = (at + 1) % BUCKETS;
        }
    }
}

/// `key` as all that the daemon takes for the same field look: in ASCII lower case, `ſ` as `s`, the
/// Kelvin sign as `k`.
#[must_use]
pub fn folded(key: &str) -> String {
    key.chars()
        .map(|character| match character {
            'ſ' => 's',
            '\u{212A}' => 'k',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}

/// The same for all spellings of an ASCII name.
const fn bucket(name: &[u8]) -> usize {
    let mut hash = 0_u32;
    let mut rest = name;
    while let [first, others @ ..] = rest {
        hash = hash.wrapping_mul(31).wrapping_add((*first | 0x20) as u32);
        rest = others;
    }
    ((hash ^ (hash >> 8) ^ (hash >> 16)) as usize) % BUCKETS
}

#[expect(clippy::indexing_slicing, reason = "runs at compile time: out of bounds does not build")]
#[expect(clippy::cast_possible_truncation, reason = "positions are below FIELDS_MAX")]
const fn index(fields: &[Field]) -> [u8; BUCKETS] {
    assert!(fields.len() <= FIELDS_MAX, "too many fields for the index");
    let mut index = [VACANT; BUCKETS];
    let mut position = 0;
    while position < fields.len() {
        let mut at = bucket(fields[position].name.as_bytes());
        while index[at] != VACANT {
            at = (at + 1) % BUCKETS;
        }
        index[at] = position as u8;
        position += 1;
    }
    index
}

#[expect(clippy::indexing_slicing, reason = "runs at compile time: out of bounds does not build")]
const fn join<const N: usize>(parts: [&[Field]; 4]) -> [Field; N] {
    let mut joined = [Field { name: "", kind: Kind::Any, stance: Stance::Passed }; N];
    let mut length = 0;
    let mut part = 0;
    while part < parts.len() {
        let mut at = 0;
        while at < parts[part].len() {
            joined[length] = parts[part][at];
            length += 1;
            at += 1;
        }
        part += 1;
    }
    assert!(length == N, "the parts do not fill the table");
    joined
}

macro_rules! fields {
    ($($name:literal: $kind:expr, $stance:ident;)*) => {
        &[$(Field { name: $name, kind: $kind, stance: Stance::$stance }),*]
    };
}

mod service;

pub use service::SERVICE;

const INT: Kind = Kind::Integer(Width::Signed64);
const UINT16: Kind = Kind::Integer(Width::Unsigned16);
const UINT32: Kind = Kind::Integer(Width::Unsigned32);
const UINT64: Kind = Kind::Integer(Width::Unsigned64);
const TEXTS: Kind = Kind::List(&Kind::Text);
const TEXT_MAP: Kind = Kind::Map(&Kind::Text);
/// A set as Go writes it: `map[string]struct{}`.
const SET: Kind = Kind::Map(&Kind::Struct(&NOTHING));

static NOTHING: Struct = Struct::new(&[]);

/// The body of `POST /containers/create`: `Config` with `HostConfig` and `NetworkingConfig` in it,
/// and, since 20.10 still obeys them, the fields of `HostConfig` beside it.
pub static CREATE: Struct = Struct::new(&CREATE_FIELDS);

const CREATE_FIELDS: [Field; CREATE_LENGTH] =
    join([WRAPPER_FIELDS, CONFIG_FIELDS, HOST_CONFIG_OWN_FIELDS, RESOURCES_FIELDS]);
const CREATE_LENGTH: usize = WRAPPER_FIELDS.len()
    + CONFIG_FIELDS.len()
    + HOST_CONFIG_OWN_FIELDS.len()
    + RESOURCES_FIELDS.len();

const WRAPPER_FIELDS: &[Field] = fields! {
    "HostConfig": Kind::Struct(&HOST_CONFIG), Inside;
    "NetworkingConfig": Kind::Struct(&NETWORKING_CONFIG), Inside;
    "Cpuset": Kind::Text, Moved;
};

const CONFIG_FIELDS: &[Field] = fields! {
    "Hostname": Kind::Text, Passed;
    "Domainname": Kind::Text, Passed;
    "User": Kind::Text, CheckedAndForced;
    "AttachStdin": Kind::Bool, Passed;
    "AttachStdout": Kind::Bool, Passed;
    "AttachStderr": Kind::Bool, Passed;
    "ExposedPorts": SET, Passed;
    "Tty": Kind::Bool, Passed;
    "OpenStdin": Kind::Bool, Passed;
    "StdinOnce": Kind::Bool, Passed;
    "Env": TEXTS, CheckedAndForced;
    "Cmd": Kind::TextOrList, Passed;
    "Healthcheck": Kind::Struct(&HEALTHCHECK), Passed;
    "ArgsEscaped": Kind::Bool, Passed;
    "Image": Kind::Text, Checked;
    // A key with a colon is one path of the container: `/root:/x` is a directory named `root:`
    // with `x` in it (20.10).
    "Volumes": SET, Passed;
    "WorkingDir": Kind::Text, Passed;
    "Entrypoint": Kind::TextOrList, Passed;
    "NetworkDisabled": Kind::Bool, Passed;
    "MacAddress": Kind::Text, Passed;
    "OnBuild": TEXTS, Passed;
    "Labels": TEXT_MAP, Passed;
    "StopSignal": Kind::Text, Passed;
    "StopTimeout": INT, Passed;
    "Shell": Kind::TextOrList, Passed;
};

static HEALTHCHECK: Struct = Struct::new(fields! {
    "Test": TEXTS, Passed;
    "Interval": INT, Passed;
    "Timeout": INT, Passed;
    "StartPeriod": INT, Passed;
    "StartInterval": INT, Passed;
    "Retries": INT, Passed;
});

/// `HostConfig`, with the fields of `Resources` that Go embeds in it.
pub static HOST_CONFIG: Struct = Struct::new(&HOST_CONFIG_FIELDS);

const HOST_CONFIG_FIELDS: [Field; HOST_CONFIG_LENGTH] =
    join([HOST_CONFIG_OWN_FIELDS, RESOURCES_FIELDS, &[], &[]]);
const HOST_CONFIG_LENGTH: usize = HOST_CONFIG_OWN_FIELDS.len() + RESOURCES_FIELDS.len();

const HOST_CONFIG_OWN_FIELDS: &[Field] = fields! {
    "Binds": TEXTS, Checked;
    "ContainerIDFile": Kind::Text, Passed;
    "LogConfig": Kind::Struct(&LOG_CONFIG), Checked;
    "NetworkMode": Kind::Text, Checked;
    "PortBindings": Kind::Map(&Kind::List(&Kind::Struct(&PORT_BINDING))), Checked;
    "RestartPolicy": Kind::Struct(&RESTART_POLICY), Passed;
    "AutoRemove": Kind::Bool, Passed;
    "VolumeDriver": Kind::Text, Checked;
    "VolumesFrom": TEXTS, Passed;
    "ConsoleSize": Kind::List(&UINT64), Passed;
    "Annotations": TEXT_MAP, Passed;
    "CapAdd": Kind::TextOrList, Forced;
    "CapDrop": Kind::TextOrList, Forced;
    // Only 19.03 obeys it: the whole set, before CapAdd and CapDrop.
    "Capabilities": Kind::TextOrList, Forced;
    "CgroupnsMode": Kind::Text, Passed;
    "Dns": TEXTS, Passed;
    "DnsOptions": TEXTS, Passed;
    "DnsSearch": TEXTS, Passed;
    "ExtraHosts": TEXTS, Passed;
    "GroupAdd": TEXTS, Passed;
    "IpcMode": Kind::Text, Passed;
    "Cgroup": Kind::Text, Passed;
    "Links": TEXTS, Passed;
    "OomScoreAdj": INT, Passed;
    "PidMode": Kind::Text, Passed;
    "Privileged": Kind::Bool, Checked;
    "PublishAllPorts": Kind::Bool, Checked;
    "ReadonlyRootfs": Kind::Bool, Passed;
    "SecurityOpt": TEXTS, CheckedAndForced;
    "StorageOpt": TEXT_MAP, Passed;
    "Tmpfs": TEXT_MAP, Passed;
    "UTSMode": Kind::Text, Passed;
    "UsernsMode": Kind::Text, Passed;
    "ShmSize": INT, Passed;
    "Sysctls": TEXT_MAP, Passed;
    "Runtime": Kind::Text, Passed;
    "Isolation": Kind::Text, Passed;
    "Mounts": Kind::List(&Kind::Struct(&MOUNT)), Inside;
    "MaskedPaths": TEXTS, Checked;
    "ReadonlyPaths": TEXTS, Checked;
    "Init": Kind::Bool, Passed;
};

const RESOURCES_FIELDS: &[Field] = fields! {
    "CpuShares": INT, Passed;
    "Memory": INT, Forced;
    "NanoCpus": INT, Forced;
    "CgroupParent": Kind::Text, Passed;
    "BlkioWeight": UINT16, Passed;
    "BlkioWeightDevice": Kind::List(&Kind::Struct(&WEIGHT_DEVICE)), Passed;
    "BlkioDeviceReadBps": THROTTLES, Passed;
    "BlkioDeviceWriteBps": THROTTLES, Passed;
    "BlkioDeviceReadIOps": THROTTLES, Passed;
    "BlkioDeviceWriteIOps": THROTTLES, Passed;
    "CpuPeriod": INT, Forced;
    "CpuQuota": INT, Forced;
    "CpuRealtimePeriod": INT, Passed;
    "CpuRealtimeRuntime": INT, Forced;
    "CpusetCpus": Kind::Text, Passed;
    "CpusetMems": Kind::Text, Passed;
    "Devices": Kind::List(&Kind::Struct(&DEVICE)), Inside;
    "DeviceCgroupRules": TEXTS, Passed;
    "DeviceRequests": Kind::List(&Kind::Struct(&DEVICE_REQUEST)), Passed;
    "KernelMemory": INT, Passed;
    "KernelMemoryTCP": INT, Passed;
    "MemoryReservation": INT, Forced;
    "MemorySwap": INT, Forced;
    "MemorySwappiness": INT, Passed;
    "OomKillDisable": Kind::Bool, Passed;
    "PidsLimit": INT, Passed;
    "Ulimits": Kind::List(&Kind::Struct(&ULIMIT)), Passed;
    "CpuCount": INT, Passed;
    "CpuPercent": INT, Passed;
    "IOMaximumIOps": UINT64, Passed;
    "IOMaximumBandwidth": UINT64, Passed;
};

const THROTTLES: Kind = Kind::List(&Kind::Struct(&THROTTLE_DEVICE));

static LOG_CONFIG: Struct = Struct::new(fields! {
    "Type": Kind::Text, Checked;
    "Config": TEXT_MAP, Checked;
});

static PORT_BINDING: Struct = Struct::new(fields! {
    "HostIp": Kind::Text, Passed;
    "HostPort": Kind::Text, Checked;
});

static RESTART_POLICY: Struct = Struct::new(fields! {
    "Name": Kind::Text, Passed;
    "MaximumRetryCount": INT, Passed;
});

static WEIGHT_DEVICE: Struct = Struct::new(fields! {
    "Path": Kind::Text, Passed;
    "Weight": UINT16, Passed;
});

static THROTTLE_DEVICE: Struct = Struct::new(fields! {
    "Path": Kind::Text, Passed;
    "Rate": UINT64, Passed;
});

static DEVICE: Struct = Struct::new(fields! {
    "PathOnHost": Kind::Text, Checked;
    "PathInContainer": Kind::Text, Passed;
    "CgroupPermissions": Kind::Text, Passed;
});

static DEVICE_REQUEST: Struct = Struct::new(fields! {
    "Driver": Kind::Text, Passed;
    "Count": INT, Passed;
    "DeviceIDs": TEXTS, Passed;
    "Capabilities": Kind::List(&TEXTS), Passed;
    "Options": TEXT_MAP, Passed;
});

static ULIMIT: Struct = Struct::new(fields! {
    "Name": Kind::Text, Passed;
    "Hard": INT, Passed;
    "Soft": INT, Passed;
});

static MOUNT: Struct = Struct::new(fields! {
    "Type": Kind::Text, Checked;
    "Source": Kind::Text, Checked;
    "Target": Kind::Text, Passed;
    "ReadOnly": Kind::Bool, Passed;
    "Consistency": Kind::Text, Passed;
    "BindOptions": Kind::Struct(&BIND_OPTIONS), Passed;
    "VolumeOptions": Kind::Struct(&VOLUME_OPTIONS), Inside;
    "ImageOptions": Kind::Struct(&IMAGE_OPTIONS), Passed;
    "TmpfsOptions": Kind::Struct(&TMPFS_OPTIONS), Passed;
    "ClusterOptions": Kind::Struct(&NOTHING), Passed;
});

static BIND_OPTIONS: Struct = Struct::new(fields! {
    "Propagation": Kind::Text, Passed;
    "NonRecursive": Kind::Bool, Passed;
    "CreateMountpoint": Kind::Bool, Passed;
    "ReadOnlyNonRecursive": Kind::Bool, Passed;
    "ReadOnlyForceRecursive": Kind::Bool, Passed;
});

static VOLUME_OPTIONS: Struct = Struct::new(fields! {
    "NoCopy": Kind::Bool, Passed;
    "Labels": TEXT_MAP, Passed;
    "Subpath": Kind::Text, Passed;
    "DriverConfig": Kind::Struct(&DRIVER), Inside;
});

static DRIVER: Struct = Struct::new(fields! {
    "Name": Kind::Text, Checked;
    "Options": TEXT_MAP, Checked;
});

static IMAGE_OPTIONS: Struct = Struct::new(fields! {
    "Subpath": Kind::Text, Passed;
});

static TMPFS_OPTIONS: Struct = Struct::new(fields! {
    "SizeBytes": INT, Passed;
    "Mode": UINT32, Passed;
    "Options": Kind::List(&TEXTS), Passed;
});

static NETWORKING_CONFIG: Struct = Struct::new(fields! {
    "EndpointsConfig": Kind::Map(&Kind::Struct(&ENDPOINT)), Checked;
});

static ENDPOINT: Struct = Struct::new(fields! {
    "IPAMConfig": Kind::Struct(&ENDPOINT_IPAM), Passed;
    "Links": TEXTS, Passed;
    "Aliases": TEXTS, Passed;
    "DriverOpts": TEXT_MAP, Passed;
    "GwPriority": INT, Passed;
    "NetworkID": Kind::Text, Checked;
    "EndpointID": Kind::Text, Passed;
    "Gateway": Kind::Text, Passed;
    "IPAddress": Kind::Text, Passed;
    "MacAddress": Kind::Text, Passed;
    "IPPrefixLen": INT, Passed;
    "IPv6Gateway": Kind::Text, Passed;
    "GlobalIPv6Address": Kind::Text, Passed;
    "GlobalIPv6PrefixLen": INT, Passed;
    "DNSNames": TEXTS, Passed;
});

static ENDPOINT_IPAM: Struct = Struct::new(fields! {
    "IPv4Address": Kind::Text, Passed;
    "IPv6Address": Kind::Text, Passed;
    "LinkLocalIPs": TEXTS, Passed;
});

/// The body of `POST /containers/{id}/exec`.
pub static EXEC: Struct = Struct::new(fields! {
    "User": Kind::Text, CheckedAndForced;
    "Privileged": Kind::Bool, Checked;
    "Tty": Kind::Bool, Passed;
    "ConsoleSize": Kind::List(&UINT64), Passed;
    "AttachStdin": Kind::Bool, Passed;
    "AttachStderr": Kind::Bool, Passed;
    "AttachStdout": Kind::Bool, Passed;
    "Detach": Kind::Bool, Passed;
    "DetachKeys": Kind::Text, Passed;
    "Env": TEXTS, CheckedAndForced;
    "WorkingDir": Kind::Text, Passed;
    "Cmd": TEXTS, Passed;
});

/// The body of `POST /containers/{id}/update`. Of `Resources` the daemon applies the limits alone;
/// devices and the control group are read and left.
pub static UPDATE: Struct = Struct::new(&UPDATE_FIELDS);

const UPDATE_FIELDS: [Field; RESOURCES_FIELDS.len() + 1] = join([
    RESOURCES_FIELDS,
    fields! { "RestartPolicy": Kind::Struct(&RESTART_POLICY), Passed; },
    &[],
    &[],
]);

/// The body of `POST /volumes/create`.
pub static VOLUME_CREATE: Struct = Struct::new(fields! {
    "Name": Kind::Text, Passed;
    "Driver": Kind::Text, Checked;
    "DriverOpts": TEXT_MAP, Checked;
    "Labels": TEXT_MAP, Passed;
    "ClusterVolumeSpec": Kind::Struct(&CLUSTER_VOLUME), Checked;
});

static CLUSTER_VOLUME: Struct = Struct::new(fields! {
    "Group": Kind::Text, Passed;
    "AccessMode": Kind::Struct(&ACCESS_MODE), Passed;
    "AccessibilityRequirements": Kind::Struct(&TOPOLOGY_REQUIREMENT), Passed;
    "CapacityRange": Kind::Struct(&CAPACITY_RANGE), Passed;
    "Secrets": Kind::List(&Kind::Struct(&VOLUME_SECRET)), Passed;
    "Availability": Kind::Text, Passed;
});

static ACCESS_MODE: Struct = Struct::new(fields! {
    "Scope": Kind::Text, Passed;
    "Sharing": Kind::Text, Passed;
    "MountVolume": Kind::Struct(&MOUNT_VOLUME), Passed;
    "BlockVolume": Kind::Struct(&NOTHING), Passed;
});

static MOUNT_VOLUME: Struct = Struct::new(fields! {
    "FsType": Kind::Text, Passed;
    "MountFlags": TEXTS, Passed;
});

static TOPOLOGY_REQUIREMENT: Struct = Struct::new(fields! {
    "Requisite": Kind::List(&Kind::Struct(&TOPOLOGY)), Passed;
    "Preferred": Kind::List(&Kind::Struct(&TOPOLOGY)), Passed;
});

static TOPOLOGY: Struct = Struct::new(fields! {
    "Segments": TEXT_MAP, Passed;
});

static CAPACITY_RANGE: Struct = Struct::new(fields! {
    "RequiredBytes": INT, Passed;
    "LimitBytes": INT, Passed;
});

static VOLUME_SECRET: Struct = Struct::new(fields! {
    "Key": Kind::Text, Passed;
    "Secret": Kind::Text, Passed;
});

/// What may stand in the body of `POST /containers/{id}/start`: nothing that any daemon knows.
pub static START: Struct = Struct::new(&[]);

/// A seccomp profile given inline, as far as a decision needs it.
pub static SECCOMP_PROFILE: Struct = Struct::new(fields! {
    "defaultAction": Kind::Text, Checked;
});

/// Parameters of `POST /build` that are JSON in themselves, as if they were fields of one object.
pub static BUILD: Struct = Struct::new(fields! {
    "BuildArgs": TEXT_MAP, Checked;
    "CacheFrom": TEXTS, Checked;
    "Outputs": Kind::List(&Kind::Struct(&BUILD_OUTPUT)), Inside;
});

static BUILD_OUTPUT: Struct = Struct::new(fields! {
    "Type": Kind::Text, Passed;
    "Attrs": TEXT_MAP, Checked;
});

/// The body of `POST /swarm/init`: Engine API `SwarmInitRequest`.
pub static SWARM_INIT: Struct = Struct::new(fields! {
    "ListenAddr": Kind::Text, Checked;
    "AdvertiseAddr": Kind::Text, Passed;
    "DataPathAddr": Kind::Text, Passed;
    "DataPathPort": UINT32, Checked;
    "ForceNewCluster": Kind::Bool, Passed;
    "Spec": Kind::Any, Passed;
    "AutoLockManagers": Kind::Bool, Passed;
    "Availability": Kind::Text, Passed;
    "DefaultAddrPool": TEXTS, Passed;
    "SubnetSize": UINT32, Passed;
});

/// The body of `POST /networks/create`.
pub static NETWORK_CREATE: Struct = Struct::new(fields! {
    "CheckDuplicate": Kind::Bool, Passed;
    "Driver": Kind::Text, Checked;
    "Scope": Kind::Text, Passed;
    "EnableIPv4": Kind::Bool, Passed;
    "EnableIPv6": Kind::Bool, Passed;
    "IPAM": Kind::Struct(&IPAM), Inside;
    "Internal": Kind::Bool, Passed;
    "Attachable": Kind::Bool, Passed;
    "Ingress": Kind::Bool, Passed;
    "ConfigOnly": Kind::Bool, Passed;
    "ConfigFrom": Kind::Struct(&CONFIG_REFERENCE), Inside;
    "Options": TEXT_MAP, Checked;
    "Labels": TEXT_MAP, Passed;
    "Name": Kind::Text, Passed;
});

static IPAM: Struct = Struct::new(fields! {
    "Driver": Kind::Text, Checked;
    "Options": TEXT_MAP, Passed;
    "Config": Kind::List(&Kind::Struct(&IPAM_CONFIG)), Inside;
});

static IPAM_CONFIG: Struct = Struct::new(fields! {
    "Subnet": Kind::Text, Passed;
    "IPRange": Kind::Text, Passed;
    "Gateway": Kind::Text, Passed;
    "AuxiliaryAddresses": TEXT_MAP, Passed;
});

static CONFIG_REFERENCE: Struct = Struct::new(fields! {
    "Network": Kind::Text, Passed;
});

/// The body of `POST /containers/{id}/checkpoints`.
pub static CHECKPOINT_CREATE: Struct = Struct::new(fields! {
    "CheckpointID": Kind::Text, Passed;
    "CheckpointDir": Kind::Text, Checked;
    "Exit": Kind::Bool, Passed;
});

/// Whether `name`, written beside `HostConfig`, is one of its fields to 20.10 or older. The engines
/// that know `Annotations` read nothing beside it any more.
#[must_use]
pub fn is_legacy_host_config(name: &str) -> bool {
    name != "Annotations" && HOST_CONFIG.fields().iter().any(|field| field.name == name)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use std::collections::HashSet;

    fn assert_sound(table: &Struct) {
        let mut names = HashSet::new();
        for (position, field) in table.fields().iter().enumerate() {
            assert!(field.name.is_ascii(), "{}", field.name);
            assert!(names.insert(folded(field.name)), "{} twice", field.name);
            for spelling in
                [field.name.to_owned(), field.name.to_uppercase(), field.name.to_lowercase()]
            {
                assert_eq!(table.field(&spelling).unwrap().0, position, "{spelling}");
            }
            assert_sound_kind(&field.kind);
        }
    }

    fn assert_sound_kind(kind: &Kind) {
        match kind {
            Kind::Struct(inner) => assert_sound(inner),
            Kind::List(inner) | Kind::Map(inner) => assert_sound_kind(inner),
            Kind::Any | Kind::Bool | Kind::Text | Kind::Integer(_) | Kind::TextOrList => (),
        }
    }

    #[test]
    fn every_field_is_found_in_any_case_and_no_two_fold_together() {
        assert_sound(&CREATE);
        for table in [&EXEC, &UPDATE, &VOLUME_CREATE, &START, &SECCOMP_PROFILE] {
            assert_sound(table);
        }
        assert_sound(&SECCOMP_PROFILE);
        assert_sound(&BUILD);
        assert_sound(&SWARM_INIT);
        assert_sound(&NETWORK_CREATE);
        assert_sound(&CHECKPOINT_CREATE);
        assert_sound(&SERVICE);
    }

    #[test]
    fn folds_as_go_does() {
        for (key, name) in [
            ("hostconfig", Some("HostConfig")),
            ("Ho\u{17F}tConfig", Some("HostConfig")),
            ("maskedpath\u{17F}", Some("MaskedPaths")),
            ("Mas\u{212A}edPaths", Some("MaskedPaths")),
            ("HostConfig ", None),
            ("HostC\u{F6}nfig", None),
            ("\u{130}mage", None),
            ("", None),
            ("HostConfigHostConfig", None),
        ] {
            assert_eq!(CREATE.field(key).map(|(_, field)| field.name), name, "{key}");
        }
    }
}
