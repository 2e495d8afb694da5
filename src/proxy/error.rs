//! Why the proxy does not begin.

use std::fmt;
use std::io;

use super::build_group::BuildGroupError;
use crate::plugins::LoadError;

/// Why SecDocker could not begin to listen.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// An address or path could not be bound.
    Bind {
        /// What was to be bound.
        address: String,
        /// What the kernel said.
        error: io::Error,
    },
    /// A plugin can't be used.
    Plugin(LoadError),
    /// Steps of builds could not be held to their limits.
    BuildGroup(BuildGroupError),
    /// A poll or a thread could not be had.
    EventLoop(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { address, error } => write!(f, "cannot listen on {address}: {error}"),
            Self::Plugin(error) => error.fmt(f),
            Self::BuildGroup(error) => error.fmt(f),
            Self::EventLoop(error) => write!(f, "cannot start a poll loop: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::EventLoop(error)
    }
}

impl From<LoadError> for StartError {
    fn from(error: LoadError) -> Self {
        Self::Plugin(error)
    }
}
