#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use proptest::prelude::*;

use super::*;
use crate::http::target;
use crate::policy::builds::BuildRule;
use crate::policy::ceilings::Ceilings;
use crate::policy::endpoints::{EndpointRules, FIRST_SEGMENTS, Otherwise};
use crate::policy::ports::PortRule;
use crate::policy::strict::StrictRule;
use crate::policy::types::Bytes;

fn known(
    method: &'static str,
    before: &'static str,
    name: &'static str,
    after: &'static str,
) -> Operation<'static> {
    Operation::named(method, before, name, after)
}

#[test]
fn a_name_ends_where_the_daemon_ends_it() {
    for (method, path, expected) in [
        ("GET", "/images/team/app/json", known("GET", "/images/", "team/app", "/json")),
        ("GET", "/v1.41/images/a/json", known("GET", "/images/", "a", "/json")),
        ("GET", "/v1/images/a/json", known("GET", "/images/", "a", "/json")),
        ("GET", "/v1.41./images/a/json", known("GET", "/images/", "a", "/json")),
        ("GET", "/images/json", Operation::unnamed("GET", "/images/json")),
        ("GET", "/images/get/json", known("GET", "/images/", "get", "/json")),
        ("GET", "/images/json/get", known("GET", "/images/", "json", "/get")),
        ("GET", "/containers/a/attach/ws", known("GET", "/containers/", "a", "/attach/ws")),
        (
            "GET",
            "/containers/a/attach/ws/json",
            known("GET", "/containers/", "a/attach/ws", "/json"),
        ),
        (
            "GET",
            "/containers/a/json/attach/ws",
            known("GET", "/containers/", "a/json", "/attach/ws"),
        ),
        ("GET", "/networks/a/b", known("GET", "/networks/", "a/b", "")),
        ("DELETE", "/images/a/b/c", known("DELETE", "/images/", "a/b/c", "")),
        ("DELETE", "/containers/a", known("DELETE", "/containers/", "a", "")),
        ("DELETE", "/containers/a/checkpoints/b", {
            known("DELETE", "/containers/", "a", "/checkpoints/b")
        }),
        ("DELETE", "/containers/a/checkpoints/b/c", {
            known("DELETE", "/containers/", "a/checkpoints/b/c", "")
        }),
        ("GET", "/services/a/logs", known("GET", "/services/", "a", "/logs")),
        ("GET", "/services/a/b/logs", Operation::unknown("GET", "/services/a/b/logs")),
        ("HEAD", "/_ping", Operation::unnamed("HEAD", "/_ping")),
        ("HEAD", "/containers/json", Operation::unknown("HEAD", "/containers/json")),
        ("post", "/containers/create", Operation::unknown("post", "/containers/create")),
        ("GET", "/containers//json", Operation::unknown("GET", "/containers//json")),
        ("GET", "/v1.41/v1.41/info", Operation::unknown("GET", "/v1.41/info")),
        ("GET", "/v/info", Operation::unknown("GET", "/v/info")),
        ("GET", "/v1.41", Operation::unknown("GET", "/v1.41")),
        ("OPTIONS", "*", Operation::unknown("OPTIONS", "*")),
        ("GET", "/", Operation::unknown("GET", "/")),
        ("GET", "", Operation::unknown("GET", "")),
    ] {
        assert_eq!(operation(method, path), expected, "{method} {path}");
    }
}

#[test]
fn an_entry_without_an_endpoint_is_seen() {
    for (text, known) in [
        ("GET /images/*/json", true),
        ("DELETE /containers/*/checkpoints/*", true),
        ("POST /containers/web-*/restart", true),
        ("* /**", true),
        ("OPTIONS /**", false),
        ("GET /image/*/json", false),
        ("POST /containers/*/exe", false),
        ("HEAD /containers/json", false),
    ] {
        assert_eq!(is_known(&EndpointEntry::parse(text).unwrap()), known, "{text}");
    }
}

