//! The drawing in docs/ARCHITECTURE.md, held against the code.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test should say where")]

#[path = "layers/circles.rs"]
mod circles;
#[path = "layers/crates.rs"]
mod crates;
#[path = "layers/sizes.rs"]
mod sizes;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module and the modules it may name. What is missing here may name none.
const MAY_USE: [(&str, &[&str]); 18] = [
    ("sandbox", &["config"]),
    ("admission", &["client", "docker", "effects", "http", "http2", "policy"]),
    ("client", &["image", "policy"]),
    ("http", &[]),
    ("tls", &["client"]),
    ("http2", &[]),
    ("policy", &["image"]),
    ("docker", &["http", "policy"]),
    ("effects", &["docker", "http", "image", "policy"]),
    (
        "lookup",
        &["client", "config", "docker", "effects", "http", "http2", "image", "policy", "tls"],
    ),
    ("config", &["audit", "client", "image", "policy", "tls"]),
    ("audit", &["client", "record"]),
    ("record", &["client"]),
    ("session", &["admission", "client", "docker", "effects", "http", "http2", "policy", "record"]),
    ("metrics", &["admission", "audit"]),
    ("plugins", &["audit", "config", "image", "lookup", "metrics", "policy"]),
    (
        "proxy",
        &[
            "audit", "client", "config", "http", "lookup", "metrics", "plugins", "policy",
            "record", "session", "tls",
        ],
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
            "metrics",
            "plugins",
            "policy",
            "proxy",
            "sandbox",
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

/// Rooms that decide: bytes and values in, values out.
const PURE: [&str; 8] =
    ["http", "http2", "docker", "effects", "policy", "admission", "session", "record"];

/// What they may not name, outside their tests: sockets, files, threads, locks, clocks, and the global logger.
const OUTSIDE: [&str; 17] = [
    "mio",
    "rustix",
    "socket2",
    "signal_hook",
    "libloading",
    "rustls",
    "fern",
    "log",
    "std::fs",
    "std::thread",
    "TcpStream",
    "UnixStream",
    "UdpSocket",
    "Mutex",
    "RwLock",
    "Instant::now",
    "SystemTime",
];

/// What all sessions share is counted and remembered under locks, which are held for no longer than that takes.
const SHARED: [(&str, &str); 3] = [
    ("src/admission/build_sessions.rs", "Mutex"),
    ("src/admission/images.rs", "Mutex"),
    ("src/session/budget.rs", "Mutex"),
];

/// The code of a file without comments and tests.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let without_comment = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    text.lines().map(without_comment).collect::<Vec<_>>().join("\n")
}

/// Whether a path or name stands in code: `log::max_level()`, not `catalog::x` or `self.log(`.
fn names(code: &str, wanted: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let is_crate = wanted.starts_with(|c: char| c.is_lowercase()) && !wanted.contains("::");
    code.match_indices(wanted).any(|(at, _)| {
        let (before, behind) = (&code[..at], &code[at + wanted.len()..]);
        let begins = !before.ends_with(|c: char| is_part(c) || c == '.' || c == ':');
        let ends = !behind.starts_with(is_part);
        let begins = begins || (!is_crate && before.ends_with(':'));
        begins && ends && (!is_crate || behind.starts_with("::"))
    })
}

#[test]
fn rooms_that_decide_touch_nothing_outside() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for path in PURE.into_iter().flat_map(sources_of) {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if name.contains("/tests/") || name.ends_with("tests.rs") {
            continue;
        }
        let code = code_of(&fs::read_to_string(&path).unwrap());
        for outside in OUTSIDE.into_iter().filter(|outside| names(&code, outside)) {
            match SHARED.iter().find(|(file, what)| *file == name && *what == outside) {
                Some(shared) => drop(used.insert(*shared)),
                None => wrong.push(format!("{name} names {outside}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(used, BTreeSet::from(SHARED), "an exception that nobody needs any more");
}

#[test]
fn what_is_outside_is_told_from_what_sounds_like_it() {
    for (code, outside, is_named) in [
        ("log::max_level()", "log", true),
        ("use log::Level;", "log", true),
        ("self.log(x)", "log", false),
        ("catalog::x()", "log", false),
        ("effects::log::x()", "log", false),
        ("std::sync::Mutex::new(1)", "Mutex", true),
        ("Arc<Mutex<X>>", "Mutex", true),
        ("MutexLike", "Mutex", false),
        ("std::time::Instant::now()", "Instant::now", true),
        ("Instant::nowhere()", "Instant::now", false),
        ("std::fs::read(x)", "std::fs", true),
    ] {
        assert_eq!(names(code, outside), is_named, "{code}");
    }
    assert!(!code_of("a\n#[cfg(test)]\nmod tests {\n std::fs").contains("fs"));
}
