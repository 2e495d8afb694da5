//! The way past SecDocker: the daemon's own socket, and the groups that may open it.

use super::attack::{host, shell, with};
use super::{Attack, Probe, Step};
use serde_json::{Value, json};
use std::path::Path;

/// No rule is about mounts. The group is looked up at no host: by name it is nobody's number here.
pub(crate) const RULES: &str =
    "restrictions:\n  ports: [22]\n  users: [root]\n  groups: [\"950-999\", tape]\n";

pub(crate) fn attacks() -> Vec<Attack> {
    let mut all = mounts();
    all.extend(volumes());
    all.extend(groups());
    all.extend(ordinary());
    all
}

/// Shows every engine's socket below `/s`.
const FINDS: &str = "for s in /s /s/*.sock /s/*/*.sock; do [ -S $s ] && echo found it; done";

fn mounts() -> Vec<Attack> {
    let binds = |name, why, bind: &str| {
        Attack::new(name, why)
            .run(shell(FINDS, json!({"Binds": [bind]})))
            .works_when(Probe::Prints("found it"))
    };
    vec![
        binds("directory of the daemon's socket", "it holds the way out", "/run:/s:ro"),
        binds("link to the directory of the daemon's socket", "the engine follows", "/var/run:/s"),
        binds("root, for the daemon's socket", "it holds the way out", "/:/r")
            .then(Step::query("/containers/@name@/stop?t=0"))
            .works_when(Probe::container_holds("/HostConfig/Binds", "/:/r")),
        binds("link of a client to the daemon's socket", "the engine follows", "/run/@name@:/s")
            .setup(Step::Host(link_to_run)),
        binds(
            "second mount of what holds the daemon's socket",
            "one file system",
            "/run/@name@:/s",
        )
        .setup(Step::Host(mount_run)),
        Attack::new("daemon's socket by a mount", "the same in another field")
            .run(shell(
                FINDS,
                json!({"Mounts": [{"Type": "bind", "Source": "/run/../run/", "Target": "/s"}]}),
            ))
            .works_when(Probe::Prints("found it")),
    ]
}

fn link_to_run(link: &Path) {
    std::os::unix::fs::symlink("/run", link).unwrap();
}

fn mount_run(at: &Path) {
    std::fs::create_dir(at).unwrap();
    let mut mount = std::process::Command::new("mount");
    assert!(mount.args(["--bind", "/run"]).arg(at).status().unwrap().success());
}

fn volumes() -> Vec<Attack> {
    let bind = json!({"Name": "@name@", "Driver": "local",
        "DriverOpts": {"type": "none", "o": "bind", "device": "/run"}});
    vec![
        Attack::new("volume of the directory of the daemon's socket", "a bind in all but name")
            .send(Step::post("/volumes/create", bind.clone()))
            .works_when(Probe::found("/volumes/@name@")),
        Attack::new("volume of before with the daemon's socket", "it is looked at by name")
            .setup(Step::post("/volumes/create", bind))
            .run(shell(FINDS, json!({"Binds": ["@name@:/s"]})))
            .works_when(Probe::Prints("found it")),
        Attack::new("mounts of a container with the daemon's socket", "they come along")
            .setup(Step::post(
                "/containers/create?name=@name@b",
                host(json!({"Binds": ["/run:/s"]})),
            ))
            .run(shell(FINDS, json!({"VolumesFrom": ["@name@b"]})))
            .works_when(Probe::Prints("found it")),
        Attack::new("directory that became the daemon's at a restart", "links are followed anew")
            .setup(Step::Host(|at| std::fs::create_dir(at).unwrap()))
            .setup(Step::create(shell(FINDS, json!({"Binds": ["/run/@name@:/s"]}))))
            .setup(Step::Host(|at| {
                std::fs::remove_dir(at).unwrap();
                link_to_run(at);
            }))
            .send(Step::start())
            .works_when(Probe::Prints("found it")),
    ]
}

fn groups() -> Vec<Attack> {
    let adds = |name, why, group: &'static str| {
        Attack::new(name, why)
            .create(host(json!({"GroupAdd": [group]})))
            .works_when(Probe::container_holds("/HostConfig/GroupAdd", group))
    };
    let runs = |name, why, user: &'static str| {
        Attack::new(name, why)
            .create(with(json!({"User": user})))
            .works_when(Probe::container_holds("/Config/User", user))
    };
    let service = |groups: Value, user: &str| {
        json!({"Name": "@name@", "TaskTemplate": {"ContainerSpec":
            {"Image": "probe:1", "User": user, "Groups": groups}}})
    };
    vec![
        adds("group of the socket", "its number opens it", "999"),
        adds("group of the socket with a zero before it", "it is a number", "0999"),
        adds("group of the socket with a sign", "it is a number", "+999"),
        adds("group by its name", "the image says which", "tape"),
        adds("group of root", "it opens what is root's", "0"),
        adds("group of root by its name", "it opens what is root's", "root"),
        runs("user of the socket's group", "the second part is one", "1000:999"),
        runs("user of root's group", "the second part is one", "1000:0"),
        runs("user of root's group by name", "the second part is one", "1000:root"),
        Attack::new("exec with the group of the socket", "each command has its own")
            .setup(Step::create(with(json!({}))))
            .setup(Step::start())
            .send(Step::post("/containers/@name@/exec", json!({"Cmd": ["id"], "User": "7:999"})))
            .works_when(Probe::Answers("\"Id\"")),
        Attack::new("service with the group of the socket", "the same effect")
            .setup(Step::Swarm(true))
            .send(Step::post("/services/create", service(json!(["999"]), "1000:1000")))
            .works_when(Probe::found("/services/@name@")),
        Attack::new("service as a user of root's group", "the same effect")
            .setup(Step::Swarm(true))
            .send(Step::post("/services/create", service(json!([]), "1000:0")))
            .works_when(Probe::found("/services/@name@")),
    ]
}

fn ordinary() -> Vec<Attack> {
    let passes = |name, fields| {
        Attack::harmless(name, "the neighbour of what is forbidden").create(with(fields))
    };
    vec![
        passes(
            "directory beside the daemon's socket",
            json!({"HostConfig": {"Binds": ["/run/allowed:/s"]}}),
        ),
        passes("group that no rule names", json!({"HostConfig": {"GroupAdd": ["1000"]}})),
        passes("user with a group that no rule names", json!({"User": "1000:1000"})),
    ]
}
