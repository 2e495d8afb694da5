//! Entries that are none.

use std::fmt;

use crate::policy::shown::InBackticks;

/// An entry that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryError {
    pub(super) text: String,
    pub(super) fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Form,
    Method,
    Path,
    Version,
    Byte,
    Segment,
    Stars,
    Parameter,
    UnreadParameter,
}

impl std::error::Error for EntryError {}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.fault {
            Fault::Form => "is not a method and a path, such as GET /containers/json",
            Fault::Method => "begins with no method: capitals, several joined by |, or * for all",
            Fault::Path => "has a path that does not begin with /",
            Fault::Version => "names an API version: leave it out, every version is meant",
            Fault::Byte => "has a character that no path has once it is decoded",
            Fault::Segment => "has a path with an empty segment, or with . or .. in it",
            Fault::Stars => "has ** before the end of its path",
            Fault::Parameter => {
                "has parameters that are not name=value, joined by &, as they are once decoded"
            }
            Fault::UnreadParameter => {
                "has a query parameter that no engine reads, so that it says nothing"
            }
        };
        write!(f, "{} {why}", InBackticks(&self.text))
    }
}
