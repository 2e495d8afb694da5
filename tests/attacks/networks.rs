//! Where the network of the host may not be shared: networks on its interfaces.

use super::{Attack, Probe, Step};
use serde_json::{Value, json};

pub(crate) const RULES: &str = "restrictions:\n  namespaces: [network]\n";

pub(crate) fn attacks() -> Vec<Attack> {
    let create = |fields: Value| Step::post("/networks/create", fields);
    let on = |name, why, fields: Value| {
        Attack::new(name, why).send(create(fields)).works_when(Probe::found("/networks/@name@"))
    };
    let parent = json!({"parent": "docker0"});
    vec![
        on(
            "network on a device of the host",
            "its containers are neighbours of the host",
            json!({"Name": "@name@", "Driver": "macvlan", "Options": parent}),
        ),
        on(
            "network on a device of the host by ipvlan",
            "its containers have the host's address",
            json!({"Name": "@name@", "Driver": "ipvlan", "options": parent}),
        ),
        on(
            "network on a bridge of the host",
            "its containers are neighbours of the host",
            json!({"Name": "@name@", "Driver": "bridge", "Options":
                {"com.docker.network.bridge.name": "br-@name@"}}),
        ),
        on(
            "configuration of a network on a device",
            "another network takes it over",
            json!({"Name": "@name@", "ConfigOnly": true, "Options": parent}),
        ),
        Attack::harmless("network on no device", "its containers are alone")
            .send(create(json!({"Name": "@name@", "Driver": "bridge", "Internal": true})))
            .works_when(Probe::found("/networks/@name@")),
    ]
}
