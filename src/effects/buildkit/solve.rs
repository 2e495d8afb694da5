//! `moby.buildkit.v1.Control/Solve` and `moby.buildkit.v1.frontend.LLBBridge/Solve`: to effects, and on
//! with what is forced (BuildKit's `api/services/control/control.proto`, `frontend/gateway/pb/gateway.proto`).

use super::attributes;
use super::call::Solve;
use super::forced;
use super::llb::Instructions;
use super::proto::{self, Field, ProtoError};
use super::source_policy::{self, TooLong};
use crate::effects::building::dockerfile::{self, Dialect};
use crate::effects::building::served::ServedBuild;
use crate::effects::changes::Changes;
use crate::effects::collect::{BodyError, Effects};
use crate::image::ImageRef;
use crate::policy::effects::{
    BuildEffect, Builder, Device, FieldPath, ImageEffect, Namespace, NamespaceEffect,
    NamespaceKind, Opaque, PrivilegeEffect, RuntimeEffect, SharedWith, Steps,
};
use crate::policy::facts::Facts;
use crate::policy::{Checked, Inspected, Policy};

/// Whether a `Control/Solve` asks for nothing by itself: it has no instructions, no frontend and no exporter.
/// Buildx sends one before each build to see what the daemon knows; what it has done by `LLBBridge/Solve` counts
/// there.
#[must_use]
pub fn asks_for_nothing(message: &[u8]) -> bool {
    /// `Definition`, `ExporterDeprecated` and its attributes, `Frontend`, `FrontendInputs`, `Exporters`.
    const OF_A_BUILD: [u32; 6] = [2, 3, 4, 6, 10, 13];
    let says_nothing = |field: &Field<'_>| {
        !OF_A_BUILD.contains(&field.number) || field.bytes().is_ok_and(<[u8]>::is_empty)
    };
    proto::read(message, &[]).is_ok_and(|fields| fields.iter().all(says_nothing))
}

/// A message that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SolveBody {
    solve: Solve,
    message: Vec<u8>,
    /// The images that the client's own instructions name.
    images: Vec<ImageRef>,
    odd_image: Option<String>,
}

impl SolveBody {
    /// Which of the two it is.
    #[must_use]
    pub fn solve(&self) -> Solve {
        self.solve
    }

    /// The images that the client's own instructions name, which the daemon itself judges.
    #[must_use]
    pub fn images(&self) -> &[ImageRef] {
        &self.images
    }

    /// An image that they name in a way that only the daemon may understand.
    #[must_use]
    pub fn odd_image(&self) -> Option<&str> {
        self.odd_image.as_deref()
    }

    /// The message again, as it was sent.
    #[must_use]
    pub fn into_message(self) -> Vec<u8> {
        self.message
    }

    /// What it takes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.message.capacity()
    }
}

/// The fields of `Control/Solve` that stand there once: all but lists and maps. A second `Definition` or
/// `SourcePolicy` would be merged with the first.
const CONTROL_ONCE: [u32; 11] = [1, 2, 3, 5, 6, 8, 11, 12, 14, 15, 16];
const BRIDGE_ONCE: [u32; 7] = [1, 2, 5, 6, 10, 11, 14];
const CACHE_ONCE: [u32; 1] = [1];
const ENTRY_ONCE: [u32; 1] = [1];

const BODY: FieldPath = FieldPath::Field("the message");

/// Reads the message of a call and says all that it would bring about.
///
/// # Errors
/// [`BodyError`] if it can't be read in one way, or says something that is not known.
pub fn read(solve: Solve, message: Vec<u8>) -> Result<Inspected<SolveBody>, BodyError> {
    let mut effects = Effects::default();
    effects.push(BuildEffect::By(Builder::BuildKitSolve), FieldPath::Field("build"));
    let mut instructions = Instructions::default();
    match solve {
        Solve::Control => control(&message, &mut instructions, &mut effects)?,
        Solve::Bridge => bridge(&message, &mut instructions, &mut effects)?,
        Solve::Dockerfile => {}
    }
    let Instructions { images, odd_image, cgroup_parents, has_unseen, .. } = instructions;
    const INSTRUCTIONS: FieldPath = FieldPath::Field("Definition");
    for parent in cgroup_parents {
        attributes::check_number(&BODY, &effects)?;
        effects.push(BuildEffect::Steps(Steps::OfClient(parent.clone())), INSTRUCTIONS);
        if let Some(parent) = parent {
            effects.push(RuntimeEffect::CgroupParent(parent), INSTRUCTIONS);
        }
    }
    if has_unseen {
        effects.push(BuildEffect::Steps(Steps::Opaque), INSTRUCTIONS);
    }
    let body = SolveBody { solve, message, images, odd_image };
    Ok(Inspected::new(body, effects.into_asked()))
}

