//! The body of `POST /volumes/create`.

use super::reasons::{CLUSTER_VOLUME, HOST_PATH, NAME, NAMED};
use super::table::{INT, Kind, NOTHING, Struct, TEXT_MAP, TEXTS, fields};

/// The body of `POST /volumes/create`.
pub static VOLUME_CREATE: Struct = Struct::new(fields! {
    "Name": Kind::Text, NAME;
    "Driver": Kind::Text, HOST_PATH;
    "DriverOpts": TEXT_MAP, HOST_PATH;
    "Labels": TEXT_MAP, NAMED;
    "ClusterVolumeSpec": Kind::Struct(&CLUSTER), HOST_PATH;
});

static CLUSTER: Struct = Struct::new(fields! {
    "Group": Kind::Text, CLUSTER_VOLUME;
    "AccessMode": Kind::Struct(&ACCESS_MODE), CLUSTER_VOLUME;
    "AccessibilityRequirements": Kind::Struct(&TOPOLOGY_REQUIREMENT), CLUSTER_VOLUME;
    "CapacityRange": Kind::Struct(&CAPACITY_RANGE), CLUSTER_VOLUME;
    "Secrets": Kind::List(&Kind::Struct(&VOLUME_SECRET)), CLUSTER_VOLUME;
    "Availability": Kind::Text, CLUSTER_VOLUME;
});

static ACCESS_MODE: Struct = Struct::new(fields! {
    "Scope": Kind::Text, CLUSTER_VOLUME;
    "Sharing": Kind::Text, CLUSTER_VOLUME;
    "MountVolume": Kind::Struct(&MOUNT_VOLUME), CLUSTER_VOLUME;
    "BlockVolume": Kind::Struct(&NOTHING), CLUSTER_VOLUME;
});

static MOUNT_VOLUME: Struct = Struct::new(fields! {
    "FsType": Kind::Text, CLUSTER_VOLUME;
    "MountFlags": TEXTS, CLUSTER_VOLUME;
});

static TOPOLOGY_REQUIREMENT: Struct = Struct::new(fields! {
    "Requisite": Kind::List(&Kind::Struct(&TOPOLOGY)), CLUSTER_VOLUME;
    "Preferred": Kind::List(&Kind::Struct(&TOPOLOGY)), CLUSTER_VOLUME;
});

static TOPOLOGY: Struct = Struct::new(fields! {
    "Segments": TEXT_MAP, CLUSTER_VOLUME;
});

static CAPACITY_RANGE: Struct = Struct::new(fields! {
    "RequiredBytes": INT, CLUSTER_VOLUME;
    "LimitBytes": INT, CLUSTER_VOLUME;
});

static VOLUME_SECRET: Struct = Struct::new(fields! {
    "Key": Kind::Text, CLUSTER_VOLUME;
    "Secret": Kind::Text, CLUSTER_VOLUME;
});
