#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a failed test should say where"
)]

use std::sync::mpsc::{self, Receiver};

use super::*;
use crate::image::ImageRef;
use crate::lookup::{Daemon, Identity, Presence};
use crate::policy::review::{AskedImage, CancelGuard, Opinions, Purpose, ReviewRequest};

/// A plugin of which the books know all that they need.
struct Described {
    scope: Scope,
    is_concurrent: bool,
}

impl Judge for Described {
    fn scope(&self) -> Scope {
        self.scope
    }

    fn is_concurrent(&self) -> bool {
        self.is_concurrent
    }

    fn may_be_cached(&self) -> bool {
        true
    }

    fn judge(&self, _: &Question, _: Duration) -> Judgement {
        unreachable!("the books ask nobody")
    }
}

/// Books, a clock that is set by hand, and what came out.
struct Office {
    scheduler: Scheduler,
    now: Instant,
    due: Completions,
}

/// A request that waits.
struct Client {
    waits: Option<CancelGuard>,
    body: Arc<Vec<u8>>,
    answers: Receiver<Opinions>,
}

impl Client {
    fn got(&self) -> Option<String> {
        let opinions = self.answers.try_recv().ok()?;
        let refusal = opinions.refusal().map(|refusal| refusal.to_string());
        Some(refusal.unwrap_or_else(|| "agreed".to_owned()))
    }
}

const TIMEOUT: Duration = Duration::from_secs(60);

fn office(threads: usize, plugins: &[(&str, Scope)]) -> Office {
    let plugins: Vec<_> = plugins
        .iter()
        .map(|(name, scope)| {
            let settings = PluginSettings::named(name, "/".as_ref());
            (settings, Described { scope: *scope, is_concurrent: true })
        })
        .collect();
    let plugins = plugins.iter().map(|(settings, judge)| (settings, judge as &dyn Judge));
    let scheduler = Scheduler::new(plugins, threads.try_into().unwrap());
    Office { scheduler, now: Instant::now(), due: Completions::default() }
}

impl Office {
    /// Asks plugins about an image with this name and id.
    fn ask(&mut self, plugins: &[usize], given: &str, id: &str) -> Client {
        let (waits, (answer, answers)) = (CancelGuard::default(), mpsc::channel());
        let body = Arc::new(given.as_bytes().to_vec());
        let asked = AskedImage {
            purpose: Purpose::Create,
            given: given.to_owned(),
            image: ImageRef::parse(given).unwrap(),
            every_tag: false,
        };
        let review = ReviewRequest {
            request: String::new(),
            asked,
            pinned: None,
            before: None,
            method: "POST".into(),
            path: "/containers/create".into(),
            body: Some(Arc::downgrade(&body)),
            client: String::new(),
            cancel: waits.token(),
        };
        let identity = Identity { id: id.to_owned(), ..Identity::default() };
        let presence = Presence::Present(identity);
        let question = Arc::new(Question { review, presence, daemon: Daemon::nowhere() });
        let send = move |opinions| drop(answer.send(opinions));
        let round = Arc::new(FanOut::new(plugins.len(), waits.token(), Box::new(send)));
        for plugin in plugins {
            if let Err(known) = self.scheduler.submit(*plugin, &question, &round, self.now) {
                round.add(known);
            }
        }
        Client { waits: Some(waits), body, answers }
    }

    fn begin(&mut self) -> Option<Work> {
        self.scheduler.next(self.now)
    }

    fn end(&mut self, work: &Work, verdict: PluginVerdict, ttl: Duration) -> bool {
        let judgement = Judgement { verdict, reason: "so".into(), ttl };
        let was_lost = self.scheduler.done(work.call, judgement, self.now, &mut self.due);
        self.settle();
        was_lost
    }

    fn pass(&mut self, time: Duration) -> usize {
        self.now += time;
        let lost = self.scheduler.expire(self.now, &mut self.due);
        self.settle();
        lost
    }

    fn settle(&mut self) {
        for (round, result) in std::mem::take(&mut self.due.results) {
            round.add(result);
        }
    }
}

