//! The body of `POST /services/create` and `POST /services/{id}/update`: a `ServiceSpec`.
//!
//! Sources: `api/types/swarm` of the daemon. 20.10 still reads `Networks` beside `TaskTemplate`.

use super::{
    Field, HEALTHCHECK, INT, Kind, MOUNT, NOTHING, Stance, Struct, TEXT_MAP, TEXTS, UINT32, UINT64,
    ULIMIT,
};

/// A `ServiceSpec`, with the fields of `Annotations` that Go embeds in it.
pub static SERVICE: Struct = Struct::new(fields! {
    "Name": Kind::Text, Passed;
    "Labels": TEXT_MAP, Passed;
    "TaskTemplate": Kind::Struct(&TASK), Inside;
    "Mode": Kind::Struct(&MODE), Passed;
    // A rollback after a failed update returns to what ran until then: nothing new.
    "UpdateConfig": Kind::Struct(&UPDATE_CONFIG), Passed;
    "RollbackConfig": Kind::Struct(&UPDATE_CONFIG), Passed;
    "Networks": Kind::List(&Kind::Struct(&NETWORK)), Checked;
    "EndpointSpec": Kind::Struct(&ENDPOINT_SPEC), Inside;
});

static TASK: Struct = Struct::new(fields! {
    "ContainerSpec": Kind::Struct(&CONTAINER), Inside;
    // Only read under another `Runtime`, and those are refused.
    "PluginSpec": Kind::Struct(&PLUGIN), Passed;
    "NetworkAttachmentSpec": Kind::Struct(&ATTACHMENT), Passed;
    "Resources": Kind::Struct(&RESOURCES), Inside;
    "RestartPolicy": Kind::Struct(&RESTART), Passed;
    "Placement": Kind::Struct(&PLACEMENT), Passed;
    "Networks": Kind::List(&Kind::Struct(&NETWORK)), Checked;
    "LogDriver": Kind::Struct(&LOG_DRIVER), Checked;
    "ForceUpdate": UINT64, Passed;
    "Runtime": Kind::Text, Checked;
});

static CONTAINER: Struct = Struct::new(fields! {
    "Image": Kind::Text, Checked;
    "Labels": TEXT_MAP, Passed;
    "Command": TEXTS, Passed;
    "Args": TEXTS, Passed;
    "Hostname": Kind::Text, Passed;
    "Env": TEXTS, CheckedAndForced;
    "Dir": Kind::Text, Passed;
    "User": Kind::Text, CheckedAndForced;
    "Groups": TEXTS, Passed;
    "Privileges": Kind::Struct(&PRIVILEGES), Inside;
    "Init": Kind::Bool, Passed;
    "StopSignal": Kind::Text, Passed;
    "TTY": Kind::Bool, Passed;
    "OpenStdin": Kind::Bool, Passed;
    "ReadOnly": Kind::Bool, Passed;
    "Mounts": Kind::List(&Kind::Struct(&MOUNT)), Inside;
    "StopGracePeriod": INT, Passed;
    "Healthcheck": Kind::Struct(&HEALTHCHECK), Passed;
    "Hosts": TEXTS, Passed;
    "DNSConfig": Kind::Struct(&DNS), Passed;
    "Secrets": Kind::List(&Kind::Struct(&SECRET)), Passed;
    "Configs": Kind::List(&Kind::Struct(&CONFIG)), Passed;
    "Isolation": Kind::Text, Passed;
    "Sysctls": TEXT_MAP, Checked;
    "CapabilityAdd": TEXTS, CheckedAndForced;
    "CapabilityDrop": TEXTS, Forced;
    "Ulimits": Kind::List(&Kind::Struct(&ULIMIT)), Passed;
    "OomScoreAdj": INT, Passed;
});

static PRIVILEGES: Struct = Struct::new(fields! {
    "CredentialSpec": Kind::Struct(&CREDENTIAL_SPEC), Checked;
    "SELinuxContext": Kind::Struct(&SELINUX), CheckedAndForced;
    "Seccomp": Kind::Struct(&SECCOMP), CheckedAndForced;
    "AppArmor": Kind::Struct(&APPARMOR), CheckedAndForced;
    "NoNewPrivileges": Kind::Bool, CheckedAndForced;
});

static CREDENTIAL_SPEC: Struct = Struct::new(fields! {
    "Config": Kind::Text, Checked;
    "File": Kind::Text, Checked;
    "Registry": Kind::Text, Checked;
});

static SELINUX: Struct = Struct::new(fields! {
    "Disable": Kind::Bool, CheckedAndForced;
    "User": Kind::Text, CheckedAndForced;
    "Role": Kind::Text, CheckedAndForced;
    "Type": Kind::Text, CheckedAndForced;
    "Level": Kind::Text, CheckedAndForced;
});

static SECCOMP: Struct = Struct::new(fields! {
    "Mode": Kind::Text, CheckedAndForced;
    // Base64.
    "Profile": Kind::Text, CheckedAndForced;
});

static APPARMOR: Struct = Struct::new(fields! {
    "Mode": Kind::Text, CheckedAndForced;
});

static DNS: Struct = Struct::new(fields! {
    "Nameservers": TEXTS, Passed;
    "Search": TEXTS, Passed;
    "Options": TEXTS, Passed;
});

static SECRET: Struct = Struct::new(fields! {
    "File": Kind::Struct(&REFERENCE_FILE), Passed;
    "SecretID": Kind::Text, Passed;
    "SecretName": Kind::Text, Passed;
});

