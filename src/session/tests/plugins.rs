//! One image a request: what the rules judged, what plugins are asked about, and what is forwarded.

use super::*;
use crate::policy::Policy;
use crate::policy::endpoints::Otherwise;
use crate::policy::facts::ImageFacts;
use crate::policy::review::Source;
use crate::policy::types::UserSpec;
use crate::policy::users::UserRule;

const APP: &str = r#"{"Image":"app"}"#;

/// What is said of an image with this number by plugins that are asked just now.
fn asked(image: u8) -> Review {
    Review { image: seen(image), ..advice(None) }
}

fn seen(image: u8) -> ImageSeen {
    ImageSeen::One(format!("sha256:{image}"))
}

fn review_asked(talk: &mut Talk) -> (Ticket, ReviewRequest) {
    talk.take_review().expect("plugins are asked")
}

fn reviewed(talk: &mut Talk, ticket: Ticket, said: Review) {
    talk.call(|session, turn| session.answered(ticket, Answer::Review(said), turn));
}

/// The rules have to know who the image runs as, and learn it.
fn learn(talk: &mut Talk, image: u8, user: &str) {
    let (ticket, questions, _) = talk.take_question().expect("rules ask");
    let mut facts = Facts::none();
    let user = Some(UserSpec::parse(user).unwrap());
    let (id, names, environment) = (format!("sha256:{image}"), vec![], vec![]);
    let known = ImageFacts::Present { id, names, user, environment };
    facts.add_image(questions.images()[0].clone(), known);
    talk.call(|session, turn| session.answered(ticket, Answer::Facts(facts), turn));
}

fn forbid_root(talk: &mut Talk) {
    let users = vec![UserRule::parse("root").unwrap()];
    set_policy(talk, Policy { users, ..Policy::permissive() });
}

fn set_policy(talk: &mut Talk, policy: Policy) {
    let Rules { reviewed, body_time_max, .. } = *talk.rules;
    let rules = Arc::clone(&Talk::new(policy, 1).rules);
    let mut rules = Arc::into_inner(rules).unwrap_or_else(|| unreachable!());
    (rules.reviewed, rules.body_time_max) = (reviewed, body_time_max);
    talk.rules = Arc::new(rules);
}

