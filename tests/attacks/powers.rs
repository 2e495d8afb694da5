//! What a create may ask for beyond the seven restrictions: capabilities, devices, namespaces,
//! runtimes, others' volumes, kernel settings, control groups, and combinations that add up to
//! privileged.

use super::attack::{host, shell, with};
use super::{Attack, Probe, Step};
use serde_json::{Value, json};

pub(crate) fn attacks() -> Vec<Attack> {
    let mut all = capabilities();
    all.extend(devices());
    all.extend(namespaces());
    all.extend(others());
    all.extend(elsewhere());
    all.extend(annotations());
    all
}

/// Rules under which nothing may run outside of the engine's own control group.
pub(crate) const ROOT_CONTROL_GROUP: &str = "restrictions:\n  cgroupparent: [\"/\"]\n";

/// All other control groups are below the root.
pub(crate) fn control_groups() -> Vec<Attack> {
    let below =
        |name, parent: &str| asks(name, "all are below the root", "CgroupParent", json!(parent));
    vec![
        below("control group at the root", "/"),
        below("control group below the root", "/elsewhere"),
        below("control group below the root without a slash", "elsewhere"),
        below("control group that leads to the root", "../../elsewhere"),
        below("control group of the engine by its name", "/docker"),
        Attack::harmless("control group that is left to the engine", "none is asked for")
            .create(host(json!({"CgroupParent": ""}))),
    ]
}

/// What the runtime is told past the daemon.
fn annotations() -> Vec<Attack> {
    let tells = |name, why, annotation: &'static str, value: &'static str| {
        Attack::new(name, why)
            .send(Step::post(
                "/v1.43/containers/create?name=@name@",
                host(json!({"Annotations": {annotation: value}})),
            ))
            .works_when(Probe::container_holds("/HostConfig/Annotations", annotation))
            .since(24)
    };
    vec![
        tells(
            "annotation for more memory",
            "runc makes it a property of the unit",
            "org.systemd.property.MemoryMax",
            "uint64 18446744073709551615",
        ),
        tells(
            "annotation for another slice",
            "the control group is left",
            "org.systemd.property.Slice",
            "'system.slice'",
        ),
        tells("annotation of another runtime", "crun obeys others", "run.oci.handler", "krun"),
        Attack::harmless("annotation that describes", "no runtime obeys it")
            .create(host(json!({"Annotations": {"org.opencontainers.image.title": "a"}}))),
    ]
}

/// The same powers where nobody looks for them.
fn elsewhere() -> Vec<Attack> {
    let beside = |name, field: &'static str, value: Value, text: &'static str| {
        let pointer: &'static str = format!("/HostConfig/{field}").leak();
        Attack::new(name, "without a HostConfig its fields count beside it")
            .create(with(json!({"HostConfig": null, field: value})))
            .works_when(Probe::container_holds(pointer, text))
            .until(28)
    };
    let folded = |name, key: &str, field: &'static str, value: Value, text: &'static str| {
        let pointer: &'static str = format!("/HostConfig/{field}").leak();
        Attack::new(name, "fields are matched without case")
            .create(host(json!({key: value})))
            .works_when(Probe::container_holds(pointer, text))
    };
    let at_start = |name, field: &'static str, value: Value, text: &'static str| {
        let pointer: &'static str = format!("/HostConfig/{field}").leak();
        Attack::new(name, "before 1.24 a start replaces the whole of HostConfig")
            .setup(Step::create(with(json!({}))))
            .send(Step::post("/v1.23/containers/@name@/start", json!({field: value})))
            .works_when(Probe::container_holds(pointer, text))
            .until(26)
    };
    let fuse =
        json!([{"PathOnHost": "/dev/fuse", "PathInContainer": "/x", "CgroupPermissions": "r"}]);
    vec![
        beside("capability beside HostConfig", "CapAdd", json!(["SYS_ADMIN"]), "SYS_ADMIN"),
        beside("device beside HostConfig", "Devices", fuse.clone(), "/dev/fuse"),
        beside("device rule beside HostConfig", "DeviceCgroupRules", json!(["a *:* r"]), "a *"),
        beside("processes of the host beside HostConfig", "PidMode", json!("host"), "host"),
        beside("users of the host beside HostConfig", "UsernsMode", json!("host"), "host"),
        beside("sysctl beside HostConfig", "Sysctls", json!({"net.ipv4.ip_forward": "1"}), "net"),
        beside("cgroup parent beside HostConfig", "CgroupParent", json!("/elsewhere"), "elsewhere"),
        beside("runtime beside HostConfig", "Runtime", json!("io.containerd.runc.v2"), "v2"),
        folded("capability in small letters", "capadd", "CapAdd", json!("all"), "all"),
        folded("device with a long s", "deviceſ", "Devices", fuse.clone(), "/dev/fuse"),
        folded("namespace in capitals", "IPCMODE", "IpcMode", json!("host"), "host"),
        folded(
            "sysctl with a long s",
            "ſyſctlſ",
            "Sysctls",
            json!({"net.core.x": "1"}),
            "net.core",
        ),
        at_start("capability at the start", "CapAdd", json!(["SYS_ADMIN"]), "SYS_ADMIN"),
        at_start("device at the start", "Devices", fuse, "/dev/fuse"),
        at_start("processes of the host at the start", "PidMode", json!("host"), "host"),
        at_start("sysctl at the start", "Sysctls", json!({"net.ipv4.ip_forward": "1"}), "net"),
        Attack::new(
            "capability in a body of a longer type",
            "what is behind the type is not looked at",
        )
        .send(Step::send_as(
            "POST",
            "/containers/create?name=@name@",
            "application/json; charset=latin1",
            host(json!({"CapAdd": ["SYS_ADMIN"]})).to_string(),
        ))
        .works_when(Probe::container_holds("/HostConfig/CapAdd", "SYS_ADMIN")),
        Attack::new("capability in a body of a type in capitals", "types have no case")
            .send(Step::send_as(
                "POST",
                "/containers/create?name=@name@",
                "APPLICATION/JSON",
                host(json!({"CapAdd": ["SYS_ADMIN"]})).to_string(),
            ))
            .works_when(Probe::container_holds("/HostConfig/CapAdd", "SYS_ADMIN")),
    ]
}

