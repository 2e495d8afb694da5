//! Conversations with a session, in pieces of every size.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed test should say where"
)]

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::policy::Policy;
use crate::policy::builds::BuildRule;
use crate::policy::facts::{Facts, Questions, VolumeFacts};
use crate::policy::ports::PortRule;
use crate::policy::review::{
    CancelToken, ImageSeen, Opinions, PluginResult, PluginVerdict, Purposes, Review, ReviewRequest,
};

mod calls;
mod clients;
mod endpoints;
mod images;
mod mediation;
mod plugins;
mod served;
mod withholding;

const CREATE: &str =
    "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n";
const FORBIDDEN: &str =
    r#"{"Image":"a","HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"022"}]}}}"#;
const PING: &str = "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
const ATTACH: &str = "POST /containers/x/attach?stdout=1 HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n";

/// A session, the bytes that wait for it, and what came out of it.
struct Talk {
    session: Session,
    rules: Arc<Rules>,
    outbox: Outbox,
    now: Instant,
    piece: usize,
    waiting: [Vec<u8>; 2],
    got: [String; 2],
    seen: [usize; 2],
}

/// Holds a conversation once for each size of piece that the bytes arrive in.
fn talk(conversation: impl Fn(&mut Talk)) {
    for piece in [1, 2, 3, 5, 16, 61, usize::MAX] {
        let policy = Policy { ports: vec![PortRule::parse("22").unwrap()], ..Policy::permissive() };
        conversation(&mut Talk::new(policy, piece));
    }
}

fn with_body(head: &str, body: &str) -> String {
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn chunked(head: &str, body: &str) -> String {
    format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n{:x};ext=1\r\n{body}\r\n0\r\nTrailer: x\r\n\r\n",
        body.len()
    )
}

impl Talk {
    fn new(policy: Policy, piece: usize) -> Self {
        let rules = Rules {
            refuses_all: false,
            viewer: None,
            share: None,
            policy: Arc::new(policy),
            head_bytes_max: 4096,
            body_bytes_max: 1000,
            head_time_max: Duration::from_secs(30),
            body_time_max: Duration::from_secs(60),
            body_idle_max: Duration::from_secs(30),
            body_rate_min: NonZeroU64::new(10).unwrap(),
            reviewed: Purposes::default(),
            review_time_max: Duration::from_secs(90),
        };
        Self {
            session: Session::new(ClientId::NOBODY, Budget::new(100_000), ImageChanges::default()),
            rules: Arc::new(rules),
            outbox: Outbox::default(),
            now: Instant::now(),
            piece,
            waiting: [Vec::new(), Vec::new()],
            got: [String::new(), String::new()],
            seen: [0, 0],
        }
    }

    fn client(&mut self, bytes: &str) -> &mut Self {
        self.arrive(Side::Downstream, bytes.as_bytes())
    }

    fn daemon(&mut self, bytes: &str) -> &mut Self {
        self.arrive(Side::Upstream, bytes.as_bytes())
    }

    fn ends(&mut self, side: Side) -> &mut Self {
        self.call(|session, turn| session.ended(side, turn));
        self.pump()
    }

    /// Answers the question that was asked.
    #[track_caller]
    fn answer(&mut self, facts: &Facts) -> &mut Self {
        let (ticket, questions, _) = self.take_question().unwrap();
        let mut answers = Facts::none();
        answers.note(&questions);
        answers.add(facts.clone());
        self.call(|session, turn| session.answered(ticket, Answer::Facts(answers), turn));
        self.pump()
    }

