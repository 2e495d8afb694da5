//! Who asks which plugin what, and who waits for it: the pool's books, without threads or a clock.
//!
//! ```text
//! submit ─┬─ kept verdict, plugin down, queue full ──────────────► result at once
//!         ├─ the same question is under way: wait with the others, to be asked about anew if that
//!         │  call fails or hangs, as it has given a late request less time
//!         └─► Queued ─► Running ─┬─► done ─────────────────────────► results, kept
//!                │               └─► Lost (its thread is given up) ─► done, some time or never
//!                └── a waiter's answer_by has passed ─────────────► timeouts
//! ```
//!
//! A call that hangs takes its thread with it. The pool gets another one for it, until too many calls
//! of the plugin hang: it is down then, and answers at once, until some of them come back.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;

use super::cache::{Cache, Kept};
use super::fan_out::FanOut;
use super::judge::{Judge, Judgement, Key, Question, Scope};
use crate::config::plugins::{CacheSettings, Fallback, PluginSettings};
use crate::policy::review::{PluginResult, PluginVerdict};

/// Calls that wait for one plugin at most.
const QUEUE_MAX: usize = 1024;

/// Calls of one plugin that hang before it is down.
const LOST_MAX: usize = 2;

/// The books of all plugins.
pub(super) struct Scheduler {
    queues: Vec<PluginQueue>,
    calls: Slab<Call>,
    /// Calls that may run at once: each plugin has one of them for itself.
    places: usize,
    /// Where the search for the next call begins, so that every plugin has its turn.
    turn: usize,
}

/// One plugin's page.
struct PluginQueue {
    name: Arc<str>,
    timeout: Duration,
    on_error: Fallback,
    on_timeout: Fallback,
    scope: Scope,
    concurrency: usize,
    cache: Option<Cache>,
    queue: VecDeque<usize>,
    /// Calls that newcomers with the same key may wait for.
    shared: HashMap<Key, usize>,
    running: usize,
    lost: usize,
}

/// One call, from the first request that wants it to its return.
struct Call {
    plugin: usize,
    key: Option<Key>,
    /// In the order in which their time is over.
    waiting: Vec<Waiter>,
    stage: Stage,
}

/// A request that waits for a call.
struct Waiter {
    round: Arc<FanOut>,
    question: Arc<Question>,
    answer_by: Instant,
    /// Whether the call had begun before.
    came_late: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Queued,
    Running { lost_at: Instant },
    Lost,
}

/// A call to be made.
pub(super) struct Work {
    pub(super) call: usize,
    pub(super) plugin: usize,
    pub(super) held: Held,
    pub(super) time_left: Duration,
}

/// A question whose body stays while it is asked, even if nobody waits any more.
pub(super) struct Held {
    pub(super) question: Arc<Question>,
    _body: Option<Arc<Vec<u8>>>,
}

/// What follows from an entry in the books, to be carried out when they are closed.
#[derive(Debug, Default)]
pub(super) struct Completions {
    pub(super) results: Vec<(Arc<FanOut>, PluginResult)>,
    /// What is to be reported about plugins.
    pub(super) troubles: Vec<(Arc<str>, String)>,
}

impl Completions {
    pub(super) fn is_empty(&self) -> bool {
        self.results.is_empty() && self.troubles.is_empty()
    }
}

