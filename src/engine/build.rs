//! `POST /build` and `POST /grpc`: building images.
//!
//! All that is judged stands in the query; the context, an archive that may be large, passes as it
//! is. What is not seen:
//! - the Dockerfile, in the context or at `remote`: its `FROM`, `COPY --from`, `ENV` and `USER`. A
//!   forbidden image that is at the daemon, or can be had, may be built upon. Its steps run as root.
//! - with BuildKit (`version=2`) limits of memory and CPU have no effect on steps, to the daemon
//!   (seen on 20.10), so that `general` does not hold for them; through `/grpc` nothing is seen.
//!
//! Whoever cannot accept that forbids builds.

use super::Forwarded;
use super::changes::Changes;
use super::effects::{BodyError, Effects, objects};
use super::json::{self, Object};
use super::query::Query;
use super::schema::BUILD;
use crate::http::target::Target;
use crate::image::ImageRef;
use crate::policy::Inspected;
use crate::policy::ceilings::{Ceilings, CpuAsk, MemoryAsk};
use crate::policy::effects::{
    Asked, Builder, Effect, ImageNames, Namespace, NamespaceKind, Place, SharedWith,
};
use crate::policy::types::{EnvironmentEntry, SecurityOption};

/// The parameters that the daemon reads as lists.
const LISTS: [&str; 3] = ["t", "extrahosts", "securityopt"];
const BUILD_ARGS: &str = "?buildargs";
const NETWORK_MODE: Place = Place::Field("?networkmode");
const CGROUP_PARENT: Place = Place::Field("?cgroupparent");

/// What a request to build says in its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildQuery {
    /// The path as it was sent.
    path: String,
    query: Query,
}

/// Reads the query of `POST /build`.
pub(super) fn read(target: &Target<'_>) -> Result<Inspected<BuildQuery>, BodyError> {
    let query = Query::read(target, &LISTS)?;
    let mut effects = Effects::default();
    effects.push(Effect::Build(Builder::Request), Place::Field("build"));
    isolation(&query, &mut effects);
    for option in query.all("securityopt") {
        let place = Place::Field("?securityopt");
        effects.push_parsed(SecurityOption::parse(option), Effect::SecurityOption, place)?;
    }
    // The daemon passes over empty ones.
    for name in query.all("t").filter(|name| !name.is_empty()) {
        image_name(name, Place::Field("?t"), &mut effects)?;
    }
    arguments(&inner_json(&query, "buildargs", "BuildArgs")?, &mut effects)?;
    outputs(&inner_json(&query, "outputs", "Outputs")?, &mut effects)?;
    let path = target.forwarded().split('?').next().unwrap_or_default().to_owned();
    Ok(Inspected::new(BuildQuery { path, query }, effects.into_asked()))
}

/// What any request to `POST /grpc` may bring about.
pub(super) fn effects_of_buildkit() -> Vec<Asked> {
    let effect = Effect::Build(Builder::BuildKit);
    vec![Asked { effect, at: Place::Field("/grpc") }]
}

fn isolation(query: &Query, effects: &mut Effects) {
    let mode = query.get("networkmode");
    let with = match (mode, mode.strip_prefix("container:")) {
        ("host", _) => Some(SharedWith::Host),
        (_, Some(name)) => Some(SharedWith::Container(name.to_owned())),
        (_, None) => None,
    };
    if let Some(with) = with {
        let namespace = Namespace { kind: NamespaceKind::Network, with };
        effects.push(Effect::Namespace(namespace), NETWORK_MODE);
    }
    let parent = query.get("cgroupparent");
    if !parent.is_empty() {
        effects.push(Effect::CgroupParent(parent.to_owned()), CGROUP_PARENT);
    }
}

/// A parameter that is JSON in itself, as the field `name` of an object. Only a valid one stays in
/// its place there; of any other the daemon makes an error.
fn inner_json(query: &Query, parameter: &str, name: &str) -> Result<Object, BodyError> {
    match query.get(parameter) {
        "" => Ok(Object::default()),
        text => Ok(json::read(format!("{{\"{name}\":{text}}}").as_bytes(), &BUILD)?),
    }
}

