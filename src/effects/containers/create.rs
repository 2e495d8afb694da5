//! `POST /containers/create`: the body to effects, and the checked body to bytes.
//!
//! Field names are those of the Engine API. What is said of the daemon was seen on 20.10.24 or
//! stands in its source and in that of 29.7.2.

mod containers;
mod force;
mod isolation;
mod legacy;
mod mounts;
mod ports;
mod security;

use crate::docker::json::Object;
use crate::docker::routes;
use crate::effects::building::dockerfile;
use crate::effects::collect::{BodyError, Effects, HOSTNAME};
use crate::effects::containers::log_driver;
use crate::effects::forwarded::Forwarded;
use crate::effects::podman;
use crate::http::target::{Target, query_pairs};
use crate::image::ImageRef;
use crate::policy::effects::{
    Effect, EnvironmentEffect, FieldPath, Holder, IdentityEffect, ImageEffect, PrivilegeEffect,
    RequestedEffect, RuntimeEffect,
};
use crate::policy::facts::Facts;
use crate::policy::platform::AskedPlatform;
use crate::policy::review::{AskedImage, Purpose};
use crate::policy::types::UserSpec;
use crate::policy::versions::ApiVersion;
use crate::policy::{Inspected, Policy};

/// The body of a request to create a container: canonical, with all of `HostConfig` in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateBody(Object);

impl CreateBody {
    /// The image that would run.
    pub(in crate::effects) fn image(&self) -> Option<AskedImage> {
        asked_image(&self.0, Purpose::Create)
    }
}

/// The image that these fields name.
pub(in crate::effects) fn asked_image(fields: &Object, purpose: Purpose) -> Option<AskedImage> {
    let given = fields.text("Image")?.to_owned();
    let image = ImageRef::parse(&given).ok()?;
    Some(AskedImage { purpose, given, image, every_tag: false })
}

/// Reads a body and says all that it would bring about.
///
/// # Errors
/// [`BodyError`] if the daemon would refuse the body, or nobody can say what it would do.
pub(in crate::effects) fn read(body: &[u8]) -> Result<Inspected<CreateBody>, BodyError> {
    let mut effects = Effects::default();
    let mut fields = legacy::read(body, &mut effects)?;
    legacy::settle_host_config(&mut fields);
    collect(&fields, &mut effects)?;
    Ok(Inspected::new(CreateBody(fields), effects.into_asked()))
}

/// The client's own file for the identifier, which no Docker Engine touches. Podman removes a file of that
/// path with the container.
fn leave_out_file(fields: &mut Object, policy: &Policy) {
    let file = fields.object("HostConfig").and_then(|host| host.text("ContainerIDFile"));
    // Docker's client always has the field, and mostly nothing in it.
    if file.is_some_and(|file| !file.is_empty()) && policy.restricts() {
        fields.object_mut("HostConfig").take("ContainerIDFile");
    }
}

/// Appends the body with all that is forced, and says what that changed. Only a checked body comes
/// here: see [`super::write`].
pub(in crate::effects) fn write(
    body: CreateBody,
    policy: &Policy,
    facts: &Facts,
    out: &mut Vec<u8>,
) -> Forwarded {
    let image = body.image();
    let CreateBody(mut fields) = body;
    leave_out_file(&mut fields, policy);
    let mut changes = force::force(&mut fields, policy);
    containers::pin(&mut fields, facts, &mut changes);
    let image_at = fields.write_and_find("Image", out);
    Forwarded { changes, image, image_at, ..Forwarded::default() }
}

/// The first version in which the daemon reads `platform`.
const PLATFORM_SINCE: ApiVersion = ApiVersion::new(1, 41);

/// The platform that the query asks for. Of several the daemon takes the first; a query that can't be
/// read it refuses.
pub(in crate::effects) fn platform(target: &Target<'_>) -> Option<RequestedEffect> {
    let version = routes::api_version(target.path());
    if version.is_some_and(|version| version < PLATFORM_SINCE) {
        return None;
    }
    let mut pairs = query_pairs(target.query().unwrap_or_default()).flatten();
    let (_, platform) = pairs.find(|(name, _)| name == "platform")?;
    let effect = || Effect::Image(ImageEffect::Platform(Box::new(AskedPlatform::parse(&platform))));
    (!platform.is_empty())
        .then(|| RequestedEffect { effect: effect(), at: FieldPath::Field("?platform") })
}

const IMAGE: FieldPath = FieldPath::Field("Image");
const USER: FieldPath = FieldPath::Field("User");

fn collect(fields: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    image(fields, effects)?;
    user(fields, effects)?;
    let host_config = fields.object("HostConfig");
    host_config.into_iter().for_each(|host| {
        effects.push_groups(host, "GroupAdd", "HostConfig.GroupAdd");
    });
    effects.push_environment(fields)?;
    defaults(fields, effects);
    effects.push(EnvironmentEffect::OfImage(Holder::Daemon), FieldPath::Field("Env"));
    // An image that is made of the container inherits them.
    dockerfile::read_triggers(fields, effects);
    let runtime = host_config.and_then(|host| host.text("Runtime")).unwrap_or_default();
    effects
        .push(RuntimeEffect::Runtime(runtime.to_owned()), FieldPath::Field("HostConfig.Runtime"));
    if let Some(host) = host_config {
        if host.is_true("Privileged") {
            effects.push(PrivilegeEffect::Privileged, FieldPath::Field("HostConfig.Privileged"));
        }
        ports::effects(host, effects)?;
        mounts::effects(host, effects)?;
        isolation::effects(host, effects)?;
        security::effects(host, effects)?;
        log_driver(host, effects)?;
    }
    podman::in_container(fields, effects);
    ports::endpoints(fields, effects)
}

/// The variables that the daemon makes of other fields.
fn defaults(fields: &Object, effects: &mut Effects) {
    if let Some(name) = fields.text("Hostname").filter(|name| !name.is_empty()) {
        effects.push_default(fields, HOSTNAME, Some(name.to_owned()), FieldPath::Field("Hostname"));
    }
    if fields.is_true("Tty") {
        effects.push_term(fields, FieldPath::Field("Tty"));
    }
}

/// Without an image the daemon makes a container of nothing, as which nobody can say what runs.
fn image(fields: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    match fields.text("Image").unwrap_or_default() {
        "" => Err(BodyError::Value { at: IMAGE, reason: "no image is named".to_owned() }),
        image => effects.push_parsed(ImageRef::parse(image), ImageEffect::Used, IMAGE),
    }
}

const LOG: log_driver::Fields = log_driver::Fields {
    name: "HostConfig.LogConfig.Type",
    options: "HostConfig.LogConfig.Config",
};

fn log_driver(host: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    host.object("LogConfig").map_or(Ok(()), |log| {
        let name = log.text("Type").unwrap_or_default();
        log_driver::effects((name, log.object("Config")), &LOG, effects)
    })
}

fn user(fields: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    match fields.text("User").unwrap_or_default() {
        "" => {
            effects.push(IdentityEffect::ImageUser(Holder::Daemon), USER);
            Ok(())
        }
        user => effects.push_parsed(UserSpec::parse(user), IdentityEffect::User, USER),
    }
}

#[cfg(test)]
mod tests;
