//! Lines on their way from the threads that serve to the one that writes.
//!
//! ```text
//!  a loop's lines ──append──► pending (bounded) ──exchange──► the writing thread's batch ──► disk
//! ```
//! Nobody holds the lock while bytes move to the disk, so that a slow disk costs a caller nothing:
//! `pending` fills up, and from then on lines are counted instead of kept. Both buffers are used
//! again and again.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes that may wait for the disk.
pub(super) const PENDING_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What an empty buffer may keep of its memory, unless that was just made use of.
const IDLE_BYTES_MAX: usize = 64 * 1024;
const _: () = assert!(IDLE_BYTES_MAX <= PENDING_BYTES_MAX);

/// The bounded queue of bytes between any number of callers and one writer.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Whole lines.
    pending: Vec<u8>,
    /// Lines that found no room since the last exchange.
    lost: u64,
    /// All that were lost, ever.
    lost_altogether: u64,
    /// The writer waits for work: only then need it be woken.
    asleep: bool,
    /// The file is to be opened anew after so many of the pending bytes.
    reopen_after: Option<usize>,
    stop: bool,
    ended: bool,
}

/// What the writer is to do, beside writing the batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Work {
    /// Lines that were lost after those of the batch.
    pub(super) lost: u64,
    /// Open the file anew after so many bytes of the batch.
    pub(super) reopen_after: Option<usize>,
    /// Nothing comes after this batch.
    pub(super) stop: bool,
}

impl State {
    fn lose(&mut self, count: u64) {
        self.lost += count;
        self.lost_altogether += count;
    }
}

impl Queue {
    /// Hands over `count` whole lines, or counts them as lost when there is no room.
    pub(super) fn append(&self, lines: &str, count: u64) {
        let mut state = self.lock();
        if state.pending.len() + lines.len() > PENDING_BYTES_MAX {
            state.lose(count);
            return;
        }
        state.pending.extend_from_slice(lines.as_bytes());
        self.wake(&mut state);
    }

    /// Counts lines that the disk did not take.
    pub(super) fn count_lost(&self, count: u64) {
        self.lock().lose(count);
    }

    /// Counts lines that were lost before, of which nobody could be told.
    pub(super) fn tell_again(&self, count: u64) {
        self.lock().lost += count;
    }

    /// How many lines were lost, ever.
    pub(super) fn lost_altogether(&self) -> u64 {
        self.lock().lost_altogether
    }

    /// Asks the writer to open its file anew.
    pub(super) fn reopen(&self) {
        let mut state = self.lock();
        state.reopen_after = Some(state.pending.len());
        self.work.notify_one();
    }

    /// Asks the writer to end, and waits for it for `at_most`. Whether it did.
    pub(super) fn stop(&self, at_most: Duration) -> bool {
        let mut state = self.lock();
        state.stop = true;
        self.work.notify_one();
        let running = |state: &mut State| !state.ended;
        let waited = self.ended.wait_timeout_while(state, at_most, running);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    /// Waits for work and exchanges `batch`, whose contents are dropped, for the pending lines.
    pub(super) fn take(&self, batch: &mut Vec<u8>) -> Work {
        // While much is written, as much memory will be needed again.
        batch.shrink_to(IDLE_BYTES_MAX.max(2 * batch.len()));
        batch.clear();
        let mut state = self.lock();
        state.asleep = true;
        let idle = |state: &mut State| {
            state.pending.is_empty() && state.reopen_after.is_none() && !state.stop
        };
        state = self.work.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        state.asleep = false;
        std::mem::swap(&mut state.pending, batch);
        Work {
            lost: std::mem::take(&mut state.lost),
            reopen_after: state.reopen_after.take(),
            stop: state.stop,
        }
    }

    /// Lets lines gather for a while, unless there is an order to obey.
    pub(super) fn gather(&self, at_most: Duration) {
        let no_order = |state: &mut State| state.reopen_after.is_none() && !state.stop;
        drop(self.work.wait_timeout_while(self.lock(), at_most, no_order));
    }

    /// Says that the writer has written everything and is gone.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.ended.notify_all();
    }

    fn wake(&self, state: &mut State) {
        if std::mem::take(&mut state.asleep) {
            self.work.notify_one();
        }
    }

    /// A panic elsewhere can't leave the state half changed: no call in here can panic between two
    /// changes that belong together.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_is_taken_in_order() {
        let queue = Queue::default();
        queue.append("a\nb\n", 2);
        queue.append("c\n", 1);
        let mut batch = b"old".to_vec();
        assert_eq!(queue.take(&mut batch), Work { lost: 0, reopen_after: None, stop: false });
        assert_eq!(batch, b"a\nb\nc\n");
    }

    #[test]
    fn a_full_queue_counts_what_it_loses_and_keeps_what_it_has() {
        let queue = Queue::default();
        let line = format!("{}\n", "x".repeat(PENDING_BYTES_MAX - 2));
        queue.append(&line, 1);
        queue.append("y\n", 3);
        queue.append("z", 1);
        let mut batch = Vec::new();
        assert_eq!(queue.take(&mut batch).lost, 3);
        assert_eq!(batch.len(), PENDING_BYTES_MAX);
        queue.append("y\n", 1);
        assert_eq!(queue.take(&mut batch).lost, 0);
        queue.tell_again(3);
        assert_eq!(queue.lost_altogether(), 3);
        assert_eq!(batch, b"y\n");
    }

    #[test]
    fn orders_end_the_waiting() {
        let queue = Queue::default();
        queue.reopen();
        queue.gather(Duration::MAX);
        assert_eq!(
            queue.take(&mut Vec::new()),
            Work { lost: 0, reopen_after: Some(0), stop: false }
        );
        assert!(!queue.stop(Duration::ZERO));
        assert_eq!(queue.take(&mut Vec::new()), Work { lost: 0, reopen_after: None, stop: true });
        queue.end();
        assert!(queue.stop(Duration::MAX));
    }
}
