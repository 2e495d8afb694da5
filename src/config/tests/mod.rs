//! What is read of a configuration, and what is wrong with one.

#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

mod clients;
mod exceptions;
mod messages;
mod metrics;
mod plugins;
mod tls;
mod values;

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::audit::Format;
use crate::policy::privileged::PrivilegedRule;
use crate::policy::strict::StrictRule;

const EXAMPLE: &str = include_str!("../../../config.yml");

/// Every mistake of a configuration, each as `LINE: what`.
fn mistakes(text: &str) -> Vec<String> {
    let Err(mistakes) = parse(text, Path::new("/nowhere"), &Overrides::default()) else {
        return Vec::new();
    };
    let show = |mistake: &Mistake| match mistake.line {
        Some(line) => format!("{line}: {}", mistake.what),
        None => format!("-: {}", mistake.what),
    };
    mistakes.iter().map(show).collect()
}

fn settings(text: &str) -> Settings {
    parse(text, Path::new("/nowhere"), &Overrides::default()).unwrap()
}

fn check(table: &[(&str, &[&str])]) {
    for (text, expected) in table {
        assert_eq!(mistakes(text), *expected, "{text}");
    }
}

#[test]
fn what_is_wrong_with_the_shape_is_said_with_line_and_key() {
    check(&[
        ("", &["-: the file is empty"]),
        ("# nothing\n---\n...\n", &["-: the file is empty"]),
        ("~", &["1: a value is missing, expected keys with values"]),
        ("- a", &["1: a list is not a value here, expected keys with values"]),
        (
            "dockerapi: /a\nplugin: a\n",
            &[
                "2: unknown key `plugin`, expected one of `plugins`, `plugin_threads`, `dockerapi`, \
               `restrictions`, \
               `general`, `endpoints`, `listen`, `upstream`, `limits`, `log`, `metrics`, `upstream_mark`, `user`, `group`, `sandbox`, `strict`, `exceptions`, `clients`",
            ],
        ),
        (
            "restrictions:\n  prots:\n    - 22\n",
            &[
                "2: restrictions: unknown key `prots`, expected one of `ports`, `mounts`, `users`, `groups`, \
               `environment`, `securitypolicies`, `images`, `privileged`, \
                  `capabilities`, `devices`, `namespaces`, `runtimes`, `volumesfrom`, `volumedrivers`, `sysctls`, `cgroupparent`, `subnets`, `builds`",
            ],
        ),
        (
            "restrictions:\n  builds: maybe\n",
            &["2: restrictions.builds: `maybe` is not one of inspect, allow, forbid"],
        ),
        (
            "restrictions:\n  builds:\n    mode: maybe\n    cgroup: builds\n",
            &[
                "3: restrictions.builds.mode: `maybe` is not one of inspect, allow, forbid",
                "4: restrictions.builds.cgroup: `builds` is not the path of a control group, such as /secdocker-builds",
            ],
        ),
        (
            "restrictions:\n  builds: {group: /x}\n",
            &["2: restrictions.builds: unknown key `group`, expected `mode` or `cgroup`"],
        ),
        (
            "restrictions:\n  ports: 22\n",
            &["2: restrictions.ports: not possible here: integer `22`, expected a list"],
        ),
        (
            "restrictions:\n  ports:\n    - 22\n    - [25]\n",
            &["4: restrictions.ports[1]: a list is not a value here, expected a single value"],
        ),
        (
            "restrictions:\n  users:\n    - root: 0\n",
            &[
                "3: restrictions.users[0]: keys with values are not a value here, expected a single \
               value",
            ],
        ),
        (
            "general:\n  memory: [1g]\n",
            &["2: general.memory: a list is not a value here, expected a single value"],
        ),
        (
            "general: 1\n",
            &["1: general: not possible here: integer `1`, expected keys with values"],
        ),
    ]);
}

