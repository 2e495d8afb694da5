//! `POST /build` and `POST /grpc`: building images.
//!
//! The query is judged always. The Dockerfile is where the policy has a rule that one could break, and
//! the classic builder is sent it in the body: then the context is collected, and forwarded as it
//! came. Otherwise the body passes as it is, and `policy::builds` says what becomes of what is not
//! seen.
//!
//! Without a rule are `extrahosts`, `ulimits`, `shmsize`, `isolation`, `squash`, `labels` and
//! `platform`: they reach nothing beyond the steps. `session` and `buildid` name what the client
//! itself holds; a session alone only offers the daemon files. `X-Registry-Config` holds credentials.

use std::sync::Arc;

use super::served::ServedBuild;
use crate::docker::Endpoint;
use crate::docker::context;
use crate::docker::json::Object;
use crate::docker::schema::BUILD;
use crate::effects::building::dockerfile::{self, Dialect, Given};
use crate::effects::changes::Changes;
use crate::effects::collect::{BodyError, Effects, objects, texts};
use crate::effects::containers::security_options;
use crate::effects::forwarded::Forwarded;
use crate::effects::query::Query;
use crate::effects::subnets;
use crate::http::target::Target;
use crate::image::ImageRef;
use crate::policy::Inspected;
use crate::policy::ceilings::{Ceilings, CpuAsk, MemoryAsk};
use crate::policy::effects::{
    BuildEffect, Builder, Effect, EnvironmentEffect, FieldPath, ImageEffect, ImageNames, Namespace,
    NamespaceEffect, NamespaceKind, Opaque, RequestedEffect, RuntimeEffect, SharedWith,
};
use crate::policy::types::{EnvironmentEntry, SecurityOption};

/// For each the daemon is asked.
const CACHES_MAX: usize = 64;
const BUILD_ARGS: &str = "?buildargs";
const NETWORK_MODE: FieldPath = FieldPath::Field("?networkmode");
const CGROUP_PARENT: FieldPath = FieldPath::Field("?cgroupparent");

/// What a request to build says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildBody {
    /// The path as it was sent.
    path: String,
    query: Query,
    /// The context, if it was collected.
    context: Vec<u8>,
    /// Where the Dockerfile comes from, if it is the client's session.
    served: Option<Arc<ServedBuild>>,
}

/// Whether the body is the context of the classic builder.
pub(in crate::effects) fn brings_dockerfile(target: &Target<'_>) -> bool {
    Query::read(target, Endpoint::Build).is_ok_and(|query| builder(&query) == Builder::Unread)
}

fn builder(query: &Query) -> Builder {
    match (query.get("version"), query.get("remote")) {
        ("2", "client-session") => Builder::BuildKitSession,
        ("2", _) => Builder::BuildKit,
        (_, "") => Builder::Unread,
        _ => Builder::Remote,
    }
}

/// Reads the query of `POST /build`.
pub(in crate::effects) fn read(target: &Target<'_>) -> Result<Inspected<BuildBody>, BodyError> {
    let query = Query::read(target, Endpoint::Build)?;
    let (mut effects, mut asked) = (Effects::default(), Effects::default());
    let arguments = parameters(&query, &mut asked)?;
    let (builder, served) = match builder(&query) {
        Builder::BuildKitSession => match served(&query, arguments) {
            Some(served) => (Builder::BuildKitSession, Some(Arc::new(served))),
            None => (Builder::BuildKit, None),
        },
        builder => (builder, None),
    };
    effects.push(BuildEffect::By(builder), FieldPath::Field("build"));
    let inspected = inspected(target, query, Vec::new(), effects).and(asked.into_asked());
    Ok(inspected.map(|body| BuildBody { served, ..body }))
}

/// What is judged with the Dockerfile of a session; none if that is not all that the build does.
fn served(query: &Query, arguments: Given) -> Option<ServedBuild> {
    let (session, name) = (query.get("session"), query.get("dockerfile"));
    let dockerfile = if matches!(name, "" | ".") { "Dockerfile" } else { name };
    let is_plain = |step: &str| !matches!(step, "" | "." | "..") && !step.contains('\\');
    let has_others = arguments.keys().any(|name| of_the_builder(name));
    let is_known = !session.is_empty() && dockerfile.split('/').all(is_plain) && !has_others;
    let (session, dockerfile) = (session.to_owned(), dockerfile.to_owned());
    is_known.then_some(ServedBuild { session, dockerfile, arguments })
}

