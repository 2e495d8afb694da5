//! How the log is told what is decided.

use super::outbox::Outbox;
use crate::admission::{Note, Refusal, Refused, Reviewed, Told};
use crate::effects::Excepted;
use crate::policy::review::{PluginResult, PluginVerdict};
use crate::record::{Event, Redacted};

/// How the log is told that a request or a call is not let through.
pub(super) fn refusal<'a>((method, target): (&'a str, &'a str), refused: &'a Refused) -> Event<'a> {
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

/// Tells what led to a decision.
pub(super) fn tell(told: &Told, out: &mut Outbox) {
    let Told { method, target, note } = told;
    let target = Redacted(target);
    out.record(&match note {
        Note::Unknown(fields) => Event::Unknown { method, target, fields },
        Note::Unresolved(unresolved) => Event::Unresolved { method, target, unresolved },
        Note::Excepted(excepted) => {
            let Excepted { image: exception, lifted, reason } = &**excepted;
            Event::Excepted { method, target, exception, lifted, reason }
        }
        Note::Reviewed(reviewed) => {
            let Reviewed { request, image, result } = &**reviewed;
            let PluginResult { plugin, verdict, reason, cached, refuses } = result;
            Event::PluginAnswered {
                request,
                plugin,
                image,
                verdict,
                reason,
                agrees: *verdict == PluginVerdict::Allow,
                cached: *cached,
                refuses: *refuses,
            }
        }
    });
}
