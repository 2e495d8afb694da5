//! What was changed in a body on its way through, for the log.

use std::fmt;

/// A field that `general` forced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `HostConfig.Memory`.
    pub field: &'static str,
    /// What it became, without anything secret: of variables only the names.
    pub now: String,
}

/// All that was changed in one body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes(Vec<Change>);

impl Changes {
    pub(super) fn push(&mut self, field: &'static str, now: impl fmt::Display) {
        self.0.push(Change { field, now: now.to_string() });
    }

    /// The changes in the order in which they were made.
    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.0.iter()
    }

    /// Whether all is as it was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `HostConfig.Memory=1073741824 User=1000`; the writer of the log escapes it.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, change) in self.0.iter().enumerate() {
            let space = if position > 0 { " " } else { "" };
            write!(f, "{space}{}={}", change.field, change.now)?;
        }
        Ok(())
    }
}
