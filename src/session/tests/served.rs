//! Sessions by which clients serve builds, where the daemon can be held to rules in no other way.

use super::*;
use crate::http2::frame::{self, END_HEADERS, END_STREAM, Kind, PREFACE};
use crate::http2::literal::write_field;
use crate::policy::facts::{BuilderFacts, ImageFacts};
use crate::policy::images::ImageRule;

const SESSION: &str = "POST /session HTTP/1.1\r\nHost: \r\nX-Docker-Expose-Session-Uuid: mine\r\n\
    X-Docker-Expose-Session-Uuid: other\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

fn frame(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> String {
    let mut out = Vec::new();
    frame::write(&mut out, kind, flags, stream, payload);
    String::from_utf8(out).unwrap()
}

fn head(flags: u8, stream: u32, fields: &[(&str, &str)]) -> String {
    let mut block = Vec::new();
    fields.iter().for_each(|(name, value)| {
        write_field(&mut block, name.as_bytes(), value.as_bytes());
    });
    frame(Kind::Headers, END_HEADERS | flags, stream, &block)
}

fn packet(stream: u32, content: &[u8]) -> String {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    frame(Kind::Data, 0, stream, &[&[0][..], &length, content].concat())
}

fn piece(content: &str) -> String {
    let length = u8::try_from(content.len()).unwrap();
    packet(1, &[&[8, 2, 0x22, length], content.as_bytes()].concat())
}

fn heeds(policies: bool) -> Facts {
    let mut facts = Facts::none();
    facts.add_builder(BuilderFacts { heeds_policies: policies, limits_steps: false });
    facts
}

/// Answers that there is the image that was asked about.
fn answer_of_image(talk: &mut Talk) {
    let (ticket, questions, _) = talk.take_question().unwrap();
    let (id, names, user, environment) = ("sha256:1".to_owned(), vec![], None, vec![]);
    let mut facts = Facts::none();
    let image = ImageFacts::Present { id, names, user, environment };
    facts.add_image(questions.images()[0].clone(), image);
    talk.call(|session, turn| session.answered(ticket, Answer::Facts(facts), turn));
    talk.pump();
}

fn under_rules(changes: &ImageChanges, piece: usize) -> Talk {
    let images = vec![ImageRule::parse("ubuntu:16.04").unwrap()];
    let mut talk = Talk::new(Policy { images, ..Policy::permissive() }, piece);
    talk.session = Session::new(ClientId::NOBODY, Budget::new(100_000), changes.clone());
    talk
}

/// The name that the daemon is told.
fn told(got: &str) -> String {
    let behind = got.split("secdocker-").nth(1).unwrap_or_else(|| panic!("{got}"));
    let name: String = behind.chars().take_while(char::is_ascii_hexdigit).collect();
    format!("secdocker-{name}")
}

#[test]
fn where_the_daemon_heeds_policies_sessions_pass_as_they_are() {
    talk(|talk| {
        *talk = under_rules(&ImageChanges::default(), talk.piece);
        talk.client(SESSION).answer(&heeds(true));
        talk.daemon_gets(SESSION).daemon(SWITCHED).client_gets(SWITCHED);
        talk.client("anything").daemon_gets("anything");
    });
}

#[test]
fn a_session_is_not_passed_while_it_is_not_known_whether_it_must_be_judged() {
    talk(|talk| {
        *talk = under_rules(&ImageChanges::default(), talk.piece);
        talk.client(SESSION).answer(&Facts::none());
        talk.client_gets("HTTP/1.1 503 ").daemon_never_sees("POST");
    });
}

#[test]
fn a_dockerfile_goes_on_once_it_was_judged_with_what_its_build_asks_for() {
    for size in [1, 7, usize::MAX] {
        for (base, is_forbidden) in [("probe:1", false), ("ubuntu:16.04", true)] {
            let changes = ImageChanges::default();
            let mut build = under_rules(&changes, size);
            let query = "version=2&remote=client-session&session=mine&dockerfile=D";
            build.client(&format!(
                "POST /build?{query}&buildargs=%7B%22B%22:%22{base}%22%7D HTTP/1.1\r\nHost: d\r\n\r\n"
            ));
            build.answer(&heeds(false)).daemon_never_sees("mine");
            let mut talk = under_rules(&changes, size);
            talk.client(SESSION).answer(&heeds(false));
            talk.daemon_never_sees("mine").daemon_never_sees("other");
            assert_eq!(told(&talk.got[1]), told(&build.got[1]));
            talk.daemon(SWITCHED).client_gets(SWITCHED);
            let path = "/moby.filesync.v1.FileSync/DiffCopy";
            let called = [
                str::from_utf8(PREFACE).unwrap().to_owned(),
                head(0, 1, &[(":path", path), ("dir-name", "dockerfile")]),
                head(0, 3, &[(":path", path), ("dir-name", "context")]),
            ];
            talk.daemon(&called.concat()).client_gets(&called.concat());
            let begun = [1, 3].map(|stream| head(0, stream, &[(":status", "200")])).concat();
            let listed = [packet(1, b"\x12\x03\x0a\x01D"), packet(1, b"")].concat();
            talk.client(&[begun.clone(), listed.clone()].concat());
            talk.client(&piece("ARG B\n")).client(&piece("FROM $B\n"));
            talk.client(&packet(3, b"context"));
            // The end of the file is held; what is not of it passes.
            talk.client(&packet(1, &[8, 2]));
            talk.got[1].clear();
            talk.client(&packet(3, b"more"));
            answer_of_image(&mut talk);
            talk.client(&packet(1, &[8, 3])).client(&head(END_STREAM, 1, &[("grpc-status", "0")]));
            let (client, daemon) = (&talk.got[0], &talk.got[1]);
            if is_forbidden {
                let sentence = "SecDocker: forbidden: image ubuntu:16.04 (rule \"ubuntu:16.04\")";
                assert!(
                    daemon.contains("grpc-status\u{1}7") && daemon.contains(sentence),
                    "{daemon:?}"
                );
                assert!(
                    !daemon.contains(&packet(1, &[8, 2])) && client.contains('\u{8}'),
                    "{client:?}"
                );
            } else {
                assert!(daemon.contains(&packet(1, &[8, 2])), "{daemon:?}");
                assert!(
                    daemon.ends_with(&head(END_STREAM, 1, &[("grpc-status", "0")])),
                    "{daemon:?}"
                );
            }
            assert!(daemon.contains(&packet(3, b"more")), "{daemon:?}");
            talk.is(None);
        }
    }
}

#[test]
fn files_for_no_build_and_second_builds_are_refused() {
    let changes = ImageChanges::default();
    let mut talk = under_rules(&changes, 9);
    talk.client(SESSION).answer(&heeds(false)).daemon(SWITCHED);
    let call = [(":path", "/moby.filesync.v1.FileSync/DiffCopy"), ("dir-name", "dockerfile")];
    talk.daemon(&format!("{}{}", str::from_utf8(PREFACE).unwrap(), head(0, 1, &call)));
    talk.client(&format!(
        "{}{}",
        head(0, 1, &[(":status", "200")]),
        packet(1, b"\x12\x03\x0a\x01D")
    ));
    let daemon = &talk.got[1];
    assert!(daemon.contains("no build has asked for it"), "{daemon:?}");
    let query = "version=2&remote=client-session&session=mine";
    let build = format!("POST /build?{query} HTTP/1.1\r\nHost: d\r\n\r\n");
    under_rules(&changes, 9).client(&build).answer(&heeds(false)).daemon_gets("POST /build?");
    let mut second = under_rules(&changes, 9);
    second.client(&build).answer(&heeds(false)).client_gets("HTTP/1.1 403");
    // The connection of the session holds its name and its build.
    drop(talk);
    under_rules(&changes, 9).client(&build).answer(&heeds(false)).daemon_gets("POST /build?");
}
