//! What must be remembered of a request until its response is complete.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::admission::{BuildSession, Calls, ImageChange};
use crate::client::Making;
use crate::docker::answers::Withheld;
use crate::http::framing::{AnswerTo, Persistence};
use crate::http::head::{RequestHead, Version};

/// One request and its response.
#[derive(Debug)]
pub(in crate::session) struct Exchange {
    pub(in crate::session) version: Version,
    /// A response to `HEAD` has no body, whatever its head says (RFC 9112 §6.3).
    pub(in crate::session) kind: AnswerTo,
    pub(in crate::session) persistence: Persistence,
    /// Whether the daemon may turn the connection into a raw stream in answer to it.
    pub(in crate::session) may_switch: bool,
    /// Whether it would go on with calls of gRPC, so that what refuses it can be said to those.
    pub(in crate::session) begins_calls: bool,
    /// What becomes of calls of gRPC if the daemon switches.
    pub(in crate::session) calls: Calls,
    /// The session that would serve a build if the daemon switches, or that serves this one.
    pub(in crate::session) serves: Option<Arc<BuildSession>>,
    /// Interim responses seen so far.
    pub(in crate::session) interim: u8,
    /// What is taken out of the response.
    pub(in crate::session) withheld: Option<Withheld>,
    /// When the client should come again, in seconds, where that is why it is refused.
    pub(in crate::session) retry_after: Option<NonZeroU32>,
    /// That it may make a container of a client whose are counted.
    pub(in crate::session) making: Option<Making>,
    /// Held until the response is complete, and longer if the request is still on its way.
    pub(in crate::session) changes: Option<Box<ImageChange>>,
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            version: Version::Http11,
            kind: AnswerTo::Other,
            persistence: Persistence::KeepAlive,
            may_switch: false,
            begins_calls: false,
            calls: Calls::default(),
            serves: None,
            interim: 0,
            withheld: None,
            retry_after: None,
            making: None,
            changes: None,
        }
    }
}

impl Exchange {
    pub(in crate::session) fn of(head: &RequestHead<'_>) -> Self {
        let kind = if head.method == "HEAD" { AnswerTo::Head } else { AnswerTo::Other };
        Self { version: head.version, kind, persistence: head.persistence(), ..Self::default() }
    }
}
