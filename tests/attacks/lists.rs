//! Where only some images and paths are allowed: the rules are those of `RULES`, and everything
//! beyond them is an attack.

use super::attack::{host, shell, with};
use super::images::archive;
use super::{Attack, Probe, Step};
use serde_json::{Value, json};
use std::os::unix::fs::symlink;
use std::path::Path;

pub(crate) const RULES: &str = "
restrictions:
  images:
    allow: [\"probe:1\", \"allowed/*\"]
    deny: [\"allowed/not\"]
  mounts:
    allow: [/run/allowed/**]
";

pub(crate) fn attacks() -> Vec<Attack> {
    let mut all = images();
    all.extend(names());
    all.extend(contents());
    all.extend(paths());
    all.extend(other_paths());
    all
}

fn images() -> Vec<Attack> {
    let runs = |name, why, image: &str| {
        Attack::new(name, why)
            .create(with(json!({"Image": image})))
            .works_when(Probe::container_holds("/Image", "@image@"))
    };
    let spec =
        json!({"Name": "@name@", "TaskTemplate": {"ContainerSpec": {"Image": "ubuntu:16.04"}}});
    vec![
        runs("image beyond the list", "plainly", "ubuntu:16.04"),
        runs(
            "image beyond the list by its full name",
            "one image",
            "docker.io/library/ubuntu:16.04",
        ),
        runs("image beyond the list by its id", "an id is a name", "@image@"),
        runs("image beyond the list by a part of its id", "an id is a name", "@image:07@"),
        runs("image beyond the list by another tag", "names are given", "innocent:@name@")
            .setup(Step::query("/images/ubuntu:16.04/tag?repo=innocent&tag=@name@")),
        Attack::new("image beyond the list in a service", "it runs as well")
            .setup(Step::Swarm(true))
            .send(Step::post("/services/create", spec))
            .works_when(Probe::found("/services/@name@")),
        Attack::new("no image where there is a list", "an empty container can be filled")
            .create(json!({"Cmd": ["/x"], "User": "1000"}))
            .works_when(Probe::container(|it| it["Config"]["Image"] == "")),
        Attack::harmless("image of the list", "plainly").create(with(json!({}))),
        Attack::harmless("image of the list by its full name", "one image")
            .create(with(json!({"Image": "docker.io/library/probe:1"}))),
        Attack::harmless("image of the list in a service", "plainly")
            .setup(Step::Swarm(true))
            .send(Step::post(
                "/services/create",
                json!({"Name": "@name@",
                "TaskTemplate": {"ContainerSpec": {"Image": "probe:1"}}}),
            ))
            .works_when(Probe::found("/services/@name@")),
    ]
}

fn names() -> Vec<Attack> {
    let tags = |name, why, from: &str, to: &str| {
        let target: &'static str = format!("/images/{to}:@name@/json").leak();
        Attack::new(name, why)
            .send(Step::query(&format!("/images/{from}/tag?repo={to}&tag=@name@")))
            .works_when(Probe::found(target))
    };
    let pulls = |name, why, query: &str| {
        Attack::new(name, why)
            .send(Step::query(&format!("/images/create?{query}")))
            .works_when(Probe::Answers("registry.example"))
    };
    let digest = "0".repeat(64);
    vec![
        tags(
            "allowed name for an image beyond the list",
            "it would run by it",
            "ubuntu:16.04",
            "allowed/a",
        ),
        tags("allowed name for an image by its id", "it would run by it", "@image@", "allowed/a"),
        tags(
            "name beyond the list for an allowed image",
            "nobody allowed it",
            "probe:1",
            "innocent",
        ),
        tags("denied name for an allowed image", "what is denied wins", "probe:1", "allowed/not"),
        Attack {
            outcome: super::attack::Outcome::Passes,
            ..tags("allowed name for an allowed image", "both are allowed", "probe:1", "allowed/a")
        },
        pulls("pull beyond the list", "plainly", "fromImage=registry.example/a/b&tag=1"),
        pulls("pull of every tag beyond the list", "plainly", "fromImage=registry.example/a/b"),
        pulls(
            "pull beyond the list by a digest",
            "plainly",
            &format!("fromImage=registry.example/a/b&tag=sha256:{digest}"),
        ),
        Attack::new("commit beyond the list", "nobody allowed that name")
            .setup(Step::create(with(json!({}))))
            .send(Step::post("/commit?container=@name@&repo=innocent&tag=@name@", json!({})))
            .works_when(Probe::found("/images/innocent:@name@/json")),
    ]
}

/// An image with one empty layer, as `docker save` writes it.
fn saved(name: &str) -> Vec<u8> {
    const EMPTY_LAYER: &str =
        "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
    let config = json!({"architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [EMPTY_LAYER]}});
    let manifest = json!([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]);
    let files = [
        archive("config.json", config.to_string().as_bytes()),
        archive("layer.tar", &[0; 1024]),
        archive("manifest.json", manifest.to_string().as_bytes()),
    ];
    // Two blocks of zeros end an archive.
    let mut all: Vec<u8> =
        files.iter().flat_map(|file| file[..file.len() - 1024].to_vec()).collect();
    all.extend([0; 1024]);
    all
}

fn contents() -> Vec<Attack> {
    let tar = |target: &str, body| Step::send_as("POST", target, "application/x-tar", body);
    vec![
        Attack::new("import by an allowed name", "an archive can hold anything")
            .send(tar("/images/create?fromSrc=-&repo=allowed/a&tag=@name@", archive("x", b"x")))
            .works_when(Probe::found("/images/allowed/a:@name@/json")),
        Attack::new("commit by an allowed name", "a container can hold anything")
            .setup(Step::create(with(json!({}))))
            .send(Step::post("/commit?container=@name@&repo=allowed/a&tag=@name@", json!({})))
            .works_when(Probe::found("/images/allowed/a:@name@/json")),
        Attack::new("load by an allowed name", "an archive gives any name to any content")
            .send(tar("/images/load?quiet=1", saved("allowed/a:@name@")))
            .works_when(Probe::found("/images/allowed/a:@name@/json")),
        Attack::new("load by a version", "the same by another path")
            .send(tar("/v1.41/images/load", saved("innocent:@name@")))
            .works_when(Probe::found("/images/innocent:@name@/json")),
        Attack::new("build by an allowed name", "a build of nothing can hold anything")
            .send(tar(
                "/build?t=allowed/a:@name@",
                archive("Dockerfile", b"FROM scratch\nCOPY . /\n"),
            ))
            .works_when(Probe::found("/images/allowed/a:@name@/json")),
    ]
}

fn reads(name: &'static str, why: &'static str, fields: Value) -> Attack {
    Attack::new(name, why)
        .run(shell("cat /x/secret /x/forbidden/secret; ls -d /x/.", fields))
        .works_when(Probe::Prints("top secret"))
}

/// A link inside the allowed directory.
fn link(path: &Path, target: &str) {
    symlink(target, Path::new("/run/allowed").join(path.file_name().unwrap())).unwrap();
}

fn paths() -> Vec<Attack> {
    let binds = |name, why, path: &str| reads(name, why, json!({"Binds": [format!("{path}:/x")]}));
    let ordinary = |name, fields| {
        Attack::harmless(name, "no path of the host beyond the list")
            .run(shell("ls -d /x/.", fields))
            .works_when(Probe::Prints("/x/."))
    };
    vec![
        binds("path beyond the list", "plainly", "/run/forbidden"),
        binds("path above the list", "what lies in it comes along", "/run"),
        binds("path out of the list", "paths are cleaned", "/run/allowed/../forbidden"),
        binds("link out of the list", "the kernel follows it", "/run/allowed/@name@")
            .setup(Step::Host(|path| link(path, "/run/forbidden"))),
        binds(
            "link out of the list by a relative path",
            "the kernel follows it",
            "/run/allowed/@name@",
        )
        .setup(Step::Host(|path| link(path, "../forbidden"))),
        binds(
            "link into a process",
            "its text is not where it leads",
            "/run/allowed/@name@/run/forbidden",
        )
        .setup(Step::Host(|path| link(path, "/proc/self/root"))),
        Attack::new("path with a name like an allowed one", "a path is no prefix of letters")
            .create(host(json!({"Binds": ["/run/allowed-not:/x"]})))
            .works_when(Probe::exists()),
        ordinary("path of the list", json!({"Binds": ["/run/allowed:/x"]})),
        ordinary("path below the list", json!({"Binds": ["/run/allowed/made:/x"]})),
        ordinary("volume by its name", json!({"Binds": ["@name@:/x"]})),
        ordinary("mount in memory", json!({"Tmpfs": {"/x": ""}})),
        ordinary(
            "volume as a mount",
            json!({"Mounts": [{"Type": "volume", "Source": "@name@", "Target": "/x"}]}),
        ),
    ]
}

fn other_paths() -> Vec<Attack> {
    let volume = |name, why, options: Value| {
        Attack::new(name, why)
            .send(Step::post("/volumes/create", json!({"Name": "@name@", "DriverOpts": options})))
            .works_when(Probe::found("/volumes/@name@"))
    };
    let nfs =
        |addr: &str| json!({"type": "nfs", "o": format!("addr={addr},rw"), "device": ":/root"});
    vec![
        Attack::new(
            "log driver to the host's own socket",
            "syslog writes there without an address",
        )
        .create(host(json!({"LogConfig": {"Type": "syslog", "Config": {"tag": "a"}}})))
        .works_when(Probe::container_holds("/HostConfig/LogConfig/Type", "syslog")),
        Attack::harmless("log driver to another machine", "no path of the host")
            .create(host(json!({"LogConfig": {"Type": "syslog",
                "Config": {"syslog-address": "udp://127.0.0.1:514"}}})))
            .works_when(Probe::container_holds("/HostConfig/LogConfig/Type", "syslog")),
        volume(
            "volume beyond the list",
            "plainly",
            json!({"type": "none", "o": "bind", "device": "/run/forbidden"}),
        ),
        volume(
            "layer beyond the list",
            "an overlay shows its lower directories",
            json!({"type": "overlay", "o": "lowerdir=/run/allowed:/run/forbidden", "device": "x"}),
        ),
        volume(
            "disk where there is a list",
            "a disk holds the host's files",
            json!({"type": "ext4", "device": "/dev/vda"}),
        ),
        volume(
            "file server on an address of the host",
            "a server may serve its own",
            nfs("172.30.0.1"),
        )
        .setup(Step::Host(|_| {
            let mut add = std::process::Command::new("ip");
            drop(add.args(["address", "add", "172.30.0.1/32", "dev", "lo"]).output().unwrap());
        })),
        Attack {
            outcome: super::attack::Outcome::Passes,
            ..volume("file server of another machine", "its files are its own", nfs("192.0.2.99"))
        },
        Attack::new("device where there is a list", "it is a path of the host")
            .create(host(json!({"Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/y",
                "CgroupPermissions": "rwm"}]}))),
        Attack::new("processes of the host where there is a list", "their roots are paths")
            .create(host(json!({"PidMode": "host"}))),
    ]
}
