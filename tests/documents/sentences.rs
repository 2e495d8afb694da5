//! Every sentence that stands in the code, in `sentences.txt`: what a user, an operator or a client can be told, and
//! pieces of it. A changed word shows in the list, whichever room it is in. `src/config/messages.txt` has refusals as they
//! are put together.
//!
//! `UPDATE_MESSAGES=1 cargo test --test documents sentences` writes the list anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Folders with code whose words people read.
const FOLDERS: [&str; 7] = [
    "src",
    "shared/src",
    "plugins/interface/src",
    "plugins/common/src",
    "plugins/anchore/src",
    "plugins/notary/src",
    "plugins/harbor/src",
];

/// What stands in front of a text that only a developer sees.
const FOR_DEVELOPERS: [&str; 7] = [
    ".expect(",
    "assert!(",
    "assert_eq!(",
    "assert_ne!(",
    "unreachable!(",
    "panic!(",
    "thread::Builder::new().name(",
];

/// A piece of code, taken apart as far as texts have to be found in it.
struct Code<'a> {
    text: &'a str,
    at: usize,
    found: Vec<(usize, String)>,
}

impl Code<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn begins(&self, with: &str) -> bool {
        self.rest().starts_with(with)
    }

    /// Goes on behind the next `end`.
    fn skip_to(&mut self, end: &str) {
        self.at += self.rest().find(end).map_or(self.rest().len(), |at| at + end.len());
    }

    fn read(mut self) -> Vec<(usize, String)> {
        while let Some(next) = self.rest().chars().next() {
            match next {
                '/' if self.begins("//") => self.skip_to("\n"),
                '/' if self.begins("/*") => self.skip_to("*/"),
                '#' if self.begins("#[") || self.begins("#![") => self.attribute(),
                'r' if self.begins("r\"") || self.begins("r#") && self.is_raw() => self.raw(),
                '"' => self.literal(),
                '\'' => self.character(),
                _ => self.at += next.len_utf8(),
            }
        }
        self.found
    }

    fn is_raw(&self) -> bool {
        let hashes = self.rest().trim_start_matches('r').trim_start_matches('#');
        let before = self.text.get(..self.at).and_then(|before| before.chars().next_back());
        hashes.starts_with('"') && !before.is_some_and(char::is_alphanumeric)
    }

    fn raw(&mut self) {
        let hashes = self.rest().get(1..).unwrap().chars().take_while(|c| *c == '#').count();
        let start = self.at + hashes + 2;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = self.text.get(start..).unwrap().find(&end).unwrap();
        let text = self.text.get(start..start + length).unwrap().to_owned();
        self.found.push((self.at, text));
        self.at = start + length + end.len();
    }

    fn literal(&mut self) {
        let start = self.at;
        self.at += 1;
        let (mut text, mut escaped) = (String::new(), false);
        loop {
            let next = self.rest().chars().next().unwrap();
            self.at += next.len_utf8();
            match next {
                // A line that goes on in the next one.
                '\n' if escaped => {
                    let blanks = self.rest().len() - self.rest().trim_start().len();
                    self.at += blanks;
                    escaped = false;
                }
                'n' if escaped => {
                    text.push('\n');
                    escaped = false;
                }
                'r' if escaped => {
                    text.push('\r');
                    escaped = false;
                }
                _ if escaped => {
                    text.push(next);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => break,
                _ => text.push(next),
            }
        }
        self.found.push((start, text));
    }

    /// A character, or a lifetime, which has no second quote.
    fn character(&mut self) {
        let rest = self.rest().get(1..).unwrap_or_default();
        let mut characters = rest.char_indices();
        let first = characters.next();
        let second = characters.next();
        match (first, second) {
            (Some((_, '\\')), _) => {
                self.at += 3;
                self.skip_to("'");
            }
            (Some(_), Some((at, '\''))) => self.at += 1 + at + 1,
            _ => self.at += 1,
        }
    }

    /// Goes on behind an attribute, and behind what is there for tests alone.
    fn attribute(&mut self) {
        let is_test = self.begins("#[cfg(test)]");
        let (start, mut depth) = (self.at, 0_usize);
        for (index, next) in self.text.get(start..).unwrap().char_indices() {
            match next {
                '[' => depth += 1,
                ']' if depth == 1 => {
                    self.at = start + index + 1;
                    break;
                }
                ']' => depth -= 1,
                _ => {}
            }
        }
        if is_test {
            // A module with a body ends with a brace at the beginning of a line, any other item with a semicolon.
            let find = |end: &str| self.rest().find(end).unwrap_or(self.rest().len());
            let has_body = find("{") < find(";");
            self.at += if has_body { find("\n}") } else { find(";") };
        }
    }
}

