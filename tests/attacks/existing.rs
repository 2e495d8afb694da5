//! What exists already and is only named: other containers, whose namespaces, mounts, user and
//! privileges can be had from them, and what a service was before.

use super::attack::{host, shell, with};
use super::{Attack, Probe, Step};
use serde_json::{Value, json};

pub(crate) fn attacks() -> Vec<Attack> {
    let mut all = joins();
    all.extend(mounts());
    all.extend(execs());
    all.extend(links());
    all.extend(services());
    all
}

/// Another container, which somebody made and started beside SecDocker.
fn other(body: Value) -> [Step; 2] {
    [Step::post("/containers/create?name=@name@b", body), Step::query("/containers/@name@b/start")]
}

fn beside(attack: Attack, body: Value) -> Attack {
    other(body).into_iter().fold(attack, Attack::setup)
}

fn joins() -> Vec<Attack> {
    let on_host = || host(json!({"NetworkMode": "host", "PidMode": "host", "IpcMode": "host"}));
    let joins = |name, field: &'static str| {
        let attack = Attack::new(name, "what it shares is shared on")
            .create(host(json!({field: "container:@name@b"})));
        beside(attack, on_host())
    };
    vec![
        joins("container joined on the host's network", "NetworkMode"),
        joins("container joined among the host's processes", "PidMode"),
        joins("container joined in the host's ipc", "IpcMode"),
        beside(
            Attack::new("container joined through one more", "what it shares is shared on"),
            on_host(),
        )
        .setup(Step::post(
            "/containers/create?name=@name@c",
            host(json!({"PidMode": "container:@name@b"})),
        ))
        .create(host(json!({"PidMode": "container:@name@c"}))),
        Attack::new("container joined before it is there", "the name is looked for at the start")
            .create(host(json!({"NetworkMode": "container:@name@b"}))),
        beside(
            Attack::harmless("container joined that shares nothing", "plainly"),
            host(json!({"IpcMode": "shareable"})),
        )
        .create(host(json!({"NetworkMode": "container:@name@b", "IpcMode": "container:@name@b"})))
        .works_when(Probe::exists()),
    ]
}

fn mounts() -> Vec<Attack> {
    let reads = |name, from: &str| {
        Attack::new(name, "its mounts come along")
            .run(shell("cat /x/secret", json!({"VolumesFrom": [from]})))
            .works_when(Probe::Prints("top secret"))
    };
    let bind = || host(json!({"Binds": ["/run/forbidden:/x"]}));
    let options = json!({"type": "none", "o": "bind", "device": "/run/forbidden"});
    vec![
        beside(reads("mounts of another container", "@name@b"), bind()),
        beside(reads("mounts of another container, to be read", "@name@b:ro"), bind()),
        beside(reads("mounts of another container by its path", "/@name@b"), bind()),
        beside(
            reads("mounts of another container with a volume", "@name@b").setup(Step::post(
                "/volumes/create",
                json!({"Name": "@name@", "DriverOpts": options}),
            )),
            host(json!({"Binds": ["@name@:/x"]})),
        ),
        beside(reads("mounts of another container handed on", "@name@c"), bind()).setup(
            Step::post(
                "/containers/create?name=@name@c",
                host(json!({"VolumesFrom": ["@name@b"]})),
            ),
        ),
        beside(
            Attack::harmless("mounts of another container that are allowed", "plainly"),
            host(json!({"Binds": ["/run/allowed:/x", "@name@:/y"]})),
        )
        .create(host(json!({"VolumesFrom": ["@name@b"]})))
        .works_when(Probe::exists()),
        Attack::harmless("volume that is already there and plain", "plainly")
            .setup(Step::post("/volumes/create", json!({"Name": "@name@"})))
            .create(host(json!({"Binds": ["@name@:/x"]})))
            .works_when(Probe::exists()),
    ]
}

fn execs() -> Vec<Attack> {
    let exec = |attack: Attack, container: Value| {
        beside(attack, container)
            .send(Step::post("/containers/@name@b/exec", json!({"Cmd": ["id"]})))
            .works_when(Probe::state("/containers/@name@b/json", |it| it["ExecIDs"].is_array()))
    };
    vec![
        exec(
            Attack::new("exec as nobody in a container of root", "the container's user counts"),
            with(json!({"User": "0"})),
        ),
        exec(
            Attack::new("exec as nobody in a container of no user", "the image's user counts"),
            with(json!({"User": ""})),
        ),
        exec(
            Attack::new("exec in a privileged container", "its privileges come along"),
            host(json!({"Privileged": true})),
        ),
        exec(Attack::harmless("exec as nobody in particular", "plainly"), with(json!({}))),
    ]
}

fn links() -> Vec<Attack> {
    let links = |name, link: &str| {
        let attack = Attack::new(name, "a link sets variables named after its alias")
            .run(with(json!({"Cmd": ["env"], "HostConfig": {"Links": [link]}})))
            .works_when(Probe::Prints("SECRET_ENV_X=1"));
        beside(attack, with(json!({"Env": ["X=1"], "ExposedPorts": {"80/tcp": {}}})))
    };
    vec![
        links("link that sets a variable", "@name@b:secret"),
        links("link in the engine's own form", "/@name@b:/other/secret"),
    ]
}

fn services() -> Vec<Attack> {
    let spec = |image: &str, networks: Value| {
        json!({"Name": "@name@", "TaskTemplate": {
            "ContainerSpec": {"Image": image, "Command": ["sleep", "60"], "User": "1000"},
            "Networks": networks, "RestartPolicy": {"Condition": "none"}}})
    };
    let create = |attack: Attack, spec: Value| {
        attack
            .setup(Step::Swarm(true))
            .send(Step::post("/services/create", spec))
            .works_when(Probe::found("/services/@name@"))
    };
    vec![
        create(
            Attack::new("service of an image with a variable", "the image sets it"),
            spec("innocent:@name@", json!([])),
        )
        .setup(Step::create(with(json!({}))))
        .setup(Step::post(
            "/commit?container=@name@&repo=innocent&tag=@name@",
            json!({"Env": ["USER=0"]}),
        )),
        create(
            Attack::harmless("service on a network of its own", "plainly"),
            spec("probe:1", json!([{"Target": "abcdef"}])),
        )
        .setup(Step::Swarm(true))
        .setup(Step::post("/networks/create", json!({"Name": "abcdef", "Driver": "overlay"}))),
    ]
}