const NEVER: Duration = Duration::ZERO;
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn requests_for_one_image_share_one_call_and_then_the_verdict() {
    let mut office = office(4, &[("scan", Scope::Digest)]);
    let clients: Vec<_> =
        (0..50).map(|number| office.ask(&[0], &format!("app:{number}"), "sha256:aa")).collect();
    let call = office.begin().unwrap();
    assert!(office.begin().is_none(), "one call for all");
    office.end(&call, PluginVerdict::Allow, HOUR);
    assert!(clients.iter().all(|client| client.got().as_deref() == Some("agreed")));
    let later = office.ask(&[0], "app", "sha256:aa");
    assert_eq!(later.got().as_deref(), Some("agreed"), "kept");
    // Longer than the configuration's ten minutes nothing is kept, whatever the plugin says.
    office.pass(Duration::from_secs(601));
    let again = office.ask(&[0], "app", "sha256:aa");
    assert!(again.got().is_none() && office.begin().is_some(), "asked anew");
}

#[test]
fn errors_and_verdicts_without_a_life_are_not_kept_and_other_content_is_asked_about() {
    let mut office = office(4, &[("scan", Scope::Digest)]);
    for (verdict, ttl, expected) in [
        (PluginVerdict::Error, HOUR, "plugin scan failed, see SecDocker's log"),
        (PluginVerdict::Allow, NEVER, "agreed"),
        (PluginVerdict::Deny, HOUR, "plugin scan: so"),
    ] {
        let client = office.ask(&[0], "app", "sha256:aa");
        let call = office.begin().unwrap();
        office.end(&call, verdict, ttl);
        assert_eq!(client.got().as_deref(), Some(expected));
    }
    let moved = office.ask(&[0], "app", "sha256:bb");
    assert!(moved.got().is_none() && office.begin().is_some(), "the name means another image now");
}

#[test]
fn what_depends_on_the_name_or_the_request_is_shared_no_further() {
    let mut by_name = office(4, &[("remote", Scope::Name)]);
    let _waiting =
        [("a", "x"), ("a", "x"), ("b", "x")].map(|(name, id)| by_name.ask(&[0], name, id));
    assert_eq!(std::iter::from_fn(|| by_name.begin()).count(), 2);
    let mut whole = office(4, &[("body", Scope::Request)]);
    let _waiting = ["a", "a"].map(|name| whole.ask(&[0], name, "x"));
    let calls: Vec<_> = std::iter::from_fn(|| whole.begin()).collect();
    assert_eq!(calls.len(), 2);
    whole.end(calls.first().unwrap(), PluginVerdict::Allow, HOUR);
    assert!(whole.ask(&[0], "a", "x").got().is_none(), "not kept");
}

#[test]
fn all_must_agree_and_the_first_refusal_is_the_answer() {
    let mut office = office(4, &[("one", Scope::Name), ("two", Scope::Name)]);
    let agreed = office.ask(&[0, 1], "a", "x");
    let calls: Vec<_> = std::iter::from_fn(|| office.begin()).collect();
    let [first, second] = &calls[..] else { panic!("both at once") };
    office.end(first, PluginVerdict::Allow, NEVER);
    assert_eq!(agreed.got(), None);
    office.end(second, PluginVerdict::Allow, NEVER);
    assert_eq!(agreed.got().as_deref(), Some("agreed"));
    let refused = office.ask(&[0, 1], "a", "x");
    let call = std::iter::from_fn(|| office.begin()).find(|work| work.plugin == 1).unwrap();
    office.end(&call, PluginVerdict::Deny, NEVER);
    assert_eq!(refused.got().as_deref(), Some("plugin two: so"));
}

