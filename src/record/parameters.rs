//! Which parameters of a request the log may show, by the path of the request.
//!
//! Listed is what the daemon reads there and what is never a secret: names, numbers, switches, choices.
//! Left out of what it reads are `buildargs`, `changes`, `remote`, `fromSrc`, `inputImage`, `labels`,
//! `outputs`, `extrahosts`, `filters`, `ps_args`, `message`, `comment`, `author`: they hold variables,
//! addresses with passwords, or text of any kind. All that is not listed is hidden, so that a body
//! that a client repeats in its query is not written either. `tests/coverage.rs` holds the lists
//! against what is published of the Engine API.

/// The parameters of all paths that begin and end so; what is between is a name of the client's.
pub(super) struct Row {
    before: &'static str,
    after: &'static str,
    names: &'static [&'static str],
}

const fn row(before: &'static str, after: &'static str, names: &'static [&'static str]) -> Row {
    Row { before, after, names }
}

const STREAMS: &[&str] = &["detachKeys", "logs", "stderr", "stdin", "stdout", "stream"];
const LOGS: &[&str] =
    &["details", "follow", "since", "stderr", "stdout", "tail", "timestamps", "until"];
const SIZE: &[&str] = &["h", "w"];
const VERSION: &[&str] = &["version"];

/// The longest end stands first where several fit.
const ROWS: &[Row] = &[
    row(
        "/build/prune",
        "",
        &["all", "keep-storage", "max-used-space", "min-free-space", "reserved-space"],
    ),
    row("/build/cancel", "", &["id"]),
    row("/build", "", BUILD),
    row("/commit", "", &["container", "pause", "repo", "tag"]),
    row("/configs/", "/update", VERSION),
    row("/containers/create", "", &["name", "platform"]),
    row("/containers/json", "", &["all", "limit", "size"]),
    row("/containers/", "/archive", &["path", "copyUIDGID", "noOverwriteDirNonDir"]),
    row("/containers/", "/attach/ws", STREAMS),
    row("/containers/", "/attach", STREAMS),
    row("/containers/", "/checkpoints", &["dir"]),
    row("/containers/", "/json", &["size"]),
    row("/containers/", "/kill", &["signal"]),
    row("/containers/", "/logs", LOGS),
    row("/containers/", "/rename", &["name"]),
    row("/containers/", "/resize", SIZE),
    row("/containers/", "/restart", &["signal", "t"]),
    row("/containers/", "/start", &["detachKeys", "checkpoint", "checkpoint-dir"]),
    row("/containers/", "/stats", &["one-shot", "stream"]),
    row("/containers/", "/stop", &["signal", "t"]),
    row("/containers/", "/wait", &["condition"]),
    row("/containers/", "", &["force", "link", "v"]),
    row("/events", "", &["since", "until"]),
    row("/exec/", "/resize", SIZE),
    row("/images/create", "", &["fromImage", "platform", "repo", "tag"]),
    row("/images/get", "", &["names", "platform"]),
    row("/images/json", "", &["all", "digests", "identity", "manifests", "shared-size"]),
    row("/images/load", "", &["platform", "quiet"]),
    row("/images/search", "", &["limit", "term"]),
    row("/images/", "/attestations", &["platform", "statement", "type"]),
    row("/images/", "/get", &["platform"]),
    row("/images/", "/history", &["platform"]),
    row("/images/", "/json", &["manifests", "platform"]),
    row("/images/", "/push", &["platform", "tag"]),
    row("/images/", "/tag", &["repo", "tag"]),
    row("/images/", "", &["force", "noprune", "platforms"]),
    row("/networks/", "", &["scope", "verbose"]),
    row("/nodes/", "/update", VERSION),
    row("/nodes/", "", &["force"]),
    row("/plugins/create", "", &["name"]),
    row("/plugins/privileges", "", &["remote"]),
    row("/plugins/pull", "", &["name", "remote"]),
    row("/plugins/", "/disable", &["force"]),
    row("/plugins/", "/enable", &["timeout"]),
    row("/plugins/", "/upgrade", &["remote"]),
    row("/plugins/", "", &["force"]),
    row("/secrets/", "/update", VERSION),
    row("/services/", "/logs", LOGS),
    row("/services/", "/update", &["registryAuthFrom", "rollback", "version"]),
    row("/services/", "", &["insertDefaults"]),
    row("/services", "", &["status"]),
    row("/swarm/leave", "", &["force"]),
    row(
        "/swarm/update",
        "",
        &["rotateManagerToken", "rotateManagerUnlockKey", "rotateWorkerToken", "version"],
    ),
    row("/system/df", "", &["type", "verbose"]),
    row("/tasks/", "/logs", LOGS),
    row("/volumes/", "", &["force", "version"]),
];

const BUILD: &[&str] = &[
    "buildid",
    "cachefrom",
    "cgroupparent",
    "cpuperiod",
    "cpuquota",
    "cpusetcpus",
    "cpusetmems",
    "cpushares",
    "dockerfile",
    "forcerm",
    "isolation",
    "memory",
    "memswap",
    "networkmode",
    "nocache",
    "platform",
    "pull",
    "q",
    "rm",
    "session",
    "shmsize",
    "squash",
    "t",
    "target",
    "version",
];

/// Whether the log may show the value of this parameter of a request for this path. Both as they were
/// sent: one that is encoded is none of these.
pub(super) fn may_show(path: &str, name: &str) -> bool {
    let path = unversioned(path);
    let is_it = |row: &&Row| {
        // Most rows differ in the first letter.
        if row.before.as_bytes().get(1) != path.as_bytes().get(1) {
            return false;
        }
        let rest = path.strip_prefix(row.before);
        rest.is_some_and(|rest| match row.before.ends_with('/') {
            true => rest.len() > row.after.len() && rest.ends_with(row.after),
            false => rest.is_empty(),
        })
    };
    ROWS.iter().find(is_it).is_some_and(|row| row.names.contains(&name))
}

/// `path` without `/v1.41`.
fn unversioned(path: &str) -> &str {
    let rest =
        path.strip_prefix("/v").filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    rest.and_then(|rest| rest.find('/').and_then(|at| rest.get(at..))).unwrap_or(path)
}
