//! What the daemon looks for when a container is started: whom a name, or what reads as an identifier,
//! stands for by then.

use super::attack::{host, shell, with};
use super::{Attack, Probe, Step};
use serde_json::{Value, json};
use std::os::unix::fs::symlink;
use std::path::Path;

pub(crate) fn attacks() -> Vec<Attack> {
    let mut all = starts();
    all.extend(names());
    all
}

/// Rules about devices alone.
pub(crate) const DEVICES: &str = "restrictions:\n  devices: [/dev/full]\n";

/// A device's path leads to another device by the time of the start.
pub(crate) fn devices() -> Vec<Attack> {
    let why = "the path of a device is followed at the start";
    let script = "echo x 2>/dev/null >/x || echo it is full";
    let devices =
        json!([{"PathOnHost": "/run/@name@", "PathInContainer": "/x", "CgroupPermissions": "rwm"}]);
    let given = || Step::create(shell(script, json!({"Devices": devices})));
    let starts = |attack: Attack, target: &str| {
        attack
            .setup(Step::Host(|link| symlink("/dev/null", link).unwrap()))
            .setup(given())
            .setup(Step::Host(leads_to_full))
            .send(Step::query(target))
            .works_when(Probe::Prints("it is full"))
    };
    vec![
        starts(Attack::new("start with another device", why), "/containers/@name@/start"),
        starts(Attack::new("restart with another device", why), "/containers/@name@/restart?t=0"),
        Attack::harmless("start with a device that was given beside", "its path is what it was")
            .setup(Step::Host(|link| symlink("/dev/null", link).unwrap()))
            .setup(given())
            .send(Step::start())
            .works_when(Probe::container(|it| it["State"]["StartedAt"] != "0001-01-01T00:00:00Z")),
    ]
}

fn leads_to_full(link: &Path) {
    std::fs::remove_file(link).unwrap();
    symlink("/dev/full", link).unwrap();
}

/// `@name@` has joined `@name@b`, whose identifier the engine keeps. Since then another container has got
/// that as its name.
fn starts() -> Vec<Attack> {
    let exchanged = |attack: Attack, field: &'static str, other: Value| {
        attack
            .setup(Step::post(
                "/containers/create?name=@name@b",
                host(json!({"IpcMode": "shareable"})),
            ))
            .setup(Step::query("/containers/@name@b/start"))
            .setup(Step::create(host(json!({field: "container:@name@b"}))))
            .setup(Step::delete("/containers/@name@b?force=1"))
            .setup(Step::post("/containers/create?name=@name@c", other))
            .setup(Step::query("/containers/@name@c/start"))
            .setup(Step::query("/containers/@name@c/rename?name=@joined@"))
    };
    let why = "what is kept of the other is looked for at the start, as a name too";
    let runs = || Probe::container(|it| it["State"]["Running"] == true);
    let starts = |name, field: &'static str, other: Value| {
        exchanged(Attack::new(name, why), field, host(other)).send(Step::start()).works_when(runs())
    };
    vec![
        starts(
            "start on a network that has become the host's",
            "NetworkMode",
            json!({"NetworkMode": "host"}),
        ),
        starts(
            "start among processes that have become the host's",
            "PidMode",
            json!({"PidMode": "host"}),
        ),
        starts("start in an ipc that has become the host's", "IpcMode", json!({"IpcMode": "host"})),
        exchanged(
            Attack::new("restart on a network that has become the host's", why),
            "NetworkMode",
            host(json!({"NetworkMode": "host"})),
        )
        .send(Step::query("/containers/@name@/restart?t=0"))
        .works_when(runs()),
        exchanged(
            Attack::harmless("start on a network of a successor", "it shares nothing of the host"),
            "NetworkMode",
            host(json!({})),
        )
        .send(Step::start())
        .works_when(runs()),
        Attack::new(
            "start on a network that was nobody's yet",
            "the name is looked for at the start",
        )
        .setup(Step::create(host(json!({"NetworkMode": "container:@name@b"}))))
        .setup(Step::post("/containers/create?name=@name@b", host(json!({"NetworkMode": "host"}))))
        .setup(Step::query("/containers/@name@b/start"))
        .send(Step::start())
        .works_when(runs()),
        Attack::harmless("start of what was joined to the host beside", "it was given so")
            .setup(Step::create(host(json!({"NetworkMode": "host", "PidMode": "host"}))))
            .send(Step::start())
            .works_when(runs()),
    ]
}

/// `@name@` is six hexadecimal digits.
fn names() -> Vec<Attack> {
    let why = "the engine takes it for an identifier as well";
    let spec = json!({"Name": "abcdef@name@", "TaskTemplate": {
        "ContainerSpec": {"Image": "probe:1", "User": "1000"}, "RestartPolicy": {"Condition": "none"}}});
    let named = |name, step: Step, probe: &str| {
        Attack::new(name, why).send(step).works_when(Probe::found(probe))
    };
    let container = || with(json!({}));
    vec![
        named(
            "container named like an identifier",
            Step::post("/containers/create?name=abcdef@name@", container()),
            "/containers/abcdef@name@/json",
        ),
        named(
            "container named like an identifier with a slash",
            Step::post("/containers/create?%6eame=%2Fabcdef@name@", container()),
            "/containers/abcdef@name@/json",
        ),
        named(
            "container renamed like an identifier",
            Step::query("/containers/@name@/rename?name=abcdef@name@"),
            "/containers/abcdef@name@/json",
        )
        .setup(Step::create(container())),
        named(
            "network named like an identifier",
            Step::post("/networks/create", json!({"Name": "abcdef@name@"})),
            "/networks/abcdef@name@",
        ),
        named(
            "volume named like an identifier",
            Step::post("/volumes/create", json!({"name": "abcdef@name@"})),
            "/volumes/abcdef@name@",
        ),
        named(
            "service named like an identifier",
            Step::post("/services/create", spec),
            "/services/abcdef@name@",
        )
        .setup(Step::Swarm(true)),
        named(
            "secret named like an identifier",
            Step::post("/secrets/create", json!({"Name": "abcdef@name@", "Data": "eA=="})),
            "/secrets/abcdef@name@",
        )
        .setup(Step::Swarm(true)),
        named(
            "config named like an identifier",
            Step::post("/configs/create", json!({"Name": "abcdef@name@", "Data": "eA=="})),
            "/configs/abcdef@name@",
        )
        .setup(Step::Swarm(true)),
        Attack::harmless("container renamed", "plainly")
            .setup(Step::create(container()))
            .send(Step::query("/containers/@name@/rename?name=abcdef_@name@"))
            .works_when(Probe::found("/containers/abcdef_@name@/json")),
        Attack::harmless("volume without a name, and its use", "the engine gives it an identifier")
            .setup(Step::post("/volumes/create", json!({"Name": "abcdef@name@"})))
            .create(host(json!({"Binds": ["abcdef@name@:/x"]})))
            .works_when(Probe::exists()),
    ]
}
