//! Which endpoint a request means.
//!
//! The daemon routes by gorilla/mux: a request matches where the decoded path, after `/v` with
//! digits and dots, equals a pattern, and the method equals the pattern's to the letter (`post` is
//! `404`, and no `GET` answers a `HEAD`: seen on 20.10). A name written `{name:.*}` there takes
//! slashes. Here a pattern is what comes before a name and what comes after it, methods match in
//! any case, and a target that is not plain is refused if any reading of it could be inspected.
//! Knows nothing of bodies.

#[cfg(test)]
mod tests;

use std::fmt;

use crate::http::target::Target;
use crate::policy::versions::ApiVersion;

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

/// An endpoint that can grant something that a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /containers/create`.
    ContainerCreate,
    /// `POST /containers/{id}/exec`.
    ContainerExec,
    /// `POST /containers/{id}/update`.
    ContainerUpdate,
    /// `POST /containers/{id}/start`.
    ContainerStart,
    /// `POST /containers/{id}/restart`.
    ContainerRestart,
    /// `POST /containers/{id}/attach` and `GET /containers/{id}/attach/ws`.
    ContainerAttach,
    /// `GET`, `HEAD` or `PUT` of `/containers/{id}/archive`, and `POST /containers/{id}/copy`.
    ContainerArchive,
    /// `POST /containers/{id}/rename`.
    ContainerRename,
    /// `POST /volumes/create`.
    VolumeCreate,
    /// `POST /images/create`: a pull or an import.
    ImageCreate,
    /// `POST /images/{name}/tag`.
    ImageTag,
    /// `POST /commit`.
    Commit,
    /// `POST /build`, of which the head is judged.
    Build,
    /// `POST /build`, of which the Dockerfile is judged too.
    BuildContext,
    /// `POST /grpc`: to BuildKit, as a raw stream.
    BuildKit,
    /// `POST /session`: by which a client serves a build, as a raw stream.
    Session,
    /// `POST /plugins/pull`, `/plugins/create`, and `upgrade`, `set` and `enable` of one.
    Plugin,
    /// `POST /swarm/init`.
    SwarmInit,
    /// `POST /swarm/join`.
    SwarmJoin,
    /// `POST /swarm/update`.
    SwarmUpdate,
    /// `POST /swarm/unlock`.
    SwarmUnlock,
    /// `GET /swarm/unlockkey`.
    SwarmUnlockKey,
    /// `POST /nodes/{id}/update`.
    NodeUpdate,
    /// `POST /images/load`.
    ImageLoad,
    /// `POST /images/prune`.
    ImagePrune,
    /// `DELETE /images/{name}`.
    ImageRemove,
    /// `POST /networks/create`.
    NetworkCreate,
    /// `POST /networks/{id}/connect`.
    NetworkConnect,
    /// `POST /containers/{id}/checkpoints`.
    CheckpointCreate,
    /// `GET` or `DELETE` of `/containers/{id}/checkpoints`.
    Checkpoints,
    /// `POST /secrets/create`.
    SecretCreate,
    /// `POST /configs/create`.
    ConfigCreate,
    /// `POST /services/create`.
    ServiceCreate,
    /// `POST /services/{id}/update`.
    ServiceUpdate,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 33] = [
        Self::ContainerCreate,
        Self::ContainerExec,
        Self::ContainerUpdate,
        Self::ContainerStart,
        Self::ContainerRestart,
        Self::ContainerAttach,
        Self::ContainerArchive,
        Self::ContainerRename,
        Self::VolumeCreate,
        Self::ImageCreate,
        Self::ImageTag,
        Self::Commit,
        Self::Build,
        Self::BuildKit,
        Self::Session,
        Self::Plugin,
        Self::SwarmInit,
        Self::SwarmJoin,
        Self::SwarmUpdate,
        Self::SwarmUnlock,
        Self::SwarmUnlockKey,
        Self::NodeUpdate,
        Self::ImageLoad,
        Self::ImagePrune,
        Self::ImageRemove,
        Self::NetworkCreate,
        Self::NetworkConnect,
        Self::CheckpointCreate,
        Self::Checkpoints,
        Self::SecretCreate,
        Self::ConfigCreate,
        Self::ServiceCreate,
        Self::ServiceUpdate,
    ];

    /// Whether the daemon fetches images for it some time after it has answered: as a node of a swarm,
    /// it fetches that of a service by its name, which means another one then.
    #[must_use]
    pub fn fetches_images(self) -> bool {
        matches!(self, Self::ServiceCreate | Self::ServiceUpdate)
    }

    /// Whether only the head is inspected, and the body passes as it is.
    #[must_use]
    pub fn body_passes(self) -> bool {
        match self {
            Self::ContainerCreate
            | Self::ServiceCreate
            | Self::ServiceUpdate
            | Self::ContainerExec
            | Self::ContainerUpdate
            | Self::ContainerStart
            | Self::VolumeCreate
            | Self::Commit
            | Self::SwarmInit
            | Self::SwarmUpdate
            | Self::NodeUpdate
            | Self::NetworkCreate
            | Self::NetworkConnect
            | Self::BuildContext
            | Self::SecretCreate
            | Self::ConfigCreate
            | Self::CheckpointCreate => false,
            Self::ContainerRestart
            | Self::ContainerAttach
            | Self::ContainerArchive
            | Self::ContainerRename
            | Self::ImageCreate
            | Self::ImageLoad
            | Self::ImagePrune
            | Self::ImageRemove
            | Self::ImageTag
            | Self::Build
            | Self::BuildKit
            | Self::Session
            | Self::Plugin
            | Self::SwarmJoin
            | Self::SwarmUnlock
            | Self::SwarmUnlockKey
            | Self::Checkpoints => true,
        }
    }

    /// Whether the body is an archive, compressed or not, of which the daemon looks at the bytes alone.
    #[must_use]
    pub fn body_is_archive(self) -> bool {
        match self {
            Self::Build
            | Self::BuildContext
            | Self::ImageLoad
            | Self::ImageCreate
            | Self::ContainerArchive
            | Self::Plugin => true,
            Self::ContainerCreate
            | Self::ContainerAttach
            | Self::ContainerRename
            | Self::ConfigCreate
            | Self::ContainerExec
            | Self::ContainerUpdate
            | Self::ContainerStart
            | Self::ContainerRestart
            | Self::VolumeCreate
            | Self::ImageTag
            | Self::Commit
            | Self::BuildKit
            | Self::Session
            | Self::SwarmInit
            | Self::SwarmJoin
            | Self::SwarmUpdate
            | Self::SwarmUnlock
            | Self::SwarmUnlockKey
            | Self::NodeUpdate
            | Self::ImagePrune
            | Self::ImageRemove
            | Self::NetworkCreate
            | Self::NetworkConnect
            | Self::CheckpointCreate
            | Self::Checkpoints
            | Self::SecretCreate
            | Self::ServiceCreate
            | Self::ServiceUpdate => false,
        }
    }

    /// Whether the daemon may answer with a raw stream, for which the request asks by an `Upgrade`.
    #[must_use]
    pub fn may_switch(self) -> bool {
        matches!(self, Self::BuildKit | Self::Session | Self::ContainerAttach)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ContainerCreate => "POST /containers/create",
            Self::ContainerExec => "POST /containers/{id}/exec",
            Self::ContainerUpdate => "POST /containers/{id}/update",
            Self::ContainerStart => "POST /containers/{id}/start",
            Self::ContainerRestart => "POST /containers/{id}/restart",
            Self::ContainerAttach => "POST /containers/{id}/attach",
            Self::ContainerArchive => "/containers/{id}/archive",
            Self::ContainerRename => "POST /containers/{id}/rename",
            Self::VolumeCreate => "POST /volumes/create",
            Self::ImageCreate => "POST /images/create",
            Self::ImageTag => "POST /images/{name}/tag",
            Self::Commit => "POST /commit",
            Self::Build | Self::BuildContext => "POST /build",
            Self::BuildKit => "POST /grpc",
            Self::Session => "POST /session",
            Self::Plugin => "POST /plugins",
            Self::SwarmInit => "POST /swarm/init",
            Self::SwarmJoin => "POST /swarm/join",
            Self::SwarmUpdate => "POST /swarm/update",
            Self::SwarmUnlock => "POST /swarm/unlock",
            Self::SwarmUnlockKey => "GET /swarm/unlockkey",
            Self::NodeUpdate => "POST /nodes/{id}/update",
            Self::ImageLoad => "POST /images/load",
            Self::ImagePrune => "POST /images/prune",
            Self::ImageRemove => "DELETE /images/{name}",
            Self::NetworkCreate => "POST /networks/create",
            Self::NetworkConnect => "POST /networks/{id}/connect",
            Self::CheckpointCreate => "POST /containers/{id}/checkpoints",
            Self::Checkpoints => "/containers/{id}/checkpoints",
            Self::SecretCreate => "POST /secrets/create",
            Self::ConfigCreate => "POST /configs/create",
            Self::ServiceCreate => "POST /services/create",
            Self::ServiceUpdate => "POST /services/{id}/update",
        })
    }
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