/// Reads the Dockerfile of such a build and says all that it would bring about.
///
/// # Errors
/// [`BodyError`] if it can't be read in one way.
pub fn read_dockerfile(
    build: &ServedBuild,
    message: Vec<u8>,
) -> Result<Inspected<SolveBody>, BodyError> {
    let mut effects = Effects::default();
    effects.push(BuildEffect::By(Builder::Read), FieldPath::Field("Dockerfile"));
    let text = std::str::from_utf8(&message).map_err(|_| BodyError::Value {
        at: FieldPath::Field("Dockerfile"),
        reason: "it is not UTF-8".to_owned(),
    })?;
    let arguments = build.arguments.clone();
    let request = dockerfile::Request { arguments, target: "", dialect: Dialect::BuildKit };
    dockerfile::read_build(text, &request, &mut effects)?;
    let (images, odd_image) = (Vec::new(), None);
    let body = SolveBody { solve: Solve::Dockerfile, message, images, odd_image };
    Ok(Inspected::new(body, effects.into_asked()))
}

impl From<ProtoError> for BodyError {
    fn from(error: ProtoError) -> Self {
        Self::Value { at: BODY, reason: error.to_string() }
    }
}

fn control(
    message: &[u8],
    instructions: &mut Instructions,
    effects: &mut Effects,
) -> Result<(), BodyError> {
    for field in proto::read(message, &CONTROL_ONCE)? {
        match field.number {
            // The build's name, its exporter's kind, sessions: texts.
            1 | 3 | 5 | 15 => drop(field.text()?),
            6 => frontend(field.text()?, effects),
            2 => instructions.read(field.bytes()?)?,
            12 => {
                if !field.bytes()?.is_empty() {
                    effects.push(ImageEffect::SourcePolicy, BODY);
                }
            }
            // What is built upon, as instructions.
            10 => instructions.read(proto::map_entry(&field)?.1)?,
            4 => exporter_attribute(&field, effects)?,
            7 => frontend_attribute(&field, effects)?,
            8 => cache(field.bytes()?, effects)?,
            9 => entitlement(field.text()?, effects)?,
            11 | 16 => drop(field.number()?),
            13 => exporter(field.bytes()?, effects)?,
            14 if field.number()? != 0 => {
                let unseen = "of an exporter that the session names".to_owned();
                effects.push(BuildEffect::Opaque(Opaque::Image(unseen)), BODY);
                effects.push(ImageEffect::NamesUnseen, BODY);
            }
            14 => {}
            other => return Err(unknown("Control/Solve", other)),
        }
    }
    Ok(())
}

fn bridge(
    message: &[u8],
    instructions: &mut Instructions,
    effects: &mut Effects,
) -> Result<(), BodyError> {
    for field in proto::read(message, &BRIDGE_ONCE)? {
        match field.number {
            1 => instructions.read(field.bytes()?)?,
            11 | 15 => drop(field.bytes()?),
            2 => frontend(field.text()?, effects),
            3 => frontend_attribute(&field, effects)?,
            4 => attributes::cached(field.text()?, BODY, effects)?,
            5 | 6 | 10 | 14 => drop(field.number()?),
            12 => cache_entry(field.bytes()?, effects)?,
            13 => instructions.read(proto::map_entry(&field)?.1)?,
            other => return Err(unknown("LLBBridge/Solve", other)),
        }
    }
    Ok(())
}

/// What makes instructions: nothing if the client sends them itself.
fn frontend(name: &str, effects: &mut Effects) {
    if !matches!(name, "" | forced::DOCKERFILES) {
        effects.push(BuildEffect::Steps(Steps::Frontend), FieldPath::Field("Frontend"));
    }
}

