//! Names in documents: of files, rooms, tests and variables, and links between the documents.

use crate::document;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// `SECDOCKER_ENGINE`: capitals only.
pub(crate) fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

/// Whether a script, the Makefile or a test has this variable.
pub(crate) fn is_read_somewhere(name: &str) -> bool {
    // By the crate proptest.
    if name == "PROPTEST_CASES" {
        return true;
    }
    let mut files = vec![document::root().join("Makefile")];
    for folder in ["scripts", "tests", "src"] {
        files_in(&document::root().join(folder), &mut files);
    }
    let here = ["documents", "README.md"];
    files
        .iter()
        .filter(|file| !here.iter().any(|part| file.to_str().unwrap().contains(part)))
        .any(|file| fs::read_to_string(file).is_ok_and(|text| text.contains(name)))
}

fn files_in(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => files_in(&entry.path(), found),
            false => found.push(entry.path()),
        }
    }
}

/// The tests of a test binary.
pub(crate) fn tests_of(name: &str) -> Vec<String> {
    let mut files = vec![document::root().join(format!("tests/{name}.rs"))];
    files_in(&document::root().join("tests").join(name), &mut files);
    files.iter().flat_map(|file| tests_in(&fs::read_to_string(file).unwrap_or_default())).collect()
}

/// The tests beside the code, each behind the path of its module.
pub(crate) fn tests_of_rooms() -> Vec<String> {
    let (mut files, source) = (Vec::new(), document::root().join("src"));
    files_in(&source, &mut files);
    let path = |file: &Path| {
        let module = file.strip_prefix(&source).unwrap().with_extension("");
        module.to_str().unwrap().trim_end_matches("/mod").replace('/', "::")
    };
    let of_file = |file: &PathBuf| -> Vec<String> {
        let tests = tests_in(&fs::read_to_string(file).unwrap_or_default());
        tests.iter().map(|test| format!("{}::{test}", path(file))).collect()
    };
    files.iter().flat_map(of_file).collect()
}

fn tests_in(text: &str) -> Vec<String> {
    let behind = text.split("#[test]").skip(1);
    behind
        .filter_map(|rest| rest.split_once("fn ")?.1.split('(').next().map(ToOwned::to_owned))
        .collect()
}

/// What a heading is called in a link, as GitHub has it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(file: &str) -> HashSet<String> {
    let text = document::read(file);
    let prose = document::prose(&text);
    let headings = prose.into_iter().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

/// The targets of a text's links, `[…](…)`.
fn links(text: &str) -> Vec<String> {
    let behind = text.split("](").skip(1);
    behind.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// What is wrong with a link from a file.
fn broken(file: &str, link: &str) -> Option<String> {
    if link.starts_with("https://") {
        return None;
    }
    let (path, part) = link.split_once('#').unwrap_or((link, ""));
    let folder = Path::new(file).parent().unwrap();
    let target = if path.is_empty() { PathBuf::from(file) } else { folder.join(path) };
    let full = document::root().join(&target);
    if !full.exists() {
        return Some(format!("{file}: there is no {link}"));
    }
    let relative = full.canonicalize().unwrap();
    let relative = relative.strip_prefix(document::root()).unwrap().to_str().unwrap().to_owned();
    let is_missing = !part.is_empty() && !anchors(&relative).contains(part);
    is_missing.then(|| format!("{file}: {relative} has no heading #{part}"))
}

#[test]
fn every_link_leads_somewhere() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for file in document::all() {
        let text = document::read(&file);
        let links = links(&document::prose(&text).join("\n"));
        count += links.len();
        wrong.extend(links.iter().filter_map(|link| broken(&file, link)));
    }
    assert!(count > 60, "{count} links");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every document can be reached from the README, in two steps at most.
#[test]
fn every_document_is_linked_from_the_readme() {
    let reached = |file: &str| -> HashSet<String> {
        let folder = Path::new(file).parent().unwrap().to_owned();
        let text = document::read(file);
        let paths = links(&text).into_iter().filter(|link| !link.contains("://"));
        let path = |link: String| {
            let path = folder.join(link.split('#').next().unwrap());
            let full = document::root().join(path).canonicalize().ok()?;
            Some(full.strip_prefix(document::root()).ok()?.to_str()?.to_owned())
        };
        paths.filter_map(path).filter(|path| path.ends_with(".md")).collect()
    };
    let first = reached("README.md");
    let second: HashSet<String> = first.iter().flat_map(|file| reached(file)).collect();
    let is_lost = |file: &&String| {
        let is_data = file.contains("/tests/api/");
        !is_data && *file != "README.md" && !first.contains(*file) && !second.contains(*file)
    };
    let all = document::all();
    let lost: Vec<_> = all.iter().filter(is_lost).collect();
    assert!(lost.is_empty(), "the README leads to none of {lost:?}");
}

/// Folders whose files documents name.
const FOLDERS: [&str; 13] = [
    "src/",
    "tests/",
    "docs/",
    "scripts/",
    "benches/",
    "plugins/interface/",
    "plugins/examples/",
    "plugins/anchore/",
    "plugins/notary/",
    "plugins/harbor/",
    "presets/",
    "deploy/",
    "fuzz/",
];

/// Whether a word is the path of a file or folder of the repository, as far as it can be seen.
fn is_path(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    let begins = FOLDERS.iter().any(|folder| word.starts_with(folder)) || word == ".ci/run";
    begins && word.bytes().all(is_plain)
}

/// Names change; the documents have to go along.
#[test]
fn every_file_that_a_document_names_exists() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for file in document::all().iter().filter(|file| *file != "CHANGELOG.md") {
        let text = document::read(file);
        let lines = document::prose(&text).join("\n");
        for span in document::spans(&lines) {
            let word = span.split_whitespace().next().unwrap_or_default();
            if is_path(word) {
                count += 1;
                let there = document::root().join(word).exists();
                wrong.extend((!there).then(|| format!("{file}: there is no {word}")));
            }
        }
    }
    assert!(count > 30, "{count} files");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `room/file`, in the drawings and sentences of the page that explains the code.
#[test]
fn every_part_of_a_room_that_the_architecture_names_exists() {
    let source = document::root().join("src");
    let rooms: HashSet<String> = fs::read_dir(&source)
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let text = document::read("docs/ARCHITECTURE.md");
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | ':');
    let words = text.split(|c| !is_part(c)).map(|word| word.trim_matches(['/', ':']));
    let (mut wrong, mut count) = (Vec::new(), 0);
    for word in words {
        let Some((room, part)) = word.split_once('/') else { continue };
        let part = part.split("::").next().unwrap();
        if !rooms.contains(room) || part.is_empty() {
            continue;
        }
        count += 1;
        let at = source.join(room).join(part);
        if !at.exists() && !at.with_extension("rs").exists() {
            wrong.push(format!("docs/ARCHITECTURE.md: there is no {word}"));
        }
    }
    assert!(count > 10, "{count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The table of the tests has every test binary.
#[test]
fn every_test_binary_is_in_the_table_of_tests() {
    let table = document::read("tests/README.md");
    let files = fs::read_dir(document::root().join("tests")).unwrap().flatten();
    let names = files.map(|file| file.file_name().into_string().unwrap());
    let missing: Vec<_> = names
        .filter(|name| name.ends_with(".rs") && !table.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "tests/README.md has none of {missing:?}");
}
