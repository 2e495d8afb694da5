#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use super::*;
use crate::docker::Endpoint;
use crate::effects::inspection_mode;
use crate::http::target::{self, query_pairs};
use crate::policy::builds::BuildRule;
use crate::policy::environment::EnvironmentRule;
use crate::policy::facts::Facts;
use crate::policy::images::ImageRule;
use crate::policy::names::NameRule;
use crate::policy::namespaces::NamespaceRule;
use crate::policy::ports::PortRule;
use crate::policy::review::Purposes;
use crate::policy::testing;
use crate::policy::types::{Bytes, NanoCpus};
use crate::policy::{Policy, Verdict, judge};

fn policy() -> Policy {
    Policy {
        images: vec![ImageRule::parse("ubuntu:16.04").unwrap()],
        environment: vec![EnvironmentRule::parse("USER=0").unwrap()],
        ports: vec![PortRule::parse("22").unwrap()],
        namespaces: vec![NamespaceRule::parse("container").unwrap()],
        cgroupparent: vec![NameRule::parse("*").unwrap()],
        builds: BuildRule::Allow,
        ..Policy::permissive()
    }
}

/// It is known which images have forbidden names.
fn listed() -> Facts {
    let mut facts = Facts::none();
    facts.add_image_list(Vec::new());
    facts
}

fn verdict(policy: &Policy, query: &str) -> String {
    let raw = format!("/v1.41/build?{query}");
    let read = read(&target::parse(&raw).unwrap());
    match read.map(|inspected| judge(policy, inspected, &listed())) {
        Err(error) => error.to_string(),
        Ok(Verdict::Allowed(_)) => "allowed".to_owned(),
        Ok(Verdict::Forbidden(violations)) => violations.to_string(),
    }
}

#[test]
fn what_the_query_brings_about_is_judged() {
    for query in [
        "networkmode=host",
        "version=2&networkmode=host",
        "networkmode=container:db",
        "networkmode=4be",
        "cgroupparent=/",
        "t=ubuntu:16.04",
        "t=a&t=ubuntu:16.04",
        "t=&t=docker.io/library/ubuntu%3A16.04",
        "buildargs=%7B%22USER%22%3A%220%22%7D",
        "buildargs={\"A\":\"b\",\"USER\":\"0\"}",
        "buildargs={\"BUILDKIT_SYNTAX\":\"ubuntu:16.04\"}",
        "outputs=[{\"type\":\"moby\",\"attrs\":{\"name\":\"a,ubuntu:16.04\"}}]",
        "cachefrom=[\"a\",\"ubuntu:16.04\"]",
        "cachefrom=[\"UPPER\"]",
    ] {
        let found = verdict(&policy(), query);
        assert!(found.starts_with("forbidden: "), "{query}: {found}");
    }
    for query in [
        "",
        "t=a:1&t=b&q=1&rm=1&pull=1&networkmode=default&memory=5&version=1",
        "networkmode=hosts",
        "networkmode=none",
        "t=",
        "buildargs={}&labels={\"USER\":\"0\"}&cachefrom=[]",
        "buildargs=null",
        "buildargs={\"user\":\"0\",\"USER\":null}",
        "outputs=[{\"Type\":\"local\",\"Attrs\":{\"dest\":\"out\"}}]",
        "extrahosts=a:1.2.3.4&extrahosts=b:1.2.3.4",
        "remote=https://host/x.git",
    ] {
        assert_eq!(verdict(&policy(), query), "allowed", "{query}");
    }
}

#[test]
fn what_has_no_one_meaning_is_refused() {
    for query in [
        "q;networkmode=host",
        "t=UPPER",
        "buildargs={",
        "buildargs=[]",
        "buildargs={\"A\":1}",
        "buildargs={\"A\":\"1\",\"A\":\"2\"}",
        "buildargs={},\"BuildArgs\":{}",
        "outputs={}",
        "securityopt=",
    ] {
        let found = verdict(&policy(), query);
        assert!(found != "allowed" && !found.starts_with("forbidden"), "{query}: {found}");
    }
}

#[test]
fn the_first_of_several_values_is_judged() {
    for (query, forbidden) in [
        ("networkmode=none&networkmode=host", false),
        ("networkmode=host&networkmode=none", true),
        ("networkmode=&networkmode=host", false),
        ("%6eetworkmode=host&networkmode=none", true),
    ] {
        let found = verdict(&policy(), query);
        assert_eq!(found.starts_with("forbidden"), forbidden, "{query}: {found}");
    }
}

/// The verdict on a query and whether the body would be read, when only these rules are there.
fn inspected(policy: &Policy, query: &str) -> (bool, String) {
    let raw = format!("/v1.41/build?{query}");
    let target = target::parse(&raw).unwrap();
    let judged = inspection_mode(Endpoint::Build, &target, policy, Purposes::default()).unwrap();
    (judged == Endpoint::BuildContext, verdict(policy, query))
}

