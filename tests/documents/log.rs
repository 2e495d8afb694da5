//! The table of the log's lines has every line that is made, at its level.

use crate::document;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const LOG: &str = "docs/LOG.md";

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => sources(&path, found),
            false => {
                let text = fs::read_to_string(&path).unwrap_or_default();
                found.push((
                    path.strip_prefix(document::root()).unwrap().display().to_string(),
                    text,
                ));
            }
        }
    }
}

/// The bodies of the functions of this name.
fn bodies<'a>(text: &'a str, function: &str) -> Vec<&'a str> {
    let start = format!("pub fn {function}(&self)");
    text.split(&start).skip(1).map(|rest| rest.split("\n    }\n").next().unwrap()).collect()
}

/// The variants in front of each arrow, and what stands behind it.
fn arms(body: &str) -> Vec<(Vec<String>, String)> {
    let mut arms = Vec::new();
    for arm in body.split_inclusive("=> ").collect::<Vec<_>>().windows(2) {
        let names = arm[0].split("Self::").skip(1);
        let names = names.map(|name| name.split(|c: char| !c.is_alphanumeric()).next().unwrap());
        let value = arm[1].split(['\n', ',']).next().unwrap();
        let value = if arm[1].starts_with('"') { arm[1].split('"').nth(1).unwrap() } else { value };
        arms.push((names.map(ToOwned::to_owned).collect(), value.to_owned()));
    }
    arms
}

#[test]
fn every_line_of_the_log_is_in_the_table_at_its_level() {
    let mut files = Vec::new();
    sources(&document::root().join("src"), &mut files);
    let (audit, others): (Vec<_>, Vec<_>) = files
        .into_iter()
        .partition(|(path, _)| path.starts_with("src/audit") || path.starts_with("src/record"));
    let (mut messages, mut levels) = (BTreeMap::new(), BTreeMap::<String, BTreeSet<String>>::new());
    for (_, text) in &audit {
        for (names, value) in bodies(text, "message").into_iter().flat_map(arms) {
            messages.extend(names.into_iter().map(|name| (name, value.clone())));
        }
        for (names, value) in bodies(text, "level").into_iter().flat_map(arms) {
            for name in names {
                levels.entry(name).or_default().insert(value.clone());
            }
        }
    }
    assert!(messages.len() > 20, "{messages:?}");
    let is_made = |name: &str| {
        let made = ["Event", "Notice"].map(|kind| format!("{kind}::{name}"));
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric());
        others
            .iter()
            .any(|(_, text)| made.iter().any(|made| text.split(made.as_str()).skip(1).any(ends)))
    };
    let rows = document::table(LOG, "| `msg` | level |");
    let row_of = |message: &str| {
        rows.iter().find(|row| document::spans(&row[0]).iter().any(|span| span == message))
    };
    let mut wrong = Vec::new();
    for (name, message) in messages.iter().filter(|(name, _)| is_made(name)) {
        let Some(row) = row_of(message) else {
            wrong.push(format!("{LOG} has no `{message}` ({name})"));
            continue;
        };
        for level in &levels[name] {
            let word = match level.trim_start_matches("Level::") {
                "Warn" => "warning".to_owned(),
                other => other.to_lowercase(),
            };
            // A plugin says itself how important it is.
            if level.starts_with("Level::") && !row[1].contains(&word) {
                wrong.push(format!("{LOG}: `{message}` is of level {word}, not {}", row[1]));
            }
        }
    }
    let known: BTreeSet<&String> = messages.values().collect();
    for row in &rows {
        for span in document::spans(&row[0]) {
            if !known.contains(&span) {
                wrong.push(format!("{LOG}: nothing writes `{span}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
