//! What real clients send that another reader might take differently: what the daemon would read of it
//! is judged, and that alone is forwarded.

use super::*;
use crate::client::Peer;

const OFFER: &str =
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
const IMAGE: &str = r#"{"Image":"a"}"#;
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// Conversations under a rule about ports, where builds pass unread.
fn talk_with_builds(conversation: impl Fn(&mut Talk)) {
    talk(|talk| {
        let ports = vec![PortRule::parse("22").unwrap()];
        let policy = Policy { ports, builds: BuildRule::Allow, ..Policy::permissive() };
        *talk = Talk::new(policy, talk.piece);
        conversation(talk);
    });
}

fn post(target: &str, lines: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: d\r\n{lines}")
}

/// Java's client makes it with every first request of a connection.
#[test]
fn an_offer_of_http2_is_left_out_of_what_is_inspected() {
    let create = with_body(CREATE, IMAGE);
    talk(|talk| {
        talk.client(&with_body(&format!("{CREATE}{OFFER}"), IMAGE));
        talk.daemon_gets(&create).daemon(OK).client_gets(OK).is(None);
        talk.client(&with_body(&format!("{CREATE}{OFFER}"), FORBIDDEN));
        talk.client_gets("HTTP/1.1 403 Forbidden\r\n").is(None);
        // One that waits to be told goes on.
        let expecting =
            format!("{CREATE}{OFFER}Expect: 100-continue\r\nContent-Length: 13\r\n\r\n");
        talk.client(&expecting).client_gets(CONTINUE).client(IMAGE);
        talk.daemon_gets("POST /containers/create").daemon(OK).client_gets(OK).is(None);
        talk.client(&post("/images/a/tag?repo=b", &format!("{OFFER}\r\n")));
        talk.daemon_gets(&post("/images/a/tag?repo=b", "\r\n")).is(None);
        talk.daemon_never_sees("h2c").daemon_never_sees("HTTP2").daemon_never_sees("Upgrade");
    });
}

#[test]
fn the_stream_of_a_build_is_called_h2c_and_is_no_offer() {
    for target in ["/session", "/grpc"] {
        talk(|talk| {
            let ports = vec![PortRule::parse("22").unwrap()];
            let policy = Policy { ports, builds: BuildRule::Allow, ..Policy::permissive() };
            *talk = Talk::new(policy, talk.piece);
            talk.client(&post(target, &format!("{OFFER}\r\n")));
            let lines = "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
            talk.daemon_gets(&post(target, lines)).daemon_never_sees("HTTP2").is(None);
        });
    }
}

#[test]
fn a_line_feed_ends_a_line_of_a_head_that_stands_alone() {
    const WHOLE: &str = "GET /_ping HTTP/1.0\r\n\r\n";
    for sent in
        ["GET /_ping HTTP/1.0\r\n\n", "GET /_ping HTTP/1.0\n\n", "GET /_ping HTTP/1.0\n\r\n"]
    {
        talk(|talk| {
            talk.client(sent).daemon_gets(WHOLE).daemon(OK).client_gets(OK).is(Some(End::Flush));
            assert_eq!(talk.got[1], WHOLE);
        });
    }
    // What follows is a request of its own, and judged as ever.
    let alone = "GET /_ping HTTP/1.1\nHost: d\nX: y\r\n\n";
    talk(|talk| {
        talk.client(&format!("{alone}{}", with_body(CREATE, FORBIDDEN)));
        talk.daemon_gets("GET /_ping HTTP/1.1\r\nHost: d\r\nX: y\r\n\r\n").daemon(OK);
        let answers = talk.got[0].clone();
        assert!(answers.starts_with(&format!("{OK}HTTP/1.1 403 Forbidden\r\n")), "{answers}");
        talk.daemon_never_sees("create").is(None);
    });
    talk_with_builds(|talk| {
        let tag = post("/images/a/tag?repo=b", "Content-Length: 0\r\n\r\n");
        talk.client(&tag.replace("\r\n", "\n")).daemon_gets(&tag);
        let forbidden = post("/build?networkmode=host", "\r\n").replace("\r\n", "\n");
        talk.daemon(OK).client_gets(OK).client(&forbidden).client_gets("HTTP/1.1 403 ");
    });
}