#[test]
fn a_plugin_that_hangs_leaves_a_place_for_the_others_and_goes_down() {
    let mut office = office(4, &[("hang", Scope::Name), ("fine", Scope::Name)]);
    let names: Vec<_> = (0..10).map(|number| format!("a{number}")).collect();
    let hung: Vec<_> = names.iter().map(|name| office.ask(&[0], name, "x")).collect();
    let calls: Vec<_> = std::iter::from_fn(|| office.begin()).collect();
    assert_eq!(calls.len(), 3, "of four places one stays free");
    let fine = office.ask(&[1], "b", "x");
    let call = office.begin().unwrap();
    office.end(&call, PluginVerdict::Allow, NEVER);
    assert_eq!(fine.got().as_deref(), Some("agreed"));
    assert_eq!(office.pass(TIMEOUT), 3, "threads given up");
    for client in &hung {
        assert_eq!(client.got().as_deref(), Some("plugin hang has not answered in time"));
    }
    let troubles = std::mem::take(&mut office.due.troubles);
    assert!(
        troubles.iter().any(|(_, trouble)| trouble.contains("not asked any more")),
        "{troubles:?}"
    );
    let late = office.ask(&[0], "b", "x");
    assert_eq!(late.got().as_deref(), Some("plugin hang has not answered in time"), "at once");
    // They return after all: later requests are answered again.
    for call in &calls {
        assert!(office.end(call, PluginVerdict::Allow, NEVER));
    }
    let again = office.ask(&[0], "c", "x");
    let call = office.begin().unwrap();
    office.end(&call, PluginVerdict::Allow, NEVER);
    assert_eq!(again.got().as_deref(), Some("agreed"));
}

#[test]
fn who_waits_in_the_queue_is_answered_in_time_and_who_has_left_is_not_asked_for() {
    let mut office = office(1, &[("slow", Scope::Name)]);
    let first = office.ask(&[0], "a", "x");
    let _call = office.begin().unwrap();
    let mut left = office.ask(&[0], "b", "x");
    let second = office.ask(&[0], "c", "x");
    left.waits = None;
    assert_eq!(office.pass(TIMEOUT - Duration::from_secs(1)), 0);
    assert!(first.got().is_none() && second.got().is_none());
    office.pass(Duration::from_secs(1));
    let late = Some("plugin slow has not answered in time".to_owned());
    assert_eq!((first.got(), second.got()), (late.clone(), late));
    assert!(office.scheduler.next_deadline().is_none(), "nothing is left to wait for");
}

#[test]
fn a_call_that_only_those_wait_for_who_have_left_is_not_made() {
    let mut office = office(2, &[("scan", Scope::Name)]);
    let mut left = office.ask(&[0], "a", "x");
    left.waits = None;
    let stays = office.ask(&[0], "b", "x");
    let call = office.begin().unwrap();
    assert_eq!(call.held.question.review.asked.given, "b");
    office.end(&call, PluginVerdict::Allow, NEVER);
    assert_eq!(stays.got().as_deref(), Some("agreed"));
    assert!(office.scheduler.calls.is_empty());
}

#[test]
fn those_who_left_behind_a_call_that_hangs_leave_nothing() {
    let mut office = office(1, &[("slow", Scope::Name)]);
    let _stays = office.ask(&[0], "a", "x");
    let _call = office.begin().unwrap();
    for _ in 0..1000 {
        let Client { body, waits, .. } = office.ask(&[0], "a", "x");
        let left = Arc::downgrade(&body);
        drop((body, waits));
        assert!(left.upgrade().is_none(), "its body is kept");
    }
    let (_, call) = office.scheduler.calls.iter().next().unwrap();
    assert!(call.waiting.len() <= 8, "{} wait", call.waiting.len());
}

#[test]
fn a_call_is_made_with_the_question_of_one_who_waits() {
    let mut office = office(1, &[("scan", Scope::Digest)]);
    let leaves = office.ask(&[0], "first", "x");
    let stays = office.ask(&[0], "second", "x");
    drop(leaves);
    let call = office.begin().unwrap();
    let ReviewRequest { asked, body, .. } = &call.held.question.review;
    assert_eq!(asked.given, "second");
    let body = body.clone().unwrap();
    let Client { waits, body: held, .. } = stays;
    drop((waits, held));
    assert!(body.upgrade().is_some(), "it is needed until the call returns");
    drop(call);
    assert!(body.upgrade().is_none());
}