/// The patterns of the daemon that are not simply passed on.
const ROWS: &[Row] = &[
    Row::new("POST", Path::Exact("/containers/create"), {
        Route::Inspected(Endpoint::ContainerCreate)
    }),
    Row::new("POST", Path::Around("/containers/", "/exec"), {
        Route::Inspected(Endpoint::ContainerExec)
    }),
    Row::new("POST", Path::Around("/containers/", "/update"), {
        Route::Inspected(Endpoint::ContainerUpdate)
    }),
    Row::new("POST", Path::Around("/containers/", "/start"), {
        Route::Inspected(Endpoint::ContainerStart)
    }),
    Row::new("POST", Path::Around("/containers/", "/restart"), {
        Route::Inspected(Endpoint::ContainerRestart)
    }),
    Row::new("POST", Path::Exact("/volumes/create"), Route::Inspected(Endpoint::VolumeCreate)),
    Row::new("POST", Path::Exact("/images/create"), Route::Inspected(Endpoint::ImageCreate)),
    Row::new("POST", Path::Around("/images/", "/tag"), Route::Inspected(Endpoint::ImageTag)),
    Row::new("POST", Path::Exact("/commit"), Route::Inspected(Endpoint::Commit)),
    Row::new("POST", Path::Exact("/services/create"), Route::Inspected(Endpoint::ServiceCreate)),
    Row::new("POST", Path::Around("/services/", "/update"), {
        Route::Inspected(Endpoint::ServiceUpdate)
    }),
    Row::new("POST", Path::Around("/containers/", "/attach"), {
        Route::Inspected(Endpoint::ContainerAttach)
    }),
    Row::new("GET", Path::Around("/containers/", "/attach/ws"), {
        Route::Inspected(Endpoint::ContainerAttach)
    }),
    Row::new("GET", Path::Around("/containers/", "/archive"), {
        Route::Inspected(Endpoint::ContainerArchive)
    }),
    Row::new("HEAD", Path::Around("/containers/", "/archive"), {
        Route::Inspected(Endpoint::ContainerArchive)
    }),
    Row::new("PUT", Path::Around("/containers/", "/archive"), {
        Route::Inspected(Endpoint::ContainerArchive)
    }),
    // 20.10 below API v1.24.
    Row::new("POST", Path::Around("/containers/", "/copy"), {
        Route::Inspected(Endpoint::ContainerArchive)
    }),
    Row::new("POST", Path::Around("/containers/", "/rename"), {
        Route::Inspected(Endpoint::ContainerRename)
    }),
    Row::new("POST", Path::Around("/exec/", "/start"), Route::MaySwitch),
    Row::new("POST", Path::Exact("/session"), Route::Inspected(Endpoint::Session)),
    Row::new("POST", Path::Exact("/plugins/pull"), Route::Inspected(Endpoint::Plugin)),
    Row::new("POST", Path::Exact("/plugins/create"), Route::Inspected(Endpoint::Plugin)),
    Row::new("POST", Path::Around("/plugins/", "/upgrade"), Route::Inspected(Endpoint::Plugin)),
    Row::new("POST", Path::Around("/plugins/", "/set"), Route::Inspected(Endpoint::Plugin)),
    Row::new("POST", Path::Around("/plugins/", "/enable"), Route::Inspected(Endpoint::Plugin)),
    Row::new("POST", Path::Exact("/secrets/create"), Route::Inspected(Endpoint::SecretCreate)),
    Row::new("POST", Path::Exact("/configs/create"), Route::Inspected(Endpoint::ConfigCreate)),
    Row::new("POST", Path::Exact("/swarm/init"), Route::Inspected(Endpoint::SwarmInit)),
    Row::new("POST", Path::Exact("/swarm/join"), Route::Inspected(Endpoint::SwarmJoin)),
    Row::new("POST", Path::Exact("/swarm/update"), Route::Inspected(Endpoint::SwarmUpdate)),
    Row::new("POST", Path::Exact("/swarm/unlock"), Route::Inspected(Endpoint::SwarmUnlock)),
    Row::new("GET", Path::Exact("/swarm/unlockkey"), {
        Route::Inspected(Endpoint::SwarmUnlockKey)
    }),
    Row::new("POST", Path::Around("/nodes/", "/update"), Route::Inspected(Endpoint::NodeUpdate)),
    Row::new("POST", Path::Exact("/images/load"), Route::Inspected(Endpoint::ImageLoad)),
    Row::new("POST", Path::Exact("/images/prune"), Route::Inspected(Endpoint::ImagePrune)),
    Row::new("DELETE", Path::Around("/images/", ""), Route::Inspected(Endpoint::ImageRemove)),
    Row::new("POST", Path::Exact("/networks/create"), Route::Inspected(Endpoint::NetworkCreate)),
    Row::new("POST", Path::Around("/networks/", "/connect"), {
        Route::Inspected(Endpoint::NetworkConnect)
    }),
    Row::new("POST", Path::Around("/containers/", "/checkpoints"), {
        Route::Inspected(Endpoint::CheckpointCreate)
    }),
    Row::new("GET", Path::Around("/containers/", "/checkpoints"), {
        Route::Inspected(Endpoint::Checkpoints)
    }),
    Row::new("DELETE", Path::Among("/containers/", "/checkpoints/"), {
        Route::Inspected(Endpoint::Checkpoints)
    }),
    Row::new("POST", Path::Exact("/build"), Route::Inspected(Endpoint::Build)),
    Row::new("POST", Path::Exact("/grpc"), Route::Inspected(Endpoint::BuildKit)),
];

