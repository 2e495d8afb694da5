//! Where in a request something is said.

use std::fmt;

use crate::policy::shown::Shown;

/// Where in a request an effect was asked for, in the Engine API's own field names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldPath {
    /// A field, `HostConfig.Privileged`, or a query parameter, `?fromImage`.
    Field(&'static str),
    /// An element of a list: `HostConfig.Binds[2]`.
    Element(&'static str, usize),
    /// A field of an element of a list: `HostConfig.Mounts[2].Source`.
    Inside(&'static str, usize, &'static str),
    /// An entry of a map, by its key: `HostConfig.PortBindings[80/tcp]`.
    Entry(&'static str, String),
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => f.write_str(name),
            Self::Element(list, index) => write!(f, "{list}[{index}]"),
            Self::Inside(list, index, field) => write!(f, "{list}[{index}].{field}"),
            Self::Entry(map, key) => write!(f, "{map}[{}]", Shown(key)),
        }
    }
}
