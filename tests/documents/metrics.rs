//! The table of what is counted is what the program counts.
//!
//! `UPDATE_METRICS=1 cargo test --test documents metrics` writes it anew.

use crate::document;
use std::fs;

const DEPLOYMENT: &str = "docs/DEPLOYMENT.md";
const HEAD: &str = "| metric | kind | labels | what it tells |\n| --- | --- | --- | --- |\n";

fn table() -> String {
    let row = |family: &secdocker::metrics::Family| {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind) = (family.full_name(), family.kind.as_str());
        format!("| `{name}` | {kind} | {} | {} |\n", labels.join(", "), family.help)
    };
    secdocker::metrics::FAMILIES.iter().map(row).collect()
}

#[test]
fn the_table_of_metrics_is_that_of_the_program() {
    let text = document::read(DEPLOYMENT);
    let (before, behind) = text.split_once(HEAD).expect("the head of the table");
    let end = behind.split_inclusive('\n').take_while(|line| line.starts_with('|'));
    let length = end.map(str::len).sum::<usize>();
    let (written, rest) = behind.split_at(length);
    if std::env::var_os("UPDATE_METRICS").is_some() {
        let anew = format!("{before}{HEAD}{}{rest}", table());
        fs::write(document::root().join(DEPLOYMENT), anew).unwrap();
        return;
    }
    assert_eq!(written, table(), "UPDATE_METRICS=1 writes it");
}
