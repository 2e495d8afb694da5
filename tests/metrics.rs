//! What is counted, and who may read it: `/metrics`, `/healthz`, `/readyz`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests wait for what they started, and a failed one says where"
)]

#[path = "metrics/counters.rs"]
mod counters;
#[path = "metrics/deployed.rs"]
mod deployed;
#[path = "metrics/endpoint.rs"]
mod endpoint;
#[path = "metrics/scrape.rs"]
mod scrape;
mod support;

use scrape::{Watched, check};

/// `promtool`, as Debian has it, finds nothing to say.
#[test]
fn promtool_finds_nothing_wrong() {
    let watched = Watched::before(support::Daemon::shared(), "");
    let answer = watched.ask("/metrics");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    check(&["check", "metrics"], &answer.body);
}

/// The commands of the document, each with what it says.
#[test]
fn it_is_asked_as_the_document_says() {
    let watched = Watched::before(support::Daemon::shared(), "");
    let block = support::document::block("docs/DEPLOYMENT.md", "promtool check metrics");
    let said = block.text.lines().map(|line| {
        let command =
            line.strip_prefix("$ ").unwrap().replace("127.0.0.1:9323", &watched.at.to_string());
        let command = format!("set -e; {command}");
        support::run(
            std::process::Command::new("bash").args(["-o", "pipefail", "-c", &command]),
            b"",
        )
        .ok()
    });
    assert_eq!(said.collect::<Vec<_>>(), ["ok", "ok", ""]);
}
