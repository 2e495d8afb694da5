//! Where the network of the host may not be shared, nor its kernel parameters set: networks on its
//! interfaces, and joining networks.

use super::attack::with;
use super::{Attack, Probe, Step};
use serde_json::{Value, json};

pub(crate) const RULES: &str = "restrictions:\n  namespaces: [network]\n  sysctls: [\"net.*\"]\n";

/// A container that is there joins another network.
fn connects(network: &str, endpoint: Value) -> Step {
    let body = json!({"Container": "@name@", "EndpointConfig": endpoint});
    Step::post(&format!("/networks/{network}/connect"), body)
}

fn joining() -> Vec<Attack> {
    let there = |attack: Attack| attack.setup(Step::create(with(json!({}))));
    let own = || Step::post("/networks/create", json!({"Name": "@name@"}));
    let forwards = "net.ipv4.conf.IFNAME.forwarding=1";
    vec![
        there(Attack::new("sysctl of an endpoint that is added", "29 sets it in the container"))
            .setup(own())
            .send(connects(
                "@name@",
                json!({"DriverOpts": {"com.docker.network.endpoint.sysctls": forwards}}),
            ))
            .works_when(Probe::holds(
                "/containers/@name@/json",
                "/NetworkSettings/Networks",
                "endpoint.sysctls",
            )),
        there(Attack::harmless("network of its own that is joined", "an interface of its own"))
            .setup(own())
            .send(connects("@name@", json!({"Aliases": ["a"]})))
            .works_when(Probe::holds(
                "/containers/@name@/json",
                "/NetworkSettings/Networks",
                "@name@",
            )),
        // No attack: nothing has to be refused here.
        there(Attack::harmless("network of the host that is joined", "the engine refuses it"))
            .send(connects("host", Value::Null))
            .works_when(Probe::Answers("to host network")),
        there(Attack::harmless("network of the host joined by its id", "the engine refuses it"))
            .send(connects("@host-network@", json!({})))
            .works_when(Probe::Answers("to host network")),
    ]
}

pub(crate) fn attacks() -> Vec<Attack> {
    let create = |fields: Value| Step::post("/networks/create", fields);
    let on = |name, why, fields: Value| {
        Attack::new(name, why).send(create(fields)).works_when(Probe::found("/networks/@name@"))
    };
    let parent = json!({"parent": "docker0"});
    let mut all = joining();
    all.extend([
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
    ]);
    all
}
