//! Threads for questions of one kind, so that one whose answer hangs holds up no other.
//!
//! ```text
//! ask ─┬─ the same question waits ─► is answered with it
//!      └─► waits ─► a thread, as soon as its client may have one ─► the replies
//! ```
//!
//! A question has a thread for as long as its answer takes. One client has some of the threads at
//! most, and one for the same question: as what is being answered may be of before, a later question
//! again waits for the next answer, all together for one. Knows nothing of what is asked.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::client::Who;
use crate::policy::review::CancelToken;

/// How long a thread without work stays.
const IDLE_MAX: Duration = Duration::from_secs(10);

/// What one pool may hold.
#[derive(Debug, Clone, Copy)]
pub(in crate::proxy) struct PoolLimits {
    /// What its threads are called.
    pub(in crate::proxy) name: &'static str,
    /// Threads, which begin when there is work.
    pub(in crate::proxy) threads_max: usize,
    /// Threads that one client may keep.
    pub(in crate::proxy) threads_per_client_max: usize,
    /// Who waits for a thread, altogether.
    pub(in crate::proxy) waiting_max: usize,
    /// Who waits of one client.
    pub(in crate::proxy) waiting_per_client_max: usize,
}

/// Answers a question for those who wait, or did.
type Answer<Q, A> = dyn Fn(&Q, &[CancelToken]) -> A + Send + Sync;

/// Takes the answer, on any thread.
pub(in crate::proxy) type Reply<A> = Box<dyn FnOnce(A) + Send>;

/// A handle to the threads; clones share them.
pub(in crate::proxy) struct FairPool<Q, A>(Arc<Shared<Q, A>>);

struct Shared<Q, A> {
    limits: PoolLimits,
    answer: Box<Answer<Q, A>>,
    state: Mutex<State<Q, A>>,
    work: Condvar,
}

struct State<Q, A> {
    waiting: VecDeque<Job<Q, A>>,
    running: Vec<Arc<Queued<Q>>>,
    threads: usize,
    idle: usize,
}

/// A question, and whose it is.
#[derive(PartialEq, Eq)]
struct Queued<Q> {
    who: Who,
    question: Q,
}

struct Job<Q, A> {
    asked: Arc<Queued<Q>>,
    replies: Vec<Reply<A>>,
    waited: Vec<CancelToken>,
}

impl<Q, A> Clone for FairPool<Q, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Q: Eq + Send + Sync + 'static, A: Clone + Send + 'static> FairPool<Q, A> {
    /// A pool on which `answer` answers the questions.
    pub(in crate::proxy) fn new(
        limits: PoolLimits,
        answer: impl Fn(&Q, &[CancelToken]) -> A + Send + Sync + 'static,
    ) -> Self {
        let (waiting, running) = Default::default();
        let state = Mutex::new(State { waiting, running, threads: 0, idle: 0 });
        Self(Arc::new(Shared { limits, answer: Box::new(answer), state, work: Condvar::new() }))
    }

    /// Has a question answered. Gives the reply back if too many wait, or no thread can be had, so
    /// that the caller can reply at once.
    pub(in crate::proxy) fn ask(
        &self,
        (who, waited): (Who, CancelToken),
        question: Q,
        reply: Reply<A>,
    ) -> Result<(), Reply<A>> {
        let shared = &self.0;
        let mut state = shared.lock();
        if !state.has_room(who, &shared.limits) {
            return Err(reply);
        }
        let asked = Queued { who, question };
        if let Some(same) = state.waiting.iter_mut().find(|job| *job.asked == asked) {
            same.replies.push(reply);
            same.waited.push(waited);
            return Ok(());
        }
        let job = Job { asked: Arc::new(asked), replies: vec![reply], waited: vec![waited] };
        state.waiting.push_back(job);
        shared.begin_thread(&mut state);
        if state.threads == 0 {
            let job = state.waiting.pop_back();
            return job.and_then(|mut job| job.replies.pop()).map_or(Ok(()), Err);
        }
        drop(state);
        shared.work.notify_one();
        Ok(())
    }
}

impl<Q: Eq, A> State<Q, A> {
    fn may_run(&self, asked: &Arc<Queued<Q>>, limits: &PoolLimits) -> bool {
        let of_client = self.running.iter().filter(|running| running.who == asked.who);
        of_client.count() < limits.threads_per_client_max && !self.running.contains(asked)
    }

    fn has_room(&self, who: Who, limits: &PoolLimits) -> bool {
        let (mut all, mut of_client) = (0, 0);
        for job in &self.waiting {
            all += job.replies.len();
            if job.asked.who == who {
                of_client += job.replies.len();
            }
        }
        all < limits.waiting_max && of_client < limits.waiting_per_client_max
    }

    /// The first that waits and may run.
    fn next(&mut self, limits: &PoolLimits) -> Option<Job<Q, A>> {
        let at = self.waiting.iter().position(|job| self.may_run(&job.asked, limits))?;
        let job = self.waiting.remove(at)?;
        self.running.push(Arc::clone(&job.asked));
        Some(job)
    }
}