struct Row {
    method: &'static str,
    path: Path,
    route: Route,
}

enum Path {
    Exact(&'static str),
    /// A name of the client's, slashes and all, between these two.
    Around(&'static str, &'static str),
    /// One name between these two, and one behind.
    Among(&'static str, &'static str),
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
    let is_read = ["GET", "HEAD"].iter().any(|read| method.eq_ignore_ascii_case(read));
    let path = unversioned(target.path());
    let about_images = ["/images/", "/build", "/commit", "/session", "/grpc"];
    !is_read
        && (target.oddity().is_some() || about_images.iter().any(|start| path.starts_with(start)))
}

fn route(method: &str, path: &str) -> Route {
    let path = unversioned(path);
    ROWS.iter()
        .find(|row| row.is_method(method) && row.path.matches(path))
        .map_or(Route::Plain, |row| row.route)
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

/// Whether any reading of an odd path could have this word in it, of letters in lower case.
pub(crate) fn could_say(path: &str, word: &str) -> bool {
    match Letters::of(path) {
        Letters::Known(letters) => letters.contains(word),
        Letters::Endless => true,
    }
}

/// The version that a path names; the daemon speaks its newest where none is.
pub(crate) fn api_version(path: &str) -> Option<ApiVersion> {
    let prefix = path.strip_suffix(unversioned(path))?;
    prefix.strip_prefix("/v").map(ApiVersion::parse)
}

/// The name in a path that matched [`Path::Around`]; empty in any other.
pub(crate) fn name_between<'a>(path: &'a str, before: &str, after: &str) -> &'a str {
    let rest = unversioned(path).strip_prefix(before);
    rest.and_then(|rest| rest.strip_suffix(after)).unwrap_or_default()
}

