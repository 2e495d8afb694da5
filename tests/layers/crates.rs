//! Source files as modules with what they define, import and name; read by token, without types.
//!
//! What stands under `#[cfg(test)]` is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The segments of a path: `crate`, `policy`, `Effect`.
pub(crate) type Segments = Vec<String>;

/// A module, inline or a file of its own.
#[derive(Default)]
pub(crate) struct Module {
    pub(crate) file: PathBuf,
    pub(crate) parent: Option<usize>,
    pub(crate) children: BTreeMap<String, usize>,
    /// Functions, types, constants and macros of its own.
    pub(crate) items: BTreeSet<String>,
    /// What `use` brings in: under which name, and where it is.
    pub(crate) imports: Vec<(String, Segments)>,
    pub(crate) globs: Vec<Segments>,
    /// Every other path and name in the code.
    pub(crate) mentions: BTreeSet<Segments>,
}

/// A crate, from its root file down. Module 0 is the root.
pub(crate) struct Crate {
    pub(crate) modules: Vec<Module>,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Module(usize),
    /// Something that this module defines.
    ItemOf(usize),
}

impl Crate {
    /// Reads a crate, from `src/lib.rs` or `src/main.rs` down.
    pub(crate) fn read(root: &Path) -> Self {
        let mut read = Self { modules: Vec::new() };
        read.read_file(root, None);
        read
    }

    fn read_file(&mut self, file: &Path, parent: Option<usize>) -> usize {
        let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        self.read_text(file, parent, &text)
    }

    pub(crate) fn read_text(&mut self, file: &Path, parent: Option<usize>, text: &str) -> usize {
        let tokens: TokenStream =
            text.parse().unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let module = self.add(file, parent);
        Reading { of: self, module, folder: folder_of(file) }.tokens(tokens, true);
        module
    }

    fn add(&mut self, file: &Path, parent: Option<usize>) -> usize {
        self.modules.push(Module { file: file.to_owned(), parent, ..Module::default() });
        self.modules.len() - 1
    }

    /// Where a path leads that stands in a module; `None` outside of the crate. What is re-exported leads to where it is defined.
    pub(crate) fn resolve(&self, module: usize, path: &[String]) -> Option<Target> {
        self.resolve_within(module, path, 0)
    }

    fn resolve_within(&self, module: usize, path: &[String], depth: usize) -> Option<Target> {
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(module),
            "super" => Target::Module(self.modules[module].parent?),
            name => self.look_up(module, name, rest.is_empty(), depth)?,
        };
        while let (Target::Module(here), Some((name, behind))) = (at, rest.split_first()) {
            at = match name.as_str() {
                "self" => at,
                "super" => Target::Module(self.modules[here].parent?),
                name => self.look_up(here, name, behind.is_empty(), depth)?,
            };
            rest = behind;
        }
        Some(at)
    }

    /// A name in a module. Modules and other things may bear the same one: a path goes on in the module.
    fn look_up(&self, module: usize, name: &str, is_last: bool, depth: usize) -> Option<Target> {
        let here = &self.modules[module];
        let child = here.children.get(name).map(|&child| Target::Module(child));
        if !is_last && child.is_some() {
            return child;
        }
        if here.items.contains(name) {
            return Some(Target::ItemOf(module));
        }
        if depth > 8 {
            return child;
        }
        let imported = here
            .imports
            .iter()
            .filter(|(alias, path)| alias == name && path.first().map(String::as_str) != Some(name))
            .find_map(|(_, path)| self.resolve_within(module, path, depth + 1));
        let by_glob = || {
            here.globs.iter().find_map(|glob| {
                match self.resolve_within(module, glob, depth + 1)? {
                    Target::Module(other) if other != module => {
                        self.look_up(other, name, is_last, depth + 1)
                    }
                    _ => None,
                }
            })
        };
        imported.or(child).or_else(by_glob)
    }
}

/// Where the files of a module's children are.
fn folder_of(file: &Path) -> PathBuf {
    match file.file_name().and_then(|name| name.to_str()) {
        Some("lib.rs" | "main.rs" | "mod.rs") => {
            file.parent().map(Path::to_owned).unwrap_or_default()
        }
        _ => file.with_extension(""),
    }
}

struct Reading<'a> {
    of: &'a mut Crate,
    module: usize,
    folder: PathBuf,
}

