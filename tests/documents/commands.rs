//! Command lines in documents: of make, cargo and SecDocker itself each word is looked up; others are run by
//! the test that claims them.

use crate::command::Folder;
use crate::document::{self, Block};
use crate::{claims, names};
use std::sync::OnceLock;

/// What is wrong with the commands of a block.
pub(crate) fn wrong(block: &Block) -> Vec<String> {
    let commands = block.commands();
    let (known, others): (Vec<_>, Vec<_>) = commands.iter().partition(|line| is_known(line));
    let mut wrong: Vec<String> = known.iter().flat_map(|line| of_known(line)).collect();
    if !others.is_empty() || commands.is_empty() {
        wrong.extend(claims::wrong(block));
    }
    wrong
}

/// The variables before a command, and its words.
fn taken_apart(line: &str) -> (Vec<&str>, Vec<&str>) {
    let words: Vec<&str> = line.split_whitespace().filter(|word| *word != "nice").collect();
    let is_variable =
        |word: &&&str| word.split_once('=').is_some_and(|(name, _)| names::is_variable(name));
    let count = words.iter().take_while(is_variable).count();
    let (variables, rest) = words.split_at(count);
    (variables.iter().map(|word| word.split('=').next().unwrap()).collect(), rest.to_vec())
}

fn is_known(line: &str) -> bool {
    matches!(taken_apart(line).1.first(), Some(&("make" | "cargo")))
}

/// What is wrong with a line of make or cargo: a target, test, package or variable that is not there.
fn of_known(line: &str) -> Vec<String> {
    let (variables, words) = taken_apart(line);
    let mut wrong: Vec<String> = variables
        .into_iter()
        .filter(|name| !names::is_read_somewhere(name))
        .map(|name| format!("`{line}`: nothing reads {name}"))
        .collect();
    let complaint = match words.split_first() {
        Some((&"make", rest)) => make(rest),
        Some((&"cargo", rest)) => cargo(rest),
        _ => Some("it is not a command".to_owned()),
    };
    wrong.extend(complaint.map(|what| format!("`{line}`: {what}")));
    wrong
}

fn make(words: &[&str]) -> Option<String> {
    let makefile = document::read("Makefile");
    let target = words.first()?;
    let is_target = makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
    let variables = words.iter().skip(1).filter_map(|word| word.split_once('='));
    let unknown = variables.map(|(name, _)| name).find(|name| !names::is_read_somewhere(name));
    match (is_target, unknown) {
        (false, _) => Some(format!("the Makefile has no {target}")),
        (true, Some(name)) => Some(format!("nothing reads {name}")),
        (true, None) => None,
    }
}

/// The options of cargo that documents use, and whether a value follows.
const OPTIONS: [(&str, bool); 8] = [
    ("--release", false),
    ("--locked", false),
    ("--workspace", false),
    ("--all-features", false),
    ("--lib", false),
    ("--test", true),
    ("--bench", true),
    ("-p", true),
];

fn cargo(words: &[&str]) -> Option<String> {
    let (ours, behind) = match words.iter().position(|word| *word == "--") {
        Some(at) => (&words[..at], &words[at + 1..]),
        None => (words, &[][..]),
    };
    let (subcommand, mut rest) = ours.split_first()?;
    match *subcommand {
        "install" => {
            return (rest != ["cargo-fuzz"]).then(|| "cargo-fuzz alone is installed".to_owned());
        }
        "+nightly" => return fuzz(rest),
        "build" | "test" | "bench" => {}
        other => return Some(format!("no document says cargo {other}")),
    }
    let mut target = None;
    while let Some((word, more)) = rest.split_first() {
        rest = more;
        let option = OPTIONS.iter().find(|(name, _)| name == word);
        let wrong = match option {
            Some((name @ "--lib", _)) => {
                target = Some((*name, ""));
                None
            }
            Some((_, false)) => None,
            Some((name, true)) => {
                let (value, more) = rest.split_first()?;
                rest = more;
                target = Some((*name, *value));
                named(name, value)
            }
            None => filter(target, word),
        };
        if wrong.is_some() {
            return wrong;
        }
    }
    let rows =
        behind.iter().filter(|word| !word.starts_with('-') && target == Some(("--bench", "peers")));
    let table = document::read("benches/peers/rows.rs");
    rows.map(|row| (row, format!("(\"{row}\",")))
        .find(|(_, text)| !table.contains(text))
        .map(|(row, _)| format!("benches/peers has no row {row}"))
}

