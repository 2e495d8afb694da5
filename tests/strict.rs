//! What nobody has decided about: refused under `strict`, told of without it; and ordinary clients
//! say nothing of the kind.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use support::cli::client;
use support::client::post;
use support::{Daemon, Docker, SecDocker, Way, run, unique};

const STRICT: &str = "strict: true\n";

/// One request to each inspected endpoint that has a body or a query, each with something new.
const NEW: [(&str, &str, &str); 11] = [
    (
        "/v1.41/containers/create",
        r#"{"Image":"probe:1","HostConfig":{"Mounts":[{"Type":"tmpfs","Target":"/t","New":1}]}}"#,
        "field \\\"HostConfig.Mounts[0].New\\\"",
    ),
    ("/containers/create?new=1", r#"{"Image":"probe:1"}"#, "parameter ?new"),
    ("/containers/none/exec", r#"{"Cmd":["true"],"New":0}"#, "field New"),
    ("/containers/none/update", r#"{"Memory":0,"Annotations":{"a":"b"}}"#, "field Annotations"),
    ("/volumes/create", r#"{"Labels":{"New":"x"},"Mountpoint":"/root"}"#, "field Mountpoint"),
    ("/networks/create", r#"{"Name":"x","IPAM":{"New":"x"}}"#, "field IPAM.New"),
    (
        "/services/create",
        r#"{"TaskTemplate":{"ContainerSpec":{"Image":"probe:1","Privileges":{"New":1}}}}"#,
        "field TaskTemplate.ContainerSpec.Privileges.New",
    ),
    (
        "/services/none/update?version=1",
        r#"{"TaskTemplate":{"ContainerSpec":{"Image":"probe:1"},"Devices":[]}}"#,
        "field TaskTemplate.Devices",
    ),
    ("/images/create?fromImage=none&tag=1&New=1", "", "parameter ?New"),
    ("/commit?container=none&repo=none&new=1", "null", "parameter ?new"),
    ("/build?t=none&new=1", "", "parameter ?new"),
];

#[test]
fn what_is_new_is_refused_everywhere_under_strict() {
    let secdocker = SecDocker::before(Daemon::shared(), STRICT);
    for (target, body, what) in NEW {
        let answer = secdocker.connect().ask(post(target, body));
        let expected = format!("forbidden: {what}, which is not known here (rule \\\"strict\\\")");
        assert_eq!(answer.status, 403, "{target}: {}", answer.text());
        assert!(answer.text().contains(&expected), "{target}: {}", answer.text());
    }
}

/// Where the engine reads nothing of it either.
const LEFT_OUT: &str = r#""_query":{"a":1},"_body":{},"abortSignal":{},"New":null"#;

/// What dockerode and docker-java send beside what they mean.
#[test]
fn what_no_engine_reads_is_left_out_under_strict() {
    let daemon = Daemon::shared();
    let secdocker = SecDocker::before(daemon, STRICT);
    let name = unique("ignored");
    let body = format!(
        r#"{{"Image":"probe:1","name":"{name}","platform":"","id":"x","Cmd":["sleep","1000"],
            "HostConfig":{{"Newer":null}},"NetworkingConfig":{{"net":{{"driver_opt":null}}}}}}"#
    );
    let create = format!("/containers/create?name={name}&Image=probe%3A1&HostConfig=%7B%7D");
    let exec =
        (format!("/containers/{name}/exec"), r#"{"Cmd":["true"],"containerId":"x","id":"x"}"#);
    let update = (format!("/containers/{name}/update"), r#"{"CpuShares":512}"#);
    let commit = format!(r#"{{"container":"{name}","repo":"{name}","changes":"","User":"7"}}"#);
    let mut connection = secdocker.connect();
    for (target, body, status) in [
        (create, body.as_str(), 201),
        (format!("/containers/{name}/start"), "", 204),
        (exec.0, exec.1, 201),
        (update.0, update.1, 200),
        (format!("/commit?container={name}&repo={name}&pause=0"), commit.as_str(), 201),
        (format!("/volumes/create?Name={name}"), &format!(r#"{{"Name":"{name}"}}"#), 201),
        (format!("/networks/create?Name={name}"), &format!(r#"{{"Name":"{name}"}}"#), 201),
    ] {
        let body = body.replacen('{', &format!("{{{LEFT_OUT},"), 1);
        let answer = connection.ask(post(&target, body));
        assert_eq!(answer.status, status, "{target}: {}", answer.text());
    }
    daemon.api().remove(&name);
    for kind in ["images", "volumes", "networks"] {
        daemon.api().delete(&format!("/{kind}/{name}"));
    }
}

#[test]
fn what_is_new_passes_without_strict_and_is_told_of() {
    let secdocker = SecDocker::before(Daemon::shared(), "");
    let name = unique("new");
    let target = format!("/containers/create?name={name}&later=1");
    let body = r#"{"Image":"probe:1","Cmd":["true"],"HostConfig":{"New\n":{"Newer":1}},"Labels":{"New":"x"}}"#;
    let answer = secdocker.connect().ask(post(&target, body));
    Daemon::shared().api().remove(&name);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let line = secdocker.logs("msg=\"unknown option requested\"");
    let told = r#"fields="field \"HostConfig.New\\\\n\", parameter ?later""#;
    assert!(line.contains("level=warning") && line.contains("/containers/create"), "{line}");
    assert!(line.contains(told), "wants {told}: {line}");
}

/// Options of `docker create`, in commands that the engine takes.
const COMMANDS: [&str; 4] = [
    "--add-host a:10.0.0.1 --blkio-weight 0 --cap-add NET_ADMIN --cap-drop MKNOD --cgroup-parent /x \
     --cgroupns private --cpu-period 100000 --cpu-quota 50000 --cpu-shares 512 --cpuset-cpus 0 \
     --cpuset-mems 0 --device /dev/null --device-cgroup-rule 'c 1:3 rwm' --dns \
     1.1.1.1 --dns-option ndots:1 --dns-search x --domainname d --entrypoint sh --env A=b --expose 80 \
     --group-add 1 --hostname h --init --interactive --tty --ipc private --label a=b",
    "--health-cmd true --health-interval 1s --health-retries 2 --health-start-period 1s \
     --health-timeout 1s --log-driver json-file --log-opt max-size=1m --mac-address \
     02:42:ac:11:00:99 --memory 64m --memory-reservation 32m --memory-swap 128m \
     --oom-score-adj 100 --pids-limit 100 --publish 127.0.0.1:18099:80 --restart on-failure:3 \
     --security-opt no-new-privileges --shm-size 1m --stop-signal TERM --stop-timeout 1 --sysctl \
     net.ipv4.ip_forward=0 --tmpfs /t:size=1m --ulimit nofile=10:20 --user 1000 --workdir /w",
    "--mount type=tmpfs,target=/t,tmpfs-size=1000,tmpfs-mode=0700 --mount \
     type=volume,target=/v,volume-nocopy --mount type=bind,source=/tmp,target=/b,readonly \
     --volume /tmp:/c:ro --read-only --network none --uts host --pid host --userns host --runtime \
     runc --no-healthcheck --publish-all --volumes-from NAME0",
    "--cpus 0.5 --oom-kill-disable --device-read-bps /dev/null:1mb \
     --device-write-iops /dev/null:5 --link NAME0:db --privileged --rm",
];

fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    parts
        .flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

#[test]
fn the_docker_command_says_nothing_new() {
    let secdocker = SecDocker::before(Daemon::shared(), STRICT);
    let docker = Docker::on(&secdocker);
    let name = unique("options");
    for (at, options) in COMMANDS.iter().enumerate() {
        let line = format!("create --name {name}{at} {options} probe:1 true");
        let line = words(&line.replace("NAME", &name));
        let words: Vec<&str> = line.iter().map(String::as_str).collect();
        docker.run(&words).ok();
    }
    for at in 0..COMMANDS.len() {
        Daemon::shared().api().remove(&format!("{name}{at}"));
    }
}

#[test]
fn the_python_package_says_nothing_new() {
    let secdocker = SecDocker::before(Daemon::shared(), STRICT);
    let name = unique("python");
    let program = format!(
        r#"
import docker
from docker.types import *
c = docker.from_env()
k = c.containers.create("probe:1", "true", name="{name}", auto_remove=False, blkio_weight=0,
    cap_add=["NET_ADMIN"], cap_drop=["MKNOD"], cpu_shares=512, cpuset_cpus="0", detach=True,
    devices=["/dev/null:/dev/x:r"], dns=["1.1.1.1"], domainname="d", environment={{"A": "b"}},
    extra_hosts={{"a": "10.0.0.1"}}, group_add=["1"], healthcheck={{"test": ["NONE"]}}, hostname="h",
    init=True, ipc_mode="private", labels={{"a": "b"}}, log_config=LogConfig(type="json-file"),
    mem_limit="64m", mem_reservation="32m", memswap_limit="128m", nano_cpus=500000000,
    mounts=[Mount("/t", None, type="tmpfs", tmpfs_size=1000), Mount("/v", "{name}", type="volume",
        labels={{"a": "b"}}, driver_config=DriverConfig("local"))],
    oom_score_adj=1, pids_limit=10, ports={{"80/tcp": ("127.0.0.1", 18098)}}, privileged=False,
    read_only=True, restart_policy={{"Name": "no"}}, security_opt=["no-new-privileges"], shm_size="1m",
    stdin_open=True, stop_signal="TERM", storage_opt=None, sysctls={{"net.ipv4.ip_forward": "0"}},
    tmpfs={{"/u": ""}}, tty=True, ulimits=[Ulimit(name="nofile", soft=10, hard=20)], user="1000",
    volumes={{"/tmp": {{"bind": "/b", "mode": "ro"}}}}, working_dir="/w")
k.update(mem_limit="50m", cpu_shares=100, restart_policy={{"Name": "no"}})
k.remove()
v = c.volumes.create("{name}b", driver="local", labels={{"a": "b"}}); v.remove()
c.volumes.get("{name}").remove()
pool = IPAMPool(subnet="10.98.0.0/24", gateway="10.98.0.1", iprange="10.98.0.0/25")
n = c.networks.create("{name}", driver="bridge", ipam=IPAMConfig(pool_configs=[pool]), internal=True,
    labels={{"a": "b"}}, options={{"com.docker.network.bridge.enable_icc": "true"}}, attachable=True)
n.remove()
print("done")
"#
    );
    let mut python = client("/usr/bin/python3", &secdocker.docker_host());
    assert_eq!(run(python.args(["-c", &program]), b"").ok(), "done");
}

/// Networks at creation and later, under the rules that are shipped.
#[test]
fn the_python_package_joins_networks_under_strict() {
    let shipped = include_str!("../config.yml");
    let rules = &shipped[shipped.find("\nrestrictions:").unwrap()..];
    let secdocker = SecDocker::before(Daemon::shared(), &format!("{STRICT}{rules}"));
    let name = unique("joins");
    let program = format!(
        r#"
import docker
c = docker.from_env()
n = c.networks.create("{name}", driver="bridge")
print(c.containers.run("probe:1", ["echo", "ran"], remove=True, network="{name}"))
k = c.containers.run("probe:1", ["sleep", "1000"], name="{name}", detach=True, network="{name}")
print(k.exec_run(["echo", "executed"], environment={{"A": "b"}}, workdir="/"))
n.disconnect(k); n.connect(k, aliases=["other"]); k.reload()
print("other" in k.attrs["NetworkSettings"]["Networks"]["{name}"]["Aliases"])
low = c.api.create_container("probe:1", "true", host_config=c.api.create_host_config(), networking_config=
    c.api.create_networking_config({{"{name}": c.api.create_endpoint_config(aliases=["low"])}}))
c.api.remove_container(low)
low = c.api.create_container("probe:1", "true", networking_config={{"{name}": {{"driver_opt": {{"a": "b"}}}}}})
c.api.remove_container(low)
k.remove(force=True); n.remove()
"#
    );
    let mut python = client("/usr/bin/python3", &secdocker.docker_host());
    let said = run(python.args(["-c", &program]), b"").ok();
    assert!(said.contains("ran") && said.contains("executed") && said.ends_with("True"), "{said}");
}
