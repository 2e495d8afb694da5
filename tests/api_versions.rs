//! What `general` forces is in force in every version of the API that the engine accepts, or the
//! request is refused: what counts is what the engine says afterwards.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use serde_json::{Value, json};
use std::fs;
use support::archive::context;
use support::{Answer, Client, Daemon, SecDocker, Way, poll, unique};

/// One thing that is forced, and how it shows in a container, and in a service, of the engine.
struct Ceiling {
    general: &'static str,
    on_container: fn(&Value) -> bool,
    on_service: fn(&Value) -> bool,
    /// Whether some engine reads it of services in some version only.
    depends: bool,
}

const CEILINGS: &[Ceiling] = &[
    Ceiling {
        general: "memory: 64m",
        on_container: |all| all["HostConfig"]["Memory"] == 64 << 20,
        on_service: |task| task["Resources"]["Limits"]["MemoryBytes"] == 64 << 20,
        depends: false,
    },
    Ceiling {
        general: "cpu: 0.5",
        on_container: |all| all["HostConfig"]["NanoCpus"] == 500_000_000,
        on_service: |task| task["Resources"]["Limits"]["NanoCPUs"] == 500_000_000,
        depends: false,
    },
    Ceiling {
        general: "user: '1000'",
        on_container: |all| all["Config"]["User"] == "1000",
        on_service: |task| task["ContainerSpec"]["User"] == "1000",
        depends: false,
    },
    Ceiling {
        general: "environment: [FORCED=1]",
        on_container: |all| holds(&all["Config"]["Env"], "FORCED=1"),
        on_service: |task| holds(&task["ContainerSpec"]["Env"], "FORCED=1"),
        depends: false,
    },
    Ceiling {
        general: "secopts: [no-new-privileges]",
        on_container: |all| holds(&all["HostConfig"]["SecurityOpt"], "no-new-privileges"),
        on_service: |task| task["ContainerSpec"]["Privileges"]["NoNewPrivileges"] == true,
        depends: true,
    },
    Ceiling {
        general: "secopts: [seccomp=unconfined]",
        on_container: |all| holds(&all["HostConfig"]["SecurityOpt"], "seccomp=unconfined"),
        on_service: |task| task["ContainerSpec"]["Privileges"]["Seccomp"]["Mode"] == "unconfined",
        depends: true,
    },
    Ceiling {
        general: "secopts: [apparmor=mine]",
        on_container: |all| holds(&all["HostConfig"]["SecurityOpt"], "apparmor=mine"),
        on_service: |_| false,
        depends: true,
    },
    Ceiling {
        general: "capdrop: [NET_RAW]",
        on_container: |all| holds(&all["HostConfig"]["CapDrop"], "NET_RAW"),
        on_service: |task| holds(&task["ContainerSpec"]["CapabilityDrop"], "NET_RAW"),
        depends: true,
    },
    Ceiling {
        general: "capadd: [SYSLOG]",
        on_container: |all| holds(&all["HostConfig"]["CapAdd"], "SYSLOG"),
        on_service: |task| holds(&task["ContainerSpec"]["CapabilityAdd"], "SYSLOG"),
        depends: true,
    },
];

/// Whether a list has an entry, where a capability may have `CAP_` before it.
fn holds(list: &Value, entry: &str) -> bool {
    let entries = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    entries.into_iter().any(|one| one.trim_start_matches("CAP_") == entry)
}

/// A user, variables, and more of all than the ceilings allow.
fn container() -> Value {
    json!({
        "Image": "probe:1", "Cmd": ["sleep", "1000"], "User": "0", "Env": ["FORCED=0"],
        "HostConfig": {"Memory": 128 << 20, "NanoCpus": 900_000_000},
    })
}

fn service(name: &str) -> Value {
    json!({
        "Name": name, "Mode": {"Replicated": {"Replicas": 0}},
        "TaskTemplate": {
            "ContainerSpec": {"Image": "probe:1", "User": "0", "Env": ["FORCED=0"]},
            "Resources": {"Limits": {"MemoryBytes": 128 << 20, "NanoCPUs": 900_000_000_u64}},
        },
    })
}

/// The prefixes of all versions that the engine accepts, and none.
fn versions(daemon: &Daemon) -> Vec<String> {
    let version = daemon.api().get("/version").json();
    let minor = |key: &str| -> u32 {
        version[key].as_str().unwrap().trim_start_matches("1.").parse().unwrap()
    };
    let all = minor("MinAPIVersion")..=minor("ApiVersion");
    all.map(|minor| format!("/v1.{minor}")).chain([String::new()]).collect()
}

fn send(secdocker: &SecDocker, target: &str, body: &Value) -> Answer {
    secdocker.connect().ask(support::client::post(target, body.to_string()))
}

fn forcing(general: &str) -> SecDocker {
    SecDocker::before(Daemon::shared(), &format!("general:\n  {general}\n"))
}

