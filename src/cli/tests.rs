#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use std::path::PathBuf;

use super::asker::Asker;
use super::*;
use crate::config::{Overrides, TcpListen};

fn parse_words(line: &str) -> Result<Command, String> {
    parse(line.split_whitespace().map(OsString::from)).map_err(|error| error.to_string())
}

fn listen(text: &str) -> Overrides {
    Overrides { tcp: Some(TcpListen::parse(text).unwrap()), ..Overrides::default() }
}

/// A create with the body in this file.
fn posted(body: &str) -> explain::Request {
    explain::Request {
        method: "POST".into(),
        target: "/containers/create".into(),
        headers: Vec::new(),
        body: body.into(),
    }
}

#[test]
fn arguments_ask_for_commands() {
    let run = |config: Option<&str>, overrides| Command::Run {
        config: config.map(PathBuf::from),
        overrides,
    };
    let table = [
        ("", run(None, Overrides::default())),
        ("run", run(None, Overrides::default())),
        ("-tcp 8999", run(None, listen("8999"))),
        ("-tcp=8999", run(None, listen("8999"))),
        ("--tcp 8999", run(None, listen("8999"))),
        ("run --listen [::1]:1 --config a.yml", run(Some("a.yml"), listen("[::1]:1"))),
        ("-config a.yml", run(Some("a.yml"), Overrides::default())),
        ("check", Command::Check { config: None, overrides: Overrides::default() }),
        (
            "check a.yml",
            Command::Check { config: Some("a.yml".into()), overrides: Overrides::default() },
        ),
        (
            "explain --config a.yml -",
            Command::Explain {
                config: Some("a.yml".into()),
                request: posted("-"),
                asker: Asker::default(),
            },
        ),
        (
            "explain --method GET --target /info --header X:1 --header Y:2 -",
            Command::Explain {
                config: None,
                request: explain::Request {
                    method: "GET".into(),
                    target: "/info".into(),
                    headers: vec!["X:1".into(), "Y:2".into()],
                    ..posted("-")
                },
                asker: Asker::default(),
            },
        ),
        (
            "explain --as-network 10.1.2.3 --as-user ci a.json",
            Command::Explain {
                config: None,
                request: posted("a.json"),
                asker: Asker {
                    network: Some("10.1.2.3".into()),
                    user: Some("ci".into()),
                    ..Asker::default()
                },
            },
        ),
        (
            "explain --as-cgroup /a --as-container label=b=c --as-container d a.json",
            Command::Explain {
                config: None,
                request: posted("a.json"),
                asker: Asker {
                    control_groups: vec!["/a".into()],
                    container: vec!["label=b=c".into(), "d".into()],
                    ..Asker::default()
                },
            },
        ),
        (
            "plugin-test a.so app:1",
            Command::PluginTest { library: "a.so".into(), image: "app:1".into() },
        ),
        (
            "redirect add --port 2376,2375,2376 --local --family 4 --backend nft --tcp 8999",
            Command::Redirect {
                action: redirect::Action::Add,
                options: redirect::Options {
                    ports: Some(vec![2375, 2376]),
                    local: true,
                    families: Some(redirect::Families::V4),
                    backend: Some(redirect::Backend::Nft),
                },
                config: None,
                overrides: listen("8999"),
            },
        ),
        (
            "redirect status --config a.yml",
            Command::Redirect {
                action: redirect::Action::Status,
                options: redirect::Options::default(),
                config: Some("a.yml".into()),
                overrides: Overrides::default(),
            },
        ),
        ("init", Command::Init { preset: None, place: None }),
        (
            "init traefik --config a.yml",
            Command::Init { preset: Some("traefik".into()), place: Some("a.yml".into()) },
        ),
        ("schema", Command::Schema),
        ("--help", Command::Help),
        ("-h", Command::Help),
        ("check -help", Command::Help),
        ("-V", Command::Version),
        ("--version", Command::Version),
    ];
    for (line, expected) in table {
        assert_eq!(parse_words(line), Ok(expected), "{line}");
    }
}

#[test]
fn arguments_that_make_no_sense() {
    let table = [
        ("frobnicate", "`frobnicate` is not a command"),
        ("--frobnicate", "invalid option '--frobnicate'"),
        ("-x", "invalid option '-x'"),
        ("check --client ci", "--client and --as-… belong to explain"),
        (
            "explain --client ci --as-user ci a",
            "--client names whose request it is: --as-… is too much",
        ),
        (
            "explain --client ci --as-container a a",
            "--client names whose request it is: --as-… is too much",
        ),
        ("check --as-cgroup /a", "--client and --as-… belong to explain"),
        ("run more", "unexpected argument \"more\""),
        ("--config", "missing argument for option '--config'"),
        ("--tcp 127.0.0.1:80", "\"127.0.0.1:80\" is not a port"),
        (
            "--listen here",
            "`here` is neither a port nor address:port, such as 8999, 127.0.0.1:8999 or [::1]:8999",
        ),
        ("check a b", "unexpected argument \"b\""),
        ("check a --config b", "two configurations were named"),
        ("explain", "explain what? name a file, or -"),
        ("explain - --tcp 1", "explain does not listen"),
        ("schema --config a", "schema has no use for these options"),
        ("init --tcp 1", "init has no use for these options"),
        ("init a b", "unexpected argument \"b\""),
        ("redirect", "redirect needs one of show, add, remove, status"),
        ("redirect ad", "redirect needs one of show, add, remove, status"),
        ("redirect add remove", "unexpected argument \"remove\""),
        ("explain --variables -", "--variables belongs to run and check"),
        ("check --local", "--port, --local, --family and --backend belong to redirect"),
        ("redirect add --local=yes", "unexpected argument for option '--local': \"yes\""),
        (
            "redirect add --port 0",
            "--port `0` is not a port from 1 to 65535, or several with commas",
        ),
        (
            "redirect add --port 1,",
            "--port `` is not a port from 1 to 65535, or several with commas",
        ),
        (
            "redirect add --port +1",
            "--port `+1` is not a port from 1 to 65535, or several with commas",
        ),
        ("redirect add --port 1,2,3,4,5,6,7,8,9", "--port has more than 8 ports"),
        ("redirect add --family 5", "--family `5` is not one of 4, 6, both"),
        ("redirect add --backend pf", "--backend `pf` is neither nft nor iptables"),
        ("--target /x", "--method, --target and --header belong to explain"),
    ];
    for (line, expected) in table {
        let expected = format!("{expected} (see secdocker --help)");
        assert_eq!(parse_words(line), Err(expected), "{line}");
    }
}