impl Scheduler {
    pub(super) fn new<'a>(
        plugins: impl Iterator<Item = (&'a PluginSettings, &'a dyn Judge)>,
        threads: NonZeroUsize,
    ) -> Self {
        let mut queues: Vec<PluginQueue> =
            plugins.map(|(settings, judge)| PluginQueue::new(settings, judge)).collect();
        let places = threads.get().max(queues.len());
        for queue in &mut queues {
            queue.concurrency = queue.concurrency.min(places);
        }
        Self { queues, calls: Slab::new(), places, turn: 0 }
    }

    /// Calls that wait for a thread.
    pub(super) fn queued(&self) -> usize {
        self.queues.iter().map(|queue| queue.queue.len()).sum()
    }

    /// Calls that may run at once.
    pub(super) fn places(&self) -> usize {
        self.places
    }

    /// A verdict that is known already.
    pub(super) fn cached(
        &self,
        plugin: usize,
        question: &Question,
        now: Instant,
    ) -> Option<PluginResult> {
        let queue = self.queues.get(plugin)?;
        let kept = queue.cache.as_ref()?.get(&question.key(queue.scope)?, now)?;
        Some(queue.result(kept.verdict, Arc::clone(&kept.reason), true))
    }

    /// Puts a question to a plugin in the name of a round, or answers it at once.
    pub(super) fn submit(
        &mut self,
        plugin: usize,
        question: &Arc<Question>,
        round: &Arc<FanOut>,
        now: Instant,
    ) -> Result<(), PluginResult> {
        if let Some(known) = self.cached(plugin, question, now) {
            return Err(known);
        }
        self.make_room(plugin);
        let Some(queue) = self.queues.get_mut(plugin) else { return Ok(()) };
        if queue.is_down() {
            return Err(queue.timed_out("earlier calls hang"));
        }
        let key = question.key(queue.scope);
        let (round, question) = (Arc::clone(round), Arc::clone(question));
        let mut waiter =
            Waiter { round, question, answer_by: now + queue.timeout, came_late: false };
        let under_way = key.as_ref().and_then(|key| queue.shared.get(key)).copied();
        if let Some(call) = under_way.and_then(|call| self.calls.get_mut(call)) {
            waiter.came_late = call.stage != Stage::Queued;
            call.join(waiter);
            return Ok(());
        }
        if queue.queue.len() >= QUEUE_MAX {
            return Err(queue.timed_out("too many calls wait"));
        }
        self.queue(plugin, key, vec![waiter]);
        Ok(())
    }

    fn queue(&mut self, plugin: usize, key: Option<Key>, waiting: Vec<Waiter>) {
        let Some(queue) = self.queues.get_mut(plugin) else { return };
        let call = Call { plugin, key: key.clone(), waiting, stage: Stage::Queued };
        let id = self.calls.insert(call);
        queue.queue.push_back(id);
        if let Some(key) = key {
            queue.shared.insert(key, id);
        }
    }

    /// Has those asked about anew who came when the call had begun: it gave them less time than they
    /// may have.
    fn queue_again(
        &mut self,
        (plugin, key): (usize, Option<Key>),
        mut late: Vec<Waiter>,
        due: &mut Completions,
    ) {
        let Some(queue) = self.queues.get(plugin) else { return };
        late.retain(Waiter::is_wanted);
        late.iter_mut().for_each(|waiter| waiter.came_late = false);
        if late.is_empty() {
            return;
        }
        let refused = if queue.is_down() {
            "earlier calls hang"
        } else if queue.queue.len() >= QUEUE_MAX {
            "too many calls wait"
        } else {
            return self.queue(plugin, key, late);
        };
        let result = queue.timed_out(refused);
        due.results.extend(late.into_iter().map(|waiter| (waiter.round, result.clone())));
    }

    /// The next call to make, if one may be made now.
    pub(super) fn next(&mut self, now: Instant) -> Option<Work> {
        for step in 0..self.queues.len() {
            let plugin = (self.turn + step) % self.queues.len();
            if let Some(work) = self.next_of(plugin, now) {
                self.turn = plugin + 1;
                return Some(work);
            }
        }
        None
    }

    fn next_of(&mut self, plugin: usize, now: Instant) -> Option<Work> {
        while self.may_run(plugin) {
            let queue = self.queues.get_mut(plugin)?;
            let id = queue.queue.pop_front()?;
            let Some(call) = self.calls.get_mut(id) else { continue };
            let Some(held) = call.waiting.iter().find_map(Waiter::held) else {
                self.forget(id);
                continue;
            };
            queue.running += 1;
            call.stage = Stage::Running { lost_at: now + queue.timeout };
            let answer_by = call.waiting.last().map_or(now, |waiter| waiter.answer_by);
            let time_left = answer_by.saturating_duration_since(now);
            return Some(Work { call: id, plugin, held, time_left });
        }
        None
    }

    /// Whether one more call of this plugin leaves a place for each other one.
    fn may_run(&self, plugin: usize) -> bool {
        let Some(queue) = self.queues.get(plugin) else { return false };
        let busy: usize = self.queues.iter().map(|queue| queue.running).sum();
        let others = self.queues.iter().enumerate().filter(|(index, _)| *index != plugin);
        let kept_free = others.filter(|(_, other)| other.running == 0 && !other.is_down()).count();
        let has_place = queue.running == 0 || busy + 1 + kept_free <= self.places;
        !queue.is_down() && queue.running < queue.concurrency && has_place
    }

    /// A call has come back, perhaps when nobody expected it any more; whether its thread had been
    /// given up.
    pub(super) fn done(
        &mut self,
        id: usize,
        judgement: Judgement,
        now: Instant,
        due: &mut Completions,
    ) -> bool {
        let Some(call) = self.forget(id) else { return false };
        let Some(queue) = self.queues.get_mut(call.plugin) else { return false };
        let was_lost = call.stage == Stage::Lost;
        if was_lost {
            queue.lost -= 1;
            if queue.lost + 1 == LOST_MAX {
                due.troubles.push((
                    Arc::clone(&queue.name),
                    "a call has returned: it is asked again".into(),
                ));
            }
        } else {
            queue.running -= 1;
        }
        let Judgement { verdict, reason, ttl } = judgement;
        let reason: Arc<str> = reason.into();
        if let (Some(cache), Some(key), PluginVerdict::Allow | PluginVerdict::Deny) =
            (&mut queue.cache, &call.key, verdict)
            && key.lasts()
            && !ttl.is_zero()
        {
            cache.insert(key.clone(), Kept { verdict, reason: Arc::clone(&reason) }, ttl, now);
        }
        let result = queue.result(verdict, reason, false);
        // An error may be that the time of those was over who were there before.
        let is_theirs = |waiter: &Waiter| verdict != PluginVerdict::Error || !waiter.came_late;
        let (waiting, late): (Vec<_>, Vec<_>) = call.waiting.into_iter().partition(is_theirs);
        due.results.extend(waiting.into_iter().map(|waiter| (waiter.round, result.clone())));
        self.queue_again((call.plugin, call.key), late, due);
        was_lost
    }

    /// Answers those whose time is over, and gives up the threads of calls that hang; how many.
    pub(super) fn expire(&mut self, now: Instant, due: &mut Completions) -> usize {
        let late: Vec<usize> =
            self.calls.iter().filter(|(_, call)| call.is_late(now)).map(|(id, _)| id).collect();
        for id in late {
            self.give_up_late(id, now, due);
        }
        let hangs =
            |call: &Call| matches!(call.stage, Stage::Running { lost_at } if lost_at <= now);
        let hanging: Vec<usize> =
            self.calls.iter().filter(|(_, call)| hangs(call)).map(|(id, _)| id).collect();
        for id in &hanging {
            self.lose(*id, due);
        }
        hanging.len()
    }

    /// When [`Scheduler::expire`] must be called.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.calls.iter().filter_map(|(_, call)| call.deadline()).min()
    }

    /// Fails what waits for a thread that can't be had.
    pub(super) fn give_up_queued(&mut self, due: &mut Completions) {
        for plugin in 0..self.queues.len() {
            self.clear_queue(plugin, "cannot start a thread", due);
        }
    }

    /// Those whose time is over are answered; the call goes on if it runs, or for the others.
    fn give_up_late(&mut self, id: usize, now: Instant, due: &mut Completions) {
        let Some(call) = self.calls.get_mut(id) else { return };
        let Some(queue) = self.queues.get_mut(call.plugin) else { return };
        let result = queue.timed_out(&format!("it did not answer in {:?}", queue.timeout));
        let late = call.waiting.partition_point(|waiter| waiter.answer_by <= now);
        due.results.extend(call.waiting.drain(..late).map(|waiter| (waiter.round, result.clone())));
        if call.stage == Stage::Queued && call.waiting.is_empty() {
            queue.queue.retain(|queued| *queued != id);
            self.forget(id);
        }
    }

    fn lose(&mut self, id: usize, due: &mut Completions) {
        let Some(call) = self.calls.get_mut(id) else { return };
        let plugin = call.plugin;
        let Some(queue) = self.queues.get_mut(plugin) else { return };
        call.stage = Stage::Lost;
        let (key, late) = (call.key.clone(), std::mem::take(&mut call.waiting));
        if let Some(key) = &key {
            // Who comes now is not to wait for a call that may never come back.
            unshare(queue, key, id);
        }
        queue.running -= 1;
        queue.lost += 1;
        let hangs = format!("a call has not returned in {:?}; {} hang", queue.timeout, queue.lost);
        let down = if queue.lost == LOST_MAX {
            ": it is not asked any more until one returns"
        } else {
            ""
        };
        due.troubles.push((Arc::clone(&queue.name), format!("{hangs}{down}")));
        if queue.is_down() {
            self.clear_queue(plugin, "earlier calls hang", due);
        }
        self.queue_again((plugin, key), late, due);
    }

    fn clear_queue(&mut self, plugin: usize, why: &str, due: &mut Completions) {
        let Some(queue) = self.queues.get_mut(plugin) else { return };
        let (queued, result) = (std::mem::take(&mut queue.queue), queue.timed_out(why));
        for call in queued.into_iter().filter_map(|id| self.forget(id)) {
            let waiting = call.waiting.into_iter();
            due.results.extend(waiting.map(|waiter| (waiter.round, result.clone())));
        }
    }

    /// Takes calls that nobody waits for any more out of a queue that is full.
    fn make_room(&mut self, plugin: usize) {
        let Some(queue) = self.queues.get_mut(plugin) else { return };
        if queue.queue.len() < QUEUE_MAX {
            return;
        }
        let calls = &self.calls;
        let is_wanted = |id: &usize| {
            calls.get(*id).is_some_and(|call| call.waiting.iter().any(Waiter::is_wanted))
        };
        let (wanted, unwanted): (VecDeque<_>, Vec<_>) =
            queue.queue.drain(..).fold(Default::default(), |(mut wanted, mut unwanted), id| {
                if is_wanted(&id) {
                    wanted.push_back(id)
                } else {
                    unwanted.push(id)
                }
                (wanted, unwanted)
            });
        queue.queue = wanted;
        for id in unwanted {
            self.forget(id);
        }
    }

    /// Takes a call out of the books. Its number may be given to another one.
    fn forget(&mut self, id: usize) -> Option<Call> {
        let call = self.calls.try_remove(id)?;
        if let (Some(key), Some(queue)) = (&call.key, self.queues.get_mut(call.plugin)) {
            unshare(queue, key, id);
        }
        Some(call)
    }
}

