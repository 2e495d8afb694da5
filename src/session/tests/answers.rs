//! What a daemon may answer, and how the connection goes on behind it.

use super::*;

#[test]
fn an_early_answer_lets_the_body_end_while_the_daemon_reads_it() {
    let put =
        "PUT /containers/x/archive?path=/ HTTP/1.1\r\nHost: d\r\nContent-Length: 6\r\n\r\nabc";
    talk(|talk| {
        talk.client(put).daemon(OK).client_gets(OK).is(None);
        talk.client("def").client(PING);
        assert!(talk.got[1].ends_with(&format!("abcdef{PING}")), "{}", talk.got[1]);
    });
    talk(|talk| {
        talk.client(put);
        talk.daemon("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        talk.client_gets("HTTP/1.1 404").is(Some(End::Linger));
        talk.client("def").client(PING).daemon_never_sees("def");
    });
}

#[test]
fn a_response_that_breaks_off_is_never_completed() {
    talk(|talk| {
        talk.client(PING).daemon("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
        talk.ends(Side::Upstream).is(Some(End::Abort));
    });
    talk(|talk| {
        talk.client(PING).daemon("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
        talk.ends(Side::Upstream).is(Some(End::Abort));
    });
}

#[test]
fn a_daemon_that_is_away_is_a_502_and_the_connection_goes_on() {
    talk(|talk| {
        talk.client(PING);
        let gone = UpstreamFailure::Unreachable("nobody there".to_owned());
        talk.call(|session, turn| session.upstream_failed(&gone, turn));
        talk.client_gets("HTTP/1.1 502 Bad Gateway\r\n").is(None);
        talk.client(PING).daemon(OK).client_gets(OK);
    });
}

#[test]
fn a_daemon_that_breaks_off_twice_is_a_502_twice() {
    talk(|talk| {
        for _ in 0..2 {
            talk.client(PING).ends(Side::Upstream);
            talk.client_gets("HTTP/1.1 502 Bad Gateway\r\n").is(None);
        }
    });
}

#[test]
fn an_answered_request_whose_body_breaks_off_is_over() {
    talk(|talk| {
        talk.client("PUT /containers/x/archive HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc");
        talk.daemon(OK).client_gets(OK).is(None).ends(Side::Downstream).is(Some(End::Flush));
    });
}

#[test]
fn old_clients_and_closing_ones_end_after_their_answer() {
    let old = "GET /_ping HTTP/1.0\r\n\r\n";
    let closing = "GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
    for request in [old, closing] {
        talk(|talk| {
            talk.client(request).daemon_gets(request).daemon(OK).client_gets(OK);
            talk.is(Some(End::Flush));
        });
    }
}

#[test]
fn a_body_without_a_length_ends_with_its_connection() {
    const UNTIL_CLOSE: &str = "HTTP/1.0 200 OK\r\n\r\nall of it";
    talk(|talk| {
        talk.client(PING).daemon(UNTIL_CLOSE).client_gets(UNTIL_CLOSE).is(None);
        talk.ends(Side::Upstream).is(Some(End::Flush));
    });
}

#[test]
fn a_response_to_head_has_no_body() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n";
    talk(|talk| {
        talk.client("HEAD /_ping HTTP/1.1\r\nHost: d\r\n\r\n").daemon(HEAD).client_gets(HEAD);
        talk.client(PING).daemon(OK).client_gets(OK).is(None);
    });
}

#[test]
fn bytes_that_answer_no_request_do_not_pass() {
    talk(|talk| {
        talk.client(PING).daemon(OK).client_gets(OK);
        talk.daemon("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        talk.is(Some(End::Flush));
        assert_eq!(talk.got[0], OK);
    });
}
