//! What a process gives up, and what it keeps.

use std::path::PathBuf;

use super::privileges::Capability;
use crate::config::Account;

/// What is given up, and what is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Who the process becomes.
    pub account: Option<Account>,
    /// The capabilities that are kept, of those that are there; all, if none are named.
    pub capabilities: Option<Vec<Capability>>,
    /// What may be written: nothing else may, and nothing may be executed. Whoever is restricted so cannot look into
    /// processes that are not.
    pub written: Option<Vec<Written>>,
    /// What becomes of system calls that SecDocker has no use for.
    pub calls: Option<Unused>,
}

/// A place that may be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// A file, or a folder with all that is below.
    pub path: PathBuf,
    /// What may be done there.
    pub as_what: What,
}

/// What may be done in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Files are made and written.
    Files,
    /// Folders are made as well.
    Folders,
    /// Files are removed.
    Removals,
}

/// What becomes of a system call that SecDocker has no use for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unused {
    /// It fails (`EPERM`): whoever finds a way to one must not end the service of all others by it.
    Refused,
    /// The kernel logs it, and does it.
    Logged,
}
