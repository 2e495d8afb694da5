//! What documents show of a Docker engine, run as it stands there: the README's refusal, every row of the table of
//! rules, the commands of the deployment, and every `docker` command that a sentence names.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use support::client::post;
use support::networks::sh;
use support::{Daemon, Docker, Running, SecDocker, Way, document, poll, run, sandbox};

const README: &str = "README.md";
const LOG: &str = "docs/LOG.md";
const RULES: &str = "docs/RULES.md";
const DEPLOYMENT: &str = "docs/DEPLOYMENT.md";

/// A folder in which a command is typed, with SecDocker on the path.
fn shell(folder: &Path, command: &str) -> Command {
    let program = support::firewall::command().get_program().to_owned();
    if !folder.join("secdocker").exists() {
        symlink(program, folder.join("secdocker")).unwrap();
    }
    let mut shell = Command::new("bash");
    let path = format!("{}:{}", folder.display(), support::cli::PATH);
    shell.args(["-c", command]).current_dir(folder).env("PATH", path).env("DOCKER_CONFIG", folder);
    shell
}

#[test]
fn the_readme_shows_what_is_seen() {
    let smallest = document::block(README, "restrictions:").text;
    let secdocker = SecDocker::before(Daemon::shared(), &smallest);
    let shown = document::block(README, "docker run --rm -p 22:80");
    let docker = Docker::on(&secdocker);
    let words: Vec<String> =
        shown.commands()[0].split_whitespace().skip(1).map(ToOwned::to_owned).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let said = docker.run(&words).fails(125);
    let first = said.lines().next().unwrap().trim_end_matches('.');
    assert_eq!(first, shown.output()[0].trim_end_matches('.'), "{said}");
    // What the log says of that very command.
    secdocker.logs("msg=\"forbidden option requested\" ");
    let log = secdocker.log();
    let of_create: Vec<String> = log
        .lines()
        .filter(|line| line.contains("target=") && line.contains("/containers/create"))
        .map(without_values)
        .collect();
    let shown = document::block(LOG, "forbidden option requested").lines();
    let shown: Vec<String> = shown.iter().map(|line| without_values(line)).collect();
    assert_eq!(of_create, shown);
}

/// A line of the log without what differs in each run: numbers of times, ports and connections, the API's version.
fn without_values(line: &str) -> String {
    let kept = |word: &str| match word.split_once('=') {
        Some((key @ ("time" | "client" | "connection"), value)) => {
            let parts = value.split(|c: char| c.is_ascii_digit()).filter(|part| !part.is_empty());
            format!("{key}={}", parts.collect::<Vec<_>>().join("0"))
        }
        Some(("target", target)) => {
            format!("target={}", target.split("/containers").nth(1).unwrap())
        }
        _ => word.to_owned(),
    };
    line.split(' ').map(kept).collect::<Vec<_>>().join(" ")
}

/// With the example as its configuration, in front of the socket where a daemon has it.
#[test]
fn it_runs_as_the_document_says() {
    let folder = sandbox::directory("typed");
    symlink(Daemon::shared().socket(), "/run/docker.sock").unwrap();
    fs::copy(document::root().join("config.yml"), folder.join("config.yml")).unwrap();
    let commands = document::block(DEPLOYMENT, "# secdocker --config").commands();
    let [start, ask] = commands.as_slice() else { panic!("{commands:?}") };
    let mut running = Running::start(&mut shell(&folder, &format!("exec {start}")));
    let listed = poll::until("SecDocker to answer", || {
        assert!(!running.has_ended(), "{}", running.output());
        let listed = run(&mut shell(&folder, ask), b"");
        listed.status.success().then(|| listed.text())
    });
    assert!(listed.starts_with("CONTAINER ID"), "{listed}");
    running.kill();
}

/// The request and the answer, byte for byte but for the head's other lines.
#[test]
fn the_answer_is_as_written() {
    let secdocker = SecDocker::before(Daemon::shared(), "restrictions: {ports: [22]}\n");
    let text = document::block(RULES, "POST /v1.41/containers/create").text;
    let lines: Vec<&str> = text.lines().collect();
    let [request, body, "", status, content_type, "", answer] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    let target = request.split(' ').nth(1).unwrap();
    let got = secdocker.connect().ask(post(target, *body));
    assert_eq!(got.head.lines().next(), Some(*status));
    assert!(got.head.lines().any(|line| line == *content_type), "{}", got.head);
    assert_eq!(got.text().trim_end(), *answer);
}

