//! What a request reaches through a container that somebody made beside SecDocker: its mounts,
//! namespaces, privileges and user, by every operation that works within it.

use super::attack::{host, with};
use super::{Attack, Probe, Step};
use serde_json::{Value, json};
use std::path::Path;

pub(crate) fn attacks() -> Vec<Attack> {
    let mut all = execs();
    all.extend(inputs());
    all.extend(files());
    all.extend(outputs());
    all
}

/// `@name@b`, which runs and was made straight at the engine.
fn beside(attack: Attack, body: Value) -> Attack {
    attack
        .setup(Step::post("/containers/create?name=@name@b", body))
        .setup(Step::query("/containers/@name@b/start"))
}

fn bind() -> Value {
    host(json!({"Binds": ["/run/forbidden:/x"]}))
}

fn execs() -> Vec<Attack> {
    let exec = |name, body: Value| {
        beside(Attack::new(name, "a command has what its container has"), body)
            .send(Step::post("/containers/@name@b/exec", json!({"Cmd": ["id"]})))
            .works_when(has_exec())
    };
    let options = json!({"type": "none", "o": "bind", "device": "/run/forbidden"});
    let volume = Step::post("/volumes/create", json!({"Name": "@name@", "DriverOpts": options}));
    let mut all: Vec<Attack> = [
        ("exec beside a forbidden mount", bind()),
        ("exec beside a forbidden mount below", host(json!({"Binds": ["/run:/x"]}))),
        (
            "exec beside a mount of the engine's socket",
            host(json!({
            "Mounts": [{"Type": "bind", "Source": "/var/run", "Target": "/x"}]})),
        ),
        ("exec on the host's network", host(json!({"NetworkMode": "host"}))),
        ("exec among the host's processes", host(json!({"PidMode": "host"}))),
        ("exec in the host's ipc", host(json!({"IpcMode": "host"}))),
        ("exec under the host's name", host(json!({"UTSMode": "host"}))),
        ("exec with a capability", host(json!({"CapAdd": ["SYS_ADMIN"]}))),
        ("exec with all capabilities", host(json!({"CapAdd": ["ALL"]}))),
        ("exec without a filter", host(json!({"SecurityOpt": ["seccomp=unconfined"]}))),
        ("exec with the kernel's settings", host(json!({"MaskedPaths": [], "ReadonlyPaths": []}))),
        ("exec with every device", host(json!({"DeviceCgroupRules": ["a *:* rwm"]}))),
    ]
    .into_iter()
    .map(|(name, body)| exec(name, body))
    .collect();
    all.extend([
        exec("exec beside a volume of a forbidden path", host(json!({"Binds": ["@name@:/x"]})))
            .setup_first(volume),
        beside(
            Attack::harmless("exec in what is allowed", "it could be asked for itself"),
            host(json!({"Binds": ["/run/allowed:/x", "@name@:/y"], "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"], "IpcMode": "shareable"})),
        )
        .send(Step::post("/containers/@name@b/exec", json!({"Cmd": ["id"]})))
        .works_when(has_exec()),
        beside(
            Attack::harmless("exec in what has joined another", "whom it has joined is judged"),
            host(json!({})),
        )
        .setup(Step::create(host(json!({"NetworkMode": "container:@name@b"}))))
        .setup(Step::start())
        .send(Step::post("/containers/@name@/exec", json!({"Cmd": ["id"]})))
        .works_when(Probe::container(|it| it["ExecIDs"].is_array())),
    ]);
    all
}

fn has_exec() -> Probe {
    Probe::state("/containers/@name@b/json", |it| it["ExecIDs"].is_array())
}

/// Attaches to a shell: whoever does works in its container.
fn attaches(attack: Attack, query: &str, fields: Value) -> Attack {
    let mut body = with(json!({"Cmd": ["sh"], "OpenStdin": true}));
    body["HostConfig"] = fields;
    let head = format!(
        "POST /v1.41/containers/@name@b/attach?{query} HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\n\
         Connection: Upgrade\r\n\r\n"
    );
    beside(attack, body)
        .send(Step::Bytes(vec![head.into_bytes()]))
        .works_when(Probe::Answers(" 101 "))
}

