//! What the document says of failures is shown by tests that exist, and its figures are of modules that exist.

use crate::{document, names};

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

/// A room that came since has no figures until `make cover` is run: that takes an hour.
#[test]
fn figures_are_of_modules_that_exist() {
    let rows = document::table(RELIABILITY, "| module | lines |");
    assert!(rows.len() > 10, "{rows:?}");
    let is_there = |module: &str| {
        let of_a_plugin = document::root().join(module).join("src");
        let room = document::root().join("src").join(module);
        let shared = document::root().join("shared/src").join(module);
        let is_file = [&room, &shared].iter().any(|path| path.with_extension("rs").is_file());
        room.is_dir() || is_file || of_a_plugin.is_dir()
    };
    for row in rows {
        let module = row[0].trim_matches(['`', '*']);
        assert!(module == "all" || is_there(module), "there is no module {module}");
    }
}