#[test]
fn keys_that_are_there_twice_and_second_documents_are_refused() {
    check(&[
        (
            "dockerapi: /a\ngeneral:\n  memory: 1g\ndockerapi: /b\n",
            &["4: duplicate key `dockerapi`"],
        ),
        (
            "restrictions:\n  ports:\n    - 22\n  \"ports\": [25]\n",
            &["4: restrictions: duplicate key `ports`"],
        ),
        ("dockerapi: /a\n---\ndockerapi: /b\n", &["2: a second YAML document begins here"]),
        (
            "general: &a\n  memory: 1g\nrestrictions:\n  <<: *a\n",
            &[
                "4: restrictions: unknown key `<<`, expected one of `ports`, `mounts`, `users`, `groups`, \
               `environment`, `securitypolicies`, `images`, `privileged`, \
                  `capabilities`, `devices`, `namespaces`, `runtimes`, `volumesfrom`, `volumedrivers`, `sysctls`, `cgroupparent`, `subnets`, `builds`",
            ],
        ),
        ("dockerapi: !secret /a\n", &["1: dockerapi: YAML tags are not understood"]),
        ("dockerapi: *a\n", &["1: unknown anchor"]),
        (
            "general:\n\tmemory: 1g\n",
            &["2: found character that cannot start any token at line 2 column 1, while scanning \
             for the next token"],
        ),
    ]);
}

#[test]
fn all_mistakes_are_reported_together() {
    let text = "restrictions:\n  ports: [0, 22, x]\ngeneral:\n  memory: 1z\nlog:\n  format: xml\n";
    let lines: Vec<_> =
        mistakes(text).iter().filter_map(|text| text.get(..2).map(str::to_owned)).collect();
    assert_eq!(lines, ["2:", "2:", "4:", "6:"]);
}

#[test]
fn a_file_of_the_go_tool_works_unchanged() {
    let settings = settings(
        "plugins:\n\ndockerapi: \"http://localhost\"\n\nrestrictions:\n  ports:\n    - 22\n    \
         - \"25\"\n  mounts:\n    - /root\n    - /\n  users:\n    - root\n    - 0\n  environment:\n    \
         - USER=0\n  securitypolicies:\n    - privileged\n  images:\n    - ubuntu:16.04\n  privileged: \
         yes\n\ngeneral:\n  secopts:\n  capdrop: []\n  memory: 1g\n  cpu: 0.25\n  user: 1000\n  \
         environment:\n    - \"MY_ENV=true\"",
    );
    let policy = &settings.policy;
    let ports: Vec<_> = policy.ports.iter().map(|rule| rule.as_str()).collect();
    assert_eq!(ports, ["22", "25"]);
    assert_eq!((policy.mounts.len(), policy.users.len()), (2, 2));
    assert_eq!((policy.environment.len(), policy.security.len(), policy.images.len()), (1, 1, 1));
    assert_eq!(policy.privileged, PrivilegedRule::Forbid);
    assert_eq!(policy.ceilings.memory.unwrap().get(), 1 << 30);
    assert_eq!(policy.ceilings.cpu.unwrap().get(), 250_000_000);
    assert_eq!(policy.ceilings.user.as_ref().unwrap().as_str(), "1000");
    assert_eq!(policy.ceilings.environment.len(), 1);
    assert_eq!(settings.dockerapi.to_string(), "tcp://127.0.0.1:80");
}

#[test]
fn a_list_of_what_is_allowed_may_stand_beside_one_of_what_is_not() {
    let read = settings(
        "restrictions:\n  images:\n    allow: [team/*, app:1]\n    deny: [app:0]\n  mounts: \
         {allow: [/srv/ci/]}\n",
    );
    let policy = &read.policy;
    assert_eq!((policy.images.len(), policy.mounts.len()), (1, 0));
    assert_eq!(policy.allowed_images.list().unwrap().len(), 2);
    assert_eq!(policy.allowed_mounts.list().unwrap().first().unwrap().path().as_str(), "/srv/ci");
    // One without a value is there, and allows nothing.
    for text in ["allow:", "allow: []", "allow: ~"] {
        let read = settings(&format!("restrictions:\n  mounts:\n    {text}\n"));
        assert_eq!(read.policy.allowed_mounts.list(), Some(&[][..]), "{text}");
    }
    for text in ["", "[]", "{}", "{deny: []}"] {
        let read = settings(&format!("restrictions:\n  mounts: {text}\n"));
        assert_eq!(read.policy.allowed_mounts.list(), None, "{text}");
    }
}

