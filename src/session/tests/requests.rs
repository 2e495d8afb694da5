//! What a client may send, and how the connection goes on behind it.

use super::*;

#[test]
fn pipelined_requests_wait_for_the_response_before_them() {
    talk(|talk| {
        talk.client(&PING.repeat(2));
        assert_eq!(talk.got[1], PING);
        talk.daemon(OK).client_gets(OK);
        assert_eq!(talk.got[1], PING.repeat(2));
    });
}

#[test]
fn held_bytes_are_inspected_when_the_daemon_refuses_to_switch() {
    talk(|talk| {
        talk.client(ATTACH).client(&with_body(CREATE, FORBIDDEN));
        talk.daemon_gets(ATTACH);
        talk.daemon("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}");
        talk.client_gets("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 403");
        talk.daemon_never_sees("create").is(None);
    });
}

#[test]
fn a_switch_on_the_daemons_word_makes_both_directions_raw() {
    const RAW: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";
    for head in ["HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n", RAW] {
        talk(|talk| {
            talk.client(ATTACH).client("stdin").daemon_gets(ATTACH);
            talk.daemon(head).client_gets(head).daemon_gets("stdin");
            talk.daemon("out").client_gets("out").ends(Side::Downstream);
            assert!(talk.session.is_done_with(Side::Upstream));
            assert!(!talk.session.is_done_with(Side::Downstream));
            talk.daemon("late").client_gets("late").ends(Side::Upstream).is(Some(End::Flush));
        });
    }
}

#[test]
fn a_builder_that_is_spoken_to_raw_is_judged_before() {
    const SWITCHED: &str = "HTTP/1.1 101 UPGRADED\r\nUpgrade: h2c\r\n\r\n";
    let grpc = ATTACH.replace("/containers/x/attach?stdout=1", "/v1.41/grpc").replace("tcp", "h2c");
    let ports = || vec![PortRule::parse("22").unwrap()];
    for piece in [1, usize::MAX] {
        let policy = Policy { ports: ports(), builds: BuildRule::Allow, ..Policy::permissive() };
        let mut talk = Talk::new(policy, piece);
        talk.client(&grpc).client("PRI *").daemon_gets(&grpc).daemon(SWITCHED);
        talk.client_gets(SWITCHED).daemon_gets("PRI *").is(None);
        let unseen = Policy { ports: ports(), ..Policy::permissive() };
        let no_upgrade = grpc.replace("Upgrade: h2c\r\n", "");
        let mut talk = Talk::new(unseen, piece);
        talk.client(&no_upgrade).answer(&Facts::none()).client_gets("HTTP/1.1 403 Forbidden\r\n");
        let policy = Policy { builds: BuildRule::Forbid, ..Policy::permissive() };
        let mut talk = Talk::new(policy, piece);
        talk.client(&no_upgrade).client(PING).client_gets("HTTP/1.1 403 Forbidden\r\n");
        talk.daemon_gets(PING).daemon_never_sees("grpc");
    }
}

#[test]
fn an_error_to_an_attach_without_a_length_ends_the_connection() {
    const ERROR: &str =
        "HTTP/1.1 404 Not Found\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nno such";
    talk(|talk| {
        talk.client(ATTACH).client(&with_body(CREATE, FORBIDDEN)).daemon(ERROR).client_gets(ERROR);
        talk.ends(Side::Upstream).is(Some(End::Flush)).daemon_never_sees("create");
    });
}

#[test]
fn nobody_switches_where_no_request_may() {
    talk(|talk| {
        talk.client("GET /info HTTP/1.1\r\nHost: d\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n");
        talk.daemon("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n");
        talk.client_gets("HTTP/1.1 502 Bad Gateway\r\n").is(Some(End::Flush));
    });
}