/// A field that came after what is known here could give any power.
fn unknown(method: &str, field: u32) -> BodyError {
    let reason = format!(
        "field {field} of {method} is not known; `builds: allow` lets builds pass uninspected"
    );
    BodyError::Value { at: BODY, reason }
}

fn text_entry<'a>(field: &Field<'a>) -> Result<(&'a str, &'a str), ProtoError> {
    let (key, value) = proto::map_entry(field)?;
    Ok((key, std::str::from_utf8(value).map_err(|_| ProtoError::Text)?))
}

fn frontend_attribute(field: &Field<'_>, effects: &mut Effects) -> Result<(), BodyError> {
    let (name, value) = text_entry(field)?;
    attributes::of_frontend(name, value, effects)
}

fn exporter_attribute(field: &Field<'_>, effects: &mut Effects) -> Result<(), BodyError> {
    let (name, value) = text_entry(field)?;
    attributes::of_exporter(name, value, effects)
}

/// A kind, and attributes.
fn exporter(message: &[u8], effects: &mut Effects) -> Result<(), BodyError> {
    for field in proto::read(message, &ENTRY_ONCE)? {
        match field.number {
            1 => drop(field.text()?),
            2 => exporter_attribute(&field, effects)?,
            other => return Err(unknown("an exporter of Control/Solve", other)),
        }
    }
    Ok(())
}

fn cache(message: &[u8], effects: &mut Effects) -> Result<(), BodyError> {
    for field in proto::read(message, &CACHE_ONCE)? {
        match field.number {
            1 | 2 => attributes::cached(field.text()?, BODY, effects)?,
            3 => cache_attribute(&field, effects)?,
            4 | 5 => cache_entry(field.bytes()?, effects)?,
            other => return Err(unknown("the caches of Control/Solve", other)),
        }
    }
    Ok(())
}

/// A kind, and attributes.
fn cache_entry(message: &[u8], effects: &mut Effects) -> Result<(), BodyError> {
    for field in proto::read(message, &ENTRY_ONCE)? {
        match field.number {
            1 => drop(field.text()?),
            2 => cache_attribute(&field, effects)?,
            other => return Err(unknown("a cache of Control/Solve", other)),
        }
    }
    Ok(())
}

fn cache_attribute(field: &Field<'_>, effects: &mut Effects) -> Result<(), BodyError> {
    if let ("ref", image) = text_entry(field)? {
        attributes::cached(image, FieldPath::Entry("Cache", "ref".to_owned()), effects)?;
    }
    Ok(())
}

/// What steps may do beyond their container. Without one the daemon refuses it in any instructions.
fn entitlement(text: &str, effects: &mut Effects) -> Result<(), BodyError> {
    let at = FieldPath::Entry("Entitlements", text.to_owned());
    match text.split_once('=').unwrap_or((text, "")) {
        ("network.host", "") => {
            let namespace = Namespace { kind: NamespaceKind::Network, with: SharedWith::Host };
            effects.push(NamespaceEffect::Shared(namespace), at);
        }
        ("security.insecure", "") => effects.push(PrivilegeEffect::Privileged, at),
        ("device", name) => {
            let name = if name.is_empty() { "every CDI device" } else { name };
            effects.push(PrivilegeEffect::Device(Device::Request(name.to_owned())), at);
        }
        _ => {
            let reason = "no such entitlement is known".to_owned();
            return Err(BodyError::Value { at, reason });
        }
    }
    Ok(())
}

/// The message that goes on: what was checked, and what is forced on it behind.
///
/// # Errors
/// [`TooLong`] if more is forbidden than the daemon can be told.
pub fn write(
    checked: Checked<SolveBody>,
    policy: &Policy,
    facts: &Facts,
) -> Result<(Vec<u8>, Changes), TooLong> {
    const SOURCE_POLICY: u32 = 12;
    let SolveBody { solve, mut message, .. } = checked.into_body();
    let mut changes = Changes::default();
    if solve == Solve::Dockerfile {
        return Ok((message, changes));
    }
    forced::attributes(solve, &mut message, policy, facts, &mut changes);
    if solve == Solve::Control
        && let Some(forced) = source_policy::forced(policy, facts)?
    {
        proto::write_bytes(&mut message, SOURCE_POLICY, &forced.message);
        changes.push("SourcePolicy", forced.rules);
    }
    Ok((message, changes))
}
