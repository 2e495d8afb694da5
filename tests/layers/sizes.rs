//! Sizes of what is in `src`: small enough to be read at one go.
//!
//! - A file has no more than 500 lines, all of them counted.
//! - A function has no more than 60, from `fn` to its closing brace. One flat match may be longer: the body is one `match` with
//!   no more than ten lines around it, whose arms have no more than ten each, and neither decide nor repeat anything in braces.
//!   Tests are not looked at.
//! - The files of one folder, without those of the folders in it, have no more than 5,000 together.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::crates::{Crate, attribute, is_group, is_test_only, item_length};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 60;
const FOLDER_LINES_MAX: usize = 5_000;
const AROUND_A_MATCH_MAX: usize = 10;
const ARM_LINES_MAX: usize = 10;
const DECIDES: [&str; 5] = ["match", "if", "for", "while", "loop"];

/// What is still larger: `path`, or `path: function`. The list only shrinks: delete the line of what is not any more.
const LEFT: &[&str] = &[
    // src/policy
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The functions of code that are too long, and how many lines they have.
fn long_functions(tokens: TokenStream) -> Vec<(String, usize)> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(token) = tokens.get(at) {
        let rest = &tokens[at..];
        at += 1;
        match token {
            TokenTree::Punct(p) if p.as_char() == '#' => {
                if let Some((content, length)) = attribute(rest) {
                    let is_test = content.to_string() == "test" || is_test_only(&content);
                    at += length - 1 + if is_test { item_length(&rest[length..]) } else { 0 };
                }
            }
            TokenTree::Ident(word) if *word == "fn" => {
                let lines = lines_of(rest);
                if let (Some(TokenTree::Ident(name)), Some((lines, body))) = (rest.get(1), lines)
                    && lines > FUNCTION_LINES_MAX
                    && !is_flat_match(lines, body)
                {
                    found.push((name.to_string(), lines));
                }
            }
            TokenTree::Group(group) => found.extend(long_functions(group.stream())),
            _ => {}
        }
    }
    found
}

/// How many lines the function at the beginning of tokens has, and its body.
fn lines_of(tokens: &[TokenTree]) -> Option<(usize, &Group)> {
    match tokens[..item_length(tokens)].last()? {
        TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => {
            Some((body.span_close().end().line - tokens.first()?.span().start().line + 1, body))
        }
        _ => None,
    }
}

fn is_flat_match(lines: usize, body: &Group) -> bool {
    let tokens: Vec<TokenTree> = body.stream().into_iter().collect();
    let Some(start) =
        tokens.iter().rposition(|token| matches!(token, TokenTree::Ident(i) if *i == "match"))
    else {
        return false;
    };
    let Some(TokenTree::Group(arms)) =
        tokens.last().filter(|last| is_group(Some(last), Delimiter::Brace))
    else {
        return false;
    };
    let within = arms.span_close().end().line - tokens[start].span().start().line + 1;
    lines - within <= AROUND_A_MATCH_MAX
        && longest_arm(arms) <= ARM_LINES_MAX
        && !arms.stream().into_iter().any(decides)
}

/// Whether something in parentheses or braces decides or repeats; the guard of an arm does not stand in them.
fn decides(token: TokenTree) -> bool {
    let is_keyword = |token: &TokenTree| matches!(token, TokenTree::Ident(i) if DECIDES.iter().any(|word| i == word));
    match token {
        TokenTree::Group(group) => {
            group.stream().into_iter().any(|token| is_keyword(&token) || decides(token))
        }
        _ => false,
    }
}

/// The lines of the longest pattern, call or block in the arms.
fn longest_arm(arms: &Group) -> usize {
    let lines = |token: TokenTree| token.span().end().line - token.span().start().line + 1;
    arms.stream().into_iter().map(lines).max().unwrap_or(0)
}

/// What is too large, and how large it is.
fn too_large() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let name_of = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
    let (mut files, mut folders, mut found) =
        (Vec::new(), BTreeMap::<_, usize>::new(), BTreeMap::new());
    sources(&root.join("src"), &mut files);
    let read = ["src/lib.rs", "src/main.rs"].map(|file| Crate::read(&root.join(file)));
    let is_test =
        |file: &PathBuf| !read.iter().flat_map(|of| &of.modules).any(|module| module.file == *file);
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let (lines, name) = (text.lines().count(), name_of(&path));
        *folders.entry(path.parent().map(name_of).unwrap_or_default()).or_default() += lines;
        if lines > FILE_LINES_MAX {
            found.insert(
                name.clone(),
                format!("{lines} lines, of at most {FILE_LINES_MAX} in a file"),
            );
        }
        let functions =
            if is_test(&path) { Vec::new() } else { long_functions(text.parse().unwrap()) };
        for (function, lines) in functions {
            let more = format!(
                "{lines} lines, of at most {FUNCTION_LINES_MAX} in a function that is not one flat match"
            );
            found.insert(format!("{name}: {function}"), more);
        }
    }
    for (folder, lines) in folders.into_iter().filter(|(_, lines)| *lines > FOLDER_LINES_MAX) {
        found.insert(
            folder,
            format!("{lines} lines, of at most {FOLDER_LINES_MAX} right in a folder"),
        );
    }
    found
}

#[test]
fn nothing_is_too_large() {
    let found = too_large();
    let mut wrong = Vec::new();
    for (name, size) in &found {
        if !LEFT.contains(&name.as_str()) {
            wrong.push(format!("{name} has {size}"));
        }
    }
    for name in LEFT.iter().filter(|name| !found.contains_key(**name)) {
        wrong.push(format!(
            "{name} is not too large any more: delete its line in LEFT, tests/layers/sizes.rs"
        ));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn long_functions_are_told_from_flat_matches_and_tests() {
    let lines = |line: &str| format!("{line}\n").repeat(70);
    for (code, expected) in [
        (format!("impl X {{ fn f() {{\n{}}} }}", lines("a();")), vec![("f".to_owned(), 72)]),
        (format!("fn f() {{\nmatch x {{\n{}}} }}", lines("X => a,")), vec![]),
        (
            format!("fn f() {{\nmatch x {{ A => {{\n{}}} }} }}", lines("a();")),
            vec![("f".to_owned(), 73)],
        ),
        (
            format!("fn f() {{\nmatch x {{\n{} Y => {{ if b {{ c }} }} }} }}", lines("X => a,")),
            vec![("f".to_owned(), 73)],
        ),
        (
            format!("fn f() {{\n{}match x {{ A => 1 }} }}", lines("a();")),
            vec![("f".to_owned(), 72)],
        ),
        (format!("#[cfg(test)]\nmod tests {{ fn f() {{\n{}}} }}", lines("a();")), vec![]),
        (format!("#[test]\nfn f() {{\n{}}}", lines("a();")), vec![]),
        ("fn f() {}".to_owned(), vec![]),
    ] {
        assert_eq!(long_functions(code.parse().unwrap()), expected, "{code}");
    }
}
