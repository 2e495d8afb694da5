//! No circle of files: what a file defines can be read without what is built on it.
//!
//! A file uses another where its code, tests apart, names something that the other defines, by `use` or by path, also through
//! a re-export; a parent's item, too. Declaring a module is not using it.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use crate::crates::{Crate, Target};

/// Files that still stand in a circle. The list only shrinks: delete the line of a file that does not any more, and put that of a
/// file that was moved or taken apart beside it.
const LEFT: &[&str] = &[];

/// What each file of a crate uses: by name, relative to the repository, and for what.
type Uses = BTreeMap<String, BTreeMap<String, String>>;

pub(crate) fn uses_of(of: &Crate, name_of: impl Fn(&Path) -> String) -> Uses {
    let mut uses = Uses::new();
    for (id, module) in of.modules.iter().enumerate() {
        let from = name_of(&module.file);
        let imported = module.imports.iter().map(|(_, path)| path);
        for path in imported.chain(&module.globs).chain(&module.mentions) {
            if let Some(Target::ItemOf(other)) = of.resolve(id, path) {
                let to = name_of(&of.modules[other].file);
                if to != from {
                    let used = uses.entry(from.clone()).or_default();
                    used.entry(to).or_insert_with(|| path.join("::"));
                }
            }
        }
    }
    uses
}

/// The shortest way from a file back to itself, each step with what is named there.
fn circle_of(file: &str, uses: &Uses) -> Option<Vec<String>> {
    let mut reached_from = BTreeMap::new();
    let mut ahead = VecDeque::from([file]);
    while let Some(at) = ahead.pop_front() {
        for (to, what) in uses.get(at).into_iter().flatten() {
            if !reached_from.contains_key(to.as_str()) {
                reached_from.insert(to.as_str(), (at, what));
                ahead.push_back(to);
            }
        }
    }
    let (mut circle, mut to) = (Vec::new(), file);
    while circle.is_empty() || to != file {
        let (at, what) = reached_from.get(to)?;
        circle.push(format!("{at} names {what} of {to}"));
        to = *at;
    }
    circle.reverse();
    Some(circle)
}

fn roots() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut roots =
        ["src/lib.rs", "src/main.rs", "shared/src/lib.rs"].map(|file| root.join(file)).to_vec();
    let plugins = ["plugins", "plugins/examples"].map(|folder| root.join(folder));
    for entry in
        plugins.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten())
    {
        roots.push(entry.path().join("src/lib.rs"));
    }
    roots.retain(|path| path.is_file());
    roots
}

fn circles() -> BTreeMap<String, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let name_of = |file: &Path| {
        let file = fs::canonicalize(file).unwrap();
        file.strip_prefix(root).unwrap_or(&file).display().to_string()
    };
    let mut found = BTreeMap::new();
    for root in roots() {
        let uses = uses_of(&Crate::read(&root), name_of);
        for file in uses.keys() {
            if let Some(circle) = circle_of(file, &uses) {
                found.insert(file.clone(), circle);
            }
        }
    }
    found
}

#[test]
fn no_circle_of_files() {
    let circles = circles();
    let mut wrong = Vec::new();
    for (file, circle) in &circles {
        if !LEFT.contains(&file.as_str()) {
            wrong.push(format!(
                "{file} stands in a circle of files:\n    {}",
                circle.join("\n    ")
            ));
        }
    }
    for file in LEFT {
        if !circles.contains_key(*file) {
            wrong.push(format!(
                "{file} does not stand in a circle any more: delete its line in LEFT, tests/layers/circles.rs"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn circles_are_found_by_what_is_named() {
    let read = |files: &[(&str, &str)]| {
        let mut of = Crate { modules: Vec::new() };
        let root = of.read_text(Path::new("lib.rs"), None, "pub use a::A;");
        for (name, text) in files {
            let child = of.read_text(Path::new(name), Some(root), text);
            of.modules[root].children.insert(name.to_string(), child);
        }
        let uses = uses_of(&of, |file| file.display().to_string());
        circle_of("a", &uses).is_some()
    };
    for (a, b, is_circle) in [
        ("use crate::b::B; struct A;", "use super::a::A; struct B;", true),
        ("use crate::b::B; struct A;", "use crate::A; struct B;", true),
        ("struct A; fn x() { super::b::y() }", "fn y() -> crate::a::A {}", true),
        ("use super::{b, c}; struct A; fn x() { b::y() }", "use crate::a::*; fn y() -> A {}", true),
        ("#[serde(with = \"super::b::y\")] struct A;", "fn y() -> crate::a::A {}", true),
        ("use crate::b; struct A;", "use crate::a::A; struct B;", false),
        ("struct A;", "use crate::a::A; struct B;", false),
        ("// crate::b::B\nstruct A;", "use crate::a::A; struct B;", false),
        ("pub(in crate::b) struct A;", "use crate::a::A; struct B;", false),
        (
            "struct A; #[cfg(test)] mod tests { use crate::b::B; }",
            "use crate::a::A; struct B;",
            false,
        ),
        ("#[cfg(test)] use crate::b::B; struct A;", "use crate::a::A; struct B;", false),
    ] {
        assert_eq!(read(&[("a", a), ("b", b)]), is_circle, "a: {a}\nb: {b}");
    }
}