/// What is wrong with a target that is named: a test, a bench or a package.
fn named(option: &str, value: &str) -> Option<String> {
    let manifest = match option {
        "--test" => return missing(&format!("tests/{value}.rs")),
        "--bench" => "Cargo.toml".to_owned(),
        _ => format!("plugins/{}/Cargo.toml", value.trim_start_matches("secdocker-plugin-")),
    };
    let name = format!("name = \"{value}\"");
    (!document::read(&manifest).contains(&name)).then(|| format!("{manifest} has no {value}"))
}

fn missing(file: &str) -> Option<String> {
    (!document::root().join(file).exists()).then(|| format!("there is no {file}"))
}

/// Whether a filter leaves any test.
fn filter(target: Option<(&str, &str)>, filter: &str) -> Option<String> {
    let found = match target {
        Some(("--test", name)) => names::tests_of(name).iter().any(|test| test.contains(filter)),
        Some(("--lib", _)) => names::tests_of_rooms().iter().any(|test| test.contains(filter)),
        _ => false,
    };
    (!found).then(|| format!("no test has `{filter}` in its name"))
}

fn fuzz(words: &[&str]) -> Option<String> {
    let ["fuzz", "run", target, ..] = words else { return Some("it is not `fuzz run`".to_owned()) };
    let name = format!("name = \"{target}\"");
    (!document::read("fuzz/Cargo.toml").contains(&name))
        .then(|| format!("there is no target {target}"))
}

/// What SecDocker says about itself.
fn help() -> &'static str {
    static HELP: OnceLock<String> = OnceLock::new();
    HELP.get_or_init(|| Folder::new("documents-help").run("--help", "").1)
}

/// A line of SecDocker's: each word that is not a value must be in its help.
fn of_secdocker(span: &str) -> Option<String> {
    let words = span.split_whitespace().skip(1).map(|word| word.trim_matches(['[', ']']));
    let is_value = |word: &&str| {
        word.contains(['.', '/', '@']) || word.bytes().all(|byte| byte.is_ascii_uppercase())
    };
    let unknown = words.filter(|word| !is_value(word)).find(|word| !help().contains(word));
    unknown.map(|word| format!("`{span}`: secdocker --help has no {word}"))
}

#[test]
fn every_command_in_a_sentence_exists() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for file in document::all() {
        let text = document::read(&file);
        let lines = document::prose(&text).join("\n");
        for span in document::spans(&lines) {
            let program = taken_apart(&span).1.first().copied().unwrap_or_default().to_owned();
            // The name alone is the program, not a command.
            let has_words = span.contains(' ');
            let complaints = match program.as_str() {
                "make" | "cargo" if has_words => of_known(&span),
                "secdocker" if has_words => of_secdocker(&span).into_iter().collect(),
                _ => continue,
            };
            seen += 1;
            wrong.extend(complaints.into_iter().map(|what| format!("{file}: {what}")));
        }
    }
    assert!(seen > 20, "{seen} commands in sentences");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `--help` lists is what the README lists.
#[test]
fn the_readme_has_every_command() {
    let rows = document::table("README.md", "| command |");
    let listed: Vec<String> = rows.iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    let in_help: Vec<&str> = help()
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("secdocker "))
        .filter_map(|rest| rest.split_whitespace().next())
        .filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
        .collect();
    assert!(in_help.len() > 2, "{in_help:?}");
    for command in in_help {
        let word = format!("secdocker {command}");
        let is_listed = command == "run" || listed.iter().any(|row| row.starts_with(&word));
        assert!(is_listed, "the README has no `{word}`: {listed:?}");
    }
}
