//! What is asked of a container that exists: the bodies of `exec`, `update`, `start` and
//! `checkpoints`.

use super::host_config::{CONFINEMENT_FIELDS, LIMIT_FIELDS, RESTART_POLICY};
use super::reasons::{
    ENVIRONMENT, HOST_PATH, INSIDE_PATH, LIFE, NAMED, NOT_APPLIED, PRIVILEGED, STREAMS, USER,
    VARIABLES, WHAT_RUNS,
};
use super::stance::Stance;
use super::table::{Field, Kind, Struct, TEXTS, UINT64, fields, join, restanced};

/// The body of `POST /containers/{id}/exec`.
pub static EXEC: Struct = Struct::new(fields! {
    "User": Kind::Text, USER;
    "Privileged": Kind::Bool, PRIVILEGED;
    "Tty": Kind::Bool, ENVIRONMENT;
    "ConsoleSize": Kind::List(&UINT64), STREAMS;
    "AttachStdin": Kind::Bool, STREAMS;
    "AttachStderr": Kind::Bool, STREAMS;
    "AttachStdout": Kind::Bool, STREAMS;
    "Detach": Kind::Bool, STREAMS;
    "DetachKeys": Kind::Text, STREAMS;
    "Env": TEXTS, VARIABLES;
    "WorkingDir": Kind::Text, INSIDE_PATH;
    "Cmd": TEXTS, WHAT_RUNS;
    "Container": Kind::Text, IN_THE_PATH;
});

const IN_THE_PATH: Stance = Stance::Harmless(
    "older clients say here too which container it is; daemons read it in the path",
);

/// The body of `POST /containers/{id}/update`. Of `Resources` the daemon applies the limits alone;
/// devices and the control group are read and left.
pub static UPDATE: Struct = Struct::new(&UPDATE_FIELDS);

const UPDATE_FIELDS: [Field; LIMIT_FIELDS.len() + CONFINEMENT_FIELDS.len() + 1] = join(&[
    LIMIT_FIELDS,
    &restanced::<{ CONFINEMENT_FIELDS.len() }>(CONFINEMENT_FIELDS, NOT_APPLIED),
    fields! { "RestartPolicy": Kind::Struct(&RESTART_POLICY), LIFE; },
]);

/// What may stand in the body of `POST /containers/{id}/start`: nothing that any daemon knows.
pub static START: Struct = Struct::new(&[]);

/// The body of `POST /containers/{id}/checkpoints`.
pub static CHECKPOINT_CREATE: Struct = Struct::new(fields! {
    "CheckpointID": Kind::Text, NAMED;
    "CheckpointDir": Kind::Text, HOST_PATH;
    "Exit": Kind::Bool, LIFE;
});
