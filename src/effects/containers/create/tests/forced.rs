//! What is written again, and what is forced.

use super::*;
use crate::policy::effects::MountEffect;

fn through(policy: &Policy, body: &str) -> (String, String) {
    let target = target::parse("/containers/create").unwrap();
    let inspected = effects::read(docker::Endpoint::ContainerCreate, &target, body.as_bytes());
    let Verdict::Allowed(checked) = judge(policy, inspected.unwrap(), &Facts::none()) else {
        panic!("the policy forbids nothing: {body}");
    };
    let mut out = Vec::new();
    let changes = effects::write(checked, policy, &mut out);
    (String::from_utf8(out).unwrap(), changes.changes.to_string())
}

#[test]
fn without_ceilings_nothing_changes_but_spelling() {
    let body = r#"{"image":"x","HostConfig":{"memory":1},"Future":[1.50]}"#;
    let (written, changes) = through(&Policy::permissive(), body);
    assert_eq!(written, r#"{"Image":"x","HostConfig":{"Memory":1},"Future":[1.50]}"#);
    assert_eq!(changes, "");
}

#[test]
fn control_groups_are_separate_under_a_rule_about_them() {
    let policy = |rule| {
        let namespaces = vec![NamespaceRule::parse(rule).unwrap()];
        Policy { namespaces, ..Policy::permissive() }
    };
    let forced = r#"{"Image":"x","HostConfig":{"CgroupnsMode":"private"}}"#;
    for rule in ["host", "cgroup"] {
        for body in [
            r#"{"Image":"x"}"#,
            r#"{"Image":"x","HostConfig":{"CgroupnsMode":null}}"#,
            r#"{"Image":"x","CGROUPNSMODE":""}"#,
        ] {
            let (written, changes) = through(&policy(rule), body);
            assert_eq!(written, forced, "{rule} {body}");
            assert_eq!(changes, "HostConfig.CgroupnsMode=private");
        }
        assert_eq!(through(&policy(rule), forced), (forced.to_owned(), String::new()));
    }
    let body = r#"{"Image":"x"}"#.to_owned();
    assert_eq!(through(&policy("container"), &body), (body.clone(), String::new()));
    assert_eq!(through(&policy("pid"), &body), (body, String::new()));
}

#[test]
fn ceilings_are_written_where_the_daemon_reads_them() {
    let ceilings = Ceilings {
        owner: None,
        memory: Some(Bytes::parse("1g").unwrap()),
        cpu: Some(NanoCpus::parse("0.25").unwrap()),
        user: Some(UserSpec::parse("1000").unwrap()),
        environment: vec![EnvironmentEntry::parse("A=secret").unwrap()],
        secopts: vec![SecurityOption::parse("no-new-privileges").unwrap()],
        capdrop: vec![Capability::parse("NET_RAW").unwrap()],
        capadd: vec![],
    };
    let policy = Policy { ceilings, ..Policy::permissive() };
    let (written, changes) = through(&policy, r#"{"Image":"x"}"#);
    assert_eq!(
        written,
        r#"{"Image":"x","User":"1000","Env":["A=secret"],"HostConfig":{"Memory":1073741824,"NanoCpus":250000000,"SecurityOpt":["no-new-privileges"],"CapDrop":["NET_RAW"]}}"#
    );
    assert!(!changes.contains("secret"), "{changes}");
    assert_eq!(through(&policy, &written), (written, String::new()), "nothing left to force");
    let lower = r#"{"Memory":6291456,"CpuQuota":1000,"User":"root","Env":["B=c","A=d"],"CapAdd":"NET_RAW","Capabilities":["ALL"],"Image":"x"}"#;
    let (written, changes) = through(&policy, lower);
    assert_eq!(
        written,
        r#"{"User":"1000","Env":["B=c","A=secret"],"Image":"x","HostConfig":{"Memory":6291456,"CpuQuota":1000,"CapAdd":[],"SecurityOpt":["no-new-privileges"],"CapDrop":["NET_RAW"]}}"#
    );
    assert_eq!(
        changes,
        "User=1000 Env=A HostConfig.SecurityOpt=no-new-privileges HostConfig.CapAdd= HostConfig.CapDrop=NET_RAW HostConfig.Capabilities="
    );
}

proptest! {
    #[test]
    fn any_texts_are_effects_or_refused(text in any::<String>(), other in "[-/:,=.a-z0-9{}\\\\]{0,12}") {
        for text in [text, other] {
            let text = serde_json::to_string(&text).unwrap();
            let body = format!(
                r#"{{"Image":{text},"User":{text},"Env":[{text}],"HostConfig":{{"Binds":[{text}],
                "PortBindings":{{{text}:[{{"HostPort":{text}}}]}},"SecurityOpt":[{text}],
                "Mounts":[{{"Type":{text},"Source":{text}}}]}}}}"#
            );
            let _ = read(body.as_bytes());
            for field in ["Binds", "SecurityOpt"] {
                let body = format!(r#"{{"Image":"x","HostConfig":{{"{field}":[{text}]}}}}"#);
                let _ = read(body.as_bytes());
            }
        }
    }

    #[test]
    fn an_absolute_bind_is_always_a_path(source in "/[a-z./]{0,8}", rest in ":/[a-z]{1,4}(:ro)?") {
        let body = format!(r#"{{"Image":"x","HostConfig":{{"Binds":["{source}{rest}"]}}}}"#);
        let inspected = read(body.as_bytes()).unwrap();
        let paths = inspected.effects().iter().filter(|a| matches!(a.effect, Effect::Mount(MountEffect::HostPath(_))));
        prop_assert_eq!(paths.count(), 1);
    }
}
