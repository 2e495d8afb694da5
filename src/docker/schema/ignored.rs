//! Parameters and keys that clients send and no engine reads: left out, and not reported.
//!
//! dockerode sends the options of a call both as the query and as the body wherever its path ends in
//! `?`, with what is meant for itself in them; docker-java sends members of its commands along. Nothing
//! of it is forwarded, so that an engine of tomorrow can't come to read it. Only these very spellings
//! are known: no client sends another.

use super::network::{ENDPOINT, NETWORKING_CONFIG};
use super::{
    COMMIT, CREATE, EXEC, NETWORK_CONNECT, NETWORK_CREATE, NODE_SPEC, SERVICE, SWARM_SPEC, Struct,
    UPDATE, VOLUME_CREATE,
};

/// What dockerode and docker-modem take from the options of a call for themselves.
const OPTIONS: [&str; 5] = ["_query", "_body", "abortSignal", "authconfig", "registryconfig"];

/// Whether a client takes it from the options of a call for itself, and sends it along.
pub(in crate::docker) fn is_option(name: &str) -> bool {
    OPTIONS.contains(&name)
}

/// Keys beside the fields of a body, by its table: what dockerode means for the query, what docker-java
/// calls its own members.
static KEYS: [(&Struct, &[&str]); 10] = [
    (&CREATE, &["name", "platform", "id", "authConfig"]),
    (&EXEC, &["containerId", "id"]),
    (&UPDATE, &[]),
    (&COMMIT, &["container", "repo", "tag", "comment", "author", "pause", "changes"]),
    (&SERVICE, &["version", "registryAuthFrom", "rollback"]),
    (
        &SWARM_SPEC,
        &["version", "rotateWorkerToken", "rotateManagerToken", "rotateManagerUnlockKey"],
    ),
    (&NODE_SPEC, &["version"]),
    (&VOLUME_CREATE, &[]),
    (&NETWORK_CREATE, &[]),
    (&NETWORK_CONNECT, &[]),
];

/// Whether no engine reads this key of an object with the fields of `table`, none of which it is.
#[must_use]
pub fn is_ignored_key(table: &'static Struct, key: &str) -> bool {
    let known = KEYS.iter().find(|(one, _)| std::ptr::eq(*one, table));
    known.is_some_and(|(_, keys)| keys.contains(&key) || is_option(key))
}

/// Whether an object with such keys, in one with the fields of `table`, is what docker-py up to 6 says of
/// a network where the daemon looks for `EndpointsConfig`.
#[must_use]
pub fn is_misplaced<'a>(table: &'static Struct, mut keys: impl Iterator<Item = &'a str>) -> bool {
    std::ptr::eq(table, &NETWORKING_CONFIG)
        && keys.all(|key| key == "driver_opt" || ENDPOINT.field(key).is_some())
}