#[test]
fn containers_hold_what_is_forced_in_every_version() {
    let daemon = Daemon::shared();
    let api = daemon.api();
    for Ceiling { general, on_container, .. } in CEILINGS {
        let secdocker = forcing(general);
        for version in versions(daemon) {
            let name = unique("forced");
            let target = format!("{version}/containers/create?name={name}");
            let answer = send(&secdocker, &target, &container());
            assert_eq!(answer.status, 201, "{general} {target}: {}", answer.text());
            assert!(on_container(&api.inspect(&name)), "{general} {target}");
            let more = json!({"Memory": 256 << 20, "MemorySwap": -1, "NanoCpus": 950_000_000});
            let target = format!("{version}/containers/{name}/update");
            let answer = send(&secdocker, &target, &more);
            assert_eq!(answer.status, 200, "{general} {target}: {}", answer.text());
            assert!(on_container(&api.inspect(&name)), "{general} {target}");
            api.remove(&name);
        }
    }
}

#[test]
fn commands_in_containers_hold_what_is_forced_in_every_version() {
    let daemon = Daemon::shared();
    let api = daemon.api();
    let name = unique("forced");
    assert_eq!(api.create(&name, &container()).status, 201);
    api.start(&name);
    let secdocker = forcing("user: '1000'\n  environment: [FORCED=1]");
    for version in versions(daemon) {
        let file = format!("/tmp/x{}", version.replace('/', "."));
        let command = format!("echo $(id -u) $FORCED >{file}.new && mv {file}.new {file}");
        let body = json!({"Cmd": ["sh", "-c", command], "User": "0", "Env": ["FORCED=0"]});
        let target = format!("{version}/containers/{name}/exec");
        let answer = send(&secdocker, &target, &body);
        assert_eq!(answer.status, 201, "{target}: {}", answer.text());
        let exec = answer.json()["Id"].as_str().unwrap().to_owned();
        let started = api.post(&format!("/exec/{exec}/start"), &json!({"Detach": true}));
        assert_eq!(started.status, 200, "{}", started.text());
        let path = format!("/proc/{}/root{file}", api.pid(&name));
        let told = poll::until("the command to end", || fs::read_to_string(&path).ok());
        assert_eq!(told, "1000 1\n", "{target}");
    }
    api.remove(&name);
}

#[test]
fn services_hold_what_is_forced_in_every_version_or_are_refused() {
    let daemon = Daemon::shared();
    let api = daemon.api();
    let init = json!({"ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1:2377"});
    let answer = api.post("/swarm/init", &init);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let spec = |name: &str| api.get(&format!("/services/{name}")).json();
    for Ceiling { general, on_service, depends, .. } in CEILINGS {
        let secdocker = forcing(general);
        let mut refused = 0;
        for version in versions(daemon) {
            let name = unique("forced");
            let target = format!("{version}/services/create");
            let created = send(&secdocker, &target, &service(&name));
            if created.status == 403 {
                let message = created.message();
                assert!(*depends && message.contains("(rule \"general."), "{target}: {message}");
                let found = api.get(&format!("/services/{name}"));
                assert_eq!(found.status, 404, "{general} {target}");
                // Made beside SecDocker, to be changed through it.
                assert_eq!(api.post("/services/create", &service(&name)).status, 201);
                refused += 1;
            } else {
                assert_eq!(created.status, 201, "{general} {target}: {}", created.text());
                assert!(on_service(&spec(&name)["Spec"]["TaskTemplate"]), "{general} {target}");
            }
            let index = spec(&name)["Version"]["Index"].to_string();
            let target = format!("{version}/services/{name}/update?version={index}");
            let updated = send(&secdocker, &target, &service(&name));
            assert_eq!(updated.status == 403, created.status == 403, "{general} {target}");
            let is_forced = on_service(&spec(&name)["Spec"]["TaskTemplate"]);
            assert!(is_forced || updated.status == 403, "{general} {target}");
            api.delete(&format!("/services/{name}"));
        }
        assert!(*depends || refused == 0, "{general}");
    }
    api.post("/swarm/leave?force=1", &json!({}));
}

/// What its steps may use shows in the control group of a container that runs one.
#[test]
fn builds_hold_what_is_forced_in_every_version() {
    let daemon = Daemon::shared();
    let secdocker = forcing("memory: 64m");
    let all = versions(daemon);
    let some = all.iter().enumerate().filter(|(at, _)| at % 5 == 0 || *at + 1 == all.len());
    for (_, version) in some {
        let look = "RUN cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes";
        let context = context(&format!("FROM probe:1\n{look} 2>/dev/null; echo seen\n"));
        let target = format!("{version}/build?nocache=1&memory={}", 128 << 20);
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: d\r\nContent-Type: application/x-tar\r\n\
             Content-Length: {}\r\n\r\n",
            context.len()
        );
        let mut client: Client = secdocker.connect();
        let answer = client.ask([head.as_bytes(), &context].concat());
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        let printed = answer.text();
        assert!(printed.contains("67108864") && printed.contains("seen"), "{target}: {printed}");
    }
}
