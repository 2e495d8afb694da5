//! Networks by a name or identifier that may be those of the host's own.

use crate::policy::effects::RequestedEffect;
use crate::policy::effects::{Effect, NetworkEffect};
use crate::policy::facts::{Facts, NetworkFacts, Question, Questions};
use crate::policy::rules::namespaces::NamespaceRule;
use crate::policy::rules::ports::PortRule;
use crate::policy::shown::Shown;
use crate::policy::violations::Findings;

/// Shows a network to the rules that are about the host's. What could not be learned may be it.
pub(in crate::policy) fn check(
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
pub(in crate::policy) fn ask(
    ports: &[PortRule],
    namespaces: &[NamespaceRule],
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    let is_forbidden =
        !ports.is_empty() || namespaces.iter().any(|rule| rule.as_host_network().is_some());
    if is_forbidden {
        questions.extend(effects.iter().filter_map(|asked| match &asked.effect {
            Effect::Network(NetworkEffect::Joined(name)) => Some(Question::network(name)),
            _ => None,
        }));
    }
}
