//! Answers that hold credentials, in pieces of every size.

use super::*;
use crate::policy::endpoints::{EndpointEntry, EndpointRules};

const SWARM: &str = "GET /v1.41/swarm HTTP/1.1\r\nHost: d\r\n\r\n";
const BODY: &str = r#"{"ID":"a","JoinTokens":{"Worker":"SWMTKN-1-x","Manager":"SWMTKN-1-y"}}"#;
const WRITTEN: &str = "{\"ID\":\"a\",\"JoinTokens\":{\"Manager\":\"withheld-by-SecDocker\",\
                       \"Worker\":\"withheld-by-SecDocker\"}}\n";

fn answered(head: &str) -> String {
    let length = WRITTEN.len();
    format!("HTTP/1.1 200 OK\r\n{head}Content-Length: {length}\r\n\r\n{WRITTEN}")
}

#[test]
fn tokens_never_leave_however_the_answer_is_framed() {
    let head = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n";
    for answer in [with_body(head, BODY), chunked(head, BODY)] {
        talk(|talk| {
            talk.client(SWARM).daemon_gets(SWARM).daemon(&answer);
            talk.client_gets(&answered("Api-Version: 1.41\r\n")).is(None);
            talk.client(PING).daemon_gets(PING).daemon(OK).client_gets(OK).is(None);
        });
    }
    talk(|talk| {
        talk.client(SWARM).daemon(&format!("{head}\r\n{BODY}")).ends(Side::Upstream);
        talk.client_gets(&answered("Api-Version: 1.41\r\n")).is(Some(End::Flush));
    });
}

#[test]
fn what_is_not_an_answer_with_tokens_passes_as_it_is() {
    let error = with_body("HTTP/1.1 503 Service Unavailable\r\n", r#"{"message": "no swarm"}"#);
    talk(|talk| {
        talk.client(SWARM).daemon(&error).client_gets(&error).is(None);
        talk.client(PING).daemon(OK).client_gets(OK).is(None);
    });
    // Without any rule nothing could be broken with a token.
    let answer = with_body("HTTP/1.1 200 OK\r\n", BODY);
    let mut talk = Talk::new(Policy::permissive(), 7);
    talk.client(SWARM).daemon(&answer).client_gets(&answer).is(None);
}

#[test]
fn rules_about_endpoints_alone_could_be_broken_with_a_token_too() {
    let deny = vec![EndpointEntry::parse("POST /containers/*/exec").unwrap()];
    let endpoints = EndpointRules { deny, ..EndpointRules::default() };
    let mut talk = Talk::new(Policy { endpoints, ..Policy::permissive() }, 7);
    talk.client(SWARM).daemon(&with_body("HTTP/1.1 200 OK\r\n", BODY));
    talk.client_gets(&answered("")).is(None);
}

#[test]
fn what_can_not_be_read_does_not_leave() {
    let head = "HTTP/1.1 200 OK\r\n";
    for answer in [
        with_body(head, "{\"JoinTokens\": SWMTKN-1-x"),
        with_body(&format!("{head}Content-Encoding: gzip\r\n"), BODY),
        format!("{head}Content-Length: 50000000\r\n\r\n{BODY}"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{BODY}"),
    ] {
        talk(|talk| {
            talk.client(SWARM).daemon(&answer).client_gets("HTTP/1.1 502 Bad Gateway\r\n");
            assert!(!talk.got[0].contains("SWMTKN"), "{}", talk.got[0]);
        });
    }
    talk(|talk| {
        talk.client(SWARM).daemon(&format!("{head}Content-Length: 99\r\n\r\n{BODY}"));
        talk.ends(Side::Upstream).client_gets("HTTP/1.1 502 Bad Gateway\r\n");
        assert!(!talk.got[0].contains("SWMTKN"), "{}", talk.got[0]);
    });
}