#[test]
fn who_comes_when_a_call_has_begun_has_as_much_time_as_any_other() {
    let late = || Some("plugin slow has not answered in time".to_owned());
    let second = Duration::from_secs(1);
    for hangs in [true, false] {
        let mut office = office(2, &[("slow", Scope::Name)]);
        let first = office.ask(&[0], "a", "x");
        let begun = office.begin().unwrap();
        office.pass(TIMEOUT - second);
        let second_client = office.ask(&[0], "a", "x");
        assert!(office.begin().is_none(), "they share a call");
        if hangs {
            assert_eq!(office.pass(second), 1, "its thread is given up");
            assert_eq!((first.got(), second_client.got()), (late(), None));
        } else {
            // As a plugin says that knows its deadline.
            office.end(&begun, PluginVerdict::Error, NEVER);
            assert_eq!(first.got().unwrap(), "plugin slow failed, see SecDocker's log");
            assert_eq!(second_client.got(), None);
        }
        let again = office.begin().unwrap();
        assert!(again.time_left >= TIMEOUT - second, "{:?}", again.time_left);
        office.pass(TIMEOUT - second - second);
        assert_eq!(second_client.got(), None);
        office.end(&again, PluginVerdict::Allow, NEVER);
        assert_eq!(second_client.got().as_deref(), Some("agreed"));
    }
}

#[test]
fn who_comes_late_shares_a_verdict_and_is_asked_about_anew_only_once() {
    let mut office = office(2, &[("scan", Scope::Name)]);
    let _first = office.ask(&[0], "a", "x");
    let begun = office.begin().unwrap();
    let late = office.ask(&[0], "a", "x");
    office.end(&begun, PluginVerdict::Error, NEVER);
    let again = office.begin().unwrap();
    let later = office.ask(&[0], "a", "x");
    office.end(&again, PluginVerdict::Error, NEVER);
    assert_eq!(late.got().as_deref(), Some("plugin scan failed, see SecDocker's log"));
    let last = office.begin().unwrap();
    let shares = office.ask(&[0], "a", "x");
    office.end(&last, PluginVerdict::Deny, NEVER);
    let denied = || Some("plugin scan: so".to_owned());
    assert_eq!((later.got(), shares.got()), (denied(), denied()));
    assert!(office.scheduler.calls.is_empty());
}

#[test]
fn the_queue_is_bounded_and_those_who_left_make_room() {
    let mut office = office(1, &[("slow", Scope::Request)]);
    let running = office.ask(&[0], "a", "x");
    let _call = office.begin().unwrap();
    let mut waiting: Vec<_> = (0..QUEUE_MAX).map(|_| office.ask(&[0], "a", "x")).collect();
    let busy = office.ask(&[0], "a", "x").got();
    assert_eq!(busy.as_deref(), Some("plugin slow has not answered in time"));
    waiting.truncate(1);
    let fits = office.ask(&[0], "a", "x");
    assert!(fits.got().is_none() && running.got().is_none());
    assert_eq!(office.scheduler.queued(), 2);
}

#[test]
fn what_follows_from_errors_and_timeouts_is_configured() {
    let mut settings = PluginSettings::named("lax", "/".as_ref());
    settings.on_error = Fallback::Allow;
    settings.on_timeout = Fallback::Allow;
    let judge = Described { scope: Scope::Name, is_concurrent: false };
    let scheduler =
        Scheduler::new([(&settings, &judge as &dyn Judge)].into_iter(), NonZeroUsize::MIN);
    let mut office = Office { scheduler, now: Instant::now(), due: Completions::default() };
    let failed = office.ask(&[0], "a", "x");
    let call = office.begin().unwrap();
    office.end(&call, PluginVerdict::Error, NEVER);
    assert_eq!(failed.got().as_deref(), Some("agreed"));
    let late = office.ask(&[0], "a", "x");
    office.pass(TIMEOUT);
    assert_eq!(late.got().as_deref(), Some("agreed"));
}

#[test]
fn a_full_cache_forgets_what_came_first() {
    let mut settings = PluginSettings::named("scan", "/".as_ref());
    settings.cache = Some(CacheSettings { entries: 2, life: HOUR });
    let judge = Described { scope: Scope::Digest, is_concurrent: true };
    let scheduler =
        Scheduler::new([(&settings, &judge as &dyn Judge)].into_iter(), NonZeroUsize::MIN);
    let mut office = Office { scheduler, now: Instant::now(), due: Completions::default() };
    for id in ["a", "b", "c"] {
        let _client = office.ask(&[0], "app", id);
        let call = office.begin().unwrap();
        office.end(&call, PluginVerdict::Allow, HOUR);
    }
    let known = ["a", "b", "c"].map(|id| office.ask(&[0], "app", id).got().is_some());
    assert_eq!(known, [false, true, true]);
}
