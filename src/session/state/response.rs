//! Where the daemon is in its response.

use super::body::BodyState;
use super::withholding::Withholding;

/// Where the daemon is in its response.
#[derive(Debug)]
pub(in crate::session) enum Response {
    /// No request is out.
    Idle,
    /// The head has not ended in its first `searched` bytes.
    Head { searched: usize },
    /// A body that is passed on.
    Body(BodyState),
    /// A body out of which credentials are taken once it is whole.
    Withholding(Box<Withholding>),
    /// Complete, while the request it answers is still on its way.
    Done,
    /// No longer HTTP.
    Raw,
    /// Answers to calls of gRPC.
    Mediated,
    /// Nothing more will be read.
    Over,
}

impl Response {
    pub(in crate::session) fn head() -> Self {
        Self::Head { searched: 0 }
    }
}
