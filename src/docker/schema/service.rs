//! The body of `POST /services/create` and `POST /services/{id}/update`: a `ServiceSpec`.
//!
//! Sources: `api/types/swarm` of the daemon. 20.10 still reads `Networks` beside `TaskTemplate`.

use super::container::HEALTHCHECK;
use super::host_config::ULIMIT;
use super::mount::MOUNT;
use super::network::SYSCTLS_OF_AN_ENDPOINT;
use super::reasons::{
    CAPABILITIES, CONTENTS, CPU, DEVICE, DROPPED, ENVIRONMENT, GROUPS, HOST_PATH, HOST_PORTS,
    IMAGE, INSIDE, INSIDE_PATH, ITS_NETWORK, LESS, LIFE, LOG_DRIVER_NAME, MEMORY, NAME, NAMED,
    NETWORK_JOINED, OTHER_RUNTIME, PLACED, RESOURCE, RUNS_AS, SECURITY_OPTION, SECURITY_OPTIONS,
    STREAMS, SYSCTL, USER, VARIABLES, WHAT_RUNS, WINDOWS,
};
use super::stance::Stance;
use super::table::{INT, Kind, NOTHING, Struct, TEXT_MAP, TEXTS, UINT32, UINT64, fields};

const TASK_RUNTIME: Stance =
    Stance::Refused("any but containers: a plugin has all rights on the host");

/// A `ServiceSpec`, with the fields of `Annotations` that Go embeds in it.
pub static SERVICE: Struct = Struct::new(fields! {
    "Name": Kind::Text, NAME;
    "Labels": TEXT_MAP, NAMED;
    "TaskTemplate": Kind::Struct(&TASK), INSIDE;
    "Mode": Kind::Struct(&MODE), PLACED;
    // A rollback after a failed update returns to what ran until then: nothing new.
    "UpdateConfig": Kind::Struct(&UPDATE_CONFIG), PLACED;
    "RollbackConfig": Kind::Struct(&UPDATE_CONFIG), PLACED;
    "Networks": Kind::List(&Kind::Struct(&NETWORK)), INSIDE;
    "EndpointSpec": Kind::Struct(&ENDPOINT_SPEC), INSIDE;
});

static TASK: Struct = Struct::new(fields! {
    "ContainerSpec": Kind::Struct(&CONTAINER), INSIDE;
    // Only read under another `Runtime`, and those are refused.
    "PluginSpec": Kind::Struct(&PLUGIN), OTHER_RUNTIME;
    "NetworkAttachmentSpec": Kind::Struct(&ATTACHMENT), OTHER_RUNTIME;
    "Resources": Kind::Struct(&RESOURCES), INSIDE;
    "RestartPolicy": Kind::Struct(&RESTART), LIFE;
    "Placement": Kind::Struct(&PLACEMENT), INSIDE;
    "Networks": Kind::List(&Kind::Struct(&NETWORK)), INSIDE;
    "LogDriver": Kind::Struct(&LOG_DRIVER), INSIDE;
    "ForceUpdate": UINT64, PLACED;
    "Runtime": Kind::Text, TASK_RUNTIME;
});

static CONTAINER: Struct = Struct::new(fields! {
    "Image": Kind::Text, IMAGE;
    "Labels": TEXT_MAP, NAMED;
    "Command": TEXTS, WHAT_RUNS;
    "Args": TEXTS, WHAT_RUNS;
    "Hostname": Kind::Text, ENVIRONMENT;
    "Env": TEXTS, VARIABLES;
    "Dir": Kind::Text, INSIDE_PATH;
    "User": Kind::Text, USER;
    "Groups": TEXTS, GROUPS;
    "Privileges": Kind::Struct(&PRIVILEGES), INSIDE;
    "Init": Kind::Bool, WHAT_RUNS;
    "StopSignal": Kind::Text, LIFE;
    "TTY": Kind::Bool, ENVIRONMENT;
    "OpenStdin": Kind::Bool, STREAMS;
    "ReadOnly": Kind::Bool, LESS;
    "Mounts": Kind::List(&Kind::Struct(&MOUNT)), INSIDE;
    "StopGracePeriod": INT, LIFE;
    "Healthcheck": Kind::Struct(&HEALTHCHECK), WHAT_RUNS;
    "Hosts": TEXTS, ITS_NETWORK;
    "DNSConfig": Kind::Struct(&DNS), ITS_NETWORK;
    "Secrets": Kind::List(&Kind::Struct(&SECRET)), CONTENTS;
    "Configs": Kind::List(&Kind::Struct(&CONFIG)), CONTENTS;
    "Isolation": Kind::Text, WINDOWS;
    "Sysctls": TEXT_MAP, SYSCTL;
    "CapabilityAdd": TEXTS, CAPABILITIES;
    "CapabilityDrop": TEXTS, DROPPED;
    "Ulimits": Kind::List(&Kind::Struct(&ULIMIT)), RESOURCE;
    "OomScoreAdj": INT, RESOURCE;
});

