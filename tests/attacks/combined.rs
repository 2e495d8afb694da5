//! Where privileged mode is forbidden: what adds up to it without its name.

use super::attack::{host, with};
use super::{Attack, Probe, Step};
use serde_json::{Value, json};

pub(crate) const RULES: &str = "restrictions:\n  privileged: true\n";

pub(crate) fn attacks() -> Vec<Attack> {
    let mut all = shown();
    all.extend(argued());
    all.extend(ordinary());
    all
}

/// Root of a container that runs this, with these fields of `HostConfig`.
fn root(script: &str, fields: Value) -> Value {
    with(json!({"User": "0", "Cmd": ["sh", "-c", script], "HostConfig": fields}))
}

/// Writes a setting of the host's kernel: the program that it runs, as root of the host, when any
/// process dies. The value stays what it was.
const TAKES: &str = "v=$(cat $P); echo \"$v\" >$P && echo took over";

/// Each does on the host what only its root can.
fn shown() -> Vec<Attack> {
    let takes = |name, why, path: &str, fields| {
        let script = format!("P={path}/sys/kernel/core_pattern; {TAKES}");
        Attack::new(name, why).run(root(&script, fields)).works_when(Probe::Prints("took over"))
    };
    let mounts = |name, why, fields| {
        let script = format!(
            "mkdir /m; mount -t proc p /m || mount -o remount,rw /proc/sys; \
             P=/m/sys/kernel/core_pattern; {TAKES}"
        );
        Attack::new(name, why).run(root(&script, fields)).works_when(Probe::Prints("took over"))
    };
    vec![
        takes(
            "settings of the kernel laid open",
            "whoever writes them runs programs on the host",
            "/proc",
            json!({"MaskedPaths": [], "ReadonlyPaths": []}),
        ),
        mounts(
            "SYS_ADMIN alone",
            "a new /proc has no read-only parts",
            json!({"CapAdd": ["SYS_ADMIN"]}),
        ),
        mounts(
            "SYS_ADMIN without seccomp",
            "a new /proc has no read-only parts",
            json!({"CapAdd": "cap_sys_admin", "SecurityOpt": ["seccomp:unconfined"]}),
        ),
        Attack::new("SYS_PTRACE among the host's processes", "their roots are the host's")
            .run(root(
                "cat /proc/1/root/run/forbidden/secret",
                json!({"CapAdd": ["SYS_PTRACE"], "PidMode": "host"}),
            ))
            .works_when(Probe::Prints("top secret")),
        Attack::new("SYS_PTRACE in a container among the host's processes", "it shares them on")
            .setup(Step::post("/containers/create?name=@name@b", host(json!({"PidMode": "host"}))))
            .setup(Step::query("/containers/@name@b/start"))
            .run(root(
                "cat /proc/1/root/run/forbidden/secret",
                json!({"CapAdd": ["SYS_PTRACE"], "PidMode": "container:@name@b"}),
            ))
            .works_when(Probe::Prints("top secret")),
        Attack::new("NET_ADMIN in the host's network", "it can take SecDocker's own rules away")
            .run(root(
                "ip address add 192.0.2.77/32 dev lo; ip address | grep 192.0.2.77",
                json!({"CapAdd": ["NET_ADMIN"], "NetworkMode": "host"}),
            ))
            .works_when(Probe::Prints("192.0.2.77/32")),
    ]
}