/// Words with a blank between them: a sentence or a part of one, and nothing for a machine.
fn is_said(text: &str) -> bool {
    let is_word = |word: &&str| {
        let word = word.trim_matches(|c: char| !c.is_alphabetic());
        word.len() > 1 && word.chars().all(|c| c.is_ascii_lowercase() || c == '\'' || c == '-')
    };
    let words = text.split([' ', '\n']).filter(is_word).count();
    let is_wire = text.contains('\r') || text.contains("HTTP/1");
    words > 0 && text.trim().contains(' ') && !is_wire
}

/// What a sentence is in the list: one line.
fn one_line(text: &str) -> String {
    text.trim_matches(' ').replace('\n', "⏎")
}

fn sentences_of(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let found = Code { text: &text, at: 0, found: Vec::new() }.read();
    let for_people = |at: usize| {
        let before = text.get(..at).unwrap().trim_end();
        let statement = before.rsplit([';', '{', '}']).next().unwrap_or_default();
        !FOR_DEVELOPERS.iter().any(|mark| statement.contains(mark))
    };
    let said = found.into_iter().filter(|(at, text)| is_said(text) && for_people(*at));
    said.map(|(_, text)| one_line(&text)).collect()
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let is_test = name.ends_with("tests") || matches!(name, "messages" | "sentences");
        if path.is_dir() && !is_test {
            collect(&path, found);
        } else if !is_test && path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(sentences_of(&path));
        }
    }
}

#[test]
fn every_sentence_is_in_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    FOLDERS.iter().for_each(|folder| collect(&root.join(folder), &mut found));
    let text: String = found.iter().map(|sentence| format!("{sentence}\n")).collect();
    let path = root.join("tests/documents/sentences.txt");
    if std::env::var_os("UPDATE_MESSAGES").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let listed = fs::read_to_string(&path).unwrap_or_default();
    let listed: BTreeSet<&str> = listed.lines().collect();
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let [new, gone]: [Vec<_>; 2] =
        [found.difference(&listed).collect(), listed.difference(&found).collect()];
    assert!(
        new.is_empty() && gone.is_empty(),
        "tests/documents/sentences.txt is not what the code says: lower case, subject first, \"is not\", \"must\", \"cannot\"; then \
         UPDATE_MESSAGES=1 cargo test --test documents sentences\nnew: {new:#?}\ngone: {gone:#?}"
    );
}

#[test]
fn texts_are_found_and_comments_and_tests_are_not() {
    let code = "/// a comment \"of it\"\nfn f() { g(\"one \\\n   line\", 'a', '\"', b\"raw text\"); x::<'a>(r#\"a \"b\" c\"#) }\n\
                #[expect(x, reason = \"not this\")]\n#[cfg(test)]\nmod tests {\n    const A: &str = \"nor this\";\n}\n\
                const B: &str = \"but this\";\n";
    let found = Code { text: code, at: 0, found: Vec::new() }.read();
    let texts: Vec<_> = found.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["one line", "raw text", "a \"b\" c", "but this"]);
}
