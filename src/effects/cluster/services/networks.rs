//! Ports of the host that a service opens, and the host's network as a whole.

use crate::docker::json::Object;
use crate::effects::collect::{BodyError, Effects, may_be_network_id, objects};
use crate::effects::subnets;
use crate::policy::effects::{
    FieldPath, Namespace, NamespaceEffect, NamespaceKind, NetworkEffect, SharedWith,
};
use crate::policy::types::PortRange;

const PORTS: &str = "EndpointSpec.Ports";

/// A port is open on every node in `ingress` mode, which is what any mode but `host` means, and on
/// the node of the task in `host` mode.
pub(super) fn ports(endpoint: &Object, effects: &mut Effects) -> Result<(), BodyError> {
    for (at, port) in objects(endpoint, "Ports") {
        let at = FieldPath::Inside(PORTS, at, "PublishedPort");
        let mode = port.text("PublishMode").unwrap_or_default();
        match port.integer("PublishedPort") {
            // The daemon puts it in upper case by the rules of Unicode.
            0 if mode.to_uppercase() == "HOST" => {
                effects.push(NetworkEffect::HostPorts(PortRange::EPHEMERAL), at);
            }
            0 => effects.push(NetworkEffect::HostPorts(PortRange::INGRESS), at),
            number => {
                effects.push_parsed(PortRange::single(number), NetworkEffect::HostPorts, at)?
            }
        }
    }
    Ok(())
}

/// `list` names the field `Networks` of `holder`.
pub(super) fn effects(list: &'static str, holder: &Object, effects: &mut Effects) {
    for (at, network) in objects(holder, "Networks") {
        effects.push_endpoint_sysctls(list, network);
        let target = network.text("Target").unwrap_or_default();
        let at = FieldPath::Inside(list, at, "Target");
        if target == "host" {
            let host = Namespace { kind: NamespaceKind::Network, with: SharedWith::Host };
            effects.push(NamespaceEffect::Shared(host), at.clone());
        } else if may_be_host(target) {
            effects.push(NetworkEffect::Joined(target.to_owned()), at.clone());
        }
        subnets::joined(target, at, effects);
    }
}

/// Characters of an identifier in a swarm's store: digits of base 36.
const SWARM_ID_LENGTH: usize = 25;

/// Whether the daemon may take `target` for the host's network, which has two identifiers: one of
/// this daemon, one in the swarm's store, which counts by any first part of it too.
fn may_be_host(target: &str) -> bool {
    let is_swarm_digit = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
    target.len() <= SWARM_ID_LENGTH && target.bytes().all(is_swarm_digit)
        || may_be_network_id(target)
}
