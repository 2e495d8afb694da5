//! A closed world: every field, parameter and route of the Engine API has been decided about, the
//! decisions are what the code does, and `docs/COVERAGE.md` says them.
//!
//! `make field-coverage` writes the document anew.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

#[path = "attacks/mod.rs"]
#[allow(dead_code, unused_imports, reason = "nothing is sent here: the attacks are only read")]
mod corpus;
mod coverage {
    pub(crate) mod absent;
    pub(crate) mod document;
    pub(crate) mod evidence;
    pub(crate) mod facts;
    pub(crate) mod probes;
    pub(crate) mod routers;
    pub(crate) mod table;
}
mod support;

use coverage::{document, facts, probes, routers, table};
use secdocker::config::{self, Overrides};
use secdocker::docker::schema::Stance;
use secdocker::docker::{Endpoint, routes};
use secdocker::policy::endpoints::EndpointEntry;
use secdocker::record::Redacted;
use std::collections::BTreeSet;
use std::path::Path;

#[track_caller]
fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_published_field_has_a_stance_and_the_published_type() {
    none(facts::all().iter().filter_map(facts::Fact::missing).collect());
}

#[test]
fn every_exception_is_needed() {
    let fields: Vec<_> = facts::all().into_iter().filter_map(|fact| fact.body_field()).collect();
    let unused = facts::MISPLACED
        .iter()
        .filter(|(start, _)| !fields.iter().any(|field| field.starts_with(start)));
    none(unused.map(|(start, _)| (*start).to_owned()).collect());
}

#[test]
fn every_published_route_is_inspected_or_passes_for_a_reason() {
    none(facts::all().iter().filter_map(facts::Fact::missing_route).collect());
}

/// Parameters that the daemon reads, and that the log must not show.
const HIDDEN: [&str; 12] = [
    "author",
    "buildargs",
    "changes",
    "comment",
    "extrahosts",
    "filters",
    "fromSrc",
    "labels",
    "message",
    "outputs",
    "ps_args",
    "remote",
];

#[test]
fn of_every_parameter_it_is_decided_whether_the_log_shows_it() {
    let published = facts::all();
    let published: BTreeSet<_> = published.iter().filter_map(facts::Fact::parameter).collect();
    let is_shown = |path: &str, name: &str| {
        let path = path.replace(['{', '}'], "");
        let shown = Redacted(&format!("{path}?{name}=hunter2")).to_string();
        shown.contains("hunter2")
    };
    let is_hidden = |path: &str, name: &str| match (path, name) {
        // Of a build it is an address, of plugins the name of one.
        (path, "remote") => !path.starts_with("/plugins"),
        _ => HIDDEN.contains(&name),
    };
    let undecided =
        published.iter().filter(|(path, name)| is_shown(path, name) == is_hidden(path, name));
    none(undecided.map(|(path, name)| format!("{path}?{name}")).collect());
    let paths: BTreeSet<_> = routes::known().map(|(_, row)| row.filled("{}")).collect();
    let names = ["Env", "HostConfig", "Labels", "authconfig", "X-Registry-Auth", "password", "any"];
    let any = |path: &String| names.map(|name| (path.clone(), name));
    let shown = paths.iter().flat_map(any).filter(|(path, name)| is_shown(path, name));
    none(shown.map(|(path, name)| format!("{path}?{name} is shown")).collect());
}

#[test]
fn no_message_repeats_a_secret() {
    let policies = ["core", "powers"].map(|rules| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/attacks/{rules}.yml"));
        config::load(&path, &Overrides::default()).unwrap().policy
    });
    let rows = table::all();
    let is_text = |row: &&table::Row| !["boolean", "integer", "object"].contains(&row.kind);
    let texts = rows.iter().filter(|row| document::is_listed(row)).filter(is_text);
    let said = texts.filter_map(|row| {
        let words = probes::words_about(row, &policies);
        words.first().map(|words| format!("{}: {words}", row.name()))
    });
    none(said.collect());
}

/// What is not known is refused under any rule, so that none may be missing, nor too many.
#[test]
fn the_routes_of_all_routers_are_known_and_no_others() {
    none(routers::differences());
}

#[test]
fn every_checked_field_has_its_effects() {
    none(table::all().iter().flat_map(probes::missing_powers).collect());
}

#[test]
fn every_forced_field_is_forced() {
    let forced = table::all().into_iter().filter(|row| row.stance.general().is_some());
    none(forced.filter_map(|row| probes::unforced(&row)).collect());
}

#[test]
fn every_field_that_is_refused_is() {
    let refused = table::all();
    let refused = refused.iter().filter(|row| matches!(row.stance, Stance::Refused(_)));
    none(refused.filter(|row| !probes::is_refused(row)).map(table::Row::name).collect());
}

#[test]
fn every_harmless_field_has_no_effect() {
    let harmless = table::all();
    let harmless = harmless.iter().filter(|row| document::is_listed(row));
    let harmless = harmless.filter(|row| matches!(row.stance, Stance::Harmless(_)));
    none(harmless.filter_map(probes::unexpected).collect());
}

#[test]
fn every_field_without_a_stance_is_told_of() {
    none(Endpoint::ALL.into_iter().flat_map(probes::untold).collect());
}

#[test]
fn the_document_says_what_the_code_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/COVERAGE.md");
    let written = document::write();
    if std::env::var_os("UPDATE_COVERAGE").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = written.lines().zip(committed.lines()).find(|(new, old)| new != old);
    assert!(
        written == committed,
        "docs/COVERAGE.md is not what the code says; write it anew by \
         `make field-coverage`. First difference: {differs:?}"
    );
}

#[test]
fn rules_about_endpoints_know_every_parameter() {
    let unknown = |name: &&str| EndpointEntry::parse(&format!("GET /info?{name}=1")).is_err();
    let read = facts::all().into_iter().filter_map(|fact| fact.parameter()).map(|(_, name)| name);
    let missing: BTreeSet<_> = read.filter(|name| unknown(name)).collect();
    assert!(missing.is_empty(), "READ in src/policy/endpoints/parameters.rs lacks {missing:?}");
}
