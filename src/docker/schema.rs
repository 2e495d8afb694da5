//! The bodies that the daemon reads, field by field: one table, from which all is read.
//!
//! The tables are the union of what Engine API v1.41 (20.10) and the newest daemon (29) know, with
//! the removed fields that some daemon between them still obeys. A field that is not here is one
//! that nobody has decided about: it is told, and refused if the configuration says `strict`. Knows
//! nothing of policy beyond each field's [`Stance`], nothing of HTTP.
//!
//! Sources: `api/types/container`, `api/types/mount`, `api/types/network`, `runconfig` of the
//! daemon; `tests/coverage.rs` compares them with its published description.

mod container;
mod host_config;
pub(super) mod ignored;
mod inner;
mod mount;
mod network;
pub(super) mod query;
mod reasons;
mod running;
mod service;
mod stance;
mod swarm;
mod table;
mod volume;

pub use container::{COMMIT, CREATE, CREATE_WITHOUT_LEGACY, is_legacy_host_config};
pub use host_config::HOST_CONFIG;
pub use ignored::{is_ignored_key, is_misplaced};
pub use inner::{BUILD, SECCOMP_PROFILE};
pub use network::{NETWORK_CONNECT, NETWORK_CREATE};
pub use query::Parameter;
pub use running::{CHECKPOINT_CREATE, EXEC, START, UPDATE};
pub use service::SERVICE;
pub use stance::{General, Power, Stance};
pub use swarm::{CONFIG_CREATE, NODE_SPEC, SECRET_CREATE, SWARM_INIT, SWARM_SPEC};
pub use table::{FIELDS_MAX, Field, Kind, Struct, Width, folded};
pub use volume::VOLUME_CREATE;

#[cfg(test)]
mod tests;
