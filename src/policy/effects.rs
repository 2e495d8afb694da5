//! What a request would bring about: the vocabulary of every rule.
//!
//! A rule names an effect, not a field: the engine translates every endpoint, field and spelling
//! into these, and no rule ever sees where a request came from except to tell the person.

use std::fmt;

use super::types::{EnvironmentEntry, HostPath, PortRange, SecurityOption, UserSpec};
use crate::image::ImageRef;

/// One thing that a request would bring about.
///
/// A new variant breaks every `match` on effects, so that no rule can miss a new power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Runs, fetches or renames this image.
    Image(ImageRef),
    /// Runs as this user.
    User(UserSpec),
    /// Names no user: what runs is the image's own user, unless `general.user` is set.
    ImageUser,
    /// Sets (or, without a value, unsets) an environment variable.
    Environment(EnvironmentEntry),
    /// Opens one or all of these ports of the host.
    HostPorts(PortRange),
    /// Shares the host's network: every port of the host can be opened.
    HostNetwork,
    /// Makes this path of the host, and all below it, reachable.
    HostPath(HostPath),
    /// Asks for a security option, or for something that equals one.
    SecurityOption(SecurityOption),
    /// All capabilities, devices and no confinement.
    Privileged,
}

/// Where in a request an effect was asked for, in the Engine API's own field names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A field, `HostConfig.Privileged`, or a query parameter, `?fromImage`.
    Field(&'static str),
    /// An element of a list: `HostConfig.Binds[2]`.
    Element(&'static str, usize),
    /// A field of an element of a list: `HostConfig.Mounts[2].Source`.
    Inside(&'static str, usize, &'static str),
    /// An entry of a map, by its key: `HostConfig.PortBindings[80/tcp]`.
    Entry(&'static str, String),
}

/// An effect and where it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What would happen.
    pub effect: Effect,
    /// Where the request says so.
    pub at: Place,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => f.write_str(name),
            Self::Element(list, index) => write!(f, "{list}[{index}]"),
            Self::Inside(list, index, field) => write!(f, "{list}[{index}].{field}"),
            Self::Entry(map, key) => write!(f, "{map}[{}]", key.escape_debug()),
        }
    }
}