/// Whether an argument tells the builder what to do, other than what gives nobody power: `BUILDKIT_SYNTAX` has an
/// image read the Dockerfile, `BUILDKIT_DISABLE_FILEOP` has one copy files.
fn of_the_builder(name: &str) -> bool {
    const HARMLESS: [&str; 7] = [
        "BUILDKIT_CACHE_MOUNT_NS",
        "BUILDKIT_CONTEXT_KEEP_GIT_DIR",
        "BUILDKIT_INLINE_BUILDINFO_ATTRS",
        "BUILDKIT_INLINE_CACHE",
        "BUILDKIT_MULTI_PLATFORM",
        "BUILDKIT_PROGRESS",
        "BUILDKIT_SANDBOX_HOSTNAME",
    ];
    name.starts_with("BUILDKIT_") && !HARMLESS.contains(&name)
}

/// The same, and the Dockerfile in the body.
pub(in crate::effects) fn read_with_context(
    target: &Target<'_>,
    body: &[u8],
) -> Result<Inspected<BuildBody>, BodyError> {
    let query = Query::read(target, Endpoint::Build)?;
    let mut effects = Effects::default();
    effects.push(BuildEffect::By(Builder::Read), FieldPath::Field("build"));
    let arguments = parameters(&query, &mut effects)?;
    let text = context::dockerfile(body, query.get("dockerfile")).map_err(|reason| {
        let reason = format!("{reason}; `builds: allow` lets contexts pass unread");
        BodyError::Value { at: FieldPath::Field("the build context"), reason }
    })?;
    let dialect = Dialect::Classic;
    let request = dockerfile::Request { arguments, target: query.get("target"), dialect };
    dockerfile::read_build(&text, &request, &mut effects)?;
    Ok(inspected(target, query, body.to_vec(), effects))
}

fn inspected(
    target: &Target<'_>,
    query: Query,
    context: Vec<u8>,
    effects: Effects,
) -> Inspected<BuildBody> {
    let path = target.forwarded().split('?').next().unwrap_or_default().to_owned();
    Inspected::new(BuildBody { path, query, context, served: None }, effects.into_asked())
}

/// What the query alone brings about; the arguments of the build.
fn parameters(query: &Query, effects: &mut Effects) -> Result<Given, BodyError> {
    isolation(query, effects);
    for option in query.all("securityopt") {
        let place = FieldPath::Field("?securityopt");
        security_options::push(SecurityOption::parse(option), place, effects)?;
    }
    // The daemon passes over empty ones.
    for name in query.all("t").filter(|name| !name.is_empty()) {
        given_name(name, FieldPath::Field("?t"), effects)?;
    }
    let cached = inner_json(query, "cachefrom", "CacheFrom", effects)?;
    caches(&cached, effects);
    let exported = inner_json(query, "outputs", "Outputs", effects)?;
    outputs(&exported, effects)?;
    let given = inner_json(query, "buildargs", "BuildArgs", effects)?;
    arguments(&given, effects)
}

/// What any request to `POST /grpc` may bring about.
pub(in crate::effects) fn effects_of_buildkit() -> Vec<RequestedEffect> {
    let effect = Effect::Build(BuildEffect::By(Builder::BuildKitUnseen));
    vec![RequestedEffect { effect, at: FieldPath::Field("/grpc") }]
}

/// What offering a session brings about by itself.
pub(in crate::effects) fn effects_of_session() -> Vec<RequestedEffect> {
    let effect = Effect::Build(BuildEffect::By(Builder::SessionOffered));
    vec![RequestedEffect { effect, at: FieldPath::Field("/session") }]
}

/// Steps that an image went through before are not run again: what was made of them comes out of it.
fn caches(fields: &Object, effects: &mut Effects) {
    for (number, name) in texts(fields, "CacheFrom") {
        let at = FieldPath::Field("?cachefrom");
        match ImageRef::parse(name) {
            Ok(image) if number < CACHES_MAX => {
                effects.push(ImageEffect::Names(ImageNames::One(image.clone())), at.clone());
                effects.push(ImageEffect::Used(image), at);
            }
            // The daemon passes over what is no name to it.
            _ => effects.push(BuildEffect::Opaque(Opaque::Image(name.to_owned())), at),
        }
    }
}

fn isolation(query: &Query, effects: &mut Effects) {
    let mode = query.get("networkmode");
    effects.push_network(mode, NETWORK_MODE);
    subnets::joined(mode, NETWORK_MODE, effects);
    let with = match (mode, mode.strip_prefix("container:")) {
        ("host", _) => Some(SharedWith::Host),
        (_, Some(name)) => Some(SharedWith::Container(name.to_owned())),
        (_, None) => None,
    };
    if let Some(with) = with {
        let namespace = Namespace { kind: NamespaceKind::Network, with };
        effects.push(NamespaceEffect::Shared(namespace), NETWORK_MODE);
    }
    let parent = query.get("cgroupparent");
    if !parent.is_empty() {
        effects.push(RuntimeEffect::CgroupParent(parent.to_owned()), CGROUP_PARENT);
    }
}