#[test]
fn a_container_is_made_of_the_image_that_plugins_were_asked_about() {
    let id = format!("sha256:{}", "12".repeat(32));
    for named in ["app".to_owned(), id.clone()] {
        talk_with_plugins(|talk| {
            let body = |image: &str| format!(r#"{{"Cmd":["x"],"Image":"{image}","Tty":true}}"#);
            talk.client(&with_body(CREATE, &body(&named)));
            let (ticket, _) = review_asked(talk);
            let kept =
                Review { image: ImageSeen::One(id.clone()), source: Source::Cached, ..asked(1) };
            reviewed(talk, ticket, kept);
            talk.daemon_gets(&with_body(CREATE, &body(&id)));
        });
    }
}

#[test]
fn no_image_is_a_404_and_one_that_nobody_knows_a_503() {
    for (image, status) in [(ImageSeen::None, "404"), (ImageSeen::Unknown, "503")] {
        talk_with_plugins(|talk| {
            talk.client(&with_body(CREATE, APP));
            let (ticket, _) = review_asked(talk);
            let said = Review { image: image.clone(), source: Source::Cached, ..asked(1) };
            reviewed(talk, ticket, said);
            talk.client_gets(&format!("HTTP/1.1 {status} ")).is(None).daemon_never_sees("create");
            talk.client(PING).daemon_gets(PING);
        });
    }
}

#[test]
fn services_and_pulls_go_by_the_name() {
    const SERVICE: &str = "POST /services/create HTTP/1.1\r\nHost: d\r\n";
    const PULL: &str = "POST /images/create?fromImage=app HTTP/1.1\r\nHost: d\r\n\r\n";
    let service =
        with_body(SERVICE, r#"{"Name":"s","TaskTemplate":{"ContainerSpec":{"Image":"app"}}}"#);
    for request in [&*service, PULL] {
        talk_with_plugins(|talk| {
            let rules = Arc::get_mut(&mut talk.rules).unwrap();
            rules.reviewed = Purposes { create: true, service: true, pull: true, build: true };
            talk.client(request);
            let (ticket, _) = review_asked(talk);
            reviewed(talk, ticket, asked(1));
            let (ticket, question) = review_asked(talk);
            let is_pull = request == PULL;
            assert_eq!(question.still_said(&ImageSeen::Unknown).is_some(), is_pull);
            reviewed(talk, ticket, question.still_said(&seen(1)).unwrap());
            talk.daemon_gets(request);
        });
    }
}

#[test]
fn plugins_are_asked_about_the_image_that_the_rules_have_judged() {
    talk_with_plugins(|talk| {
        forbid_root(talk);
        talk.client(&with_body(CREATE, APP));
        learn(talk, 7, "1000");
        let (ticket, question) = review_asked(talk);
        assert_eq!(question.pinned.as_deref(), Some("sha256:7"));
        assert_eq!(question.sought().to_string(), "sha256:7");
        let request = question.request;
        reviewed(talk, ticket, asked(7));
        learn(talk, 7, "1000");
        let (ticket, question) = review_asked(talk);
        assert!(!request.is_empty() && question.request == request, "it is the same request");
        reviewed(talk, ticket, question.still_said(&seen(7)).unwrap());
        talk.daemon_gets(&with_body(CREATE, r#"{"Image":"sha256:7"}"#));
    });
}

#[test]
fn what_a_name_means_when_plugins_have_agreed_is_judged_by_the_rules() {
    talk_with_plugins(|talk| {
        forbid_root(talk);
        talk.client(&with_body(CREATE, APP));
        learn(talk, 7, "1000");
        let (ticket, _) = review_asked(talk);
        reviewed(talk, ticket, asked(7));
        learn(talk, 8, "root");
        talk.client_gets("HTTP/1.1 403 ").is(None).daemon_never_sees("create");
    });
    talk_with_plugins(|talk| {
        forbid_root(talk);
        talk.client(&with_body(CREATE, APP));
        learn(talk, 7, "1000");
        let (ticket, _) = review_asked(talk);
        reviewed(talk, ticket, asked(7));
        learn(talk, 8, "1001");
        let (_, question) = review_asked(talk);
        assert_eq!(question.pinned.as_deref(), Some("sha256:8"));
        assert_eq!(question.still_said(&seen(8)), None, "it was about another image");
    });
}

#[test]
fn rules_that_came_while_plugins_thought_are_asked() {
    let create = with_body(
        CREATE,
        r#"{"Image":"app","HostConfig":{"PortBindings":{"1/tcp":[{"HostPort":"80"}]}}}"#,
    );
    let of_ports =
        |text| Policy { ports: vec![PortRule::parse(text).unwrap()], ..Policy::permissive() };
    let mut of_endpoints = Policy::permissive();
    of_endpoints.endpoints.otherwise = Otherwise::Deny;
    for policy in [&of_ports("80"), &of_endpoints] {
        talk_with_plugins(|talk| {
            talk.client(&create);
            let (ticket, _) = review_asked(talk);
            set_policy(talk, policy.clone());
            reviewed(talk, ticket, asked(1));
            talk.client_gets("HTTP/1.1 403 ").is(None).daemon_never_sees("create");
        });
    }
}

#[test]
fn what_was_said_of_another_body_is_not_said_of_this_one() {
    talk_with_plugins(|talk| {
        talk.client(&with_body(CREATE, APP));
        let (ticket, _) = review_asked(talk);
        let mut policy = Policy::permissive();
        policy.ceilings.user = Some(UserSpec::parse("7").unwrap());
        set_policy(talk, policy);
        reviewed(talk, ticket, asked(1));
        let (_, question) = review_asked(talk);
        assert!(question.before.is_none());
        let body = question.body.unwrap().upgrade().unwrap();
        assert_eq!(str::from_utf8(&body), Ok(r#"{"Image":"app","User":"7"}"#));
    });
}

#[test]
fn an_image_that_changes_again_and_again_is_refused_in_the_end() {
    talk_with_plugins(|talk| {
        talk.client(&with_body(CREATE, APP));
        let mut times = 0;
        while let Some((ticket, question)) = talk.take_review() {
            assert_eq!(question.still_said(&seen(times)), None);
            reviewed(talk, ticket, asked(times));
            times += 1;
        }
        assert_eq!(times, 5);
        talk.client_gets("HTTP/1.1 503 ").is(None).daemon_never_sees("create");
        talk.client(PING).daemon_gets(PING);
    });
}

#[test]
fn plugins_see_what_would_be_forwarded_and_decide() {
    let create = with_body(CREATE, r#" {"image" : "a"} "#);
    for refusing in [None, Some(PluginVerdict::Deny), Some(PluginVerdict::Error)] {
        talk_with_plugins(|talk| {
            talk.client(&create).daemon_never_sees("create");
            let (ticket, question) = talk.take_review().unwrap();
            let body = question.body.as_ref().unwrap();
            assert_eq!(body.upgrade().as_deref(), Some(&br#"{"Image":"a"}"#.to_vec()));
            assert_eq!(
                (question.asked.given.as_str(), question.path.as_str()),
                ("a", "/containers/create")
            );
            assert!(!question.cancel.is_cancelled());
            talk.call(|session, turn| {
                session.answered(ticket, Answer::Review(advice(refusing)), turn)
            });
            if refusing.is_none() {
                talk.daemon_never_sees("create");
                said_before(talk);
            }
            match refusing {
                None => talk.daemon_gets("POST /containers/create HTTP/1.1\r\n").daemon(OK),
                Some(PluginVerdict::Deny) => talk.client_gets("HTTP/1.1 403 Forbidden\r\n"),
                Some(_) => talk.client_gets("HTTP/1.1 503 "),
            };
            assert!(question.cancel.is_cancelled() && body.upgrade().is_none());
            talk.is(None).client(PING).daemon_gets(if refusing.is_some() { PING } else { "" });
        });
    }
}

#[test]
fn plugins_are_not_asked_what_a_rule_forbids_or_nobody_configured() {
    talk_with_plugins(|talk| {
        talk.client(&with_body(CREATE, FORBIDDEN)).client_gets("HTTP/1.1 403 ");
        talk.client("POST /images/create?fromImage=a HTTP/1.1\r\nHost: d\r\n\r\n");
        talk.daemon_gets("POST /images/create");
        assert!(talk.take_review().is_none());
    });
}

#[test]
fn plugins_that_never_answer_are_a_503_and_a_late_answer_changes_nothing() {
    talk_with_plugins(|talk| {
        talk.client(&with_body(CREATE, r#"{"Image":"a"}"#));
        let (ticket, question) = talk.take_review().unwrap();
        talk.now = talk.session.deadline().unwrap();
        talk.call(Session::elapsed);
        talk.client_gets("HTTP/1.1 503 ").is(Some(End::Linger));
        assert!(question.cancel.is_cancelled());
        talk.call(|session, turn| session.answered(ticket, Answer::Review(advice(None)), turn));
        talk.daemon_never_sees("create");
    });
}
