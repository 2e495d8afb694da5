//! Why there is no redirect.

use std::fmt;

/// Why a redirect can't be shown, set, taken away or tried.
#[derive(Debug)]
pub enum RedirectError {
    /// The configuration or the options leave no redirect that would work.
    Senseless(String),
    /// The kernel's tables are root's.
    NoPrivileges,
    /// Neither of the programs that set rules is installed, or not the one asked for.
    NoProgram(&'static str),
    /// A program failed: its name, and what it complained of.
    Program(String, String),
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Senseless(reason) => f.write_str(reason),
            Self::NoPrivileges => f.write_str(
                "the rules of a redirect need root, or CAP_NET_ADMIN: nothing was changed",
            ),
            Self::NoProgram(names) => write!(f, "{names} is not installed here"),
            Self::Program(name, complaint) => write!(f, "{name}: {complaint}"),
        }
    }
}
