//! What SecDocker offers to a plugin: its log, and questions to the daemon.
//!
//! One of the modules with `unsafe`: it calls the functions of the host's table.
#![expect(unsafe_code, reason = "the host's functions are C functions")]

use std::fmt;
use std::time::Duration;

use crate::abi::{self, Bytes, HostTable};

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Level {
    /// Something failed.
    Error = 1,
    /// Something is not as it should be.
    Warn = 2,
    /// Something worth knowing happened.
    Info = 3,
    /// For debugging.
    Debug = 4,
}

/// What the daemon answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, as JSON.
    pub body: Vec<u8>,
}

/// Why the daemon has not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GetError {
    /// Plugins may ask only for paths below `/images/` and `/distribution/`.
    Refused,
    /// The daemon could not be reached, was too slow, or its answer was too long.
    Failed,
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "plugins may only ask the daemon for /images/… and /distribution/…",
            Self::Failed => "the daemon has not answered",
        })
    }
}

impl std::error::Error for GetError {}

/// SecDocker, from a plugin's side. Copies are the same; any thread may use them.
#[derive(Debug, Clone, Copy)]
pub struct Host {
    table: &'static HostTable,
}

impl Host {
    /// The host behind a table that lives as long as the process.
    pub(crate) fn new(table: &'static HostTable) -> Self {
        Self { table }
    }

    #[cfg(test)]
    pub(crate) fn table(&self) -> &'static HostTable {
        self.table
    }

    /// Writes a line into SecDocker's log, under the plugin's name. Never write secrets.
    pub fn log(&self, level: Level, text: impl fmt::Display) {
        let text = text.to_string();
        // SAFETY: the table lives as long as the process, and `text` until the call returns.
        unsafe { (self.table.log)(self.table.host, level as u8, Bytes::of(text.as_bytes())) }
    }

    /// Asks the daemon that the request would go to: `GET` of a path below `/images/` or
    /// `/distribution/`, without a version prefix. What stands in the path must be percent-encoded.
    ///
    /// # Errors
    /// [`GetError`] if there is no answer. One with any status is an answer.
    pub fn docker_get(&self, path: &str, timeout: Duration) -> Result<Answer, GetError> {
        let mut body = Bytes::NONE;
        let timeout_ms = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        let path = Bytes::of(path.as_bytes());
        // SAFETY: the table lives as long as the process; path and body until the call returns.
        let status =
            unsafe { (self.table.docker_get)(self.table.host, path, timeout_ms, &raw mut body) };
        let status = match u16::try_from(status) {
            Ok(status) => status,
            Err(_) if status == abi::GET_REFUSED => return Err(GetError::Refused),
            Err(_) => return Err(GetError::Failed),
        };
        // SAFETY: on success the host has put its own bytes there, valid until they are given back.
        let copied = unsafe { crate::memory::slice(body) }.to_vec();
        // SAFETY: they are given back once, and not looked at again.
        unsafe { (self.table.host_free)(self.table.host, body) };
        Ok(Answer { status, body: copied })
    }
}