fn asks(name: &'static str, why: &'static str, field: &'static str, value: Value) -> Attack {
    let text = match &value {
        Value::Array(list) => list.first().cloned().unwrap_or_default(),
        other => other.clone(),
    };
    let text: &'static str = text.to_string().leak();
    let pointer: &'static str = format!("/HostConfig/{field}").leak();
    Attack::new(name, why)
        .create(host(json!({field: value})))
        .works_when(Probe::container_holds(pointer, text))
}

fn capabilities() -> Vec<Attack> {
    let adds = |name, why, value: Value| asks(name, why, "CapAdd", value);
    vec![
        adds("capability SYS_ADMIN", "plainly", json!(["SYS_ADMIN"])),
        adds("capability CAP_SYS_ADMIN", "the kernel's name", json!(["CAP_SYS_ADMIN"])),
        adds("capability sys_admin", "names have no case", json!(["sys_admin"])),
        adds("capability Cap_Sys_Admin", "names have no case", json!(["Cap_Sys_Admin"])),
        adds("capability ALL", "all of them", json!(["ALL"])),
        adds("capability all", "names have no case", json!(["all"])),
        Attack::new("capability as a string", "a string is a list of one")
            .create(host(json!({"CapAdd": "SYS_ADMIN"})))
            .works_when(Probe::container_holds("/HostConfig/CapAdd", "SYS_ADMIN")),
        Attack::new("capability added after all were dropped", "additions come last")
            .create(host(json!({"CapDrop": ["ALL"], "CapAdd": ["CHOWN", "SYS_ADMIN"]})))
            .works_when(Probe::container_holds("/HostConfig/CapAdd", "SYS_ADMIN")),
        Attack::harmless("capability that no rule names", "the neighbour of a forbidden one")
            .create(host(json!({"CapAdd": ["CHOWN"]})))
            .works_when(Probe::container_holds("/HostConfig/CapAdd", "CHOWN")),
    ]
}

fn devices() -> Vec<Attack> {
    let device = |path: &str, inside: &str| json!([{"PathOnHost": path, "PathInContainer": inside, "CgroupPermissions": "rwm"}]);
    vec![
        asks("device by its path", "plainly", "Devices", device("/dev/fuse", "/dev/fuse")),
        asks(
            "device by another name",
            "the name inside is free",
            "Devices",
            device("/dev/fuse", "/x"),
        ),
        asks(
            "device by an unclean path",
            "the kernel cleans it",
            "Devices",
            device("/dev/../dev//fuse", "/x"),
        ),
        Attack::new("device in a directory of devices", "all below come along")
            .run(shell("ls /y/fuse", json!({"Devices": device("/dev", "/y")})))
            .works_when(Probe::Prints("/y/fuse")),
        asks(
            "device rule for all",
            "with the default MKNOD it is any device",
            "DeviceCgroupRules",
            json!(["a *:* rwm"]),
        ),
        asks(
            "device rule for a disk",
            "with the default MKNOD it is that disk",
            "DeviceCgroupRules",
            json!(["b 254:* rwm"]),
        ),
        asks(
            "device request",
            "a driver's hooks run on the host",
            "DeviceRequests",
            json!([{"Driver": "nvidia", "Count": -1, "DeviceIDs": null, "Capabilities": [["gpu"]],
                "Options": {}}]),
        ),
    ]
}

