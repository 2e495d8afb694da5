//! Plugins of the engine: processes on the host with whatever their own configuration asks for.

use super::images::archive;
use super::{Attack, Probe, Step};
use serde_json::{Value, json};

pub(crate) fn attacks() -> Vec<Attack> {
    let tar = "application/x-tar";
    vec![
        Attack::new("plugin from an archive", "nobody is asked for its privileges")
            .send(Step::send_as("POST", "/plugins/create?name=@name@", tar, plugin()))
            .works_when(Probe::holds("/plugins/@name@/json", "/Config/Mounts", "/run/forbidden")),
        Attack::new("plugin from an archive at an escaped path", "the decoded path is matched")
            .send(Step::send_as("POST", "/v1.41/plugins%2f%63reate?name=@name@", tar, plugin()))
            .works_when(Probe::found("/plugins/@name@/json")),
        Attack::new("plugin's mount set to another", "its settings may be changed")
            .setup(Step::send_as("POST", "/plugins/create?name=@name@", tar, plugin()))
            .send(Step::post("/plugins/@name@/set", json!(["place.source=/root"])))
            .works_when(Probe::holds("/plugins/@name@/json", "/Settings/Mounts", "/root")),
        Attack::new("plugin pulled", "the privileges it asks for are the client's to grant")
            .send(Step::post("/plugins/pull?remote=registry.example/team/plugin:1", json!([])))
            .works_when(Probe::Answers("registry.example")),
        Attack::new("plugin pulled by a form", "a form's fields count where the body is no list")
            .send(Step::post(
                "/plugins/pull?remote=registry.example/team/plugin:1&name=x",
                json!([{"Name": "mount", "Description": "", "Value": ["/"]}]),
            ))
            .works_when(Probe::Answers("registry.example")),
        Attack::new("plugin upgraded", "the new one may ask for more")
            .setup(Step::send_as("POST", "/plugins/create?name=@name@", tar, plugin()))
            .send(Step::post(
                "/plugins/@name@/upgrade?remote=registry.example/team/plugin:1",
                json!([]),
            ))
            .works_when(Probe::Answers("registry.example")),
    ]
}

/// An archive with the configuration and an empty root.
fn plugin() -> Vec<u8> {
    let config = configuration().to_string();
    let mut both = archive("config.json", config.as_bytes());
    both.truncate(both.len() - 1024);
    both.extend(archive("rootfs/run/x", b""));
    both
}

fn configuration() -> Value {
    json!({
        "Entrypoint": ["/x"],
        "Interface": {"Types": ["docker.dummy/1.0"], "Socket": "x.sock"},
        "Network": {"Type": "host"},
        "PidHost": true,
        "Linux": {"AllowAllDevices": true, "Capabilities": ["CAP_SYS_ADMIN"]},
        "Mounts": [{
            "Name": "place", "Source": "/run/forbidden", "Destination": "/x", "Type": "bind",
            "Options": ["rbind", "rw"], "Settable": ["source"],
        }],
    })
}
