//! How the log is told what is decided.

use super::outbox::Outbox;
use crate::admission::{Note, Reviewed, Told};
use crate::effects::Excepted;
use crate::policy::review::{PluginResult, PluginVerdict};
use crate::record::{Event, Redacted};

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
