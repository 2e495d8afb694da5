//! The list `clients`: what is read of it, and what is wrong with it.

use super::{check, settings};
use crate::config::*;
use crate::policy::endpoints::Otherwise;
use crate::policy::privileged::PrivilegedRule;

#[test]
fn what_is_wrong_with_an_entry_is_said_with_line_and_key() {
    check(&[
        (
            "clients:\n  - match: {user: root}\n",
            &["2: clients[0]: `name` is missing: what is it called?"],
        ),
        (
            "clients:\n  - name: a\n",
            &["2: clients[0]: `match` is missing: which clients are meant?"],
        ),
        (
            "clients:\n  - name: a\n    match: {}\n",
            &[
                "3: clients[0].match: it matches nobody: it needs network, certificate, user, group, cgroup or \
                 container",
            ],
        ),
        (
            "clients:\n  - name: a b\n    match: {user: root}\n",
            &[
                "2: clients[0].name: `a b` is not a name: letters, digits, `.`, `_` and `-`, at most \
                 63",
            ],
        ),
        (
            "clients:\n  - name: a\n    match: {user: root}\n  - name: a\n    match: {uid: 5}\n",
            &["4: clients[1].name: two entries are called `a`"],
        ),
        (
            "clients:\n  - name: a\n    match:\n      network:\n        - 10.0.0.0/8\n        - 10.0.0.0/33\n",
            &[
                "6: clients[0].match.network[1]: `10.0.0.0/33` is not a network such as 10.1.0.0/16, or \
                 an address",
            ],
        ),
        (
            "clients:\n  - name: a\n    match: {network: 10.1.2.3/16}\n",
            &[
                "3: clients[0].match.network: `10.1.2.3/16` has bits behind its prefix: 10.1.0.0/16 has it",
            ],
        ),
        (
            "clients:\n  - name: a\n    match: {network: []}\n",
            &["3: clients[0].match.network: the list is empty: it would fit no client"],
        ),
        (
            "clients:\n  - name: a\n    match:\n      certificate:\n        fingerprint: abc\n",
            &[
                "5: clients[0].match.certificate.fingerprint: `abc` is not a SHA-256 in 64 hexadecimal \
                 digits",
            ],
        ),
        (
            "clients:\n  - name: a\n    match: {certificate: {}}\n",
            &["3: clients[0].match.certificate: it is empty: name one of name, cn, dns, email, \
                 uri, issuer or fingerprint"],
        ),
        (
            "clients:\n  - name: a\n    match: {certificate: {issuer: '**'}}\n",
            &["3: clients[0].match.certificate.issuer: `**` is not a name, in which * may stand"],
        ),
        (
            "clients:\n  - name: a\n    match: {uid: root}\n",
            &["3: clients[0].match.uid: `root` is not a number"],
        ),
        (
            "clients:\n  - name: a\n    match: {user: 'a b'}\n",
            &["3: clients[0].match.user: `a b` is not a user, by name or number"],
        ),
        (
            "clients:\n  - name: a\n    match: {cgroup: system.slice}\n",
            &["3: clients[0].match.cgroup: `system.slice` is not a control group, such as \
                 /system.slice/jenkins.service/**"],
        ),
        (
            "clients:\n  - name: a\n    match: {container: {label: =x}}\n",
            &["3: clients[0].match.container.label: `=x` is not a label: key=value, or key"],
        ),
        (
            "clients:\n  - name: a\n    match: {user: root}\n    limits:\n      connections: 0\n",
            &["5: clients[0].limits.connections: `0` is not a whole number from 1 to 1000000"],
        ),
        (
            "clients:\n  - name: a\n    match: {user: root}\n    limits: {memory: 1}\n",
            &["4: clients[0].limits: unknown key `memory`, expected one of `connections`, \
                 `requests_per_second`, `creates_per_minute`, `containers`"],
        ),
    ]);
}

