//! Why an endpoint has no field for an effect: every empty cell of the table.

use secdocker::docker::Endpoint;
use secdocker::docker::schema::Power;

const IN_A_CONTAINER: &str = "works in a container that exists: what that has of the host was judged \
                              when it was created, and no field changes it";
const NOTHING_RUNS: &str = "nothing runs by it, and it names no such thing";
const TAKEOVER: &str = "counts as every effect at once: refused under any restriction";
const BUILDS: &str = "the steps have no such parameter; what they do can't be seen, which is what \
                      `builds` is about";
const LATER: &str = "a user that an image names is judged when the image runs";

/// Kinds that are of a request as a whole, where they are, and why nowhere else.
pub(crate) const OF_REQUESTS: [(Power, &str); 7] = [
    (Power::Build, "`POST /build` and `POST /grpc`: no other route builds"),
    (
        Power::Takeover,
        "`POST /plugins/…`, `POST /swarm/…`, `GET /swarm/unlockkey`, `POST /nodes/{id}/update`: no other \
         route gives control away at once",
    ),
    (
        Power::CpuTime,
        "`CpuQuota` and `CpuPeriod` of a container's update, forced in the way in which it is limited \
         already: nothing else changes a limit",
    ),
    (Power::PreviousSpec, "`?rollback` of a service's update: nothing else keeps what was before"),
    (
        Power::Version,
        "the version in the path of a service, below which the daemon drops capabilities and security \
         options; all other bodies are judged as if the newest daemon read them",
    ),
    (
        Power::Name,
        "the name of whatever is made or renamed: no other route names anything that the daemon looks for",
    ),
    (Power::Unknown, "every inspected endpoint: any key or parameter that no table has"),
];

/// The reason, for a pair of which no table has a row.
pub(crate) fn reason(endpoint: Endpoint, power: Power) -> &'static str {
    match (endpoint, power) {
        (
            Endpoint::Plugin
            | Endpoint::SwarmJoin
            | Endpoint::SwarmUnlock
            | Endpoint::SwarmUnlockKey,
            _,
        ) => TAKEOVER,
        (
            Endpoint::ContainerExec
            | Endpoint::ContainerUpdate
            | Endpoint::ContainerStart
            | Endpoint::ContainerRestart
            | Endpoint::ContainerAttach,
            _,
        ) => IN_A_CONTAINER,
        (Endpoint::ServiceCreate | Endpoint::ServiceUpdate, power) => service(power),
        (Endpoint::Build | Endpoint::BuildContext | Endpoint::BuildKit | Endpoint::Session, _) => {
            BUILDS
        }
        (Endpoint::ContainerCreate, _) => "no field of any version",
        (Endpoint::Commit | Endpoint::ImageCreate | Endpoint::ImageLoad, Power::User) => LATER,
        (
            Endpoint::VolumeCreate
            | Endpoint::ImageCreate
            | Endpoint::ImageLoad
            | Endpoint::ImagePrune
            | Endpoint::ImageRemove
            | Endpoint::ImageTag
            | Endpoint::Commit
            | Endpoint::SwarmInit
            | Endpoint::SwarmUpdate
            | Endpoint::NodeUpdate
            | Endpoint::SecretCreate
            | Endpoint::ConfigCreate
            | Endpoint::ContainerArchive
            | Endpoint::ContainerRename
            | Endpoint::NetworkCreate
            | Endpoint::NetworkConnect
            | Endpoint::CheckpointCreate
            | Endpoint::Checkpoints,
            _,
        ) => NOTHING_RUNS,
    }
}

fn service(power: Power) -> &'static str {
    match power {
        Power::Privileged => "services have no privileged mode in any version",
        Power::Device => "services ask for generic resources by name, which are no devices",
        Power::Runtime => "a task runs under the node's default runtime",
        Power::VolumesFrom => "a task takes no mounts of another container",
        Power::CgroupParent => "a task runs below the daemon's own control group",
        _ => "no field of any version",
    }
}
