//! The test binary's own directories, names and ports.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

/// A new directory on disk, removed when the test binary has ended.
pub(crate) fn directory(name: &str) -> PathBuf {
    let sandbox = env::var_os("SECDOCKER_SANDBOX").unwrap_or_else(|| {
        panic!("not in a sandbox: run it by `cargo test`, whose runner is scripts/sandbox")
    });
    let path = PathBuf::from(sandbox).join(unique(name));
    fs::create_dir_all(&path).unwrap();
    path
}

/// A new directory in memory: its path is short enough for sockets.
pub(crate) fn short_directory(name: &str) -> PathBuf {
    directory_exists_in_sandbox();
    let path = PathBuf::from("/run").join(unique(name));
    fs::create_dir_all(&path).unwrap();
    path
}

fn directory_exists_in_sandbox() {
    assert!(env::var_os("SECDOCKER_SANDBOX").is_some(), "not in a sandbox: see scripts/sandbox");
}

/// A name that no other test has, and that containers and images can have.
pub(crate) fn unique(name: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{name}-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A port that nobody uses: the network is our own, and the kernel picks above 32767.
pub(crate) fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
