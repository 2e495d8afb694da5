//! The keys in the documents are those of the schema, both ways, and so are the defaults.

use crate::configurations;
use crate::document;
use std::collections::BTreeSet;

const CONFIGURATION: &str = "docs/CONFIGURATION.md";
const SCHEMA: &str = "src/config/schema.rs";

/// The fields of a struct, as the configuration writes them.
fn fields(file: &str, name: &str) -> BTreeSet<String> {
    let text = document::read(file);
    let start = format!("struct {name} {{\n");
    let body = text.split_once(&start).unwrap_or_else(|| panic!("{file} has no struct {name}")).1;
    let lines = body.split("\n}").next().unwrap().lines();
    let field = |line: &str| {
        let line = line.trim().trim_start_matches("pub(super) ");
        let (name, _) = line.split_once(": ")?;
        let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        // `match` is a word of Rust's.
        is_name.then(|| if name == "wanted" { "match" } else { name }.to_owned())
    };
    lines.filter_map(field).collect()
}

/// The text below a heading, up to the next one.
fn section(file: &str, heading: &str) -> String {
    let text = document::read(file);
    let behind =
        text.split_once(&format!("\n{heading}")).unwrap_or_else(|| panic!("{file}: {heading}")).1;
    behind.split("\n## ").next().unwrap().to_owned()
}

/// The rows of the table in a text whose head begins so.
fn rows(text: &str, head: &str) -> Vec<Vec<String>> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with(head));
    assert!(lines.next().is_some(), "no table begins with {head:?}");
    lines.skip(1).take_while(|line| line.starts_with('|')).map(document::cells).collect()
}

/// The keys that a row is about: `inherit` of "`inherit: true`".
fn names(cell: &str) -> Vec<String> {
    document::spans(cell).iter().map(|span| span.split(':').next().unwrap().to_owned()).collect()
}

fn keys_of(text: &str, head: &str) -> BTreeSet<String> {
    rows(text, head).iter().flat_map(|row| names(&row[0])).collect()
}

/// The text above the first heading: what every key at the top is.
fn top() -> Vec<Vec<String>> {
    let text = document::read(CONFIGURATION);
    rows(text.split("\n## ").next().unwrap(), "| key | meaning | default |")
}

#[test]
fn each_table_has_the_keys_of_its_section() {
    let tables = [
        ("Restrictions", "## `restrictions`", "| key |"),
        ("General", "## `general`", "| key |"),
        ("Endpoints", "## `endpoints`", "| key |"),
        ("ClientKeys", "## `clients`", "| key of an entry |"),
        ("MatchKeys", "## `clients`", "| in `match` |"),
        ("ClientLimits", "## `clients`", "| in `limits` of an entry |"),
        ("Limits", "## `limits`", "| key |"),
    ];
    for (name, heading, head) in tables {
        let documented = keys_of(&section(CONFIGURATION, heading), head);
        assert_eq!(documented, fields(SCHEMA, name), "{CONFIGURATION}: {heading}: {head}");
    }
}

/// `listen.tcp` and the like: of each section its keys, and of the file its sections.
#[test]
fn the_first_table_has_every_section() {
    let tls = section(CONFIGURATION, "## `listen.tls`");
    let tls = rows(&tls, "| key | meaning | default |");
    let dotted: BTreeSet<String> =
        top().iter().chain(&tls).flat_map(|row| names(&row[0])).collect();
    let below = |section: &str| -> BTreeSet<String> {
        let part =
            |key: &String| key.strip_prefix(section)?.split('.').next().map(ToOwned::to_owned);
        dotted.iter().filter_map(part).collect()
    };
    for (prefix, name) in [
        ("", "File"),
        ("listen.", "Listen"),
        ("listen.tls.", "ListenTls"),
        ("upstream.tls.", "UpstreamTls"),
        ("log.", "Log"),
        ("metrics.", "Metrics"),
    ] {
        assert_eq!(below(prefix), fields(SCHEMA, name), "{CONFIGURATION}: {prefix}");
    }
}

