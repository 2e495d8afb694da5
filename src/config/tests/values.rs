//! Values that are wrong, and where it is said.

use super::*;

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
        ("sandbox: some\n", &["1: sandbox: `some` is not one of on, off, log"]),
        ("user: nobody here\n", &["1: user: `nobody here` is not a user of this host"]),
        ("group: 7\n", &["1: group: it needs a `user`, and there is none"]),
        (
            "user: 54321\n",
            &["1: user: a number that is not of a user of this host has no group: say `group`"],
        ),
        (
            "user: 0\ngroup: no such group\n",
            &["2: group: `no such group` is not a group of this host"],
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