static PRIVILEGES: Struct = Struct::new(fields! {
    "CredentialSpec": Kind::Struct(&CREDENTIAL_SPEC), INSIDE;
    "SELinuxContext": Kind::Struct(&SELINUX), INSIDE;
    "Seccomp": Kind::Struct(&SECCOMP), INSIDE;
    "AppArmor": Kind::Struct(&APPARMOR), INSIDE;
    "NoNewPrivileges": Kind::Bool, SECURITY_OPTIONS;
});

static CREDENTIAL_SPEC: Struct = Struct::new(fields! {
    "Config": Kind::Text, SECURITY_OPTION;
    "File": Kind::Text, SECURITY_OPTION;
    "Registry": Kind::Text, SECURITY_OPTION;
});

static SELINUX: Struct = Struct::new(fields! {
    "Disable": Kind::Bool, SECURITY_OPTIONS;
    "User": Kind::Text, SECURITY_OPTIONS;
    "Role": Kind::Text, SECURITY_OPTIONS;
    "Type": Kind::Text, SECURITY_OPTIONS;
    "Level": Kind::Text, SECURITY_OPTIONS;
});

static SECCOMP: Struct = Struct::new(fields! {
    "Mode": Kind::Text, SECURITY_OPTIONS;
    // Base64.
    "Profile": Kind::Text, SECURITY_OPTIONS;
});

static APPARMOR: Struct = Struct::new(fields! {
    "Mode": Kind::Text, SECURITY_OPTIONS;
});

static DNS: Struct = Struct::new(fields! {
    "Nameservers": TEXTS, ITS_NETWORK;
    "Search": TEXTS, ITS_NETWORK;
    "Options": TEXTS, ITS_NETWORK;
});

static SECRET: Struct = Struct::new(fields! {
    "File": Kind::Struct(&REFERENCE_FILE), CONTENTS;
    "SecretID": Kind::Text, CONTENTS;
    "SecretName": Kind::Text, CONTENTS;
});

static CONFIG: Struct = Struct::new(fields! {
    "File": Kind::Struct(&REFERENCE_FILE), CONTENTS;
    "Runtime": Kind::Struct(&NOTHING), CONTENTS;
    "ConfigID": Kind::Text, CONTENTS;
    "ConfigName": Kind::Text, CONTENTS;
});

static REFERENCE_FILE: Struct = Struct::new(fields! {
    "Name": Kind::Text, CONTENTS;
    "UID": Kind::Text, CONTENTS;
    "GID": Kind::Text, CONTENTS;
    "Mode": UINT32, CONTENTS;
});

static PLUGIN: Struct = Struct::new(fields! {
    "name": Kind::Text, OTHER_RUNTIME;
    "remote": Kind::Text, OTHER_RUNTIME;
    "privileges": Kind::List(&Kind::Struct(&PLUGIN_PRIVILEGE)), OTHER_RUNTIME;
    "disabled": Kind::Bool, OTHER_RUNTIME;
    "env": TEXTS, OTHER_RUNTIME;
});

static PLUGIN_PRIVILEGE: Struct = Struct::new(fields! {
    "name": Kind::Text, OTHER_RUNTIME;
    "description": Kind::Text, OTHER_RUNTIME;
    "value": TEXTS, OTHER_RUNTIME;
});

static ATTACHMENT: Struct = Struct::new(fields! {
    "ContainerID": Kind::Text, OTHER_RUNTIME;
});

static RESOURCES: Struct = Struct::new(fields! {
    "Limits": Kind::Struct(&LIMITS), INSIDE;
    "Reservations": Kind::Struct(&RESERVATIONS), INSIDE;
    "SwapBytes": INT, MEMORY;
    "MemorySwappiness": INT, RESOURCE;
});

