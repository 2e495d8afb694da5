//! `Mounts`, in containers and in services.

use super::reasons::{
    HOST_PATH, HOST_PATH_OR_IMAGE, INSIDE, INSIDE_PATH, LESS, MOUNT_DETAIL, NAMED, OWN_VOLUME,
};
use super::table::{INT, Kind, NOTHING, Struct, TEXT_MAP, TEXTS, UINT32, fields};

pub(super) static MOUNT: Struct = Struct::new(fields! {
    "Type": Kind::Text, HOST_PATH_OR_IMAGE;
    "Source": Kind::Text, HOST_PATH_OR_IMAGE;
    "Target": Kind::Text, INSIDE_PATH;
    "ReadOnly": Kind::Bool, LESS;
    "Consistency": Kind::Text, MOUNT_DETAIL;
    "BindOptions": Kind::Struct(&BIND_OPTIONS), MOUNT_DETAIL;
    "VolumeOptions": Kind::Struct(&VOLUME_OPTIONS), INSIDE;
    "ImageOptions": Kind::Struct(&IMAGE_OPTIONS), MOUNT_DETAIL;
    "TmpfsOptions": Kind::Struct(&TMPFS_OPTIONS), OWN_VOLUME;
    "ClusterOptions": Kind::Struct(&NOTHING), MOUNT_DETAIL;
});

static BIND_OPTIONS: Struct = Struct::new(fields! {
    "Propagation": Kind::Text, MOUNT_DETAIL;
    "NonRecursive": Kind::Bool, MOUNT_DETAIL;
    "CreateMountpoint": Kind::Bool, MOUNT_DETAIL;
    "ReadOnlyNonRecursive": Kind::Bool, MOUNT_DETAIL;
    "ReadOnlyForceRecursive": Kind::Bool, MOUNT_DETAIL;
});

static VOLUME_OPTIONS: Struct = Struct::new(fields! {
    "NoCopy": Kind::Bool, MOUNT_DETAIL;
    "Labels": TEXT_MAP, NAMED;
    "Subpath": Kind::Text, MOUNT_DETAIL;
    "DriverConfig": Kind::Struct(&DRIVER), INSIDE;
});

static DRIVER: Struct = Struct::new(fields! {
    "Name": Kind::Text, HOST_PATH;
    "Options": TEXT_MAP, HOST_PATH;
});

static IMAGE_OPTIONS: Struct = Struct::new(fields! {
    "Subpath": Kind::Text, MOUNT_DETAIL;
});

static TMPFS_OPTIONS: Struct = Struct::new(fields! {
    "SizeBytes": INT, OWN_VOLUME;
    "Mode": UINT32, OWN_VOLUME;
    "Options": Kind::List(&TEXTS), OWN_VOLUME;
});
