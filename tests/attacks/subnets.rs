//! Addresses that are others': a network takes them from the host, or a container gets them.

use super::attack::with;
use super::{Attack, Probe, Step};
use serde_json::{Value, json};
use std::process::Command;

pub(crate) const RULES: &str =
    "restrictions:\n  subnets: [host, public, link-local, 10.66.0.0/16]\n";

fn create(fields: Value) -> Step {
    let mut body = json!({"Name": "@name@"});
    if let (Value::Object(body), Value::Object(fields)) = (&mut body, fields) {
        body.extend(fields);
    }
    Step::post("/networks/create", body)
}

fn config(config: Value) -> Value {
    json!({"IPAM": {"Config": [config]}})
}

fn network(name: &'static str, why: &'static str, fields: Value) -> Attack {
    Attack::new(name, why).send(create(fields)).works_when(Probe::found("/networks/@name@"))
}

fn subnet(name: &'static str, why: &'static str, subnet: &str) -> Attack {
    network(name, why, config(json!({"Subnet": subnet})))
}

/// A route of the host that nothing of Docker's has.
fn route(_: &std::path::Path) {
    let mut ip = Command::new("ip");
    ip.args(["route", "replace", "10.44.0.0/16", "dev", "lo"]);
    assert!(ip.status().unwrap().success());
}

/// A bridge of the host that nothing of Docker's made.
fn bridge(path: &std::path::Path) {
    let mut ip = Command::new("ip");
    ip.args(["link", "add", "name"]).arg(path.file_name().unwrap()).args(["type", "bridge"]);
    // It may be there from the time before.
    drop(ip.output().unwrap());
}

fn routed() -> Vec<Attack> {
    let takes = "the host's own traffic goes to the containers";
    vec![
        subnet("network with a subnet of the Internet", takes, "198.51.100.0/24"),
        subnet("network with half of the Internet", takes, "128.0.0.0/3"),
        subnet("network with a subnet of the metadata service", takes, "169.254.169.0/24"),
        subnet("network with more than private addresses", takes, "192.168.0.0/15"),
        network(
            "network with the address of the metadata service",
            "the gateway's address becomes the host's",
            config(json!({"Subnet": "169.254.169.0/24", "Gateway": "169.254.169.254"})),
        ),
        network(
            "network with a subnet in other keys",
            "keys are matched without case",
            json!({"ipam": {"config": [{"ſubnet": "198.51.101.0/24"}]}}),
        ),
        subnet("network with a forbidden subnet", "plainly", "10.66.1.0/24"),
        // Not all of 10.0.0.0/8: a swarm of another family has its own network there.
        subnet("network with more than a forbidden subnet", "plainly", "10.64.0.0/13"),
        network(
            "network with what is on a bridge of the host",
            "its addresses, and all that is in it",
            json!({"Driver": "bridge", "Options": {"com.docker.network.bridge.name": "@name@"}}),
        )
        .setup(Step::Host(bridge)),
        subnet("network beside a route of the host", takes, "10.44.7.0/24")
            .setup(Step::Host(route)),
        subnet("network around a route of the host", takes, "10.40.0.0/13")
            .setup(Step::Host(route)),
        network(
            "network with a subnet of IPv6",
            takes,
            json!({"EnableIPv6": true, "IPAM": {"Config": [{"Subnet": "2001:db8:7::/64"}]}}),
        ),
        network(
            "configuration of a network with a subnet",
            "another network takes it over",
            json!({"ConfigOnly": true, "IPAM": {"Config": [{"Subnet": "198.51.102.0/24"}]}}),
        ),
        network(
            "network by a configuration that is there",
            "it has the subnet of that one",
            json!({"ConfigFrom": {"Network": "of-@name@"}}),
        )
        .setup(Step::post(
            "/networks/create",
            json!({"Name": "of-@name@", "ConfigOnly": true,
                "IPAM": {"Config": [{"Subnet": "198.51.103.0/24"}]}}),
        )),
        Attack {
            outcome: super::attack::Outcome::Passes,
            ..subnet("network with a private subnet", "it is nobody's", "10.77.5.0/24")
        },
        Attack {
            outcome: super::attack::Outcome::Passes,
            ..network("network without a subnet", "the engine picks one of its own", json!({}))
        },
    ]
}

fn joined() -> Vec<Attack> {
    let there =
        |attack: Attack, subnet: &str| attack.setup(create(config(json!({"Subnet": subnet}))));
    let joins = Probe::holds("/containers/@name@/json", "/NetworkSettings/Networks", "@name@");
    let public = "198.51.110.0/24";
    let connect = json!({"Container": "@name@"});
    let container = || Step::create(with(json!({})));
    let in_network = |endpoint: Value| {
        with(json!({"HostConfig": {"NetworkMode": "@name@"},
            "NetworkingConfig": {"EndpointsConfig": {"@name@": endpoint}}}))
    };
    vec![
        there(Attack::new("container in a network with a forbidden subnet", "it is there"), public)
            .create(with(json!({"HostConfig": {"NetworkMode": "@name@"}})))
            .works_when(joins),
        there(Attack::new("container that is connected to one", "it is there"), public)
            .setup(container())
            .send(Step::post("/networks/@name@/connect", connect.clone()))
            .works_when(Probe::holds(
                "/containers/@name@/json",
                "/NetworkSettings/Networks",
                "@name@",
            )),
        there(Attack::new("container with a link-local address", "it asks for it"), "10.78.0.0/24")
            .create(in_network(json!({"IPAMConfig": {"LinkLocalIPs": ["169.254.169.254"]}})))
            .works_when(Probe::holds(
                "/containers/@name@/json",
                "/NetworkSettings/Networks",
                "169.254.169.254",
            )),
        there(Attack::harmless("container in a private network", "it is nobody's"), "10.79.0.0/24")
            .create(in_network(json!({"IPAMConfig": {"IPv4Address": "10.79.0.9"}})))
            .works_when(Probe::holds(
                "/containers/@name@/json",
                "/NetworkSettings/Networks",
                "10.79.0.9",
            )),
    ]
}

pub(crate) fn attacks() -> Vec<Attack> {
    routed().into_iter().chain(joined()).collect()
}