/// Java's client makes the offer with every first request.
#[test]
fn an_offer_of_http2_never_reaches_the_daemon_and_the_request_does() {
    const OFFER: &str =
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
    const PUT: &str = "PUT /containers/x/archive?path=/ HTTP/1.1\r\nHost: d\r\n";
    talk(|talk| {
        talk.client(&PING.replace("Host: d\r\n", &format!("Host: d\r\n{OFFER}")));
        talk.daemon_gets(PING).daemon(OK).client_gets(OK);
        // What is pipelined behind it, or follows it, is inspected as ever.
        talk.client(&with_body(CREATE, FORBIDDEN)).client_gets("HTTP/1.1 403 Forbidden\r\n");
        talk.client(&with_body(&format!("{PUT}{OFFER}"), "a tar"));
        talk.daemon_gets(&with_body(PUT, "a tar")).daemon(OK).client_gets(OK);
        talk.client(&PING.replace("Host: d\r\n", "Host: d\r\nUpgrade: h2c\r\n"));
        talk.daemon_gets(PING).daemon(OK).client_gets(OK);
        // A stream is no HTTP/2 for want of an offer, and the daemon still may switch.
        let attach = ATTACH.replace("Upgrade: tcp\r\nConnection: Upgrade\r\n", OFFER);
        talk.client(&attach)
            .daemon_gets(&ATTACH.replace("Upgrade: tcp\r\nConnection: Upgrade\r\n", ""));
        talk.daemon("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n");
        talk.client("stdin").daemon_gets("stdin").is(None);
        talk.daemon_never_sees("h2c").daemon_never_sees("HTTP2");
    });
}

#[test]
fn malformed_requests_end_with_400_before_a_byte_reaches_the_daemon() {
    let malformed = [
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        with_body(&format!("{CREATE}Upgrade: h2c, tcp\r\nHTTP2-Settings: AAMAAABk\r\n"), "{}"),
        "GET /_ping\r\n\r\n".to_owned(),
        format!("{CREATE}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{{}}"),
        format!("{CREATE}Content-Length: +2\r\n\r\n{{}}"),
        format!("{CREATE}Transfer-Encoding: gzip, chunked\r\n\r\n"),
        format!("{CREATE}Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        with_body(CREATE, "{}").replace("\r\n", "\n"),
        with_body(&CREATE.replacen("\r\n", "\n", 1), "{}"),
        "\nGET /_ping HTTP/1.1\nHost: d\n\n".to_owned(),
        "\x16\x03\x01".to_owned(),
        "GET /_ping HTTP/1.1\r\nHost: d\r\n folded\r\n\r\n".to_owned(),
        "GET /_ping HTTP/1.1\r\nHost : d\r\n\r\n".to_owned(),
        "POST /containers//create HTTP/1.1\r\nHost: d\r\n\r\n".to_owned(),
        with_body(&format!("{CREATE}Content-Encoding: gzip\r\n"), "{}"),
    ];
    for request in malformed {
        talk(|talk| {
            talk.client(&request).client(PING);
            talk.client_gets("HTTP/1.1 400 Bad Request\r\n").is(Some(End::Linger));
            assert_eq!(talk.got[1], "", "{request:?}");
        });
    }
}

#[test]
fn continue_is_said_by_us_only_where_we_collect_the_body() {
    let expecting = format!("{CREATE}Expect: 100-continue\r\n");
    talk(|talk| {
        talk.client(&format!("{expecting}Content-Length: 13\r\n\r\n"));
        talk.client_gets("HTTP/1.1 100 Continue\r\n\r\n");
        talk.client(r#"{"Image":"a"}"#).daemon_never_sees("Expect");
    });
    let load = "POST /images/load HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    talk(|talk| {
        talk.client(load).daemon_gets(load);
        assert_eq!(talk.got[0], "");
        talk.daemon("HTTP/1.1 100 Continue\r\n\r\n").client_gets("HTTP/1.1 100 Continue\r\n\r\n");
        talk.client("abc").daemon_gets("abc").daemon(OK).client_gets(OK).is(None);
    });
}

#[test]
fn targets_in_absolute_form_are_reduced_to_their_path() {
    talk(|talk| {
        talk.client("GET http://elsewhere/_ping?a=b HTTP/1.1\r\nHost: d\r\n\r\n");
        talk.daemon_gets("GET /_ping?a=b HTTP/1.1\r\nHost: d\r\n\r\n");
    });
}

#[test]
fn a_client_that_may_have_left_is_written_to_and_one_that_listens_gets_its_answer() {
    talk_with_plugins(|talk| {
        talk.client(&with_body(CREATE, r#"{"Image":"a"}"#)).ends(Side::Downstream);
        talk.client_gets("HTTP/1.1 100 Continue\r\n\r\n").is(None);
        let (ticket, _) = talk.take_review().unwrap();
        talk.call(|session, turn| session.answered(ticket, Answer::Review(advice(None)), turn));
        said_before(talk);
        talk.daemon_gets("POST /containers/create").daemon(OK).client_gets(OK);
        talk.is(Some(End::Flush));
    });
}