static LIMITS: Struct = Struct::new(fields! {
    "NanoCPUs": INT, CPU;
    "MemoryBytes": INT, MEMORY;
    "Pids": INT, RESOURCE;
});

static RESERVATIONS: Struct = Struct::new(fields! {
    "NanoCPUs": INT, CPU;
    "MemoryBytes": INT, MEMORY;
    "GenericResources": Kind::List(&Kind::Struct(&GENERIC_RESOURCE)), INSIDE;
});

static GENERIC_RESOURCE: Struct = Struct::new(fields! {
    "NamedResourceSpec": Kind::Struct(&NAMED_RESOURCE), INSIDE;
    "DiscreteResourceSpec": Kind::Struct(&DISCRETE_RESOURCE), INSIDE;
});

static NAMED_RESOURCE: Struct = Struct::new(fields! {
    "Kind": Kind::Text, DEVICE;
    "Value": Kind::Text, PLACED;
});

static DISCRETE_RESOURCE: Struct = Struct::new(fields! {
    "Kind": Kind::Text, DEVICE;
    "Value": INT, PLACED;
});

static RESTART: Struct = Struct::new(fields! {
    "Condition": Kind::Text, LIFE;
    "Delay": INT, LIFE;
    "MaxAttempts": UINT64, LIFE;
    "Window": INT, LIFE;
});

static PLACEMENT: Struct = Struct::new(fields! {
    "Constraints": TEXTS, PLACED;
    "Preferences": Kind::List(&Kind::Struct(&PREFERENCE)), PLACED;
    "MaxReplicas": UINT64, PLACED;
    "Platforms": Kind::List(&Kind::Struct(&PLATFORM)), INSIDE;
});

static PREFERENCE: Struct = Struct::new(fields! {
    "Spread": Kind::Struct(&SPREAD), PLACED;
});

static SPREAD: Struct = Struct::new(fields! {
    "SpreadDescriptor": Kind::Text, PLACED;
});

static PLATFORM: Struct = Struct::new(fields! {
    "Architecture": Kind::Text, RUNS_AS;
    "OS": Kind::Text, PLACED;
});

static NETWORK: Struct = Struct::new(fields! {
    "Target": Kind::Text, NETWORK_JOINED;
    "Aliases": TEXTS, ITS_NETWORK;
    "DriverOpts": TEXT_MAP, SYSCTLS_OF_AN_ENDPOINT;
});

pub(super) static LOG_DRIVER: Struct = Struct::new(fields! {
    "Name": Kind::Text, LOG_DRIVER_NAME;
    "Options": TEXT_MAP, HOST_PATH;
});

static MODE: Struct = Struct::new(fields! {
    "Replicated": Kind::Struct(&REPLICATED), PLACED;
    "Global": Kind::Struct(&NOTHING), PLACED;
    "ReplicatedJob": Kind::Struct(&REPLICATED_JOB), PLACED;
    "GlobalJob": Kind::Struct(&NOTHING), PLACED;
});

static REPLICATED: Struct = Struct::new(fields! {
    "Replicas": UINT64, PLACED;
});

static REPLICATED_JOB: Struct = Struct::new(fields! {
    "MaxConcurrent": UINT64, PLACED;
    "TotalCompletions": UINT64, PLACED;
});

static UPDATE_CONFIG: Struct = Struct::new(fields! {
    "Parallelism": UINT64, PLACED;
    "Delay": INT, PLACED;
    "FailureAction": Kind::Text, PLACED;
    "Monitor": INT, PLACED;
    // A number with a fraction.
    "MaxFailureRatio": Kind::Any, PLACED;
    "Order": Kind::Text, PLACED;
});

static ENDPOINT_SPEC: Struct = Struct::new(fields! {
    "Mode": Kind::Text, ITS_NETWORK;
    "Ports": Kind::List(&Kind::Struct(&PORT)), INSIDE;
});

static PORT: Struct = Struct::new(fields! {
    "Name": Kind::Text, NAMED;
    "Protocol": Kind::Text, ITS_NETWORK;
    "TargetPort": UINT32, ITS_NETWORK;
    "PublishedPort": UINT32, HOST_PORTS;
    "PublishMode": Kind::Text, HOST_PORTS;
});
