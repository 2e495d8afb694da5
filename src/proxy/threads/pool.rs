//! The thread pool: what may block runs here, so that a loop never does.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Threads that are started at most, if nothing else is said. They begin when there is work and stay.
const THREADS_MAX: usize = 4;

/// Work that waits at most; what comes on top is turned away.
const QUEUE_MAX: usize = 1024;

type Job = Box<dyn FnOnce() + Send>;

/// A handle to the pool; clones share it.
#[derive(Clone, Default)]
pub(in crate::proxy) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    threads_max: usize,
    state: Mutex<State>,
    work: Condvar,
}

impl Default for Shared {
    fn default() -> Self {
        Self { threads_max: THREADS_MAX, state: Mutex::default(), work: Condvar::default() }
    }
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Pool {
    /// A pool of so many threads at most.
    pub(in crate::proxy) fn of(threads_max: usize) -> Self {
        Self { shared: Arc::new(Shared { threads_max, ..Shared::default() }) }
    }

    /// Runs `job` on some thread, some time. Gives it back if the queue is full or no thread can be
    /// had, so that the caller can answer at once.
    pub(in crate::proxy) fn run(&self, job: Job) -> Result<(), Job> {
        let mut state = self.shared.lock();
        if state.queue.len() >= QUEUE_MAX {
            return Err(job);
        }
        if state.idle <= state.queue.len() && state.threads < self.shared.threads_max {
            let shared = Arc::clone(&self.shared);
            let begun = thread::Builder::new().name("pool".into()).spawn(move || shared.work());
            match begun {
                Ok(_) => state.threads += 1,
                Err(_) if state.threads == 0 => return Err(job),
                Err(_) => {}
            }
        }
        state.queue.push_back(job);
        drop(state);
        self.shared.work.notify_one();
        Ok(())
    }
}

impl Shared {
    fn work(&self) {
        loop {
            self.next()();
        }
    }

    fn next(&self) -> Job {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                return job;
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Jobs run outside the lock, so a poisoned one is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn more_jobs_than_threads_all_run() {
        let pool = Pool::default();
        let (done, all) = mpsc::channel();
        for number in 0..100 {
            let done = done.clone();
            assert!(pool.run(Box::new(move || done.send(number).unwrap())).is_ok());
        }
        let mut numbers: Vec<i32> = all.iter().take(100).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    }
}
