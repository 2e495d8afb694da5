//! What a request would bring about, and the body that is forwarded: one file an endpoint, from what the daemon
//! reads to effects, and from what was checked back to bytes. Does no I/O.
//!
//! ```text
//! body ─► docker::json (by the tables of docker::schema) ─► one file an endpoint ─► effects ─► policy::judge
//! checked body, ceilings ─► the same file ─► bytes, changes
//! ```

mod building;
pub mod buildkit;
pub mod changes;
mod cluster;
pub mod collect;
mod containers;
pub mod existing;
mod force;
mod forwarded;
mod images;
mod names;
mod networks;
mod podman;
mod query;
mod subnets;
mod volume_options;
mod volumes;

use building::build;
pub use building::build::{BuildBody, with_session};
pub use building::served::ServedBuild;
pub use changes::{Change, Changes};
pub use cluster::services::ServiceBody;
use cluster::{plugins, services, swarm};
pub use collect::BodyError;
pub use containers::cdi;
pub use containers::create::CreateBody;
pub use containers::exec::ExecBody;
pub use containers::reach::by_id;
pub use containers::start::StartBody;
pub use containers::update::UpdateBody;
use containers::{checkpoints, create, exec, reach, start, update};
pub use forwarded::{Excepted, Forwarded};
pub use images::CommitBody;
pub use query::as_read;
pub use volumes::VolumeBody;

use crate::docker::Endpoint;
use crate::docker::json::Object;
use crate::http::target::Target;
use crate::policy::effects::{RequestedEffect, Takeover};
use crate::policy::facts::Facts;
use crate::policy::review::{AskedImage, Purposes};
use crate::policy::{self, Checked, Inspected, Policy};

/// The body of a request to an inspected endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestBody {
    /// `POST /containers/create`.
    Create(CreateBody),
    /// `POST /containers/{id}/exec`.
    Exec(ExecBody),
    /// `POST /containers/{id}/update`.
    Update(UpdateBody),
    /// `POST /containers/{id}/start`.
    Start(StartBody),
    /// `POST /volumes/create`.
    Volume(VolumeBody),
    /// `POST /services/create` and `POST /services/{id}/update`.
    Service(ServiceBody),
    /// `POST /commit`.
    Commit(CommitBody),
    /// `POST /build`.
    Build(BuildBody),
    /// `POST /swarm/init`, `/swarm/update`, `/nodes/{id}/update`, `/networks/create`, `/networks/{id}/connect` or
    /// `/containers/{id}/checkpoints`.
    Fields(Object),
    /// `POST /images/create` of an image that is pulled.
    Pull(AskedImage),
    /// One that passes as it is: all that counts is in the head.
    Passes,
}

/// A request of which the head alone was read.
fn head_only(effects: Vec<RequestedEffect>) -> Inspected<RequestBody> {
    Inspected::new(RequestBody::Passes, effects)
}

/// The endpoint by what must be judged of it under this policy, and by what plugins are asked about: a
/// build may have to be read. `None` if no rule is about it, so that it passes as it is.
#[must_use]
pub fn inspection_mode(
    endpoint: Endpoint,
    target: &Target<'_>,
    policy: &Policy,
    reviewed: Purposes,
) -> Option<Endpoint> {
    Some(match endpoint {
        Endpoint::ImagePrune | Endpoint::ImageRemove if policy.images.is_empty() => return None,
        Endpoint::ContainerRestart if !policy.judges_starts() => return None,
        Endpoint::ContainerAttach if !policy.judges_reach() => return None,
        Endpoint::Session if !policy.judges_calls_to_buildkit() => return None,
        Endpoint::ContainerArchive if !policy.judges_files() && !policy.judges_images() => {
            return None;
        }
        Endpoint::ContainerRename | Endpoint::ConfigCreate if !policy.restricts() => {
            return None;
        }
        Endpoint::SwarmUpdate
        | Endpoint::SwarmUnlock
        | Endpoint::SwarmUnlockKey
        | Endpoint::NodeUpdate
            if !policy.can_be_taken_over() =>
        {
            return None;
        }
        Endpoint::Build
            if (reviewed.build || policy.reads_dockerfiles())
                && build::brings_dockerfile(target) =>
        {
            Endpoint::BuildContext
        }
        endpoint => endpoint,
    })
}

/// Reads the body of a request and says all that the request would bring about.
///
/// # Errors
/// [`BodyError`] if the daemon would refuse the body, or nobody can say what it would do: answered
/// with `400`.
pub fn read(
    endpoint: Endpoint,
    target: &Target<'_>,
    body: &[u8],
) -> Result<Inspected<RequestBody>, BodyError> {
    let read = parse(endpoint, target, body)?.and(podman::in_query(endpoint, target));
    Ok(read.and(query::unknown(endpoint, target)))
}

