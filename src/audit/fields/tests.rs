use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use log::Level;

use super::super::line::{Format, Line};
use super::super::notice::Notice;
use super::*;
use crate::client::Peer;
use crate::record::{Event, Redacted};

/// The line of an event, from `msg` on.
fn line(message: &str, level: Level, fields: &dyn Source) -> String {
    let show = |args: fmt::Arguments<'_>| {
        let builder = &mut log::Record::builder();
        let record = builder.level(level).key_values(&fields).args(args).build();
        let at = SystemTime::UNIX_EPOCH;
        Line { format: Format::Logfmt, at, record: &record }.to_string()
    };
    let whole = show(format_args!("{message}"));
    whole.strip_prefix("time=\"1970-01-01T00:00:00Z\" ").unwrap_or(&whole).to_owned()
}

#[test]
fn events_name_the_client_and_escape_what_it_sent() {
    let peer = Peer::Tcp("[::ffff:10.0.0.5]:4123".parse().unwrap_or_else(|_| unreachable!()));
    let client = ClientId { connection: 7, peer, name: None };
    let unix = Peer::Unix { uid: 1000, pid: 42 };
    let unix = ClientId { connection: 8, peer: unix, name: Some(Arc::new("ci".to_owned())) };
    let target = Redacted("/build\u{7f}?buildargs=x");
    let who = "client=\"10.0.0.5:4123\" connection=7";
    let table = [
        (
            client.clone(),
            Event::Received { method: "GET", target },
            format!(
                "level=info msg=\"request received\" {who} method=GET \
                 target=\"/build\\u007f?buildargs=***\""
            ),
        ),
        (
            client.clone(),
            Event::Forbidden {
                method: "POST",
                target: Redacted("/containers/create"),
                violations: &"host port 22 (rule \"22\")",
            },
            format!(
                "level=warning msg=\"forbidden option requested\" {who} method=POST \
                 target=/containers/create violations=\"host port 22 (rule \\\"22\\\")\""
            ),
        ),
        (
            unix,
            Event::Invalid { status: 400, reason: &"bare LF" },
            "level=warning msg=\"request refused\" client=unix/uid-1000/pid-42 connection=8 \
             client_name=ci status=400 reason=\"bare LF\""
                .to_owned(),
        ),
        (
            client,
            Event::RawStreamEnded { from_client: 1, to_client: 20 },
            format!("level=info msg=\"raw stream ended\" {who} from_client=1 to_client=20"),
        ),
    ];
    for (client, event, expected) in table {
        let fields = Fields { client: &client, told: &event };
        let level = super::super::log_level(event.level());
        assert_eq!(line(event.message(), level, &fields), expected);
    }
}

#[test]
fn notices_have_no_client() {
    let notice = Notice::ReloadFailed { reason: &"config.yml:3: x" };
    let expected = "level=error msg=\"configuration refused, the old one stays in force\" \
                    reason=\"config.yml:3: x\"";
    assert_eq!(line(notice.message(), notice.level(), &notice), expected);
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All that is compiled into the program, but its tests and what defines the kinds.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            sources(&path, found);
        } else if !name.ends_with("tests.rs") && !path.to_string_lossy().contains("/tests/") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            found.push(
                text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned(),
            );
        }
    }
}

/// The kinds that an enumeration of this file has.
fn kinds(file: &str, name: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(file)).unwrap_or_default();
    let body = text.split(&format!("pub enum {name}<'a> {{")).nth(1).unwrap_or_default();
    let body = body.split("\n}").next().unwrap_or_default();
    let kind = |line: &str| {
        let line = line.strip_prefix("    ").filter(|line| line.starts_with(char::is_uppercase))?;
        Some(line.chars().take_while(char::is_ascii_alphanumeric).collect())
    };
    body.lines().filter_map(kind).collect()
}

/// The words of a kind, as its `message` gives them.
fn messages(file: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(file)).unwrap_or_default();
    let body = text.split("fn message(").nth(1).unwrap_or_default();
    let body = body.split("\n    }").next().unwrap_or_default();
    body.lines().filter_map(|line| Some(line.split('"').nth(1)?.to_owned())).collect()
}

/// What is in the vocabulary is said somewhere, and explained in docs/LOG.md.
#[test]
fn every_kind_is_made_and_documented() {
    let mut texts = Vec::new();
    sources(&root().join("src"), &mut texts);
    let documented = fs::read_to_string(root().join("docs/LOG.md")).unwrap_or_default();
    for (file, name, aliases) in [
        ("src/record/event.rs", "Event", &["Event::", "Record::"][..]),
        ("src/audit/notice.rs", "Notice", &["Notice::"]),
    ] {
        let (kinds, messages) = (kinds(file, name), messages(file));
        assert!(kinds.len() > 10 && messages.len() == kinds.len(), "{kinds:?} {messages:?}");
        for kind in kinds {
            let is_made = |text: &String| {
                aliases.iter().any(|alias| {
                    text.split(&format!("{alias}{kind}"))
                        .skip(1)
                        .any(|rest| !rest.starts_with(|next: char| next.is_alphanumeric()))
                })
            };
            assert!(texts.iter().any(is_made), "nothing makes {name}::{kind}");
        }
        for message in messages {
            assert!(documented.contains(&format!("`{message}`")), "docs/LOG.md: {message}");
        }
    }
}
