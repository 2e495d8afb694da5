//! Which subnets break which rules.
#![expect(clippy::unwrap_used, reason = "a failed test says where")]

use super::*;
use crate::policy::effects::{FieldPath, NetworkEffect};
use crate::policy::facts::NetworkFacts;
use crate::policy::testing;
use crate::policy::{Policy, Violations, further_questions};

fn net(text: &str) -> Subnet {
    Subnet::parse(text).unwrap()
}

/// `deny` and, if it is there, `allow`, separated by spaces.
fn policy(deny: &str, allow: Option<&str>) -> Policy {
    let read = |text: &str| text.split_whitespace().map(SubnetRule::parse_allowed).collect();
    let denied: Result<Vec<_>, _> = deny.split_whitespace().map(SubnetRule::parse).collect();
    Policy {
        subnets: denied.unwrap(),
        allowed_subnets: allow.map_or_else(AllowedSubnets::default, |allow| {
            AllowedSubnets::only(Result::<Vec<_>, _>::unwrap(read(allow)))
        }),
        ..Policy::permissive()
    }
}

fn verdict(policy: &Policy, effect: impl Into<Effect>, facts: &Facts) -> String {
    testing::judged(policy, vec![testing::asked(effect)], facts)
}

#[test]
fn a_bridge_that_is_there_is_the_hosts() {
    let rules = ["host", "public"].map(|text| SubnetRule::parse(text).unwrap());
    let told = |rules: &[SubnetRule], is_there: Option<bool>| {
        let mut facts = Facts::none();
        is_there.iter().for_each(|is_there| facts.add_interface("br0".to_owned(), *is_there));
        let (mut violations, at) = (Violations::default(), FieldPath::Field("X"));
        check_bridge(rules, "br0", &facts, &mut Findings::new(&mut violations, &at));
        !violations.is_empty()
    };
    for (is_there, expected) in [(Some(true), true), (None, true), (Some(false), false)] {
        assert_eq!(told(&rules, is_there), expected, "{is_there:?}");
        assert!(!told(&rules[1..], is_there), "{is_there:?}");
    }
    let asked = vec![testing::asked(NetworkEffect::HostBridge("br0".to_owned()))];
    let mut questions = Questions::default();
    ask_bridges(&rules, &asked, &mut questions);
    assert_eq!(questions.interfaces(), ["br0"]);
}

#[test]
fn a_subnet_is_compared_whole() {
    for (deny, allow, asked, allowed) in [
        ("10.0.0.0/8", None, "10.1.0.0/16", false),
        ("10.1.0.0/16", None, "10.0.0.0/8", false),
        ("10.1.0.7", None, "10.1.0.0/24", false),
        ("10.1.0.0/16", None, "10.2.0.0/16", true),
        ("10.1.0.0/16", None, "::ffff:10.1.2.0/120", false),
        ("10.1.0.0/16", None, "::/0", false),
        ("public", None, "198.51.100.0/24", false),
        ("public", None, "10.0.0.0/7", false),
        ("public", None, "2001:db8::/64", false),
        ("public", None, "10.9.0.0/24", true),
        ("public", None, "fd00:1::/64", true),
        ("link-local", None, "169.254.169.0/24", false),
        ("link-local", None, "fe80::/64", false),
        ("link-local", None, "172.20.0.0/16", true),
        ("", Some("172.16.0.0/12"), "172.20.0.0/16", true),
        ("", Some("172.16.0.0/12"), "172.0.0.0/8", false),
        ("", Some(""), "172.20.0.0/16", false),
        ("172.20.0.0/16", Some("172.16.0.0/12"), "172.20.1.0/24", false),
        ("", Some("public"), "10.0.0.0/7", false),
        ("", Some("public link-local"), "8.8.8.0/24", true),
        ("", None, "0.0.0.0/0", true),
    ] {
        for put_to in [SubnetUse::Routed, SubnetUse::Joined, SubnetUse::Given] {
            let policy = policy(deny, allow);
            let found = verdict(&policy, NetworkEffect::Subnet(net(asked), put_to), &Facts::none());
            assert_eq!(found == "allowed", allowed, "{deny} {allow:?} {asked}: {found}");
        }
    }
}

