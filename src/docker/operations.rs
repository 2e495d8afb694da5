//! What the daemon's router takes a method and a path for: which part of it is a name.
//!
//! These are all routes of Docker 20.10 to 29 (`api/server/router`, `daemon/server/router`), among them
//! those of Podman's API for Docker's clients (`tests/engine-api/routers.txt`). A name written `{name:.*}` there takes slashes, one written `{id}` does
//! not; the router takes the first pattern that fits, and compares methods to the letter.
//! [`super::routes`] says which of them are inspected; here all are known, for rules about endpoints.

use std::fmt;

use super::routes::{self, unversioned};
use crate::http::framing::Framing;
use crate::http::head::RequestHead;
use crate::http::target::{Target, query_pairs};
use crate::policy::endpoints::{EndpointEntry, Operation, Parameters};
use crate::policy::review::Purposes;
use crate::policy::unrouted::Unrouted;
use crate::policy::{Policy, Violations};

/// A pattern of the router.
struct Row {
    before: &'static str,
    name: Name,
    after: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    None,
    /// Up to the next slash.
    Short,
    /// Slashes and all.
    Long,
    /// A short one, then `after`, then another short one.
    Pair,
}

const fn exact(path: &'static str) -> Row {
    Row { before: path, name: Name::None, after: "" }
}

const fn short(before: &'static str, after: &'static str) -> Row {
    Row { before, name: Name::Short, after }
}

const fn long(before: &'static str, after: &'static str) -> Row {
    Row { before, name: Name::Long, after }
}

const fn pair(before: &'static str, after: &'static str) -> Row {
    Row { before, name: Name::Pair, after }
}

const HEAD: &[Row] = &[exact("/_ping"), long("/containers/", "/archive")];

const GET: &[Row] = &[
    exact("/_ping"),
    exact("/containers/json"),
    long("/containers/", "/checkpoints"),
    long("/containers/", "/export"),
    long("/containers/", "/changes"),
    long("/containers/", "/json"),
    long("/containers/", "/top"),
    long("/containers/", "/logs"),
    long("/containers/", "/stats"),
    long("/containers/", "/attach/ws"),
    long("/exec/", "/json"),
    long("/containers/", "/archive"),
    exact("/images/json"),
    exact("/images/search"),
    exact("/images/get"),
    long("/images/", "/get"),
    long("/images/", "/history"),
    long("/images/", "/json"),
    long("/images/", "/attestations"),
    exact("/events"),
    exact("/info"),
    exact("/version"),
    exact("/system/df"),
    exact("/volumes"),
    long("/volumes/", ""),
    exact("/networks"),
    long("/networks/", ""),
    exact("/swarm"),
    exact("/swarm/unlockkey"),
    exact("/services"),
    short("/services/", ""),
    short("/services/", "/logs"),
    exact("/nodes"),
    short("/nodes/", ""),
    exact("/tasks"),
    short("/tasks/", ""),
    short("/tasks/", "/logs"),
    exact("/secrets"),
    short("/secrets/", ""),
    exact("/configs"),
    short("/configs/", ""),
    exact("/plugins"),
    long("/plugins/", "/json"),
    exact("/plugins/privileges"),
    long("/distribution/", "/json"),
    exact("/debug/vars"),
    short("/debug/pprof/", ""),
];

const POST: &[Row] = &[
    exact("/containers/create"),
    long("/containers/", "/checkpoints"),
    long("/containers/", "/kill"),
    long("/containers/", "/pause"),
    long("/containers/", "/unpause"),
    long("/containers/", "/restart"),
    long("/containers/", "/start"),
    long("/containers/", "/stop"),
    long("/containers/", "/wait"),
    long("/containers/", "/resize"),
    long("/containers/", "/attach"),
    long("/containers/", "/copy"),
    long("/containers/", "/exec"),
    long("/exec/", "/start"),
    long("/exec/", "/resize"),
    long("/containers/", "/rename"),
    long("/containers/", "/update"),
    exact("/containers/prune"),
    exact("/commit"),
    exact("/images/load"),
    exact("/images/create"),
    long("/images/", "/push"),
    long("/images/", "/tag"),
    exact("/images/prune"),
    exact("/auth"),
    exact("/volumes/create"),
    exact("/volumes/prune"),
    exact("/build"),
    exact("/build/prune"),
    exact("/build/cancel"),
    exact("/session"),
    exact("/grpc"),
    exact("/networks/create"),
    long("/networks/", "/connect"),
    long("/networks/", "/disconnect"),
    exact("/networks/prune"),
    exact("/swarm/init"),
    exact("/swarm/join"),
    exact("/swarm/leave"),
    exact("/swarm/update"),
    exact("/swarm/unlock"),
    exact("/services/create"),
    short("/services/", "/update"),
    short("/nodes/", "/update"),
    exact("/secrets/create"),
    short("/secrets/", "/update"),
    exact("/configs/create"),
    short("/configs/", "/update"),
    long("/plugins/", "/enable"),
    long("/plugins/", "/disable"),
    exact("/plugins/pull"),
    long("/plugins/", "/push"),
    long("/plugins/", "/upgrade"),
    long("/plugins/", "/set"),
    exact("/plugins/create"),
];