#[test]
fn a_line_feed_ends_no_line_where_more_is_announced() {
    for lines in [
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "Content-Encoding: gzip",
        "Upgrade: tcp",
        "Connection: Upgrade",
        "HTTP2-Settings: AAMA",
        "Expect: 100-continue",
        "Trailer: x",
    ] {
        for head in [
            format!("GET /_ping HTTP/1.1\r\nHost: d\n{lines}\r\n\r\n"),
            format!("GET /_ping HTTP/1.1\n{lines}\r\n\r\n"),
            format!("GET /_ping HTTP/1.1\r\n{lines}\n\r\n"),
            format!("GET /_ping HTTP/1.1\r\n{lines}\r\n\n"),
        ] {
            talk(|talk| {
                talk.client(&head).client("5\r\nhello\r\n0\r\n\r\n").client(PING);
                talk.client_gets("HTTP/1.1 400 ").is(Some(End::Linger));
                assert_eq!(talk.got[1], "", "{head:?}");
            });
        }
    }
    talk(|talk| {
        talk.client(PING).daemon("HTTP/1.1 200 OK\nContent-Length: 0\n\n");
        talk.client_gets("HTTP/1.1 502 ").is(Some(End::Flush));
    });
}

#[test]
fn the_first_of_several_values_is_judged_and_forwarded_alone() {
    talk_with_builds(|talk| {
        for (sent, forwarded) in [
            ("/images/a/tag?repo=b&repo=c&tag=1&tag=2", Some("/images/a/tag?repo=b&tag=1")),
            ("/images/a/tag?repo=b&%72epo=c", Some("/images/a/tag?repo=b")),
            ("/images/create?fromImage=a&fromImage=b", Some("/images/create?fromImage=a")),
            ("/build?networkmode=none&networkmode=host&t=b&t=c", {
                Some("/build?networkmode=none&t=b&t=c")
            }),
            ("/build?networkmode=host&networkmode=none", None),
            ("/build?%6eetworkmode=host&networkmode=none", None),
        ] {
            talk.client(&post(sent, "Content-Length: 0\r\n\r\n"));
            match forwarded {
                Some(target) => {
                    talk.daemon_gets(&format!("POST {target} HTTP/1.1\r\n"));
                    talk.daemon(OK).client_gets(OK);
                }
                None => {
                    talk.client_gets("HTTP/1.1 403 ");
                }
            }
        }
    });
    // A container has one name, whatever follows it.
    talk(|talk| {
        let create = with_body(&CREATE.replace("create ", "create?name=b&name=c&x=1&x=2 "), IMAGE);
        talk.client(&create).daemon_gets("POST /containers/create?name=b&x=1&x=2 HTTP/1.1\r\n");
    });
}

/// hyper's builder adds lines where others replace them.
#[test]
fn the_first_line_counts_of_what_the_daemon_reads_once() {
    const TWO: &str = "Content-Type: application/x-tar\r\nContent-Type: application/json\r\n\
                       X-Registry-Config: e30=\r\nX-Registry-Config: e31=\r\n";
    const ONE: &str = "X-Registry-Config: e30=\r\nContent-Length: 5\r\n\
                       Content-Type: application/x-tar\r\n\r\nhello";
    talk_with_builds(|talk| {
        let load =
            format!("{}hello", post("/images/load", &format!("{TWO}Content-Length: 5\r\n\r\n")));
        talk.client(&load).daemon_gets(&post("/images/load", ONE)).daemon(OK).client_gets(OK);
    });
    talk(|talk| {
        let services = post("/services/create", "Content-Type: application/json\r\n");
        let twice = services.replace("Content", "Content-Type: application/json\r\nContent");
        let body = r#"{"Name":"s","TaskTemplate":{"ContainerSpec":{"Image":"app"}}}"#;
        talk.client(&with_body(&twice, body)).daemon_gets(&with_body(&services, body));
        talk.daemon(OK).client_gets(OK);
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        talk.client(&with_body(&post("/containers/create", &format!("{form}{TWO}")), IMAGE));
        talk.client_gets("HTTP/1.1 400 ");
    });
}

#[test]
fn the_encoding_of_an_archive_shows_in_its_bytes() {
    talk_with_builds(|talk| {
        for target in ["/images/load", "/images/create?fromSrc=-", "/build"] {
            let head = post(target, "Content-Type: application/x-tar\r\nContent-Length: 5\r\n");
            let encoding = "content-encoding: gzip\r\nContent-Encoding: br\r\n";
            talk.client(&format!("{head}{encoding}\r\nhello"));
            talk.daemon_gets(&post(target, "Content-Length: 5\r\n"));
            talk.daemon_never_sees("ncoding").daemon(OK).client_gets(OK);
        }
    });
    // Where the archive is read, its bytes say how it is compressed.
    talk(|talk| {
        let images = vec![crate::policy::images::ImageRule::parse("ubuntu:16.04").unwrap()];
        let builds = BuildRule::Inspect;
        *talk = Talk::new(Policy { images, builds, ..Policy::permissive() }, talk.piece);
        talk.client(&with_body(&post("/build", "Content-Encoding: gzip\r\n"), "no tar"));
        talk.client_gets("HTTP/1.1 400 ").daemon_never_sees("build");
        assert!(talk.got[0].contains("build context"), "{}", talk.got[0]);
    });
}

