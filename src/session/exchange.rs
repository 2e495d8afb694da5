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
pub(super) struct Exchange {
    pub(super) version: Version,
    /// A response to `HEAD` has no body, whatever its head says (RFC 9112 §6.3).
    pub(super) kind: AnswerTo,
    pub(super) persistence: Persistence,
    /// Whether the daemon may turn the connection into a raw stream in answer to it.
    pub(super) may_switch: bool,
    /// Whether it would go on with calls of gRPC, so that what refuses it can be said to those.
    pub(super) begins_calls: bool,
    /// What becomes of calls of gRPC if the daemon switches.
    pub(super) calls: Calls,
    /// The session that would serve a build if the daemon switches, or that serves this one.
    pub(super) serves: Option<Arc<BuildSession>>,
    /// Interim responses seen so far.
    pub(super) interim: u8,
    /// What is taken out of the response.
    pub(super) withheld: Option<Withheld>,
    /// When the client should come again, in seconds, where that is why it is refused.
    pub(super) retry_after: Option<NonZeroU32>,
    /// That it may make a container of a client whose are counted.
    pub(super) making: Option<Making>,
    /// Held until the response is complete, and longer if the request is still on its way.
    pub(super) changes_images: Option<Box<ImageChange>>,
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
            changes_images: None,
        }
    }
}

impl Exchange {
    pub(super) fn of(head: &RequestHead<'_>) -> Self {
        let kind = if head.method == "HEAD" { AnswerTo::Head } else { AnswerTo::Other };
        Self { version: head.version, kind, persistence: head.persistence(), ..Self::default() }
    }
}
