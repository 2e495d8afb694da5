//! The commands and options of the command line, as its parser has them.

use std::collections::BTreeSet;

const PARSER: &str = include_str!("../../src/cli/arguments.rs");

/// What stands behind `before`, up to the next quote.
fn behind(before: &str) -> BTreeSet<&'static str> {
    let code = PARSER.split("fn parse(").nth(1).unwrap();
    code.split(before).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

/// Every long option.
pub(crate) fn options() -> BTreeSet<&'static str> {
    let found = behind("Long(\"");
    assert!(found.contains("config") && found.contains("backend") && found.len() > 10, "{found:?}");
    found
}

/// Every command.
pub(crate) fn commands() -> BTreeSet<&'static str> {
    let mut found = behind("Some(\"");
    // `None | Some("run")`, and what `redirect` asks for.
    found.retain(|name| !name.is_empty());
    assert!(found.contains("check") && found.contains("init") && found.len() > 5, "{found:?}");
    found
}
