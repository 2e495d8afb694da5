//! Subnets that no network may have: to give one to a bridge puts it among the routes of the host.
//!
//! What the host itself has for an address of that subnet goes to the containers of the network from
//! then on, and the gateway's address becomes the host's own: `198.51.100.0/24` takes a net of the
//! Internet away from it, `169.254.169.0/24` the metadata service of a cloud. Where nothing is asked for
//! the daemon takes a subnet of the pools that its operator gave it, beside all routes of the host, and
//! no rule is asked.
//!
//! What a network has that is there already counts for containers that join it, but for its own routes: those
//! have become the host's.

mod net;

pub use net::{Subnet, SubnetUse};

use std::fmt::{self, Write};

use crate::policy::effects::{Effect, NetworkEffect, RequestedEffect};
use crate::policy::facts::{Facts, Question, Questions, SubnetFacts};
use crate::policy::shown::{Configured, Shown, describe_list};
use crate::policy::types::ValueError;
use crate::policy::violations::Findings;

/// One forbidden or allowed subnet, or kind of subnets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubnetRule {
    text: String,
    nets: Nets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nets {
    One(Subnet),
    /// Other machines' addresses on the Internet.
    Public,
    /// What holds on one link only.
    LinkLocal,
    /// What the host has an address, a route or a server in.
    Host,
}

impl SubnetRule {
    /// Reads a subnet, an address, `public`, `link-local` or `host`.
    ///
    /// # Errors
    /// [`ValueError::SubnetRule`] for anything else, and for a subnet with bits behind its prefix.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let nets = match text {
            "public" => Nets::Public,
            "link-local" => Nets::LinkLocal,
            "host" => Nets::Host,
            text => {
                let wrong = || ValueError::SubnetRule(text.to_owned());
                let address = text.split('/').next().unwrap_or_default();
                let net = Subnet::parse(text).map_err(|_| wrong())?;
                let first = Subnet::parse(address).map_err(|_| wrong())?;
                if !net.begins_at(first) {
                    return Err(wrong());
                }
                Nets::One(net)
            }
        };
        Ok(Self { text: text.to_owned(), nets })
    }

    /// The same for a list of what is allowed.
    ///
    /// # Errors
    /// [`ValueError::SubnetRule`] as for [`SubnetRule::parse`], and for `host`: what overlaps the host
    /// can be no use to anybody.
    pub fn parse_allowed(text: &str) -> Result<Self, ValueError> {
        match Self::parse(text)? {
            Self { nets: Nets::Host, .. } => Err(ValueError::SubnetRule(text.to_owned())),
            rule => Ok(rule),
        }
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The rule in words.
    pub(in crate::policy) fn describe(&self, out: &mut String) -> fmt::Result {
        match self.nets {
            Nets::Public => writeln!(out, "No network may have public addresses."),
            Nets::LinkLocal => writeln!(out, "No network may have link-local addresses."),
            Nets::Host => writeln!(
                out,
                "No network may overlap addresses, routes, gateways or name servers of the host."
            ),
            Nets::One(_) => {
                writeln!(out, "No network may overlap subnet {}.", Configured(&self.text))
            }
        }
    }

    fn check(
        &self,
        (subnet, put_to): (Subnet, SubnetUse),
        facts: &Facts,
        found: &mut Findings<'_>,
    ) {
        let what = What(subnet, put_to);
        match self.nets {
            Nets::One(forbidden) if forbidden.overlaps(subnet) => found.add(what, &self.text),
            Nets::Public if subnet.has_public() => {
                found.add_because(what, "which is public", &self.text);
            }
            Nets::LinkLocal if subnet.has_link_local() => {
                found.add_because(what, "which is link-local", &self.text);
            }
            Nets::Host if put_to != SubnetUse::Joined => self.check_host(what, facts, found),
            Nets::One(_) | Nets::Public | Nets::LinkLocal | Nets::Host => {}
        }
    }

    fn check_host(&self, what: What, facts: &Facts, found: &mut Findings<'_>) {
        let Some(&SubnetFacts { route, address, server }) = facts.subnet(&what.0) else {
            let reason = "beside routes of the host that are not known";
            return found.add_because(what, reason, &self.text);
        };
        let route = route.filter(|_| what.1 == SubnetUse::Routed);
        for (kind, of_host) in [("address", address), ("server", server), ("route", route)] {
            if let Some(of_host) = of_host {
                let reason = format_args!("which overlaps the host's {kind} {of_host}");
                return found.add_because(what, reason, &self.text);
            }
        }
    }

    fn covers(&self, subnet: Subnet) -> bool {
        match self.nets {
            Nets::One(allowed) => allowed.contains(subnet),
            Nets::Public => subnet.is_public(),
            Nets::LinkLocal => subnet.is_link_local(),
            Nets::Host => false,
        }
    }
}

