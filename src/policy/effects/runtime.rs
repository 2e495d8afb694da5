//! What the OCI runtime is told.

/// How the OCI runtime runs a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeEffect {
    /// Runs under this OCI runtime, or under the daemon's default if the name is empty.
    Runtime(String),
    /// Sets a kernel parameter, its name with dots.
    Sysctl(String),
    /// Runs below this control group instead of the daemon's own.
    CgroupParent(String),
    /// Hands the OCI runtime an annotation of this name.
    Annotation(String),
}
