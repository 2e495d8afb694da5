//! `POST /networks/create` and `/networks/{id}/connect`.
//!
//! A network gives a container addresses and interfaces of its own. `macvlan` and `ipvlan` put it
//! beside the host on the wire of `parent`, with the host's own address if it likes; a bridge by its
//! name may be one that exists and has an interface of the host in it. Both are an effect on the
//! host's network. The parent counts whatever the driver: a network made of a configuration
//! (`ConfigFrom`) names the driver, and the configuration the parent. Without a parent the daemon
//! makes an interface that leads nowhere.
//!
//! What a network has of addresses becomes routes of the host, and is read by `engine/subnets`.
//!
//! Other options of `bridge` let packets through to the container's own ports, or say at which of the
//! host's addresses published ports are open. No rule is about that. But the name of a driver that is
//! not built in is a path: the daemon talks to a socket of that name, which could be a container's
//! own.
//!
//! To connect a container that is there gives it one more interface, for which 29 sets kernel
//! parameters. The host's own network the daemon refuses there (seen on 20.10).

use crate::docker::json::Object;
use crate::docker::routes::name_between;
use crate::docker::schema::{NETWORK_CONNECT, NETWORK_CREATE};
use crate::effects::collect::{BodyError, Effects};
use crate::effects::names;
use crate::effects::subnets;
use crate::effects::volume_options::check_driver;
use crate::http::target::Target;
use crate::policy::Inspected;
use crate::policy::effects::{FieldPath, NetworkEffect};

/// Reads the body; what is refused of it is refused whatever the rules.
pub(super) fn read(body: &[u8]) -> Result<Inspected<Object>, BodyError> {
    let mut effects = Effects::default();
    let fields = effects.fields(body, &NETWORK_CREATE)?;
    names::push("network", &fields, &mut effects);
    let ipam = fields.object("IPAM").and_then(|ipam| ipam.text("Driver"));
    check_driver(fields.text("Driver"), "Driver")?;
    check_driver(ipam, "IPAM.Driver")?;
    subnets::of_network(&fields, &mut effects)?;
    for (option, at) in INTERFACES {
        let name = fields.object("Options").and_then(|options| options.text(option));
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            effects.push(NetworkEffect::HostInterface(name.to_owned()), FieldPath::Field(at));
            if option == BRIDGE {
                effects.push(NetworkEffect::HostBridge(name.to_owned()), FieldPath::Field(at));
            }
        }
    }
    Ok(Inspected::new(fields, effects.into_asked()))
}

/// Reads the body of `POST /networks/{id}/connect`.
pub(super) fn read_connect(
    target: &Target<'_>,
    body: &[u8],
) -> Result<Inspected<Object>, BodyError> {
    let mut effects = Effects::default();
    let fields = effects.fields(body, &NETWORK_CONNECT)?;
    let network = name_between(target.path(), "/networks/", "/connect");
    subnets::joined(network, FieldPath::Field("the network"), &mut effects);
    if let Some(endpoint) = fields.object("EndpointConfig") {
        effects.push_endpoint_sysctls("EndpointConfig.DriverOpts", endpoint);
        subnets::of_endpoint("EndpointConfig", endpoint, &mut effects)?;
    }
    Ok(Inspected::new(fields, effects.into_asked()))
}

/// The options that name an interface of the host.
const INTERFACES: [(&str, &str); 2] =
    [("parent", "Options[parent]"), (BRIDGE, "Options[com.docker.network.bridge.name]")];

const BRIDGE: &str = "com.docker.network.bridge.name";

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::http::target;
    use crate::policy::effects::Effect;

    fn connect(body: &str) -> Result<Inspected<Object>, BodyError> {
        read_connect(&target::parse("/v1.41/networks/bridge/connect").unwrap(), body.as_bytes())
    }

    #[test]
    fn drivers_are_names() {
        for body in [
            r#"{"Name":"a","Driver":"../../../tmp/evil"}"#,
            r#"{"Name":"a","driver":"a/../../evil"}"#,
            r#"{"Name":"a","Driver":"/tmp/evil"}"#,
            r#"{"Name":"a","Driver":"./evil"}"#,
            r#"{"Name":"a","Driver":"a//evil"}"#,
            r#"{"Name":"a","IPAM":{"driver":"../evil"}}"#,
        ] {
            assert!(read(body.as_bytes()).unwrap_err().to_string().contains("path"), "{body}");
        }
        for body in [
            r#"{"Name":"a"}"#,
            r#"{"Name":"a","Driver":"bridge","IPAM":null}"#,
            r#"{"Name":"a","Driver":"team/driver:latest","IPAM":{"Driver":"default"}}"#,
            r#"{"Name":"../a","Driver":"macvlan","Options":{"parent":""}}"#,
            r#"{"Name":"a","Driver":"","Options":{"com.docker.network.bridge.enable_icc":"false"}}"#,
        ] {
            assert!(read(body.as_bytes()).unwrap().effects().is_empty(), "{body}");
        }
        for body in ["", "[]", r#"{"Driver":1}"#, r#"{"Driver":"a","driver":"b"}"#] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn kernel_parameters_of_an_endpoint() {
        let options = r#"{"com.docker.network.endpoint.sysctls":"net.ipv4.conf.IFNAME.forwarding=1, net/core/x=2"}"#;
        for key in ["EndpointConfig", "endpointconfig"] {
            let body = format!(r#"{{"Container":"a","{key}":{{"DriverOpts":{options}}}}}"#);
            let read = connect(&body).unwrap();
            let told: Vec<_> = read.effects().iter().map(|it| format!("{:?}", it.effect)).collect();
            assert_eq!(
                told,
                [r#"Sysctl("net.ipv4.conf.IFNAME.forwarding")"#, r#"Sysctl("net.core.x")"#]
            );
        }
        let usual = r#"{"Container":"a","EndpointConfig":{"Links":["b:c"],"Aliases":null}}"#;
        for body in [usual, r#"{"Container":"a"}"#, r#"{"EndpointConfig":null}"#] {
            assert!(connect(body).unwrap().effects().is_empty(), "{body}");
        }
        for body in ["", "[]", r#"{"EndpointConfig":1}"#, r#"{"Container":"a","container":"b"}"#] {
            assert!(connect(body).is_err(), "{body}");
        }
    }

    #[test]
    fn interfaces_of_the_host() {
        for (body, at) in [
            (r#"{"Driver":"macvlan","Options":{"parent":"eth0"}}"#, "Options[parent]"),
            (r#"{"Driver":"ipvlan","option\u017f":{"parent":"eth0"}}"#, "Options[parent]"),
            (r#"{"ConfigOnly":true,"Options":{"parent":"eth0"}}"#, "Options[parent]"),
            (
                r#"{"Options":{"com.docker.network.bridge.name":"br0"}}"#,
                "Options[com.docker.network.bridge.name]",
            ),
        ] {
            let read = read(body.as_bytes()).unwrap();
            let asked: Vec<_> = read.effects().iter().map(|asked| asked.at.to_string()).collect();
            let is_bridge = at.contains("bridge");
            assert_eq!(asked, vec![at; 1 + usize::from(is_bridge)], "{body}");
            let bridge = Effect::Network(NetworkEffect::HostBridge("br0".to_owned()));
            let effects = read.effects().iter().map(|asked| &asked.effect);
            assert_eq!(effects.filter(|effect| **effect == bridge).count() == 1, is_bridge);
        }
    }
}
