#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use super::*;
use proptest::prelude::*;

fn range(first: u16, last: u16) -> PortRange {
    PortRange::parse(&format!("{first}-{last}")).unwrap()
}

#[test]
fn ports_are_read_as_the_daemon_does() {
    let table = [
        ("22", range(22, 22)),
        ("022", range(22, 22)),
        ("00022", range(22, 22)),
        ("22/tcp", range(22, 22)),
        ("22/UDP", range(22, 22)),
        ("22/", range(22, 22)),
        ("20-25", range(20, 25)),
        ("0-0", PortRange::EPHEMERAL),
        ("20-25/udp", range(20, 25)),
        ("65535", range(65_535, 65_535)),
        ("0", PortRange::EPHEMERAL),
        ("", PortRange::EPHEMERAL),
        ("/tcp", PortRange::EPHEMERAL),
    ];
    for (text, expected) in table {
        assert_eq!(PortRange::parse(text), Ok(expected), "{text:?}");
    }
    for text in [
        "+22",
        " 22",
        "22 ",
        "0x16",
        "65536",
        "99999999",
        "25-20",
        "22/x",
        "2_2",
        "a",
        "22-",
        "0-0-0",
        "0-25",
        "20-25-30",
        "-25",
        "-",
        "\u{662}\u{662}",
    ] {
        assert!(PortRange::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn ranges_overlap_where_they_share_a_port() {
    let table =
        [(20, 25, true), (22, 22, true), (23, 30, false), (1, 21, false), (1, 65_535, true)];
    for (first, last, expected) in table {
        assert_eq!(range(first, last).overlaps(&range(22, 22)), expected, "{first}-{last}");
    }
}

#[test]
fn paths_are_cleaned() {
    let table = [
        ("/", "/"),
        ("//", "/"),
        ("/..", "/"),
        ("/a/", "/a"),
        ("/a//b/./c", "/a/b/c"),
        ("/a/../../b", "/b"),
        ("/a/b/..", "/a"),
        ("/a/.../b", "/a/.../b"),
        ("/ a", "/ a"),
    ];
    for (text, expected) in table {
        assert_eq!(HostPath::parse(text).unwrap().as_str(), expected, "{text:?}");
    }
    for text in ["", "a", "./a", "~/a", "/a\0b"] {
        assert!(HostPath::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn paths_are_compared_by_whole_names() {
    let within =
        |inner, outer| HostPath::parse(inner).unwrap().is_within(&HostPath::parse(outer).unwrap());
    assert!(within("/root/.ssh", "/root") && within("/root", "/root") && within("/root", "/"));
    assert!(!within("/rootfs", "/root") && !within("/", "/root") && !within("/var", "/root"));
}

#[test]
fn users_are_the_same_by_name_and_number() {
    let principal = |text| UserSpec::parse(text).unwrap().principal().clone();
    let is = |asked, forbidden| {
        let (asked, forbidden) = (principal(asked), principal(forbidden));
        asked == forbidden || asked.is_root() && forbidden.is_root()
    };
    for root in [
        "root",
        "0",
        "00",
        "+0",
        "-0",
        "0:0",
        "root:root",
        "0:users",
        ":0",
        ":",
        "0:0:1",
        "4294967296",
        "-4294967296",
    ] {
        assert!(is(root, "root") && is(root, "0"), "{root:?}");
    }
    for other in [
        "1000",
        "rooty",
        "toor",
        "1000:0",
        "1000:root",
        " 0",
        "0x0",
        "1_0",
        "4294967297",
        "99999999999999999999",
    ] {
        assert!(!is(other, "root"), "{other:?}");
    }
    assert!(is("1000:5", "1000") && is("01000:5", "1000:5") && is("1000", "1000:5"));
    assert!(is("1000:6", "1000:5") && is("root:users", "root:root"));
    assert!(UserSpec::parse("").is_err());
}

#[test]
fn environment_entries_have_a_name() {
    let entry = EnvironmentEntry::parse("A=b=c").unwrap();
    assert_eq!((entry.name(), entry.value()), ("A", Some("b=c")));
    assert_eq!(EnvironmentEntry::parse("A").unwrap().value(), None);
    assert_eq!(EnvironmentEntry::parse("A=").unwrap().value(), Some(""));
    assert!(EnvironmentEntry::parse("=b").is_err() && EnvironmentEntry::parse("").is_err());
    let all = std::sync::Arc::new("AB=c".to_owned());
    let within = |range| EnvironmentEntry::parse_within(&all, range).unwrap();
    assert_eq!((within(0..1).name(), within(0..1).value()), ("A", None));
    assert_eq!((within(1..4).name(), within(1..4).value()), ("B", Some("c")));
    assert_eq!(within(1..4), EnvironmentEntry::parse("B=c").unwrap());
    assert!(EnvironmentEntry::parse_within(&all, 2..4).is_err());
    let error = EnvironmentEntry::parse("=secret").unwrap_err();
    assert!(!error.to_string().contains("secret"));
}

#[test]
fn security_options_are_read_as_the_daemon_does() {
    let table = [
        ("seccomp=unconfined", "seccomp", Some("unconfined")),
        ("seccomp:unconfined", "seccomp", Some("unconfined")),
        ("label=type:x", "label", Some("type:x")),
        ("label:a=b", "label:a", Some("b")),
        ("no-new-privileges", "no-new-privileges", None),
        ("disable", "label", Some("disable")),
    ];
    for (text, name, value) in table {
        let option = SecurityOption::parse(text).unwrap();
        assert_eq!((option.name(), option.value()), (name, value), "{text:?}");
    }
}

#[test]
fn sizes_and_cpus() {
    let table = [
        ("1", 1),
        ("1073741824", 1 << 30),
        ("512m", 512 << 20),
        ("1g", 1 << 30),
        ("1.5G", 3 << 29),
        ("64 kb", 64 << 10),
        ("1GiB", 1 << 30),
        ("100b", 100),
    ];
    for (text, expected) in table {
        assert_eq!(Bytes::parse(text).map(Bytes::get), Ok(expected), "{text:?}");
    }
    for text in ["", "0", "-1", "+1", "g", "1x", "1 g g", "1.", ".5g", "9999999999g", "1e3", "0.1"]
    {
        assert!(Bytes::parse(text).is_err(), "{text:?}");
    }
    for (text, expected) in
        [("0.25", 250_000_000), ("2", 2_000_000_000), ("1.000000001", 1_000_000_001)]
    {
        assert_eq!(NanoCpus::parse(text).map(NanoCpus::get), Ok(expected), "{text:?}");
    }
    for text in ["", "0", "-1", "1e1", "a", "1.5.5", "99999999999999999999"] {
        assert!(NanoCpus::parse(text).is_err(), "{text:?}");
    }
    assert_eq!(Bytes::parse("1536m").unwrap().to_string(), "1536m");
    assert_eq!(NanoCpus::parse("0.250").unwrap().to_string(), "0.25");
}

#[test]
fn capabilities_have_one_spelling() {
    for text in ["NET_ADMIN", "net_admin", "CAP_NET_ADMIN", "cap_Net_Admin"] {
        assert_eq!(Capability::parse(text).unwrap().as_str(), "NET_ADMIN", "{text:?}");
    }
    assert!(Capability::parse("all").unwrap().is_all());
    let admin = Capability::parse("SYS_ADMIN").unwrap();
    assert!(admin.is("\u{17f}ys_adm\u{131}n") && admin.is("cap_sys_admin"));
    assert!(!admin.is("ALL") && !admin.is("SYS_ADMIN ") && !admin.is("CAP_CAP_SYS_ADMIN"));
    assert!(Capability::parse("CAP_").is_err() && Capability::parse("a b").is_err());
}

/// Go's `path.Clean` as its documentation has it: rules applied until none applies any more.
fn cleaned_by_rewriting(path: &str) -> String {
    let mut path = format!("{path}/");
    loop {
        let next = path.replacen("//", "/", 1).replacen("/./", "/", 1);
        let next = match next.find("/../") {
            Some(at) if next == path => {
                let (before, after) = next.split_at(at);
                let parent = before.rfind('/').map_or("", |slash| before.split_at(slash).0);
                format!("{parent}{}", after.strip_prefix("/..").unwrap())
            }
            Some(_) | None => next,
        };
        if next == path {
            break;
        }
        path = next;
    }
    match path.as_str() {
        "/" => path,
        _ => path.trim_end_matches('/').to_owned(),
    }
}

proptest! {
    #[test]
    fn paths_are_cleaned_as_the_daemon_does(text in "(/(\\.|\\.\\.|\\.\\.\\.|a|b c|\\.a)?){1,9}") {
        let clean = HostPath::parse(&text).unwrap();
        prop_assert_eq!(clean.as_str(), cleaned_by_rewriting(&text));
    }

    #[test]
    fn a_clean_path_stays_as_it_is(text in "(/[.a]{0,3}){1,8}") {
        let clean = HostPath::parse(&text).unwrap();
        prop_assert_eq!(&HostPath::parse(clean.as_str()).unwrap(), &clean);
        prop_assert!(!clean.as_str().contains("//") && !clean.as_str().split('/').any(|name| name == ".."));
    }

    #[test]
    fn leading_zeros_change_no_port(port in 1_u16.., zeros in 0_usize..20) {
        let text = format!("{}{port}", "0".repeat(zeros));
        prop_assert_eq!(PortRange::parse(&text), Ok(range(port, port)));
    }

    #[test]
    fn nothing_makes_it_panic(text in "\\PC{0,20}") {
        let _ = (PortRange::parse(&text), HostPath::parse(&text), UserSpec::parse(&text));
        let _ = (Bytes::parse(&text), NanoCpus::parse(&text), Capability::parse(&text));
        let _ = (EnvironmentEntry::parse(&text), SecurityOption::parse(&text));
    }
}
