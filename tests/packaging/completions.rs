//! Completions know every command and every option; those of bash are run by bash.

use crate::words;
use std::process::Command;

const BASH: &str = include_str!("../../packaging/completions/secdocker.bash");
const ZSH: &str = include_str!("../../packaging/completions/_secdocker");
const FISH: &str = include_str!("../../packaging/completions/secdocker.fish");

#[test]
fn every_command_and_option_is_completed() {
    let is_word = |text: &str, word: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        text.split(|c| !is_part(c)).any(|found| found == word)
    };
    let mut missing = Vec::new();
    for (shell, text) in [("bash", BASH), ("zsh", ZSH), ("fish", FISH)] {
        for command in words::commands() {
            let there = is_word(text, command);
            missing.extend((!there).then(|| format!("{shell}: {command}")));
        }
        for option in words::options() {
            let there = match shell {
                "fish" => text.contains(&format!("-l {option} ")),
                _ => is_word(text, &format!("--{option}")),
            };
            missing.extend((!there).then(|| format!("{shell}: --{option}")));
        }
        for (preset, _) in secdocker::config::PRESETS {
            let there = is_word(text, preset);
            missing.extend((!there).then(|| format!("{shell}: {preset}")));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// What bash offers behind these words, of which the last one is being typed.
fn offered(words: &[&str]) -> Vec<String> {
    let script = format!(
        "{BASH}\nCOMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _secdocker; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-euc", &script, "bash", "secdocker"]).args(words);
    bash.current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = bash.output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "{words:?}: {complaint}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect()
}

#[test]
fn bash_completes_what_may_stand_there() {
    let table: [(&[&str], &[&str]); 12] = [
        (&["re"], &["redirect"]),
        (&["ch"], &["check"]),
        (&["redirect", ""], &["show", "add", "remove", "status"]),
        (&["redirect", "add", "--f"], &["--family"]),
        (&["redirect", "add", "--family", ""], &["4", "6", "both"]),
        (&["redirect", "--backend", "n"], &["nft"]),
        (
            &["explain", "--as-"],
            &["--as-network", "--as-user", "--as-certificate", "--as-cgroup", "--as-container"],
        ),
        (&["check", "config.y"], &["config.yml"]),
        (&["--config", "config.y"], &["config.yml"]),
        (&["init", "t"], &["traefik", "testcontainers"]),
        (&["schema", "--"], &["--help", "--version"]),
        (&["--port", ""], &[]),
    ];
    for (words, expected) in table {
        assert_eq!(offered(words), expected, "{words:?}");
    }
    let commands: Vec<_> = words::commands().into_iter().map(ToOwned::to_owned).collect();
    let mut all = offered(&[""]);
    all.sort();
    assert_eq!(all, commands);
}
