//! What the documents show: their fenced blocks, so that tests run the very text that people copy.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use std::fs;
use std::path::{Path, PathBuf};

/// A fenced block of a document.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// The document, from the root of the repository.
    pub(crate) file: String,
    /// The line of the opening fence, counted from 1.
    pub(crate) line: usize,
    /// What is written behind the fence: `yaml`, `sh`, `text`.
    pub(crate) info: String,
    pub(crate) text: String,
}

impl Block {
    /// Where it is, for messages.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// Its lines, joined where one ends in a backslash.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.text.replace("\\\n", " ").lines().map(ToOwned::to_owned).collect()
    }

    /// The commands in it: those behind a prompt where there are prompts, else every line.
    pub(crate) fn commands(&self) -> Vec<String> {
        let command = |line: &str| match self.info.as_str() {
            "console" => line.strip_prefix("$ ").or(line.strip_prefix("# ")).map(bare),
            _ => Some(bare(line)).filter(|line| !line.is_empty()),
        };
        self.lines().iter().filter_map(|line| command(line)).collect()
    }

    /// What the program answers: the lines of a console without a prompt.
    pub(crate) fn output(&self) -> Vec<String> {
        let is_command = |line: &str| line.starts_with("$ ") || line.starts_with("# ");
        self.lines().into_iter().filter(|line| !is_command(line)).collect()
    }
}

/// A command without the comment behind it.
fn bare(line: &str) -> String {
    let end = line.find("  #").or_else(|| line.starts_with('#').then_some(0));
    line.get(..end.unwrap_or(line.len())).unwrap().trim_end().to_owned()
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a document, by its path from the root of the repository.
#[track_caller]
pub(crate) fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Every fenced block of a document.
#[track_caller]
pub(crate) fn blocks(file: &str) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for (index, line) in read(file).lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), open.as_mut()) {
            (Some(info), None) => {
                let (info, text) = (info.trim().to_owned(), String::new());
                open = Some(Block { file: file.to_owned(), line: index + 1, info, text });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{file}: a block has no end: {open:?}");
    blocks
}

/// The one block of a document in which this text stands.
#[track_caller]
pub(crate) fn block(file: &str, text: &str) -> Block {
    let found: Vec<_> =
        blocks(file).into_iter().filter(|block| block.text.contains(text)).collect();
    assert_eq!(found.len(), 1, "{file} has one block with {text:?}");
    found.into_iter().next().unwrap()
}

/// The rows of the one table of a document whose head begins with these cells, without the head.
#[track_caller]
pub(crate) fn table(file: &str, head: &str) -> Vec<Vec<String>> {
    let text = read(file);
    let mut lines = text.lines().skip_while(|line| !line.starts_with(head));
    assert!(lines.next().is_some(), "{file} has no table that begins with {head:?}");
    lines.skip(1).take_while(|line| line.starts_with('|')).map(cells).collect()
}

/// The cells of a table's row; `\|` is part of a cell.
pub(crate) fn cells(line: &str) -> Vec<String> {
    let line = line.trim().trim_start_matches('|').trim_end_matches('|').replace("\\|", "\0");
    line.split('|').map(|cell| cell.trim().replace('\0', "|")).collect()
}

/// The code spans of a text, what stands between two backticks; `\|` is a bar in a table.
pub(crate) fn spans(text: &str) -> Vec<String> {
    let one_line = |span: &str| span.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("\\|", "|").split('`').skip(1).step_by(2).map(one_line).collect()
}

/// A text with its fenced blocks left empty, line by line, so that numbers stay.
pub(crate) fn prose(text: &str) -> Vec<&str> {
    let mut inside = false;
    let outside = |line| {
        let fence = str::trim_start(line).starts_with("```");
        inside ^= fence;
        if inside || fence { "" } else { line }
    };
    text.lines().map(outside).collect()
}

/// Every document: those beside the code too, but not those of other people's packages.
pub(crate) fn all() -> Vec<String> {
    let mut found = Vec::new();
    for folder in
        [".", "docs", "fuzz", "tests", "plugins", "benches", "presets", "deploy", "scripts"]
    {
        collect(Path::new(folder), folder != ".", &mut found);
    }
    found.sort();
    found
}

fn collect(folder: &Path, deep: bool, found: &mut Vec<String>) {
    for entry in fs::read_dir(root().join(folder)).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let path: PathBuf =
            if folder == Path::new(".") { name.clone().into() } else { folder.join(&name) };
        let is_folder = entry.file_type().unwrap().is_dir();
        if is_folder && deep && !matches!(name.as_str(), "node_modules" | "target" | "corpus") {
            collect(&path, true, found);
        } else if !is_folder && name.ends_with(".md") {
            found.push(path.to_str().unwrap().to_owned());
        }
    }
}