/// The host of the table's examples: `docker` is group 999 there, and 10.0.0.0/8 leads somewhere.
fn be_the_host_of_the_table() {
    let groups = fs::read_to_string("/etc/group").unwrap();
    let others = groups.lines().filter(|line| {
        let mut fields = line.split(':');
        fields.next() != Some("docker") && fields.nth(1) != Some("999")
    });
    let mut text: String = others.map(|line| format!("{line}\n")).collect();
    text.push_str("docker:x:999:\n");
    let file = sandbox::directory("group").join("group");
    fs::write(&file, text).unwrap();
    sh(&format!("mount --bind {} /etc/group", file.display())).ok();
    sh("ip route add 10.0.0.0/8 dev lo").ok();
}

/// A row: the rule, as a configuration, and what is typed.
fn typed(row: &[String]) -> (String, Vec<String>) {
    let [key, _, example, asked, _] = row else { panic!("{row:?}") };
    let [example, asked] = [example, asked].map(|cell| cell.trim_matches('`').to_owned());
    let keys = document::spans(key);
    // One row is of several keys; its example is of this one.
    let key = keys.iter().find(|key| keys.len() == 1 || *key == "sysctls").unwrap();
    let is_single = matches!(key.as_str(), "privileged" | "builds");
    let value = if is_single { example } else { format!("['{example}']") };
    let words = |text: &str| text.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>();
    let line = match key.as_str() {
        "images" => format!("create {asked} true"),
        "subnets" => format!("network create {asked} other"),
        "builds" => asked.strip_prefix("docker ").unwrap().to_owned(),
        _ => format!("create {asked} probe:1 true"),
    };
    (format!("restrictions: {{{key}: {value}}}\n"), words(&line))
}

/// Every row of the first table of the rules: the example as configuration, what is asked for by the command, and
/// the words of the refusal.
#[test]
fn each_rule_refuses_as_its_row_says() {
    be_the_host_of_the_table();
    let rows = document::table(RULES, "| key | an entry forbids | example |");
    assert!(rows.len() >= 14, "{rows:?}");
    let folder = sandbox::directory("context");
    fs::write(folder.join("Dockerfile"), "FROM probe:1\n").unwrap();
    let mut wrong = Vec::new();
    for row in rows {
        let (rules, words) = typed(&row);
        let secdocker = SecDocker::before(Daemon::shared(), &rules);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = Docker::on(&secdocker).command(&words);
        let said = run(command.current_dir(&folder).env("DOCKER_BUILDKIT", "0"), b"");
        let refused = format!("SecDocker: forbidden: {}", row[4].trim_matches('`'));
        if said.status.success() || !String::from_utf8_lossy(&said.stderr).contains(&refused) {
            wrong.push(format!("{rules}wants {refused:?}:\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Commands of which the arguments in a sentence are options alone, tried one after the other.
const WITH_OPTIONS: [&str; 5] = ["run", "network create", "service create", "build", "node update"];

/// Whether the command knows these words: with `--help` behind them it explains itself and does nothing. Some look for
/// options before their arguments only.
fn is_known(docker: &Docker, words: &[&str]) -> bool {
    let explains = |at: usize| {
        let (before, behind) = words.split_at(at);
        docker.run(&[before, &["--help"], behind].concat()).status.success()
    };
    let has_options = words.iter().any(|word| word.starts_with('-'));
    explains(words.len()) || !has_options && explains(1)
}

/// Each `docker …` and each option of its that a sentence has exists, as it is written.
#[test]
fn every_docker_command_in_a_sentence_exists() {
    let docker = Docker::at("unix:///nowhere");
    // Of the engine, of SecDocker, and of what the machine need not have.
    let others = ["docker compose", "docker buildx", "docker-"];
    let (mut wrong, mut count) = (Vec::new(), 0);
    for file in document::all().iter().filter(|file| *file != "CHANGELOG.md") {
        let text = document::read(file);
        for span in document::spans(&document::prose(&text).join("\n")) {
            if others.iter().any(|other| span.starts_with(other)) || span.contains('…') {
                continue;
            }
            let words: Vec<&str> = span.split_whitespace().collect();
            let is_there = match words.as_slice() {
                ["docker", rest @ ..] if !rest.is_empty() => is_known(&docker, rest),
                [option, _, ..] if option.starts_with('-') => has_option(&docker, &words),
                _ => continue,
            };
            count += 1;
            wrong.extend((!is_there).then(|| format!("{file}: `{span}`")));
        }
    }
    assert!(count > 25, "{count}");
    assert!(wrong.is_empty(), "docker does not know:\n{}", wrong.join("\n"));
}

fn has_option(docker: &Docker, words: &[&str]) -> bool {
    let help = run(support::firewall::command().arg("--help"), b"").ok();
    let of_docker = WITH_OPTIONS.iter().any(|command| {
        let line: Vec<&str> = command.split(' ').chain(words.iter().copied()).collect();
        is_known(docker, &line)
    });
    of_docker || help.contains(words[0])
}