/// A parameter that is JSON in itself, as the field `name` of an object. Only a valid one stays in
/// its place there; of any other the daemon makes an error.
fn inner_json(
    query: &Query,
    parameter: &str,
    name: &str,
    effects: &mut Effects,
) -> Result<Object, BodyError> {
    match query.get(parameter) {
        "" => Ok(Object::default()),
        text => effects.fields(format!("{{\"{name}\":{text}}}").as_bytes(), &BUILD),
    }
}

/// Build arguments are variables of the steps. One of them names an image that does the building.
fn arguments(fields: &Object, effects: &mut Effects) -> Result<Given, BodyError> {
    let mut given = Given::new();
    for (name, value) in fields.object("BuildArgs").into_iter().flat_map(Object::iter) {
        let place = || FieldPath::Entry(BUILD_ARGS, name.to_owned());
        given.insert(name.to_owned(), value.as_text().map(str::to_owned));
        let entry = match value.as_text() {
            Some(value) => EnvironmentEntry::parse(&format!("{name}={value}")),
            // It is only mentioned: the Dockerfile's own default holds.
            None => continue,
        };
        effects.push_parsed(entry, EnvironmentEffect::Set, place())?;
        if let ("BUILDKIT_SYNTAX", Some(image)) = (name, value.as_text()) {
            image_name(image, place(), effects)?;
        }
    }
    Ok(given)
}

/// BuildKit's exporters take names too, `t` or not (seen on 20.10 with `moby`).
fn outputs(fields: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    for (at, output) in objects(fields, "Outputs") {
        let attributes = output.object("Attrs");
        let names = attributes.and_then(|attributes| attributes.text("name")).unwrap_or_default();
        for name in names.split(',').filter(|name| !name.is_empty()) {
            given_name(name, FieldPath::Inside("?outputs", at, "Attrs"), effects)?;
        }
    }
    Ok(())
}

/// The name of what is built.
fn given_name(name: &str, at: FieldPath, effects: &mut Effects) -> Result<(), BodyError> {
    effects.push_parsed(ImageRef::parse(name.trim()), ImageEffect::NameGiven, at.clone())?;
    image_name(name, at, effects)
}

fn image_name(name: &str, at: FieldPath, effects: &mut Effects) -> Result<(), BodyError> {
    let named = |image| Effect::Image(ImageEffect::Names(ImageNames::One(image)));
    effects.push_parsed(ImageRef::parse(name.trim()), named, at)
}

/// The target of a build with another name for its session.
pub fn with_session(target: &Target<'_>, session: &str) -> Result<String, BodyError> {
    let mut query = Query::read(target, Endpoint::Build)?;
    query.set("session", session.to_owned());
    let path = target.forwarded().split('?').next().unwrap_or_default();
    Ok(format!("{path}?{}", query.encoded()))
}

/// The context as it came, and the query with all that is forced on the steps, if anything is.
pub(in crate::effects) fn write(
    body: BuildBody,
    ceilings: &Ceilings,
    out: &mut Vec<u8>,
) -> Forwarded {
    let BuildBody { path, mut query, context, served } = body;
    out.extend_from_slice(&context);
    let mut changes = Changes::default();
    if ceilings.memory.is_some() {
        force_memory(&mut query, ceilings, &mut changes);
    }
    if ceilings.cpu.is_some() {
        force_cpu(&mut query, ceilings, &mut changes);
    }
    if ceilings.counts_containers() {
        remove_steps(&mut query, &mut changes);
    }
    let target = (!changes.is_empty()).then(|| format!("{path}?{}", query.encoded()));
    Forwarded { target, changes, served, ..Forwarded::default() }
}

/// Has the containers of steps removed, also those of steps that fail: nothing counts them. BuildKit has none.
fn remove_steps(query: &mut Query, changes: &mut Changes) {
    if builder(query) == Builder::BuildKit {
        return;
    }
    for name in ["rm", "forcerm"] {
        if query.get(name) != "1" {
            query.set(name, "1".to_owned());
            changes.push(name, 1);
        }
    }
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

/// The period in which the kernel counts CPU time if it is given none, in microseconds.
pub(in crate::effects) const PERIOD_USUAL: i64 = 100_000;

/// Billionths of a CPU as a period and the quota of it, in microseconds. The kernel takes periods up
/// to a second, and quotas from a thousandth of one.
pub(in crate::effects) fn as_quota(nano: i64) -> (i64, i64) {
    const QUOTA_MIN: i64 = 1_000;
    let quota_of = |period: i64| {
        let quota = i128::from(nano) * i128::from(period) / 1_000_000_000;
        i64::try_from(quota).unwrap_or(i64::MAX)
    };
    match quota_of(PERIOD_USUAL) {
        quota @ QUOTA_MIN.. => (PERIOD_USUAL, quota),
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