/// Newcomers do not join this call any more; another one with the same key stays.
fn unshare(queue: &mut PluginQueue, key: &Key, id: usize) {
    if queue.shared.get(key) == Some(&id) {
        queue.shared.remove(key);
    }
}

impl Waiter {
    fn is_wanted(&self) -> bool {
        self.round.is_wanted()
    }

    /// What to ask for it; nothing if it has left, which takes the body with it.
    fn held(&self) -> Option<Held> {
        let body = match &self.question.review.body {
            Some(body) => Some(body.upgrade()?),
            None => None,
        };
        self.is_wanted().then(|| Held { question: Arc::clone(&self.question), _body: body })
    }
}

impl Call {
    /// One more waits; those who have left go before the list grows, which so has at most twice as
    /// many as once waited together.
    fn join(&mut self, waiter: Waiter) {
        if self.waiting.len() == self.waiting.capacity() {
            self.waiting.retain(Waiter::is_wanted);
        }
        self.waiting.push(waiter);
    }

    fn answer_by(&self) -> Option<Instant> {
        Some(self.waiting.first()?.answer_by)
    }

    fn is_late(&self, now: Instant) -> bool {
        self.answer_by().is_some_and(|answer_by| answer_by <= now)
    }

    fn deadline(&self) -> Option<Instant> {
        let answer_by = self.answer_by();
        let lost_at = match self.stage {
            Stage::Running { lost_at } => Some(lost_at),
            Stage::Queued | Stage::Lost => None,
        };
        [answer_by, lost_at].into_iter().flatten().min()
    }
}