const PUT: &[Row] = &[long("/containers/", "/archive"), long("/volumes/", "")];

const DELETE: &[Row] = &[
    // Before the containers, which would take it for one with slashes in its name.
    pair("/containers/", "/checkpoints/"),
    long("/containers/", ""),
    long("/images/", ""),
    long("/volumes/", ""),
    long("/networks/", ""),
    short("/services/", ""),
    short("/nodes/", ""),
    short("/secrets/", ""),
    short("/configs/", ""),
    long("/plugins/", ""),
];

const METHODS: [(&str, &[Row]); 5] =
    [("GET", GET), ("POST", POST), ("HEAD", HEAD), ("PUT", PUT), ("DELETE", DELETE)];

impl Row {
    fn read<'a>(&self, method: &'a str, path: &'a str) -> Option<Operation<'a>> {
        // Most rows differ in the first letter.
        if self.before.as_bytes().get(1) != path.as_bytes().get(1) {
            return None;
        }
        let rest = path.strip_prefix(self.before)?;
        let name = match self.name {
            Name::None => {
                return rest.is_empty().then(|| Operation::unnamed(method, path));
            }
            Name::Long => rest.strip_suffix(self.after)?,
            Name::Short => rest.strip_suffix(self.after).filter(|name| is_short(name))?,
            Name::Pair => {
                let (name, other) = rest.split_once(self.after)?;
                (is_short(other) && is_short(name)).then_some(name)?
            }
        };
        let after = rest.strip_prefix(name)?;
        (!name.is_empty()).then(|| Operation::named(method, self.before, name, after))
    }

    /// An operation of this pattern.
    fn example(&self, method: &'static str) -> Operation<'static> {
        match self.name {
            Name::None => Operation::unnamed(method, self.before),
            Name::Short | Name::Long => Operation::named(method, self.before, "a", self.after),
            Name::Pair => Operation::named(method, self.before, "a", "/checkpoints/b"),
        }
    }
}

fn is_short(name: &str) -> bool {
    !name.is_empty() && !name.contains('/')
}

/// Every operation that is known: its method, and its path with `{}` for each name in it.
pub fn known() -> impl Iterator<Item = (&'static str, String)> {
    let rows = METHODS.iter().flat_map(|(method, rows)| rows.iter().map(move |row| (method, row)));
    rows.map(|(method, row)| {
        let Row { before, after, .. } = row;
        let path = match row.name {
            Name::None => (*before).to_owned(),
            Name::Short | Name::Long => format!("{before}{{}}{after}"),
            Name::Pair => format!("{before}{{}}{after}{{}}"),
        };
        (*method, path)
    })
}

/// What the daemon would do for this method and decoded path.
pub fn operation<'a>(method: &'a str, path: &'a str) -> Operation<'a> {
    let path = unversioned(path);
    let rows = METHODS.iter().find(|(known, _)| *known == method).map_or(&[][..], |(_, rows)| rows);
    rows.iter()
        .find_map(|row| row.read(method, path))
        .unwrap_or_else(|| Operation::unknown(method, path))
}

/// What a request would make that was not there, or start a process by. Builds by calls to BuildKit are not
/// told apart from the other calls.
const MAKING: [&str; 8] = [
    "/containers/create",
    "/services/create",
    "/networks/create",
    "/volumes/create",
    "/secrets/create",
    "/configs/create",
    "/plugins/create",
    "/build",
];

/// Whether a request makes something, or starts a process in a container. What no known daemon has, or has
/// several readings, counts as one that does.
#[must_use]
pub fn makes(method: &str, target: &Target<'_>) -> bool {
    if matches!(method, "GET" | "HEAD" | "OPTIONS" | "DELETE") {
        return false;
    }
    let asked = operation(method, target.path());
    let execs = asked.is_within("/containers/", "/exec");
    let makes = execs || MAKING.iter().any(|path| asked.is_exactly(path));
    makes || !asked.is_routed() || target.oddity().is_some()
}

/// Whether an entry could reach any operation of a known daemon: one that can't is a slip of the pen.
pub fn is_known(entry: &EndpointEntry) -> bool {
    METHODS.iter().any(|(method, rows)| rows.iter().any(|row| entry.concerns(&row.example(method))))
}

/// Whether an entry reaches the GET that writes to a container's standard input.
pub fn reaches_input(entry: &EndpointEntry) -> bool {
    entry.concerns(&Operation::named("GET", "/containers/", "a", "/attach/ws"))
}

/// Whether the body of a request may be a form, which the daemon merges into the query, before what
/// stands there (Go `http.Request.ParseForm`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormBody {
    /// It is none.
    None,
    /// It may be one.
    Possible,
}

