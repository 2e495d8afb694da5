//! What the daemon's router takes a method and a path for, for rules about endpoints: which part of it is a
//! name. The router takes the first row of [`super::routes`] that fits, and compares methods to the letter.

use std::fmt;

use super::routes::{self, Decision, Name, Row, unversioned};
use crate::http::framing::Framing;
use crate::http::head::RequestHead;
use crate::http::target::{Target, query_pairs};
use crate::policy::endpoints::{EndpointEntry, Operation, Parameters};
use crate::policy::review::Purposes;
use crate::policy::unrouted::Unrouted;
use crate::policy::{Policy, Violations};

/// The operation that this row has in a path, to the letter.
fn read<'a>(row: &Row, method: &'a str, path: &'a str) -> Option<Operation<'a>> {
    // Most rows differ in the first letter.
    if row.before.as_bytes().get(1) != path.as_bytes().get(1) {
        return None;
    }
    let rest = path.strip_prefix(row.before)?;
    let name = match row.name {
        Name::None => {
            return rest.is_empty().then(|| Operation::unnamed(method, path));
        }
        Name::Long => rest.strip_suffix(row.after)?,
        Name::Short => rest.strip_suffix(row.after).filter(|name| is_short(name))?,
        Name::Pair => {
            let (name, other) = rest.split_once(row.after)?;
            (is_short(other) && is_short(name)).then_some(name)?
        }
    };
    let after = rest.strip_prefix(name)?;
    (!name.is_empty()).then(|| Operation::named(method, row.before, name, after))
}

fn is_short(name: &str) -> bool {
    !name.is_empty() && !name.contains('/')
}

/// What the daemon would do for this method and decoded path, and its row.
fn routed<'a>(method: &'a str, path: &'a str) -> Option<(&'static Row, Operation<'a>)> {
    let path = unversioned(path);
    routes::known()
        .filter(|(known, _)| *known == method)
        .find_map(|(_, row)| Some((row, read(row, method, path)?)))
}

/// What the daemon would do for this method and decoded path.
pub fn operation<'a>(method: &'a str, path: &'a str) -> Operation<'a> {
    let found = routed(method, path).map(|(_, operation)| operation);
    found.unwrap_or_else(|| Operation::unknown(method, unversioned(path)))
}

/// Whether a request makes something, or starts a process in a container. What no known daemon has, or has
/// several readings, counts as one that does.
#[must_use]
pub fn makes(method: &str, target: &Target<'_>) -> bool {
    let is_made = |(row, _): (&Row, _)| matches!(row.decision, Decision::Makes(_));
    !matches!(method, "GET" | "HEAD" | "OPTIONS" | "DELETE")
        && (target.oddity().is_some() || routed(method, target.path()).is_none_or(is_made))
}

/// Whether an entry could reach any operation of a known daemon: one that can't is a slip of the pen.
pub fn is_known(entry: &EndpointEntry) -> bool {
    routes::known().any(|(method, row)| {
        let path = row.filled("a");
        read(row, method, &path).is_some_and(|operation| entry.concerns(&operation))
    })
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
