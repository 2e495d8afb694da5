//! Which effects a body has, and what comes out of it.
#![expect(clippy::unwrap_used, reason = "a failed test says where")]

mod forced;

use proptest::prelude::*;

use super::*;
use crate::docker;
use crate::effects;
use crate::http::target;
use crate::policy::ceilings::Ceilings;
use crate::policy::effects::{
    Device, EnvironmentEffect, IdentityEffect, ImageEffect, MountEffect, NamespaceEffect,
    NetworkEffect, PrivilegeEffect, RequestedEffect,
};
use crate::policy::facts::Facts;
use crate::policy::namespaces::NamespaceRule;
use crate::policy::types::{Bytes, Capability, EnvironmentEntry, NanoCpus, SecurityOption};
use crate::policy::{Policy, Verdict, judge};

/// The effects of a body with an image, each with its place; those of every body are left out.
fn asked(rest: &str) -> Vec<String> {
    let body = format!(r#"{{"Image":"probe:1",{rest}}}"#);
    let inspected = read(body.as_bytes()).unwrap();
    // Every network that is named is one; `engine/subnets` shows which.
    let counts = |asked: &&RequestedEffect| {
        !matches!(asked.effect, Effect::Network(NetworkEffect::SubnetsOf(..)))
    };
    let told = inspected.effects().iter().filter(counts).map(|asked| match &asked.effect {
        Effect::Image(ImageEffect::Used(image)) => format!("image {image} at {}", asked.at),
        Effect::Identity(IdentityEffect::User(user)) => format!("user {user} at {}", asked.at),
        Effect::Identity(IdentityEffect::ImageUser(_)) => format!("image's user at {}", asked.at),
        Effect::Environment(EnvironmentEffect::Set(entry)) => {
            format!("variable {} at {}", entry.to_entry(), asked.at)
        }
        Effect::Network(NetworkEffect::HostPorts(ports)) => {
            format!("ports {ports} at {}", asked.at)
        }
        Effect::Mount(MountEffect::HostPath(path)) => format!("path {path} at {}", asked.at),
        Effect::Mount(MountEffect::AnyPath(_)) => format!("path / at {}", asked.at),
        Effect::Privilege(PrivilegeEffect::SecurityOption(option)) => {
            format!("option {option} at {}", asked.at)
        }
        Effect::Privilege(PrivilegeEffect::Privileged) => format!("privileged at {}", asked.at),
        Effect::Privilege(PrivilegeEffect::Device(Device::Path(path))) => format!("device {path}"),
        Effect::Namespace(NamespaceEffect::Shared(namespace))
            if *namespace == ports::HOST_NETWORK =>
        {
            format!("host network at {}", asked.at)
        }
        effect => format!("{effect:?} at {}", asked.at),
    });
    let usual = [
        "image probe:1 at Image",
        "image's user at User",
        "OfImage(Daemon) at Env",
        "Runtime(\"\") at HostConfig.Runtime",
    ];
    told.filter(|effect| !usual.contains(&effect.as_str())).collect()
}

fn host(rest: &str) -> Vec<String> {
    asked(&format!(r#""HostConfig":{{{rest}}}"#))
}

fn refused(rest: &str) -> String {
    let body = format!(r#"{{"Image":"probe:1",{rest}}}"#);
    read(body.as_bytes()).unwrap_err().to_string()
}

#[test]
fn image_user_and_environment() {
    let table = [
        (r#""User":"root""#, &["user root at User"][..]),
        (r#""user":"0:0""#, &["user 0:0 at User"]),
        (r#""User":"""#, &[]),
        (r#""User":null"#, &[]),
        (r#""Env":["A=b","C"]"#, &["variable A=b at Env[0]", "variable C at Env[1]"]),
        (r#""Env":null"#, &[]),
        (r#""HostConfig":null"#, &[]),
        (r#""HostConfig":{"Privileged":true}"#, &["privileged at HostConfig.Privileged"]),
        (r#""HostConfig":{"Privileged":false}"#, &[]),
        (r#""Privileged":true"#, &["privileged at HostConfig.Privileged"]),
        (r#""Privileged":true,"HostConfig":{}"#, &[]),
    ];
    for (rest, expected) in table {
        assert_eq!(asked(rest), expected, "{rest}");
    }
    let body = br#"{"Image":"docker.io/library/ubuntu:16.04","User":"7"}"#;
    let inspected = read(body).unwrap();
    let image = Effect::Image(ImageEffect::Used(ImageRef::parse("ubuntu:16.04").unwrap()));
    assert_eq!(inspected.effects().first().unwrap(), &RequestedEffect { effect: image, at: IMAGE });
}

#[test]
fn ports() {
    let at = "at HostConfig.PortBindings[80/tcp]";
    for (port, expected) in [
        ("22", "22"),
        ("022", "22"),
        ("00000000022", "22"),
        ("20-25", "20-25"),
        ("20-25-99", "20-25"),
        ("22/udp", "22"),
        ("22/any/thing", "22"),
        ("22/", "22"),
        ("", "32768-65535"),
        ("0", "32768-65535"),
        ("/22", "32768-65535"),
    ] {
        let rest = format!(r#""PortBindings":{{"80/tcp":[{{"HostPort":"{port}"}}]}}"#);
        assert_eq!(host(&rest), [format!("ports {expected} {at}")], "{port}");
    }
    for port in ["+22", " 22", "22 ", "22-", "65536", "25-20", "x", "٢٢", "2 2", "0x16"] {
        let rest =
            format!(r#""HostConfig":{{"PortBindings":{{"80/tcp":[{{"HostPort":"{port}"}}]}}}}"#);
        let reason = refused(&rest);
        assert!(reason.starts_with("HostConfig.PortBindings[80/tcp]: "), "{port} {reason}");
    }
    let any = format!("ports 32768-65535 {at}");
    let table = [
        (r#""PortBindings":{"80/tcp":[]}"#, any.clone()),
        (r#""PortBindings":{"80/tcp":null}"#, any.clone()),
        (r#""PortBindings":{"80/tcp":[null]}"#, any.clone()),
        (r#""PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1"}]}"#, any),
        (r#""PublishAllPorts":true"#, "ports 32768-65535 at HostConfig.PublishAllPorts".to_owned()),
    ];
    for (rest, expected) in table {
        assert_eq!(host(rest), [expected], "{rest}");
    }
    assert_eq!(host(r#""PortBindings":null,"PublishAllPorts":null"#), [""; 0]);
}

#[test]
fn variables_that_the_daemon_makes_of_other_fields() {
    let variable = |name: &'static str, value: &str| {
        let value = Some(value.to_owned());
        format!("{:?}", Effect::Environment(EnvironmentEffect::Default { name, value }))
    };
    let hostname = || variable("HOSTNAME", "evil") + " at Hostname";
    let term = || variable("TERM", "xterm") + " at Tty";
    for (rest, expected) in [
        (r#""Hostname":"evil""#, vec![hostname()]),
        (r#""hoſtname":"evil","TTY":true"#, vec![hostname(), term()]),
        (r#""Hostname":"","Tty":false"#, vec![]),
        (r#""Hostname":null,"Tty":null"#, vec![]),
    ] {
        assert_eq!(asked(rest), expected, "{rest}");
    }
    // What is asked for, or taken out, is in its place.
    for entry in ["HOSTNAME=good", "HOSTNAME=", "HOSTNAME"] {
        let asked = asked(&format!(r#""Hostname":"evil","Env":["{entry}"]"#));
        assert!(!asked.contains(&hostname()), "{asked:?}");
    }
    let asked = asked(r#""Hostname":"evil","Env":["HOSTNAMES=good","hostname=x"]"#);
    assert!(asked.contains(&hostname()), "{asked:?}");
}

#[test]
fn the_host_network() {
    let of_endpoint = "host network at NetworkingConfig.EndpointsConfig";
    let table = [
        (
            r#""HostConfig":{"NetworkMode":"host"}"#,
            vec!["host network at HostConfig.NetworkMode".to_owned()],
        ),
        (r#""NetworkMode":"host""#, vec!["host network at HostConfig.NetworkMode".to_owned()]),
        (r#""HostConfig":{"NetworkMode":"HOST"}"#, vec![]),
        (
            r#""HostConfig":{"NetworkMode":"4be"}"#,
            vec![r#"Joined("4be") at HostConfig.NetworkMode"#.to_owned()],
        ),
        (r#""HostConfig":{"NetworkMode":"4bed-net"}"#, vec![]),
        (r#""HostConfig":{"NetworkMode":""}"#, vec![]),
        (
            r#""NetworkingConfig":{"EndpointsConfig":{"4be":{},"x":{"NetworkID":"abc"}}}"#,
            vec![
                r#"Joined("4be") at NetworkingConfig.EndpointsConfig[4be]"#.to_owned(),
                r#"Joined("abc") at NetworkingConfig.EndpointsConfig[x]"#.to_owned(),
            ],
        ),
        (r#""HostConfig":{"NetworkMode":"bridge"}"#, vec![]),
        (
            r#""NetworkingConfig":{"EndpointsConfig":{"host":null}}"#,
            vec![format!("{of_endpoint}[host]")],
        ),
        (
            r#""networkingconfig":{"endpointsconfig":{"x":{"networkid":"host"}}}"#,
            vec![format!("{of_endpoint}[x]")],
        ),
        (r#""NetworkingConfig":{"EndpointsConfig":{"x":{}}}"#, vec![]),
    ];
    for (rest, expected) in table {
        assert_eq!(asked(rest), expected, "{rest}");
    }
}

#[test]
fn paths_of_the_host() {
    let bind = |source: &str| format!("path {source} at HostConfig.Binds[0]");
    let mount = |source: &str| format!("path {source} at HostConfig.Mounts[0].Source");
    let option = |path: &str, option: &str| {
        format!("path {path} at HostConfig.Mounts[0].VolumeOptions.DriverConfig.Options{option}")
    };
    let volume = |name: &str, at: &str| vec![format!("Volume(\"{name}\") at HostConfig.{at}")];
    let table = [
        (r#""Binds":["/root:/x"]"#, vec![bind("/root")]),
        (r#""Binds":["/tmp/../root/:/x:ro,z"]"#, vec![bind("/root")]),
        (r#""Binds":["//root:/x"]"#, vec![bind("/root")]),
        (r#""Binds":["/root:rw"]"#, vec![bind("/root")]),
        (r#""Binds":["/root"]"#, vec![]),
        (r#""Binds":["name:/x"]"#, volume("name", "Binds[0]")),
        (r#""Mounts":[{"Type":"bind","Source":"/a//b","Target":"/x"}]"#, vec![mount("/a/b")]),
        (r#""mounts":[{"type":"bind","source":"/"}]"#, vec![mount("/")]),
        (r#""Mounts":[{"Type":"Bind","Source":"/a"}]"#, vec![mount("/a")]),
        (r#""Mounts":[{"Type":"Bind","Source":"a"}]"#, vec![mount("/")]),
        (r#""Mounts":[{"Source":"/a"}]"#, vec![mount("/a")]),
        (r#""Mounts":[null,{"Type":"tmpfs","Target":"/t"}]"#, vec![]),
        (r#""Mounts":[{"Type":"volume","Source":"name"}]"#, volume("name", "Mounts[0].Source")),
        (r#""Mounts":[{"Type":"volume","Source":"/a"}]"#, vec![mount("/a")]),
        (r#""Mounts":[{"Type":"volume"}]"#, vec![]),
        (
            r#""Mounts":[{"Type":"volume","VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"type":"none","o":"bind","device":"/root"}}}}]"#,
            vec![option("/root", "[device]")],
        ),
        (
            r#""Mounts":[{"Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"type":"overlay","device":"o","o":"lowerdir=/root"}}}}]"#,
            vec![option("/root", "[o]")],
        ),
        (
            r#""Mounts":[{"Type":"volume","VolumeOptions":{"DriverConfig":{"Name":"persist","Options":{"mountpoint":"/root"}}}}]"#,
            vec!["path / at HostConfig.Mounts[0].VolumeOptions.DriverConfig.Name".to_owned()],
        ),
        (
            r#""Mounts":[{"Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"type":"proc","device":"x"}}}}]"#,
            vec![option("/", "[type]")],
        ),
        (r#""VolumeDriver":"local""#, vec![]),
        (r#""VolumeDriver":"persist""#, vec!["path / at HostConfig.VolumeDriver".to_owned()]),
        (
            r#""Mounts":[{"Type":"image","Source":"ubuntu:16.04"}]"#,
            vec!["image ubuntu:16.04 at HostConfig.Mounts[0].Source".to_owned()],
        ),
        (
            r#""Devices":[{"PathOnHost":"/dev/sda"},{}]"#,
            vec![
                "path /dev/sda at HostConfig.Devices[0].PathOnHost".to_owned(),
                "device /dev/sda".to_owned(),
            ],
        ),
    ];
    for (rest, expected) in table {
        assert_eq!(host(rest), expected, "{rest}");
    }
}

#[test]
fn security_options() {
    let of = |option: &str| format!("option {option} at HostConfig.SecurityOpt[0]");
    let table = [
        (r#""SecurityOpt":["seccomp:unconfined"]"#, vec![of("seccomp=unconfined")]),
        (r#""SecurityOpt":["disable"]"#, vec![of("label=disable")]),
        (r#""SecurityOpt":["no-new-privileges"]"#, vec![of("no-new-privileges")]),
        (
            r#""SecurityOpt":["seccomp=/x.json"]"#,
            vec![of("seccomp=unconfined"), of("seccomp=/x.json")],
        ),
        (r#""SecurityOpt":["seccomp=null"]"#, vec![of("seccomp=unconfined"), of("seccomp=null")]),
        (r#""SecurityOpt":["seccomp="]"#, vec![of("seccomp=")]),
        (r#""SecurityOpt":["seccomp=builtin"]"#, vec![of("seccomp=builtin")]),
        (
            r#""SecurityOpt":["seccomp={\"defaultAction\":\"SCMP_ACT_ERRNO\"}"]"#,
            vec![of(r#"seccomp={"defaultAction":"SCMP_ACT_ERRNO"}"#).replace('"', "\\\"")],
        ),
        (
            r#""SecurityOpt":["seccomp={\"DEFAULTACTION\":\"SCMP_ACT_LOG\"}"]"#,
            vec![
                of("seccomp=unconfined"),
                of(r#"seccomp={"DEFAULTACTION":"SCMP_ACT_LOG"}"#).replace('"', "\\\""),
            ],
        ),
        (r#""SecurityOpt":["seccomp= {}"]"#, vec![of("seccomp=unconfined"), of("seccomp= {}")]),
        (
            r#""MaskedPaths":[]"#,
            vec!["option systempaths=unconfined at HostConfig.MaskedPaths".to_owned()],
        ),
        // What 20.10 masks: newer daemons mask more.
        (
            r#""MaskedPaths":["/proc/asound","/proc/acpi","/proc/kcore","/proc/keys","/proc/latency_stats",
                "/proc/timer_list","/proc/timer_stats","/proc/sched_debug","/proc/scsi","/sys/firmware"]"#,
            vec!["option systempaths=unconfined at HostConfig.MaskedPaths".to_owned()],
        ),
        (
            r#""MaskedPaths":["/proc/asound","/proc/acpi","/proc/interrupts","/proc/kcore","/proc/keys",
                "/proc/latency_stats","/proc/timer_list","/proc/timer_stats","/proc/sched_debug",
                "/proc/scsi","/sys/devices/virtual/powercap","/sys/firmware","/proc/more"]"#,
            vec![],
        ),
        (
            r#""ReadonlyPaths":["/proc/sys"]"#,
            vec!["option systempaths=unconfined at HostConfig.ReadonlyPaths".to_owned()],
        ),
        (r#""MaskedPaths":null,"ReadonlyPaths":null"#, vec![]),
        (
            r#""ReadonlyPaths":["/x","/proc/bus","/proc/fs","/proc/irq","/proc/sys","/proc/sysrq-trigger"]"#,
            vec![],
        ),
    ];
    for (rest, expected) in table {
        assert_eq!(host(rest), expected, "{rest}");
    }
}

#[test]
fn what_no_daemon_would_take_is_refused_with_its_place() {
    for (rest, reason) in [
        (r#""User":"x","Env":["=x"]"#, "Env[0]: an environment entry has no name"),
        (r#""Env":["A=b",null]"#, "Env[1]: an environment entry has no name"),
        (
            r#""HostConfig":{"Binds":["a:b:c:d"]}"#,
            "HostConfig.Binds[0]: not of the form source:target:mode",
        ),
        (
            r#""HostConfig":{"Binds":[":/x"]}"#,
            "HostConfig.Binds[0]: not of the form source:target:mode",
        ),
        (
            r#""HostConfig":{"Binds":[null]}"#,
            "HostConfig.Binds[0]: not of the form source:target:mode",
        ),
        (
            r#""HostConfig":{"Binds":["/a\u0000:/x"]}"#,
            "HostConfig.Binds[0]: `/a\\0` is not an absolute path",
        ),
        (
            r#""HostConfig":{"Mounts":[{"Type":"bind","Source":"\\root"}]}"#,
            "HostConfig.Mounts[0].Source: the source of a bind is not an absolute path",
        ),
        (
            r#""HostConfig":{"Mounts":[{"Type":"bind"}]}"#,
            "HostConfig.Mounts[0].Source: the source of a bind is not an absolute path",
        ),
        (
            r#""HostConfig":{"VolumeDriver":"../../tmp/evil"}"#,
            "HostConfig.VolumeDriver: a driver's name is not a path",
        ),
        (
            r#""HostConfig":{"Mounts":[{"VolumeOptions":{"DriverConfig":{"Name":"/x"}}}]}"#,
            "HostConfig.Mounts[0].VolumeOptions.DriverConfig.Name: a driver's name is not a path",
        ),
        (
            r#""HostConfig":{"SecurityOpt":[""]}"#,
            "HostConfig.SecurityOpt[0]: `` is not a security option",
        ),
    ] {
        assert_eq!(refused(rest), reason, "{rest}");
    }
    for (body, reason) in [
        ("{}", "Image: no image is named"),
        (r#"{"Image":null}"#, "Image: no image is named"),
        (r#"{"Image":""}"#, "Image: no image is named"),
        (r#"{"Image":"UPPER"}"#, "Image: `UPPER` is not an image reference"),
    ] {
        assert_eq!(read(body.as_bytes()).unwrap_err().to_string(), reason, "{body}");
    }
}

#[test]
fn what_takes_isolation_away() {
    let table = [
        (
            r#""CapAdd":"sys_admin""#,
            "Capability(Capability(\"SYS_ADMIN\")) at HostConfig.CapAdd[0]",
        ),
        (
            r#""Capabilities":["ALL"]"#,
            "Capability(Capability(\"ALL\")) at HostConfig.Capabilities[0]",
        ),
        (
            r#""DeviceCgroupRules":["a *:* rwm"]"#,
            "Device(CgroupRule(\"a *:* rwm\")) at HostConfig.DeviceCgroupRules[0]",
        ),
        (
            r#""IpcMode":"container:db""#,
            "Shared(Namespace { kind: Ipc, with: Container(\"db\") }) at HostConfig.IpcMode",
        ),
        (r#""Runtime":"kata""#, "Runtime(\"kata\") at HostConfig.Runtime"),
        (r#""Links":["c:db-1"]"#, r#"Linked("DB_1_") at HostConfig.Links[0]"#),
        (r#""Links":["/c:/x/ß"]"#, r#"Linked("ß_") at HostConfig.Links[0]"#),
        (r#""Links":["db"]"#, r#"Linked("DB_") at HostConfig.Links[0]"#),
        (r#""VolumesFrom":["db:ro"]"#, "VolumesFrom(\"db\") at HostConfig.VolumesFrom[0]"),
        (
            r#""Sysctls":{"net/ipv4/ip_forward":"1"}"#,
            "Sysctl(\"net.ipv4.ip_forward\") at HostConfig.Sysctls[net/ipv4/ip_forward]",
        ),
        (r#""CgroupParent":"/x""#, "CgroupParent(\"/x\") at HostConfig.CgroupParent"),
        (r#""Annotations":{"a.b":"c"}"#, "Annotation(\"a.b\") at HostConfig.Annotations[a.b]"),
    ];
    for (rest, expected) in table {
        assert_eq!(host(rest), [expected], "{rest}");
    }
    for (request, names, opaque) in [
        (r#"{"Capabilities":[["gpu"]]}"#, &["amd", "gpu", "nvidia"][..], None),
        (
            r#"{"Capabilities":[["compute","Utility"]],"Count":-1}"#,
            &["amd", "compute", "gpu", "nvidia", "utility"],
            None,
        ),
        (r#"{"Driver":"nvidia","DeviceIDs":["0","GPU-1a"]}"#, &["gpu", "nvidia"], None),
        (r#"{"Driver":"amd","Capabilities":[["gpu"]]}"#, &["amd", "gpu"], None),
        (r#"{}"#, &[], Some("")),
        (r#"{"Count":-1}"#, &[], Some("")),
        (r#"{"Driver":"cdi","DeviceIDs":["vendor.com/class=all"]}"#, &[], None),
        (r#"{"Driver":"cdi"}"#, &["cdi"], Some("cdi")),
        (
            r#"{"Driver":"CDI","DeviceIDs":["vendor.com/class=all"]}"#,
            &["cdi", "vendor.com/class"],
            Some("cdi,vendor.com/class=all"),
        ),
        (
            r#"{"Driver":"nvidia","DeviceIDs":["vendor.com/class=all"]}"#,
            &["nvidia", "vendor.com/class"],
            Some("nvidia,vendor.com/class=all"),
        ),
        (r#"{"Capabilities":[["gpu"],["tpu"]]}"#, &["gpu", "tpu"], Some("gpu,tpu")),
    ] {
        let asked = host(&format!(r#""DeviceRequests":[{request}]"#)).join("\n");
        for name in names {
            assert!(asked.contains(&format!("Request(\"{name}\")")), "{request} {name}: {asked}");
        }
        assert_eq!(asked.matches("Request(").count(), names.len(), "{request}: {asked}");
        let expected = opaque.map(|text| format!("Opaque(\"{text}\")"));
        assert_eq!(asked.contains("Opaque("), opaque.is_some(), "{request}: {asked}");
        assert!(expected.is_none_or(|expected| asked.contains(&expected)), "{request}: {asked}");
    }
    let named = r#""DeviceRequests":[{"Driver":"cdi","DeviceIDs":["a.b/c=all","x"],"Capabilities":[["gpu"]]}]"#;
    let cdi = |name: &str| format!("Device(Cdi(\"{name}\")) at HostConfig.DeviceRequests[0]");
    assert_eq!(host(named), [cdi("a.b/c=all"), cdi("x")]);
    let pid = "Shared(Namespace { kind: Pid, with: Host }) at HostConfig.PidMode";
    let files = "path / at HostConfig.PidMode";
    assert_eq!(host(r#""PidMode":"host""#), [pid, files]);
    assert!(host(r#""PidMode":"Host","IpcMode":"private","NetworkMode":"bridge""#).is_empty());
}
