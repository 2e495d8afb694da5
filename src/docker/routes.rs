//! Which endpoint a request means.
//!
//! The daemon routes by gorilla/mux: a request matches where the decoded path, after `/v` with
//! digits and dots, equals a pattern, and the method equals the pattern's to the letter (`post` is
//! `404`, and no `GET` answers a `HEAD`: seen on 20.10). A name written `{name:.*}` there takes
//! slashes. Here any name may have slashes, methods match in any case, and a target that is not plain is
//! refused if any reading of it could be inspected; rules about endpoints match to the letter
//! ([`super::operations`]). Knows nothing of bodies.

mod letters;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;

use super::endpoint::Endpoint;
use crate::http::target::Target;
use crate::policy::versions::ApiVersion;
use letters::Letters;
pub(crate) use letters::could_say;
pub(super) use table::Name;
use table::TABLE;
pub use table::{Decision, Row};

/// What must be done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Goes through as it is.
    Plain,
    /// Goes through as it is, and the daemon may answer with a raw stream.
    MaySwitch,
    /// Its body is read, judged and written anew.
    Inspected(Endpoint),
}

/// A request target that could name an inspected endpoint, but not plainly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteError {
    /// What it could be.
    pub endpoint: Endpoint,
}

impl std::error::Error for RouteError {}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the request target is not plain and could be read as `{}`", self.endpoint)
    }
}

/// Says what must be done with a request.
///
/// # Errors
/// [`RouteError`] for a target that is not plain and that could name an inspected endpoint under
/// any reading: answered with `400`.
pub fn classify(method: &str, target: &Target<'_>) -> Result<Route, RouteError> {
    if target.oddity().is_some() {
        refuse_if_inspected(method, target.path())?;
    }
    Ok(route(method, target.path()))
}

/// Whether a request asks for the stream by which a client serves a build, and names it `h2c`.
#[must_use]
pub fn is_session(target: &Target<'_>) -> bool {
    unversioned(target.path()) == "/session"
}

/// Whether a request may change what the daemon's images are called or hold. One that is not plain
/// counts as one that may.
pub fn changes_images(method: &str, target: &Target<'_>) -> bool {
    let path = unversioned(target.path());
    let about_images = ["/images/", "/build", "/commit", "/session", "/grpc"];
    !is_read(method)
        && (target.oddity().is_some() || about_images.iter().any(|start| path.starts_with(start)))
}

/// Whether a request may change or remove a volume or a network that is there already. One that is not plain
/// counts as one that may. A container that is created only adds some.
pub fn changes_volumes(method: &str, target: &Target<'_>) -> bool {
    if is_read(method) {
        return false;
    }
    let path = unversioned(target.path());
    let is_about_them = ["/volumes", "/networks", "/swarm", "/plugins", "prune"];
    // `v=1` takes the volumes of a container along, however that is escaped.
    let takes_along = || target.query().is_some_and(|query| query.contains(['v', 'V', '%']));
    target.oddity().is_some()
        || is_about_them.iter().any(|part| path.contains(part))
        || (method.eq_ignore_ascii_case("DELETE") && takes_along())
}

fn is_read(method: &str) -> bool {
    ["GET", "HEAD"].iter().any(|read| method.eq_ignore_ascii_case(read))
}

fn route(method: &str, path: &str) -> Route {
    let path = unversioned(path);
    let found = rows_of(method).find_map(|row| match row.decision {
        Decision::Makes(endpoint) | Decision::Inspected(endpoint) => {
            row.could_be(path).then_some(Route::Inspected(endpoint))
        }
        Decision::Streams(_) => row.could_be(path).then_some(Route::MaySwitch),
        Decision::Passes(_) => None,
    });
    found.unwrap_or(Route::Plain)
}

/// The rows of a method in any case.
fn rows_of(method: &str) -> impl Iterator<Item = &'static Row> {
    let found = TABLE.iter().find(|(known, _)| known.eq_ignore_ascii_case(method));
    found.into_iter().flat_map(|(_, rows)| *rows)
}

/// Every route that is known, with its method.
pub fn known() -> impl Iterator<Item = (&'static str, &'static Row)> {
    TABLE.iter().flat_map(|(method, rows)| rows.iter().map(move |row| (*method, row)))
}

/// `path` without `/v1.41`: Docker's `/v{version:[0-9.]+}`, and Podman's
/// `/v{version:[0-9][0-9A-Za-z.-]*}`, for which Docker has no route.
pub(crate) fn unversioned(path: &str) -> &str {
    let is_first = |c: char| c.is_ascii_digit() || c == '.';
    let Some(rest) = path.strip_prefix("/v").filter(|rest| rest.starts_with(is_first)) else {
        return path;
    };
    let is_version = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let unversioned = rest.trim_start_matches(is_version);
    if unversioned.starts_with('/') { unversioned } else { path }
}

/// The version that a path names; the daemon speaks its newest where none is.
pub(crate) fn api_version(path: &str) -> Option<ApiVersion> {
    let prefix = path.strip_suffix(unversioned(path))?;
    prefix.strip_prefix("/v").map(ApiVersion::parse)
}

/// The name between these two in a path; empty if it is no such path.
pub(crate) fn name_between<'a>(path: &'a str, before: &str, after: &str) -> &'a str {
    let rest = unversioned(path).strip_prefix(before);
    rest.and_then(|rest| rest.strip_suffix(after)).unwrap_or_default()
}

fn refuse_if_inspected(method: &str, path: &str) -> Result<(), RouteError> {
    let letters = Letters::of(path);
    let mut inspected = rows_of(method).filter_map(|row| Some((row, row.decision.endpoint()?)));
    match inspected.find(|(row, _)| letters.could_have(row.words())) {
        Some((_, endpoint)) => Err(RouteError { endpoint }),
        None => Ok(()),
    }
}