#[test]
fn the_rules_of_an_entry_are_read_as_those_of_all() {
    check(&[
        (
            "restrictions: {ports: [0]}\nclients:\n  - name: a\n    match: {user: root}\n    \
             restrictions:\n      ports: [22]\n      mounts:\n        - etc\n    general:\n      \
             memory: 1z\n    endpoints:\n      allow:\n        - GET info\n",
            &[
                "1: restrictions.ports[0]: `0` is not a port from 1 to 65535 or a range of them",
                "8: clients[0].restrictions.mounts[0]: `etc` is not an absolute path",
                "13: clients[0].endpoints.allow[0]: `GET info` has a path that does not begin with /",
                "10: clients[0].general.memory: `1z` is not a size such as 512m, 1g or a number of bytes",
            ],
        ),
        (
            "endpoints: {default: allow}\nclients:\n  - name: a\n    match: {user: root}\n    \
             inherit: true\n    endpoints: {allow: [GET /info]}\n",
            &[
                "5: clients[0].inherit: endpoints.default: `allow` makes the list of what is allowed mean \
                 nothing",
            ],
        ),
        (
            "clients:\n  - name: a\n    match: {user: root}\n    exceptions:\n      - image: a\n",
            &[
                "5: clients[0].exceptions[0]: `reason` is missing: why is it excepted?",
                "5: clients[0].exceptions[0]: it lifts nothing: name a rule and the values that it lifts",
            ],
        ),
    ]);
}

#[test]
fn what_becomes_of_the_rest_stands_alone_and_last() {
    check(&[
        (
            "clients:\n  - default: refuse\n  - name: a\n    match: {user: root}\n",
            &["2: clients[0].default: it stands alone, as the last element of the list"],
        ),
        (
            "clients:\n  - name: a\n    match: {user: root}\n    default: refuse\n",
            &["4: clients[0].default: it stands alone, as the last element of the list"],
        ),
        (
            "clients:\n  - default: allow\n",
            &[
                "2: clients[0].default: `allow` is not refuse; without `default` the top level holds for \
                 all others",
            ],
        ),
    ]);
    let refusing = settings("clients:\n  - default: refuse\n");
    assert!(refusing.clients.rest == Rest::Refused && refusing.restricts());
    assert_eq!(settings("clients:\n").clients.rest, Rest::TopLevel);
}

