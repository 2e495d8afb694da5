//! Addresses in a request: those that a network is made of, and those that a container gets.

use crate::docker::json::Object;
use crate::effects::collect::{BodyError, Effects, objects, texts};
use crate::policy::effects::{FieldPath, NetworkEffect};
use crate::policy::subnets::{Subnet, SubnetUse};

const CONFIG: &str = "IPAM.Config";
const AUXILIARY: &str = "IPAM.Config.AuxiliaryAddresses";

/// The address managers of the daemon itself: of these the second has no addresses at all.
const OWN_MANAGERS: [&str; 3] = ["", "default", "null"];

/// Options of a bridge with an address in them: what leaves its containers has it as its source. The
/// address at which ports are published by default (`host_binding_ipv4`) is the host's by its nature;
/// the modes of the gateway (`routed`, `nat-unprotected`) and `inhibit_ipv4` carry none, and take no
/// route of the host beyond that to the subnet.
const SOURCES: [(&str, &str); 2] = [
    ("com.docker.network.host_ipv4", "Options[com.docker.network.host_ipv4]"),
    ("com.docker.network.host_ipv6", "Options[com.docker.network.host_ipv6]"),
];

/// The networks of the daemon itself, by the names that `NetworkMode` has for them. What they have
/// their operator gave them.
const PREDEFINED: [&str; 5] = ["", "default", "bridge", "none", "host"];

/// What `POST /networks/create` makes a network of.
pub(super) fn of_network(fields: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    let nothing = Object::default();
    let ipam = fields.object("IPAM").unwrap_or(&nothing);
    for (at, config) in objects(ipam, "Config") {
        configuration(at, config, effects)?;
    }
    let manager = ipam.text("Driver").unwrap_or_default();
    if !OWN_MANAGERS.contains(&manager) {
        let at = FieldPath::Field("IPAM.Driver");
        effects.push(NetworkEffect::SubnetDriver(manager.to_owned()), at);
    }
    let options = fields.object("Options").unwrap_or(&nothing);
    for (option, at) in SOURCES {
        let address = options.text(option).unwrap_or_default();
        push(address, SubnetUse::Given, FieldPath::Field(at), effects)?;
    }
    // Its configuration is a network of its own, which takes no route by itself.
    let from = fields.object("ConfigFrom").and_then(|from| from.text("Network"));
    if let Some(name) = from.filter(|name| !name.is_empty()) {
        let at = FieldPath::Field("ConfigFrom.Network");
        effects.push(NetworkEffect::SubnetsOf(name.to_owned(), SubnetUse::Routed), at);
    }
    Ok(())
}

/// What lies within the subnet, as it should, adds nothing to it.
fn configuration(at: usize, config: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    let subnet = parse(config.text("Subnet").unwrap_or_default(), || {
        FieldPath::Inside(CONFIG, at, "Subnet")
    })?;
    let mut put = |text: &str, place: FieldPath| {
        let found = parse(text, || place.clone())?;
        let is_within = |found: &Subnet| subnet.is_some_and(|subnet| subnet.contains(*found));
        if let Some(found) = found.filter(|found| !is_within(found)) {
            effects.push(NetworkEffect::Subnet(found, SubnetUse::Routed), place);
        }
        Ok::<_, BodyError>(())
    };
    for field in ["IPRange", "Gateway"] {
        put(config.text(field).unwrap_or_default(), FieldPath::Inside(CONFIG, at, field))?;
    }
    let auxiliary = config.object("AuxiliaryAddresses").into_iter().flat_map(Object::iter);
    for (name, address) in auxiliary {
        let place = FieldPath::Entry(AUXILIARY, name.to_owned());
        // The value of a map is not repeated: it could be anything.
        let wrong =
            |_| BodyError::Value { at: place.clone(), reason: "is not an address".to_owned() };
        put(address.as_text().unwrap_or_default(), place.clone()).map_err(wrong)?;
    }
    if let Some(subnet) = subnet {
        let place = FieldPath::Inside(CONFIG, at, "Subnet");
        effects.push(NetworkEffect::Subnet(subnet, SubnetUse::Routed), place);
    }
    Ok(())
}