#[test]
fn a_form_says_nothing_that_counts_where_containers_are_started() {
    const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
    talk(|talk| {
        let mounts = vec![crate::policy::mounts::MountRule::parse("/root").unwrap()];
        *talk = Talk::new(Policy { mounts, ..Policy::permissive() }, talk.piece);
        for (path, body) in
            [("/containers/a/start", "t=5"), ("/containers/a/restart", "t=5&signal=HUP")]
        {
            talk.client(&with_body(&post(path, FORM), body)).client_gets("");
            assert!(talk.take_question().is_some(), "{path} is judged by its mounts");
            *talk = Talk::new(Policy { ..(*talk.rules.policy).clone() }, talk.piece);
        }
        let long = with_body(&post("/containers/a/start", FORM), "checkpoint-dir=/root");
        talk.client(&long).client_gets("HTTP/1.1 400 ");
    });
}

/// A body may take its time as long as something comes, and comes at some rate.
#[test]
fn a_slow_body_goes_on_while_it_comes() {
    let start = format!("{CREATE}Content-Length: 500\r\n\r\n");
    let second = Duration::from_secs(1);
    let mut talk = Talk::new(Policy::permissive(), usize::MAX);
    talk.client(&start);
    let began = talk.now;
    for _ in 0..49 {
        talk.now += second * 3;
        talk.client("          ");
        assert!(talk.session.deadline().unwrap() > talk.now, "{:?}", talk.now - began);
        talk.call(Session::elapsed);
        talk.is(None);
        if talk.now - began > second * 80 {
            break;
        }
    }
    // Thirty seconds without a byte.
    let mut silent = Talk::new(Policy::permissive(), usize::MAX);
    silent.client(&start);
    assert_eq!(silent.session.deadline(), Some(silent.now + second * 30));
    silent.now += second * 20;
    silent.client("x");
    assert_eq!(silent.session.deadline(), Some(silent.now + second * 30));
    silent.now += second * 30;
    silent.call(Session::elapsed);
    silent.client_gets("HTTP/1.1 408 ").is(Some(End::Linger));
    // A byte now and then is not enough: ten bytes a second are, beyond the first minute.
    let mut drips = Talk::new(Policy::permissive(), usize::MAX);
    drips.client(&start);
    let began = drips.now;
    for _ in 0..3 {
        drips.now += second * 20;
        drips.client(" ");
    }
    assert_eq!(drips.session.deadline(), Some(began + second * 60));
    drips.call(Session::elapsed);
    drips.client_gets("HTTP/1.1 408 ").is(Some(End::Linger));
}

#[test]
fn long_heads_hold_a_share_of_the_budget() {
    let long =
        |bytes: usize| format!("GET /_ping HTTP/1.1\r\nHost: d\r\nX: {}\r\n", "y".repeat(bytes));
    let talk_with = |budget: &Budget, who: u32| {
        let mut talk = Talk::new(Policy::permissive(), usize::MAX);
        Arc::get_mut(&mut talk.rules).unwrap().head_bytes_max = 256 * 1024;
        let peer = Peer::Unix { uid: who, pid: 1 };
        let client = ClientId { connection: 1, peer, name: None };
        talk.session = Session::new(client, budget.clone(), ImageChanges::default());
        talk
    };
    let budget = Budget::new(1 << 20);
    let mut held: Vec<_> = (0..8).map(|_| talk_with(&budget, 1)).collect();
    for talk in &mut held {
        talk.client(&long(100_000));
    }
    let refused = held.iter().filter(|talk| talk.got[0].starts_with("HTTP/1.1 503 ")).count();
    assert!((1..8).contains(&refused), "{refused} of 8");
    // Another client, and a short head of the same one, have their room.
    for (who, bytes) in [(2, 100_000), (1, 10_000)] {
        let mut talk = talk_with(&budget, who);
        let whole = format!("{}\r\n", long(bytes));
        let (first, rest) = whole.split_at(bytes);
        talk.client(first).client(rest).daemon_gets(&whole).is(None);
    }
    drop(held);
    assert_eq!(budget.free(), 1 << 20);
}

#[test]
fn a_head_that_is_too_long_names_the_key() {
    talk(|talk| {
        talk.client(&format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(5000)));
        assert!(talk.got[0].contains("longer than 4096 bytes; `limits.head`"), "{}", talk.got[0]);
    });
}

