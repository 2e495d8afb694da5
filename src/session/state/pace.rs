//! How fast a body must arrive that is held until it is whole.
//!
//! A slow link is no attack: nothing bounds the time as a whole, which would bound the size. What is
//! bounded is the time without a byte, and, once a body has taken [`Rules::body_time_max`], the rate at
//! which it has come so far. So a client that holds a connection open with a body has to go on sending.

use std::time::{Duration, Instant};

use crate::admission::Rules;

/// When a body began, and when something of it was last heard of.
#[derive(Debug)]
pub(in crate::session) struct Pace {
    began: Instant,
    heard: Instant,
}

impl Pace {
    /// Of a body that begins now.
    pub(in crate::session) fn new(now: Instant) -> Self {
        Self { began: now, heard: now }
    }

    /// Something of it has arrived.
    pub(in crate::session) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Until when more must arrive, when so many bytes have.
    pub(in crate::session) fn deadline(&self, bytes: usize, rules: &Rules) -> Instant {
        let earned = Duration::from_secs(bytes as u64 / rules.body_rate_min.get());
        let by_rate = self.began + rules.body_time_max + earned;
        by_rate.min(self.heard + rules.body_idle_max)
    }
}
