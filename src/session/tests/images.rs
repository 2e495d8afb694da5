//! What a name means may change between the look at an image and the daemon's own.

use super::*;
use crate::effects::existing;
use crate::policy::facts::{ContainerFacts, ImageFacts, NamedImage, Question};
use crate::policy::images::ImageRule;
use crate::policy::ports::PortRule;
use crate::policy::types::UserSpec;
use crate::policy::users::UserRule;

/// A session under a rule about users, in which a create asks about the image `app`.
fn asks_about_an_image(talk: &mut Talk) -> (Ticket, Questions, ImageChanges) {
    let users = vec![UserRule::parse("root").unwrap()];
    *talk = Talk::new(Policy { users, ..Policy::permissive() }, talk.piece);
    let changes = ImageChanges::default();
    talk.session = Session::new(ClientId::NOBODY, Budget::new(100_000), changes.clone());
    talk.client(&with_body(CREATE, r#"{"Image":"app"}"#)).daemon_never_sees("create");
    let (ticket, questions, _) = talk.take_question().unwrap();
    (ticket, questions, changes)
}

fn known(questions: &Questions, facts: ImageFacts) -> Facts {
    let mut known = Facts::none();
    known.add_image(questions.images()[0].clone(), facts);
    known
}

fn of_user_1000(questions: &Questions) -> Facts {
    let (id, names, environment) = ("sha256:12".to_owned(), vec![], vec![]);
    let user = Some(UserSpec::parse("1000").unwrap());
    known(questions, ImageFacts::Present { id, names, user, environment })
}

#[test]
fn an_image_that_is_not_there_is_not_left_to_chance() {
    talk(|talk| {
        let (ticket, asked, _) = asks_about_an_image(talk);
        talk.call(|session, turn| {
            session.answered(ticket, Answer::Facts(known(&asked, ImageFacts::Absent)), turn)
        });
        talk.client_gets("HTTP/1.1 404 Not Found\r\n").daemon_never_sees("create");
    });
}

#[test]
fn what_is_not_told_in_time_is_no_breach_of_a_rule() {
    talk(|talk| {
        let (ticket, asked, _) = asks_about_an_image(talk);
        let mut late = Facts::none();
        late.note(&asked);
        late.note_late();
        talk.call(|session, turn| session.answered(ticket, Answer::Facts(late), turn));
        talk.client_gets("HTTP/1.1 503 Service Unavailable\r\n").daemon_never_sees("create");
        assert!(talk.got[0].contains("try again: image docker.io/library/app"), "{}", talk.got[0]);

        let (ticket, asked, _) = asks_about_an_image(talk);
        let mut unreadable = Facts::none();
        unreadable.note(&asked);
        talk.call(|session, turn| session.answered(ticket, Answer::Facts(unreadable), turn));
        talk.client_gets("HTTP/1.1 403 Forbidden\r\n").daemon_never_sees("create");
    });
}

#[test]
fn a_name_is_forwarded_while_no_image_changes() {
    talk(|talk| {
        let (ticket, asked, _) = asks_about_an_image(talk);
        talk.call(|session, turn| {
            session.answered(ticket, Answer::Facts(of_user_1000(&asked)), turn)
        });
        talk.daemon_gets(&with_body(CREATE, r#"{"Image":"app"}"#));
    });
}

#[test]
fn a_name_is_forwarded_while_images_change_too() {
    talk(|talk| {
        let (ticket, asked, changes) = asks_about_an_image(talk);
        let _under_way = changes.begin();
        talk.call(|session, turn| {
            session.answered(ticket, Answer::Facts(of_user_1000(&asked)), turn)
        });
        talk.daemon_gets(&with_body(CREATE, r#"{"Image":"app"}"#));
    });
}

const START: &str = "POST /containers/c/start HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n";
const RESTART: &str = "POST /containers/c/restart HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n";
const NEVER: &str = "0001-01-01T00:00:00Z";

/// A container, as the engine describes it.
fn described(config: &str, started_at: &str) -> ContainerFacts {
    let answer = format!(
        r#"{{"Id":"0","Name":"/c","Image":"sha256:{}","Config":{{{config}}},"HostConfig":{{}},
        "State":{{"StartedAt":"{started_at}"}}}}"#,
        "1".repeat(64)
    );
    ContainerFacts::Present(existing::container("c", answer.as_bytes()).unwrap())
}

/// The name may have been given to another image between the judgement and the engine's own look.
#[test]
fn what_was_made_is_judged_before_it_runs() {
    let (app, root) = (r#""Image":"app","User":"1000""#, r#""Image":"app""#);
    for (config, started_at, is_forbidden) in [
        (app, NEVER, false),
        (root, NEVER, true),
        (root, "", true),
        (root, "2026-11-30T14:00:00.5Z", false),
    ] {
        for request in [START, RESTART] {
            talk(|talk| {
                let users = vec![UserRule::parse("root").unwrap()];
                *talk = Talk::new(Policy { users, ..Policy::permissive() }, talk.piece);
                talk.client(request).daemon_never_sees("start");
                let (ticket, asked, _) = talk.take_question().unwrap();
                assert_eq!(asked.containers(), ["c"]);
                let mut facts = Facts::none();
                facts.add_container("c".to_owned(), described(config, started_at));
                talk.call(|session, turn| session.answered(ticket, Answer::Facts(facts), turn));
                match is_forbidden {
                    true => talk.client_gets("HTTP/1.1 403 ").daemon_never_sees("start"),
                    false => talk.daemon_gets(request),
                };
            });
        }
    }
}

#[test]
fn what_was_made_of_a_forbidden_image_neither_runs_nor_gives_files() {
    let archive = "GET /containers/c/archive?path=/x HTTP/1.1\r\nHost: d\r\n\r\n";
    for (request, names, is_forbidden) in [
        (START, &["app:1"][..], false),
        (START, &["app:1", "ubuntu:16.04"], true),
        (archive, &["app:1"], false),
        (archive, &["app:1", "ubuntu:16.04"], true),
    ] {
        talk(|talk| {
            before_images(talk, &ImageChanges::default());
            talk.client(request);
            let (ticket, _, _) = talk.take_question().unwrap();
            let mut facts = Facts::none();
            facts.add_container("c".to_owned(), described(r#""Image":"app:1""#, NEVER));
            talk.call(|session, turn| session.answered(ticket, Answer::Facts(facts), turn));
            let (ticket, asked, _) = talk.take_question().unwrap();
            let NamedImage { id, names } =
                NamedImage::new(asked.images()[0].to_string(), names.iter().copied());
            let (user, environment) = (None, vec![]);
            let facts = known(&asked, ImageFacts::Present { id, names, user, environment });
            talk.call(|session, turn| session.answered(ticket, Answer::Facts(facts), turn));
            match is_forbidden {
                true => talk.client_gets("HTTP/1.1 403 ").daemon_never_sees("containers"),
                false => talk.daemon_gets(request),
            };
            assert_eq!(talk.got[0].contains(", which is ubuntu:16.04"), is_forbidden);
        });
    }
}

/// Sends a request about the container `c`, and answers what is asked of it.
fn ask_about_c(talk: &mut Talk, policy: Policy, request: &str, container: ContainerFacts) {
    *talk = Talk::new(policy, talk.piece);
    talk.client(request);
    let (ticket, _, _) = talk.take_question().unwrap();
    let mut facts = Facts::none();
    facts.add_container("c".to_owned(), container);
    talk.call(|session, turn| session.answered(ticket, Answer::Facts(facts), turn));
}

#[test]
fn what_was_judged_is_what_is_started_whatever_is_called_so_by_then() {
    let users = || {
        let users = vec![UserRule::parse("root").unwrap()];
        Policy { users, ..Policy::permissive() }
    };
    let answers = |talk: &mut Talk, policy, container| {
        ask_about_c(talk, policy, START, container);
    };
    talk(|talk| {
        let ContainerFacts::Present(mut container) = described(r#""User":"7""#, NEVER) else {
            panic!()
        };
        container.names = vec!["c".to_owned(), "0a".repeat(32)];
        answers(talk, users(), ContainerFacts::Present(container));
        let by_id = format!("/containers/{}/start", "0a".repeat(32));
        talk.daemon_gets(&START.replace("/containers/c/start", &by_id));
    });
    // One that is made meanwhile would be started without a look, whatever the rules are about.
    let ports = vec![PortRule::parse("22").unwrap()];
    for policy in [users(), Policy { ports, ..Policy::permissive() }] {
        talk(|talk| {
            answers(talk, policy.clone(), ContainerFacts::Absent);
            talk.client_gets("HTTP/1.1 404 ").daemon_never_sees("start");
            assert!(talk.got[0].contains("No such container: c"), "{}", talk.got[0]);
        });
    }
}

#[test]
fn what_was_judged_is_what_is_reached_whatever_is_called_so_by_then() {
    let id = "0a".repeat(32);
    for (way, rest) in [
        ("exec", "Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"Cmd\":[\"a\"]}"),
        ("attach?stdin=1&stream=1", "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"),
    ] {
        let request = format!("POST /containers/c/{way} HTTP/1.1\r\nHost: h\r\n{rest}");
        let answers = |talk: &mut Talk, container: ContainerFacts| {
            let users = vec![UserRule::parse("root").unwrap()];
            ask_about_c(talk, Policy { users, ..Policy::permissive() }, &request, container);
        };
        talk(|talk| {
            let ContainerFacts::Present(mut container) = described(r#""User":"7""#, NEVER) else {
                panic!()
            };
            container.names = vec!["c".to_owned(), id.clone()];
            answers(talk, ContainerFacts::Present(container));
            talk.daemon_never_sees("/containers/c/");
            let line = format!("POST /containers/{id}/{way} HTTP/1.1\r\n");
            let got = &talk.got[super::index(Side::Upstream)];
            assert!(got.starts_with(&line), "{got}");
        });
        // What gets the name meanwhile was not judged.
        talk(|talk| {
            answers(talk, ContainerFacts::Absent);
            talk.client_gets("HTTP/1.1 404 ").daemon_never_sees("containers");
        });
    }
}

#[test]
fn without_rules_about_what_is_made_a_start_asks_nothing() {
    talk(|talk| {
        *talk = Talk::new(Policy::permissive(), talk.piece);
        talk.client(START).daemon_gets(START);
        assert!(talk.take_question().is_none());
    });
}

const LOAD: &str = "POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\nab";

/// A session under a rule about images, which shares what is remembered of them.
fn before_images(talk: &mut Talk, changes: &ImageChanges) {
    let images = vec![ImageRule::parse("ubuntu:16.04").unwrap()];
    *talk = Talk::new(Policy { images, ..Policy::permissive() }, talk.piece);
    talk.session = Session::new(ClientId::NOBODY, Budget::new(100_000), changes.clone());
}

#[test]
fn an_archive_passes_once_the_forbidden_images_are_remembered() {
    talk(|talk| {
        let changes = ImageChanges::default();
        before_images(talk, &changes);
        talk.client(LOAD).daemon_never_sees("load");
        let (ticket, questions, _) = talk.take_question().unwrap();
        assert!(questions.asks(&Question::ImageList));
        let mut facts = Facts::none();
        facts.add_image_list(vec![NamedImage::new("sha256:1".to_owned(), ["ubuntu:16.04"])]);
        talk.call(|session, turn| session.answered(ticket, Answer::Facts(facts), turn));
        talk.pump().daemon_gets(LOAD).daemon(OK).client_gets(OK);

        before_images(talk, &changes);
        talk.client(&with_body(CREATE, r#"{"Image":"legacy"}"#));
        let (ticket, asked, _) = talk.take_question().unwrap();
        let (id, names, user, environment) = ("sha256:1".to_owned(), vec![], None, vec![]);
        let facts = known(&asked, ImageFacts::Present { id, names, user, environment });
        talk.call(|session, turn| session.answered(ticket, Answer::Facts(facts), turn));
        talk.client_gets("HTTP/1.1 403 Forbidden\r\n").daemon_never_sees("create");
        assert!(talk.got[0].contains("image legacy:latest, which was ubuntu:16.04"));
    });
}

#[test]
fn without_a_rule_about_images_what_takes_names_passes_as_it_is() {
    let remove = "DELETE /images/a HTTP/1.1\r\nHost: d\r\n\r\n";
    let prune = "POST /images/prune HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n";
    talk(|talk| {
        for request in [LOAD, remove, prune] {
            talk.client(request).daemon_gets(request).daemon(OK).client_gets(OK);
        }
    });
}
