//! The values that rules compare: once built, right.

/// A range of host ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange;
/// A path of the host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPath;
/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSpec;
/// An environment entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentEntry;
/// A security option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityOption;
