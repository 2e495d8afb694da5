//! Versions of the Engine API.

use std::fmt;

/// A version of the Engine API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    major: u64,
    minor: u64,
}

impl ApiVersion {
    /// No version is older.
    pub(in crate::policy) const FIRST: Self = Self::new(0, 0);

    /// The newest that is known here (Docker Engine 29).
    pub const NEWEST: Self = Self::new(1, 55);

    /// Version `major.minor`.
    #[must_use]
    pub const fn new(major: u64, minor: u64) -> Self {
        Self { major, minor }
    }

    /// Reads a version as the daemon's `versions.compare` does: number by number, where what is not a
    /// number is 0, and `1.044` is `1.44`. What follows the second number decides nothing.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut numbers = text.split('.').map(|number| number.parse().unwrap_or(0));
        let mut number = || numbers.next().unwrap_or(0);
        Self { major: number(), minor: number() }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
