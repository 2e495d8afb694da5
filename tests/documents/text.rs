//! Blocks that are neither commands nor configurations, and what a document must not have at all.

use crate::document::{self, Block};
use std::collections::HashSet;
use std::fs;

/// What a drawing is made of.
const STROKES: [char; 8] = ['─', '│', '►', '◄', '┌', '└', '▲', '▼'];

/// Text without a test is a drawing, and nothing else.
pub(crate) fn is_a_drawing(block: &Block) -> Vec<String> {
    let has_strokes = block.text.contains(STROKES);
    if has_strokes { vec![] } else { vec!["it is not a drawing: say what it is".to_owned()] }
}

/// What an engine or SecDocker leaves out in a document is a single `…`.
pub(crate) fn is_json(block: &Block) -> Vec<String> {
    let parsed = serde_json::from_str::<serde_json::Value>(&block.text);
    parsed.err().map(|error| format!("it is not JSON: {error}")).into_iter().collect()
}

/// Code in a document is part of an example, which is built and loaded by tests.
pub(crate) fn is_in_an_example(block: &Block) -> Vec<String> {
    let folder = document::root().join("plugins/examples");
    let examples = fs::read_dir(folder).unwrap().flatten();
    let is_there = examples
        .filter_map(|example| fs::read_to_string(example.path().join("src/lib.rs")).ok())
        .any(|source| source.contains(block.text.trim_end()));
    if is_there { vec![] } else { vec!["no file of plugins/examples has this text".to_owned()] }
}

/// Documents are merged line by line: what two people added stands there twice.
#[test]
fn nothing_stands_there_twice() {
    let twice: Vec<String> = document::all().iter().flat_map(|file| doubled(file)).collect();
    assert!(twice.is_empty(), "{}", twice.join("\n"));
}

/// Documents with tables in which several rows are of one name: measurements, engines, endpoints.
const MANY_ROWS: [&str; 3] = ["docs/PERFORMANCE.md", "docs/ENGINES.md", "docs/COVERAGE.md"];

fn doubled(file: &str) -> Vec<String> {
    let text = document::read(file);
    let (mut found, mut rows, mut lines) = (Vec::new(), HashSet::new(), HashSet::new());
    for (index, line) in document::prose(&text).into_iter().enumerate() {
        if !line.starts_with('|') {
            rows.clear();
        }
        let first = document::cells(line).into_iter().next().unwrap_or_default();
        let is_row = line.starts_with('|') && !MANY_ROWS.contains(&file);
        let is_text = !line.starts_with('|') && line.len() > 40;
        if is_row && !first.is_empty() && !rows.insert(first) || is_text && !lines.insert(line) {
            found.push(format!("{file}:{}: twice: {line}", index + 1));
        }
    }
    found
}

/// A heading or a table without an empty line above it is text to some readers.
#[test]
fn headings_and_tables_begin_behind_an_empty_line() {
    let mut wrong = Vec::new();
    for file in document::all() {
        let text = document::read(&file);
        let mut above = "";
        for (index, line) in document::prose(&text).into_iter().enumerate() {
            let is_heading = line.starts_with('#') && line.trim_start_matches('#').starts_with(' ');
            let begins_a_table = line.starts_with("| ") && !above.starts_with('|');
            if (is_heading || begins_a_table) && !above.is_empty() {
                wrong.push(format!("{file}:{}: {line}", index + 1));
            }
            above = line;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