impl PluginQueue {
    fn new(settings: &PluginSettings, judge: &dyn Judge) -> Self {
        let usual = judge.may_be_cached().then(CacheSettings::default);
        let all = if judge.is_concurrent() { usize::MAX } else { 1 };
        Self {
            name: Arc::clone(&settings.name),
            timeout: settings.timeout,
            on_error: settings.on_error,
            on_timeout: settings.on_timeout,
            scope: judge.scope(),
            concurrency: settings.concurrency.map_or(all, NonZeroUsize::get),
            cache: settings.cache.or(usual).map(Cache::new),
            queue: VecDeque::new(),
            shared: HashMap::new(),
            running: 0,
            lost: 0,
        }
    }

    fn is_down(&self) -> bool {
        self.lost >= LOST_MAX
    }

    fn timed_out(&self, why: &str) -> PluginResult {
        self.result(PluginVerdict::Timeout, why.into(), false)
    }

    fn result(&self, verdict: PluginVerdict, reason: Arc<str>, cached: bool) -> PluginResult {
        let refuses = match verdict {
            PluginVerdict::Allow => false,
            PluginVerdict::Deny => true,
            PluginVerdict::Error => self.on_error == Fallback::Deny,
            PluginVerdict::Timeout => self.on_timeout == Fallback::Deny,
        };
        PluginResult { plugin: Arc::clone(&self.name), verdict, reason, cached, refuses }
    }
}

#[cfg(test)]
mod tests;
