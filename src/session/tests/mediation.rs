//! Calls to BuildKit where rules need it: what builds is judged, and nothing unknown reaches the daemon.

use std::num::NonZeroU32;

use super::*;
use crate::client::{Counters, Limits, Share};
use crate::http2::frame::{self, END_HEADERS, END_STREAM, Kind, PREFACE};
use crate::http2::literal::write_field;
use crate::policy::facts::{BuilderFacts, ImageFacts, NamedImage, Question};
use crate::policy::images::ImageRule;
use crate::policy::privileged::PrivilegedRule;

const UPGRADE: &str = "POST /grpc HTTP/1.1\r\nHost: \r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
const SOLVE: &str = "/moby.buildkit.v1.Control/Solve";
const STATUS: &str = "/moby.buildkit.v1.Control/Status";

fn frame(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> String {
    String::from_utf8(frame_bytes(kind, flags, stream, payload)).unwrap()
}

fn frame_bytes(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write(&mut out, kind, flags, stream, payload);
    out
}

fn call(path: &str, stream: u32, message: &str) -> String {
    String::from_utf8(call_bytes(path, stream, message)).unwrap()
}

fn call_bytes(path: &str, stream: u32, message: &str) -> Vec<u8> {
    let mut block = Vec::new();
    write_field(&mut block, b":method", b"POST");
    write_field(&mut block, b":path", path.as_bytes());
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let body = [&[0][..], &length, message.as_bytes()].concat();
    let head = frame_bytes(Kind::Headers, END_HEADERS, stream, &block);
    [head, frame_bytes(Kind::Data, END_STREAM, stream, &body)].concat()
}

/// The end of a call, as the daemon says it.
fn ended(stream: u32) -> String {
    frame(Kind::Headers, END_HEADERS | END_STREAM, stream, b"\0\x0bgrpc-status\x010")
}

/// `SolveRequest { entitlements: "network.host" }`, and one that exports `name`.
const ENTITLED: &str = "\x4a\x0cnetwork.host";
fn exports(name: &str) -> String {
    let entry = format!("\x0a\x04name\x12{}{name}", char::from(u8::try_from(name.len()).unwrap()));
    format!("\x22{}{entry}", char::from(u8::try_from(entry.len()).unwrap()))
}

fn policy() -> Policy {
    Policy {
        images: vec![ImageRule::parse("ubuntu:16.04").unwrap()],
        ports: vec![PortRule::parse("22").unwrap()],
        privileged: PrivilegedRule::Forbid,
        ..Policy::permissive()
    }
}

fn heeds() -> Facts {
    let mut facts = Facts::none();
    facts.add_builder(BuilderFacts { heeds_policies: true, limits_steps: false });
    facts
}

fn images() -> Facts {
    let mut facts = Facts::none();
    facts.add_image_list(vec![NamedImage::new("sha256:1".to_owned(), ["ubuntu:16.04", "alias:1"])]);
    facts
}

fn begun(piece: usize) -> Talk {
    begin(Talk::new(policy(), piece))
}

/// Goes on until the daemon has switched.
fn begin(mut talk: Talk) -> Talk {
    talk.client(UPGRADE).answer(&heeds()).daemon_gets("POST /grpc HTTP/1.1\r\n");
    talk.daemon(SWITCHED).client_gets(SWITCHED);
    talk.client(std::str::from_utf8(PREFACE).unwrap()).client(&frame(Kind::Settings, 0, 0, b""));
    talk.got = [String::new(), String::new()];
    talk.seen = [0, 0];
    talk
}

#[test]
fn what_builds_is_judged_and_goes_on_with_what_is_forced() {
    for piece in [1, 2, 7, 50, usize::MAX] {
        let mut talk = begun(piece);
        talk.client(&call(STATUS, 1, "x"));
        assert!(talk.got[1].contains(STATUS) && talk.got[1].ends_with('x'), "{:?}", talk.got[1]);
        talk.client(&call(SOLVE, 3, &exports("app:1")));
        talk.daemon_never_sees("app:1").answer(&images());
        let got = &talk.got[1];
        assert!(got.contains("app:1") && got.contains("^docker-image"), "{got:?}");
        assert!(got.contains("alias:1"), "other names of a forbidden image: {got:?}");
        talk.daemon(&ended(3)).client(&call(STATUS, 5, "y"));
        assert!(talk.got[1].ends_with('y'));
        talk.is(None).ends(Side::Downstream).is(Some(End::Flush));
    }
}

#[test]
fn what_breaks_a_rule_is_refused_in_its_place() {
    for piece in [1, 5, usize::MAX] {
        for (message, sentence) in [
            (
                exports("ubuntu:16.04"),
                "SecDocker: forbidden: image ubuntu:16.04 (rule \"ubuntu:16.04\")",
            ),
            (
                ENTITLED.to_owned(),
                "SecDocker: forbidden: network namespace of the host, which opens every port",
            ),
        ] {
            let mut talk = begun(piece);
            talk.client(&call(SOLVE, 1, &message)).answer(&images());
            let got = &talk.got[0];
            assert!(got.contains("grpc-status\u{1}7") && got.contains(sentence), "{got:?}");
            talk.daemon_never_sees("ubuntu").daemon_never_sees("network.host");
            talk.client(&call(STATUS, 3, "x")).is(None);
            assert!(talk.got[1].ends_with('x'));
        }
    }
}

#[test]
fn a_method_that_nobody_decided_about_never_reaches_the_daemon() {
    for path in [
        "/moby.buildkit.v1.Control/Sol%76e",
        "/moby.buildkit.v1.frontend.LLBBridge/NewContainer",
        "/x",
    ] {
        let mut talk = begun(4);
        talk.client(&call(path, 1, "x")).is(None);
        let got = &talk.got[0];
        assert!(got.contains("grpc-status\u{1}7") && got.contains("builds: allow"), "{got:?}");
        assert_eq!(talk.got[1], "");
    }
}

#[test]
fn a_message_that_cannot_be_read_is_refused() {
    let mut talk = begun(usize::MAX);
    talk.client(&call(SOLVE, 1, "\x0a\x7fx"));
    assert!(talk.got[0].contains("grpc-status\u{1}3"), "{:?}", talk.got[0]);
    talk.daemon_never_sees("\x0a\x7fx").is(None);
}

#[test]
fn calls_are_judged_one_after_the_other_by_the_rules_of_then() {
    let mut talk = begun(9);
    talk.client(&call(SOLVE, 1, &exports("app:1"))).client(&call(SOLVE, 3, &exports("app:2")));
    talk.answer(&images()).daemon_never_sees("app:2");
    let mut rules =
        Talk::new(Policy { builds: BuildRule::Forbid, ..Policy::permissive() }, 1).rules;
    std::mem::swap(&mut talk.rules, &mut rules);
    // The second was begun with the rules of before; the third is not.
    talk.answer(&images());
    assert!(talk.got[1].contains("app:2"));
    talk.client(&call(SOLVE, 5, &exports("app:3"))).daemon_never_sees("app:3");
    assert!(
        talk.got[0].contains("a build by BuildKit (rule \"builds: forbid\")"),
        "{:?}",
        talk.got[0]
    );
}

/// While the first waits for the outside, a client may send as many as there are streams.
#[test]
fn calls_that_wait_keep_to_the_budget() {
    let mut talk = begun(usize::MAX);
    let sent = exports(&"x".repeat(100)).repeat(8);
    for call_number in 0..250 {
        talk.arrive(Side::Downstream, &call_bytes(SOLVE, 2 * call_number + 1, &sent));
        talk.daemon_never_sees("xxx");
    }
    let refused = talk.got[0].matches("grpc-status\u{1}8").count();
    assert!((100..249).contains(&refused), "{refused}");
    assert!(talk.session.budget.free() < 100_000);
    talk.ends(Side::Downstream).is(Some(End::Flush));
}

#[test]
fn what_is_not_learned_in_time_is_said_so() {
    let mut talk = begun(usize::MAX);
    talk.client(&call(SOLVE, 1, &exports("app:1")));
    talk.now += Duration::from_secs(61);
    talk.call(|session, turn| session.elapsed(turn));
    assert!(talk.got[0].contains("grpc-status\u{2}14"), "{:?}", talk.got[0]);
    talk.answer(&images()).daemon_never_sees("app:1").is(None);
    let mut late = Facts::none();
    late.note(&Questions::from_iter([Question::ImageList]));
    late.note_late();
    talk.client(&call(SOLVE, 3, &exports("app:1"))).answer(&late).daemon_never_sees("app:1");
    assert!(talk.got[0].contains("the list of images"), "{:?}", talk.got[0]);
}

#[test]
fn a_build_that_is_under_way_may_change_images_until_it_has_ended() {
    let mut talk = begun(usize::MAX);
    assert!(talk.session.changes.epoch().is_some());
    talk.client(&call(SOLVE, 1, &exports("app:1"))).answer(&images());
    assert_eq!(talk.session.changes.epoch(), None);
    talk.daemon(&ended(1));
    assert!(talk.session.changes.epoch().is_some());
    assert_eq!(talk.session.changes.abandoned(), 0);
    talk.client(&call(SOLVE, 3, &exports("app:1"))).answer(&images());
    drop(talk.session);
}

#[test]
fn what_is_no_http2_ends_the_connection_on_both_sides() {
    let mut talk = begun(3);
    talk.client(&frame(Kind::Data, 0, 1, b"x")).is(Some(End::Linger));
    talk.client("more").daemon_never_sees("more");
    let mut talk = begun(3);
    talk.daemon(&frame(Kind::PushPromise, 0, 1, b"xxxx")).is(Some(End::Abort));
    let mut talk = begun(3);
    talk.ends(Side::Upstream).is(Some(End::Flush));
}

#[test]
fn a_daemon_that_heeds_no_policy_is_not_spoken_to() {
    for facts in [Facts::none(), {
        let mut facts = heeds();
        facts.add_builder(BuilderFacts { heeds_policies: false, limits_steps: false });
        facts
    }] {
        let mut talk = Talk::new(policy(), usize::MAX);
        talk.client(UPGRADE).answer(&facts).client_gets(SWITCHED);
        talk.client(std::str::from_utf8(PREFACE).unwrap()).client(&call(SOLVE, 1, ""));
        assert!(talk.got[0].contains("DOCKER_BUILDKIT=0"), "{:?}", talk.got[0]);
        assert_eq!(talk.got[1], "");
    }
}

#[test]
fn facts_about_images_that_are_used_are_asked_for() {
    let mut talk = begun(usize::MAX);
    // `SolveRequest { frontend_attrs: {"source": "alias:1"} }`
    let source = "\x3a\x11\x0a\x06source\x12\x07alias:1";
    talk.client(&call(SOLVE, 1, source));
    let (ticket, questions, _) = talk.take_question().unwrap();
    let mut facts = images();
    let NamedImage { id, names } =
        NamedImage::new("sha256:1".to_owned(), ["alias:1", "ubuntu:16.04"]);
    let present = ImageFacts::Present { id, names, user: None, environment: vec![] };
    facts.add_image(questions.images()[0].clone(), present);
    talk.call(|session, turn| session.answered(ticket, Answer::Facts(facts), turn));
    talk.daemon_never_sees("source");
    assert!(talk.got[0].contains("image alias:1, which is ubuntu:16.04"), "{:?}", talk.got[0]);
}

/// `SolveRequest { frontend_attrs: {"source": name} }`
fn sourced(name: &str) -> String {
    let entry =
        format!("\x0a\x06source\x12{}{name}", char::from(u8::try_from(name.len()).unwrap()));
    format!("\x3a{}{entry}", char::from(u8::try_from(entry.len()).unwrap()))
}

/// No rule, and plugins that are asked about builds.
fn consulting() -> Talk {
    let mut talk = Talk::new(Policy::permissive(), 7);
    let rules = Arc::get_mut(&mut talk.rules).unwrap();
    rules.body_bytes_max = 4000;
    rules.reviewed = Purposes { build: true, ..Purposes::default() };
    talk.client(UPGRADE).daemon_gets("POST /grpc HTTP/1.1\r\n");
    talk.daemon(SWITCHED).client_gets(SWITCHED);
    talk.client(std::str::from_utf8(PREFACE).unwrap()).client(&frame(Kind::Settings, 0, 0, b""));
    talk.got = [String::new(), String::new()];
    talk.seen = [0, 0];
    talk
}

#[test]
fn plugins_are_asked_about_each_image_and_what_they_say_stands() {
    let two = [sourced("a:1"), sourced("b:1")].concat();
    for refusing in [None, Some(PluginVerdict::Deny), Some(PluginVerdict::Timeout)] {
        let mut talk = consulting();
        talk.client(&call(SOLVE, 1, &two)).daemon_never_sees("a:1");
        let (ticket, question) = talk.take_review().unwrap();
        assert_eq!((&*question.asked.given, &*question.path), ("a:1", SOLVE));
        talk.call(|session, turn| session.answered(ticket, Answer::Review(advice(None)), turn));
        let (ticket, question) = talk.take_review().unwrap();
        assert_eq!(question.asked.given, "b:1");
        // Another call waits for its turn, and what needs none passes.
        talk.client(&call(SOLVE, 3, "")).client(&call(STATUS, 5, "x"));
        assert!(talk.got[1].ends_with('x'));
        talk.call(|session, turn| session.answered(ticket, Answer::Review(advice(refusing)), turn));
        if refusing.is_none() {
            talk.daemon_never_sees("a:1");
            said_before(&mut talk);
            said_before(&mut talk);
            assert!(talk.got[1].contains("a:1"), "{:?}", talk.got[1]);
        } else {
            talk.daemon_never_sees("a:1");
            let status = if refusing == Some(PluginVerdict::Deny) { "\u{1}7" } else { "\u{2}14" };
            assert!(talk.got[0].contains(&format!("grpc-status{status}")), "{:?}", talk.got[0]);
            assert!(talk.got[0].contains("plugin anchore"), "{:?}", talk.got[0]);
        }
        assert!(talk.take_review().is_none());
        talk.is(None);
    }
}

#[test]
fn plugins_that_never_answer_hold_up_no_other_call() {
    let mut talk = consulting();
    talk.client(&call(SOLVE, 1, &sourced("a:1")));
    let (ticket, _) = talk.take_review().unwrap();
    talk.now = talk.session.deadline().unwrap();
    talk.call(Session::elapsed);
    assert!(talk.got[0].contains("the plugins have not answered in time"), "{:?}", talk.got[0]);
    talk.call(|session, turn| session.answered(ticket, Answer::Review(advice(None)), turn));
    talk.daemon_never_sees("a:1").client(&call(SOLVE, 3, "y")).is(None);
}

#[test]
fn an_image_that_changes_again_and_again_is_built_upon_by_nobody() {
    let mut talk = consulting();
    talk.client(&call(SOLVE, 1, &sourced("a:1")));
    let mut times = 0;
    while let Some((ticket, _)) = talk.take_review() {
        talk.call(|session, turn| session.answered(ticket, Answer::Review(advice(None)), turn));
        times += 1;
    }
    assert_eq!(times, 5);
    assert!(talk.got[0].contains("grpc-status\u{2}14"), "{:?}", talk.got[0]);
}

#[test]
fn a_build_of_more_images_than_are_asked_about_is_refused() {
    let many = |count: u8| (0..count).map(|number| sourced(&format!("a:{number}")));
    let mut talk = consulting();
    talk.arrive(Side::Downstream, &call_bytes(SOLVE, 1, &many(65).collect::<String>()));
    talk.daemon_never_sees("a:64");
    assert!(talk.got[0].contains("more than 64 images"), "{:?}", talk.got[0]);
    talk.arrive(Side::Downstream, &call_bytes(SOLVE, 3, &many(64).collect::<String>()));
    assert!(talk.take_review().is_some());
}

/// A client with many connections has one budget for all of them, also for messages that never end.
#[test]
fn a_hundred_builds_together_keep_to_the_budget() {
    const BYTES: usize = 50_000;
    let budget = Budget::new(BYTES);
    let sent = exports(&"x".repeat(100)).repeat(8);
    let whole = call_bytes(SOLVE, 1, &sent);
    let end = frame_bytes(Kind::Data, END_STREAM, 1, b"");
    let (opened, message) = whole.split_at(whole.len() - 9 - 5 - sent.len());
    let unended = frame_bytes(Kind::Data, 0, 1, &message[9..]);
    let builds: Vec<_> = (0..100)
        .map(|_| {
            let mut talk = Talk::new(policy(), usize::MAX);
            talk.session.budget = budget.clone();
            let mut talk = begin(talk);
            talk.arrive(Side::Downstream, &[opened, &unended].concat());
            talk
        })
        .collect();
    let refused = |talk: &&Talk| talk.got[0].contains("grpc-status\u{1}8");
    let count = builds.iter().filter(refused).count();
    assert!((50..100).contains(&count), "{count} are refused");
    assert!(builds.iter().all(|talk| talk.session.end().is_none()), "and their connections go on");
    for mut talk in builds {
        talk.arrive(Side::Downstream, &end);
    }
    assert_eq!(budget.free(), BYTES);
}

#[test]
fn an_image_that_plugins_could_not_know_is_used_by_nobody() {
    // `SolveRequest { definition { def: Op { source { identifier } } } }`
    let odd = "\x12\x1d\x0a\x1b\x1a\x19\x0a\x17docker-image://%75buntu";
    let mut talk = consulting();
    talk.client(&call(SOLVE, 1, odd)).daemon_never_sees("%75buntu");
    assert!(talk.got[0].contains("plugins can't be asked about image"), "{:?}", talk.got[0]);
    let often = sourced("a:1").repeat(70) + &sourced("evil:1");
    let mut talk = consulting();
    talk.arrive(Side::Downstream, &call_bytes(SOLVE, 1, &often));
    let (ticket, _) = talk.take_review().unwrap();
    talk.call(|session, turn| session.answered(ticket, Answer::Review(advice(None)), turn));
    let (_, question) = talk.take_review().unwrap();
    assert_eq!(question.asked.given, "evil:1");
}

const BRIDGE: &str = "/moby.buildkit.v1.frontend.LLBBridge/Solve";
const UNKNOWN: &str = "/moby.buildkit.v1.frontend.LLBBridge/NewContainer";

/// `SolveRequest { frontendOpt: {"label:x": name} }` of `LLBBridge`.
fn labels(name: &str) -> String {
    let length = |text: &str| char::from(u8::try_from(text.len()).unwrap());
    let entry = format!("\x0a\x07label:x\x12{}{name}", length(name));
    format!("\x1a{}{entry}", length(&entry))
}

/// A connection whose client may make so much in a minute.
fn limited(policy: Policy, creates_per_minute: u32) -> Talk {
    let mut talk = Talk::new(policy, usize::MAX);
    let limits =
        Limits { creates_per_minute: NonZeroU32::new(creates_per_minute), ..Limits::default() };
    let counters = Arc::new(Counters::new(talk.now));
    Arc::get_mut(&mut talk.rules).unwrap().share = Some(Share::new(limits, counters));
    talk
}

#[test]
fn each_build_counts_among_what_its_client_makes() {
    let met = "SecDocker: more than 2 creates per minute (`limits.creates_per_minute`), try again in 30 s";
    // Under rules, where each is judged, and without any, where they are only counted.
    for (policy, is_judged) in [(policy(), true), (Policy::permissive(), false)] {
        let mut talk = limited(policy, 2);
        talk.client(UPGRADE);
        if is_judged {
            talk.answer(&heeds());
        }
        talk.daemon_gets("POST /grpc HTTP/1.1\r\n").daemon(SWITCHED).client_gets(SWITCHED);
        talk.client(std::str::from_utf8(PREFACE).unwrap());
        let reaches = |talk: &mut Talk, path: &str, stream: u32, name: &str| {
            let message = if path == SOLVE { exports(name) } else { labels(name) };
            talk.client(&call(path, stream, &message));
            if is_judged && !talk.got[0].contains(met) && talk.outbox.asks() {
                talk.answer(&images());
            }
            let is_there = talk.got[1].contains(name);
            assert_eq!(!is_there, talk.got[0].contains(met), "{name}: {:?}", talk.got);
            talk.got[0].clear();
            talk.seen[0] = 0;
            is_there
        };
        // `SolveRequest { Ref: "opens", Frontend: "" }`
        talk.client(&call(SOLVE, 51, "\x0a\x05opens\x32\0"));
        if talk.outbox.asks() {
            talk.answer(&images());
        }
        assert!(talk.got[1].contains("opens"), "{:?}", talk.got);
        assert!(reaches(&mut talk, SOLVE, 53, "one"));
        // What belongs to one build counts with it.
        let instructions: Vec<bool> = (0..9)
            .map(|at| reaches(&mut talk, BRIDGE, 61 + 2 * at, &format!("of-one-{at}")))
            .collect();
        assert_eq!(instructions, [true; 9], "the ninth counts for itself");
        assert!(!reaches(&mut talk, SOLVE, 91, "two"));
        assert!(!reaches(&mut talk, BRIDGE, 93, "alone"));
        talk.client(&call(STATUS, 95, "x")).is(None);
        assert!(talk.got[1].ends_with('x'), "nothing else is held up");
        talk.now += Duration::from_secs(30);
        assert!(reaches(&mut talk, SOLVE, 97, "later"));
        // Without rules nothing but builds is looked at.
        talk.client(&call(UNKNOWN, 99, "unknown"));
        assert_eq!(talk.got[1].contains("unknown"), !is_judged);
    }
    // Without the limit nothing is looked at where there is no rule.
    let mut talk = Talk::new(Policy::permissive(), usize::MAX);
    talk.client(UPGRADE).daemon(SWITCHED).client("anything at all").daemon_gets("POST");
    assert!(talk.got[1].ends_with("anything at all"));
}

#[test]
fn an_answer_of_another_kind_to_a_call_ends_the_connection() {
    let mut talk = begun(usize::MAX);
    talk.client(&call(SOLVE, 1, &exports("app:1")));
    let (ticket, ..) = talk.take_question().unwrap();
    talk.call(|session, turn| session.answered(ticket, Answer::Review(advice(None)), turn));
    talk.daemon_never_sees("app:1").is_broken("an answer of another kind came to a question");
}