static CONFIG: Struct = Struct::new(fields! {
    "File": Kind::Struct(&REFERENCE_FILE), Passed;
    "Runtime": Kind::Struct(&NOTHING), Passed;
    "ConfigID": Kind::Text, Passed;
    "ConfigName": Kind::Text, Passed;
});

static REFERENCE_FILE: Struct = Struct::new(fields! {
    "Name": Kind::Text, Passed;
    "UID": Kind::Text, Passed;
    "GID": Kind::Text, Passed;
    "Mode": UINT32, Passed;
});

static PLUGIN: Struct = Struct::new(fields! {
    "name": Kind::Text, Passed;
    "remote": Kind::Text, Passed;
    "privileges": Kind::List(&Kind::Struct(&PLUGIN_PRIVILEGE)), Passed;
    "disabled": Kind::Bool, Passed;
    "env": TEXTS, Passed;
});

static PLUGIN_PRIVILEGE: Struct = Struct::new(fields! {
    "name": Kind::Text, Passed;
    "description": Kind::Text, Passed;
    "value": TEXTS, Passed;
});

static ATTACHMENT: Struct = Struct::new(fields! {
    "ContainerID": Kind::Text, Passed;
});

static RESOURCES: Struct = Struct::new(fields! {
    "Limits": Kind::Struct(&LIMITS), Inside;
    "Reservations": Kind::Struct(&RESERVATIONS), Inside;
    "SwapBytes": INT, Forced;
    "MemorySwappiness": INT, Passed;
});

static LIMITS: Struct = Struct::new(fields! {
    "NanoCPUs": INT, Forced;
    "MemoryBytes": INT, Forced;
    "Pids": INT, Passed;
});

static RESERVATIONS: Struct = Struct::new(fields! {
    "NanoCPUs": INT, Forced;
    "MemoryBytes": INT, Forced;
    "GenericResources": Kind::List(&Kind::Struct(&GENERIC_RESOURCE)), Passed;
});

static GENERIC_RESOURCE: Struct = Struct::new(fields! {
    "NamedResourceSpec": Kind::Struct(&NAMED_RESOURCE), Passed;
    "DiscreteResourceSpec": Kind::Struct(&DISCRETE_RESOURCE), Passed;
});

static NAMED_RESOURCE: Struct = Struct::new(fields! {
    "Kind": Kind::Text, Passed;
    "Value": Kind::Text, Passed;
});

static DISCRETE_RESOURCE: Struct = Struct::new(fields! {
    "Kind": Kind::Text, Passed;
    "Value": INT, Passed;
});

static RESTART: Struct = Struct::new(fields! {
    "Condition": Kind::Text, Passed;
    "Delay": INT, Passed;
    "MaxAttempts": UINT64, Passed;
    "Window": INT, Passed;
});

static PLACEMENT: Struct = Struct::new(fields! {
    "Constraints": TEXTS, Passed;
    "Preferences": Kind::List(&Kind::Struct(&PREFERENCE)), Passed;
    "MaxReplicas": UINT64, Passed;
    "Platforms": Kind::List(&Kind::Struct(&PLATFORM)), Passed;
});

static PREFERENCE: Struct = Struct::new(fields! {
    "Spread": Kind::Struct(&SPREAD), Passed;
});

static SPREAD: Struct = Struct::new(fields! {
    "SpreadDescriptor": Kind::Text, Passed;
});

static PLATFORM: Struct = Struct::new(fields! {
    "Architecture": Kind::Text, Passed;
    "OS": Kind::Text, Passed;
});

static NETWORK: Struct = Struct::new(fields! {
    "Target": Kind::Text, Checked;
    "Aliases": TEXTS, Passed;
    "DriverOpts": TEXT_MAP, Passed;
});

static LOG_DRIVER: Struct = Struct::new(fields! {
    "Name": Kind::Text, Checked;
    "Options": TEXT_MAP, Checked;
});

static MODE: Struct = Struct::new(fields! {
    "Replicated": Kind::Struct(&REPLICATED), Passed;
    "Global": Kind::Struct(&NOTHING), Passed;
    "ReplicatedJob": Kind::Struct(&REPLICATED_JOB), Passed;
    "GlobalJob": Kind::Struct(&NOTHING), Passed;
});

static REPLICATED: Struct = Struct::new(fields! {
    "Replicas": UINT64, Passed;
});

static REPLICATED_JOB: Struct = Struct::new(fields! {
    "MaxConcurrent": UINT64, Passed;
    "TotalCompletions": UINT64, Passed;
});

static UPDATE_CONFIG: Struct = Struct::new(fields! {
    "Parallelism": UINT64, Passed;
    "Delay": INT, Passed;
    "FailureAction": Kind::Text, Passed;
    "Monitor": INT, Passed;
    // A number with a fraction.
    "MaxFailureRatio": Kind::Any, Passed;
    "Order": Kind::Text, Passed;
});

static ENDPOINT_SPEC: Struct = Struct::new(fields! {
    "Mode": Kind::Text, Passed;
    "Ports": Kind::List(&Kind::Struct(&PORT)), Inside;
});

static PORT: Struct = Struct::new(fields! {
    "Name": Kind::Text, Passed;
    "Protocol": Kind::Text, Passed;
    "TargetPort": UINT32, Passed;
    "PublishedPort": UINT32, Checked;
    "PublishMode": Kind::Text, Checked;
});