fn refuse_if_inspected(method: &str, path: &str) -> Result<(), RouteError> {
    let letters = Letters::of(path);
    for row in ROWS {
        if let Route::Inspected(endpoint) = row.route
            && row.is_method(method)
            && letters.could_be(&row.path)
        {
            return Err(RouteError { endpoint });
        }
    }
    Ok(())
}

impl Row {
    const fn new(method: &'static str, path: Path, route: Route) -> Self {
        Self { method, path, route }
    }

    fn is_method(&self, method: &str) -> bool {
        self.method.eq_ignore_ascii_case(method)
    }
}

impl Path {
    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => path == *exact,
            Self::Around(before, after) => {
                path.strip_prefix(before).is_some_and(|rest| rest.ends_with(after))
            }
            Self::Among(before, between) => {
                path.strip_prefix(before).is_some_and(|rest| rest.contains(between))
            }
        }
    }

    /// The words that any reading must have, in their order.
    fn words(&self) -> impl Iterator<Item = &'static str> {
        let (before, after) = match self {
            Self::Exact(exact) => (*exact, ""),
            Self::Around(before, after) | Self::Among(before, after) => (*before, *after),
        };
        before.split('/').chain(after.split('/')).filter(|word| !word.is_empty())
    }
}

/// What is left of an odd path under all readings at once: its letters and digits in lower case,
/// after decoding again and again.
enum Letters {
    Known(String),
    /// Still encoded after [`DECODINGS_MAX`] times: could be anything.
    Endless,
}

