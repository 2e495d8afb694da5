#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use std::path::Path;

use super::*;
use crate::config::{Overrides, Settings, parse};

fn settings(text: &str) -> Result<Settings, Vec<String>> {
    let parsed = parse(text, Path::new("/nowhere"), &Overrides::default());
    parsed.map_err(|mistakes| {
        mistakes.iter().map(|m| format!("{}: {}", m.line.unwrap_or_default(), m.what)).collect()
    })
}

/// What the section says: its default, and how many entries allow and deny.
fn section(text: &str) -> (Otherwise, usize, usize) {
    let settings = settings(text).unwrap();
    let rules = &settings.policy.endpoints;
    (rules.otherwise, rules.allow.len(), rules.deny.len())
}

#[test]
fn who_says_what_is_allowed_denies_the_rest() {
    use Otherwise::{Allow, Deny};
    for (text, expected) in [
        ("dockerapi: /a\n", (Allow, 0, 0)),
        ("endpoints:\n", (Allow, 0, 0)),
        ("endpoints: {deny: [POST /build]}\n", (Allow, 0, 1)),
        ("endpoints: {default: allow, deny: [POST /build]}\n", (Allow, 0, 1)),
        ("endpoints: {default: deny}\n", (Deny, 0, 0)),
        ("endpoints: {allow: [GET /info]}\n", (Deny, 1, 0)),
        ("endpoints:\n  allow: [GET|HEAD /_ping, '* /events']\n", (Deny, 2, 0)),
        ("endpoints: {default: allow, allow: [POST /libpod/**]}\n", (Allow, 1, 0)),
        ("endpoints: {allow: [POST /libpod/**]}\n", (Deny, 1, 0)),
        // A list whose entries were all commented out must not open everything.
        ("endpoints:\n  allow:\n", (Deny, 0, 0)),
        ("endpoints: {allow: []}\n", (Deny, 0, 0)),
        ("endpoints: {preset: []}\n", (Deny, 0, 0)),
        ("endpoints: {preset: traefik}\n", (Deny, 9, 0)),
        ("endpoints: {preset: traefik, allow: [GET /info], deny: [GET /events]}\n", (Deny, 10, 1)),
        ("endpoints:\n  preset: [traefik, 'watchtower']\n", (Deny, 22, 0)),
    ] {
        assert_eq!(section(text), expected, "{text}");
    }
}

#[test]
fn mistakes_have_their_line_and_key() {
    let no_preset = "is not a preset: there are read-only, traefik, portainer, watchtower, jenkins, \
                     gitlab-runner, testcontainers";
    for (text, expected) in [
        ("endpoints:\n  default: refuse\n", {
            "2: endpoints.default: `refuse` is neither allow nor deny".to_owned()
        }),
        ("endpoints:\n  default: allow\n  allow: [GET /info]\n", {
            "2: endpoints.default: `allow` makes the list of what is allowed mean nothing"
                .to_owned()
        }),
        ("endpoints:\n  default: allow\n  allow: [POST /libpod/**, '* /**']\n", {
            "2: endpoints.default: `allow` makes the list of what is allowed mean nothing"
                .to_owned()
        }),
        ("endpoints:\n  default: allow\n  preset: traefik\n", {
            "2: endpoints.default: `allow` makes the list of what is allowed mean nothing"
                .to_owned()
        }),
        ("endpoints:\n  preset: traefic\n", {
            format!("2: endpoints.preset: `traefic` {no_preset}")
        }),
        ("endpoints:\n  preset:\n    - traefik\n    - all\n", {
            format!("4: endpoints.preset[1]: `all` {no_preset}")
        }),
        ("endpoints:\n  preset:\n", {
            "2: endpoints.preset: a value is missing, expected a name or a list of names".to_owned()
        }),
        ("endpoints:\n  allow:\n    - GET /info\n    - /events\n", {
            "4: endpoints.allow[1]: `/events` is not a method and a path, such as GET \
             /containers/json"
                .to_owned()
        }),
        ("endpoints:\n  deny: [GET /v1.41/info]\n", {
            "2: endpoints.deny[0]: `GET /v1.41/info` names an API version: leave it out, every \
             version is meant"
                .to_owned()
        }),
        ("endpoints:\n  allowed: []\n", {
            "2: endpoints: unknown key `allowed`, expected one of `default`, `preset`, `allow`, \
             `deny`"
                .to_owned()
        }),
    ] {
        assert_eq!(settings(text).unwrap_err(), [expected], "{text}");
    }
}

/// A preset is a configuration of its own that says the same as its name, and nothing else: what
/// one denies would be denied to the clients of another beside it.
#[test]
fn presets_are_whole_configurations() {
    for (name, text) in PRESETS {
        let own = settings(text).unwrap_or_else(|mistakes| panic!("{name}: {mistakes:?}"));
        let named = settings(&format!("endpoints: {{preset: {name}}}\n")).unwrap();
        let (own, named) = (&own.policy.endpoints, &named.policy.endpoints);
        assert_eq!((own.otherwise, own.deny.len()), (Otherwise::Deny, 0), "{name}");
        assert!(!own.allow.is_empty() && own.allow == named.allow, "{name}");
        let file = document::read(text).unwrap();
        assert!(file.restrictions.is_none() && file.general.is_none(), "{name}");
        assert!(file.endpoints.unwrap().preset.is_none(), "{name}");
    }
}

/// What people are told to write means what they are told.
#[test]
fn examples_are_valid() {
    let example = include_str!("../../../config.yml");
    let (_, section) = example.split_once("# endpoints:").unwrap();
    let section = section.lines().map_while(|line| line.strip_prefix('#').or(Some(line)));
    let section: Vec<_> = section.take_while(|line| !line.contains("The sections below")).collect();
    assert_eq!(section_of(&section.join("\n")), (Otherwise::Deny, 30, 1));
    let manual = include_str!("../../../docs/CONFIGURATION.md");
    let (_, block) = manual.split_once("```yaml\nendpoints:").unwrap();
    let (section, _) = block.split_once("```").unwrap();
    assert_eq!(section_of(section), (Otherwise::Deny, 11, 1));
    for (name, _) in PRESETS {
        assert!(
            manual.contains(&format!("\n| `{name}` | ")),
            "{name} is not in docs/CONFIGURATION.md"
        );
    }
}

fn section_of(body: &str) -> (Otherwise, usize, usize) {
    let body = body.lines().filter(|line| !line.trim().is_empty()).map(|line| format!("{line}\n"));
    section(&format!("endpoints:\n{}", body.collect::<String>()))
}

/// The entries in the table for those who come from a socket proxy.
#[test]
fn what_a_socket_proxy_says_can_be_said_here() {
    let manual = include_str!("../../../docs/MIGRATION.md");
    let (_, table) = manual.split_once("## From a socket proxy").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `")).take(7);
    let entries = rows.filter_map(|row| row.split(" | ").nth(1)).flat_map(|right| {
        right.split('`').filter(|text| text.contains(" /")).map(|text| text.replace("\\|", "|"))
    });
    let mut read = 0;
    for entry in entries.filter(|text| !text.starts_with("allow:")) {
        EndpointEntry::parse(entry.trim_matches('"')).unwrap();
        read += 1;
    }
    assert_eq!(read, 13);
}
