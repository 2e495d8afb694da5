//! Builds by BuildKit through SecDocker: a client of its own that says what no build tool would, and the
//! build tools where they are installed. In front of an engine whose builder can be held to rules (25.0.2
//! and later) builds pass and the rules hold in them; in front of others each call is refused in words.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;

mod buildkit {
    #[cfg(feature = "plugins")]
    mod asked;
    pub(crate) mod calls;
    mod ceilings;
    mod hidden;
    mod listed;
    mod marked;
    pub(crate) mod messages;
    mod refused;
    mod rules;
    mod served;
    mod server;
    mod sessions;
    mod tools;
    mod wire;
}

use support::{Daemon, SecDocker};

/// Rules of every kind that a build could break.
pub(crate) const RULES: &str = "restrictions:\n  images: [\"ubuntu:16.04\"]\n  namespaces: [host]\n  \
    ports: [22]\n  privileged: true\n  devices: [\"*\"]\n  environment: [TOKEN]\n";

pub(crate) fn under(rules: &str) -> SecDocker {
    SecDocker::before(Daemon::shared(), rules)
}

/// Whether the engine's builder can be held to rules.
pub(crate) fn is_mediated() -> bool {
    Daemon::shared().major() >= 26
}
