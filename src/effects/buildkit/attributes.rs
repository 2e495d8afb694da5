//! The attributes of frontends and exporters that rules are about (BuildKit's `frontend/dockerui`, and the
//! exporters of containerd's images and of Docker's own).

use serde::Deserialize;

use crate::effects::collect::{BodyError, Effects};
use crate::image::ImageRef;
use crate::policy::effects::{
    BuildEffect, Effect, EnvironmentEffect, FieldPath, ImageEffect, ImageNames, Opaque,
    RuntimeEffect, Steps,
};
use crate::policy::types::EnvironmentEntry;

/// For each the daemon is asked.
const CACHES_MAX: usize = 64;

/// The most effects of one message: a list of names may be as long as the message.
const EFFECTS_MAX: usize = 8 * 1024;

/// An attribute of the frontend, which reads the Dockerfile.
pub(super) fn of_frontend(name: &str, value: &str, effects: &mut Effects) -> Result<(), BodyError> {
    let place = || FieldPath::Entry("FrontendAttrs", name.to_owned());
    check_number(&place(), effects)?;
    if let Some(argument) = name.strip_prefix("build-arg:") {
        let entry = EnvironmentEntry::parse(&format!("{argument}={value}"));
        effects.push_parsed(entry, EnvironmentEffect::Set, place())?;
        if argument == "BUILDKIT_SYNTAX" {
            used(first_word(value), place(), effects)?;
        }
    } else if name.starts_with("context:") {
        if let Some(image) = value.strip_prefix("docker-image:") {
            used(image.trim_start_matches('/'), place(), effects)?;
        }
    } else if name.starts_with("attest:") {
        let is_scan = name == "attest:sbom" && !value.split(',').any(|it| it == "disabled=true");
        if is_scan {
            effects.push(BuildEffect::Steps(Steps::Scanner), place());
        }
        generators(value, place, effects)?;
    } else {
        match name {
            "source" => used(value, place(), effects)?,
            "cgroup-parent" if !value.is_empty() => {
                effects.push(RuntimeEffect::CgroupParent(value.to_owned()), place());
            }
            "cache-from" => {
                let mut images = value.split(',').filter(|image| !image.is_empty());
                images.try_for_each(|image| cached(image, place(), effects))?;
            }
            "cache-imports" => cache_imports(value, place, effects)?,
            _ => {}
        }
    }
    Ok(())
}

fn first_word(text: &str) -> &str {
    text.split_ascii_whitespace().next().unwrap_or_default()
}

/// An attestation is made by an image: `generator=docker/scout-sbom-indexer,…` (CSV).
fn generators(
    value: &str,
    place: impl Fn() -> FieldPath,
    effects: &mut Effects,
) -> Result<(), BodyError> {
    for field in value.split(',') {
        let field = field.trim_matches('"');
        if let Some(image) = field.trim_start().strip_prefix("generator=") {
            used(image, place(), effects)?;
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct CacheImport {
    #[serde(alias = "Attrs", alias = "attrs", default)]
    attributes: std::collections::HashMap<String, String>,
}

fn cache_imports(
    value: &str,
    place: impl Fn() -> FieldPath,
    effects: &mut Effects,
) -> Result<(), BodyError> {
    if value.is_empty() {
        return Ok(());
    }
    let imports: Vec<CacheImport> = serde_json::from_str(value)
        .map_err(|error| BodyError::Value { at: place(), reason: error.to_string() })?;
    for import in imports.iter().take(CACHES_MAX) {
        // The daemon's decoder folds the case of fields, not of what is in a map.
        if let Some(image) = import.attributes.get("ref") {
            cached(image, place(), effects)?;
        }
    }
    if imports.len() > CACHES_MAX {
        effects.push(BuildEffect::Opaque(Opaque::Image("more caches".to_owned())), place());
    }
    Ok(())
}

/// Steps that an image went through before are not run again: what was made of them comes out of it.
pub(super) fn cached(image: &str, at: FieldPath, effects: &mut Effects) -> Result<(), BodyError> {
    check_number(&at, effects)?;
    match ImageRef::parse(image) {
        Ok(image) => {
            effects.push(ImageEffect::Names(ImageNames::One(image.clone())), at.clone());
            effects.push(ImageEffect::Used(image), at);
        }
        Err(_) => effects.push(BuildEffect::Opaque(Opaque::Image(image.to_owned())), at),
    }
    Ok(())
}

pub(super) fn check_number(at: &FieldPath, effects: &Effects) -> Result<(), BodyError> {
    if effects.len() < EFFECTS_MAX {
        return Ok(());
    }
    let reason = "the message asks for more than any client does".to_owned();
    Err(BodyError::Value { at: at.clone(), reason })
}

/// An image that does a part of the building, or is built upon: the daemon checks it again.
fn used(image: &str, at: FieldPath, effects: &mut Effects) -> Result<(), BodyError> {
    if image.is_empty() { Ok(()) } else { cached(image, at, effects) }
}

/// An attribute of an exporter: all that gives a name to what was built.
pub(super) fn of_exporter(name: &str, value: &str, effects: &mut Effects) -> Result<(), BodyError> {
    let place = || FieldPath::Entry("Exporter", name.to_owned());
    match name {
        "name" => {
            for image in value.split(',').filter(|image| !image.is_empty()) {
                match image.trim() {
                    // Its name is what the frontend says.
                    "*" => {
                        check_number(&place(), effects)?;
                        effects.push(BuildEffect::Opaque(Opaque::Image("*".to_owned())), place());
                        effects.push(ImageEffect::NamesUnseen, place());
                    }
                    image => named(image, place(), effects)?,
                }
            }
            Ok(())
        }
        "dangling-name-prefix" if !value.is_empty() => {
            named(value, place(), effects)?;
            if let Ok(image) = ImageRef::parse(value) {
                effects.push(ImageEffect::Names(ImageNames::EveryTag(image)), place());
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn named(image: &str, at: FieldPath, effects: &mut Effects) -> Result<(), BodyError> {
    check_number(&at, effects)?;
    effects.push_parsed(ImageRef::parse(image), ImageEffect::NameGiven, at.clone())?;
    let named = |image| Effect::Image(ImageEffect::Names(ImageNames::One(image)));
    effects.push_parsed(ImageRef::parse(image), named, at)
}
