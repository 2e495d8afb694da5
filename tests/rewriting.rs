//! A body that is written anew loses nothing: what the engine has of a container made through
//! SecDocker is what it has of one made straight, but for what is forced.
#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use serde_json::{Map, Value, json};
use support::client::post;
use support::compare::without_ids;
use support::{Daemon, Docker, SecDocker, Way, unique};

/// Rules, but nothing forced.
const RULES: &str = "restrictions:\n  ports: [22]\n  mounts: [/root]\n  privileged: true\n";
const FORCED: &str = "general:\n  memory: 1g\n  cpu: 0.25\n  user: '1000'\n\
                      \x20 environment: [MY_ENV=true]\n";

/// What `docker inspect` says, as paths and values: without what differs from one container to the
/// next.
fn inspect(name: &str) -> Map<String, Value> {
    let api = Daemon::shared().api();
    let mut container = api.inspect(name);
    // The engine keeps them in a map without an order.
    let by_destination = |mount: &Value| mount["Destination"].to_string();
    container["Mounts"].as_array_mut().unwrap().sort_by_key(by_destination);
    let object = container.as_object_mut().unwrap();
    for key in ["Id", "Created", "GraphDriver", "LogPath", "State"] {
        object.remove(key);
    }
    let text = without_ids(&container.to_string());
    let mut paths = Map::new();
    flatten("", serde_json::from_str(&text).unwrap(), &mut paths);
    paths
}

fn flatten(path: &str, value: Value, paths: &mut Map<String, Value>) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            object.into_iter().for_each(|(k, v)| flatten(&format!("{path}.{k}"), v, paths));
        }
        value => drop(paths.insert(path.trim_start_matches('.').to_owned(), value)),
    }
}

/// Makes the container by `make` straight and through SecDocker; says where they differ.
#[track_caller]
fn differences(config: &str, make: impl Fn(&dyn Way, &str)) -> Map<String, Value> {
    let name = unique("same");
    let made = |way: &dyn Way| {
        make(way, &name);
        let inspected = inspect(&name);
        Daemon::shared().api().remove(&name);
        inspected
    };
    let straight = made(Daemon::shared());
    assert!(straight.len() > 80, "an inspect has many fields: {}", straight.len());
    let through = made(&SecDocker::before(Daemon::shared(), config));
    let mut differing = Map::new();
    for key in straight.keys().chain(through.keys()) {
        let (a, b) = (straight.get(key), through.get(key));
        if a != b {
            differing.insert(key.clone(), json!([a, b]));
        }
    }
    differing
}

#[track_caller]
fn make_by_body(body: &Value) -> impl Fn(&dyn Way, &str) {
    let text = body.to_string();
    move |way, name| {
        let target = format!("/v1.41/containers/create?name={name}&platform=linux");
        let answer = way.connect().ask(post(&target, &text));
        assert_eq!(answer.status, 201, "{}: {}", way.name(), answer.text());
    }
}

/// Nearly every field that a container can be made with.
fn full_body() -> Value {
    json!({
        "Hostname": "h1", "Domainname": "d1.example", "User": "1000", "AttachStdin": true,
        "AttachStdout": true, "AttachStderr": false, "Tty": true, "OpenStdin": true,
        "StdinOnce": true, "Env": ["A=b", "EMPTY=", "E=a=b", "Ü=\u{1f433}", "PATH=/bin"],
        "Cmd": ["-c", "echo \"quoted\" \\ back \u{2028} <&>"], "Entrypoint": ["/bin/sh"],
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}, "9000/sctp": {}},
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 30_000_000_001_u64,
            "Timeout": 1_000_000_007, "StartPeriod": 2_000_000_000, "Retries": 4},
        "Image": "probe:1", "Volumes": {"/anonymous": {}}, "WorkingDir": "/w",
        "NetworkDisabled": false, "MacAddress": "02:42:ac:11:00:99", "OnBuild": null,
        "Labels": {"a": "1", "A": "2", "Privileged": "true", "": "empty", "dotted.key": "\u{0}"},
        "StopSignal": "SIGUSR1", "StopTimeout": 7, "Shell": ["/bin/sh", "-c"],
        "HostConfig": full_host_config(),
        "NetworkingConfig": {"EndpointsConfig": {"bridge": {"DriverOpts": null}}},
    })
}