impl<Q: Eq + Send + Sync + 'static, A: Clone + Send + 'static> Shared<Q, A> {
    /// Begins a thread if more wait that may run than there are threads without work.
    fn begin_thread(self: &Arc<Self>, state: &mut State<Q, A>) {
        let may_run = |job: &&Job<Q, A>| state.may_run(&job.asked, &self.limits);
        let ready = state.waiting.iter().filter(may_run).count();
        if ready > state.idle && state.threads < self.limits.threads_max {
            let shared = Arc::clone(self);
            let begun =
                thread::Builder::new().name(self.limits.name.into()).spawn(move || shared.work());
            state.threads += usize::from(begun.is_ok());
        }
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.next(&self.limits) {
                drop(state);
                self.run(job.asked.as_ref(), job.replies, &job.waited);
                state = self.lock();
                state.running.retain(|running| !Arc::ptr_eq(running, &job.asked));
                continue;
            }
            state.idle += 1;
            let waited = self.work.wait_timeout(state, IDLE_MAX);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            // What came meanwhile counted on this thread.
            let limits = &self.limits;
            let is_wanted = state.waiting.iter().any(|job| state.may_run(&job.asked, limits));
            if timeout.timed_out() && !is_wanted {
                state.threads -= 1;
                return;
            }
        }
    }

    fn run(&self, asked: &Queued<Q>, mut replies: Vec<Reply<A>>, waited: &[CancelToken]) {
        let answer = (self.answer)(&asked.question, waited);
        let last = replies.pop();
        replies.into_iter().for_each(|reply| reply(answer.clone()));
        if let Some(last) = last {
            last(answer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<Q, A>> {
        // Answers and replies run outside the lock, so a poisoned one is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use crate::policy::review::CancelGuard;
    use std::collections::HashSet;
    use std::sync::mpsc::{self, Receiver, Sender};

    const LIMITS: PoolLimits = PoolLimits {
        name: "test",
        threads_max: 4,
        threads_per_client_max: 2,
        waiting_max: 8,
        waiting_per_client_max: 6,
    };
    const HOSTILE: Who = Who::User(1);
    const OTHER: Who = Who::User(2);

    /// What was asked hangs until it is let go.
    #[derive(Default)]
    struct Hanging {
        held: Mutex<HashSet<&'static str>>,
        changed: Condvar,
    }

    impl Hanging {
        fn hold(names: &[&'static str]) -> Arc<Self> {
            let held = Mutex::new(names.iter().copied().collect());
            Arc::new(Self { held, changed: Condvar::new() })
        }

        fn let_go(&self) {
            self.held.lock().unwrap().clear();
            self.changed.notify_all();
        }

        fn pool(
            self: &Arc<Self>,
        ) -> (FairPool<&'static str, &'static str>, Receiver<&'static str>) {
            let (hanging, (began, all)) = (Arc::clone(self), mpsc::channel());
            let pool = FairPool::new(LIMITS, move |name: &&'static str, _: &[CancelToken]| {
                began.send(*name).unwrap();
                let held = hanging.held.lock().unwrap();
                drop(hanging.changed.wait_while(held, |held| held.contains(name)).unwrap());
                *name
            });
            (pool, all)
        }
    }

    fn by(who: Who) -> (Who, CancelToken) {
        (who, CancelGuard::default().token())
    }

    fn to(replies: &Sender<&'static str>) -> Reply<&'static str> {
        let replies = replies.clone();
        Box::new(move |answer| replies.send(answer).unwrap())
    }

    #[test]
    fn answers_that_hang_hold_up_no_other_client() {
        let hanging = Hanging::hold(&["a", "b", "c"]);
        let (pool, began) = hanging.pool();
        let (reply, replies) = mpsc::channel();
        for name in ["a", "b", "c"] {
            assert!(pool.ask(by(HOSTILE), name, to(&reply)).is_ok());
        }
        let begun: HashSet<_> = began.iter().take(2).collect();
        assert_eq!(begun, HashSet::from(["a", "b"]), "one client has two threads");
        for _ in 0..20 {
            assert!(pool.ask(by(OTHER), "free", to(&reply)).is_ok());
            assert_eq!((began.recv().unwrap(), replies.recv().unwrap()), ("free", "free"));
        }
        hanging.let_go();
        assert_eq!(replies.iter().take(3).collect::<HashSet<_>>().len(), 3);
    }

    #[test]
    fn the_same_question_has_one_thread_and_is_asked_anew_for_all_who_came_meanwhile() {
        let hanging = Hanging::hold(&["a"]);
        let (pool, began) = hanging.pool();
        let (reply, replies) = mpsc::channel();
        assert!(pool.ask(by(HOSTILE), "a", to(&reply)).is_ok());
        assert_eq!(began.recv().unwrap(), "a");
        for _ in 0..5 {
            assert!(pool.ask(by(HOSTILE), "a", to(&reply)).is_ok());
        }
        assert!(pool.ask(by(HOSTILE), "b", to(&reply)).is_ok());
        assert_eq!((began.recv().unwrap(), replies.recv().unwrap()), ("b", "b"));
        hanging.let_go();
        assert_eq!(replies.iter().take(6).collect::<Vec<_>>(), ["a"; 6]);
        assert_eq!(began.try_iter().collect::<Vec<_>>(), ["a"], "asked once more, for five");
    }

    #[test]
    fn no_more_wait_than_have_room() {
        let hanging = Hanging::hold(&["a"]);
        let (pool, began) = hanging.pool();
        let (reply, replies) = mpsc::channel();
        assert!(pool.ask(by(HOSTILE), "a", to(&reply)).is_ok());
        began.recv().unwrap();
        let taken = (0..20).filter(|_| pool.ask(by(HOSTILE), "a", to(&reply)).is_ok()).count();
        assert_eq!(taken, LIMITS.waiting_per_client_max);
        assert!(pool.ask(by(OTHER), "a", to(&reply)).is_ok());
        hanging.let_go();
        assert_eq!(replies.iter().take(1 + taken + 1).count(), taken + 2);
    }
}
