//! Where the time comes from.

use std::time::Instant;

/// Reads the clock: once a turn and at the start on loops, and on threads that have no turns.
#[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
pub(in crate::proxy) fn now() -> Instant {
    Instant::now()
}
