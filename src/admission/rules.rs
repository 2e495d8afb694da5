//! What a request is decided by, and the bounds that hold meanwhile.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::refusal::{Refusal, Refused};
use crate::client::Share;
use crate::docker::operations;
use crate::http::target::Target;
use crate::policy::review::Purposes;
use crate::policy::tainted::Viewer;
use crate::policy::{Policy, Violations};

/// The bounds a session keeps, and the policy it asks.
#[derive(Debug)]
pub struct Rules {
    /// What is forbidden and forced.
    pub policy: Arc<Policy>,
    /// Whether nothing is let through for the client.
    pub refuses_all: bool,
    /// Where what becomes of its requests is counted.
    pub place: usize,
    /// Whose look-ups these are: the name of its entry of `clients`, if it has one.
    pub viewer: Viewer,
    /// What the clients of one entry have together, if there are entries.
    pub share: Option<Share>,
    /// The longest head, in bytes.
    pub head_bytes_max: usize,
    /// The longest inspected body, in bytes.
    pub body_bytes_max: usize,
    /// From the first byte of a head to its last.
    pub head_time_max: Duration,
    /// From the end of a head on, how long an inspected body may take before its rate counts; and how
    /// long the outside may take to answer a question about it.
    pub body_time_max: Duration,
    /// How long an inspected body may go without a byte.
    pub body_idle_max: Duration,
    /// How many bytes of an inspected body must have come for each second beyond `body_time_max`.
    pub body_rate_min: NonZeroU64,
    /// What plugins are asked about.
    pub reviewed: Purposes,
    /// How long plugins may take at most, whatever holds them up.
    pub review_time_max: Duration,
}

impl Rules {
    /// Why a request may not be made, as far as that does not depend on what it asks for.
    pub(super) fn denial(
        &self,
        method: &str,
        target: &Target<'_>,
        now: Instant,
    ) -> Option<Refused> {
        if self.refuses_all {
            return Some(Refused::Forbidden(Violations::of_stranger()));
        }
        let share = self.share.as_ref()?;
        let met = share.request(now).and_then(|()| match operations::makes(method, target) {
            true => share.create(now),
            false => Ok(()),
        });
        met.err().map(|met| Refusal::from(met).into())
    }
}