impl FormBody {
    /// By what a head says of the body.
    #[must_use]
    pub fn of(head: &RequestHead<'_>, framing: Framing) -> Self {
        let could_be_form = |value: &[u8]| {
            let value = value.to_ascii_lowercase();
            !value.is_ascii() || String::from_utf8_lossy(&value).contains("form")
        };
        match framing {
            Framing::None => Self::None,
            _ if head.headers.get_all("content-type").any(could_be_form) => Self::Possible,
            _ => Self::None,
        }
    }
}

/// Whether a request may be made at all.
#[derive(Debug)]
#[must_use]
pub enum Access {
    /// It may; what it asks for is another matter.
    Open,
    /// These rules forbid it.
    Forbidden(Violations),
}

/// A request target that is not plain, where rules are about targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OddTarget;

impl std::error::Error for OddTarget {}

impl fmt::Display for OddTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request target is not plain, and there are rules about endpoints")
    }
}

/// Asks the rules about endpoints, and whether a rule could be broken by an operation that is not known.
///
/// # Errors
/// [`OddTarget`] if a rule could forbid the request and its target has more than one reading:
/// answered with `400`.
pub fn access(
    policy: &Policy,
    reviewed: Purposes,
    (method, body): (&str, FormBody),
    target: &Target<'_>,
) -> Result<Access, OddTarget> {
    let rules = &policy.endpoints;
    if rules.can_deny() && target.oddity().is_some() {
        return Err(OddTarget);
    }
    let asks_plugins = (reviewed != Purposes::default()).then_some("plugins");
    let guarding = policy.guarding_section().or(asks_plugins);
    if guarding.is_none() {
        return Ok(Access::Open);
    }
    let says_any = target.query().is_some() || body != FormBody::None;
    let pairs = (says_any && rules.reads_parameters())
        .then(|| query_pairs(target.query().unwrap_or_default()));
    let pairs = pairs.map(|pairs| pairs.collect::<Result<Vec<_>, _>>());
    let parameters = match (&pairs, body) {
        (None, _) => Parameters::Known(&[]),
        (Some(Ok(pairs)), FormBody::None) => Parameters::Known(pairs),
        (Some(Ok(_) | Err(_)), _) => Parameters::Unclear,
    };
    let asked = operation(method, target.path()).with(parameters);
    let denied = rules.can_deny().then(|| rules.violated(&asked)).flatten();
    let unrouted = || policy.refuse_unrouted(&asked, unrouted(method, target, &asked)?, guarding);
    Ok(denied.or_else(unrouted).map_or(Access::Open, Access::Forbidden))
}

/// What of Podman's is not Docker's: `/libpod`, behind a version or not.
const PODMAN: &str = "libpod";

/// Whether no rule was made for an operation.
fn unrouted(method: &str, target: &Target<'_>, asked: &Operation<'_>) -> Option<Unrouted> {
    let is_plain = target.oddity().is_none();
    // An odd path that could be inspected is refused whatever the rules: see `routes::classify`.
    if (is_plain && asked.is_routed()) || routes::classify(method, target).is_err() {
        return None;
    }
    // Docker answers `OPTIONS` for every path, and does nothing.
    let reads = matches!(method, "GET" | "HEAD" | "OPTIONS");
    match routes::could_say(target.path(), PODMAN) {
        true => Some(Unrouted::Podman),
        false => (!reads && !asked.is_routed()).then_some(Unrouted::Unknown),
    }
}

#[cfg(test)]
mod tests;