/// What was asked for, in a message.
#[derive(Clone, Copy)]
struct What(Subnet, SubnetUse);

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(subnet, put_to) = self;
        match put_to {
            SubnetUse::Routed => write!(f, "subnet {subnet}"),
            SubnetUse::Joined => write!(f, "a network with subnet {subnet}"),
            SubnetUse::Given => write!(f, "address {subnet}"),
        }
    }
}

/// The subnets that networks may have; without a list all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedSubnets(Option<Vec<SubnetRule>>);

/// What a message names as the rule.
const ALLOW: &str = "subnets: allow";

impl AllowedSubnets {
    /// These and no others; an empty list allows none.
    pub fn only(rules: Vec<SubnetRule>) -> Self {
        Self(Some(rules))
    }

    /// The list, if there is one.
    pub fn list(&self) -> Option<&[SubnetRule]> {
        self.0.as_deref()
    }

    /// The list in words.
    pub(in crate::policy) fn describe(&self, out: &mut String) -> fmt::Result {
        let Some(rules) = self.list() else { return Ok(()) };
        writeln!(out, "Networks that name a subnet may have one within these only:")?;
        describe_list(out, rules.iter().map(SubnetRule::as_str))
    }
}

/// The rules about subnets, those that forbid and those that alone allow.
pub(in crate::policy) type Rules<'a> = (&'a [SubnetRule], &'a AllowedSubnets);

pub(in crate::policy) fn check(
    (forbidden, allowed): Rules<'_>,
    subnet: Subnet,
    put_to: SubnetUse,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    forbidden.iter().for_each(|rule| rule.check((subnet, put_to), facts, found));
    if allowed.list().is_some_and(|rules| !rules.iter().any(|rule| rule.covers(subnet))) {
        found.add_because(What(subnet, put_to), "which is not allowed", ALLOW);
    }
}

/// What a network has is asked of the daemon, and judged with what it is.
pub(in crate::policy) fn check_network(
    rules: Rules<'_>,
    name: &str,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    if let (Some(rule), None) = (first(rules), facts.network(name)) {
        found.add(format_args!("network {}, whose subnets are not known", Shown(name)), rule);
    }
}

/// A bridge that is there has addresses of the host, and whatever else is in it beside the containers.
pub(in crate::policy) fn check_bridge(
    rules: &[SubnetRule],
    name: &str,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    let reason = match facts.interface(name) {
        Some(false) => return,
        Some(true) => "which is there, with the host's addresses",
        None => "which may be the host's",
    };
    for rule in rules.iter().filter(|rule| rule.nets == Nets::Host) {
        found.add_because(format_args!("bridge {}", Shown(name)), reason, &rule.text);
    }
}

/// The bridges that may be there.
pub(in crate::policy) fn ask_bridges(
    rules: &[SubnetRule],
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    if rules.iter().any(|rule| rule.nets == Nets::Host) {
        questions.extend(effects.iter().filter_map(|asked| match &asked.effect {
            Effect::Network(NetworkEffect::HostBridge(name)) => Some(Question::interface(name)),
            _ => None,
        }));
    }
}

/// Another address manager than the daemon's own takes what it likes.
pub(in crate::policy) fn check_driver(rules: Rules<'_>, name: &str, found: &mut Findings<'_>) {
    if let Some(rule) = first(rules) {
        let name = Shown(name);
        found.add(
            format_args!("subnets that the IPAM driver {name} chooses, which are not known"),
            rule,
        );
    }
}

fn first((forbidden, allowed): Rules<'_>) -> Option<&str> {
    let forbidden = forbidden.first().map(SubnetRule::as_str);
    forbidden.or_else(|| allowed.list().map(|_| ALLOW))
}

/// The subnets that must be compared with what the host has.
pub(in crate::policy) fn ask(
    rules: &[SubnetRule],
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    if rules.iter().any(|rule| rule.nets == Nets::Host) {
        questions.extend(effects.iter().filter_map(|asked| match &asked.effect {
            Effect::Network(NetworkEffect::Subnet(
                subnet,
                SubnetUse::Routed | SubnetUse::Given,
            )) => Some(Question::subnet(subnet)),
            _ => None,
        }));
    }
}

/// The networks of which the subnets must be known.
pub(in crate::policy) fn ask_networks(
    rules: Rules<'_>,
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    if first(rules).is_some() {
        questions.extend(effects.iter().filter_map(|asked| match &asked.effect {
            Effect::Network(NetworkEffect::SubnetsOf(name, _)) => Some(Question::network(name)),
            _ => None,
        }));
    }
}

#[cfg(test)]
mod tests;
