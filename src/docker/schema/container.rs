//! The bodies of `POST /containers/create` and `POST /commit`.

use super::host_config::{
    CONFINEMENT_FIELDS, HOST_CONFIG, HOST_CONFIG_OWN_FIELDS, LIMIT_FIELDS, NEWER_FIELDS,
};
use super::network::NETWORKING_CONFIG;
use super::reasons::{
    ENVIRONMENT, FILLS, IMAGE, INSIDE, INSIDE_PATH, INSTRUCTIONS, ITS_NETWORK, LESS, LIFE, NAMED,
    NOT_YET, OWN_VOLUME, RUNS_AS, STREAMS, USER, VARIABLES, WHAT_RUNS, WINDOWS,
};
use super::stance::Stance;
use super::table::{Field, INT, Kind, SET, Struct, TEXT_MAP, TEXTS, fields, join, restanced};

/// The body of `POST /containers/create`: `Config` with `HostConfig` and `NetworkingConfig` in it,
/// and, since 20.10 still obeys them, the fields of `HostConfig` beside it.
pub static CREATE: Struct = Struct::new(&CREATE_FIELDS);

const CREATE_FIELDS: [Field; CREATE_LENGTH] = join(&[
    WRAPPER_FIELDS,
    RUN_FIELDS,
    TRIGGERS,
    CONFIG_FIELDS,
    HOST_CONFIG_OWN_FIELDS,
    LIMIT_FIELDS,
    CONFINEMENT_FIELDS,
]);
const CREATE_LENGTH: usize = WRAPPER_FIELDS.len()
    + CONFIG_FIELDS.len()
    + RUN_FIELDS.len()
    + TRIGGERS.len()
    + HOST_CONFIG_OWN_FIELDS.len()
    + LIMIT_FIELDS.len()
    + CONFINEMENT_FIELDS.len();

/// The same without the fields of `HostConfig` beside it, which 28 passes over.
pub static CREATE_WITHOUT_LEGACY: Struct = Struct::new(&CREATE_OWN_FIELDS);

const CREATE_OWN_FIELDS: [Field; CREATE_OWN_LENGTH] =
    join(&[WRAPPER_FIELDS, RUN_FIELDS, TRIGGERS, CONFIG_FIELDS]);
const CREATE_OWN_LENGTH: usize =
    WRAPPER_FIELDS.len() + RUN_FIELDS.len() + TRIGGERS.len() + CONFIG_FIELDS.len();

const RUN_FIELDS: &[Field] = fields! { "Env": TEXTS, VARIABLES; "User": Kind::Text, USER; };

const WRAPPER_FIELDS: &[Field] = fields! {
    "HostConfig": Kind::Struct(&HOST_CONFIG), INSIDE;
    "NetworkingConfig": Kind::Struct(&NETWORKING_CONFIG), INSIDE;
    "Cpuset": Kind::Text, FILLS;
};

/// Of `Config` all but `Env` and `User`, and `OnBuild`.
const CONFIG_FIELDS: &[Field] = fields! {
    "Hostname": Kind::Text, ENVIRONMENT;
    "Domainname": Kind::Text, NAMED;
    "AttachStdin": Kind::Bool, STREAMS;
    "AttachStdout": Kind::Bool, STREAMS;
    "AttachStderr": Kind::Bool, STREAMS;
    "ExposedPorts": SET, EXPOSED;
    "Tty": Kind::Bool, ENVIRONMENT;
    "OpenStdin": Kind::Bool, STREAMS;
    "StdinOnce": Kind::Bool, STREAMS;
    "Cmd": Kind::TextOrList, WHAT_RUNS;
    "Healthcheck": Kind::Struct(&HEALTHCHECK), WHAT_RUNS;
    "ArgsEscaped": Kind::Bool, WINDOWS;
    "Image": Kind::Text, IMAGE;
    // A key with a colon is one path of the container: `/root:/x` is a directory named `root:`
    // with `x` in it (20.10).
    "Volumes": SET, OWN_VOLUME;
    "WorkingDir": Kind::Text, INSIDE_PATH;
    "Entrypoint": Kind::TextOrList, WHAT_RUNS;
    "NetworkDisabled": Kind::Bool, LESS;
    "MacAddress": Kind::Text, ITS_NETWORK;
    "Labels": TEXT_MAP, NAMED;
    "StopSignal": Kind::Text, LIFE;
    "StopTimeout": INT, LIFE;
    "Shell": Kind::TextOrList, WHAT_RUNS;
};

/// Instructions that an image leaves for builds upon it.
const TRIGGERS: &[Field] = fields! {
    "OnBuild": TEXTS, INSTRUCTIONS;
};

const EXPOSED: Stance = Stance::Harmless(
    "says which of its own ports there are; one of the host is opened by `PortBindings` and \
     `PublishAllPorts`",
);

pub(super) static HEALTHCHECK: Struct = Struct::new(fields! {
    "Test": TEXTS, WHAT_RUNS;
    "Interval": INT, LIFE;
    "Timeout": INT, LIFE;
    "StartPeriod": INT, LIFE;
    "StartInterval": INT, LIFE;
    "Retries": INT, LIFE;
});

/// The body of `POST /commit`: the configuration of an image, read by 20.10 as if it were to create
/// a container.
pub static COMMIT: Struct = Struct::new(&COMMIT_FIELDS);

const COMMIT_FIELDS: [Field; CREATE_LENGTH] = join(&[
    fields! { "Env": TEXTS, ENVIRONMENT; "User": Kind::Text, RUNS_AS; },
    TRIGGERS,
    &restanced::<{ CONFIG_FIELDS.len() }>(CONFIG_FIELDS, NOT_YET),
    &restanced::<{ WRAPPER_FIELDS.len() }>(WRAPPER_FIELDS, THROWN_AWAY),
    &restanced::<{ HOST_CONFIG_OWN_FIELDS.len() }>(HOST_CONFIG_OWN_FIELDS, THROWN_AWAY),
    &restanced::<{ LIMIT_FIELDS.len() }>(LIMIT_FIELDS, THROWN_AWAY),
    &restanced::<{ CONFINEMENT_FIELDS.len() }>(CONFINEMENT_FIELDS, THROWN_AWAY),
]);

const THROWN_AWAY: Stance =
    Stance::Harmless("20.10 reads it with the rest and throws it away: no image has such a thing");

/// Whether `name`, written beside `HostConfig`, is one of its fields to 20.10 or older.
#[must_use]
pub fn is_legacy_host_config(name: &str) -> bool {
    let newer_from = HOST_CONFIG.fields().len() - NEWER_FIELDS.len();
    HOST_CONFIG
        .field(name)
        .is_some_and(|(position, field)| position < newer_from && field.name == name)
}
