//! The drawing in docs/ARCHITECTURE.md, held against the code.

#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module and the modules it may name. What is missing here may name none.
const MAY_USE: [(&str, &[&str]); 16] = [
    ("admission", &["audit", "client", "docker", "effects", "http", "policy"]),
    ("client", &["image", "policy"]),
    ("http", &[]),
    ("tls", &["client"]),
    ("http2", &[]),
    ("image", &[]),
    ("policy", &["image"]),
    ("docker", &["http", "policy"]),
    ("effects", &["docker", "http", "image", "policy"]),
    (
        "lookup",
        &["client", "config", "docker", "effects", "http", "http2", "image", "policy", "tls"],
    ),
    ("config", &["audit", "client", "image", "policy", "tls"]),
    ("audit", &["client"]),
    ("session", &["admission", "audit", "client", "docker", "effects", "http", "http2", "policy"]),
    ("plugins", &["audit", "config", "image", "lookup", "policy"]),
    (
        "proxy",
        &["audit", "client", "config", "http", "lookup", "plugins", "policy", "session", "tls"],
    ),
    (
        "cli",
        &[
            "admission",
            "audit",
            "client",
            "config",
            "docker",
            "effects",
            "http",
            "image",
            "lookup",
            "plugins",
            "policy",
            "proxy",
            "tls",
        ],
    ),
];

fn sources_of(module: &str) -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = vec![src.join(format!("{module}.rs"))];
    let mut folders = vec![src.join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.retain(|path| path.is_file());
    found
}

/// The modules that a text names as `crate::NAME` or `crate::{NAME, …}`, outside comments.
fn used_in(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    code.split("crate::").skip(1).flat_map(first_names).collect()
}

fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| {
        text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    };
    match rest.strip_prefix('{') {
        Some(group) => group.split('}').next().unwrap_or_default().split(',').map(name).collect(),
        None => vec![name(rest)],
    }
}

#[test]
fn no_arrow_of_use_turns_back() {
    let mut wrong = Vec::new();
    for (module, allowed) in MAY_USE {
        let sources = sources_of(module);
        assert!(!sources.is_empty(), "module `{module}` has no source");
        for path in sources {
            for used in used_in(&fs::read_to_string(&path).unwrap()) {
                if used != module && !allowed.contains(&used.as_str()) {
                    wrong.push(format!("{} uses crate::{used}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "against docs/ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_is_in_the_drawing() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared: BTreeSet<_> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let drawn: BTreeSet<_> = MAY_USE.iter().map(|(module, _)| *module).collect();
    assert_eq!(declared, drawn);
}

#[test]
fn names_are_found_alone_and_in_groups() {
    let text = "use crate::http::head;\nuse crate::{audit, policy::Policy};\n// crate::proxy\n";
    assert_eq!(used_in(text), BTreeSet::from(["http", "audit", "policy"].map(String::from)));
}
