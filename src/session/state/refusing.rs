//! A connection on which calls of gRPC are refused.

use std::time::Instant;

use crate::http2::refuser::CallRefuser;

/// A connection on which every call is refused.
#[derive(Debug)]
pub(in crate::session) struct RefusingCalls {
    pub(in crate::session) refuser: CallRefuser,
    /// Until when the client may take to begin.
    pub(in crate::session) begins_until: Instant,
}

impl RefusingCalls {
    /// A client that has begun may wait between calls as it may between requests.
    pub(in crate::session) fn deadline(&self) -> Option<Instant> {
        self.refuser.awaits_preface().then_some(self.begins_until)
    }
}
