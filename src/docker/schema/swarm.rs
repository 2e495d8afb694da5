//! The bodies of `POST /swarm/init`, `/swarm/update`, `/nodes/{id}/update` and `/secrets/create`.

use super::reasons::{
    ADDRESSES, CONTROL_PLANE, DRIVER_NAME, HOST_PORTS, INSIDE, NAME, NAMED, SWARM_OF_ITS_OWN,
};
use super::service::LOG_DRIVER;
use super::stance::Stance;
use super::table::{INT, Kind, Struct, TEXT_MAP, TEXTS, UINT32, UINT64, fields};

/// The body of `POST /swarm/init`: Engine API `SwarmInitRequest`.
pub static SWARM_INIT: Struct = Struct::new(fields! {
    "ListenAddr": Kind::Text, HOST_PORTS;
    "AdvertiseAddr": Kind::Text, SWARM_OF_ITS_OWN;
    "DataPathAddr": Kind::Text, SWARM_OF_ITS_OWN;
    "DataPathPort": UINT32, HOST_PORTS;
    "ForceNewCluster": Kind::Bool, SWARM_OF_ITS_OWN;
    "Spec": Kind::Struct(&SWARM_SPEC), INSIDE;
    "AutoLockManagers": Kind::Bool, SWARM_OF_ITS_OWN;
    "Availability": Kind::Text, SWARM_OF_ITS_OWN;
    "DefaultAddrPool": TEXTS, ADDRESSES;
    "SubnetSize": UINT32, SWARM_OF_ITS_OWN;
});

/// The body of `POST /nodes/{id}/update`: Engine API `NodeSpec`.
pub static NODE_SPEC: Struct = Struct::new(fields! {
    "Name": Kind::Text, NAMED;
    "Labels": TEXT_MAP, NAMED;
    "Role": Kind::Text, CONTROL_PLANE;
    "Availability": Kind::Text, SWARM_OF_ITS_OWN;
});

/// The body of `POST /secrets/create`: Engine API `SecretSpec`.
pub static SECRET_CREATE: Struct = Struct::new(fields! {
    "Name": Kind::Text, NAME;
    "Labels": TEXT_MAP, NAMED;
    "Data": Kind::Text, SWARM_OF_ITS_OWN;
    "Driver": Kind::Struct(&SECRET_DRIVER), INSIDE;
    "Templating": Kind::Struct(&SECRET_TEMPLATING), INSIDE;
});

/// The body of `POST /configs/create`: Engine API `ConfigSpec`.
pub static CONFIG_CREATE: Struct = Struct::new(fields! {
    "Name": Kind::Text, NAME;
    "Labels": TEXT_MAP, NAMED;
    "Data": Kind::Text, SWARM_OF_ITS_OWN;
    "Templating": Kind::Struct(&SECRET_TEMPLATING), INSIDE;
});

static SECRET_DRIVER: Struct = Struct::new(fields! {
    "Name": Kind::Text, DRIVER_NAME;
    "Options": TEXT_MAP, SWARM_OF_ITS_OWN;
});

static SECRET_TEMPLATING: Struct = Struct::new(fields! {
    "Name": Kind::Text, SWARM_OF_ITS_OWN;
    "Options": TEXT_MAP, SWARM_OF_ITS_OWN;
});

/// The body of `POST /swarm/update`: Engine API `SwarmSpec`.
pub static SWARM_SPEC: Struct = Struct::new(fields! {
    "Name": Kind::Text, NAMED;
    "Labels": TEXT_MAP, NAMED;
    "Orchestration": Kind::Struct(&ORCHESTRATION), SWARM_OF_ITS_OWN;
    "Raft": Kind::Struct(&RAFT), SWARM_OF_ITS_OWN;
    "Dispatcher": Kind::Struct(&DISPATCHER), SWARM_OF_ITS_OWN;
    "CAConfig": Kind::Struct(&CA_CONFIG), INSIDE;
    "TaskDefaults": Kind::Struct(&TASK_DEFAULTS), TASKS;
    "EncryptionConfig": Kind::Struct(&ENCRYPTION), SWARM_OF_ITS_OWN;
});

static ORCHESTRATION: Struct = Struct::new(fields! {
    "TaskHistoryRetentionLimit": INT, SWARM_OF_ITS_OWN;
});

static RAFT: Struct = Struct::new(fields! {
    "SnapshotInterval": UINT64, SWARM_OF_ITS_OWN;
    "KeepOldSnapshots": UINT64, SWARM_OF_ITS_OWN;
    "LogEntriesForSlowFollowers": UINT64, SWARM_OF_ITS_OWN;
    "ElectionTick": INT, SWARM_OF_ITS_OWN;
    "HeartbeatTick": INT, SWARM_OF_ITS_OWN;
});

static DISPATCHER: Struct = Struct::new(fields! {
    "HeartbeatPeriod": INT, SWARM_OF_ITS_OWN;
});

static CA_CONFIG: Struct = Struct::new(fields! {
    "NodeCertExpiry": INT, SWARM_OF_ITS_OWN;
    "ExternalCAs": Kind::List(&Kind::Struct(&EXTERNAL_CA)), CONTROL_PLANE;
    "SigningCACert": Kind::Text, CONTROL_PLANE;
    "SigningCAKey": Kind::Text, CONTROL_PLANE;
    "ForceRotate": UINT64, SWARM_OF_ITS_OWN;
});

static EXTERNAL_CA: Struct = Struct::new(fields! {
    "Protocol": Kind::Text, SWARM_OF_ITS_OWN;
    "URL": Kind::Text, SWARM_OF_ITS_OWN;
    "Options": TEXT_MAP, SWARM_OF_ITS_OWN;
    "CACert": Kind::Text, SWARM_OF_ITS_OWN;
});

const TASKS: Stance =
    Stance::Harmless("goes nowhere: the daemon's conversion of a specification leaves it out");

static TASK_DEFAULTS: Struct = Struct::new(fields! {
    "LogDriver": Kind::Struct(&LOG_DRIVER), TASKS;
});

static ENCRYPTION: Struct = Struct::new(fields! {
    "AutoLockManagers": Kind::Bool, SWARM_OF_ITS_OWN;
});
