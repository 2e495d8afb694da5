//! Daemons for unit tests: one that is not there, and those that the test plays itself.
#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Daemon;
use crate::config::UpstreamAddress;

impl Daemon {
    /// One that is spoken to without TLS.
    pub(crate) fn plain(address: UpstreamAddress) -> Self {
        Self { address, mark: None, tls: None }
    }

    /// One with a socket at a path.
    pub(crate) fn at(path: impl Into<PathBuf>) -> Self {
        Self::plain(UpstreamAddress::Unix(path.into()))
    }

    /// One that nobody can reach.
    pub(crate) fn nowhere() -> Self {
        Self::at("/nowhere/docker.sock")
    }

    /// One for which the test answers, at a socket that no other test has.
    pub(crate) fn played() -> (Self, UnixListener) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("secdocker-played-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        (Self::at(path), listener)
    }
}
