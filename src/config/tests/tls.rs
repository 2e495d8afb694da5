//! Who is served, and by TLS: keys that are held against each other.

use super::*;

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
