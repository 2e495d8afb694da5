//! What takes too much or too long.

use super::*;

#[test]
fn a_body_that_is_too_long_is_refused_without_reading_it() {
    talk(|talk| {
        talk.client(&format!("{CREATE}Content-Length: 1001\r\n\r\n"));
        talk.client_gets("HTTP/1.1 413 ").is(Some(End::Linger));
    });
    talk(|talk| {
        talk.client(&chunked(CREATE, &format!("{{\"Image\":\"{}\"}}", "a".repeat(1000))));
        talk.client_gets("HTTP/1.1 413 ").is(Some(End::Linger)).daemon_never_sees("a");
    });
}

#[test]
fn a_head_that_never_ends_is_refused_by_size_and_by_time() {
    talk(|talk| {
        talk.client("GET /_ping HTTP/1.1\r\n").client(&"X: y\r\n".repeat(1000));
        talk.client_gets("HTTP/1.1 431 ").is(Some(End::Linger));
    });
    talk(|talk| {
        talk.client("GET /_ping HTTP/1.1\r\n");
        let deadline = talk.session.deadline().unwrap();
        assert_eq!(deadline, talk.now + Duration::from_secs(30));
        talk.now = deadline;
        talk.call(Session::elapsed);
        talk.client_gets("HTTP/1.1 408 ").is(Some(End::Linger));
    });
}

#[test]
fn an_idle_connection_has_no_deadline() {
    talk(|talk| {
        assert_eq!(talk.session.deadline(), None);
        talk.client(PING).daemon(OK);
        assert_eq!(talk.session.deadline(), None);
    });
}

#[test]
fn what_waits_is_charged_for_what_it_is_in_memory() {
    talk(|talk| {
        let rule = crate::policy::mounts::MountRule::parse("/root").unwrap();
        let policy = Policy { mounts: vec![rule], ..Policy::permissive() };
        *talk = Talk::new(policy, talk.piece);
        talk.session = Session::new(ClientId::NOBODY, Budget::new(20_000), ImageChanges::default());
        let zeros = "0,".repeat(200);
        let body =
            format!(r#"{{"Image":"a","HostConfig":{{"Binds":["/tmp:/x"]}},"x":[{zeros}0]}}"#);
        // Nobody else holds anything, so to try again would not help.
        talk.client(&with_body(CREATE, &body)).client_gets("HTTP/1.1 413 ").is(None);
        talk.client(PING).daemon_gets(PING);
    });
}

#[test]
fn a_budget_that_is_used_up_turns_bodies_away() {
    talk(|talk| {
        let budget = Budget::new(300);
        talk.session = Session::new(ClientId::NOBODY, budget.clone(), ImageChanges::default());
        let mut others = budget::Share::none_of(&budget, crate::client::Who::User(1));
        others.grow_to(225).unwrap();
        talk.client(&with_body(CREATE, &format!("{{\"Image\":\"{}\"}}", "a".repeat(100))));
        talk.client_gets("HTTP/1.1 503 ").is(Some(End::Linger)).daemon_never_sees("a");
    });
}
