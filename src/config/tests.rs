#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use std::net::SocketAddr;

use proptest::prelude::*;

#[cfg(feature = "plugins")]
use super::plugins::{CacheSettings, Fallback, PluginSettings};
use super::*;
use crate::audit::Format;
use crate::policy::privileged::PrivilegedRule;
#[cfg(feature = "plugins")]
use crate::policy::review::Purposes;
use crate::policy::strict::StrictRule;

const EXAMPLE: &str = include_str!("../../config.yml");

/// Every mistake of a configuration, each as `LINE: what`.
pub(super) fn mistakes(text: &str) -> Vec<String> {
    let Err(mistakes) = parse(text, Path::new("/nowhere"), &Overrides::default()) else {
        return Vec::new();
    };
    let show = |mistake: &Mistake| match mistake.line {
        Some(line) => format!("{line}: {}", mistake.what),
        None => format!("-: {}", mistake.what),
    };
    mistakes.iter().map(show).collect()
}

pub(super) fn settings(text: &str) -> Settings {
    parse(text, Path::new("/nowhere"), &Overrides::default()).unwrap()
}

pub(super) fn check(table: &[(&str, &[&str])]) {
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
               `general`, `endpoints`, `listen`, `upstream`, `limits`, `log`, `upstream_mark`, `strict`, `exceptions`, `clients`",
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
fn a_wrong_value_is_said_with_line_and_key() {
    check(&[
        (
            "restrictions:\n  ports:\n    - 22\n    - 65536\n",
            &["4: restrictions.ports[1]: `65536` is not a port from 1 to 65535 or a range of them"],
        ),
        (
            "restrictions:\n  mounts: [/root,\n    root]\n",
            &["3: restrictions.mounts[1]: `root` is not an absolute path"],
        ),
        (
            "restrictions:\n  users:\n    -\n",
            &[
                "3: restrictions.users[0]: `` is not a user, a number or a range of numbers such as 0-999",
            ],
        ),
        (
            "restrictions:\n  environment: [=0]\n",
            &["2: restrictions.environment[0]: an environment entry has no name"],
        ),
        (
            "restrictions:\n  securitypolicies: ['']\n",
            &["2: restrictions.securitypolicies[0]: `` is not a security option"],
        ),
        (
            "restrictions:\n  images: [a//b]\n",
            &["2: restrictions.images[0]: `a//b` is not an image or a pattern of images"],
        ),
        (
            "restrictions:\n  images:\n    deny: [a]\n    allow:\n      - b\n      - a//b\n",
            &["6: restrictions.images.allow[1]: `a//b` is not an image or a pattern of images"],
        ),
        (
            "restrictions:\n  mounts: {deny: [x],\n    allow: [/srv, /a/*]}\n",
            &[
                "2: restrictions.mounts.deny[0]: `x` is not an absolute path",
                "3: restrictions.mounts.allow[1]: `/a/*` is a pattern: paths are read as they stand",
            ],
        ),
        (
            "general:\n  memory: 4m\n",
            &["2: general.memory: 4m is less than the 6m that the daemon demands"],
        ),
        (
            "general:\n  cpu: 0.009\n",
            &["2: general.cpu: 0.009 is less than the 0.01 that the kernel demands"],
        ),
        ("general:\n  user: a b\n", &["2: general.user: `a b` is not a user or user:group"]),
        ("general:\n  user: ':0'\n", &["2: general.user: `:0` is not a user or user:group"]),
        (
            "general:\n  user: 4294967296\n",
            &["2: general.user: `4294967296` is not a user or user:group"],
        ),
        (
            "restrictions:\n  privileged: maybe\n",
            &["2: restrictions.privileged: `maybe` is not true or false"],
        ),
        (
            "general:\n\n  memory: lots\n",
            &["3: general.memory: `lots` is not a size such as 512m, 1g or a number of bytes"],
        ),
        ("general:\n  cpu: -1\n", &["2: general.cpu: `-1` is not a number of CPUs such as 0.5"]),
        (
            "general:\n  environment:\n    - \"=x\"\n",
            &["3: general.environment[0]: an environment entry has no name"],
        ),
        (
            "general:\n  capdrop: [NET ADMIN]\n",
            &["2: general.capdrop[0]: `NET ADMIN` is not a Linux capability"],
        ),
        (
            "general:\n  capdrop: [all]\n  capadd: [NET_ADMIM, cap_chown]\n",
            &["3: general.capadd[0]: `NET_ADMIM` is not a Linux capability; NET_ADMIN is"],
        ),
        (
            "general:\n  capdrop: [SYS_ADMINS]\n",
            &["2: general.capdrop[0]: `SYS_ADMINS` is not a Linux capability; SYS_ADMIN is"],
        ),
        (
            "endpoints:\n  allow: [\"POST /containers/*/kill?signall=USR1\"]\n",
            &[
                "2: endpoints.allow[0]: `POST /containers/*/kill?signall=USR1` has a query parameter that no \
               engine reads, so that it says nothing",
            ],
        ),
        (
            "general:\n  secopts:\n    - seccomp=p.json\n",
            &[
                "3: general.secopts[0]: cannot read seccomp profile /nowhere/p.json: No such file or \
               directory (os error 2)",
            ],
        ),
        (
            "dockerapi: docker.sock\n",
            &["1: dockerapi: `docker.sock` is not one of /path, unix:///path, tcp://host:port, \
               http://host:port"],
        ),
        ("strict: maybe\n", &["1: strict: `maybe` is not true or false"]),
        (
            "upstream_mark: -1\n",
            &["1: upstream_mark: `-1` is not a mark from 1 to 4294967295 (0xffffffff)"],
        ),
    ]);
}

#[test]
fn a_wrong_value_of_the_new_sections_is_said_with_line_and_key() {
    check(&[
        (
            "listen:\n  tcp: here\n",
            &["2: listen.tcp: `here` is neither a port nor address:port, such as 8999, \
               127.0.0.1:8999 or [::1]:8999"],
        ),
        ("listen:\n  unix: a.sock\n", &["2: listen.unix: path `a.sock` is not absolute"]),
        (
            "listen:\n  unix_mode: 0660\n",
            &["2: listen.unix_mode: it needs a `unix` socket, and there is none"],
        ),
        (
            "listen:\n  unix: /a\n  unix_mode: rw\n",
            &["3: listen.unix_mode: `rw` is not permissions in octal, such as 0660"],
        ),
        (
            "listen:\n  tcp: off\n",
            &["2: listen.tcp: nothing to listen on: `tcp` is off and there is no `unix`"],
        ),
        (
            "listen:\n  loops: 0\n",
            &["2: listen.loops: `0` is not a number of loops from 1 to 1024"],
        ),
        (
            "limits:\n  head: 64x\n",
            &[
                "2: limits.head: `64x` is not a size with its unit (64k, 4m), above zero and at most \
               1g",
            ],
        ),
        (
            "limits:\n  head_time: 30\n",
            &[
                "2: limits.head_time: `30` is not a time with its unit (ms, s, m, h), above zero and \
               at most a day",
            ],
        ),
        (
            "limits:\n  connections: 1.5\n",
            &["2: limits.connections: `1.5` is not a whole number from 1 to 1000000"],
        ),
        ("limits:\n  head: 10\n", &["2: limits.head: must be at least 1k: clients send that much"]),
        (
            "limits:\n  buffer: 1k\n",
            &["2: limits.buffer: must be at least 4k, or data hardly moves"],
        ),
        (
            "limits:\n  body: 100m\n",
            &["2: limits.body: larger than `bodies`, the limit of all bodies together"],
        ),
        ("log:\n  format: xml\n", &["2: log.format: `xml` is neither logfmt nor json"]),
        (
            "log:\n  level: loud\n",
            &["2: log.level: `loud` is not one of error, warning, info, debug"],
        ),
        ("log:\n  file: ''\n", &["2: log.file: the name of a file is missing"]),
    ]);
}

#[test]
fn the_daemon_is_never_at_our_own_listener() {
    check(&[
        (
            "dockerapi: tcp://127.0.0.1:8999\n",
            &["1: dockerapi: tcp://127.0.0.1:8999 is where SecDocker itself listens"],
        ),
        (
            "listen:\n  unix: /tmp/../tmp/own.sock\ndockerapi: /tmp/own.sock\n",
            &["3: dockerapi: unix:///tmp/own.sock is where SecDocker itself listens"],
        ),
        ("listen:\n  tcp: 127.0.0.2:8999\ndockerapi: tcp://127.0.0.1:8999\n", &[]),
    ]);
    let overrides = Overrides { tcp: Some(TcpListen::AnyAddress(2375)), ..Overrides::default() };
    let text = "dockerapi: http://127.0.0.1:2375\nlisten:\n  allow_plain: true\n";
    let mistakes = parse(text, Path::new(""), &overrides).unwrap_err();
    assert_eq!(
        mistakes.first().unwrap().what,
        "dockerapi: tcp://127.0.0.1:2375 is where SecDocker itself listens"
    );
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
    assert_eq!(settings.log.level, log::LevelFilter::Warn);
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

#[cfg(not(feature = "plugins"))]
#[test]
fn a_build_without_plugins_says_so() {
    check(&[(
        "plugins: [a]\n",
        &["1: plugins[0]: this SecDocker was built without plugins (the Cargo feature `plugins`)"],
    )]);
}

#[cfg(feature = "plugins")]
#[test]
fn what_is_wrong_with_plugins_is_said_at_the_key() {
    check(&[
        (
            "plugins:\n  - ../x\n  - a\n  - a\n  - .x\n  - a/b\n",
            &[
                "2: plugins[0]: `../x` is not a plugin name: letters, digits, `-`, `_` and `.`, not at \
                 the beginning",
                "4: plugins[2]: `a` is listed twice",
                "5: plugins[3]: `.x` is not a plugin name: letters, digits, `-`, `_` and `.`, not at \
                 the beginning",
                "6: plugins[4]: `a/b` is not a plugin name: letters, digits, `-`, `_` and `.`, not at \
                 the beginning",
            ],
        ),
        (
            "plugins:\n  - name: a\n    timeout: 1\n    on_error: no\n    cache: {life: 0s}\n    \
             when: [build]\n    concurrency: 0\n",
            &[
                "3: plugins[0].timeout: `1` is not a time with its unit (ms, s, m, h), above zero \
                 and at most a day",
                "4: plugins[0].on_error: `no` is neither deny nor allow",
                "7: plugins[0].concurrency: `0` is not a number from 1 to 256",
                "5: plugins[0].cache.life: `0s` is not a time with its unit (ms, s, m, h), above \
                 zero and at most a day",
                "6: plugins[0].when: `build` is not one of create, services, pull, builds",
            ],
        ),
        (
            "plugins:\n  - b\n  - name: a\n    when: []\n",
            &["4: plugins[1].when: must name at least one kind of request"],
        ),
    ]);
}

#[cfg(feature = "plugins")]
#[test]
fn plugins_are_names_or_names_with_settings() {
    let text = "plugins:\n- anchore\n- name: notary\n  path: lib/n.so\n  timeout: 5s\n  on_error: allow\n  \
                cache: {life: 1m}\n  when: [pull, create]\nplugin_threads: 3\n";
    let settings = parse(text, Path::new("/etc/secdocker"), &Overrides::default()).unwrap();
    assert_eq!(settings.plugins.threads.get(), 3);
    let [anchore, notary] = &settings.plugins.list[..] else { panic!("{:?}", settings.plugins) };
    assert_eq!(*anchore, PluginSettings::named("anchore", Path::new("/etc/secdocker")));
    assert_eq!(anchore.folder, Path::new("/etc/secdocker/plugins/anchore"));
    assert_eq!(notary.library.as_deref(), Some(Path::new("/etc/secdocker/lib/n.so")));
    assert_eq!(notary.folder, Path::new("/etc/secdocker/lib"));
    assert_eq!((notary.on_error, notary.on_timeout), (Fallback::Allow, Fallback::Allow));
    assert_eq!(notary.timeout, Duration::from_secs(5));
    let minute = CacheSettings { life: Duration::from_secs(60), ..CacheSettings::default() };
    assert_eq!(notary.cache, Some(minute));
    assert_eq!(notary.asked, Purposes { create: true, service: false, pull: true, build: false });
}

#[test]
fn exceptions_are_read_in_their_order() {
    let text = "exceptions:\n\
                - image: ghcr.io/team/backup:1\n  reason: FUSE\n  until: 2027-01-31\n  \
                capabilities: [cap_sys_admin]\n  devices: [/dev//fuse]\n  \
                mounts: [/proc, \"nas.lan:/export\"]\n\
                - image: agent\n  reason: all of it\n  privileged: true\n";
    let policy = settings(text).policy;
    let [backup, agent] = &policy.exceptions[..] else { panic!("{:?}", policy.exceptions) };
    assert_eq!((backup.image.as_str(), agent.image.as_str()), ("ghcr.io/team/backup:1", "agent"));
    assert_eq!((backup.image.has_host(), agent.image.has_host()), (true, false));
    assert_eq!(backup.until.map(|day| day.to_string()).as_deref(), Some("2027-01-31"));
    assert_eq!((backup.reason.as_str(), agent.until), ("FUSE", None));
    let words: Vec<_> = backup.lifts.words().collect();
    assert_eq!(
        words,
        ["capability SYS_ADMIN", "device /dev/fuse", "mount of /proc", "mount of nas.lan:/export"]
    );
    assert!(agent.lifts.privileged && settings("exceptions:\n").policy.exceptions.is_empty());
}

#[test]
fn what_is_wrong_with_an_exception_is_said_with_line_and_key() {
    check(&[
        (
            "exceptions:\n- reason: x\n  capabilities: [KILL]\n",
            &["2: exceptions[0]: `image` is missing: what is the exception for?"],
        ),
        (
            "exceptions:\n- image: a\n  capabilities: [KILL]\n- image: b\n  reason: ' '\n  users: [x]\n",
            &[
                "2: exceptions[0]: `reason` is missing: why is it excepted?",
                "4: exceptions[1]: `reason` is missing: why is it excepted?",
            ],
        ),
        (
            "exceptions:\n- image: a\n  reason: x\n",
            &["2: exceptions[0]: it lifts nothing: name a rule and the values that it lifts"],
        ),
        (
            "exceptions:\n- image: team/*\n  reason: x\n  until: 2027-02-30\n  privileged: true\n",
            &[
                "2: exceptions[0].image: `team/*` is not an image or a pattern of images",
                "4: exceptions[0].until: `2027-02-30` is not a day such as 2027-01-31",
            ],
        ),
        (
            "exceptions:\n- image: a\n  reason: x\n  devices: ['*']\n  mounts: [x]\n  users: [y]\n",
            &[
                "4: exceptions[0].devices: `*` is not a name, and not its beginning with * at the end",
                "5: exceptions[0].mounts: `x` is not an absolute path",
            ],
        ),
    ]);
    let unknown = mistakes("exceptions:\n- image: a\n  client: x\n");
    assert!(unknown.iter().any(|it| it.contains("unknown key `client`")), "{unknown:?}");
}

/// What people write in patterns is understood, or a mistake with its line and key: a rule that would match
/// nothing protects nobody.
#[test]
fn no_rule_holds_a_pattern_that_would_match_nothing() {
    let keys = [
        ("ports", "22"),
        ("mounts", "/root"),
        ("users", "root"),
        ("groups", "docker"),
        ("environment", "LD_PRELOAD"),
        ("securitypolicies", "seccomp"),
        ("images", "ubuntu"),
        ("capabilities", "SYS_ADMIN"),
        ("devices", "/dev/kvm"),
        ("namespaces", "host"),
        ("runtimes", "runc"),
        ("volumesfrom", "db"),
        ("volumedrivers", "rclone"),
        ("sysctls", "net.ipv4"),
        ("cgroupparent", "/system.slice"),
        ("subnets", "10.0.0.0/8"),
    ];
    let starred = [
        "environment",
        "devices",
        "runtimes",
        "volumesfrom",
        "volumedrivers",
        "sysctls",
        "cgroupparent",
    ];
    for (key, value) in keys {
        let with = |value: &str| mistakes(&format!("restrictions:\n  {key}:\n    - '{value}'\n"));
        assert_eq!(with(value), Vec::<String>::new(), "{key}");
        for odd in ["?", "!", "[a]", "{a,b}", "*", "\t"] {
            let (begin, end) = value.split_at(value.len() / 2);
            for pattern in
                [format!("{odd}{value}"), format!("{begin}{odd}{end}"), format!("{value}{odd}")]
            {
                // Names of variables may hold white space.
                if key == "environment" && odd == "\t" {
                    continue;
                }
                let found = with(&pattern);
                let is_prefix = pattern == format!("{value}*") && starred.contains(&key);
                let expected = format!("3: restrictions.{key}[0]: ");
                let is_said = found.iter().any(|mistake| mistake.starts_with(&expected));
                assert_eq!(is_said, !is_prefix, "{key} {pattern:?}: {found:?}");
            }
        }
    }
    for (key, value) in [
        ("securitypolicies", "seccomp=Unconfined"),
        ("securitypolicies", "apparmor=UNCONFINED"),
        ("securitypolicies", "label:Disable"),
        ("securitypolicies", "no-new-privileges=maybe"),
        ("environment", "LD_*=x"),
        ("capabilities", "SYS_ADMN"),
        ("images", "ubuntu:*"),
        ("ports", "8?"),
        ("mounts", "/ro?t"),
    ] {
        let found = mistakes(&format!("restrictions:\n  {key}:\n    - '{value}'\n"));
        assert_eq!(found.len(), 1, "{key} {value}: {found:?}");
    }
}

#[test]
fn strangers_are_let_in_only_if_somebody_says_so() {
    for open in ["8999", "0.0.0.0:8999", "'[::]:8999'", "192.0.2.1:8999"] {
        let [mistake] = &mistakes(&format!("listen:\n  tcp: {open}\n"))[..] else {
            panic!("{open} is one mistake");
        };
        assert!(mistake.starts_with("2: listen.tcp: other hosts can reach"), "{mistake}");
        for meant in ["allow_plain: true", "transparent: true"] {
            assert_eq!(mistakes(&format!("listen:\n  tcp: {open}\n  {meant}\n")), [""; 0]);
        }
        for not_meant in ["allow_plain: false", "transparent: off"] {
            assert_eq!(mistakes(&format!("listen:\n  tcp: {open}\n  {not_meant}\n")).len(), 1);
        }
    }
    for closed in [
        "127.0.0.1:8999",
        "127.9.9.9:1",
        "'[::1]:8999'",
        "'[::ffff:127.0.0.1]:1'",
        "off\n  unix: /run/s",
    ] {
        assert_eq!(mistakes(&format!("listen:\n  tcp: {closed}\n")), [""; 0], "{closed}");
    }
    let overrides = Overrides { tcp: Some(TcpListen::AnyAddress(1)), ..Overrides::default() };
    let [mistake] = &parse("{}", Path::new(""), &overrides).unwrap_err()[..] else {
        panic!("the command line opens it as well");
    };
    assert!(mistake.line.is_none() && mistake.what.contains("allow_plain"), "{mistake:?}");
}

#[test]
fn keys_of_tls_are_held_against_each_other() {
    check(&[
        (
            "listen:\n  allow_plain: maybe\n",
            &["2: listen.allow_plain: `maybe` is not true or false"],
        ),
        (
            "listen:\n  tcp: off\n  unix: /run/s\n  tls: {certificate: a, key: b}\n",
            &[
                "4: listen.tls: it needs a `tcp` listener, and there is none",
                "4: listen.tls.certificate: cannot read /nowhere/a: No such file or directory (os error 2)",
                "4: listen.tls.key: cannot read /nowhere/b: No such file or directory (os error 2)",
            ],
        ),
        (
            "listen:\n  tls:\n    plain: some\n    client_certificates: all\n",
            &[
                "4: listen.tls.client_certificates: `all` is not one of require, request, none",
                "3: listen.tls.plain: `some` is neither allow nor refuse",
                "2: listen.tls: `certificate` and `key` are missing",
            ],
        ),
        (
            "listen:\n  tls:\n    certificate: /no/file\n    client_certificates: require\n",
            &[
                "4: listen.tls.client_certificates: `clients`, the file of the authorities that issue \
                 them, is missing",
                "3: listen.tls.certificate: its `key` is missing",
                "3: listen.tls.certificate: cannot read /no/file: No such file or directory (os error 2)",
            ],
        ),
        (
            "listen:\n  tls:\n    key: /dev/null\n    certificate: /dev/null\n    clients: /dev/null\n    \
             client_certificates: none\n",
            &["5: listen.tls.clients: it has no effect: `client_certificates` is none"],
        ),
        (
            "upstream:\n  tls:\n    server_name: a b\n    key: /dev/null\n",
            &[
                "2: upstream.tls: `ca`, the file of the authorities that the daemon's certificate is \
                 from, is missing",
                "3: upstream.tls.server_name: `a b` is neither the name of a host nor an IP address",
                "4: upstream.tls.key: its `certificate` is missing",
            ],
        ),
        (
            "listen:\n  tls:\n    keys: a\n",
            &["3: listen.tls: unknown key `keys`, expected one of \
           `certificate`, `key`, `clients`, `client_certificates`, `plain`"],
        ),
    ]);
    if cfg!(feature = "tls") {
        check(&[
            (
                "listen:\n  tls:\n    key: /dev/null\n    certificate: /dev/null\n",
                &["4: listen.tls.certificate: the file has no certificate in PEM form"],
            ),
            (
                "upstream:\n  tls:\n    ca: /dev/null\n",
                &[
                    "3: upstream.tls.ca: the authority cannot be used: the file has no certificate in PEM form",
                ],
            ),
        ]);
    }
}

#[cfg(feature = "tls")]
#[test]
fn nobody_is_vouched_for_who_proves_nothing() {
    use crate::tls::tests::authority::{Authority, Leaf};
    let house = Authority::new("House CA");
    let pair = house.issue(&Leaf::server("daemon", &["daemon.example"]));
    let folder = std::env::temp_dir().join(format!("secdocker-lent-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in
        [("ca", &house.certificate), ("cert", &pair.certificate), ("key", &pair.key)]
    {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let told = |listen: &str, tls: &str, upstream: &str| {
        let text = format!(
            "listen:\n  tcp: 8999\n  {listen}: true\n  tls: {{certificate: cert, key: key{tls}}}\n\
             upstream:\n  tls: {{ca: ca{upstream}}}\n"
        );
        parse(&text, &folder, &Overrides::default()).err().map_or(0, |mistakes| mistakes.len())
    };
    let own = ", certificate: cert, key: key";
    let (required, asked) = (", clients: ca", ", clients: ca, client_certificates: request");
    for (listen, tls, upstream, expected) in [
        ("transparent", "", own, 1),
        ("transparent", asked, own, 1),
        ("transparent", required, own, 0),
        ("transparent", ", clients: ca, plain: allow", own, 0),
        ("transparent", "", "", 0),
        ("allow_plain", "", own, 0),
    ] {
        assert_eq!(told(listen, tls, upstream), expected, "{listen}{tls}{upstream}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
