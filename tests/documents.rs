//! The documents are right: every block in them is run or loaded, links lead somewhere, names of files and
//! commands exist, and nothing stands there twice.
//!
//! What takes a Docker engine is run by another test, which reads the very block; `documents/claims.rs` says
//! which one. A block that no rule here knows fails with its file and line.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test should say where")]

#[path = "support/authority.rs"]
#[allow(dead_code, reason = "part of it is for other tests")]
mod authority;
#[path = "documents/claims.rs"]
mod claims;
mod command;
#[path = "documents/commands.rs"]
mod commands;
#[path = "documents/configurations.rs"]
mod configurations;
#[path = "support/document.rs"]
mod document;
#[path = "documents/installation.rs"]
mod installation;
#[path = "documents/keys.rs"]
mod keys;
#[path = "documents/log.rs"]
mod log;
#[path = "documents/metrics.rs"]
mod metrics;
#[path = "documents/names.rs"]
mod names;
#[path = "documents/reliability.rs"]
mod reliability;
#[path = "documents/sentences.rs"]
mod sentences;
#[path = "documents/text.rs"]
mod text;

use document::Block;

/// What each block is, by the word behind its fence: run, loaded, or shown to be what it says.
fn wrong(block: &Block) -> Vec<String> {
    match block.info.as_str() {
        "yaml" => configurations::wrong(block),
        "sh" | "console" => commands::wrong(block),
        "rust" => text::is_in_an_example(block),
        "json" => text::is_json(block),
        "text" => text::is_a_drawing(block),
        "c" | "http" | "log" | "nft" => claims::wrong(block),
        other => vec![format!("no rule knows a block of `{other}`: see tests/documents.rs")],
    }
}

#[test]
fn every_block_is_run_or_loaded() {
    let blocks = document::all().iter().flat_map(|file| document::blocks(file)).collect::<Vec<_>>();
    assert!(blocks.len() > 30, "{}", blocks.len());
    let complaints: Vec<String> = blocks
        .iter()
        .flat_map(|block| {
            wrong(block)
                .into_iter()
                .map(|what| format!("{}: {what}", block.place()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// The README is what a newcomer reads in three minutes.
#[test]
fn the_readme_is_short_and_in_order() {
    let readme = document::read("README.md");
    assert!(readme.lines().count() <= 130, "{} lines", readme.lines().count());
    let headings: Vec<_> =
        document::prose(&readme).into_iter().filter_map(|line| line.strip_prefix("## ")).collect();
    let expected = [
        "What it stops, and what not",
        "Install it, and try it",
        "The smallest useful configuration",
        "The commands",
        "Putting it in the way",
        "Beside other socket proxies",
        "What it costs",
        "Documents",
        "Contributing and licence",
    ];
    assert_eq!(headings, expected);
}

/// What the README says of the costs is what was measured.
#[test]
fn the_figures_of_the_readme_are_those_of_the_measurements() {
    let measured = document::table("docs/PERFORMANCE.md", "| work | figure | SecDocker |");
    let rows = document::table("README.md", "| work | figure | SecDocker |");
    assert_eq!(rows.len(), 4);
    for row in rows {
        let of_row = |found: &&Vec<String>| found[..2] == row[..2];
        let found = measured.iter().find(of_row).unwrap_or_else(|| panic!("not measured: {row:?}"));
        for column in [2, 3] {
            let figure = found[column].split(' ').next().unwrap();
            assert_eq!(row[column], figure, "{row:?}: docs/PERFORMANCE.md has {found:?}");
        }
    }
}
