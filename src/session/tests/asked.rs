//! What is asked of the outside, and when images may change.

use super::*;

#[test]
fn an_answer_from_outside_that_never_comes_is_a_503() {
    talk(|talk| {
        let rule = crate::policy::mounts::MountRule::parse("/root").unwrap();
        let policy = Policy { mounts: vec![rule], ..Policy::permissive() };
        *talk = Talk::new(policy, talk.piece);
        let body = r#"{"Image":"a","HostConfig":{"Binds":["/tmp:/x"]}}"#;
        talk.client(&with_body(CREATE, body)).daemon_never_sees("create").is(None);
        talk.now = talk.session.deadline().unwrap();
        talk.call(Session::elapsed);
        talk.client_gets("HTTP/1.1 503 ").is(Some(End::Linger)).daemon_never_sees("create");
    });
}

#[test]
fn an_answer_may_lead_to_a_further_question() {
    talk(|talk| {
        let (ticket, questions) = asks_about_a_volume(talk);
        assert_eq!(questions.volumes(), ["v"]);
        talk.call(|session, turn| session.answered(ticket, Answer::Facts(volume_at("/srv")), turn));
        let (next, questions, _) = talk.take_question().unwrap();
        assert!(next != ticket && questions.volumes().is_empty(), "{questions:?}");
        let mut facts = Facts::none();
        let paths = questions.real_paths();
        paths.into_iter().for_each(|path| facts.add_link(path.clone(), path.clone()));
        // The first ticket is over.
        talk.call(|session, turn| session.answered(ticket, Answer::Facts(Facts::none()), turn));
        talk.daemon_never_sees("create");
        talk.call(|session, turn| session.answered(next, Answer::Facts(facts), turn));
        assert!(talk.take_question().is_none());
        talk.daemon_gets(&with_body(CREATE, r#"{"Image":"a","HostConfig":{"Binds":["v:/x"]}}"#));
    });
}

#[test]
fn what_was_asked_and_not_learned_is_not_asked_again() {
    talk(|talk| {
        let (ticket, questions) = asks_about_a_volume(talk);
        let mut facts = Facts::none();
        facts.note(&questions);
        talk.call(|session, turn| session.answered(ticket, Answer::Facts(facts), turn));
        assert!(talk.take_question().is_none());
        talk.client_gets("HTTP/1.1 403 Forbidden\r\n").daemon_never_sees("create");
    });
}

#[test]
fn images_are_changing_from_the_head_of_a_request_to_the_end_of_its_answer() {
    talk(|talk| {
        let changes = ImageChanges::default();
        talk.session = Session::new(ClientId::NOBODY, Budget::new(100_000), changes.clone());
        let first = changes.epoch();
        talk.client(PING).daemon(OK);
        assert_eq!(changes.epoch(), first, "a ping changes no image");
        let load = "POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n";
        talk.client(load);
        assert_eq!(changes.epoch(), None);
        talk.daemon("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n");
        assert_eq!(changes.epoch(), None, "it is still loading");
        talk.daemon("0\r\n\r\n");
        assert!(changes.epoch().is_some() && changes.epoch() != first);
        // Behind it on the same connection, in one segment.
        let second = changes.epoch();
        talk.client(&format!("{load}{PING}")).daemon(OK);
        assert!(changes.epoch().is_some() && changes.epoch() != second);
        assert_eq!(changes.abandoned(), 0);
        talk.daemon(OK).client(load);
        talk.session = Session::new(ClientId::NOBODY, Budget::new(1), ImageChanges::default());
        assert_eq!(changes.abandoned(), 1);
    });
}

#[test]
fn after_a_service_nothing_is_known_of_images_for_a_while() {
    talk(|talk| {
        let changes = ImageChanges::default();
        talk.session = Session::new(ClientId::NOBODY, Budget::new(100_000), changes.clone());
        let mut services = 0;
        for path in ["/v1.41/services/create", "/services/s/update?version=1"] {
            let head = format!("POST {path} HTTP/1.1\r\nHost: d\r\n");
            let body = r#"{"Name":"s","TaskTemplate":{"ContainerSpec":{"Image":"app"}}}"#;
            talk.client(&with_body(&head, body));
            assert_eq!(changes.epoch(), None);
            talk.daemon(OK);
            services += 1;
            assert!(changes.epoch().is_some());
            assert_eq!(changes.abandoned(), services);
            let forbidden = with_body(CREATE, FORBIDDEN);
            talk.client(&forbidden);
            assert_eq!(changes.abandoned(), services, "nothing was changed");
        }
    });
}

#[test]
fn what_cannot_be_ends_the_connection_and_the_log_says_so() {
    const ANSWER: &str = "an answer of another kind came to a question";
    talk(|talk| {
        let (ticket, _) = asks_about_a_volume(talk);
        talk.call(|session, turn| session.answered(ticket, Answer::Review(advice(None)), turn));
        talk.daemon_never_sees("create").is_broken(ANSWER);
    });
    for (side, reason) in [
        (Side::Downstream, "bytes of the client passed unseen that are of no body"),
        (Side::Upstream, "bytes of the daemon passed unseen that are of no body"),
    ] {
        talk(|talk| {
            talk.client(PING);
            talk.call(|session, turn| {
                session.passed(side, NonZeroU64::MIN, turn);
            });
            talk.is_broken(reason);
        });
    }
}