    fn call(&mut self, call: impl FnOnce(&mut Session, &mut Turn<'_>)) {
        let mut turn = Turn { now: self.now, rules: &self.rules, out: &mut self.outbox };
        call(&mut self.session, &mut turn);
        self.collect();
        self.judge_elsewhere();
    }

    /// Judges at once what the proxy hands to another thread.
    fn judge_elsewhere(&mut self) {
        while let Some((ticket, work)) = self.take_work() {
            let worked = work.run();
            self.call(|session, turn| session.answered(ticket, Answer::Worked(worked), turn));
        }
    }

    fn take<T>(&mut self, take: impl FnOnce(What) -> Result<T, What>) -> Option<(Ask, T)> {
        let Ask { ticket, what, token } = self.outbox.take_ask()?;
        let ask = |what| Ask { ticket, what, token: token.clone() };
        match take(what) {
            Ok(taken) => Some((ask(What::Facts(Box::default())), taken)),
            Err(what) => {
                self.outbox.ask(ask(what));
                None
            }
        }
    }

    /// What the outside is asked, once.
    fn take_question(&mut self) -> Option<(Ticket, Questions, CancelToken)> {
        let taken = self.take(|what| match what {
            What::Facts(questions) => Ok(*questions),
            other => Err(other),
        });
        taken.map(|(ask, questions)| (ask.ticket, questions, ask.token))
    }

    /// What plugins are asked, once.
    fn take_review(&mut self) -> Option<(Ticket, ReviewRequest)> {
        let taken = self.take(|what| match what {
            What::Review(request) => Ok(*request),
            other => Err(other),
        });
        taken.map(|(ask, request)| (ask.ticket, request))
    }

    /// The body that is judged elsewhere, once.
    fn take_work(&mut self) -> Option<(Ticket, Work)> {
        let taken = self.take(|what| match what {
            What::Work(work) => Ok(*work),
            other => Err(other),
        });
        taken.map(|(ask, work)| (ask.ticket, work))
    }

    fn arrive(&mut self, from: Side, bytes: &[u8]) -> &mut Self {
        for piece in bytes.chunks(self.piece.min(bytes.len())) {
            self.waiting[index(from)].extend_from_slice(piece);
            self.pump();
        }
        self
    }

    fn pump(&mut self) -> &mut Self {
        while self.step(Side::Downstream) || self.step(Side::Upstream) {}
        self
    }

    /// Moves some bytes of one direction, as the proxy does.
    fn step(&mut self, from: Side) -> bool {
        let input = std::mem::take(&mut self.waiting[index(from)]);
        let (forwarded, taken) = match self.session.flow(from) {
            _ if input.is_empty() => (0, 0),
            Flow::Hold => (0, 0),
            Flow::Discard => (0, input.len()),
            Flow::PassToEnd => (input.len(), input.len()),
            Flow::Pass(at_most) => {
                let count = NonZeroU64::new(input.len() as u64).unwrap().min(at_most);
                let mut turn = Turn { now: self.now, rules: &self.rules, out: &mut self.outbox };
                self.session.passed(from, count, &mut turn);
                (count.get() as usize, count.get() as usize)
            }
            Flow::Inspect => {
                let mut turn = Turn { now: self.now, rules: &self.rules, out: &mut self.outbox };
                match self.session.bytes(from, &input, &mut turn) {
                    Step::Forward(count) => (count, count),
                    Step::Take(count) => (0, count),
                    Step::More => (0, 0),
                }
            }
        };
        self.got[index(from.other())].push_str(std::str::from_utf8(&input[..forwarded]).unwrap());
        self.waiting[index(from)] = input[taken..].to_vec();
        self.collect();
        self.judge_elsewhere();
        taken > 0
    }

    fn collect(&mut self) {
        for side in [Side::Downstream, Side::Upstream] {
            let bytes = std::mem::take(self.outbox.to(side));
            self.got[index(side)].push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    /// What came out to one side since this was last asked.
    #[track_caller]
    fn gets(&mut self, side: Side, expected: &str) -> &mut Self {
        let fresh = &self.got[index(side)][self.seen[index(side)]..];
        assert!(
            fresh.starts_with(expected),
            "pieces of {}: {side:?} should get {expected:?}, got {fresh:?}",
            self.piece
        );
        self.seen[index(side)] = self.got[index(side)].len();
        self
    }

    #[track_caller]
    fn client_gets(&mut self, expected: &str) -> &mut Self {
        self.gets(Side::Downstream, expected)
    }

    #[track_caller]
    fn daemon_gets(&mut self, expected: &str) -> &mut Self {
        self.gets(Side::Upstream, expected)
    }

    #[track_caller]
    fn daemon_never_sees(&mut self, what: &str) -> &mut Self {
        let all = &self.got[index(Side::Upstream)];
        assert!(!all.contains(what), "the daemon saw {what:?} in {all:?}");
        self
    }

    #[track_caller]
    fn is(&mut self, end: Option<End>) -> &mut Self {
        assert_eq!(self.session.end(), end, "pieces of {}", self.piece);
        self
    }
}

fn index(side: Side) -> usize {
    match side {
        Side::Downstream => 0,
        Side::Upstream => 1,
    }
}

#[test]
fn an_ordinary_request_passes_unchanged_and_the_next_one_too() {
    talk(|talk| {
        for _ in 0..3 {
            talk.client(PING).daemon_gets(PING).daemon(OK).client_gets(OK).is(None);
        }
    });
}

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
fn a_forbidden_create_is_answered_in_its_place_and_never_reaches_the_daemon() {
    for body in [with_body(CREATE, FORBIDDEN), chunked(CREATE, FORBIDDEN)] {
        talk(|talk| {
            talk.client(&format!("{PING}{body}{PING}")).daemon(OK);
            let answers = talk.got[0].clone();
            assert!(answers.starts_with(&format!("{OK}HTTP/1.1 403 Forbidden\r\n")), "{answers}");
            talk.daemon_never_sees("create").is(None);
            talk.client_gets(OK).daemon(OK).client_gets(OK);
        });
    }
}

#[test]
fn an_allowed_create_is_written_anew() {
    talk(|talk| {
        talk.client(&chunked(CREATE, r#" {"image" : "a"} "#))
            .daemon_gets("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ");
        assert!(talk.got[1].contains(r#"{"Image":"a"}"#), "{}", talk.got[1]);
        talk.daemon_never_sees("chunked");
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

/// A session under a rule about mounts, in which a create asks about the volume `v`.
fn asks_about_a_volume(talk: &mut Talk) -> (Ticket, Questions) {
    let rule = crate::policy::mounts::MountRule::parse("/root").unwrap();
    let policy = Policy { mounts: vec![rule], ..Policy::permissive() };
    *talk = Talk::new(policy, talk.piece);
    let body = r#"{"Image":"a","HostConfig":{"Binds":["v:/x"]}}"#;
    talk.client(&with_body(CREATE, body)).daemon_never_sees("create");
    let (ticket, questions, _) = talk.take_question().unwrap();
    (ticket, questions)
}

/// What the outside has learned of the volume `v`.
fn volume_at(path: &str) -> Facts {
    let path = crate::policy::types::HostPath::parse(path).unwrap();
    let effects = vec![crate::policy::effects::Effect::HostPath(path)];
    let mut facts = Facts::none();
    facts.add_volume("v".to_owned(), VolumeFacts::Present(effects));
    facts
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
fn targets_in_absolute_form_are_reduced_to_their_path() {
    talk(|talk| {
        talk.client("GET http://elsewhere/_ping?a=b HTTP/1.1\r\nHost: d\r\n\r\n");
        talk.daemon_gets("GET /_ping?a=b HTTP/1.1\r\nHost: d\r\n\r\n");
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

/// What plugins say, asked just now: one that refuses with this verdict, or one that agrees.
fn advice(refusing: Option<PluginVerdict>) -> Review {
    let verdict = refusing.unwrap_or(PluginVerdict::Allow);
    let (plugin, reason, refuses) = ("anchore".into(), "6 of 5".into(), refusing.is_some());
    let result = PluginResult { plugin, verdict, reason, cached: false, refuses };
    Review::new(Opinions { results: vec![result] }, ImageSeen::One("sha256:12".into()))
}

/// The request has been judged again, and what plugins said stands.
fn said_before(talk: &mut Talk) {
    let (ticket, question) = talk.take_review().unwrap();
    let said = question.still_said(&ImageSeen::One("sha256:12".into())).unwrap();
    talk.call(|session, turn| session.answered(ticket, Answer::Review(said), turn));
}

/// Conversations in which plugins are asked about containers.
fn talk_with_plugins(conversation: impl Fn(&mut Talk)) {
    talk(|talk| {
        let rules = Arc::get_mut(&mut talk.rules).unwrap();
        rules.reviewed = Purposes { create: true, ..Purposes::default() };
        conversation(talk);
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
