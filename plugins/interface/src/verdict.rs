//! What a plugin decides.

use std::time::Duration;

/// Which way a verdict goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The request may go on, as far as this plugin is concerned.
    Allow,
    /// It may not, and the client is told why.
    Deny,
    /// No verdict could be reached; the configuration says what follows.
    Error,
}

/// A decision, its reason, and how long it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Verdict {
    pub(crate) decision: Decision,
    pub(crate) reason: String,
    pub(crate) ttl: Duration,
    pub(crate) pin: Option<String>,
}

impl Verdict {
    /// The image is safe.
    pub fn allow() -> Self {
        Self::new(Decision::Allow, String::new())
    }

    /// The image is safe, or this plugin has nothing to say about it; the log tells why.
    pub fn allow_because(reason: impl Into<String>) -> Self {
        Self::new(Decision::Allow, reason.into())
    }

    /// The image is not safe; the client and the log are told why.
    pub fn deny(reason: impl Into<String>) -> Self {
        Self::new(Decision::Deny, reason.into())
    }

    /// No verdict could be reached; the log is told why, the client only that it is so.
    pub fn error(reason: impl Into<String>) -> Self {
        Self::new(Decision::Error, reason.into())
    }

    /// The verdict may be kept for that long (whole seconds), as far as [`Plugin::SCOPE`] reaches. Without
    /// this it is not kept; errors never are.
    ///
    /// [`Plugin::SCOPE`]: crate::Plugin::SCOPE
    pub fn with_ttl(self, ttl: Duration) -> Self {
        Self { ttl, ..self }
    }

    /// The digest (`sha256:…`) that was judged, for the log.
    pub fn with_pin(self, digest: impl Into<String>) -> Self {
        Self { pin: Some(digest.into()), ..self }
    }

    /// Which way it goes.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// Why; may be empty if it allows.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// For how long it may be kept; zero if it may not.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// The digest that was judged, if the plugin said so.
    pub fn pin(&self) -> Option<&str> {
        self.pin.as_deref()
    }

    fn new(decision: Decision, reason: String) -> Self {
        Self { decision, reason, ttl: Duration::ZERO, pin: None }
    }
}