impl Reading<'_> {
    fn here(&mut self) -> &mut Module {
        &mut self.of.modules[self.module]
    }

    /// Reads tokens: of a module (`is_module`), or of something in one.
    fn tokens(&mut self, tokens: TokenStream, is_module: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let (mut at, mut file_name) = (0, None);
        while let Some(token) = tokens.get(at) {
            let rest = &tokens[at..];
            at += match token {
                TokenTree::Punct(p) if p.as_char() == '#' => match attribute(rest) {
                    Some((content, length)) if is_test_only(&content) => {
                        length + item_length(&rest[length..])
                    }
                    Some((content, length)) => {
                        file_name = path_attribute(&content).or(file_name);
                        self.paths_in_strings(content);
                        length
                    }
                    None => 1,
                },
                TokenTree::Ident(ident) => match ident.to_string().as_str() {
                    "use" if !is_punct(rest.get(1), '<') => self.import(rest),
                    "mod" if is_module => self.child(rest, file_name.take()),
                    "pub" if is_group(rest.get(1), Delimiter::Parenthesis) => 2,
                    word => {
                        if is_module {
                            self.define(word, rest);
                        }
                        self.mention(rest, at.checked_sub(1).and_then(|before| tokens.get(before)))
                    }
                },
                TokenTree::Group(group) => {
                    self.tokens(group.stream(), false);
                    1
                }
                _ => 1,
            };
        }
    }

    fn child(&mut self, rest: &[TokenTree], file_name: Option<String>) -> usize {
        let Some(TokenTree::Ident(name)) = rest.get(1) else { return 1 };
        let name = name.to_string();
        let child = if let Some(TokenTree::Group(body)) = rest.get(2) {
            let file = self.here().file.clone();
            let child = self.of.add(&file, Some(self.module));
            let folder = self.folder.join(&name);
            Reading { of: self.of, module: child, folder }.tokens(body.stream(), true);
            child
        } else {
            let beside = self.here().file.with_file_name("");
            let file = match file_name {
                Some(file_name) => beside.join(file_name),
                None => self.folder.join(format!("{name}.rs")),
            };
            let file = if file.is_file() { file } else { self.folder.join(&name).join("mod.rs") };
            self.of.read_file(&file, Some(self.module))
        };
        self.here().children.insert(name, child);
        3
    }

    fn define(&mut self, word: &str, rest: &[TokenTree]) {
        let name_at = match word {
            "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" => 1,
            "macro_rules" => 2,
            _ => return,
        };
        if let Some(TokenTree::Ident(name)) = rest.get(name_at) {
            self.here().items.insert(name.to_string());
        }
    }

    fn mention(&mut self, rest: &[TokenTree], before: Option<&TokenTree>) -> usize {
        let (path, length) = path_at(rest);
        if !is_punct(before, '.') && !is_punct(before, ':') {
            self.here().mentions.insert(path);
        }
        length
    }

    /// `#[serde(with = "super::units")]`.
    fn paths_in_strings(&mut self, content: TokenStream) {
        for token in content {
            match token {
                TokenTree::Group(group) => self.paths_in_strings(group.stream()),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let is_path = |c: char| c.is_alphanumeric() || "_:".contains(c);
                    if let Some(path) =
                        text.strip_prefix('"').and_then(|text| text.strip_suffix('"'))
                        && path.contains("::")
                        && path.chars().all(is_path)
                    {
                        self.here().mentions.insert(path.split("::").map(str::to_owned).collect());
                    }
                }
                _ => {}
            }
        }
    }

    fn import(&mut self, rest: &[TokenTree]) -> usize {
        let length = rest.iter().position(|token| is_punct(Some(token), ';')).unwrap_or(rest.len());
        self.use_tree(&[], &rest[1..length]);
        length
    }

    fn use_tree(&mut self, before: &[String], tokens: &[TokenTree]) {
        let (path, length) = path_at(tokens);
        let full: Segments = before.iter().cloned().chain(path).collect();
        let tail: Vec<_> =
            tokens[length..].iter().filter(|token| !is_punct(Some(token), ':')).collect();
        match tail.first() {
            Some(TokenTree::Group(group)) => {
                for tree in split(group, ',') {
                    self.use_tree(&full, &tree);
                }
            }
            Some(TokenTree::Punct(p)) if p.as_char() == '*' => self.here().globs.push(full),
            Some(TokenTree::Ident(alias)) if *alias == "as" => {
                let name = tail.get(1).map(ToString::to_string).unwrap_or_default();
                self.here().imports.push((name, full));
            }
            _ => {
                let path: Segments = full
                    .iter()
                    .filter(|part| *part != "self" || full.len() == 1)
                    .cloned()
                    .collect();
                let path =
                    if full.first().is_some_and(|first| first == "self") { full } else { path };
                if let Some(name) = path.last().cloned() {
                    self.here().imports.push((name, path));
                }
            }
        }
    }
}

pub(crate) fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == wanted)
}

pub(crate) fn is_group(token: Option<&TokenTree>, wanted: Delimiter) -> bool {
    matches!(token, Some(TokenTree::Group(g)) if g.delimiter() == wanted)
}

/// The path at the beginning of tokens, and how many of them it takes.
fn path_at(tokens: &[TokenTree]) -> (Segments, usize) {
    let (mut path, mut at) = (Vec::new(), 0);
    while let Some(TokenTree::Ident(ident)) = tokens.get(at) {
        path.push(ident.to_string());
        at += 1;
        let goes_on = is_punct(tokens.get(at), ':')
            && is_punct(tokens.get(at + 1), ':')
            && matches!(tokens.get(at + 2), Some(TokenTree::Ident(_)));
        if !goes_on {
            break;
        }
        at += 2;
    }
    (path, at.max(1).min(tokens.len()))
}

fn split(group: &Group, at: char) -> Vec<Vec<TokenTree>> {
    let tokens: Vec<_> = group.stream().into_iter().collect();
    tokens
        .split(|token| is_punct(Some(token), at))
        .map(<[_]>::to_vec)
        .filter(|part| !part.is_empty())
        .collect()
}

/// An attribute at the beginning of tokens, and how many of them it takes.
pub(crate) fn attribute(tokens: &[TokenTree]) -> Option<(TokenStream, usize)> {
    let at = if is_punct(tokens.get(1), '!') { 2 } else { 1 };
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
            Some((group.stream(), at + 1))
        }
        _ => None,
    }
}

/// `cfg(test)`, alone or as one of what must hold.
pub(crate) fn is_test_only(attribute: &TokenStream) -> bool {
    let text = attribute.to_string().replace(' ', "");
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

fn path_attribute(attribute: &TokenStream) -> Option<String> {
    let text = attribute.to_string().replace(' ', "");
    Some(text.strip_prefix("path=\"")?.strip_suffix('"')?.to_owned())
}

/// How many tokens an item takes: up to its braces, or its semicolon.
pub(crate) fn item_length(tokens: &[TokenTree]) -> usize {
    let ends =
        |token: &TokenTree| is_punct(Some(token), ';') || is_group(Some(token), Delimiter::Brace);
    tokens.iter().position(ends).map_or(tokens.len(), |at| at + 1)
}
