//! Ports of the host, and its network as a whole.

use crate::docker::json::Object;
use crate::effects::collect::{BodyError, Effects};
use crate::effects::subnets;
use crate::policy::effects::{
    FieldPath, Namespace, NamespaceEffect, NamespaceKind, NetworkEffect, SharedWith,
};
use crate::policy::types::PortRange;

const PORT_BINDINGS: &str = "HostConfig.PortBindings";
const PUBLISH_ALL: FieldPath = FieldPath::Field("HostConfig.PublishAllPorts");
const ENDPOINTS: &str = "NetworkingConfig.EndpointsConfig";

pub(super) fn effects(host: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    for (port, bindings) in host.object("PortBindings").into_iter().flat_map(Object::iter) {
        let at = || FieldPath::Entry(PORT_BINDINGS, port.to_owned());
        let bindings = bindings.as_list().unwrap_or_default();
        // 29 takes an empty list for one binding to a port of its choice.
        if bindings.is_empty() {
            effects.push(NetworkEffect::HostPorts(PortRange::EPHEMERAL), at());
        }
        for binding in bindings {
            let port = binding.as_object().and_then(|binding| binding.text("HostPort"));
            host_ports(port.unwrap_or_default(), &at, effects)?;
        }
    }
    if host.is_true("PublishAllPorts") {
        effects.push(NetworkEffect::HostPorts(PortRange::EPHEMERAL), PUBLISH_ALL);
    }
    Ok(())
}

/// Reads a `HostPort` as go-connections' `nat` does: what follows the first `/` is a protocol,
/// whatever it is, and what follows a second `-` is nothing (`20-25-99` is 20 to 25).
fn host_ports(
    text: &str,
    at: &dyn Fn() -> FieldPath,
    effects: &mut Effects,
) -> Result<(), BodyError> {
    let ports = text.split('/').next().unwrap_or_default();
    let end = ports.match_indices('-').nth(1).map_or(ports.len(), |(second, _)| second);
    let ports = ports.get(..end).unwrap_or(ports);
    effects.push_parsed(PortRange::parse(ports), NetworkEffect::HostPorts, at())
}

/// The network namespace of the host.
pub(super) const HOST_NETWORK: Namespace =
    Namespace { kind: NamespaceKind::Network, with: SharedWith::Host };

/// A container that is attached to the network `host` by an endpoint gets an empty network of its own
/// on 20.10. It counts all the same.
pub(super) fn endpoints(fields: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    const HOST: &str = "host";
    let networking = fields.object("NetworkingConfig");
    let endpoints = networking.and_then(|networking| networking.object("EndpointsConfig"));
    for (network, endpoint) in endpoints.into_iter().flat_map(Object::iter) {
        if let Some(endpoint) = endpoint.as_object() {
            effects.push_endpoint_sysctls(ENDPOINTS, endpoint);
            subnets::of_endpoint(ENDPOINTS, endpoint, effects)?;
        }
        let id = endpoint.as_object().and_then(|endpoint| endpoint.text("NetworkID"));
        let at = || FieldPath::Entry(ENDPOINTS, network.to_owned());
        if network == HOST || id == Some(HOST) {
            effects.push(NamespaceEffect::Shared(HOST_NETWORK), at());
        }
        for name in [Some(network), id].into_iter().flatten() {
            effects.push_network(name, at());
            subnets::joined(name, at(), effects);
        }
    }
    Ok(())
}