/// Each gives what the kernel's documentation says: to use it would harm the machine of the test.
fn argued() -> Vec<Attack> {
    let adds = |name, why, capability: &'static str| {
        Attack::new(name, why)
            .create(host(json!({"CapAdd": [capability]})))
            .works_when(Probe::container_holds("/HostConfig/CapAdd", capability))
    };
    vec![
        adds("all capabilities", "privileged mode has no more", "ALL"),
        adds("capability to load modules", "a module is the kernel", "SYS_MODULE"),
        adds("capability of raw I/O", "ports of the disk's controller", "SYS_RAWIO"),
        adds("capability to read any file", "by its handle, on the host", "DAC_READ_SEARCH"),
        Attack::new("all capabilities as a string", "a string is a list of one")
            .create(host(json!({"capadd": "all"})))
            .works_when(Probe::container_holds("/HostConfig/CapAdd", "all")),
        Attack::new("all capabilities in a service", "the same effect")
            .setup(Step::Swarm(true))
            .send(Step::post(
                "/services/create",
                json!({"Name": "@name@", "TaskTemplate":
                {"ContainerSpec": {"Image": "probe:1", "CapabilityAdd": ["ALL"]}}}),
            ))
            .works_when(Probe::found("/services/@name@")),
        Attack::new("BPF and PERFMON", "tracing programs read all memory of the kernel")
            .create(host(json!({"CapAdd": ["PERFMON", "CAP_BPF"]})))
            .works_when(Probe::container_holds("/HostConfig/CapAdd", "CAP_BPF"))
            .since(23),
        Attack::new("disk as a device", "it holds the host's files")
            .setup(Step::Host(|path| {
                let mut mknod = std::process::Command::new("mknod");
                drop(mknod.arg(path).args(["b", "254", "0"]).output().unwrap());
            }))
            .create(host(json!({"Devices": [
                {"PathOnHost": "/run/@name@", "PathInContainer": "/y", "CgroupPermissions": "rwm"}]})))
            .works_when(Probe::container_holds("/HostConfig/Devices", "/run/@name@")),
        Attack::new("loop device with a file behind it", "it is that file, past every permission")
            .setup(Step::Host(loop_device))
            .run(root("cat /y", json!({"Devices": [
                {"PathOnHost": "/run/@name@", "PathInContainer": "/y", "CgroupPermissions": "rwm"}]})))
            .works_when(Probe::Prints("top secret")),
        Attack::new("device with a number of no known driver", "NVMe and bsg have such numbers")
            .setup(Step::Host(|path| {
                let mut mknod = std::process::Command::new("mknod");
                drop(mknod.arg(path).args(["c", "511", "9"]).output().unwrap());
            }))
            .create(host(json!({"Devices": [
                {"PathOnHost": "/run/@name@", "PathInContainer": "/y", "CgroupPermissions": "rwm"}]})))
            .works_when(Probe::container_holds("/HostConfig/Devices", "/run/@name@")),
        Attack::new("device rule for numbers that are given out", "NVMe and bsg have them")
            .create(host(json!({"DeviceCgroupRules": ["c 254:0 rwm"]})))
            .works_when(Probe::container_holds("/HostConfig/DeviceCgroupRules", "c 254")),
        Attack::new("device request by a kind of CDI", "a file of the host says what comes of it")
            .create(host(json!({"DeviceRequests": [
                {"Driver": "cdi", "DeviceIDs": ["vendor.com/class=all"]}]})))
            .works_when(Probe::container_holds("/HostConfig/DeviceRequests", "vendor.com")),
        Attack::new("mount of device nodes", "a device rule opens them")
            .create(host(json!({"Binds": ["/dev:/y"]})))
            .works_when(Probe::container_holds("/HostConfig/Binds", "/dev:/y")),
        Attack::new("device rule for everything", "MKNOD makes a device of a number")
            .create(host(json!({"DeviceCgroupRules": ["a *:* rwm"]})))
            .works_when(Probe::container_holds("/HostConfig/DeviceCgroupRules", "a *:*")),
        Attack::new("device rule for one disk", "MKNOD makes a device of a number")
            .create(host(json!({"DeviceCgroupRules": ["c 10:200 rwm", "b 254:0 rw"]})))
            .works_when(Probe::container_holds("/HostConfig/DeviceCgroupRules", "b 254")),
    ]
}

/// A loop device at this path, whose file says `top secret`. It lets go of it when this sandbox ends.
fn loop_device(path: &std::path::Path) {
    const SCRIPT: &str = "echo top secret >$1.file; truncate -s 4096 $1.file; \
        device=$(losetup --find --show $1.file); mknod $1 b 7 ${device#/dev/loop}; \
        exec 3<$device; losetup --detach $device; sleep 600 <&3 >/dev/null 2>&1 &";
    let mut sh = std::process::Command::new("sh");
    let done = sh.args(["-euc", SCRIPT, "sh"]).arg(path).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

fn ordinary() -> Vec<Attack> {
    let passes = |name, fields| Attack::harmless(name, "ordinary").create(host(fields));
    vec![
        passes(
            "capabilities of debuggers",
            json!({"CapAdd": ["SYS_PTRACE", "NET_ADMIN"],
            "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"]}),
        ),
        passes("capabilities of a network alone", json!({"CapAdd": ["NET_ADMIN", "SYSLOG"]})),
        passes(
            "harmless device",
            json!({"Devices": [{"PathOnHost": "/dev/null",
            "PathInContainer": "/y", "CgroupPermissions": "rwm"}]}),
        ),
        passes(
            "device request for GPUs",
            json!({"DeviceRequests": [{"Count": -1, "Capabilities": [["compute", "utility"]]}]}),
        ),
        passes("mount beside device nodes", json!({"Binds": ["/dev/shm:/y"]})),
        passes("device rule for a tunnel", json!({"DeviceCgroupRules": ["c 10:200 rwm"]})),
        passes("processes of the host to be watched", json!({"PidMode": "host"})),
        passes("network of the host", json!({"NetworkMode": "host"})),
    ]
}
