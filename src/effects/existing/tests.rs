#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use super::*;
use crate::policy::effects::{EnvironmentEffect, IdentityEffect, ImageEffect, MountEffect};
use crate::policy::types::Bytes;

fn told(effects: Option<Vec<Effect>>) -> Option<Vec<String>> {
    let tell = |effect: &Effect| match effect {
        Effect::Mount(MountEffect::HostPath(path)) => path.to_string(),
        Effect::Mount(MountEffect::AnyPath(_)) => "/".to_owned(),
        effect => format!("{effect:?}"),
    };
    effects.map(|effects| effects.iter().map(tell).collect())
}

#[test]
fn a_volume_is_read_as_if_it_were_created_now() {
    for (answer, expected) in [
        (r#"{"Driver":"local","Mountpoint":"/var/lib/x","Options":null}"#, Some(&[][..])),
        (r#"{"Driver":"local","Options":{}}"#, Some(&[])),
        // As 20.10 says it.
        (
            concat!(
                r#"{"CreatedAt":"2026-11-24T15:51:31Z","Driver":"local","Labels":null,"#,
                r#""Mountpoint":"/var/lib/docker/volumes/vv/_data","Name":"vv","#,
                r#""Options":null,"Scope":"local"}"#,
                "\n"
            ),
            Some(&[]),
        ),
        (
            r#"{"Driver":"local","Options":{"type":"none","o":"bind","device":"/a/../root"}}"#,
            Some(&["/root"]),
        ),
        (
            r#"{"Driver":"local","Options":{"type":"overlay","o":"lowerdir=/a:/b","device":"x"}}"#,
            Some(&["/a", "/b"]),
        ),
        (r#"{"Driver":"local","Options":{"type":"proc","device":"x"}}"#, Some(&["/"])),
        (r#"{"Driver":"vieux/sshfs:latest","Options":{}}"#, Some(&["/"])),
        (r#"{"Driver":"local","ClusterVolume":{"ID":"x"}}"#, Some(&["/"])),
        (r#"{"Driver":"../../tmp/evil"}"#, None),
        (r#"{"Options":{}}"#, None),
        (r#"{"Driver":"local","Options":{"o":1}}"#, None),
        ("", None),
    ] {
        let expected = expected.map(|all| all.iter().map(ToString::to_string).collect());
        assert_eq!(told(volume(answer.as_bytes())), expected, "{answer}");
    }
}

#[test]
fn a_volume_is_found_in_a_list() {
    let list = br#"{"Volumes":[{"Name":"a"},{"Name":"b/../c","Driver":"x"}],"Warnings":null}"#;
    assert_eq!(listed_volume("c", list), Some(None));
    let found = listed_volume("b/../c", list).unwrap().unwrap();
    assert_eq!(told(volume(&found)), Some(vec!["/".to_owned()]));
    assert_eq!(listed_volume("a", br#"{"Volumes":null}"#), Some(None));
    for odd in [&b"{}"[..], b"", br#"{"Volumes":{}}"#] {
        assert_eq!(listed_volume("a", odd), None);
    }
}

fn inspected(config: &str, host: &str, mounts: &str) -> Option<Container> {
    let answer = format!(
        r#"{{"Id":"0","Name":"/web","Config":{{{config}}},"HostConfig":{{{host}}},"Mounts":{mounts}}}"#
    );
    container("web", answer.as_bytes())
}

#[test]
fn what_a_container_has_been_given() {
    let plain = inspected("", "", "null").unwrap();
    assert!(plain.user.is_root() && !plain.is_privileged && plain.shares.is_empty());
    let user = |text: &str| inspected(&format!(r#""User":"{text}""#), "", "[]").unwrap().user;
    assert!(user("").is_root() && user("0:5").is_root() && !user("app").is_root());
    let host =
        r#""Privileged":true,"NetworkMode":"host","PidMode":"container:x","IpcMode":"private""#;
    let given = inspected("", host, "[]").unwrap();
    let with = |kind, with| Namespace { kind, with };
    let shares = [
        with(NamespaceKind::Network, SharedWith::Host),
        with(NamespaceKind::Pid, SharedWith::Container("x".to_owned())),
    ];
    assert!(given.is_privileged);
    assert_eq!(given.shares, shares);
    let mounts = r#"[{"Type":"bind","Source":"/a//b","Destination":"/x"},
        {"Type":"volume","Name":"v","Source":"/var/lib/docker/volumes/v/_data","Driver":"local"},
        {"Type":"tmpfs","Source":"","Destination":"/t"},{"Type":"npipe","Source":"x"}]"#;
    let mounts = told(Some(inspected("", "", mounts).unwrap().mounts)).unwrap();
    assert_eq!(mounts, ["/a/b", "Volume(\"v\")", "/"]);
    let crowd = format!("[{}]", vec![r#"{"Type":"tmpfs"}"#; MOUNTS_MAX + 1].join(","));
    assert_eq!(inspected("", "", &crowd), None);
    assert_eq!(container("web", b"{}"), None);
}

#[test]
fn what_a_container_was_made_of_counts_until_it_has_run() {
    let id = format!("sha256:{}", "1".repeat(64));
    let read = |image: &str, config: &str, state: &str| {
        let answer = format!(
            r#"{{"Name":"/c","Image":"{image}","Config":{{{config}}},"HostConfig":{{}},"State":{{{state}}}}}"#
        );
        container("c", answer.as_bytes()).unwrap().first_run
    };
    let never = r#""Status":"created","StartedAt":"0001-01-01T00:00:00Z""#;
    let made = read(&id, r#""Image":"app:1","Env":["A=1","B"],"User":"7""#, never).unwrap();
    let [
        Effect::Image(ImageEffect::MadeOf(of)),
        Effect::Identity(IdentityEffect::User(user)),
        a,
        b,
    ] = &made[..]
    else {
        panic!("{made:?}")
    };
    let told = (of.image.to_string(), of.asked.as_ref().unwrap().to_string(), user.to_string());
    assert_eq!(told, (id.clone(), "app:1".to_owned(), "7".to_owned()));
    let variable =
        |text| Effect::Environment(EnvironmentEffect::Set(EnvironmentEntry::parse(text).unwrap()));
    assert_eq!((a, b), (&variable("A=1"), &variable("B")));
    // Nobody can say more of a state that is not told.
    assert_eq!(read(&id, "", "").unwrap().len(), 2);
    let started = r#""Status":"exited","StartedAt":"2026-11-30T14:00:00.123456789Z""#;
    assert_eq!(read("", "", started), Some(vec![]));
    for (image, config) in [("", ""), ("app:1", ""), (id.as_str(), r#""Env":["=x"]"#)] {
        assert_eq!(read(image, config, never), None, "{image} {config}");
    }
}

#[test]
fn a_name_with_a_slash_is_no_identifier() {
    let answer = br#"{"Name":"/web","Config":{},"HostConfig":{}}"#;
    assert!(container("web", answer).is_some() && container("/web", answer).is_some());
    assert!(container("0123", answer).is_some());
    assert_eq!(container("/0123", answer), None);
}

#[test]
fn what_a_service_was_before() {
    let none = br#"{"ID":"x","Version":{"Index":9},"Spec":{}}"#;
    let before = |version| ServiceFacts::Present { version, effects: vec![], forced: vec![] };
    assert_eq!(service(none, &Ceilings::default()), Some(before(9)));
    let spec = |container: &str| {
        let spec = format!(
            r#"{{"Name":"x","TaskTemplate":{{"ContainerSpec":{{"Image":"a",{container}}},
            "Resources":{{"Limits":{{"MemoryBytes":9000}}}},"ForceUpdate":0,"Runtime":"container"}}}}"#
        );
        format!(r#"{{"Version":{{"Index":7}},"Spec":{{}},"PreviousSpec":{spec}}}"#)
    };
    let ceilings = Ceilings { memory: Some(Bytes::parse("6m").unwrap()), ..Ceilings::default() };
    let known = service(spec(r#""User":"0""#).as_bytes(), &ceilings).unwrap();
    let ServiceFacts::Present { version: 7, effects, forced } = known else { panic!("{known:?}") };
    let root = Effect::Identity(IdentityEffect::User(UserSpec::parse("0").unwrap()));
    assert!(effects.contains(&root), "{effects:?}");
    assert!(forced.iter().all(|field| field.contains("Resources")), "{forced:?}");
    let known = service(spec(r#""User":"0""#).as_bytes(), &Ceilings::default()).unwrap();
    assert!(matches!(known, ServiceFacts::Present { forced, .. } if forced.is_empty()));
    for unreadable in [spec(r#""User":0"#).as_str(), spec(r#""Env":["=x"]"#).as_str(), "{}", ""] {
        assert_eq!(service(unreadable.as_bytes(), &ceilings), None, "{unreadable}");
    }
}