#[test]
fn tls_is_called_by_its_name() {
    talk(|talk| {
        talk.client("\x16\x03\x01\x02").client_gets("HTTP/1.1 400 ").is(Some(End::Linger));
        assert!(talk.got[0].contains("this is TLS; "), "{}", talk.got[0]);
    });
}

/// A label so long that the body is judged away from the loop.
fn large(rest: &str) -> String {
    format!(r#"{{"Labels":{{"a":"{}"}},{rest}}}"#, "b".repeat(100_000))
}

fn talk_about_large(policy: &Policy, conversation: impl Fn(&mut Talk)) {
    for piece in [4099, usize::MAX] {
        let mut talk = Talk::new(policy.clone(), piece);
        Arc::get_mut(&mut talk.rules).unwrap().body_bytes_max = 1 << 20;
        talk.session =
            Session::new(ClientId::NOBODY, Budget::new(8 << 20), ImageChanges::default());
        conversation(&mut talk);
    }
}

/// One whose verdict does not come at once.
fn under_way(talk: &mut Talk, body: &str) -> (Ticket, Work) {
    let request = with_body(CREATE, body);
    let mut turn = Turn { now: talk.now, rules: &talk.rules, out: &mut talk.outbox };
    let head = request.find("\r\n\r\n").unwrap() + 4;
    for part in [&request[..head], &request[head..]] {
        assert_eq!(talk.session.bytes(Side::Downstream, part.as_bytes(), &mut turn), {
            Step::Take(part.len())
        });
    }
    talk.take_work().unwrap()
}

#[test]
fn large_bodies_are_judged_elsewhere_and_alike() {
    let mounts = vec![crate::policy::mounts::MountRule::parse("/root").unwrap()];
    let ports = vec![PortRule::parse("22").unwrap()];
    let policy = Policy { ports, mounts, ..Policy::permissive() };
    talk_about_large(&policy, |talk| {
        let (allowed, forbidden) =
            (large(r#""Image":"a""#), large(&FORBIDDEN[1..FORBIDDEN.len() - 1]));
        for body in [with_body(CREATE, &allowed), chunked(CREATE, &allowed)] {
            talk.client(&body).daemon_gets("POST /containers/create").daemon(OK).client_gets(OK);
            assert!(talk.got[1].ends_with(r#""},"Image":"a"}"#));
        }
        talk.client(&format!("{}{PING}", with_body(CREATE, &forbidden)));
        talk.client_gets("HTTP/1.1 403 ").daemon_gets(PING).daemon(OK).client_gets(OK);
        talk.client(&with_body(CREATE, &large(r#""Image":5"#)))
            .client_gets("HTTP/1.1 400 ")
            .is(None);
        // What must be asked is asked, and in rounds.
        talk.client(&with_body(CREATE, &large(r#""Image":"a","HostConfig":{"Binds":["v:/x"]}"#)));
        let (ticket, questions, _) = talk.take_question().unwrap();
        assert_eq!(questions.volumes(), ["v"]);
        talk.call(|session, turn| session.answered(ticket, Answer::Facts(volume_at("/srv")), turn));
        let (next, questions, _) = talk.take_question().unwrap();
        let mut facts = Facts::none();
        let paths = questions.real_paths();
        paths.into_iter().for_each(|path| facts.add_link(path.clone(), path.clone()));
        talk.call(|session, turn| session.answered(ticket, Answer::Facts(Facts::none()), turn));
        talk.daemon_gets("")
            .call(|session, turn| session.answered(next, Answer::Facts(facts), turn));
        talk.daemon_gets("POST /containers/create").daemon(OK).client_gets(OK).is(None);
    });
}

#[test]
fn a_verdict_that_comes_too_late_changes_nothing_and_its_body_counts_until_then() {
    talk_about_large(&Policy::permissive(), |talk| {
        let budget = Budget::new(8 << 20);
        talk.session = Session::new(ClientId::NOBODY, budget.clone(), ImageChanges::default());
        let (ticket, judgement) = under_way(talk, &large(r#""Image":"a""#));
        assert!(talk.session.is_busy());
        assert_eq!(talk.session.flow(Side::Downstream), Flow::Hold);
        talk.now = talk.session.deadline().unwrap();
        talk.call(Session::elapsed);
        talk.client_gets("HTTP/1.1 503 ").is(Some(End::Linger));
        let judged = judgement.run();
        assert!(budget.free() < 8 << 20, "the body is still there");
        talk.call(|session, turn| session.answered(ticket, Answer::Worked(judged), turn));
        assert_eq!(budget.free(), 8 << 20);
        talk.daemon_never_sees("create");
    });
}