/// What becomes of a request under these rules: `open`, `forbidden` or `odd`.
fn verdict(rules: &EndpointRules, method: &str, raw: &str) -> &'static str {
    let policy = Policy { endpoints: rules.clone(), ..Policy::permissive() };
    verdict_of(&policy, method, raw)
}

fn verdict_of(policy: &Policy, method: &str, raw: &str) -> &'static str {
    match access(
        policy,
        Purposes::default(),
        (method, FormBody::None),
        &target::parse(raw).unwrap(),
    ) {
        Ok(Access::Open) => "open",
        Ok(Access::Forbidden(_)) => "forbidden",
        Err(OddTarget) => "odd",
    }
}

#[test]
fn what_is_matched_is_the_decoded_path() {
    let allow = vec![EndpointEntry::parse("GET /containers/*/json").unwrap()];
    let rules = EndpointRules { otherwise: Otherwise::Deny, allow, deny: Vec::new() };
    for (target, expected) in [
        ("/containers/a/json", "open"),
        ("/containers/a/json?size=1", "open"),
        ("/v1.41/containers/a/json", "open"),
        ("/v1.41./containers/a/json", "open"),
        ("/v1/containers/a/json", "open"),
        ("/containers/%61/%6Ason", "open"),
        ("/containers%2Fa%2fjson", "open"),
        ("/%761.41/containers/a/json", "open"),
        ("http://d/containers/a/json", "open"),
        ("https://u@h:1/v1.41/containers/a/json", "open"),
        ("/v/containers/a/json", "forbidden"),
        ("/vx/containers/a/json", "forbidden"),
        ("/v1.41/v1.41/containers/a/json", "forbidden"),
        ("/containers/a/attach/ws", "forbidden"),
        ("/containers/json", "forbidden"),
        ("/Containers/a/json", "forbidden"),
        ("http://d", "forbidden"),
        ("*", "forbidden"),
        ("//containers/a/json", "odd"),
        ("/containers//json", "odd"),
        ("/containers/a/json/", "odd"),
        ("/containers/a/json/../attach/ws", "odd"),
        ("/containers/%2e%2e/json", "odd"),
        ("/containers/%252e/json", "odd"),
        ("/containers/a/json%00", "odd"),
        ("/containers/a/json%3f", "odd"),
        ("/containers/a/json;x", "odd"),
        ("/containers/a/json#", "odd"),
        ("/containers/a/json?#", "odd"),
        ("/containers/a\\json", "odd"),
        ("/containers/%zz/json", "odd"),
    ] {
        assert_eq!(verdict(&rules, "GET", target), expected, "{target}");
    }
    for method in ["get", "Get", "HEAD", "POST", "OPTIONS", "GETT", "PROPFIND"] {
        assert_eq!(verdict(&rules, method, "/containers/a/json"), "forbidden", "{method}");
    }
}

#[test]
fn without_rules_nothing_is_odd() {
    let none = EndpointRules::default();
    for target in ["//containers/a/json", "/x/../y", "*", "/é"] {
        assert_eq!(verdict(&none, "GET", target), "open", "{target}");
    }
}

fn allowing(otherwise: Otherwise, entries: &[&str]) -> EndpointRules {
    let allow = entries.iter().map(|entry| EndpointEntry::parse(entry).unwrap()).collect();
    EndpointRules { otherwise, allow, deny: Vec::new() }
}

/// One policy for each section that an unknown operation could break.
fn guarded() -> Vec<Policy> {
    let ports = vec![PortRule::parse("22").unwrap()];
    let ceilings = Ceilings { memory: Some(Bytes::parse("1g").unwrap()), ..Ceilings::default() };
    let deny = vec![EndpointEntry::parse("POST /containers/*/exec").unwrap()];
    let endpoints = EndpointRules { deny, ..EndpointRules::default() };
    let any = allowing(Otherwise::Deny, &["* /**"]);
    vec![
        Policy { ports, ..Policy::permissive() },
        Policy { ceilings, ..Policy::permissive() },
        Policy { builds: BuildRule::Forbid, ..Policy::permissive() },
        Policy { strict: StrictRule::Refuse, ..Policy::permissive() },
        Policy { endpoints, ..Policy::permissive() },
        Policy { endpoints: any, ..Policy::permissive() },
    ]
}

