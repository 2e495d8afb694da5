//! The parameters that the daemon reads from the query of an inspected endpoint.
//!
//! Sources: the handlers of the daemon, and its published description; `tests/coverage.rs` compares
//! the two.

use super::reasons::{
    CGROUP_PARENT, CPU, ENVIRONMENT, HOST_PATH, IMAGE, LIFE, MEMORY, NAME, NAMED, NETWORK_JOINED,
    RESOURCE, SECURITY_OPTION, STREAMS,
};
use super::stance::{Power, Stance};
use crate::docker::routes::Endpoint;

/// One parameter of a query. The daemon matches its name to the letter.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What the firewall does with it.
    pub stance: Stance,
}

macro_rules! parameters {
    ($($name:literal: $stance:expr;)*) => {
        &[$(Parameter { name: $name, stance: $stance }),*]
    };
}

/// The parameters of requests to `endpoint`.
#[must_use]
pub fn of(endpoint: Endpoint) -> &'static [Parameter] {
    match endpoint {
        Endpoint::ContainerCreate => parameters! { "name": NAME; "platform": BUILD_THAT_RUNS; },
        Endpoint::ContainerStart => START,
        Endpoint::ContainerRestart => parameters! { "t": LIFE; "signal": LIFE; },
        Endpoint::ContainerRename => parameters! { "name": NAME; },
        Endpoint::ContainerAttach => ATTACH,
        Endpoint::ContainerArchive => ARCHIVE,
        Endpoint::ImageCreate => IMAGE_CREATE,
        Endpoint::ImageTag => parameters! { "repo": IMAGE; "tag": IMAGE; },
        Endpoint::Commit => COMMIT,
        Endpoint::Build | Endpoint::BuildContext => BUILD,
        Endpoint::Plugin => PLUGIN,
        Endpoint::Checkpoints => parameters! { "dir": HOST_PATH; },
        Endpoint::ServiceUpdate => SERVICE_UPDATE,
        Endpoint::ImageLoad => parameters! { "quiet": STREAMS; "platform": PLATFORM; },
        Endpoint::ImagePrune => parameters! { "filters": REMOVED; },
        Endpoint::ImageRemove => {
            parameters! { "force": REMOVED; "noprune": REMOVED; "platforms": REMOVED; }
        }
        Endpoint::SwarmUpdate => SWARM_UPDATE,
        Endpoint::NodeUpdate => parameters! { "version": LIFE; },
        Endpoint::ContainerExec
        | Endpoint::ContainerUpdate
        | Endpoint::VolumeCreate
        | Endpoint::BuildKit
        | Endpoint::Session
        | Endpoint::SwarmInit
        | Endpoint::SecretCreate
        | Endpoint::ConfigCreate
        | Endpoint::SwarmJoin
        | Endpoint::SwarmUnlock
        | Endpoint::SwarmUnlockKey
        | Endpoint::NetworkCreate
        | Endpoint::NetworkConnect
        | Endpoint::CheckpointCreate
        | Endpoint::ServiceCreate => &[],
    }
}

/// Those of them of which the daemon reads every value (`r.Form[name]` in its handlers); of each other
/// one it reads the first.
#[must_use]
pub fn lists_of(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::Build | Endpoint::BuildContext => &["t", "extrahosts", "securityopt"],
        Endpoint::ImageCreate | Endpoint::Commit => &["changes"],
        // 29 loads several platforms of an archive, others the first.
        Endpoint::ImageLoad => &["platform"],
        Endpoint::ImageRemove => &["platforms"],
        _ => &[],
    }
}

/// What the build of an image for that platform brings along is judged.
const BUILD_THAT_RUNS: Stance = Stance::Checked(&[Power::User]);

const PLATFORM: Stance = Stance::Harmless(
    "which build of an image is taken; the image is judged by its name and content",
);

const REMOVED: Stance =
    Stance::Harmless("which images are removed; one that loses a forbidden name stays forbidden");

const ATTACH: &[Parameter] = parameters! {
    "detachKeys": STREAMS;
    "logs": STREAMS;
    "stream": STREAMS;
    "stdin": Stance::Checked(&[Power::User, Power::Privileged]);
    "stdout": STREAMS;
    "stderr": STREAMS;
};

const ARCHIVE: &[Parameter] = parameters! {
    "path": INSIDE_ITS_MOUNTS;
    "noOverwriteDirNonDir": STREAMS;
    "copyUIDGID": STREAMS;
};

const INSIDE_ITS_MOUNTS: Stance = Stance::Harmless(
    "which files of the container; links within it may lead to any of its mounts, so that all of \
     them are judged, whatever the path",
);

const START: &[Parameter] = parameters! {
    "detachKeys": STREAMS;
    "checkpoint": NAMED;
    "checkpoint-dir": Stance::Checked(&[Power::HostPath, Power::Privileged]);
};

const IMAGE_CREATE: &[Parameter] = parameters! {
    "fromImage": IMAGE;
    "fromSrc": PODMANS;
    "repo": IMAGE;
    "tag": IMAGE;
    "message": NAMED;
    "inputImage": FETCHED;
    "changes": ENVIRONMENT;
    "platform": PLATFORM;
};

/// Harmless as Docker reads it; Podman can be told more by it.
const PODMANS: Stance = Stance::Checked(&[Power::Podman]);

const FETCHED: Stance = Stance::Harmless(
    "where the content of a new image comes from; it is judged by the name that it gets",
);

const COMMIT: &[Parameter] = parameters! {
    "container": FETCHED;
    "repo": IMAGE;
    "tag": IMAGE;
    "comment": NAMED;
    "author": NAMED;
    "pause": LIFE;
    "changes": ENVIRONMENT;
};

const BUILD: &[Parameter] = parameters! {
    "dockerfile": PODMANS;
    "t": IMAGE;
    "extrahosts": CONTEXT;
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
    "securityopt": SECURITY_OPTION;
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

const PLUGIN: &[Parameter] = parameters! {
    "remote": TAKEOVER;
    "name": TAKEOVER;
    "timeout": TAKEOVER;
};

const TAKEOVER: Stance =
    Stance::Harmless("the request is refused under any restriction, whatever it says");

const SWARM_UPDATE: &[Parameter] = parameters! {
    "version": LIFE;
    "rotateWorkerToken": ROTATED;
    "rotateManagerToken": ROTATED;
    "rotateManagerUnlockKey": ROTATED;
};

const ROTATED: Stance =
    Stance::Harmless("has the daemon make a token or key at random, which no answer shows");

const SERVICE_UPDATE: &[Parameter] = parameters! {
    "version": LIFE;
    "registryAuthFrom": NAMED;
    "rollback": Stance::Checked(&[Power::PreviousSpec]);
};