/// Build arguments are variables of the steps. One of them names an image that does the building.
fn arguments(fields: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    for (name, value) in fields.object("BuildArgs").into_iter().flat_map(Object::iter) {
        let place = || Place::Entry(BUILD_ARGS, name.to_owned());
        let entry = match value.as_text() {
            Some(value) => EnvironmentEntry::parse(&format!("{name}={value}")),
            // It is only mentioned: the Dockerfile's own default holds.
            None => continue,
        };
        effects.push_parsed(entry, Effect::Environment, place())?;
        if let ("BUILDKIT_SYNTAX", Some(image)) = (name, value.as_text()) {
            image_name(image, place(), effects)?;
        }
    }
    Ok(())
}

/// BuildKit's exporters take names too, `t` or not (seen on 20.10 with `moby`).
fn outputs(fields: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    for (at, output) in objects(fields, "Outputs") {
        let attributes = output.object("Attrs");
        let names = attributes.and_then(|attributes| attributes.text("name")).unwrap_or_default();
        for name in names.split(',').filter(|name| !name.is_empty()) {
            image_name(name, Place::Inside("?outputs", at, "Attrs"), effects)?;
        }
    }
    Ok(())
}

fn image_name(name: &str, at: Place, effects: &mut Effects) -> Result<(), BodyError> {
    let named = |image| Effect::ImageName(ImageNames::One(image));
    effects.push_parsed(ImageRef::parse(name.trim()), named, at)
}

/// The query with all that is forced on the steps, if anything is.
pub(super) fn write(body: BuildQuery, ceilings: &Ceilings) -> Forwarded {
    let BuildQuery { path, mut query } = body;
    let mut changes = Changes::default();
    if ceilings.memory.is_some() {
        force_memory(&mut query, ceilings, &mut changes);
    }
    if ceilings.cpu.is_some() {
        force_cpu(&mut query, ceilings, &mut changes);
    }
    let target = (!changes.is_empty()).then(|| format!("{path}?{}", query.encoded()));
    Forwarded { target, changes }
}

fn force_memory(query: &mut Query, ceilings: &Ceilings, changes: &mut Changes) {
    let (memory, swap) = (query.integer("memory"), query.integer("memswap"));
    let forced = ceilings.memory(MemoryAsk { memory, swap, reservation: 0 });
    set(query, "memory", forced.memory, changes);
    set(query, "memswap", forced.swap, changes);
}

fn force_cpu(query: &mut Query, ceilings: &Ceilings, changes: &mut Changes) {
    let (period, quota) = (query.integer("cpuperiod"), query.integer("cpuquota"));
    let forced = ceilings.cpu(CpuAsk { period, quota, ..CpuAsk::default() });
    let (period, quota) = match forced.nano {
        0 => (forced.period, forced.quota),
        nano => as_quota(nano),
    };
    set(query, "cpuperiod", period, changes);
    set(query, "cpuquota", quota, changes);
}

/// Billionths of a CPU as a period and the quota of it, in microseconds. The kernel takes periods up
/// to a second, and quotas from a thousandth of one.
fn as_quota(nano: i64) -> (i64, i64) {
    const QUOTA_MIN: i64 = 1_000;
    let quota_of = |period: i64| {
        let quota = i128::from(nano) * i128::from(period) / 1_000_000_000;
        i64::try_from(quota).unwrap_or(i64::MAX)
    };
    match quota_of(100_000) {
        quota @ QUOTA_MIN.. => (100_000, quota),
        _ => (1_000_000, quota_of(1_000_000).max(QUOTA_MIN)),
    }
}

/// Sets a number unless it already says so.
fn set(query: &mut Query, name: &'static str, forced: i64, changes: &mut Changes) {
    if query.integer(name) != forced {
        query.set(name, forced.to_string());
        changes.push(name, forced);
    }
}

#[cfg(test)]
mod tests;