#[test]
fn what_no_daemon_is_known_to_have_is_refused_under_any_rule() {
    for (method, path, expected) in [
        ("POST", "/v5.0.0/libpod/containers/create", "forbidden"),
        ("POST", "/libpod/containers/create", "forbidden"),
        ("POST", "/v1.40/libpod/pods/create", "forbidden"),
        ("POST", "/v5.0.0-rc1/libpod/containers/create", "forbidden"),
        ("POST", "/%76%35.0.0/%6cibpod/containers/create", "forbidden"),
        ("POST", "/v5.0.0%2flibpod%2fcontainers%2fcreate", "forbidden"),
        ("POST", "http://d/v5.0.0/libpod/containers/create", "forbidden"),
        ("GET", "/v5.0.0/libpod/containers/a/archive?path=/", "forbidden"),
        ("HEAD", "/v5.0.0/libpod/containers/a/archive", "forbidden"),
        ("GET", "/v5.0.0/LibPod/info", "forbidden"),
        ("OPTIONS", "/libpod/info", "forbidden"),
        ("GET", "/v5.0.0/libpod", "forbidden"),
        ("POST", "/kube/play", "forbidden"),
        ("POST", "/v1.60/containers/a/clone", "forbidden"),
        ("PATCH", "/containers/a", "forbidden"),
        ("PUT", "/images/a", "forbidden"),
        ("post", "/containers/create", "forbidden"),
        ("DELETE", "/containers", "forbidden"),
        ("TRACE", "/info", "forbidden"),
        ("LOOK", "/debug/vars", "forbidden"),
        ("get", "/libpod/info", "forbidden"),
        ("GET", "/containers/libpod/json", "open"),
        ("POST", "/networks/libpod/connect", "open"),
        ("DELETE", "/images/quay.io/libpod/alpine", "open"),
        ("GET", "/new/thing", "open"),
        ("HEAD", "/new/thing", "open"),
        ("OPTIONS", "*", "open"),
        ("OPTIONS", "/containers/create", "open"),
        ("POST", "/containers/create", "open"),
        ("POST", "/v1.41-rc.1/containers/create", "open"),
        ("PUT", "/volumes/a", "open"),
        ("POST", "/session", "open"),
    ] {
        assert_eq!(verdict_of(&Policy::permissive(), method, path), "open", "{method} {path}");
        for (at, policy) in guarded().iter().enumerate() {
            assert_eq!(verdict_of(policy, method, path), expected, "{at}: {method} {path}");
        }
    }
}

/// A daemon cleans such a path and sends its client elsewhere; others might follow themselves.
#[test]
fn odd_paths_that_could_be_podmans_are_refused() {
    let policy = guarded().swap_remove(0);
    let policy = &policy;
    for path in [
        "//v5.0.0/libpod/containers/create",
        "/containers/../libpod/containers/a/start",
        "/x/..%2flibpod/info",
        "/lib%2570od/info",
        "/images/a/../../libpod/images/json",
        "/%25252525252525",
    ] {
        for method in ["GET", "POST", "DELETE", "PUT"] {
            let odd = target::parse(path).unwrap();
            let is_refused = routes::classify(method, &odd).is_err()
                || verdict_of(policy, method, path) == "forbidden";
            assert!(is_refused, "{method} {path}");
        }
    }
    assert_eq!(verdict_of(policy, "GET", "//containers/json"), "open");
}