#[test]
fn an_entry_is_complete_in_itself_unless_it_inherits() {
    let text = "restrictions: {ports: [22], privileged: true, images: {allow: [team/app]}}\n\
                general: {memory: 1g, cpu: 2, environment: [A=1, B=1]}\n\
                endpoints: {preset: read-only, deny: ['GET /info']}\n\
                clients:\n  - name: alone\n    match: {user: root}\n    restrictions: {ports: [80]}\n  \
                - name: more\n    match: {user: root}\n    inherit: true\n    \
                restrictions: {ports: [80], privileged: false, images: {allow: [ci/app]}}\n    \
                general: {memory: 2g, environment: [A=2]}\n    endpoints: {allow: ['POST /auth']}\n";
    let settings = settings(text);
    let [alone, more] = settings.clients.list.as_slice() else { panic!("two entries") };
    let ports = |client: &ClientSettings| {
        client.policy.ports.iter().map(|rule| rule.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((ports(alone), ports(more)), (vec!["80".into()], vec!["80".into(), "22".into()]));
    assert_eq!(alone.policy.privileged, PrivilegedRule::Allow);
    assert_eq!(more.policy.privileged, PrivilegedRule::Allow, "a value takes the other's place");
    assert!(alone.policy.ceilings.memory.is_none() && alone.policy.allowed_images.list().is_none());
    let ceilings = &more.policy.ceilings;
    assert_eq!(ceilings.memory.map(|memory| memory.get()), Some(2 << 30));
    assert!(ceilings.cpu.is_some());
    let variables = ceilings.environment.iter().map(|entry| (entry.name(), entry.value()));
    assert_eq!(variables.collect::<Vec<_>>(), [("A", Some("2")), ("B", Some("1"))]);
    assert_eq!(more.policy.allowed_images.list().map(<[_]>::len), Some(2));
    assert_eq!(alone.policy.endpoints.otherwise, Otherwise::Allow);
    let endpoints = &more.policy.endpoints;
    assert_eq!((endpoints.otherwise, endpoints.deny.len()), (Otherwise::Deny, 1));
    assert!(endpoints.allow.len() > 10, "the preset's, too");
    assert_eq!(alone.policy.way_out, settings.policy.way_out, "whoever asks");
}

/// A section of the top level, the same of an entry, and what both mean together, written out.
const ADDED: &[(&str, &str, &str, &str)] = &[
    ("restrictions", "ports: [22]", "ports: [80]", "ports: [80, 22]"),
    ("restrictions", "mounts: [/root]", "mounts: [/etc]", "mounts: [/etc, /root]"),
    (
        "restrictions",
        "mounts: {deny: [/root], allow: [/srv/**]}",
        "mounts: {allow: [/ci]}",
        "mounts: {deny: [/root], allow: [/ci, /srv/**]}",
    ),
    (
        "restrictions",
        "mounts: [/root]",
        "mounts: {allow: [/ci]}",
        "mounts: {deny: [/root], allow: [/ci]}",
    ),
    ("restrictions", "mounts: {allow: []}", "mounts: [/etc]", "mounts: {deny: [/etc], allow: []}"),
    ("restrictions", "users: [root]", "users: [5]", "users: [5, root]"),
    ("restrictions", "groups: [docker]", "groups: [5]", "groups: [5, docker]"),
    ("restrictions", "environment: [A=1]", "environment: [A, B=1]", "environment: [A, B=1, A=1]"),
    (
        "restrictions",
        "securitypolicies: ['label=disable']",
        "securitypolicies: ['label=user:u', seccomp]",
        "securitypolicies: ['label=user:u', seccomp, 'label=disable']",
    ),
    ("restrictions", "images: [a]", "images: [b]", "images: [b, a]"),
    (
        "restrictions",
        "images: {allow: [a]}",
        "images: {allow: [b], deny: [c]}",
        "images: {allow: [b, a], deny: [c]}",
    ),
    ("restrictions", "privileged: true", "privileged: false", "privileged: false"),
    ("restrictions", "privileged: true", "ports: [80]", "{privileged: true, ports: [80]}"),
    (
        "restrictions",
        "capabilities: [NET_RAW]",
        "capabilities: [NET_ADMIN]",
        "capabilities: [NET_ADMIN, NET_RAW]",
    ),
    (
        "restrictions",
        "devices: [/dev/kvm]",
        "devices: [/dev/fuse]",
        "devices: [/dev/fuse, /dev/kvm]",
    ),
    ("restrictions", "namespaces: [pid]", "namespaces: [ipc]", "namespaces: [ipc, pid]"),
    ("restrictions", "runtimes: [a]", "runtimes: [b]", "runtimes: [b, a]"),
    ("restrictions", "volumesfrom: [a]", "volumesfrom: [b]", "volumesfrom: [b, a]"),
    ("restrictions", "volumedrivers: [a]", "volumedrivers: [b]", "volumedrivers: [b, a]"),
    (
        "restrictions",
        "volumedrivers: {allow: [local]}",
        "volumedrivers: {allow: [b]}",
        "volumedrivers: {allow: [b, local]}",
    ),
    ("restrictions", "sysctls: [kernel.a]", "sysctls: [kernel.b]", "sysctls: [kernel.b, kernel.a]"),
    ("restrictions", "cgroupparent: [/a]", "cgroupparent: [/b]", "cgroupparent: [/b, /a]"),
    (
        "restrictions",
        "subnets: [10.0.0.0/8]",
        "subnets: [fd00::/8]",
        "subnets: [fd00::/8, 10.0.0.0/8]",
    ),
    ("restrictions", "builds: forbid", "builds: inspect", "builds: inspect"),
    ("restrictions", "builds: inspect", "ports: [80]", "{builds: inspect, ports: [80]}"),
    ("general", "memory: 1g", "memory: 2g", "memory: 2g"),
    ("general", "memory: 1g", "cpu: 2", "{memory: 1g, cpu: 2}"),
    ("general", "cpu: 1", "cpu: 2", "cpu: 2"),
    ("general", "user: a", "user: b", "user: b"),
    ("general", "environment: [A=1, B=1]", "environment: [A=2]", "environment: [A=2, B=1]"),
    // A colon belongs to a name.
    (
        "general",
        "environment: ['A=1', 'A:C=1']",
        "environment: ['A:B=1']",
        "environment: ['A:B=1', 'A=1', 'A:C=1']",
    ),
    ("general", "environment: [a=1]", "environment: [A=2]", "environment: [A=2, a=1]"),
    ("general", "capdrop: [NET_RAW]", "capdrop: [SYS_ADMIN]", "capdrop: [SYS_ADMIN, NET_RAW]"),
    ("general", "capadd: [NET_RAW]", "capadd: [SYS_ADMIN]", "capadd: [SYS_ADMIN, NET_RAW]"),
    // What is forced both ways is dropped, as at the top level.
    (
        "general",
        "capdrop: [NET_RAW]",
        "capadd: [NET_RAW]",
        "{capdrop: [NET_RAW], capadd: [NET_RAW]}",
    ),
    (
        "general",
        "secopts: ['label=user:u', 'label=role:r', no-new-privileges]",
        "secopts: ['label=type:t']",
        "secopts: ['label=type:t', 'label=user:u', 'label=role:r', no-new-privileges]",
    ),
    (
        "general",
        "secopts: ['label=user:u', 'label=role:r']",
        "secopts: ['label:user:v', 'label=user:w']",
        "secopts: ['label:user:v', 'label=user:w', 'label=role:r']",
    ),
    (
        "general",
        "secopts: ['label=user:u', 'label=role:r']",
        "secopts: [disable]",
        "secopts: [disable]",
    ),
    (
        "general",
        "secopts: [disable, 'apparmor=a']",
        "secopts: ['label=type:t']",
        "secopts: ['label=type:t', 'apparmor=a']",
    ),
    (
        "general",
        "secopts: ['seccomp=unconfined', 'apparmor:a']",
        "secopts: ['apparmor=b', 'no-new-privileges:false']",
        "secopts: ['apparmor=b', 'no-new-privileges:false', 'seccomp=unconfined']",
    ),
    ("endpoints", "preset: read-only", "preset: [traefik]", "preset: [traefik, read-only]"),
    (
        "endpoints",
        "allow: [GET /info]",
        "allow: [GET /version]",
        "allow: [GET /version, GET /info]",
    ),
    ("endpoints", "deny: [GET /info]", "deny: [GET /version]", "deny: [GET /version, GET /info]"),
    ("endpoints", "default: deny", "default: allow", "default: allow"),
];

#[test]
fn what_an_entry_inherits_is_what_both_say_written_out() {
    for (section, above, own, together) in ADDED {
        let inner = |text: &str| match text.starts_with('{') {
            true => text.to_owned(),
            false => format!("{{{text}}}"),
        };
        let (above, own, together) = (inner(above), inner(own), inner(together));
        let policy = |top: &str, inherits: &str, own: &str| {
            let entry =
                format!("  - name: a\n    match: {{user: root}}\n{inherits}    {section}: {own}\n");
            let settings = settings(&format!("{top}clients:\n{entry}"));
            settings.clients.list.first().map(|client| format!("{:?}", client.policy))
        };
        let inherited = policy(&format!("{section}: {above}\n"), "    inherit: true\n", &own);
        assert!(inherited.is_some());
        assert_eq!(inherited, policy("", "", &together), "{section} {above} {own}");
    }
}

/// A key that is added later must be thought about here, too.
#[test]
fn every_key_of_the_rules_is_in_the_table_of_what_is_inherited() {
    for section in ["restrictions", "general", "endpoints"] {
        let file =
            format!("clients: [{{name: a, match: {{user: root}}, {section}: {{none: 1}}}}]\n");
        let said = super::mistakes(&file).join("\n");
        let keys = said.split("expected one of ").nth(1).unwrap_or_default();
        let keys: Vec<&str> = keys.split('`').skip(1).step_by(2).collect();
        assert!(keys.len() > 3, "{said}");
        for key in keys {
            let is_shown =
                |above: &str| above.trim_start_matches('{').starts_with(&format!("{key}:"));
            let mut rows = ADDED.iter().filter(|(of, above, ..)| *of == section && is_shown(above));
            assert!(rows.next().is_some(), "{section}.{key}");
        }
    }
}
