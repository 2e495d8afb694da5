#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use proptest::prelude::*;

use super::*;
use crate::http::target;
use crate::policy::endpoints::Otherwise;

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
    match access(rules, method, &target::parse(raw).unwrap()) {
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