#[test]
fn an_entry_that_names_it_lets_it_pass() {
    for (entry, method, path, expected) in [
        ("POST /libpod/**", "POST", "/v5.0.0/libpod/containers/create", "open"),
        ("* /libpod/**", "GET", "/libpod/info", "open"),
        ("POST /libpod/pods/*", "POST", "/libpod/pods/create", "open"),
        ("POST /libpod/pods/*", "POST", "/libpod/pods/a/start", "forbidden"),
        ("GET /libpod/**", "POST", "/libpod/containers/create", "forbidden"),
        ("POST /libpod/**", "post", "/libpod/containers/create", "forbidden"),
        ("POST /libpod/**", "POST", "/x/../libpod/pods/prune", "forbidden"),
        ("* /**", "POST", "/libpod/containers/create", "forbidden"),
        ("* /*/containers/create", "POST", "/libpod/containers/create", "forbidden"),
        ("* /lib*/**", "POST", "/libpod/containers/create", "forbidden"),
        ("POST /kube/play", "POST", "/kube/play", "open"),
    ] {
        let ports = vec![PortRule::parse("22").unwrap()];
        let endpoints = allowing(Otherwise::Allow, &[entry]);
        let policy = Policy { ports, endpoints, ..Policy::permissive() };
        assert_eq!(verdict_of(&policy, method, path), expected, "{entry}: {method} {path}");
    }
}

#[test]
fn the_first_segments_are_those_of_the_known_operations() {
    let first = |path: &str| path.split('/').nth(1).unwrap().to_owned();
    let known: std::collections::BTreeSet<_> =
        routes::known().map(|(_, row)| first(&row.filled("a"))).collect();
    assert!(known.iter().eq(FIRST_SEGMENTS.iter()), "{known:?}");
}

#[test]
fn parameters_are_read_as_the_daemon_does() {
    let rules = allowing(Otherwise::Deny, &["POST /containers/*/kill?signal=HUP"]);
    let policy = Policy { endpoints: rules, ..Policy::permissive() };
    for (query, body, expected) in [
        ("signal=HUP", FormBody::None, true),
        ("sig%6eal=%48UP", FormBody::None, true),
        ("signal=HUP&a=b", FormBody::None, true),
        ("signal=HUP&sig%6eal=KILL", FormBody::None, false),
        ("signal=KILL", FormBody::None, false),
        ("signal=HUP;signal=KILL", FormBody::None, false),
        ("signal=HUP&a=%zz", FormBody::None, false),
        ("signal=HUP", FormBody::Possible, false),
        ("", FormBody::None, false),
    ] {
        let raw = format!("/v1.41/containers/a/kill?{query}");
        let target = target::parse(&raw).unwrap();
        let access = access(&policy, Purposes::default(), ("POST", body), &target).unwrap();
        assert_eq!(matches!(access, Access::Open), expected, "{query}");
    }
}

#[test]
fn where_plugins_are_asked_the_world_is_closed_too() {
    let reviewed = Purposes { create: true, ..Purposes::default() };
    let target = target::parse("/libpod/containers/create").unwrap();
    let access =
        access(&Policy::permissive(), reviewed, ("POST", FormBody::None), &target).unwrap();
    let Access::Forbidden(violations) = access else { panic!("{access:?}") };
    assert_eq!(
        violations.to_string(),
        "forbidden: POST /libpod/containers/create, which belongs to an API of Podman's own, so that \
         no rule can judge it; `endpoints.allow` can name it to let it pass (rule \"plugins\")"
    );
}

proptest! {
    /// However the path is taken apart, together it is the path.
    #[test]
    fn nothing_of_a_path_is_lost(
        method in "GET|POST|HEAD|PUT|DELETE|get|PATCH",
        path in "(/(containers|images|json|a|attach|ws|checkpoints|volumes|v1|)){0,6}",
    ) {
        let whole = format!("{method} {}", crate::policy::shown::Shown(unversioned(&path)));
        prop_assert_eq!(operation(&method, &path).to_string(), whole);
    }
}
