//! The section `endpoints` to rules, and the presets that it can name.
//!
//! A preset is a whole configuration that holds that one section, and it is built in: the program
//! needs no files beside it, and to change a preset one copies the file and edits it.

use super::checker::Checker;
use super::document;
use super::error::At;
use super::schema::{Endpoints, Names, Text};
use crate::policy::endpoints::{EndpointEntry, EndpointRules, Otherwise};

const SECTION: &str = "endpoints";

/// The presets by their names: the text of each, a whole configuration.
pub const PRESETS: [(&str, &str); 7] = [
    ("read-only", include_str!("../../presets/read-only.yml")),
    ("traefik", include_str!("../../presets/traefik.yml")),
    ("portainer", include_str!("../../presets/portainer.yml")),
    ("watchtower", include_str!("../../presets/watchtower.yml")),
    ("jenkins", include_str!("../../presets/jenkins.yml")),
    ("gitlab-runner", include_str!("../../presets/gitlab-runner.yml")),
    ("testcontainers", include_str!("../../presets/testcontainers.yml")),
];

/// Reads the section; without one, every endpoint may be called.
pub(super) fn rules(checker: &mut Checker<'_>, section: Option<&Endpoints>) -> EndpointRules {
    let Some(section) = section else {
        return EndpointRules::default();
    };
    let mut allow = presets(checker, section.preset.as_ref());
    if let Some(own) = &section.allow {
        allow.extend(checker.list(At::key(SECTION, "allow"), own, EndpointEntry::parse));
    }
    let deny = checker.list(At::key(SECTION, "deny"), &section.deny, EndpointEntry::parse);
    EndpointRules { otherwise: otherwise(checker, section, &allow), allow, deny }
}

/// What becomes of the rest: refused as soon as anybody says what is allowed.
fn otherwise(checker: &mut Checker<'_>, section: &Endpoints, allow: &[EndpointEntry]) -> Otherwise {
    let at = At::key(SECTION, "default");
    let has_list = section.allow.is_some() || section.preset.is_some();
    // What Docker does not have is refused under any rule unless an entry names it.
    let is_beyond_docker =
        section.preset.is_none() && allow.iter().all(EndpointEntry::is_beyond_docker);
    match checker.optional(at, section.default.as_ref(), parse_default) {
        Some(Otherwise::Allow) if has_list && !is_beyond_docker => {
            checker.refuse(at, &"`allow` makes the list of what is allowed mean nothing");
            Otherwise::Deny
        }
        Some(otherwise) => otherwise,
        None if has_list => Otherwise::Deny,
        None => Otherwise::Allow,
    }
}

fn parse_default(text: &str) -> Result<Otherwise, String> {
    match text {
        "allow" => Ok(Otherwise::Allow),
        "deny" => Ok(Otherwise::Deny),
        _ => Err(format!("`{}` is neither allow nor deny", text.escape_debug())),
    }
}

fn presets(checker: &mut Checker<'_>, names: Option<&Names>) -> Vec<EndpointEntry> {
    let at = At::key(SECTION, "preset");
    let entries = match names {
        None => Vec::new(),
        Some(Names::One(name)) => checker.value(at, preset(name)).into_iter().collect(),
        Some(Names::Several(names)) => checker.list(at, names, preset),
    };
    entries.into_iter().flatten().collect()
}

/// What the preset of this name allows.
fn preset(name: &str) -> Result<Vec<EndpointEntry>, String> {
    let Some((_, text)) = PRESETS.iter().find(|(known, _)| *known == name) else {
        let known = PRESETS.map(|(known, _)| known).join(", ");
        return Err(format!("`{}` is not a preset: there are {known}", name.escape_debug()));
    };
    let broken = |error: &dyn std::fmt::Display| format!("preset {name} is broken: {error}");
    let file = document::read(text).map_err(|mistake| broken(&mistake.what))?;
    let entries = file.endpoints.and_then(|section| section.allow).unwrap_or_default();
    let read = |entry: &Text| EndpointEntry::parse(entry).map_err(|error| broken(&error));
    entries.iter().map(read).collect()
}

#[cfg(test)]
mod tests;
