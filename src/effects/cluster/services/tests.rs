//! Which effects a service has, and what comes out of it.
#![expect(clippy::unwrap_used, reason = "a failed test says where")]
#![expect(clippy::indexing_slicing, reason = "a failed test says where")]

use crate::policy::effects::{
    EnvironmentEffect, IdentityEffect, ImageEffect, MountEffect, NamespaceEffect, NetworkEffect,
    PrivilegeEffect,
};
use proptest::prelude::*;

use super::*;
use crate::docker::Endpoint;
use crate::effects::{self};
use crate::policy::facts::Facts;
use crate::policy::types::{Bytes, NanoCpus, SecurityOption};
use crate::policy::{Policy, Verdict, judge};

/// A specification with `container` in its container and `task` and `service` beside.
fn spec(container: &str, task: &str, service: &str) -> String {
    format!(
        r#"{{"TaskTemplate":{{"ContainerSpec":{{"Image":"probe:1"{container}}}{task}}}{service}}}"#
    )
}

fn effects_at(target: &str, body: &str) -> Result<Vec<String>, String> {
    let target = target::parse(target).unwrap();
    let inspected = read_update(&target, body.as_bytes()).map_err(|error| error.to_string())?;
    // Every network that is named is one; `engine/subnets` shows which.
    let counts = |asked: &&RequestedEffect| {
        !matches!(asked.effect, Effect::Network(NetworkEffect::SubnetsOf(..)))
    };
    let told = inspected.effects().iter().filter(counts).map(|asked| {
        let effect = match &asked.effect {
            Effect::Image(ImageEffect::Used(image)) => format!("image {image}"),
            Effect::Identity(IdentityEffect::User(user)) => format!("user {user}"),
            Effect::Environment(EnvironmentEffect::Set(entry)) => {
                format!("variable {}", entry.to_entry())
            }
            Effect::Network(NetworkEffect::HostPorts(ports)) => format!("ports {ports}"),
            Effect::Mount(MountEffect::HostPath(path)) => format!("path {path}"),
            Effect::Mount(MountEffect::AnyPath(_)) => "path /".to_owned(),
            Effect::Privilege(PrivilegeEffect::SecurityOption(option)) => {
                format!("option {option}")
            }
            Effect::Namespace(NamespaceEffect::Shared(_)) => "host network".to_owned(),
            effect => format!("{effect:?}"),
        };
        let at = asked.at.to_string();
        let at = at.trim_start_matches("TaskTemplate.").trim_start_matches("ContainerSpec.");
        format!("{effect} at {at}")
    });
    let usual = [
        "ServiceVersion(None) at the API version",
        "image probe:1 at Image",
        "ImageUser(Registry) at User",
        "OfImage(Registry) at Env",
        "Runtime(\"\") at Runtime",
    ];
    Ok(told.filter(|effect| !usual.contains(&effect.as_str())).collect())
}

fn effects_of(body: &str) -> Vec<String> {
    effects_at("/services/x/update?version=1", body).unwrap()
}

fn refused(body: &str) -> String {
    effects_at("/services/x/update?version=1", body).unwrap_err()
}

fn container(rest: &str) -> Vec<String> {
    effects_of(&spec(&format!(",{rest}"), "", ""))
}