#[test]
fn what_the_host_has_is_asked_of_it() {
    let policy = policy("host", None);
    let routed = || Effect::Network(NetworkEffect::Subnet(net("10.1.0.0/16"), SubnetUse::Routed));
    let unknown = verdict(&policy, routed(), &Facts::none());
    assert!(unknown.contains("routes of the host that are not known"), "{unknown}");
    let with = |route: Option<&str>, address: Option<&str>| {
        let (route, address) = (route.map(net), address.map(net));
        let facts = SubnetFacts { route, address, server: None };
        let mut all = Facts::none();
        for asked in ["10.1.0.0/16", "10.1.0.9"] {
            all.add_subnet(net(asked), facts);
        }
        all
    };
    let route = with(Some("10.0.0.0/8"), None);
    let found = verdict(&policy, routed(), &route);
    let expected = "subnet 10.1.0.0/16, which overlaps the host's route 10.0.0.0/8 (rule \"host\")";
    assert_eq!(found, format!("forbidden: {expected}"));
    assert_eq!(verdict(&policy, routed(), &with(None, None)), "allowed");
    let given = || Effect::Network(NetworkEffect::Subnet(net("10.1.0.9"), SubnetUse::Given));
    assert_eq!(verdict(&policy, given(), &route), "allowed", "by the network's own route");
    let own = verdict(&policy, given(), &with(Some("10.0.0.0/8"), Some("10.1.0.9")));
    assert!(own.contains("address 10.1.0.9, which overlaps the host's address"), "{own}");
    let joined = Effect::Network(NetworkEffect::Subnet(net("10.1.0.0/16"), SubnetUse::Joined));
    assert_eq!(verdict(&policy, joined, &Facts::none()), "allowed", "the route is there");
}

#[test]
fn a_network_that_is_there_counts_by_what_it_has() {
    let policy = policy("public", None);
    let joins = || Effect::Network(NetworkEffect::SubnetsOf("web".to_owned(), SubnetUse::Joined));
    let asked = |facts: &Facts| {
        let asked = [RequestedEffect { effect: joins(), at: FieldPath::Field("X") }];
        further_questions(&policy, &asked, facts)
    };
    assert_eq!(asked(&Facts::none()).networks(), ["web"]);
    let unknown = verdict(&policy, joins(), &Facts::none());
    assert!(unknown.contains("network web, whose subnets are not known"), "{unknown}");
    for (subnet, allowed) in [("198.51.100.0/24", false), ("172.20.0.0/16", true)] {
        let mut facts = Facts::none();
        facts.add_network("web".to_owned(), NetworkFacts::Other(vec![net(subnet)]));
        let found = verdict(&policy, joins(), &facts);
        assert_eq!(found == "allowed", allowed, "{subnet}: {found}");
        assert!(asked(&facts).is_empty());
    }
    let none = Policy::permissive();
    assert_eq!(verdict(&none, joins(), &Facts::none()), "allowed");
    assert!(further_questions(&none, &[], &Facts::none()).is_empty());
    let driver = Effect::Network(NetworkEffect::SubnetDriver("other".to_owned()));
    assert!(verdict(&policy, driver, &Facts::none()).contains("IPAM driver other"));
}

#[test]
fn rules_are_subnets_or_words() {
    for text in ["10.0.0.0/8", "10.1.2.3", "fd00::/8", "public", "host", "link-local", "::/0"] {
        assert_eq!(SubnetRule::parse(text).unwrap().as_str(), text);
    }
    for text in ["", "10.1.0.0/8", "fd00::1/64", "Public", "10.0.0.0/33", "private", "*", "10.*"] {
        assert!(SubnetRule::parse(text).is_err(), "{text}");
    }
    assert!(SubnetRule::parse_allowed("host").is_err());
}
