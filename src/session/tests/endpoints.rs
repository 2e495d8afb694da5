//! Requests that may not be made at all, however they arrive.

use super::*;
use crate::policy::endpoints::{EndpointEntry, EndpointRules, Otherwise};

const DENIED: &str = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n";
const LIST: &str = "GET /v1.41/containers/json HTTP/1.1\r\nHost: d\r\n\r\n";

/// Only these may be called, but for what is denied; everything else is refused.
fn talk_with(allow: &[&str], deny: &[&str], conversation: impl Fn(&mut Talk)) {
    let read =
        |texts: &[&str]| texts.iter().map(|text| EndpointEntry::parse(text).unwrap()).collect();
    for piece in [1, 2, 3, 5, 16, 61, usize::MAX] {
        let endpoints =
            EndpointRules { otherwise: Otherwise::Deny, allow: read(allow), deny: read(deny) };
        let ports = vec![PortRule::parse("22").unwrap()];
        let policy = Policy { ports, endpoints, ..Policy::permissive() };
        conversation(&mut Talk::new(policy, piece));
    }
}

#[test]
fn what_is_not_allowed_is_answered_in_its_place_and_the_connection_goes_on() {
    let create = with_body(CREATE, r#"{"Image":"a"}"#);
    let upload = with_body("PUT /containers/a/archive?path=/ HTTP/1.1\r\nHost: d\r\n", "a tar");
    let delete = "DELETE /containers/a HTTP/1.1\r\nHost: d\r\n\r\n".to_owned();
    for denied in [create, upload, delete] {
        talk_with(&["GET /containers/json"], &[], |talk| {
            talk.client(&format!("{LIST}{denied}{LIST}")).daemon(OK).client_gets(OK);
            let answers = talk.got[0].clone();
            assert!(answers.starts_with(&format!("{OK}{DENIED}")), "{answers}");
            assert!(answers.contains("(rule \\\"endpoints: default deny\\\")"), "{answers}");
            talk.daemon(OK).is(None);
            assert_eq!(talk.got[1], LIST.repeat(2), "what the daemon saw");
        });
    }
}

#[test]
fn what_is_allowed_is_still_inspected() {
    talk_with(&["POST /containers/create"], &[], |talk| {
        talk.client(&with_body(CREATE, FORBIDDEN)).client_gets(DENIED).is(None);
        talk.client(&with_body(CREATE, r#"{"Image":"a"}"#));
        talk.daemon_gets("POST /containers/create").is(None);
    });
}

#[test]
fn what_is_denied_is_denied_even_if_it_is_allowed() {
    talk_with(&["* /**"], &["POST /containers/*/attach"], |talk| {
        talk.client(ATTACH).client_gets(DENIED).client(PING).daemon_gets(PING).is(None);
    });
}

#[test]
fn a_request_behind_an_attach_that_is_refused_is_judged_as_well() {
    talk_with(&["GET /containers/json"], &[], |talk| {
        talk.client(&format!("{ATTACH}{}{LIST}", with_body(CREATE, "{}"))).daemon_gets(LIST);
        let answers = talk.got[0].matches(DENIED).count();
        assert_eq!((answers, talk.session.is_raw()), (2, false));
    });
}

#[test]
fn a_body_whose_end_is_far_or_unknown_ends_the_connection() {
    let length = "POST /build HTTP/1.1\r\nHost: d\r\nContent-Length: 5000000\r\n\r\nabc".to_owned();
    let chunks = chunked("POST /build HTTP/1.1\r\nHost: d\r\n", "abc");
    let expects = with_body("POST /build HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\n", "abc");
    for request in [length, chunks, expects] {
        talk_with(&["GET /containers/json"], &[], |talk| {
            talk.client(&request).client_gets(DENIED).is(Some(End::Linger));
            assert!(talk.got[0].contains("Connection: close\r\n"), "{}", talk.got[0]);
            talk.client(LIST);
            assert_eq!(talk.got[1], "", "what the daemon saw");
        });
    }
}

#[test]
fn a_body_that_nobody_will_see_is_waited_for_as_any_other() {
    let head = "POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\n\r\nab";
    talk_with(&[], &[], |talk| {
        talk.client(head).ends(Side::Downstream);
        talk.client_gets("HTTP/1.1 400 Bad Request\r\n").is(Some(End::Flush));
    });
    talk_with(&[], &[], |talk| {
        talk.client(head).is(None);
        talk.now = talk.session.deadline().unwrap();
        talk.call(|session, turn| session.elapsed(turn));
        talk.client_gets("HTTP/1.1 408 Request Timeout\r\n").is(Some(End::Linger));
    });
}

#[test]
fn odd_targets_and_other_methods_never_reach_the_daemon() {
    for line in [
        "GET //containers/json",
        "GET /containers/json/../create",
        "GET /containers/%2e/json",
        "GET /containers/json%00",
    ] {
        talk_with(&["GET /**"], &[], |talk| {
            talk.client(&format!("{line} HTTP/1.1\r\nHost: d\r\n\r\n{LIST}"));
            talk.client_gets("HTTP/1.1 400 Bad Request\r\n").is(Some(End::Linger));
            assert_eq!(talk.got[1], "", "{line}");
        });
    }
    for method in ["get", "HEAD", "OPTIONS", "PATCH", "X-GET"] {
        talk_with(&["GET /containers/json"], &[], |talk| {
            let override_it = "X-HTTP-Method-Override: GET\r\nX-Method-Override: GET\r\n";
            talk.client(&format!("{method} /containers/json HTTP/1.1\r\n{override_it}\r\n"));
            talk.client_gets(DENIED).client(LIST).daemon_gets(LIST).is(None);
        });
    }
}

#[test]
fn an_answer_to_head_has_no_body_here_either() {
    talk_with(&[], &[], |talk| {
        talk.client("HEAD /info HTTP/1.1\r\n\r\n").client_gets(DENIED).is(None);
        assert!(talk.got[0].ends_with("\r\n\r\n"), "{}", talk.got[0]);
    });
}

#[test]
fn what_no_rule_can_judge_never_reaches_the_daemon() {
    let body = r#"{"image":"a","privileged":true}"#;
    for line in [
        "POST /v5.0.0/libpod/containers/create",
        "GET /v5.0.0/libpod/info",
        "POST /containers/clone",
        "PATCH /containers/a",
        "post /containers/create",
    ] {
        for piece in [1, 7, usize::MAX] {
            let ports = vec![PortRule::parse("22").unwrap()];
            let mut talk = Talk::new(Policy { ports, ..Policy::permissive() }, piece);
            talk.client(&with_body(&format!("{line} HTTP/1.1\r\nHost: d\r\n"), body));
            talk.client_gets(DENIED).client(LIST).daemon_gets(LIST).is(None);
            assert!(talk.got[0].contains("`endpoints.allow`"), "{line}: {}", talk.got[0]);
        }
    }
}