/// The addresses that a container asks for in a network.
pub(super) fn of_endpoint(
    place: &'static str,
    endpoint: &Object,
    effects: &mut Effects,
) -> Result<(), BodyError> {
    let Some(ipam) = endpoint.object("IPAMConfig") else {
        return Ok(());
    };
    let at = |field: &str| FieldPath::Entry(place, format!("IPAMConfig.{field}"));
    for field in ["IPv4Address", "IPv6Address"] {
        push(ipam.text(field).unwrap_or_default(), SubnetUse::Given, at(field), effects)?;
    }
    for (_, address) in texts(ipam, "LinkLocalIPs") {
        push(address, SubnetUse::Given, at("LinkLocalIPs"), effects)?;
    }
    Ok(())
}

/// The pools from which a swarm takes the subnets of its networks.
pub(super) fn of_swarm(fields: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    for (at, pool) in texts(fields, "DefaultAddrPool") {
        push(pool, SubnetUse::Routed, FieldPath::Element("DefaultAddrPool", at), effects)?;
    }
    Ok(())
}

/// A network that a container joins by name or identifier.
pub(super) fn joined(name: &str, at: FieldPath, effects: &mut Effects) {
    if !PREDEFINED.contains(&name) && !name.starts_with("container:") {
        effects.push(NetworkEffect::SubnetsOf(name.to_owned(), SubnetUse::Joined), at);
    }
}

fn push(
    text: &str,
    put_to: SubnetUse,
    at: FieldPath,
    effects: &mut Effects,
) -> Result<(), BodyError> {
    if let Some(subnet) = parse(text, || at.clone())? {
        effects.push(NetworkEffect::Subnet(subnet, put_to), at);
    }
    Ok(())
}

