//! Networks by a name or identifier that may be those of the host's own.

use super::facts::{Facts, NetworkFacts};
use super::namespaces::NamespaceRule;
use super::ports::PortRule;
use super::shown::Shown;
use super::{Effect, Findings, RequestedEffect};

/// Shows a network to the rules that are about the host's. What could not be learned may be it.
pub(super) fn check(
    name: &str,
    (ports, namespaces): (&[PortRule], &[NamespaceRule]),
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    let is = match facts.network(name) {
        Some(NetworkFacts::Other(_)) => return,
        Some(NetworkFacts::Host) => "is",
        None => "may be",
    };
    let rules = ports.iter().map(PortRule::as_str);
    let rules = rules.chain(namespaces.iter().filter_map(NamespaceRule::as_host_network));
    let name = Shown(name);
    for rule in rules {
        let reason = format_args!("which {is} the host's");
        found.add_because(format_args!("network {name}"), reason, rule);
    }
}

/// The networks that must be known: there is a rule about the host's.
pub(super) fn ask(
    ports: &[PortRule],
    namespaces: &[NamespaceRule],
    effects: &[RequestedEffect],
    networks: &mut Vec<String>,
) {
    let is_forbidden =
        !ports.is_empty() || namespaces.iter().any(|rule| rule.as_host_network().is_some());
    if is_forbidden {
        networks.extend(effects.iter().filter_map(|asked| match &asked.effect {
            Effect::Network(name) => Some(name.clone()),
            _ => None,
        }));
        networks.dedup();
    }
}
