#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Condvar, Mutex};

use super::*;
use crate::image::ImageRef;
use crate::lookup::{Daemon, Identity, Presence};
use crate::policy::review::{AskedImage, CancelGuard, PluginVerdict, ReviewRequest};

/// A judge that answers when its gate is open, and tells of each call.
struct Gated {
    calls: AtomicUsize,
    began: Mutex<Sender<()>>,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gated {
    fn new() -> (Arc<Self>, Receiver<()>) {
        let (began, calls) = mpsc::channel();
        let (calls_made, open, opened) = Default::default();
        (Arc::new(Self { calls: calls_made, began: Mutex::new(began), open, opened }), calls)
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

impl Judge for Gated {
    fn scope(&self) -> Scope {
        Scope::Digest
    }

    fn is_concurrent(&self) -> bool {
        true
    }

    fn may_be_cached(&self) -> bool {
        true
    }

    fn judge(&self, question: &Question, _: Duration) -> Judgement {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.began.lock().unwrap().send(()).unwrap();
        let waits = self.opened.wait_while(self.open.lock().unwrap(), |open| !*open);
        drop(waits.unwrap());
        assert_ne!(question.review.asked.given, "panic");
        Judgement { verdict: PluginVerdict::Allow, reason: String::new(), ttl: Duration::MAX }
    }
}

fn question(given: &str, waits: &CancelGuard) -> Question {
    let review = ReviewRequest {
        request: String::new(),
        asked: AskedImage {
            purpose: Purpose::Create,
            given: given.to_owned(),
            image: ImageRef::parse(given).unwrap(),
            every_tag: false,
        },
        pinned: None,
        before: None,
        method: "POST".into(),
        path: "/containers/create".into(),
        body: None,
        client: String::new(),
        cancel: waits.token(),
    };
    let presence = Presence::Present(Identity { id: given.to_owned(), ..Identity::default() });
    Question { review, presence, daemon: Daemon::nowhere() }
}

fn plugins(timeout: Duration, judges: &[(&str, &Arc<Gated>)]) -> Plugins {
    let judges = judges.iter().map(|(name, judge)| {
        let mut settings = PluginSettings::named(name, "/".as_ref());
        settings.timeout = timeout;
        (settings, Arc::clone(judge) as Arc<dyn Judge>)
    });
    Plugins::of(judges.collect(), NonZeroUsize::new(4).unwrap()).unwrap()
}

/// Asks, and gives the place where the answer arrives.
fn ask(plugins: &Plugins, given: &str, waits: &CancelGuard) -> Receiver<Opinions> {
    let (answer, answers) = mpsc::channel();
    plugins.consult(question(given, waits), move |opinions| drop(answer.send(opinions)));
    answers
}

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn fifty_that_ask_at_once_share_one_call_and_later_ones_its_verdict() {
    let (judge, _calls) = Gated::new();
    let plugins = plugins(PATIENCE, &[("scan", &judge)]);
    let waits = CancelGuard::default();
    let asked: Vec<_> = (0..50).map(|_| ask(&plugins, "app", &waits)).collect();
    judge.open();
    for answers in asked {
        assert_eq!(answers.recv_timeout(PATIENCE).unwrap().refusal(), None);
    }
    assert_eq!(judge.calls.load(Ordering::SeqCst), 1);
    let known = plugins.cached(&question("app", &waits)).unwrap();
    assert!(known.results.iter().all(|result| result.cached));
}

#[test]
fn a_verdict_answers_no_other_purpose_or_daemon() {
    let (judge, _calls) = Gated::new();
    judge.open();
    let mut settings = PluginSettings::named("scan", "/".as_ref());
    settings.asked = Purposes { create: true, service: true, pull: true, build: true };
    let judge = judge as Arc<dyn Judge>;
    let plugins = Plugins::of(vec![(settings, judge)], NonZeroUsize::MIN).unwrap();
    let waits = CancelGuard::default();
    let with = |purpose: Purpose, daemon: &str| {
        let mut question = question("app", &waits);
        question.review.asked.purpose = purpose;
        question.daemon = Daemon::at(daemon);
        question
    };
    for purpose in [Purpose::Create, Purpose::Service, Purpose::Pull] {
        let (answer, answers) = mpsc::channel();
        plugins.consult(with(purpose, "/a"), move |opinions| answer.send(opinions).unwrap());
        assert_eq!(answers.recv_timeout(PATIENCE).unwrap().refusal(), None);
    }
    // What is pulled, by a swarm too, may be something else by the next time.
    for (purpose, daemon, is_known) in [
        (Purpose::Create, "/a", true),
        (Purpose::Create, "/b", false),
        (Purpose::Service, "/a", false),
        (Purpose::Pull, "/a", false),
    ] {
        let known = plugins.cached(&with(purpose, daemon)).is_some();
        assert_eq!(known, is_known, "{purpose:?} {daemon}");
    }
}

#[test]
fn an_image_that_is_not_there_is_another_question_than_one_that_nobody_knows_of() {
    let (judge, began) = Gated::new();
    let plugins = plugins(PATIENCE, &[("scan", &judge)]);
    let waits = CancelGuard::default();
    let asked = [Presence::Absent, Presence::Unknown, Presence::Absent].map(|presence| {
        let (answer, answers) = mpsc::channel();
        let question = Question { presence, ..question("app", &waits) };
        plugins.consult(question, move |opinions| drop(answer.send(opinions)));
        answers
    });
    for _ in 0..2 {
        began.recv_timeout(PATIENCE).unwrap();
    }
    judge.open();
    assert!(asked.iter().all(|answers| answers.recv_timeout(PATIENCE).is_ok()));
    assert_eq!(judge.calls.load(Ordering::SeqCst), 2);
}

#[test]
fn what_begins_an_identifier_is_a_name_only_if_the_image_is_called_so() {
    let id = format!("sha256:{}", "cafe".repeat(16));
    let waits = CancelGuard::default();
    for (given, tags, is_identified) in [
        ("cafe", vec![], true),
        ("c", vec!["other:1", "cafe:1", "team/cafe:latest"], true),
        ("sha256:cafeca", vec!["<none>:<none>"], true),
        ("cafe", vec!["other:1", "cafe:latest"], false),
        ("sha256:cafe", vec!["sha256:cafe"], false),
        // The daemon has found it by a name, whatever that is.
        ("beef", vec![], false),
        ("cafe:latest", vec![], false),
    ] {
        let repo_tags: Vec<_> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let identity = Identity { id: id.clone(), repo_tags, ..Identity::default() };
        let presence = Presence::Present(identity);
        let mut question = Question { presence, ..question(given, &waits) };
        assert_eq!(question.is_identified(), is_identified, "{given} of {tags:?}");
        let key = question.key(Scope::Name);
        question.presence = Presence::Present(Identity {
            repo_tags: vec![format!("{given}:latest"), given.to_owned()],
            id: id.clone(),
            ..Identity::default()
        });
        assert_eq!(question.key(Scope::Name) != key, is_identified, "{given} of {tags:?}");
        question.review.asked.purpose = Purpose::Pull;
        assert!(!question.is_identified(), "a registry knows names only");
    }
}

#[test]
fn ten_calls_that_hang_are_answered_in_time_and_hold_up_no_other_plugin() {
    let ((hangs, began), (fine, _calls)) = (Gated::new(), Gated::new());
    fine.open();
    let plugins = plugins(Duration::from_millis(300), &[("hangs", &hangs), ("fine", &fine)]);
    let waits = CancelGuard::default();
    let hung: Vec<_> = (0..10).map(|number| ask(&plugins, &format!("a{number}"), &waits)).collect();
    began.recv_timeout(PATIENCE).unwrap();
    // While they hang, another round gets as far as the plugin that doesn't.
    for answers in &hung {
        let opinions = answers.recv_timeout(PATIENCE).unwrap();
        let [fine, hangs] = &opinions.results[..] else { panic!("{opinions:?}") };
        assert_eq!((&*fine.plugin, fine.verdict), ("fine", PluginVerdict::Allow));
        assert_eq!((&*hangs.plugin, hangs.verdict), ("hangs", PluginVerdict::Timeout));
    }
    let is_down = |opinions: &Opinions| {
        opinions.results.iter().any(|result| &*result.reason == "earlier calls hang")
    };
    let asked = (0..10).map(|number| ask(&plugins, &format!("b{number}"), &waits));
    let mut answers = asked.map(|answers| answers.recv_timeout(PATIENCE).unwrap());
    assert!(answers.any(|opinions| is_down(&opinions)), "it is never down");
    let made = hangs.calls.load(Ordering::SeqCst);
    assert!(made <= 8, "{made} threads were given to it");
    hangs.open();
}

#[test]
fn a_judge_that_panics_is_an_error_and_its_thread_goes_on() {
    let (judge, _calls) = Gated::new();
    judge.open();
    let plugins = plugins(PATIENCE, &[("scan", &judge)]);
    let waits = CancelGuard::default();
    for _ in 0..10 {
        let opinions = ask(&plugins, "panic", &waits).recv_timeout(PATIENCE).unwrap();
        assert_eq!(opinions.refusal().unwrap().status(), 503);
    }
    assert_eq!(ask(&plugins, "app", &waits).recv_timeout(PATIENCE).unwrap().refusal(), None);
}

#[test]
fn who_is_not_concerned_is_not_asked() {
    let (judge, _calls) = Gated::new();
    let plugins = plugins(PATIENCE, &[("scan", &judge)]);
    let waits = CancelGuard::default();
    let mut pull = question("app", &waits);
    pull.review.asked.purpose = Purpose::Pull;
    let (answer, answers) = mpsc::channel();
    plugins.consult(pull, move |opinions| answer.send(opinions).unwrap());
    assert_eq!(answers.recv_timeout(PATIENCE).unwrap(), Opinions::default());
    let none = Plugins::default();
    assert_eq!(ask(&none, "app", &waits).recv_timeout(PATIENCE).unwrap(), Opinions::default());
}
