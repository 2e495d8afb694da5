//! The values that rules compare: once built, right. The configuration and requests build the same
//! types, so both sides of a comparison mean the same.

mod amount;
mod capability;
mod entry;
mod environment;
mod error;
mod path;
mod pattern;
mod ports;
mod security;
mod user;

pub use amount::{Bytes, NanoCpus};
pub use capability::Capability;
pub use environment::EnvironmentEntry;
pub use error::ValueError;
pub use path::HostPath;
pub(super) use pattern::{is_of_pattern, is_path_pattern, is_wildcard};
pub use ports::PortRange;
pub use security::SecurityOption;
pub use user::UserSpec;

#[cfg(test)]
mod tests;
