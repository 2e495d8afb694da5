//! The threads that plugins run on, and the one that looks at the clock for them.
//!
//! Apart from the pool of look-ups, so that a plugin that hangs holds up no look-up, and never on a
//! loop. What is asked of whom stands in [`Scheduler`]; this carries it out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use super::fan_out::{Answer, FanOut};
use super::judge::{Judge, Judgement, Question};
use super::scheduler::{Completions, Scheduler, Work};
use crate::audit::{self, Notice};
use crate::metrics::PluginCounts;
use crate::policy::review::PluginResult;

/// Only what is touched takes memory; libraries in C expect about as much.
const STACK_BYTES: usize = 8 << 20;

/// The pool. Threads begin when there is work, and stay.
pub(super) struct Pool {
    judges: Vec<Arc<dyn Judge>>,
    counts: Vec<Arc<PluginCounts>>,
    state: Mutex<State>,
    work: Condvar,
    clock: Condvar,
}

struct State {
    scheduler: Scheduler,
    /// Threads, without those that were given up.
    threads: usize,
    idle: usize,
    /// When the clock's thread looks again.
    looks_at: Option<Instant>,
    /// Nobody asks any more.
    closed: bool,
}

/// The time, for threads that have no turns.
#[expect(clippy::disallowed_methods, reason = "plugins have a clock of their own, as the pool has")]
fn now() -> Instant {
    Instant::now()
}

impl Pool {
    pub(super) fn new(
        judges: Vec<Arc<dyn Judge>>,
        counts: Vec<Arc<PluginCounts>>,
        scheduler: Scheduler,
    ) -> std::io::Result<Arc<Self>> {
        let state = State { scheduler, threads: 0, idle: 0, looks_at: None, closed: false };
        let pool = Arc::new(Self {
            judges,
            counts,
            state: Mutex::new(state),
            work: Condvar::new(),
            clock: Condvar::new(),
        });
        let clock = Arc::clone(&pool);
        thread::Builder::new().name("plugin-clock".into()).spawn(move || clock.watch())?;
        Ok(pool)
    }

    /// What all of these plugins have said before, if they have.
    pub(super) fn cached(
        &self,
        plugins: impl Iterator<Item = usize>,
        question: &Question,
    ) -> Option<Vec<PluginResult>> {
        let (now, state) = (now(), self.lock());
        plugins.map(|plugin| state.scheduler.cached(plugin, question, now)).collect()
    }

    /// Asks these plugins, at least one.
    pub(super) fn consult(self: &Arc<Self>, plugins: &[usize], question: Question, answer: Answer) {
        let waited = question.review.cancel.clone();
        let round = Arc::new(FanOut::new(plugins.len(), waited, answer));
        let question = Arc::new(question);
        let mut due = Completions::default();
        let mut state = self.lock();
        let now = now();
        for plugin in plugins {
            if let Err(known) = state.scheduler.submit(*plugin, &question, &round, now) {
                due.results.push((Arc::clone(&round), known));
            }
        }
        self.hire(&mut state, &mut due);
        self.set_clock(&state);
        drop(state);
        carry_out(due);
    }

    /// What is counted of each plugin.
    pub(super) fn counts(&self) -> &[Arc<PluginCounts>] {
        &self.counts
    }

    /// Ends the threads that have nothing to do.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
        self.clock.notify_all();
    }

    /// Wakes a thread for each call that may be made, or begins one.
    fn hire(self: &Arc<Self>, state: &mut State, due: &mut Completions) {
        self.work.notify_all();
        let room = state.scheduler.places().saturating_sub(state.threads);
        for _ in 0..state.scheduler.queued().saturating_sub(state.idle).min(room) {
            let pool = Arc::clone(self);
            let thread = thread::Builder::new().name("plugin".into()).stack_size(STACK_BYTES);
            match thread.spawn(move || pool.serve()) {
                Ok(_) => state.threads += 1,
                Err(_) if state.threads == 0 => return state.scheduler.give_up_queued(due),
                Err(_) => return,
            }
        }
    }

    /// A thread's life: call after call.
    fn serve(self: Arc<Self>) {
        while let Some(work) = self.next_work() {
            let id = work.call;
            let judgement = self.judge(&work);
            let mut due = Completions::default();
            let mut state = self.lock();
            let was_lost = state.scheduler.done(id, judgement, now(), &mut due);
            if was_lost {
                state.threads += 1;
            }
            drop(state);
            carry_out(due);
        }
    }

    fn judge(&self, work: &Work) -> Judgement {
        let Some(judge) = self.judges.get(work.plugin) else {
            return Judgement::error("there is no such plugin");
        };
        let began = now();
        let judged =
            catch_unwind(AssertUnwindSafe(|| judge.judge(&work.held.question, work.time_left)));
        let judgement = judged.unwrap_or_else(|_| Judgement::error("the call panicked"));
        if let Some(counts) = self.counts.get(work.plugin) {
            let took = now().saturating_duration_since(began);
            counts.called(&judgement.verdict.to_string(), took);
        }
        judgement
    }

    /// Waits for a call to make; none if this thread is one too many.
    fn next_work(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            if state.closed || state.threads > state.scheduler.places() {
                state.threads -= 1;
                return None;
            }
            if let Some(work) = state.scheduler.next(now()) {
                self.set_clock(&state);
                return Some(work);
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// The clock's thread: answers those whose time is over.
    fn watch(self: Arc<Self>) {
        let mut state = self.lock();
        while !state.closed {
            let mut due = Completions::default();
            let lost = state.scheduler.expire(now(), &mut due);
            state.threads = state.threads.saturating_sub(lost);
            if lost > 0 {
                self.hire(&mut state, &mut due);
            }
            if !due.is_empty() {
                drop(state);
                carry_out(due);
                state = self.lock();
                continue;
            }
            state = self.wait_for_deadline(state);
        }
    }

    fn wait_for_deadline<'s>(&self, mut state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        state.looks_at = state.scheduler.next_deadline();
        match state.looks_at {
            None => self.clock.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(at) => {
                let left = at.saturating_duration_since(now());
                let woken = self.clock.wait_timeout(state, left);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// Wakes the clock's thread if it would sleep too long.
    fn set_clock(&self, state: &State) {
        let next = state.scheduler.next_deadline();
        if next.is_some_and(|next| state.looks_at.is_none_or(|at| next < at)) {
            self.clock.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No plugin runs under the lock, so a poisoned one is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands results to their rounds and troubles to the log.
fn carry_out(due: Completions) {
    for (plugin, reason) in &due.troubles {
        audit::announce(&Notice::PluginTrouble { plugin, reason });
    }
    for (round, result) in due.results {
        round.add(result);
    }
}