fn namespaces() -> Vec<Attack> {
    let joins = |name, why, field: &'static str| -> Attack {
        let pointer: &'static str = format!("/HostConfig/{field}").leak();
        // The engine writes down the other's id.
        Attack::new(name, why)
            .create(host(json!({field: "container:@name@b"})))
            .works_when(Probe::container_holds(pointer, "container:"))
            .setup(Step::post("/containers/create?name=@name@b",
                with(json!({"HostConfig": {"NetworkMode": "host", "PidMode": "host", "IpcMode": "host"}}))))
            .setup(Step::query("/containers/@name@b/start"))
    };
    vec![
        asks("namespace of the host's network", "plainly", "NetworkMode", json!("host")),
        asks("namespace of the host's processes", "plainly", "PidMode", json!("host")),
        asks("namespace of the host's ipc", "plainly", "IpcMode", json!("host")),
        asks("namespace of the host's names", "plainly", "UTSMode", json!("host")),
        asks("namespace of the host's users", "plainly", "UsernsMode", json!("host")),
        asks("namespace of the host's control groups", "plainly", "CgroupnsMode", json!("host")),
        joins(
            "namespace of a container on the host's network",
            "what it shares is shared on",
            "NetworkMode",
        ),
        joins(
            "namespace of a container among the host's processes",
            "what it shares is shared on",
            "PidMode",
        ),
        joins(
            "namespace of a container with the host's ipc",
            "what it shares is shared on",
            "IpcMode",
        ),
        Attack::new(
            "namespace left to an old API version",
            "before 1.41 the host's is the default",
        )
        .send(Step::post("/v1.40/containers/create?name=@name@", with(json!({"HostConfig": {}}))))
        .works_when(Probe::container_holds("/HostConfig/CgroupnsMode", "host"))
        .only_tightened(),
        Attack::harmless("namespace of control groups of its own", "it runs in it")
            .run(shell("echo ran", json!({"CgroupnsMode": ""})))
            .works_when(Probe::Prints("ran")),
        Attack::new(
            "namespace of processes as a way to files",
            "the root of a host's process of the same user",
        )
        .run(shell(
            "for p in /proc/[0-9]*; do cat $p/root/run/forbidden/secret; done 2>/dev/null",
            json!({"PidMode": "host"}),
        ))
        .setup(Step::Host(sleep_as_the_client))
        .works_when(Probe::Prints("top secret")),
    ]
}

/// Starts a process of the host with the number of the container's user.
pub(super) fn sleep_as_the_client(_: &std::path::Path) {
    let mut sleep = std::process::Command::new("setpriv");
    sleep.args(["--reuid=1000", "--regid=1000", "--clear-groups", "sleep", "20"]);
    drop(sleep.spawn().unwrap());
}

fn others() -> Vec<Attack> {
    let has_forbidden_mount = || {
        Step::post("/containers/create?name=@name@b", host(json!({"Binds": ["/run/forbidden:/x"]})))
    };
    vec![
        asks(
            "runtime by name",
            "each configured one may be chosen",
            "Runtime",
            json!("io.containerd.runc.v2"),
        ),
        Attack::new("volumes of another container", "its mounts come along")
            .setup(has_forbidden_mount())
            .run(shell("cat /x/secret", json!({"VolumesFrom": ["@name@b"]})))
            .works_when(Probe::Prints("top secret")),
        Attack::new("volumes of another container, read only", "its mounts come along")
            .setup(has_forbidden_mount())
            .run(shell("cat /x/secret", json!({"VolumesFrom": ["/@name@b:ro"]})))
            .works_when(Probe::Prints("top secret")),
        asks("sysctl", "plainly", "Sysctls", json!({"net.ipv4.ip_forward": "1"})),
        Attack::new("sysctl with slashes", "the other spelling")
            .create(host(json!({"Sysctls": {"net/ipv4/ip_forward": "1"}})))
            .works_when(Probe::container_holds("/HostConfig/Sysctls", "net/ipv4")),
        asks("cgroup parent", "plainly", "CgroupParent", json!("/elsewhere")),
        asks("cgroup parent that leads out", "it is a path", "CgroupParent", json!("../elsewhere")),
        Attack::new("privileged in all but name", "unmasked /proc as root takes over the host")
            .create(with(json!({"User": "1000", "HostConfig": {
                "MaskedPaths": [], "ReadonlyPaths": [], "CapAdd": ["ALL"],
                "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined", "label=disable"]}})))
            .works_when(Probe::container_holds("/HostConfig/CapAdd", "ALL")),
        Attack::new("environment by a link", "a link sets variables named after its alias")
            .setup(Step::post(
                "/containers/create?name=@name@b",
                with(json!({"Env": ["X=1"], "ExposedPorts": {"80/tcp": {}}})),
            ))
            .setup(Step::query("/containers/@name@b/start"))
            .run(with(json!({"Cmd": ["env"], "HostConfig": {"Links": ["@name@b:secret"]}})))
            .works_when(Probe::Prints("SECRET_ENV_X=1")),
    ]
}
