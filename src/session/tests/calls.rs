//! Calls of gRPC that are refused: the upgrade is accepted, the daemon sees nothing, each call gets the reason.

use super::*;
use crate::http2::frame::{self, END_HEADERS, END_STREAM, Kind, PREFACE};
use crate::policy::ceilings::Ceilings;
use crate::policy::endpoints::{EndpointEntry, EndpointRules, Otherwise};
use crate::policy::types::Bytes;

const UPGRADE: &str = "POST /grpc HTTP/1.1\r\nHost: \r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

fn preface() -> String {
    std::str::from_utf8(PREFACE).unwrap().to_owned() + &frame(Kind::Settings, 0, 0, "")
}

fn call(stream: u32) -> String {
    frame(Kind::Headers, END_HEADERS, stream, "\0\x05:path\x01/")
        + &frame(Kind::Data, END_STREAM, stream, "\0\0\0\0\0")
}

fn frame(kind: Kind, flags: u8, stream: u32, payload: &str) -> String {
    let mut out = Vec::new();
    frame::write(&mut out, kind, flags, stream, payload.as_bytes());
    String::from_utf8(out).unwrap()
}

fn no_builds() -> Policy {
    Policy { builds: BuildRule::Forbid, ..Policy::permissive() }
}

fn no_grpc() -> Policy {
    let deny = vec![EndpointEntry::parse("POST /grpc").unwrap()];
    let endpoints = EndpointRules { otherwise: Otherwise::Allow, allow: Vec::new(), deny };
    Policy { endpoints, ..Policy::permissive() }
}

#[test]
fn each_call_is_told_why_and_the_daemon_never_hears_of_it() {
    let memory = Some(Bytes::parse("1g").unwrap());
    let memory = Ceilings { memory, ..Ceilings::default() };
    let memory = Policy { ceilings: memory, ..Policy::permissive() };
    for (policy, reason) in [
        (no_builds(), "forbidden: a build by BuildKit (rule \"builds: forbid\")"),
        (memory, "(`builds: {cgroup: /secdocker-builds}`) (rule \"general.memory\")"),
        (no_grpc(), "forbidden: POST /grpc (rule \"endpoints: deny POST /grpc\")"),
    ] {
        for piece in [1, 3, 10, usize::MAX] {
            let mut talk = Talk::new(policy.clone(), piece);
            talk.client(UPGRADE);
            // Whether the daemon could limit each step is not known.
            if policy.ceilings.memory.is_some() {
                talk.answer(&Facts::none());
            }
            talk.client_gets(SWITCHED).client(&preface()).client(&call(1));
            for stream in [3, 5] {
                let got = talk.got[0].clone();
                assert!(got.contains("grpc-status\u{1}7") && got.contains(reason), "{got}");
                talk.got[0].clear();
                talk.client(&call(stream));
            }
            assert_eq!(talk.got[1], "");
            talk.is(None).ends(Side::Downstream).is(Some(End::Flush));
        }
    }
}

#[test]
fn what_comes_behind_the_upgrade_at_once_is_calls_and_never_requests() {
    let mut talk = Talk::new(no_builds(), usize::MAX);
    talk.client(&format!("{UPGRADE}{}{}", preface(), call(1)));
    assert!(talk.got[0].starts_with(SWITCHED) && talk.got[0].contains("grpc-status\u{1}7"));
    let mut talk = Talk::new(no_builds(), usize::MAX);
    talk.client(&format!("{UPGRADE}{PING}")).daemon_never_sees("ping").is(Some(End::Linger));
}

#[test]
fn an_idle_daemon_may_leave_meanwhile() {
    let mut talk = Talk::new(no_builds(), usize::MAX);
    talk.client(PING).daemon(OK).client_gets(OK).client(UPGRADE).client_gets(SWITCHED);
    talk.ends(Side::Upstream).is(None).client(&preface()).client(&call(1)).is(None);
    assert!(talk.got[0].contains("grpc-status\u{1}7"));
    assert!(!talk.session.is_done_with(Side::Downstream) && !talk.session.is_busy());
    let mut talk = Talk::new(no_builds(), usize::MAX);
    talk.client(PING).daemon(OK).client(UPGRADE);
    let lost = UpstreamFailure::Lost("gone".to_owned());
    talk.call(|session, turn| session.upstream_failed(&lost, turn));
    talk.client(&preface()).client(&call(1)).is(None);
}

#[test]
fn a_change_of_images_that_was_refused_is_over() {
    let mut talk = Talk::new(no_builds(), usize::MAX);
    talk.client(UPGRADE);
    assert!(talk.session.changes.epoch().is_some());
    assert_eq!(talk.session.changes.abandoned(), 0);
}

#[test]
fn a_client_that_does_not_begin_is_not_waited_for() {
    let mut talk = Talk::new(no_builds(), usize::MAX);
    talk.client(UPGRADE).client("PRI");
    talk.now += Duration::from_secs(31);
    talk.call(|session, turn| session.elapsed(turn));
    talk.is(Some(End::Flush));
    let mut talk = Talk::new(no_builds(), usize::MAX);
    talk.client(UPGRADE).client(&preface());
    assert_eq!(talk.session.deadline(), None);
}

#[test]
fn only_the_upgrade_that_clients_of_the_builder_send_is_accepted() {
    for (wanted, head) in [
        ("HTTP/1.1 403", UPGRADE.replace("Upgrade: h2c\r\n", "")),
        ("HTTP/1.1 403", UPGRADE.replace("Upgrade: h2c", "Upgrade: tcp")),
        ("HTTP/1.1 403", UPGRADE.replace("Upgrade: h2c", "Upgrade: h2c, tcp")),
        ("HTTP/1.1 403", UPGRADE.replace("Connection: Upgrade", "Connection: close")),
        ("HTTP/1.0 403", UPGRADE.replace("HTTP/1.1", "HTTP/1.0")),
        ("HTTP/1.1 403", UPGRADE.replace("Host: \r\n", "HTTP2-Settings: AAMA\r\n")),
        ("HTTP/1.1 400", preface()),
    ] {
        let mut talk = Talk::new(no_builds(), usize::MAX);
        talk.client(&head).client_gets(wanted).daemon_never_sees("grpc");
    }
    let mut talk = Talk::new(no_builds(), usize::MAX);
    talk.client(&UPGRADE.replace("Content-Length: 0", "Content-Length: 1"));
    talk.client_gets("HTTP/1.1 400").daemon_never_sees("grpc");
}
