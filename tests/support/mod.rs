//! What the end-to-end tests stand on: real Docker engines, the built SecDocker, and clients.
//!
//! `scripts/sandbox` gives each test binary network, mounts and processes of its own, so a fixed
//! port or a redirection meets nobody else's, and whatever still runs ends with the binary.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests wait for what they started, and a failed one says where"
)]
#![allow(dead_code, unused_imports, reason = "each test binary uses its own part of the harness")]

pub(crate) mod apart;
pub(crate) mod api;
pub(crate) mod archive;
pub(crate) mod authority;
pub(crate) mod cli;
pub(crate) mod client;
pub(crate) mod compare;
pub(crate) mod daemon;
pub(crate) mod decided;
pub(crate) mod document;
pub(crate) mod firewall;
pub(crate) mod networks;
pub(crate) mod poll;
pub(crate) mod process;
pub(crate) mod relay;
pub(crate) mod sandbox;
pub(crate) mod tls;

pub(crate) use api::Api;
pub(crate) use cli::Docker;
pub(crate) use client::{Answer, Client};
pub(crate) use daemon::Daemon;
pub(crate) use firewall::SecDocker;
pub(crate) use poll::until;
pub(crate) use process::{Finished, Running, run};
pub(crate) use sandbox::unique;

/// Where a client can go: straight to the engine, or through SecDocker.
pub(crate) trait Way {
    /// What a Docker client takes as `DOCKER_HOST`.
    fn docker_host(&self) -> String;
    /// A connection of the test's own.
    fn connect(&self) -> Client;
    /// For messages: which way it was.
    fn name(&self) -> &'static str;
}