fn full_host_config() -> Value {
    json!({
        "Binds": ["/tmp:/x:ro", "/usr/share:/y:ro,rslave"], "ContainerIDFile": "",
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "3"}},
        "NetworkMode": "bridge", "PublishAllPorts": false, "AutoRemove": false,
        "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18080"},
            {"HostPort": "18081"}], "53/udp": [{"HostPort": "15353-15360"}]},
        "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
        "VolumeDriver": "local", "VolumesFrom": null,
        "Mounts": [
            {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 1_234_567, "Mode": 1023}},
            {"Type": "bind", "Source": "/usr/lib", "Target": "/l", "ReadOnly": true,
                "Consistency": "cached", "BindOptions": {"Propagation": "rprivate"}},
            {"Type": "volume", "Source": "", "Target": "/v",
                "VolumeOptions": {"NoCopy": true, "Labels": {"l": "m"}}},
        ],
        "CapAdd": ["NET_ADMIN", "SYS_NICE"], "CapDrop": ["MKNOD", "AUDIT_WRITE"],
        "CgroupnsMode": "private", "Dns": ["192.0.2.53"], "DnsOptions": ["ndots:2"],
        "DnsSearch": ["example.org"], "ExtraHosts": ["a:1.2.3.4", "b:::1"],
        "GroupAdd": ["7", "8"], "IpcMode": "shareable", "Cgroup": "", "Links": null,
        "OomScoreAdj": 99, "PidMode": "", "Privileged": false, "ReadonlyRootfs": true,
        "SecurityOpt": ["no-new-privileges"], "Tmpfs": {"/run": "rw,size=65536k"},
        "UTSMode": "", "UsernsMode": "", "ShmSize": 1_048_577, "Runtime": "runc",
        "Sysctls": {"net.ipv4.ip_forward": "0"}, "ConsoleSize": [11, 22], "Isolation": "",
        "CpuShares": 513, "Memory": 104_857_600, "MemoryReservation": 52_428_800,
        "MemorySwap": 157_286_400, "NanoCpus": 200_000_000, "CpusetCpus": "0", "CpusetMems": "0",
        "BlkioWeight": 0, "OomKillDisable": false, "Init": true, "PidsLimit": 77,
        "Ulimits": [{"Name": "nofile", "Soft": 100, "Hard": 200}],
        "DeviceCgroupRules": ["c 1:3 rwm"],
        "Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/n", "CgroupPermissions": "r"}],
        "DeviceRequests": null, "MaskedPaths": ["/proc/kcore", "/proc/keys"],
        "ReadonlyPaths": ["/proc/sys"],
    })
}

#[test]
fn every_field_arrives() {
    let differing = differences(RULES, make_by_body(&full_body()));
    assert!(differing.is_empty(), "path: [straight, through]: {differing:#?}");
}

#[test]
fn only_what_is_forced_differs() {
    let mut body = full_body();
    body["HostConfig"]["Memory"] = json!(4_000_000_000_u64);
    body["HostConfig"]["MemorySwap"] = json!(5_000_000_000_u64);
    body["HostConfig"]["NanoCpus"] = json!(1_500_000_000);
    body["User"] = json!("7");
    let differing = differences(FORCED, make_by_body(&body));
    let expected = json!({
        "Config.User": ["7", "1000"],
        "HostConfig.Memory": [4_000_000_000_u64, 1_073_741_824],
        "HostConfig.MemorySwap": [5_000_000_000_u64, 2_147_483_648_u64],
        "HostConfig.NanoCpus": [1_500_000_000, 250_000_000],
        "Config.Env": [body["Env"], with(&body["Env"], "MY_ENV=true")],
    });
    assert_eq!(Value::Object(differing), expected, "path: [straight, through]");
}

fn with(list: &Value, last: &str) -> Value {
    let mut list = list.as_array().unwrap().clone();
    list.push(json!(last));
    Value::Array(list)
}

