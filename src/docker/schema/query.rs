//! The parameters that the daemon reads from the query of an inspected endpoint.
//!
//! Sources: the handlers of the daemon, and its published description; `tests/coverage.rs` compares
//! the two.

use super::reasons::{
    CGROUP_PARENT, CPU, ENVIRONMENT, HOST_PATH, IMAGE, LIFE, MEMORY, NAME, NAMED, NETWORK_JOINED,
    RESOURCE, SECURITY_OPTION, STREAMS,
};
use super::stance::{Power, Stance};

/// One parameter of a query. The daemon matches its name to the letter.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What the firewall does with it.
    pub stance: Stance,
    /// Whether the daemon reads every value (`r.Form[name]` in its handlers); of others it reads the first.
    pub is_list: bool,
}

macro_rules! parameters {
    ($($name:literal $($list:ident)?: $stance:expr;)*) => {
        &[$(Parameter {
            name: $name,
            stance: $stance,
            is_list: matches!(stringify!($($list)?).as_bytes(), b"list"),
        }),*]
    };
}

pub(crate) const CONTAINER_CREATE: &[Parameter] =
    parameters! { "name": NAME; "platform": BUILD_THAT_RUNS; };
pub(crate) const CONTAINER_RESTART: &[Parameter] = parameters! { "t": LIFE; "signal": LIFE; };
pub(crate) const CONTAINER_RENAME: &[Parameter] = parameters! { "name": NAME; };
pub(crate) const CHECKPOINTS: &[Parameter] = parameters! { "dir": HOST_PATH; };
pub(crate) const IMAGE_TAG: &[Parameter] = parameters! { "repo": IMAGE; "tag": IMAGE; };
// 29 loads several platforms of an archive, others the first.
pub(crate) const IMAGE_LOAD: &[Parameter] =
    parameters! { "quiet": STREAMS; "platform" list: PLATFORM; };
pub(crate) const IMAGE_PRUNE: &[Parameter] = parameters! { "filters": REMOVED; };
pub(crate) const IMAGE_REMOVE: &[Parameter] =
    parameters! { "force": REMOVED; "noprune": REMOVED; "platforms" list: REMOVED; };
pub(crate) const NODE_UPDATE: &[Parameter] = parameters! { "version": LIFE; };

/// What the build of an image for that platform brings along is judged.
const BUILD_THAT_RUNS: Stance = Stance::Checked(&[Power::User]);

const PLATFORM: Stance = Stance::Harmless(
    "which build of an image is taken; the image is judged by its name and content",
);

const REMOVED: Stance =
    Stance::Harmless("which images are removed; one that loses a forbidden name stays forbidden");

pub(crate) const CONTAINER_ATTACH: &[Parameter] = parameters! {
    "detachKeys": STREAMS;
    "logs": STREAMS;
    "stream": STREAMS;
    "stdin": Stance::Checked(&[Power::User, Power::Privileged]);
    "stdout": STREAMS;
    "stderr": STREAMS;
};

pub(crate) const CONTAINER_ARCHIVE: &[Parameter] = parameters! {
    "path": INSIDE_ITS_MOUNTS;
    "noOverwriteDirNonDir": STREAMS;
    "copyUIDGID": STREAMS;
};

const INSIDE_ITS_MOUNTS: Stance = Stance::Harmless(
    "which files of the container; links within it may lead to any of its mounts, so that all of \
     them are judged, whatever the path",
);

pub(crate) const CONTAINER_START: &[Parameter] = parameters! {
    "detachKeys": STREAMS;
    "checkpoint": NAMED;
    "checkpoint-dir": Stance::Checked(&[Power::HostPath, Power::Privileged]);
};

pub(crate) const IMAGE_CREATE: &[Parameter] = parameters! {
    "fromImage": IMAGE;
    "fromSrc": PODMANS;
    "repo": IMAGE;
    "tag": IMAGE;
    "message": NAMED;
    "inputImage": FETCHED;
    "changes" list: ENVIRONMENT;
    "platform": PLATFORM;
};

/// Harmless as Docker reads it; Podman can be told more by it.
const PODMANS: Stance = Stance::Checked(&[Power::Podman]);

const FETCHED: Stance = Stance::Harmless(
    "where the content of a new image comes from; it is judged by the name that it gets",
);

pub(crate) const COMMIT: &[Parameter] = parameters! {
    "container": FETCHED;
    "repo": IMAGE;
    "tag": IMAGE;
    "comment": NAMED;
    "author": NAMED;
    "pause": LIFE;
    "changes" list: ENVIRONMENT;
};

pub(crate) const BUILD: &[Parameter] = parameters! {
    "dockerfile": PODMANS;
    "t" list: IMAGE;
    "extrahosts" list: CONTEXT;
    "remote": Stance::Checked(&[Power::Build]);
    "q": STREAMS;
    "nocache": CONTEXT;
    "cachefrom": IMAGE;
    "pull": CONTEXT;
    "rm": LIFE;
    "forcerm": LIFE;
    "memory": MEMORY;
    "memswap": MEMORY;
    "cpushares": RESOURCE;
    "cpusetcpus": RESOURCE;
    "cpusetmems": RESOURCE;
    "cpuperiod": CPU;
    "cpuquota": CPU;
    "shmsize": RESOURCE;
    "ulimits": RESOURCE;
    "buildargs": BUILD_ARGUMENTS;
    "squash": CONTEXT;
    "labels": NAMED;
    "networkmode": NETWORK_JOINED;
    "cgroupparent": CGROUP_PARENT;
    "securityopt" list: SECURITY_OPTION;
    "isolation": PODMANS;
    "platform": PLATFORM;
    "target": CONTEXT;
    "outputs": IMAGE;
    "version": CONTEXT;
    "session": STREAMS;
    "buildid": NAMED;
};

/// Build arguments are variables, and one of them names an image.
const BUILD_ARGUMENTS: Stance = Stance::Checked(&[Power::Environment, Power::Image]);

const CONTEXT: Stance = Stance::Harmless(
    "which steps run, and upon what: to build at all is a rule of its own (`builds`), because the \
     steps can't be seen",
);

pub(crate) const PLUGIN: &[Parameter] = parameters! {
    "remote": TAKEOVER;
    "name": TAKEOVER;
    "timeout": TAKEOVER;
};

const TAKEOVER: Stance =
    Stance::Harmless("the request is refused under any restriction, whatever it says");

pub(crate) const SWARM_UPDATE: &[Parameter] = parameters! {
    "version": LIFE;
    "rotateWorkerToken": ROTATED;
    "rotateManagerToken": ROTATED;
    "rotateManagerUnlockKey": ROTATED;
};

const ROTATED: Stance =
    Stance::Harmless("has the daemon make a token or key at random, which no answer shows");

pub(crate) const SERVICE_UPDATE: &[Parameter] = parameters! {
    "version": LIFE;
    "registryAuthFrom": NAMED;
    "rollback": Stance::Checked(&[Power::PreviousSpec]);
};
