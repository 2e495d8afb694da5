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
mod index;
mod inner;
mod mount;
mod network;
pub(super) mod query;
mod reasons;
mod running;
mod service;
mod stance;
mod swarm;
mod volume;

pub use container::{COMMIT, CREATE, CREATE_WITHOUT_LEGACY, is_legacy_host_config};
pub use host_config::HOST_CONFIG;
pub use ignored::{is_ignored_key, is_misplaced};
pub use index::{FIELDS_MAX, Field, Struct, folded};
pub use inner::{BUILD, SECCOMP_PROFILE};
pub use network::{NETWORK_CONNECT, NETWORK_CREATE};
pub use query::Parameter;
pub use running::{CHECKPOINT_CREATE, EXEC, START, UPDATE};
pub use service::SERVICE;
pub use stance::{General, Power, Stance};
pub use swarm::{CONFIG_CREATE, NODE_SPEC, SECRET_CREATE, SWARM_INIT, SWARM_SPEC};
pub use volume::VOLUME_CREATE;

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

macro_rules! fields {
    ($($name:literal: $kind:expr, $stance:expr;)*) => {
        &[$($crate::docker::schema::Field { name: $name, kind: $kind, stance: $stance }),*]
    };
}
use fields;

const INT: Kind = Kind::Integer(Width::Signed64);
const UINT16: Kind = Kind::Integer(Width::Unsigned16);
const UINT32: Kind = Kind::Integer(Width::Unsigned32);
const UINT64: Kind = Kind::Integer(Width::Unsigned64);
const TEXTS: Kind = Kind::List(&Kind::Text);
const TEXT_MAP: Kind = Kind::Map(&Kind::Text);
/// A set as Go writes it: `map[string]struct{}`.
const SET: Kind = Kind::Map(&Kind::Struct(&NOTHING));

static NOTHING: Struct = Struct::new(&[]);

impl Kind {
    /// The fields that it, or what it holds, is matched with.
    #[must_use]
    pub fn fields(&self) -> Option<&'static Struct> {
        match self {
            Self::Struct(table) => Some(table),
            Self::List(inner) | Self::Map(inner) => inner.fields(),
            Self::Any | Self::Bool | Self::Text | Self::Integer(_) | Self::TextOrList => None,
        }
    }
}

#[cfg(test)]
mod tests;