/// The same by the command line, with everything that it can say.
#[test]
fn every_option_arrives() {
    let make = |way: &dyn Way, name: &str| {
        let options = "--add-host a:1.2.3.4 --blkio-weight 0 --cap-add NET_ADMIN --cap-drop MKNOD \
            --cpu-shares 513 --cpus 0.2 --cpuset-cpus 0 --device /dev/null:/dev/n:r \
            --dns 192.0.2.53 --dns-option ndots:2 --dns-search example.org --domainname d1.example \
            --entrypoint /bin/sh --env A=b --expose 53/udp --group-add 7 --health-cmd true \
            --health-interval 30s --health-retries 4 --hostname h1 --init --ipc shareable \
            --label a=1 --label A=2 --log-driver json-file --log-opt max-size=1m \
            --mac-address 02:42:ac:11:00:99 --memory 100m --memory-reservation 50m \
            --memory-swap 150m --mount type=tmpfs,target=/t,tmpfs-size=1234567 \
            --network bridge --oom-score-adj 99 --pids-limit 77 --publish 127.0.0.1:18080:80 \
            --publish 15353-15360:53/udp --read-only --restart on-failure:3 \
            --security-opt no-new-privileges --shm-size 1048577 --stop-signal SIGUSR1 \
            --stop-timeout 7 --sysctl net.ipv4.ip_forward=0 --tmpfs /run:rw,size=64m --tty \
            --interactive --ulimit nofile=100:200 --user 1000 --volume /tmp:/x:ro \
            --volume /anonymous --workdir /w";
        let mut arguments = vec!["create", "--name", name];
        arguments.extend(options.split_whitespace());
        arguments.extend(["probe:1", "-c", "echo \"$A\" <&>"]);
        Docker::on(way).run(&arguments).ok();
    };
    let differing = differences(RULES, make);
    assert!(differing.is_empty(), "path: [straight, through]: {differing:#?}");
}

/// The smallest body: what isn't there isn't added.
#[test]
fn nothing_is_added() {
    let body = json!({"Image": "probe:1", "Cmd": ["true"], "User": "1000"});
    let differing = differences(RULES, make_by_body(&body));
    assert!(differing.is_empty(), "path: [straight, through]: {differing:#?}");
}

#[test]
fn containers_that_were_judged_are_named_by_their_identifiers() {
    let api = Daemon::shared().api();
    let (db, name) = (unique("db"), unique("from"));
    let own = json!({"Binds": ["/tmp:/d"], "IpcMode": "shareable"});
    api.create(&db, &json!({"Image": "probe:1", "Cmd": ["sleep", "60"], "HostConfig": own}));
    api.start(&db);
    let id = api.inspect(&db)["Id"].as_str().unwrap().to_owned();
    let rules = "restrictions:\n  namespaces: [host]\n  mounts: [/root]\n";
    let secdocker = SecDocker::before(Daemon::shared(), rules);
    let mut client = secdocker.connect();
    let body = |from: &str| {
        json!({"Image": "probe:1", "Cmd": ["sleep", "60"], "HostConfig":
            {"VolumesFrom": [from], "PidMode": format!("container:{db}"), "IpcMode": format!("container:{db}")}})
    };
    let target = format!("/v1.41/containers/create?name={name}");
    let refused = client.ask(post(&target, body("not-there").to_string()));
    assert_eq!(refused.status, 403, "{}", refused.text());
    let made = client.ask(post(&target, body(&format!("{db}:ro")).to_string()));
    assert_eq!(made.status, 201, "{}", made.text());
    let shown = api.inspect(&name);
    assert_eq!(shown["HostConfig"]["VolumesFrom"], json!([format!("{id}:ro")]));
    assert_eq!(shown["HostConfig"]["PidMode"], format!("container:{id}"));
    assert_eq!(shown["HostConfig"]["IpcMode"], format!("container:{id}"));
    assert_eq!(
        (&shown["Mounts"][0]["Destination"], &shown["Mounts"][0]["RW"]),
        (&json!("/d"), &json!(false))
    );
    let started = client.ask(post(&format!("/v1.41/containers/{name}/start"), ""));
    assert_eq!(started.status, 204, "{}", started.text());
    api.remove(&name);
    api.remove(&db);
}