#[test]
fn what_is_not_seen_is_refused_where_a_rule_could_be_broken() {
    let image = || vec![ImageRule::parse("ubuntu:16.04").unwrap()];
    let ports = Policy { ports: policy().ports, ..Policy::permissive() };
    let images = Policy { images: image(), ..Policy::permissive() };
    let allowed = Policy { images: image(), builds: BuildRule::Allow, ..Policy::permissive() };
    let memory = Ceilings { memory: Some(Bytes::parse("1g").unwrap()), ..Ceilings::default() };
    let memory = Policy { ceilings: memory, ..Policy::permissive() };
    for (policy, query, is_read, rule) in [
        (&Policy::permissive(), "", false, None),
        (&Policy::permissive(), "version=2", false, None),
        (&Policy::permissive(), "remote=x", false, None),
        (&ports, "", false, None),
        (&ports, "version=2", false, Some("ports")),
        (&ports, "version=2&remote=client-session&session=s", false, Some("ports")),
        (&allowed, "version=2&remote=client-session&session=s", false, None),
        (&allowed, "", false, None),
        (&allowed, "version=2", false, None),
        (&allowed, "remote=x", false, None),
        (&images, "", true, Some("images")),
        (&images, "version=1", true, Some("images")),
        (&images, "version=2", false, Some("images")),
        (&images, "remote=x", false, Some("images")),
        (&memory, "", false, None),
        (&memory, "version=2", false, Some("general.memory")),
    ] {
        let (reads, verdict) = inspected(policy, query);
        assert_eq!(reads, is_read, "{query}: {verdict}");
        match rule {
            None => assert_eq!(verdict, "allowed", "{query}"),
            Some(rule) => assert!(verdict.ends_with(&format!("(rule \"{rule}\")")), "{verdict}"),
        }
    }
    let grpc = |policy: &Policy| {
        testing::refusal(&judge(policy, Inspected::new((), effects_of_buildkit()), &listed()))
    };
    assert_eq!(grpc(&Policy::permissive()), "");
    assert_eq!(grpc(&allowed), "");
    for policy in [&ports, &images, &memory] {
        assert!(grpc(policy).contains("DOCKER_BUILDKIT=0"), "{}", grpc(policy));
    }
}

#[test]
fn builds_may_be_forbidden_altogether() {
    let policy = Policy { builds: BuildRule::Forbid, ..Policy::permissive() };
    assert_eq!(verdict(&policy, ""), "forbidden: a build (rule \"builds: forbid\")");
    let buildkit = Inspected::new((), effects_of_buildkit());
    let Verdict::Forbidden(violations) = judge(&policy, buildkit, &Facts::none()) else {
        panic!("builds are forbidden");
    };
    assert_eq!(violations.to_string(), "forbidden: a build by BuildKit (rule \"builds: forbid\")");
}

fn written(ceilings: &Ceilings, query: &str) -> Option<String> {
    let raw = format!("/v1.41/build?{query}");
    let read = read(&target::parse(&raw).unwrap()).unwrap();
    match judge(&Policy::permissive(), read, &Facts::none()) {
        Verdict::Allowed(checked) => write(checked.into_body(), ceilings, &mut Vec::new()).target,
        Verdict::Forbidden(_) => panic!("nothing is forbidden"),
    }
}

#[test]
fn ceilings_hold_for_the_steps() {
    let ceilings = Ceilings {
        memory: Some(Bytes::parse("100m").unwrap()),
        cpu: Some(NanoCpus::parse("0.5").unwrap()),
        ..Ceilings::default()
    };
    const MOST: &str = "memory=104857600";
    for (query, expected) in [
        ("", "memory=104857600&cpuperiod=100000&cpuquota=50000"),
        ("t=a:1&t=b", "t=a%3A1&t=b&memory=104857600&cpuperiod=100000&cpuquota=50000"),
        ("memory=9999999999&cpuquota=1000", "memory=104857600&cpuquota=1000"),
        ("memory=1g&cpuquota=-1", "memory=104857600&cpuquota=50000&cpuperiod=100000"),
        (
            "memory=50&memswap=-1&cpuperiod=1000&cpuquota=900",
            "memory=50&memswap=100&cpuperiod=100000&cpuquota=50000",
        ),
        ("Memory=5&cpuquota=1000", "Memory=5&cpuquota=1000&memory=104857600"),
    ] {
        let expected = Some(format!("/v1.41/build?{expected}"));
        assert_eq!(written(&ceilings, query), expected, "{query}");
    }
    let within = format!("{MOST}&cpuperiod=10000&cpuquota=5000&x=%2f");
    assert_eq!(written(&ceilings, &within), None);
    assert_eq!(written(&Ceilings::default(), "memory=9999999999"), None);
    let rewritten = written(&ceilings, "buildargs={\"A\":\"%26b+c\"}").unwrap();
    let (_, query) = rewritten.split_once('?').unwrap();
    let first = query_pairs(query).next().unwrap().unwrap();
    assert_eq!(first, ("buildargs".to_owned(), "{\"A\":\"&b c\"}".to_owned()));
}

#[test]
fn quotas_stay_in_the_kernels_bounds() {
    for (cpus, expected) in [
        ("2", (100_000, 200_000)),
        ("0.5", (100_000, 50_000)),
        ("0.01", (100_000, 1_000)),
        ("0.005", (1_000_000, 5_000)),
        ("0.0001", (1_000_000, 1_000)),
    ] {
        assert_eq!(as_quota(NanoCpus::parse(cpus).unwrap().get()), expected, "{cpus}");
    }
}