fn parse(text: &str, at: impl Fn() -> FieldPath) -> Result<Option<Subnet>, BodyError> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong =
        |error: &dyn std::fmt::Display| BodyError::Value { at: at(), reason: error.to_string() };
    Subnet::parse(text).map(Some).map_err(|error| wrong(&error))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use crate::docker::Endpoint;
    use crate::effects::read;
    use crate::http::target;
    use crate::policy::effects::{Effect, NetworkEffect};

    /// What of addresses a request asks for; `Err` is why it is refused.
    fn asked(endpoint: Endpoint, path: &str, body: &str) -> Result<Vec<String>, String> {
        let target = target::parse(path).unwrap();
        let read = read(endpoint, &target, body.as_bytes()).map_err(|error| error.to_string())?;
        let told = read.effects().iter().filter_map(|asked| match &asked.effect {
            Effect::Network(NetworkEffect::Subnet(subnet, put_to)) => {
                Some(format!("{put_to:?} {subnet}"))
            }
            Effect::Network(NetworkEffect::SubnetsOf(name, put_to)) => {
                Some(format!("{put_to:?} of {name}"))
            }
            Effect::Network(NetworkEffect::SubnetDriver(name)) => Some(format!("by {name}")),
            _ => None,
        });
        Ok(told.collect())
    }

    #[test]
    fn what_a_network_is_made_of() {
        for (fields, expected) in [
            (
                r#""IPAM":{"Config":[{"Subnet":"198.51.100.0/24"}]}"#,
                &["Routed 198.51.100.0/24"][..],
            ),
            (r#""ipam":{"config":[{"subnet":"198.51.100.7/24"}]}"#, &["Routed 198.51.100.0/24"]),
            (
                r#""IPAM":{"Config":[{"Subnet":"10.1.0.0/16","IPRange":"10.1.2.0/24",
                "Gateway":"10.1.0.1","AuxiliaryAddresses":{"DefaultGatewayIPv4":"10.1.0.9"}}]}"#,
                &["Routed 10.1.0.0/16"],
            ),
            (
                r#""IPAM":{"Config":[{"Subnet":"10.1.0.0/16","IPRange":"10.2.0.0/24",
                "Gateway":"169.254.169.254","AuxiliaryAddresses":{"x":"8.8.8.8"}}]}"#,
                &[
                    "Routed 10.2.0.0/24",
                    "Routed 169.254.169.254",
                    "Routed 8.8.8.8",
                    "Routed 10.1.0.0/16",
                ],
            ),
            (r#""IPAM":{"Config":[{"Gateway":"10.1.0.1"},null]}"#, &["Routed 10.1.0.1"]),
            (r#""IPAM":{"Config":[{"Subnet":"::ffff:8.8.8.0/120"}]}"#, &["Routed 8.8.8.0/24"]),
            (r#""IPAM":{"Config":[{"Subnet":"fd00::1/64"}]}"#, &["Routed fd00::/64"]),
            (r#""IPAM":{"Driver":"default","Config":[{"Subnet":""}]}"#, &[]),
            (r#""IPAM":{"Driver":"other"}"#, &["by other"]),
            (r#""ConfigFrom":{"Network":"made"},"Internal":true"#, &["Routed of made"]),
            (r#""Options":{"com.docker.network.host_ipv4":"8.8.8.8"}"#, &["Given 8.8.8.8"]),
            (r#""Options":{"com.docker.network.bridge.host_binding_ipv4":"127.0.0.1"}"#, &[]),
        ] {
            let body = format!(r#"{{"Name":"x",{fields}}}"#);
            let found = asked(Endpoint::NetworkCreate, "/networks/create", &body).unwrap();
            assert_eq!(found, expected, "{body}");
        }
        for subnet in ["010.0.0.0/8", "10.0.0.0/33", "ten", "10.0.0.0/8 "] {
            let body = format!(r#"{{"Name":"x","IPAM":{{"Config":[{{"Subnet":"{subnet}"}}]}}}}"#);
            let reason = asked(Endpoint::NetworkCreate, "/networks/create", &body).unwrap_err();
            assert!(reason.starts_with("IPAM.Config[0].Subnet: `"), "{reason}");
        }
    }

    #[test]
    fn what_containers_services_and_swarms_get() {
        let ipam = r#"{"IPAMConfig":{"IPv4Address":"10.1.0.9","IPv6Address":"fd00::9",
            "LinkLocalIPs":["169.254.3.4"]}}"#;
        let given = ["Given 10.1.0.9", "Given fd00::9", "Given 169.254.3.4"];
        let with = |first: &str, last: &[&str]| -> Vec<String> {
            [first]
                .iter()
                .filter(|it| !it.is_empty())
                .chain(&given)
                .chain(last)
                .map(|it| (*it).to_owned())
                .collect()
        };
        let connect = format!(r#"{{"Container":"c","EndpointConfig":{ipam}}}"#);
        let create = format!(
            r#"{{"Image":"a","HostConfig":{{"NetworkMode":"web"}},
            "NetworkingConfig":{{"EndpointsConfig":{{"db":{ipam}}}}}}}"#
        );
        let plain = r#"{"Image":"a","HostConfig":{"NetworkMode":"container:x"},
            "NetworkingConfig":{"EndpointsConfig":{"bridge":null}}}"#;
        let service =
            r#"{"TaskTemplate":{"ContainerSpec":{"Image":"a"},"Networks":[{"Target":"web"}]}}"#;
        let pools = r#"{"DefaultAddrPool":["8.0.0.0/8","10.0.0.0/8"]}"#;
        let mut created = vec!["Joined of web".to_owned()];
        created.extend(with("", &["Joined of db"]));
        let list =
            |all: &[&str]| -> Vec<String> { all.iter().map(|it| (*it).to_owned()).collect() };
        for (endpoint, path, body, expected) in [
            (
                Endpoint::NetworkConnect,
                "/networks/web/connect",
                connect.as_str(),
                with("Joined of web", &[]),
            ),
            (Endpoint::NetworkConnect, "/v1.41/networks/bridge/connect", "{}", vec![]),
            (Endpoint::ContainerCreate, "/containers/create", create.as_str(), created),
            (Endpoint::ContainerCreate, "/containers/create", plain, vec![]),
            (Endpoint::ServiceCreate, "/services/create", service, list(&["Joined of web"])),
            (
                Endpoint::SwarmInit,
                "/swarm/init",
                pools,
                list(&["Routed 8.0.0.0/8", "Routed 10.0.0.0/8"]),
            ),
            (Endpoint::Build, "/build?networkmode=web", "", list(&["Joined of web"])),
        ] {
            assert_eq!(asked(endpoint, path, body).unwrap(), expected, "{body}");
        }
    }
}
