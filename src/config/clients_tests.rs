//! The list `clients`: what is read of it, and what is wrong with it.

use super::tests::{check, settings};
use super::*;
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
                "3: clients[0].match: it names nobody: network, certificate, user, group, cgroup or \
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
            &[
                "3: clients[0].match.certificate: it says nothing: name one of name, cn, dns, email, \
                 uri, issuer or fingerprint",
            ],
        ),
        (
            "clients:\n  - name: a\n    match: {certificate: {issuer: Example CA}}\n",
            &["3: clients[0].match.certificate.issuer: `Example CA` is not a whole name such as \
                 CN=Example CA,O=Example"],
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