fn inputs() -> Vec<Attack> {
    let types = |name, query: &str| {
        let fields = json!({"Binds": ["/run/forbidden:/x"]});
        attaches(Attack::new(name, "whoever types into a shell works in it"), query, fields)
    };
    let handshake = "GET /v1.41/containers/@name@b/attach/ws?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\n\
                     Upgrade: websocket\r\nConnection: Upgrade\r\nOrigin: http://d\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    vec![
        types("input beside a forbidden mount", "stream=1&stdin=1&stdout=1"),
        types("input by another word for true", "stream=1&stdin=on&stdout=1"),
        beside(Attack::new("input by a web socket", "it takes input unasked"), bind())
            .send(Step::Bytes(vec![handshake.into()]))
            .works_when(Probe::Answers(" 101 ")),
        attaches(
            Attack::harmless("input to what is allowed", "it could be asked for itself"),
            "stream=1&stdin=1&stdout=1",
            json!({"Binds": ["/run/allowed:/x"]}),
        ),
    ]
}

fn files() -> Vec<Attack> {
    let why = "files are reached through all that is mounted";
    let read = |attack: Attack, target: &str| {
        attack.send(Step::get(target)).works_when(Probe::Answers("top secret"))
    };
    let of_other = "/containers/@name@b/archive?path=/x/secret";
    vec![
        read(beside(Attack::new("copy out of a forbidden mount", why), bind()), of_other),
        read(
            beside(Attack::new("copy out of what holds a forbidden mount", why), bind()),
            "/v1.24/containers/@name@b/archive?path=/x/../x/",
        ),
        beside(Attack::new("copy into a forbidden mount", why), bind())
            .send(Step::send_as(
                "PUT",
                "/containers/@name@b/archive?path=/x",
                "application/x-tar",
                vec![0; 1024],
            ))
            .works_when(Probe::Answers(" 200 OK")),
        beside(Attack::new("copy out the old way", "20.10 serves it below v1.24"), bind())
            .send(Step::post("/v1.20/containers/@name@b/copy", json!({"Resource": "/x/secret"})))
            .works_when(Probe::Answers("top secret"))
            .until(25),
        read(
            Attack::new(
                "copy out of a container that never ran",
                "its paths are mounted anew to copy from them",
            )
            .setup(Step::Host(|path| std::fs::create_dir(path).unwrap()))
            .setup(Step::create(host(json!({"Binds": ["/run/@name@:/x"]}))))
            .setup(Step::Host(leads_to_forbidden)),
            "/containers/@name@/archive?path=/x/secret",
        ),
        beside(
            Attack::harmless("copy out of what is allowed", "plainly"),
            host(json!({"Binds": ["/run/allowed:/x", "@name@:/y"]})),
        )
        .send(Step::get("/containers/@name@b/archive?path=/etc/hostname"))
        .works_when(Probe::Answers("hostname")),
    ]
}

fn leads_to_forbidden(path: &Path) {
    std::fs::remove_dir(path).unwrap();
    std::os::unix::fs::symlink("/run/forbidden", path).unwrap();
}

/// What only shows output, or the container's own files, gives nothing of what it has mounted.
fn outputs() -> Vec<Attack> {
    let says = || {
        let mut body = with(json!({"Cmd": ["sh", "-c", "echo he'l'lo; sleep 60"]}));
        body["HostConfig"] = json!({"Binds": ["/run/forbidden:/x"], "PidMode": "host"});
        body
    };
    let passes = |name, target: &str, text| {
        beside(Attack::harmless(name, "it gives output alone"), says())
            .send(Step::get(target))
            .works_when(Probe::Answers(text))
    };
    vec![
        passes("logs of what is forbidden", "/containers/@name@b/logs?stdout=1", "hello"),
        passes("list of processes of what is forbidden", "/containers/@name@b/top", "sleep"),
        beside(Attack::harmless("output of what is forbidden", "it is its log"), says())
            .send(Step::Bytes(vec![
                b"POST /containers/@name@b/attach?logs=1&stream=1&stdout=1&stdin=0 HTTP/1.1\r\n\
                  Host: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n"
                    .to_vec(),
            ]))
            .works_when(Probe::Answers("hello")),
    ]
}
