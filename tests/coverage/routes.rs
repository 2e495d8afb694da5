//! Every route that passes as it is, and why it may.

use secdocker::docker::{Endpoint, Route, classify};
use secdocker::http::target;

const READS: &str = "reads only";
const REMOVES: &str = "removes what is there, and gives nothing";
const FETCHES: &str = "contacts a registry for the client, and keeps nothing";
const RUNS_ON: &str = "what runs was judged when it was created; none of it changes";
const STREAM: &str = "a stream to or from what runs already";
const SETTINGS: &str = "reads; the values of settings are taken out of the answer under any rule";
const STORED: &str = "stored for services, which are judged when they name it";

/// Routes that no description has: they are in the source, or were.
pub(crate) const UNPUBLISHED: [(&str, &str); 2] =
    [("POST", "/build/cancel"), ("GET", "/debug/{name}")];

/// Method, pattern, reason.
pub(crate) const PASSES: &[(&str, &str, &str)] = &[
    ("GET", "/_ping", READS),
    ("HEAD", "/_ping", READS),
    ("GET", "/info", READS),
    ("GET", "/version", READS),
    ("GET", "/events", READS),
    ("GET", "/system/df", READS),
    ("GET", "/debug/{name}", "profiles of the daemon, where it was started with them: reads only"),
    ("POST", "/auth", FETCHES),
    ("GET", "/containers/json", READS),
    ("GET", "/containers/{id}/json", READS),
    ("GET", "/containers/{id}/top", READS),
    ("GET", "/containers/{id}/logs", READS),
    ("GET", "/containers/{id}/changes", READS),
    ("GET", "/containers/{id}/export", READS),
    ("GET", "/containers/{id}/stats", READS),
    ("POST", "/containers/{id}/resize", STREAM),
    ("POST", "/containers/{id}/stop", RUNS_ON),
    ("POST", "/containers/{id}/kill", RUNS_ON),
    ("POST", "/containers/{id}/pause", RUNS_ON),
    ("POST", "/containers/{id}/unpause", RUNS_ON),
    ("POST", "/containers/{id}/wait", READS),
    ("DELETE", "/containers/{id}", REMOVES),
    ("POST", "/containers/prune", REMOVES),
    ("POST", "/exec/{id}/start", "runs a command that was judged when it was prepared"),
    ("POST", "/exec/{id}/resize", STREAM),
    ("GET", "/exec/{id}/json", READS),
    ("GET", "/images/json", READS),
    ("GET", "/images/{name}/json", READS),
    ("GET", "/images/{name}/history", READS),
    ("GET", "/images/{name}/attestations", READS),
    ("GET", "/images/{name}/get", READS),
    ("GET", "/images/get", READS),
    ("GET", "/images/search", FETCHES),
    ("GET", "/distribution/{name}/json", FETCHES),
    ("POST", "/images/{name}/push", "sends an image away: no rule is about what leaves"),
    ("POST", "/build/prune", REMOVES),
    ("POST", "/build/cancel", REMOVES),
    ("GET", "/volumes", READS),
    ("GET", "/volumes/{name}", READS),
    (
        "PUT",
        "/volumes/{name}",
        "whether a volume of the swarm is available, and nothing else of it",
    ),
    ("DELETE", "/volumes/{name}", REMOVES),
    ("POST", "/volumes/prune", REMOVES),
    ("GET", "/networks", READS),
    ("GET", "/networks/{id}", READS),
    ("DELETE", "/networks/{id}", REMOVES),
    ("POST", "/networks/prune", REMOVES),
    ("POST", "/networks/{id}/disconnect", REMOVES),
    ("GET", "/plugins", SETTINGS),
    ("GET", "/plugins/privileges", FETCHES),
    ("GET", "/plugins/{name}/json", SETTINGS),
    ("DELETE", "/plugins/{name}", REMOVES),
    ("POST", "/plugins/{name}/disable", REMOVES),
    ("POST", "/plugins/{name}/push", "sends a plugin away: no rule is about what leaves"),
    ("GET", "/swarm", "reads; the tokens for joining are taken out of the answer under any rule"),
    ("POST", "/swarm/leave", REMOVES),
    ("GET", "/nodes", READS),
    ("GET", "/nodes/{id}", READS),
    ("DELETE", "/nodes/{id}", REMOVES),
    ("GET", "/services", READS),
    ("GET", "/services/{id}", READS),
    ("GET", "/services/{id}/logs", READS),
    ("DELETE", "/services/{id}", REMOVES),
    ("GET", "/tasks", READS),
    ("GET", "/tasks/{id}", READS),
    ("GET", "/tasks/{id}/logs", READS),
    ("GET", "/secrets", READS),
    ("GET", "/secrets/{id}", READS),
    ("POST", "/secrets/{id}/update", STORED),
    ("DELETE", "/secrets/{id}", REMOVES),
    ("GET", "/configs", READS),
    ("GET", "/configs/{id}", READS),
    ("POST", "/configs/{id}/update", STORED),
    ("DELETE", "/configs/{id}", REMOVES),
];

/// The endpoint of a pattern, if it is inspected.
pub(crate) fn inspected(method: &str, pattern: &str) -> Option<Endpoint> {
    let path = pattern.replace(['{', '}'], "");
    match classify(method, &target::parse(&path).unwrap()) {
        Ok(Route::Inspected(endpoint)) => Some(endpoint),
        Ok(Route::Plain | Route::MaySwitch) => None,
        Err(error) => panic!("{method} {pattern}: {error}"),
    }
}

pub(crate) fn reason(method: &str, pattern: &str) -> Option<&'static str> {
    let found = PASSES.iter().find(|(known, path, _)| *known == method && *path == pattern);
    found.map(|(_, _, reason)| *reason)
}
