//! Numbers that only grow.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows. What is read of it need not fit to what is read of others at the same time.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts one.
    pub fn one(&self) {
        self.add(1);
    }

    /// Counts so many.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// What was counted.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one loop counts, on lines of the cache that no other loop writes to.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct LoopCounts {
    /// Which loop it is.
    pub number: usize,
    /// Connections that began.
    pub opened: Counter,
    /// Those of them that have ended.
    pub closed: Counter,
    /// Connections that were closed at once.
    pub turned_away: Counter,
    /// Bytes that clients have sent; with TLS, of what is said in it.
    pub from_clients: Counter,
    /// Bytes that daemons have sent, likewise.
    pub from_daemons: Counter,
    /// Daemons to which no connection could be made.
    pub upstream_unreachable: Counter,
    /// Connections to daemons that broke.
    pub upstream_lost: Counter,
    /// Connections that would have led back to SecDocker.
    pub upstream_loop: Counter,
}
