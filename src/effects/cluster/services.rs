//! `POST /services/create` and `POST /services/{id}/update`: the body to effects, and the checked
//! body to bytes.
//!
//! A service is a container on any node of a swarm, this one among them. What is said of the daemon
//! was seen on 20.10.24 or stands in its source and in that of 29.7.2. Values in which the node
//! expands Go templates count as unknown when they hold one.

mod drivers;
mod fields;
mod force;
mod mounts;
mod networks;
mod privileges;

use crate::docker::json::Object;
use crate::docker::routes::{self, name_between};
use crate::docker::schema::SERVICE;
use crate::effects::changes::Changes;
use crate::effects::cluster::swarm::version_in;
use crate::effects::collect::{BodyError, Effects, HOSTNAME, objects, texts};
use crate::effects::containers::create;
use crate::effects::names;
use crate::http::target::{self, Target};
use crate::image::ImageRef;
use crate::policy::Inspected;
use crate::policy::ceilings::Ceilings;
use crate::policy::effects::{
    Device, Effect, EnvironmentEffect, ExistingEffect, FieldPath, Holder, IdentityEffect,
    ImageEffect, PrivilegeEffect, ReadingEffect, RequestedEffect, RuntimeEffect,
};
use crate::policy::platform::AskedPlatform;
use crate::policy::review::{AskedImage, Purpose};
use crate::policy::types::{Capability, EnvironmentEntry, UserSpec};

use fields::{CONTAINER, TASK, is_template};

/// The body of a request to create or update a service, canonical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceBody(Object);

const IMAGE: FieldPath = FieldPath::Field("TaskTemplate.ContainerSpec.Image");
const USER: FieldPath = FieldPath::Field("TaskTemplate.ContainerSpec.User");
const ENV: &str = "TaskTemplate.ContainerSpec.Env";
const RUNTIME: FieldPath = FieldPath::Field("TaskTemplate.Runtime");

impl ServiceBody {
    /// The image that would run.
    pub(in crate::effects) fn image(&self) -> Option<AskedImage> {
        create::asked_image(self.0.object(TASK)?.object(CONTAINER)?, Purpose::Service)
    }
}

/// Reads the body of a creation and says all that it would bring about.
///
/// # Errors
/// [`BodyError`] if the daemon would refuse the body, or nobody can say what it would do.
pub(in crate::effects) fn read_create(
    target: &Target<'_>,
    body: &[u8],
) -> Result<Inspected<ServiceBody>, BodyError> {
    read(target, body, Effects::default())
}

/// Reads the body and the query of an update.
///
/// # Errors
/// As [`read_create`]; also for a query that can't be read.
pub(in crate::effects) fn read_update(
    target: &Target<'_>,
    body: &[u8],
) -> Result<Inspected<ServiceBody>, BodyError> {
    let mut effects = Effects::default();
    rollback(target, &mut effects)?;
    read(target, body, effects)
}

fn read(
    target: &Target<'_>,
    body: &[u8],
    mut effects: Effects,
) -> Result<Inspected<ServiceBody>, BodyError> {
    let fields = effects.fields(body, &SERVICE)?;
    let version = routes::api_version(target.path());
    effects.push(ReadingEffect::ServiceVersion(version), FieldPath::Field("the API version"));
    names::push("service", &fields, &mut effects);
    service(&fields, &mut effects)?;
    Ok(Inspected::new(ServiceBody(fields), effects.into_asked()))
}

/// Appends the body with all that is forced, and says what that changed. Only a checked body comes
/// here: see [`super::write`].
pub(in crate::effects) fn write(
    body: ServiceBody,
    ceilings: &Ceilings,
    out: &mut Vec<u8>,
) -> Changes {
    let ServiceBody(mut fields) = body;
    let changes = force::force(&mut fields, ceilings);
    fields.write(out);
    changes
}

/// Reads a specification that the daemon holds: what it would bring about, and the fields of it that
/// `ceilings` would change. `None` if it can't be read.
pub(in crate::effects) fn read_stored(
    spec: &[u8],
    ceilings: &Ceilings,
) -> Option<(Vec<RequestedEffect>, Vec<&'static str>)> {
    let mut effects = Effects::default();
    let mut fields = effects.fields(spec, &SERVICE).ok()?;
    service(&fields, &mut effects).ok()?;
    let forced = force::force(&mut fields, ceilings);
    Some((effects.into_asked(), forced.iter().map(|change| change.field).collect()))
}

/// `rollback=previous` puts the specification before this one in place of the body. Of the one that
/// is replaced the daemon otherwise takes nothing but the registry's credentials.
fn rollback(target: &Target<'_>, effects: &mut Effects) -> Result<(), BodyError> {
    let at = || FieldPath::Field("?rollback");
    let mut returns = false;
    for pair in target::query_pairs(target.query().unwrap_or_default()) {
        let (key, value) =
            pair.map_err(|error| BodyError::Value { at: at(), reason: error.to_string() })?;
        returns |= key == "rollback" && !matches!(value.as_str(), "" | "none");
    }
    if returns {
        let service = name_between(target.path(), "/services/", "/update").to_owned();
        let version = version_in(target)?;
        effects.push(ExistingEffect::PreviousSpec { service, version }, at());
    }
    Ok(())
}

fn service(fields: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    networks::effects("Networks", fields, effects);
    if let Some(endpoint) = fields.object("EndpointSpec") {
        networks::ports(endpoint, effects)?;
    }
    let nothing = Object::default();
    let task = fields.object(TASK).unwrap_or(&nothing);
    networks::effects("TaskTemplate.Networks", task, effects);
    runtime(task)?;
    drivers::log_driver(task, effects)?;
    generic_resources(task, effects);
    platforms(task, effects);
    container(task.object(CONTAINER).unwrap_or(&nothing), effects)
}

