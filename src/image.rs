//! Image references as the daemon understands them.

/// An image reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef;
