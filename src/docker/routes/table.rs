//! All routes of the daemon, one row each: what becomes of a request to it.
//!
//! These are the routes of Docker 20.10 to 29 (`api/server/router`, `daemon/server/router`), among them
//! those of Podman's API for Docker's clients (`tests/engine-api/routers.txt`), written as the router has
//! them: a name written `{id:.*}` takes slashes, one written `{id}` does not, and neither is empty.
//! Inspection, rules about endpoints and `docs/COVERAGE.md` read this table.

use crate::docker::endpoint::Endpoint;
use Decision::{Inspected, Makes, Passes, Streams};

/// A route of the daemon for one method.
#[derive(Debug)]
pub struct Row {
    /// As the router writes it.
    pattern: &'static str,
    /// The path up to the first name.
    pub(in crate::docker) before: &'static str,
    pub(in crate::docker) name: Name,
    /// What stands behind the first name.
    pub(in crate::docker) after: &'static str,
    /// What becomes of a request to it.
    pub decision: Decision,
}

/// The name in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::docker) enum Name {
    None,
    /// Up to the next slash.
    Short,
    /// Slashes and all.
    Long,
    /// A short one, then what stands behind it, then another short one.
    Pair,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is read, judged and written anew, and it makes something that was not there, or starts a process.
    /// Builds by calls to BuildKit are not told apart from its other calls.
    Makes(Endpoint),
    /// It is read, judged and written anew.
    Inspected(Endpoint),
    /// It passes as it is, and the daemon may answer with a raw stream; why it may.
    Streams(&'static str),
    /// It passes as it is; why it may.
    Passes(&'static str),
}

impl Decision {
    /// The endpoint that is inspected.
    #[must_use]
    pub fn endpoint(self) -> Option<Endpoint> {
        match self {
            Makes(endpoint) | Inspected(endpoint) => Some(endpoint),
            Streams(_) | Passes(_) => None,
        }
    }
}

const READS: &str = "reads only";
const REMOVES: &str = "removes what is there, and gives nothing";
const FETCHES: &str = "contacts a registry for the client, and keeps nothing";
const RUNS_ON: &str = "what runs was judged when it was created; none of it changes";
const RESIZES: &str = "a stream to or from what runs already";
const SETTINGS: &str = "reads; the values of settings are taken out of the answer under any rule";
const STORED: &str = "stored for services, which are judged when they name it";
const LEAVES: &str = "sends an image away: no rule is about what leaves";
const PLUGIN_LEAVES: &str = "sends a plugin away: no rule is about what leaves";
const PROFILES: &str = "profiles of the daemon, where it was started with them: reads only";
const AVAILABLE: &str = "whether a volume of the swarm is available, and nothing else of it";
const PREPARED: &str = "runs a command that was judged when it was prepared";
const TOKENS: &str = "reads; the tokens for joining are taken out of the answer under any rule";

/// Of a target with several readings the first row counts that is inspected.
pub(super) const TABLE: [(&str, &[Row]); 5] =
    [("GET", GET), ("POST", POST), ("HEAD", HEAD), ("PUT", PUT), ("DELETE", DELETE)];

const HEAD: &[Row] = &[
    row("/containers/{id:.*}/archive", Inspected(Endpoint::ContainerArchive)),
    row("/_ping", Passes(READS)),
];

const GET: &[Row] = &[
    row("/containers/{id:.*}/attach/ws", Inspected(Endpoint::ContainerAttach)),
    row("/containers/{id:.*}/archive", Inspected(Endpoint::ContainerArchive)),
    row("/swarm/unlockkey", Inspected(Endpoint::SwarmUnlockKey)),
    row("/containers/{id:.*}/checkpoints", Inspected(Endpoint::Checkpoints)),
    row("/_ping", Passes(READS)),
    row("/info", Passes(READS)),
    row("/version", Passes(READS)),
    row("/events", Passes(READS)),
    row("/system/df", Passes(READS)),
    row("/debug/vars", Passes(PROFILES)),
    row("/debug/pprof/{name}", Passes(PROFILES)),
    row("/containers/json", Passes(READS)),
    row("/containers/{id:.*}/json", Passes(READS)),
    row("/containers/{id:.*}/top", Passes(READS)),
    row("/containers/{id:.*}/logs", Passes(READS)),
    row("/containers/{id:.*}/changes", Passes(READS)),
    row("/containers/{id:.*}/export", Passes(READS)),
    row("/containers/{id:.*}/stats", Passes(READS)),
    row("/exec/{id:.*}/json", Passes(READS)),
    row("/images/json", Passes(READS)),
    row("/images/{name:.*}/json", Passes(READS)),
    row("/images/{name:.*}/history", Passes(READS)),
    row("/images/{name:.*}/attestations", Passes(READS)),
    row("/images/{name:.*}/get", Passes(READS)),
    row("/images/get", Passes(READS)),
    row("/images/search", Passes(FETCHES)),
    row("/distribution/{name:.*}/json", Passes(FETCHES)),
    row("/volumes", Passes(READS)),
    row("/volumes/{name:.*}", Passes(READS)),
    row("/networks", Passes(READS)),
    row("/networks/{id:.*}", Passes(READS)),
    row("/plugins", Passes(SETTINGS)),
    row("/plugins/privileges", Passes(FETCHES)),
    row("/plugins/{name:.*}/json", Passes(SETTINGS)),
    row("/swarm", Passes(TOKENS)),
    row("/nodes", Passes(READS)),
    row("/nodes/{id}", Passes(READS)),
    row("/services", Passes(READS)),
    row("/services/{id}", Passes(READS)),
    row("/services/{id}/logs", Passes(READS)),
    row("/tasks", Passes(READS)),
    row("/tasks/{id}", Passes(READS)),
    row("/tasks/{id}/logs", Passes(READS)),
    row("/secrets", Passes(READS)),
    row("/secrets/{id}", Passes(READS)),
    row("/configs", Passes(READS)),
    row("/configs/{id}", Passes(READS)),
];

const POST: &[Row] = &[
    row("/containers/create", Makes(Endpoint::ContainerCreate)),
    row("/containers/{id:.*}/exec", Makes(Endpoint::ContainerExec)),
    row("/containers/{id:.*}/update", Inspected(Endpoint::ContainerUpdate)),
    row("/containers/{id:.*}/start", Inspected(Endpoint::ContainerStart)),
    row("/containers/{id:.*}/restart", Inspected(Endpoint::ContainerRestart)),
    row("/volumes/create", Makes(Endpoint::VolumeCreate)),
    row("/images/create", Inspected(Endpoint::ImageCreate)),
    row("/images/{name:.*}/tag", Inspected(Endpoint::ImageTag)),
    row("/commit", Inspected(Endpoint::Commit)),
    row("/services/create", Makes(Endpoint::ServiceCreate)),
    row("/services/{id}/update", Inspected(Endpoint::ServiceUpdate)),
    row("/containers/{id:.*}/attach", Inspected(Endpoint::ContainerAttach)),
    // 20.10 below API v1.24.
    row("/containers/{id:.*}/copy", Inspected(Endpoint::ContainerArchive)),
    row("/containers/{id:.*}/rename", Inspected(Endpoint::ContainerRename)),
    row("/exec/{id:.*}/start", Streams(PREPARED)),
    row("/session", Inspected(Endpoint::Session)),
    row("/plugins/pull", Inspected(Endpoint::Plugin)),
    row("/plugins/create", Makes(Endpoint::Plugin)),
    row("/plugins/{name:.*}/upgrade", Inspected(Endpoint::Plugin)),
    row("/plugins/{name:.*}/set", Inspected(Endpoint::Plugin)),
    row("/plugins/{name:.*}/enable", Inspected(Endpoint::Plugin)),
    row("/secrets/create", Makes(Endpoint::SecretCreate)),
    row("/configs/create", Makes(Endpoint::ConfigCreate)),
    row("/swarm/init", Inspected(Endpoint::SwarmInit)),
    row("/swarm/join", Inspected(Endpoint::SwarmJoin)),
    row("/swarm/update", Inspected(Endpoint::SwarmUpdate)),
    row("/swarm/unlock", Inspected(Endpoint::SwarmUnlock)),
    row("/nodes/{id}/update", Inspected(Endpoint::NodeUpdate)),
    row("/images/load", Inspected(Endpoint::ImageLoad)),
    row("/images/prune", Inspected(Endpoint::ImagePrune)),
    row("/networks/create", Makes(Endpoint::NetworkCreate)),
    row("/networks/{id:.*}/connect", Inspected(Endpoint::NetworkConnect)),
    row("/containers/{id:.*}/checkpoints", Inspected(Endpoint::CheckpointCreate)),
    row("/build", Makes(Endpoint::Build)),
    row("/grpc", Inspected(Endpoint::BuildKit)),
    row("/auth", Passes(FETCHES)),
    row("/containers/{id:.*}/resize", Passes(RESIZES)),
    row("/containers/{id:.*}/stop", Passes(RUNS_ON)),
    row("/containers/{id:.*}/kill", Passes(RUNS_ON)),
    row("/containers/{id:.*}/pause", Passes(RUNS_ON)),
    row("/containers/{id:.*}/unpause", Passes(RUNS_ON)),
    row("/containers/{id:.*}/wait", Passes(READS)),
    row("/containers/prune", Passes(REMOVES)),
    row("/exec/{id:.*}/resize", Passes(RESIZES)),
    row("/images/{name:.*}/push", Passes(LEAVES)),
    row("/build/prune", Passes(REMOVES)),
    row("/build/cancel", Passes(REMOVES)),
    row("/volumes/prune", Passes(REMOVES)),
    row("/networks/prune", Passes(REMOVES)),
    row("/networks/{id:.*}/disconnect", Passes(REMOVES)),
    row("/plugins/{name:.*}/disable", Passes(REMOVES)),
    row("/plugins/{name:.*}/push", Passes(PLUGIN_LEAVES)),
    row("/swarm/leave", Passes(REMOVES)),
    row("/secrets/{id}/update", Passes(STORED)),
    row("/configs/{id}/update", Passes(STORED)),
];

const PUT: &[Row] = &[
    row("/containers/{id:.*}/archive", Inspected(Endpoint::ContainerArchive)),
    row("/volumes/{name:.*}", Passes(AVAILABLE)),
];

const DELETE: &[Row] = &[
    row("/images/{name:.*}", Inspected(Endpoint::ImageRemove)),
    // Before the containers, which would take it for one with slashes in its name.
    row("/containers/{id}/checkpoints/{checkpoint}", Inspected(Endpoint::Checkpoints)),
    row("/containers/{id:.*}", Passes(REMOVES)),
    row("/volumes/{name:.*}", Passes(REMOVES)),
    row("/networks/{id:.*}", Passes(REMOVES)),
    row("/plugins/{name:.*}", Passes(REMOVES)),
    row("/nodes/{id}", Passes(REMOVES)),
    row("/services/{id}", Passes(REMOVES)),
    row("/secrets/{id}", Passes(REMOVES)),
    row("/configs/{id}", Passes(REMOVES)),
];

const fn row(pattern: &'static str, decision: Decision) -> Row {
    let (before, named) = pattern.split_at(position(pattern, b'{'));
    let (name, behind) = named.split_at(position(named, b'}'));
    let after = if behind.is_empty() { behind } else { behind.split_at(1).1 };
    let (after, second) = after.split_at(position(after, b'{'));
    let name = match (named.is_empty(), position(name, b':') < name.len(), second.is_empty()) {
        (true, _, _) => Name::None,
        (_, true, _) => Name::Long,
        (_, _, true) => Name::Short,
        (_, _, false) => Name::Pair,
    };
    Row { pattern, before, name, after, decision }
}

/// The place of the first such byte, or the length of the text.
#[expect(clippy::indexing_slicing, reason = "runs at compile time: out of bounds does not build")]
const fn position(text: &str, byte: u8) -> usize {
    let mut at = 0;
    while at < text.len() && text.as_bytes()[at] != byte {
        at += 1;
    }
    at
}

impl Row {
    /// The pattern with the names that are published: `/images/{name}/json`.
    #[must_use]
    pub fn published(&self) -> String {
        self.pattern.replace(":.*", "")
    }

    /// The pattern with this in place of each name.
    #[must_use]
    pub fn filled(&self, name: &str) -> String {
        let Self { before, after, .. } = self;
        match self.name {
            Name::None => (*before).to_owned(),
            Name::Short | Name::Long => [before, name, after].concat(),
            Name::Pair => [before, name, after, name].concat(),
        }
    }

    /// Whether any daemon might take a plain path for this: names have slashes, or are empty.
    pub(super) fn could_be(&self, path: &str) -> bool {
        // Most rows differ in the first letter.
        if self.before.as_bytes().get(1) != path.as_bytes().get(1) {
            return false;
        }
        path.strip_prefix(self.before).is_some_and(|rest| match self.name {
            Name::None => rest.is_empty(),
            Name::Short | Name::Long => rest.ends_with(self.after),
            Name::Pair => rest.contains(self.after),
        })
    }

    /// The words that any reading of a path must have to be this one, in their order.
    pub(super) fn words(&self) -> impl Iterator<Item = &'static str> {
        self.before.split('/').chain(self.after.split('/')).filter(|word| !word.is_empty())
    }
}
