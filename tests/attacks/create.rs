//! The seven restrictions and the ceilings, as a create may break them.

use super::attack::{host, shell, with};
use super::{Attack, Probe, Step};
use serde_json::{Value, json};
use std::fs;
use std::os::unix;

pub(crate) fn attacks() -> Vec<Attack> {
    let mut all = ports();
    all.extend(mounts());
    all.extend(users());
    all.extend(environments());
    all.extend(security());
    all.extend(images());
    all.extend(ceilings());
    all
}

fn ports() -> Vec<Attack> {
    let publishes = |name, why, port: &str, binding: Value| {
        let body = with(json!({
            "ExposedPorts": {port: {}}, "HostConfig": {"PortBindings": {port: binding}}
        }));
        Attack::new(name, why)
            .run(body)
            .works_when(Probe::container_holds("/NetworkSettings/Ports", r#""HostPort":"22""#))
    };
    vec![
        publishes("port 22", "plainly", "80/tcp", json!([{"HostPort": "22"}])),
        publishes(
            "port 022",
            "leading zeros count nothing",
            "80/tcp",
            json!([{"HostPort": "022"}]),
        ),
        publishes(
            "port of one address",
            "any address is the host",
            "80/tcp",
            json!([{"HostIp": "127.0.0.1", "HostPort": "22"}]),
        ),
        publishes(
            "port of a nonsense address",
            "what is not an address means all",
            "80/tcp",
            json!([{"HostIp": "localhost:80", "HostPort": "22"}]),
        ),
        publishes(
            "port with a protocol",
            "the suffix is cut off",
            "80/tcp",
            json!([{"HostPort": "22/tcp"}]),
        ),
        publishes(
            "port with another protocol",
            "the suffix is cut off, whatever it says",
            "80/tcp",
            json!([{"HostPort": "22/udp"}]),
        ),
        publishes(
            "port over udp",
            "a rule without a protocol means all",
            "80/udp",
            json!([{"HostPort": "22"}]),
        ),
        publishes(
            "port as a range of one",
            "a range is allowed",
            "80/tcp",
            json!([{"HostPort": "22-22"}]),
        ),
        publishes(
            "port as the second binding",
            "each binding opens one",
            "80/tcp",
            json!([{"HostPort": "18080"}, {"HostPort": "22"}]),
        ),
        publishes(
            "port of a container port in capitals",
            "protocols have no case",
            "80/TCP",
            json!([{"HostPort": "22"}]),
        ),
        publishes(
            "port of a container port without protocol",
            "tcp is meant",
            "80",
            json!([{"HostPort": "22"}]),
        ),
        Attack::new("port in a range", "the first free one of the range is taken")
            .run(with(json!({
                "ExposedPorts": {"80/tcp": {}, "81/tcp": {}, "82/tcp": {}},
                "HostConfig": {"PortBindings": {
                    "80/tcp": [{"HostPort": "21-23"}],
                    "81/tcp": [{"HostPort": "21-23"}],
                    "82/tcp": [{"HostPort": "21-23"}]}}})))
            .works_when(Probe::container_holds("/NetworkSettings/Ports", r#""HostPort":"22""#)),
        Attack::new("port by host network", "every port of the host can be opened")
            .create(host(json!({"NetworkMode": "host"})))
            .works_when(Probe::container_holds("/HostConfig/NetworkMode", "host")),
        Attack::new("port by host network, by its id", "an id is a name")
            .create(host(json!({"NetworkMode": "@host-network@"})))
            .works_when(Probe::container_holds("/HostConfig/NetworkMode", "@host-network@")),
        Attack::new("port by an endpoint of the host network, by its id", "an id is a name")
            .create(with(json!({
                "NetworkingConfig": {"EndpointsConfig": {"@host-network@": {}}}})))
            .works_when(Probe::exists()),
        Attack::harmless("port by a network whose name could be an id", "it is looked up")
            .setup(Step::post("/networks/create", json!({"Name": "@name@"})))
            .create(host(json!({"NetworkMode": "@name@"})))
            .works_when(Probe::exists()),
        Attack::harmless("port that no rule names", "the neighbour of a forbidden one")
            .run(with(json!({
                "ExposedPorts": {"80/tcp": {}},
                "HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "2222"}]}}})))
            .works_when(Probe::container_holds("/NetworkSettings/Ports", "2222")),
    ]
}

/// Mounts the forbidden directory once more.
fn mount_twice(path: &std::path::Path) {
    std::fs::create_dir_all(path).unwrap();
    let mut mount = std::process::Command::new("mount");
    let done = mount.args(["--bind", "/run/forbidden"]).arg(path).status().unwrap();
    assert!(done.success(), "cannot mount {}", path.display());
}

fn logs(
    name: &'static str,
    why: &'static str,
    driver: &str,
    option: &str,
    value: &'static str,
) -> Attack {
    Attack::new(name, why)
        .create(host(json!({"LogConfig": {"Type": driver, "Config": {option: value}}})))
        .works_when(Probe::container_holds("/HostConfig/LogConfig", value))
}

fn mounts() -> Vec<Attack> {
    let reads = |name, why, fields: Value| {
        Attack::new(name, why)
            .run(shell("cat /x/secret /x/forbidden/secret", fields))
            .works_when(Probe::Prints("top secret"))
    };
    let binds = |name, why, bind: &str| reads(name, why, json!({"Binds": [bind]}));
    let mounts = |name, why, source: &str| {
        reads(name, why, json!({"Mounts": [{"Type": "bind", "Source": source, "Target": "/x"}]}))
    };
    vec![
        binds("mount of a forbidden directory", "plainly", "/run/forbidden:/x"),
        binds("mount with two slashes", "paths are cleaned", "//run//forbidden:/x"),
        binds("mount with a dot", "paths are cleaned", "/run/./forbidden/.:/x"),
        binds("mount through its parent and back", "paths are cleaned", "/run/allowed/../forbidden:/x"),
        binds("mount with a slash at its end", "paths are cleaned", "/run/forbidden/:/x:ro"),
        binds("mount with a mode", "modes follow a colon", "/run/forbidden:/x:ro,rprivate"),
        binds("mount of the parent", "what lies in it comes along", "/run:/x"),
        mounts("mount as a Mounts entry", "the newer form", "/run/forbidden"),
        mounts("mount as an unclean Mounts entry", "paths are cleaned", "//run/allowed/../forbidden/"),
        mounts("mount of the parent as a Mounts entry", "what lies in it comes along", "/run"),
        mounts("mount through a process' root", "the engine's own root", "/proc/self/root/run/forbidden"),
        binds("mount of a second place of a directory", "one directory is mounted twice", "/run/@name@:/x")
            .setup(Step::Host(mount_twice)),
        binds("mount of a directory with a second place in it", "mounts in it come along", "/run/@name@:/x")
            .setup(Step::Host(|path| mount_twice(&path.join("forbidden")))),
        binds("mount of a link into a process", "its root is the host's", "/run/@name@:/x")
            .setup(Step::Host(|path| std::os::unix::fs::symlink("/proc/self/root/run/forbidden", path).unwrap())),
        Attack::new("mount of the host's processes", "their roots are the host's")
            .run(shell(
                "for p in /x/[0-9]*; do cat $p/root/run/forbidden/secret; done 2>/dev/null",
                json!({"Binds": ["/proc:/x:ro"]}),
            ))
            .setup(Step::Host(super::powers::sleep_as_the_client))
            .works_when(Probe::Prints("top secret")),
        logs("log driver to a socket of the host", "the engine itself connects", "fluentd",
            "fluentd-address", "unix:///run/forbidden/x.sock"),
        logs("log driver to an escaped socket", "an address is a URL", "fluentd",
            "fluentd-address", "unix:///run/%66orbidden/x.sock"),
        logs("log driver to the socket of syslog", "the engine itself connects", "syslog",
            "syslog-address", "unixgram:///run/forbidden/secret"),
        logs("log driver with a file of the host", "the engine itself reads it", "splunk",
            "splunk-capath", "/run/forbidden/secret"),
        Attack::new("log driver at a path", "the engine talks to any socket it is named")
            .create(host(json!({"LogConfig": {"Type": "../../../run/nobody/evil"}})))
            .works_when(Probe::Answers("evil")),
        Attack::harmless("log driver to files of its own", "the default")
            .create(host(json!({"LogConfig": {"Type": "json-file",
                "Config": {"max-size": "1m", "tag": "/{{.Name}}"}}}))),
        Attack::new("mount of the root", "everything comes along")
            .create(host(json!({"Binds": ["/:/x"]})))
            .works_when(Probe::container_holds("/HostConfig/Binds", "/:/x")),
        Attack::new("mount of the root with a dot", "paths are cleaned")
            .create(host(json!({"Binds": ["/.:/x:ro"]})))
            .works_when(Probe::container_holds("/Mounts", r#""Source":"/""#)),
        Attack::new("mount of the root's parent", "there is none above it")
            .create(host(json!({"Mounts": [{"Type": "bind", "Source": "/..", "Target": "/x"}]})))
            .works_when(Probe::container_holds("/Mounts", r#""Source":"/""#)),
        reads("mount through a link", "links on the host are followed",
            json!({"Binds": ["/run/@name@:/x"]}))
            .setup(Step::Host(|link| unix::fs::symlink("/run/forbidden", link).unwrap())),
        reads("mount below a link", "links on the way are followed",
            json!({"Mounts": [{"Type": "bind", "Source": "/run/@name@/forbidden", "Target": "/x"}]}))
            .setup(Step::Host(|link| unix::fs::symlink("/run", link).unwrap())),
        reads("mount through a link to a link", "links are followed to their end",
            json!({"Binds": ["/run/@name@/b:/x"]}))
            .setup(Step::Host(|directory| {
                fs::create_dir(directory).unwrap();
                unix::fs::symlink("../forbidden", directory.join("a")).unwrap();
                unix::fs::symlink("./a", directory.join("b")).unwrap();
            })),
        Attack::new("mount of the engine's socket", "who has it has the host")
            .create(host(json!({"Binds": ["/var/run/docker.sock:/x"]})))
            .works_when(Probe::container_holds("/HostConfig/Binds", "docker.sock")),
        Attack::new("mount of the engine's socket by its other name", "/var/run is a link to /run")
            .create(host(json!({"Binds": ["/run/docker.sock:/x"]})))
            .works_when(Probe::container_holds("/HostConfig/Binds", "docker.sock")),
        Attack::harmless("mount of a neighbour", "its name only begins alike")
            .setup(Step::Host(|_| fs::create_dir_all("/run/forbidden-not").unwrap()))
            .create(host(json!({"Binds": ["/run/forbidden-not:/x"]})))
            .works_when(Probe::container_holds("/HostConfig/Binds", "forbidden-not")),
    ]
}

fn users() -> Vec<Attack> {
    let runs_as = |name, why, user: &str| {
        Attack::new(name, why)
            .run(with(json!({"User": user, "Cmd": ["id"]})))
            .works_when(Probe::Prints("uid=0"))
    };
    vec![
        runs_as("user 0", "plainly", "0"),
        runs_as("user 0 with a group", "the group says nothing", "0:1000"),
        runs_as("user 00", "it is a number", "00"),
        runs_as("user of twenty zeros", "it is a number", "00000000000000000000"),
        runs_as("user +0", "it is a number", "+0"),
        runs_as("user -0", "it is a number", "-0"),
        runs_as("user that is empty before a group", "the default is 0", ":1000"),
        runs_as("user with an empty group", "the group says nothing", "0:"),
        Attack::new("user root", "plainly")
            .create(with(json!({"User": "root"})))
            .works_when(Probe::container_holds("/Config/User", "root")),
        Attack::new("user root of root", "with its group")
            .create(with(json!({"User": "root:root"})))
            .works_when(Probe::container_holds("/Config/User", "root:root")),
        Attack::harmless("user 1000 of a group of its own", "another user")
            .run(with(json!({"User": "1000:1000", "Cmd": ["id"]})))
            .works_when(Probe::Prints("uid=1000")),
    ]
}

fn environments() -> Vec<Attack> {
    let sets = |name, why, list: Value| {
        Attack::new(name, why)
            .run(with(json!({"Env": list, "Cmd": ["env"]})))
            .works_when(Probe::Prints("USER=0"))
    };
    vec![
        sets("environment with a forbidden pair", "plainly", json!(["USER=0"])),
        sets("environment with it last", "the last of a name counts", json!(["USER=1", "USER=0"])),
        sets(
            "environment with it among many",
            "each is looked at",
            json!(["A=1", "B", "USER=0", "C="]),
        ),
        Attack::new("environment with a forbidden name", "any value")
            .create(with(json!({"Env": ["SECRET_TOKEN=x"]})))
            .works_when(Probe::container_holds("/Config/Env", "SECRET_TOKEN=x")),
        Attack::new("environment with a forbidden name and nothing", "an empty value is one")
            .create(with(json!({"Env": ["SECRET_TOKEN="]})))
            .works_when(Probe::container_holds("/Config/Env", "SECRET_TOKEN=")),
        Attack::new("environment by a name of its host", "the engine sets HOSTNAME to it")
            .run(with(json!({"Hostname": "evil", "Cmd": ["env"]})))
            .works_when(Probe::Prints("HOSTNAME=evil")),
        Attack::new("environment by a terminal", "the engine sets TERM")
            .run(with(json!({"Tty": true, "Cmd": ["env"]})))
            .works_when(Probe::Prints("TERM=xterm")),
        Attack::harmless("environment in place of a name of its host", "what is asked for counts")
            .create(with(json!({"Hostname": "evil", "Env": ["HOSTNAME=good"]})))
            .works_when(Probe::container_holds("/Config/Hostname", "evil")),
        Attack::harmless("environment with another value", "the rule names a pair")
            .create(with(json!({"Env": ["USER=1", "user=0", "XUSER=0"]})))
            .works_when(Probe::container_holds("/Config/Env", "XUSER=0")),
    ]
}

fn security() -> Vec<Attack> {
    let opts = |name, why, option: &str| {
        Attack::new(name, why)
            .create(host(json!({"SecurityOpt": [option]})))
            .works_when(Probe::container(|it| it["HostConfig"]["SecurityOpt"].is_array()))
    };
    let paths = |name, why, fields: Value| {
        Attack::new(name, why).create(host(fields)).works_when(Probe::container(|it| {
            let config = &it["HostConfig"];
            let lacks = |list: &str, path: &str| !config[list].to_string().contains(path);
            lacks("MaskedPaths", "/proc/kcore") || lacks("ReadonlyPaths", "/proc/sysrq-trigger")
        }))
    };
    vec![
        opts("security seccomp=unconfined", "plainly", "seccomp=unconfined"),
        opts("security seccomp:unconfined", "the older separator", "seccomp:unconfined"),
        opts(
            "security profile that allows all",
            "the same by a profile",
            r#"seccomp={"defaultAction":"SCMP_ACT_ALLOW"}"#,
        ),
        opts(
            "security profile that only logs",
            "the same by a profile",
            r#"seccomp={"defaultAction":"SCMP_ACT_LOG","syscalls":[]}"#,
        ),
        Attack::new("security profile that is null", "it is read as one without rules")
            .run(shell("cat /proc/self/status", json!({"SecurityOpt": ["seccomp=null"]})))
            .works_when(Probe::Prints("Seccomp:\t0")),
        Attack::new("security profile that is null behind a space", "white space is not a name")
            .run(shell("cat /proc/self/status", json!({"SecurityOpt": ["seccomp: null"]})))
            .works_when(Probe::Prints("Seccomp:\t0")),
        Attack::harmless("security profile that denies what it does not name", "it confines")
            .create(host(
                json!({"SecurityOpt": [r#"seccomp={"defaultAction":"SCMP_ACT_ERRNO"}"#]}),
            )),
        opts("security apparmor=unconfined", "plainly", "apparmor=unconfined"),
        opts("security apparmor:unconfined", "the older separator", "apparmor:unconfined"),
        opts("security label=disable", "plainly", "label=disable"),
        opts("security label:disable", "the older separator", "label:disable"),
        opts("security disable", "the oldest spelling of label=disable", "disable"),
        paths("security without masked paths", "an empty list unmasks", json!({"MaskedPaths": []})),
        paths(
            "security without read-only paths",
            "an empty list frees",
            json!({"ReadonlyPaths": []}),
        ),
        paths(
            "security with other masked paths",
            "a list replaces the defaults",
            json!({"MaskedPaths": ["/proc/keys"]}),
        ),
        Attack::new("security with an older engine's masked paths", "newer ones hide more")
            .create(host(json!({"MaskedPaths": [
                "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
                "/sys/firmware",
            ]})))
            .works_when(Probe::container(|it| {
                !it["HostConfig"]["MaskedPaths"].to_string().contains("powercap")
            })),
        Attack::new("security by privileged", "it is all of them")
            .create(host(json!({"Privileged": true})))
            .works_when(Probe::container(|it| it["HostConfig"]["Privileged"] == true)),
        Attack::harmless("security with the default paths", "null means the defaults")
            .create(host(json!({"MaskedPaths": null, "SecurityOpt": ["no-new-privileges"]})))
            .works_when(Probe::container_holds("/HostConfig/SecurityOpt", "no-new")),
    ]
}

fn images() -> Vec<Attack> {
    let names = |name, image: &str| {
        Attack::new(name, "one image, many names")
            .create(with(json!({"Image": image})))
            .works_when(Probe::container_holds("/Image", "@image@"))
    };
    vec![
        names("image by its short name", "ubuntu:16.04"),
        names("image with its library", "library/ubuntu:16.04"),
        names("image with its registry", "docker.io/ubuntu:16.04"),
        names("image by its full name", "docker.io/library/ubuntu:16.04"),
        names("image with the older registry", "index.docker.io/ubuntu:16.04"),
        names("image by the older full name", "index.docker.io/library/ubuntu:16.04"),
    ]
}

/// More than the ceiling's 1 GiB, or no limit.
fn memory_exceeds() -> Probe {
    Probe::container(|it| {
        let number = |field: &str| it["HostConfig"][field].as_i64().unwrap_or_default();
        !(1..=1 << 30).contains(&number("Memory")) || !(1..=2 << 30).contains(&number("MemorySwap"))
    })
}

/// More than the ceiling's quarter of a CPU, or no limit.
fn cpu_exceeds() -> Probe {
    Probe::container(|it| {
        let number = |field: &str| it["HostConfig"][field].as_i64().unwrap_or_default();
        let period = match number("CpuPeriod") {
            0 => 100_000,
            period => period,
        };
        let by_quota = number("CpuQuota") > 0 && number("CpuQuota") * 4 <= period;
        !((1..=250_000_000).contains(&number("NanoCpus")) || by_quota)
    })
}

fn ceilings() -> Vec<Attack> {
    let memory = |name, why, fields: Value| {
        Attack::new(name, why).create(host(fields)).works_when(memory_exceeds()).only_tightened()
    };
    let cpu = |name, why, fields: Value| {
        Attack::new(name, why).create(host(fields)).works_when(cpu_exceeds()).only_tightened()
    };
    vec![
        memory("ceiling of memory not asked for", "none means all", json!({})),
        memory("ceiling of memory exceeded", "plainly", json!({"Memory": 8_589_934_592_i64})),
        memory(
            "ceiling of swap lifted",
            "-1 means all",
            json!({"Memory": 33_554_432, "MemorySwap": -1}),
        ),
        memory(
            "ceiling of swap exceeded",
            "swap is memory too",
            json!({"Memory": 33_554_432, "MemorySwap": 8_589_934_592_i64}),
        ),
        Attack::new("ceiling of memory by the older fields", "they fill what is zero")
            .create(with(json!({"Memory": 8_589_934_592_i64, "HostConfig": {"Memory": 0}})))
            .works_when(memory_exceeds())
            .only_tightened(),
        cpu("ceiling of cpu not asked for", "none means all", json!({})),
        cpu("ceiling of cpu exceeded", "plainly", json!({"NanoCpus": 1_500_000_000})),
        cpu(
            "ceiling of cpu by quota",
            "a quota over a period is a share",
            json!({"CpuPeriod": 100_000, "CpuQuota": 150_000}),
        ),
        cpu(
            "ceiling of cpu by a short period",
            "a quota over a period is a share",
            json!({"CpuPeriod": 10_000, "CpuQuota": 15_000}),
        ),
        cpu(
            "ceiling of cpu by a quota alone",
            "the period is a tenth of a second",
            json!({"CpuQuota": 150_000}),
        ),
        cpu(
            "ceiling of cpu by a period alone",
            "without a quota nothing is limited",
            json!({"CpuPeriod": 10_000}),
        ),
        cpu("ceiling of cpu by a quota of -1", "it means none", json!({"CpuQuota": -1})),
    ]
}