fn parse(
    endpoint: Endpoint,
    target: &Target<'_>,
    body: &[u8],
) -> Result<Inspected<RequestBody>, BodyError> {
    match endpoint {
        Endpoint::ContainerCreate => {
            let read = create::read(body)?.and(create::platform(target)).map(RequestBody::Create);
            Ok(read.and(names::in_query(target)))
        }
        Endpoint::ContainerExec => Ok(exec::read(target, body)?.map(RequestBody::Exec)),
        // Since 23 the daemon takes no body for one that says nothing, and 20.10 refuses it.
        Endpoint::ContainerUpdate | Endpoint::VolumeCreate if body.is_empty() => {
            Ok(head_only(Vec::new()))
        }
        Endpoint::ContainerUpdate => Ok(update::read(target, body)?.map(RequestBody::Update)),
        Endpoint::ContainerStart => Ok(start::read(target, body)?.map(RequestBody::Start)),
        Endpoint::ContainerRestart => Ok(head_only(start::effects_of_restart(target))),
        Endpoint::ContainerAttach => Ok(head_only(reach::effects_of_attach(target))),
        Endpoint::ContainerArchive => Ok(head_only(reach::effects_of_archive(target))),
        Endpoint::ContainerRename => Ok(head_only(names::effects_of_rename(target))),
        Endpoint::VolumeCreate => Ok(volumes::read(body)?.map(RequestBody::Volume)),
        Endpoint::Commit => Ok(images::read_commit(target, body)?.map(RequestBody::Commit)),
        Endpoint::Build => Ok(build::read(target)?.map(RequestBody::Build)),
        Endpoint::BuildContext => {
            Ok(build::read_with_context(target, body)?.map(RequestBody::Build))
        }
        Endpoint::BuildKit => Ok(head_only(build::effects_of_buildkit())),
        Endpoint::Session => Ok(head_only(build::effects_of_session())),
        Endpoint::Plugin => Ok(head_only(plugins::effects())),
        Endpoint::SecretCreate => Ok(swarm::read_secret(body)?.map(RequestBody::Fields)),
        Endpoint::ConfigCreate => Ok(swarm::read_config(body)?.map(RequestBody::Fields)),
        Endpoint::SwarmInit => Ok(swarm::read_init(body)?.map(RequestBody::Fields)),
        Endpoint::SwarmJoin => Ok(head_only(swarm::takeover(Takeover::Swarm))),
        Endpoint::SwarmUnlock => Ok(head_only(swarm::takeover(Takeover::SwarmUnlocked))),
        Endpoint::SwarmUnlockKey => Ok(head_only(swarm::takeover(Takeover::SwarmUnlockKey))),
        Endpoint::SwarmUpdate => Ok(swarm::read_update(body)?.map(RequestBody::Fields)),
        Endpoint::NodeUpdate => Ok(swarm::read_node(target, body)?.map(RequestBody::Fields)),
        Endpoint::ImageLoad => Ok(head_only(images::effects_of_load())),
        Endpoint::ImagePrune => Ok(head_only(images::effects_of_prune())),
        Endpoint::ImageRemove => images::read_removal(target).map(head_only),
        Endpoint::NetworkCreate => Ok(networks::read(body)?.map(RequestBody::Fields)),
        Endpoint::NetworkConnect => {
            Ok(networks::read_connect(target, body)?.map(RequestBody::Fields))
        }
        Endpoint::CheckpointCreate => Ok(checkpoints::read(body)?.map(RequestBody::Fields)),
        Endpoint::Checkpoints => checkpoints::read_query(target).map(head_only),
        Endpoint::ImageCreate => Ok(images::read_create(target)?
            .map(|pulled| pulled.map_or(RequestBody::Passes, RequestBody::Pull))),
        Endpoint::ImageTag => images::read_tag(target).map(head_only),
        Endpoint::ServiceCreate => {
            Ok(services::read_create(target, body)?.map(RequestBody::Service))
        }
        Endpoint::ServiceUpdate => {
            Ok(services::read_update(target, body)?.map(RequestBody::Service))
        }
    }
}

/// Appends the body that is forwarded, with all that the policy forces on it, and says what else is.
pub fn write(checked: Checked<RequestBody>, policy: &Policy, out: &mut Vec<u8>) -> Forwarded {
    render(checked, policy, &Facts::none(), out)
}

/// The same with what was learned for the judgement.
pub fn render(
    checked: Checked<RequestBody>,
    policy: &Policy,
    facts: &Facts,
    out: &mut Vec<u8>,
) -> Forwarded {
    let built_upon = match checked.body() {
        RequestBody::Build(_) => AskedImage::of_build(policy::images_in(checked.effects())),
        _ => Vec::new(),
    };
    let (body, granted) = checked.into_parts();
    // What an exception lifts is not forced away either.
    let policy = granted.as_ref().map_or(policy, |granted| &granted.policy);
    let excepted = granted.as_deref().map(|granted| Box::new(Excepted::from(granted)));
    Forwarded { excepted, built_upon, ..write_body(body, policy, facts, out) }
}

fn write_body(body: RequestBody, policy: &Policy, facts: &Facts, out: &mut Vec<u8>) -> Forwarded {
    match body {
        RequestBody::Create(body) => create::write(body, policy, facts, out),
        RequestBody::Exec(body) => exec::write(body, &policy.ceilings, out).into(),
        RequestBody::Update(body) => update::write(body, &policy.ceilings, facts, out).into(),
        RequestBody::Start(StartBody) => Forwarded::default(),
        RequestBody::Volume(body) => {
            volumes::write(&body, out);
            Forwarded::default()
        }
        RequestBody::Commit(body) => {
            images::write_commit(body, out);
            Forwarded::default()
        }
        RequestBody::Build(body) => build::write(body, &policy.ceilings, out),
        RequestBody::Fields(fields) => {
            fields.write(out);
            Forwarded::default()
        }
        RequestBody::Pull(image) => Forwarded { image: Some(image), ..Forwarded::default() },
        RequestBody::Passes => Forwarded::default(),
        RequestBody::Service(body) => {
            let image = body.image();
            Forwarded { image, ..services::write(body, &policy.ceilings, out).into() }
        }
    }
}