#[test]
fn image_user_and_environment() {
    let table = [
        (r#""User":"root""#, &["user root at User"][..]),
        (r#""user":"0:0""#, &["user 0:0 at User"]),
        (r#""User":"""#, &[]),
        (r#""Env":["A=b","C"]"#, &["variable A=b at Env[0]", "variable C at Env[1]"]),
        (r#""Env":["USER={{\"0\"}}"]"#, &["Template(\"USER\") at Env[0]"]),
        (r#""Env":["N={{.Node.Hostname}}"]"#, &["Template(\"N\") at Env[0]"]),
        (
            r#""Hostname":"evil","TTY":true"#,
            &[
                r#"Default { name: "HOSTNAME", value: Some("evil") } at Hostname"#,
                r#"Default { name: "TERM", value: Some("xterm") } at TTY"#,
            ],
        ),
        (
            r#""Hostname":"{{.Node.ID}}""#,
            &[r#"Default { name: "HOSTNAME", value: None } at Hostname"#],
        ),
        (r#""Env":["A={x}"]"#, &["variable A={x} at Env[0]"]),
        (
            r#""Hostname":"","Groups":["0", ""]"#,
            &["Group(GroupSpec { text: \"0\", group: Number(0) }) at Groups[0]"],
        ),
        (
            r#""CapabilityAdd":["cap_sys_admin"]"#,
            &["Capability(Capability(\"SYS_ADMIN\")) at CapabilityAdd[0]"],
        ),
        (
            r#""Sysctls":{"net/ipv4/ip_forward":"1"}"#,
            &["Sysctl(\"net.ipv4.ip_forward\") at Sysctls[net/ipv4/ip_forward]"],
        ),
    ];
    for (rest, expected) in table {
        assert_eq!(container(rest), expected, "{rest}");
    }
    let image = effects_of(r#"{"tasktemplate":{"containerspec":{"image":"ubuntu:16.04"}}}"#);
    assert!(image[0].contains("ubuntu:16.04 at Image"), "{image:?}");
}

#[test]
fn ports() {
    let at = "at EndpointSpec.Ports[0].PublishedPort";
    for (port, ports) in [
        (r#"{"PublishedPort":22}"#, "22"),
        (r#"{"publishedport":22,"PublishMode":"host"}"#, "22"),
        (r#"{"TargetPort":80}"#, "30000-32767"),
        (r#"{"PublishedPort":0,"PublishMode":"INGRESS"}"#, "30000-32767"),
        (r#"{"PublishedPort":null,"PublishMode":"what"}"#, "30000-32767"),
        (r#"{"PublishMode":"Host"}"#, "32768-65535"),
        (r#"{"PublishMode":"hoſt"}"#, "32768-65535"),
    ] {
        let service = format!(r#","EndpointSpec":{{"Ports":[{port}]}}"#);
        assert_eq!(effects_of(&spec("", "", &service)), [format!("ports {ports} {at}")], "{port}");
    }
    assert!(effects_of(&spec("", "", r#","EndpointSpec":{"Ports":[null]}"#)).is_empty());
}

#[test]
fn the_network_of_the_host_and_what_may_be_it() {
    let id = "17cdd9f1b18f84c57e2cd834cbf72db53e8343bc11407095bd1a14c392ff84d7";
    for (target, effect) in [
        ("host", Some("host network")),
        ("sh8fu5fed17rk3m1g8m8rhtu9", Some("Joined(\"sh8fu5fed17rk3m1g8m8rhtu9\")")),
        ("sh8", Some("Joined(\"sh8\")")),
        ("", Some("Joined(\"\")")),
        (id, Some("Joined(\"17cdd9f1b18f84c57e2cd834cbf72db53e8343bc11407095bd1a14c392ff84d7\")")),
        ("17cdd9f1b18f84c57e2cd834cbf72db", Some("Joined(\"17cdd9f1b18f84c57e2cd834cbf72db\")")),
        ("HOST", None),
        ("stack_default", None),
        ("sh8fu5fed17rk3m1g8m8rhtu9x", None),
    ] {
        let networks = format!(r#","Networks":[{{"Target":"{target}"}}]"#);
        let told =
            |list: &str| effect.map(|effect| format!("{effect} at {list}Networks[0].Target"));
        let expected: Vec<_> = told("").into_iter().collect();
        assert_eq!(effects_of(&spec("", &networks, "")), expected, "{target}");
        assert_eq!(effects_of(&spec("", "", &networks)), expected, "{target}");
    }
}

#[test]
fn paths_of_the_host() {
    let source = |path: &str| vec![format!("path {path} at Mounts[0].Source")];
    let driver = |path: &str, field: &str| {
        format!("path {path} at Mounts[0].VolumeOptions.DriverConfig.{field}")
    };
    let table = [
        (r#"{"Type":"bind","Source":"/root","Target":"/x"}"#, source("/root")),
        (r#"{"type":"BInd","source":"//a/../root/"}"#, source("/root")),
        (r#"{"Source":"/root"}"#, source("/root")),
        (r#"{"Type":"","Source":"/root"}"#, source("/root")),
        (r#"{"Type":"b\u0131nd","Source":"/root"}"#, source("/root")),
        (r#"{"Type":"bind","Source":"root"}"#, source("/")),
        (r#"{"Type":"bind"}"#, source("/")),
        (r#"{"Type":"npipe","Source":"/x"}"#, source("/x")),
        (r#"{"Type":"bind","Source":"/{{\"root\"}}"}"#, source("/")),
        (r#"{"Type":"volume","Source":"data-{{.Task.Slot}}"}"#, source("/")),
        (
            r#"{"Type":"Volume","Source":"data"}"#,
            vec![r#"Volume("data") at Mounts[0].Source"#.to_owned()],
        ),
        (r#"{"Type":"volume","Target":"/{{.Node.ID}}"}"#, vec![]),
        (r#"{"Type":"volume","Source":"/x"}"#, source("/x")),
        (r#"{"Type":"TMPFS"}"#, vec![]),
        (r#"{"Type":"image","Source":"a"}"#, vec!["image a:latest at Mounts[0].Source".to_owned()]),
        (
            r#"{"Type":"volume","VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"type":"none","o":"bind","device":"/root"}}}}"#,
            vec![driver("/root", "Options[device]")],
        ),
        (
            r#"{"Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"type":"tmpfs","device":"{{\"x\"}}"}}}}"#,
            vec![driver("/", "Options")],
        ),
        (
            r#"{"Type":"volume","VolumeOptions":{"DriverConfig":{"Name":"vieux/sshfs:latest"}}}"#,
            vec![driver("/", "Name")],
        ),
    ];
    for (mount, expected) in table {
        let mount = format!(r#""Mounts":[{mount}]"#);
        assert_eq!(container(&mount), expected, "{mount}");
    }
}

#[test]
fn security_options() {
    let of = |option: &str, field: &str| format!("option {option} at Privileges.{field}");
    let context = |option: &str| of(option, "SELinuxContext");
    let table = [
        (r#""SELinuxContext":{"Disable":true}"#, vec![context("label=disable")]),
        (
            r#""SELinuxContext":{"Type":"t","User":"u"}"#,
            vec![context("label=user:u"), context("label=type:t")],
        ),
        (r#""SELinuxContext":{"Disable":false}"#, vec![]),
        (r#""Seccomp":{"Mode":"unconfined"}"#, vec![of("seccomp=unconfined", "Seccomp")]),
        (r#""Seccomp":{"Mode":"Custom"}"#, vec![of("seccomp=unconfined", "Seccomp")]),
        (r#""Seccomp":{"Mode":"default","Profile":"!"}"#, vec![]),
        // `unconfined`
        (
            r#""Seccomp":{"Mode":"custom","Profile":"dW5jb25maW5lZA=="}"#,
            vec![of("seccomp=unconfined", "Seccomp")],
        ),
        // `{}`
        (
            r#""Seccomp":{"Mode":"custom","Profile":"e30="}"#,
            vec![of("seccomp=unconfined", "Seccomp"), of("seccomp={}", "Seccomp")],
        ),
        (r#""AppArmor":{"Mode":"disabled"}"#, vec![of("apparmor=unconfined", "AppArmor")]),
        (r#""AppArmor":{"Mode":"default"}"#, vec![]),
        (r#""NoNewPrivileges":true"#, vec![of("no-new-privileges=true", "NoNewPrivileges")]),
        (r#""CredentialSpec":{"File":"x"}"#, vec![of("credentialspec=file://x", "CredentialSpec")]),
    ];
    for (rest, expected) in table {
        assert_eq!(container(&format!(r#""Privileges":{{{rest}}}"#)), expected, "{rest}");
    }
}

#[test]
fn log_drivers_reach_sockets_and_files() {
    let of = |path: &str, option: &str| vec![format!("path {path} at LogDriver.Options[{option}]")];
    for (options, expected) in [
        (r#"{"fluentd-address":"unix:///run/x.sock"}"#, of("/run/x.sock", "fluentd-address")),
        (r#"{"splunk-capath":"/etc/x"}"#, of("/etc/x", "splunk-capath")),
        (r#"{"syslog-address":"tcp://10.0.0.1:514","max-size":"10m"}"#, vec![]),
    ] {
        let task = format!(r#","LogDriver":{{"Name":"x","Options":{options}}}"#);
        assert_eq!(effects_of(&spec("", &task, "")), expected, "{options}");
    }
    let sockets = ["/dev/log", "/var/run/syslog", "/var/run/log"];
    let own = sockets.map(|path| format!("path {path} at LogDriver.Name"));
    for (options, expected) in [
        (r#"null"#, &own[..]),
        (r#"{"syslog-address":""}"#, &own[..]),
        (r#"{"syslog-address":"tcp://10.0.0.1:514"}"#, &[]),
    ] {
        let task = format!(r#","LogDriver":{{"Name":"syslog","Options":{options}}}"#);
        assert_eq!(effects_of(&spec("", &task, "")), expected, "{options}");
    }
}

#[test]
fn what_only_the_daemon_knows_is_told_by_query_and_version() {
    let body = spec("", "", "");
    let previous = r#"PreviousSpec { service: "x", version: Some(1) } at ?rollback"#;
    let unknown = r#"PreviousSpec { service: "x", version: None } at ?rollback"#;
    let speaks = |minor: u64| {
        let version = format!("ApiVersion {{ major: 1, minor: {minor} }}");
        format!("ServiceVersion(Some({version})) at the API version")
    };
    let newer = "ServiceVersion(Some(ApiVersion { major: 2, minor: 0 })) at the API version";
    let speaks = [0, 9, 40, 41, 52].map(speaks);
    let [v1_0, v1_9, v1_40, v1_41, v1_52] = speaks.each_ref().map(String::as_str);
    for (target, expected) in [
        ("/services/x/update?version=1", &[][..]),
        ("/services/x/update?version=1&rollback=previous", &[previous]),
        ("/services/x/update?version=1&rollback=&rollback=%70revious", &[previous]),
        ("/services/x/update?rollback=Previous&version=001&version=2", &[previous]),
        ("/services/x/update?rollback=previous", &[unknown]),
        ("/services/x/update?rollback=previous&version=%2B1", &[unknown]),
        ("/services/x/update?Rollback=previous&rollback=none&rollback=", &[]),
        ("/v1.41/services/x/update", &[v1_41]),
        ("/v1.52/services/x/update", &[v1_52]),
        ("/v2/services/x/update", &[newer]),
        ("/v1.40/services/x/update", &[v1_40]),
        ("/v1.9/services/x/update", &[v1_9]),
        ("/v1/services/x/update", &[v1_0]),
        ("/v1.040/services/x/update", &[v1_40]),
    ] {
        assert_eq!(effects_at(target, &body).unwrap(), expected, "{target}");
    }
    assert!(effects_at("/services/x/update?rollback=%zz", &body).is_err());
}

#[test]
fn what_cannot_be_told_is_refused_with_its_place() {
    let runtime = "TaskTemplate.Runtime: only containers can be checked, no plugins or attachments";
    let driver = "the name of a driver is a path";
    let mount = "TaskTemplate.ContainerSpec.Mounts[0].VolumeOptions.DriverConfig.Name";
    let of_mount = |name: &str| {
        let options = format!(r#""VolumeOptions":{{"DriverConfig":{{"Name":"{name}"}}}}"#);
        spec(&format!(r#","Mounts":[{{"Type":"volume",{options}}}]"#), "", "")
    };
    for (body, reason) in [
        ("{}".to_owned(), "TaskTemplate.ContainerSpec.Image: no image is named".to_owned()),
        (spec("", r#","Runtime":"plugin","PluginSpec":{"remote":"x"}"#, ""), runtime.to_owned()),
        (spec("", r#","Runtime":"attachment""#, ""), runtime.to_owned()),
        (spec("", r#","Runtime":"Container""#, ""), runtime.to_owned()),
        (
            spec(r#","Env":["{{x}}=1"]"#, "", ""),
            "TaskTemplate.ContainerSpec.Env[0]: a template in the name of a variable".to_owned(),
        ),
        (of_mount("../../tmp/x"), format!("{mount}: {driver}")),
        (of_mount("/tmp/x"), format!("{mount}: {driver}")),
        (of_mount("a/../b"), format!("{mount}: {driver}")),
        (
            spec("", r#","LogDriver":{"Name":"../x"}"#, ""),
            format!("TaskTemplate.LogDriver.Name: {driver}"),
        ),
        (
            spec("", "", r#","EndpointSpec":{"Ports":[{"PublishedPort":65558}]}"#),
            "EndpointSpec.Ports[0].PublishedPort: `65558` is not a port from 1 to 65535 or a range of them".to_owned(),
        ),
        (
            spec(r#","Privileges":{"Seccomp":{"Mode":"custom","Profile":"!"}}"#, "", ""),
            "TaskTemplate.ContainerSpec.Privileges.Seccomp: not base64".to_owned(),
        ),
    ] {
        assert_eq!(refused(&body), reason, "{body}");
    }
    assert!(effects_of(&spec("", r#","Runtime":"container""#, "")).is_empty());
}

fn through(policy: &Policy, body: &str) -> (String, String) {
    let target = target::parse("/v1.44/services/create").unwrap();
    let inspected = effects::read(Endpoint::ServiceCreate, &target, body.as_bytes());
    let Verdict::Allowed(checked) = judge(policy, inspected.unwrap(), &Facts::none()) else {
        panic!("the policy forbids nothing: {body}");
    };
    let mut out = Vec::new();
    let forwarded = effects::write(checked, policy, &mut out);
    (String::from_utf8(out).unwrap(), forwarded.changes.to_string())
}

fn forcing(ceilings: Ceilings) -> Policy {
    Policy { ceilings, ..Policy::permissive() }
}

#[test]
fn without_ceilings_nothing_changes_but_spelling() {
    let body = r#"{"name":"x","TaskTemplate":{"containerspec":{"Image":"x"},"Future":[1.50]},"UpdateConfig":{"MaxFailureRatio":0.5}}"#;
    let (written, changes) = through(&Policy::permissive(), body);
    let expected = body.replace("name", "Name").replace("containerspec", "ContainerSpec");
    assert_eq!((written, changes), (expected, String::new()));
}

#[test]
fn ceilings_are_written_where_the_daemon_reads_them() {
    let policy = forcing(Ceilings {
        memory: Some(Bytes::parse("1g").unwrap()),
        cpu: Some(NanoCpus::parse("0.25").unwrap()),
        user: Some(UserSpec::parse("1000").unwrap()),
        environment: vec![EnvironmentEntry::parse("A={{secret}}").unwrap()],
        capdrop: vec![Capability::parse("NET_RAW").unwrap()],
        ..Ceilings::default()
    });
    let (written, changes) = through(&policy, &spec("", "", ""));
    assert_eq!(
        written,
        r#"{"TaskTemplate":{"ContainerSpec":{"Image":"probe:1","User":"1000","Env":["A={{\"{{\"}}secret}}"],"CapabilityDrop":["NET_RAW"]},"Resources":{"Limits":{"MemoryBytes":1073741824,"NanoCPUs":250000000}}}}"#
    );
    assert!(!changes.contains("secret"), "{changes}");
    let again = through(&policy, &written.replace(r#""Env":["A={{\"{{\"}}secret}}"],"#, ""));
    assert_eq!(again.1, "TaskTemplate.ContainerSpec.Env=A", "nothing else left to force");
}

#[test]
fn resources_stay_below_the_ceiling() {
    let policy = forcing(Ceilings {
        memory: Some(Bytes::parse("1000").unwrap()),
        cpu: Some(NanoCpus::parse("1").unwrap()),
        ..Ceilings::default()
    });
    for (asked, forced) in [
        (
            r#"{"Limits":{"MemoryBytes":5}}"#,
            r#"{"Limits":{"MemoryBytes":5,"NanoCPUs":1000000000}}"#,
        ),
        (
            r#"{"limits":{"nanocpus":70000,"memorybytes":2000},"Reservations":{"NanoCPUs":90000,"MemoryBytes":3000}}"#,
            r#"{"Limits":{"NanoCPUs":70000,"MemoryBytes":1000},"Reservations":{"NanoCPUs":70000,"MemoryBytes":1000}}"#,
        ),
        (
            r#"{"SwapBytes":-1,"Limits":{"MemoryBytes":-1,"NanoCPUs":2000000000}}"#,
            r#"{"SwapBytes":1000,"Limits":{"MemoryBytes":1000,"NanoCPUs":1000000000}}"#,
        ),
        (
            r#"{"SwapBytes":0,"Limits":{"MemoryBytes":500,"NanoCPUs":10000}}"#,
            r#"{"SwapBytes":0,"Limits":{"MemoryBytes":500,"NanoCPUs":10000}}"#,
        ),
        (
            r#"{"SwapBytes":900,"Limits":{"MemoryBytes":500,"NanoCPUs":10000}}"#,
            r#"{"SwapBytes":500,"Limits":{"MemoryBytes":500,"NanoCPUs":10000}}"#,
        ),
    ] {
        let (written, _) = through(&policy, &spec("", &format!(r#","Resources":{asked}"#), ""));
        assert_eq!(written, spec("", &format!(r#","Resources":{forced}"#), ""), "{asked}");
    }
}

#[test]
fn security_options_are_forced_where_there_is_a_field() {
    for (option, asked, forced) in [
        ("no-new-privileges", "{}", r#"{"NoNewPrivileges":true}"#),
        ("seccomp=builtin", r#"{"Seccomp":{"Mode":"unconfined"}}"#, "{}"),
        (
            "seccomp={}",
            r#"{"Seccomp":{"Mode":"unconfined"}}"#,
            r#"{"Seccomp":{"Mode":"custom","Profile":"e30="}}"#,
        ),
        ("apparmor=docker-default", r#"{"AppArmor":{"Mode":"disabled"}}"#, "{}"),
        ("label=type:t", "{}", r#"{"SELinuxContext":{"Type":"t"}}"#),
    ] {
        let secopts = vec![SecurityOption::parse(option).unwrap()];
        let policy = forcing(Ceilings { secopts, ..Ceilings::default() });
        let body = |privileges: &str| spec(&format!(r#","Privileges":{privileges}"#), "", "");
        let (written, changes) = through(&policy, &body(asked));
        assert_eq!(written, body(forced), "{option}");
        assert!(!changes.is_empty(), "{option}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_the_same(text in any::<String>(), word in "[-/:,=.a-z0-9{}]{0,12}") {
        for text in [text, word] {
            let text = serde_json::to_string(&text).unwrap();
            let container = format!(
                r#","User":{text},"Env":[{text}],"Mounts":[{{"Type":{text},"Source":{text},
                "VolumeOptions":{{"DriverConfig":{{"Name":{text},"Options":{{{text}:{text}}}}}}}}}],
                "CapabilityAdd":[{text}],"Privileges":{{"Seccomp":{{"Mode":{text},"Profile":{text}}}}}"#
            );
            let task = format!(r#","Networks":[{{"Target":{text}}}],"Runtime":"""#);
            for body in [spec(&container, &task, ""), spec(&format!(r#","Env":[{text}]"#), &task, "")] {
                let target = target::parse("/services/create").unwrap();
                if let Ok(inspected) = effects::read(Endpoint::ServiceCreate, &target, body.as_bytes()) {
                    let effects = inspected.effects().to_vec();
                    let (written, changes) = through(&Policy::permissive(), &body);
                    prop_assert_eq!(changes, "");
                    let again = effects::read(Endpoint::ServiceCreate, &target, written.as_bytes());
                    let again = again.unwrap();
                    prop_assert_eq!(again.effects(), effects.as_slice());
                    prop_assert_eq!(through(&Policy::permissive(), &written).0, written);
                }
            }
        }
    }

    #[test]
    fn an_absolute_source_is_a_path_whatever_the_type(kind in "[a-zA-Z]{0,8}", source in "/[a-z./]{0,8}") {
        prop_assume!(!kind.eq_ignore_ascii_case("tmpfs") && !kind.eq_ignore_ascii_case("image"));
        let mount = format!(r#""Mounts":[{{"Type":"{kind}","Source":"{source}"}}]"#);
        prop_assert_eq!(container(&mount).len(), 1);
    }
}
