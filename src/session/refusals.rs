//! How the log is told that something is not let through.

use crate::admission::{Refusal, Refused};
use crate::record::{Event, Redacted};

/// How the log is told that a request or a call is not let through.
pub(super) fn told<'a>((method, target): (&'a str, &'a str), refused: &'a Refused) -> Event<'a> {
    let target = Redacted(target);
    match refused {
        Refused::Forbidden(violations) => Event::Forbidden { method, target, violations },
        Refused::Disliked(Refusal { reason, .. }) => Event::Disliked { method, target, reason },
        Refused::Unjudged(Refusal { status: 429, reason, .. }) => {
            Event::LimitMet { method, target, reason }
        }
        Refused::Unjudged(Refusal { status, reason, .. }) => {
            Event::Invalid { status: *status, reason }
        }
    }
}
