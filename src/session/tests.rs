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

mod answers;
mod asked;
mod bounds;
mod calls;
mod clients;
mod endpoints;
mod images;
mod mediation;
mod plugins;
mod requests;
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
            place: 0,
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
        let mut outbox = Outbox::default();
        outbox.records().keep(Some(crate::record::Level::Debug));
        Self {
            session: Session::new(ClientId::NOBODY, Budget::new(100_000), ImageChanges::default()),
            rules: Arc::new(rules),
            outbox,
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

    /// What must not be has ended the connection at once, and the log is told.
    #[track_caller]
    fn is_broken(&mut self, reason: &str) {
        struct Reason(String);
        impl crate::record::Pairs<'_> for Reason {
            fn text(&mut self, _: &'static str, value: &str) -> std::fmt::Result {
                self.0.push_str(value);
                Ok(())
            }
            fn number(&mut self, _: &'static str, _: u64) -> std::fmt::Result {
                Ok(())
            }
            fn shown(&mut self, _: &'static str, _: &dyn std::fmt::Display) -> std::fmt::Result {
                Ok(())
            }
        }
        let mut errors = Vec::new();
        self.outbox.records().take(|level, _, told| {
            let mut reason = Reason(String::new());
            told.pairs(&mut reason).unwrap();
            errors.extend((level == crate::record::Level::Error).then_some(reason.0));
        });
        assert_eq!(errors, [reason]);
        self.is(Some(End::Abort));
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
    let effects = vec![crate::policy::effects::Effect::Mount(
        crate::policy::effects::MountEffect::HostPath(path),
    )];
    let mut facts = Facts::none();
    facts.add_volume("v".to_owned(), VolumeFacts::Present(effects));
    facts
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
