//! A body that nobody will see.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Instant;

use super::pace::Pace;
use crate::admission::{Refused, Rules};

/// The body of a request that is refused, while it still arrives.
#[derive(Debug)]
pub(in crate::session) struct Dropping {
    pub(in crate::session) left: NonZeroU64,
    pub(in crate::session) denial: Refused,
    pub(in crate::session) dropped: usize,
    pub(in crate::session) pace: Pace,
    pub(in crate::session) rules: Arc<Rules>,
}

impl Dropping {
    pub(in crate::session) fn deadline(&self) -> Instant {
        self.pace.deadline(self.dropped, &self.rules)
    }
}