#[test]
fn sections_without_a_value_are_empty() {
    for text in ["restrictions:\ngeneral: ~\nlisten: null\nlimits:\nlog:\nplugins: []\n", "{}"] {
        let settings = settings(text);
        assert!(settings.policy.ports.is_empty());
        assert_eq!(settings.policy.privileged, PrivilegedRule::Allow);
        assert_eq!(settings.limits, Limits::default());
        let own = TcpListen::Address((std::net::Ipv4Addr::LOCALHOST, 8999).into());
        assert_eq!(settings.listen.tcp, Some(own));
        assert_eq!(settings.dockerapi.to_string(), "unix:///var/run/docker.sock");
        assert_eq!(settings.log.file, Path::new("secdocker.log"));
        assert_eq!(settings.upstream_mark, None);
        assert_eq!(settings.policy.strict, StrictRule::Tell);
    }
}

#[test]
fn the_new_sections_are_read() {
    let settings = settings(
        "listen:\n  tcp: 127.0.0.1:9000\n  unix: /run/s.sock\n  unix_mode: \"0600\"\n  loops: 3\n\
         limits:\n  head: 32k\n  bodies: 1g\n  connections: 10\n  head_time: 500ms\n\
         log:\n  file: /var/log/s.log\n  format: json\n  level: warn\nupstream_mark: 0x1\nstrict: true\n",
    );
    let address: SocketAddr = "127.0.0.1:9000".parse().unwrap();
    assert_eq!(settings.listen.tcp, Some(TcpListen::Address(address)));
    let unix = UnixListen { path: "/run/s.sock".into(), mode: 0o600 };
    assert_eq!(settings.listen.unix, Some(unix));
    assert_eq!(settings.listen.loops.get(), 3);
    assert_eq!(settings.limits.head_bytes, 32 * 1024);
    assert_eq!(settings.limits.bodies_bytes, 1 << 30);
    assert_eq!(settings.limits.connections, 10);
    assert_eq!(settings.limits.head_time, Duration::from_millis(500));
    assert_eq!(settings.limits.body_time, Limits::default().body_time);
    assert_eq!(settings.log.format, Format::Json);
    assert_eq!(settings.log.level, ::log::LevelFilter::Warn);
    assert_eq!(settings.upstream_mark, Some(1));
    assert_eq!(settings.policy.strict, StrictRule::Refuse);
}

#[test]
fn the_example_says_the_defaults() {
    let settings = settings(EXAMPLE);
    assert_eq!(settings.policy.ports.len(), 2);
    // Each commented default, `#   key: value` under its `# section:`, is the default.
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(code) if is_setting(code) => format!("{code}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert_ne!(uncommented, EXAMPLE);
    let spelled_out = self::settings(&uncommented);
    assert_eq!(spelled_out.limits, settings.limits);
    assert_eq!(spelled_out.log, settings.log);
    assert_eq!(spelled_out.listen.tcp, settings.listen.tcp);
}

/// Whether a comment without its `# ` is a setting that is commented out.
fn is_setting(code: &str) -> bool {
    let (key, _) = code.split_once(':').unwrap_or(("no key", ""));
    let key = key.strip_prefix("  ").unwrap_or(key);
    key != "no key" && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

proptest! {
    /// serde_yaml panics where it believes that its events can't be so: they can't.
    #[test]
    fn no_broken_file_panics(at in 0..EXAMPLE.len(), until in 0..EXAMPLE.len(), with in "[-:&*!~{}\\[\\]\"'\n a#|>?%\t]{0,4}") {
        let (at, until) = (at.min(until), at.max(until));
        if let (Some(before), Some(after)) = (EXAMPLE.get(..at), EXAMPLE.get(until..)) {
            mistakes(&format!("{before}{with}{after}"));
        }
    }
}