#[test]
fn keys_in_sentences_are_those_of_the_schema() {
    let exceptions = section(CONFIGURATION, "## `exceptions`");
    let first = exceptions.trim_start().split("\n\n").nth(1).unwrap();
    let documented: BTreeSet<String> = names(first).into_iter().collect();
    assert_eq!(documented, fields(SCHEMA, "ExceptionKeys"), "{first}");
    let matches = rows(&section(CONFIGURATION, "## `clients`"), "| in `match` |");
    for (key, name) in [("certificate", "CertificateKeys"), ("container", "ContainerKeys")] {
        let row = matches.iter().find(|row| names(&row[0]) == [key]).unwrap();
        let said = names(&row[1]);
        let missing: Vec<_> =
            fields(SCHEMA, name).into_iter().filter(|field| !said.contains(field)).collect();
        assert!(missing.is_empty(), "{CONFIGURATION}: `{key}` lacks {missing:?}");
    }
    let example = document::block("docs/PLUGINS.md", "plugin_threads").text;
    let shown = |key: &String| {
        let forms = [
            format!("\n  {key}:"),
            format!("\n- {key}:"),
            format!("{{{key}:"),
            format!(", {key}:"),
        ];
        forms.iter().any(|form| example.contains(form))
    };
    for name in ["PluginKeys", "PluginCache"] {
        let missing: Vec<_> = fields(SCHEMA, name).into_iter().filter(|key| !shown(key)).collect();
        assert!(missing.is_empty(), "docs/PLUGINS.md: {name} lacks {missing:?}");
    }
}

#[test]
fn each_plugin_documents_its_keys() {
    for plugin in ["anchore", "harbor", "notary"] {
        let readme = format!("plugins/{plugin}/README.md");
        let documented = keys_of(&document::read(&readme), "| key | meaning | default |");
        let fields = fields(&format!("plugins/{plugin}/src/config.rs"), "Keys");
        assert_eq!(documented, fields, "{readme}");
    }
}

/// A key and its default, as a configuration.
fn configured(key: &str, value: &str) -> String {
    let parts: Vec<&str> = key.split('.').collect();
    let open: String = parts.iter().map(|part| format!("{{{part}: ")).collect();
    format!("{open}\"{value}\"{}\n", "}".repeat(parts.len()))
}

/// Saying the default changes nothing.
#[test]
fn each_default_is_the_one_that_is_in_force() {
    let limits = rows(&section(CONFIGURATION, "## `limits`"), "| key | default |");
    let of_limits =
        limits.into_iter().map(|row| (format!("limits.{}", names(&row[0])[0]), row[1].clone()));
    let mut pairs: Vec<(String, String)> = of_limits.collect();
    for row in top() {
        pairs.extend(names(&row[0]).into_iter().zip(row[2].split(", ").map(ToOwned::to_owned)));
    }
    let silent = configurations::settings("strict: false\n").unwrap();
    let mut count = 0;
    for (key, default) in pairs {
        let Some(value) = default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) else {
            continue;
        };
        count += 1;
        // The mode is that of a socket, so there must be one.
        let (text, silent) = match key.as_str() {
            "metrics.unix_mode" => (
                format!("metrics: {{listen: /x, unix_mode: \"{value}\"}}\n"),
                configurations::settings("metrics: {listen: /x}\n").unwrap(),
            ),
            "listen.unix_mode" => (
                format!("listen: {{unix: /x, unix_mode: \"{value}\"}}\n"),
                configurations::settings("listen: {unix: /x}\n").unwrap(),
            ),
            _ => (configured(&key, value), silent.clone()),
        };
        assert_eq!(configurations::settings(&text).as_ref(), Ok(&silent), "{key}: {value}");
    }
    assert!(count >= 20, "{count} defaults");
}

/// What config.yml has behind `#` in the sections that it calls defaults.
#[test]
fn the_example_shows_defaults_where_it_says_so() {
    let silent = configurations::settings("strict: false\n").unwrap();
    for (key, text) in configurations::uncommented(&document::read("config.yml")) {
        if matches!(key.as_str(), "limits" | "log" | "strict") {
            assert_eq!(configurations::settings(&text).as_ref(), Ok(&silent), "{text}");
        }
    }
}