/// The platforms of the nodes on which it may run. One without an architecture is any.
fn platforms(task: &Object, effects: &mut Effects) {
    let nothing = Object::default();
    for (at, platform) in objects(task.object("Placement").unwrap_or(&nothing), "Platforms") {
        let part = |name| platform.text(name).filter(|part| !part.is_empty());
        if let Some(architecture) = part("Architecture") {
            let os = part("OS").unwrap_or("linux");
            let asked = AskedPlatform::parse(&format!("{os}/{architecture}"));
            let place = FieldPath::Element("TaskTemplate.Placement.Platforms", at);
            effects.push(ImageEffect::Platform(Box::new(asked)), place);
        }
    }
}

/// The daemon knows two more: `plugin` installs a plugin, which has all rights on the host, and
/// `attachment` is refused by all daemons.
fn runtime(task: &Object) -> Result<(), BodyError> {
    match task.text("Runtime").unwrap_or_default() {
        "" | "container" => Ok(()),
        _ => {
            let reason = "only containers can be checked, no plugins or attachments".to_owned();
            Err(BodyError::Value { at: RUNTIME, reason })
        }
    }
}

fn container(container: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    match container.text("Image").unwrap_or_default() {
        "" => {
            return Err(BodyError::Value { at: IMAGE, reason: "no image is named".to_owned() });
        }
        image => effects.push_parsed(ImageRef::parse(image), ImageEffect::Used, IMAGE)?,
    }
    match container.text("User").unwrap_or_default() {
        "" => effects.push(IdentityEffect::ImageUser(Holder::Registry), USER),
        user => effects.push_parsed(UserSpec::parse(user), IdentityEffect::User, USER)?,
    }
    effects.push_groups(container, "Groups", "TaskTemplate.ContainerSpec.Groups");
    effects.push(EnvironmentEffect::OfImage(Holder::Registry), FieldPath::Field(ENV));
    // Nothing in a specification chooses one.
    effects.push(RuntimeEffect::Runtime(String::new()), RUNTIME);
    for (at, entry) in texts(container, "Env") {
        variable(entry, FieldPath::Element(ENV, at), effects)?;
    }
    defaults(container, effects);
    mounts::effects(container, effects)?;
    privileges::effects(container, effects)?;
    isolation(container, effects);
    Ok(())
}

/// The variables that the daemon makes of other fields.
fn defaults(container: &Object, effects: &mut Effects) {
    if let Some(name) = container.text("Hostname").filter(|name| !name.is_empty()) {
        let value = (!is_template(name)).then(|| name.to_owned());
        let at = FieldPath::Field("TaskTemplate.ContainerSpec.Hostname");
        effects.push_default(container, HOSTNAME, value, at);
    }
    if container.is_true("TTY") {
        effects.push_term(container, FieldPath::Field("TaskTemplate.ContainerSpec.TTY"));
    }
}

/// Only the value of a variable is expanded.
fn variable(entry: &str, at: FieldPath, effects: &mut Effects) -> Result<(), BodyError> {
    let entry = EnvironmentEntry::parse(entry)
        .map_err(|error| BodyError::Value { at: at.clone(), reason: error.to_string() })?;
    if is_template(entry.name()) {
        let reason = "a template in the name of a variable".to_owned();
        return Err(BodyError::Value { at, reason });
    }
    let effect = match entry.value().is_some_and(is_template) {
        true => Effect::Environment(EnvironmentEffect::Template(entry.name().to_owned())),
        false => Effect::Environment(EnvironmentEffect::Set(entry)),
    };
    effects.push(effect, at);
    Ok(())
}

/// A capability that cannot be one is refused by the daemon, and none.
fn isolation(container: &Object, effects: &mut Effects) {
    for (at, text) in texts(container, "CapabilityAdd") {
        if let Ok(capability) = Capability::parse(text) {
            let place = FieldPath::Element("TaskTemplate.ContainerSpec.CapabilityAdd", at);
            effects.push(PrivilegeEffect::Capability(capability), place);
        }
    }
    for (name, _) in container.object("Sysctls").into_iter().flat_map(Object::iter) {
        let place = FieldPath::Entry("TaskTemplate.ContainerSpec.Sysctls", name.to_owned());
        effects.push(RuntimeEffect::Sysctl(name.replace('/', ".")), place);
    }
}

/// What a node is said to have, such as GPUs: a vendor's runtime gives it to who asks.
fn generic_resources(task: &Object, effects: &mut Effects) {
    const AT: &str = "TaskTemplate.Resources.Reservations.GenericResources";
    let reserved = task.object("Resources").and_then(|resources| resources.object("Reservations"));
    for (at, resource) in
        reserved.into_iter().flat_map(|reserved| objects(reserved, "GenericResources"))
    {
        for field in ["NamedResourceSpec", "DiscreteResourceSpec"] {
            let kind =
                resource.object(field).and_then(|spec| spec.text("Kind")).unwrap_or_default();
            let kind = kind.to_ascii_lowercase();
            let implied = kind.contains("gpu").then(|| "gpu".to_owned());
            for name in implied.into_iter().chain(Some(kind).filter(|kind| !kind.is_empty())) {
                effects.push(
                    PrivilegeEffect::Device(Device::Request(name)),
                    FieldPath::Inside(AT, at, field),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