/// Times that an odd path is decoded. The daemon decodes once; nobody honest needs two.
const DECODINGS_MAX: usize = 4;

impl Letters {
    fn of(path: &str) -> Self {
        let mut bytes = path.as_bytes().to_vec();
        for _ in 0..DECODINGS_MAX {
            let decoded = decoded(&bytes);
            if decoded.len() == bytes.len() {
                let letters = bytes.iter().filter(|byte| byte.is_ascii_alphanumeric());
                return Self::Known(letters.map(|b| char::from(b.to_ascii_lowercase())).collect());
            }
            bytes = decoded;
        }
        Self::Endless
    }

    fn could_be(&self, path: &Path) -> bool {
        let Self::Known(letters) = self else {
            return true;
        };
        let mut rest = letters.as_str();
        path.words().all(|word| match rest.split_once(word) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    }
}

/// Valid escapes decoded once, all else as it is.
fn decoded(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, others @ ..] = rest {
        match escaped(rest) {
            Some((byte, after)) => {
                decoded.push(byte);
                rest = after;
            }
            None => {
                decoded.push(*first);
                rest = others;
            }
        }
    }
    decoded
}

fn escaped(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, after @ ..] = bytes else {
        return None;
    };
    Some((hex(*high)? << 4 | hex(*low)?, after))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
