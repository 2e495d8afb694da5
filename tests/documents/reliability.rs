//! What the document says of failures is shown by tests that exist, and its figures are of all modules.

use crate::{document, names};
use std::fs;

const RELIABILITY: &str = "docs/RELIABILITY.md";

#[test]
fn each_failure_is_shown_by_a_test() {
    let rows = document::table(RELIABILITY, "| what fails |");
    assert!(rows.len() > 10, "{rows:?}");
    let wrong: Vec<&String> = rows
        .iter()
        .map(|row| &row[2])
        .filter(|shown| {
            let (file, test) = shown.trim_start_matches('`').split_once("` ").unwrap();
            !names::tests_of(file).iter().any(|name| name == test)
        })
        .collect();
    assert!(wrong.is_empty(), "there is no {wrong:?}");
}

/// Each room, as `scripts/cover-table.awk` names it.
#[test]
fn each_module_has_its_figures() {
    let rows = document::table(RELIABILITY, "| module | lines |");
    let listed: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    for entry in fs::read_dir(document::root().join("src")).unwrap() {
        let path = entry.unwrap().path();
        let room = path.file_stem().unwrap().to_str().unwrap();
        let is_code = path.is_dir() || !matches!(room, "lib" | "main");
        assert!(!is_code || listed.contains(&room), "`make cover` knows no {room}: {listed:?}");
    }
}
