//! How important a record is.

/// How important a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Somebody must look at it.
    Error,
    /// Something was not let through, or did not go well.
    Warn,
    /// What happens all day.
    Info,
    /// More than that.
    Debug,
}
