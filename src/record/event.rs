//! The events, their levels and their words: the log's vocabulary.
//!
//! An event borrows everything and is written out where it is recorded, so that recording one
//! allocates nothing. Values of environment variables, headers and bodies are in none of them.

use std::fmt;
use std::time::Duration;

use super::level::Level;
use super::pairs::{Pairs, Told, yes_or_no};
use super::redact::Redacted;
use crate::client::ClientCertificate;

/// What happened on a client's connection.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the fields are named after the keys that they become")]
pub enum Event<'a> {
    /// A connection was accepted; where it will be connected to.
    ConnectionOpened { upstream: &'a dyn fmt::Display },
    /// A connection has ended, with the bytes that it moved (with TLS, those said in it) and how long it was.
    ConnectionClosed { from_client: u64, to_client: u64, duration: Duration },
    /// A connection was closed at once: a limit was met.
    ConnectionRefused { reason: &'a dyn fmt::Display },
    /// A connection without a request was closed, so that others have room.
    IdleClosed { reason: &'a dyn fmt::Display },
    /// A client could not be spoken to with TLS.
    HandshakeFailed { reason: &'a dyn fmt::Display },
    /// A client has proved who it is.
    CertificateShown { certificate: &'a ClientCertificate },
    /// An entry of `clients` may have fitted, but what it needs could not be learned.
    Unidentified { entry: &'a str, needs: &'a str, reason: &'a str },
    /// A client has or does as much as the limits of its entry let it.
    LimitMet { method: &'a str, target: Redacted<'a>, reason: &'a dyn fmt::Display },
    /// A client or the daemon took too long, and its connection was closed.
    TimedOut { waiting_for: &'a dyn fmt::Display },
    /// A connection broke: a reset, a body that stopped half-way.
    ConnectionFailed { reason: &'a dyn fmt::Display },
    /// A request's head is complete.
    Received { method: &'a str, target: Redacted<'a> },
    /// An inspected request passed every rule; what was changed on its way.
    Allowed { method: &'a str, target: Redacted<'a>, changes: &'a dyn fmt::Display },
    /// An inspected request passed by an exception: what for, what would have been forbidden, and why
    /// it is excepted.
    Excepted {
        method: &'a str,
        target: Redacted<'a>,
        exception: &'a str,
        lifted: &'a dyn fmt::Display,
        reason: &'a str,
    },
    /// An inspected request says something that nobody here has decided about.
    Unknown { method: &'a str, target: Redacted<'a>, fields: &'a dyn fmt::Display },
    /// A request asked for something that is forbidden: what, and by which rule.
    Forbidden { method: &'a str, target: Redacted<'a>, violations: &'a dyn fmt::Display },
    /// A plugin was asked about the image of a request: its verdict and what it says, whether that
    /// was kept from before, and whether the request is refused for it.
    PluginAnswered {
        request: &'a str,
        plugin: &'a str,
        image: &'a str,
        verdict: &'a dyn fmt::Display,
        reason: &'a str,
        agrees: bool,
        cached: bool,
        refuses: bool,
    },
    /// A request that no rule forbids was refused by a plugin.
    Disliked { method: &'a str, target: Redacted<'a>, reason: &'a dyn fmt::Display },
    /// A request was refused before any rule was asked: malformed, ambiguous or too large.
    Invalid { status: u16, reason: &'a dyn fmt::Display },
    /// The daemon can't be reached, or does not speak HTTP as it should.
    UpstreamFailed { reason: &'a dyn fmt::Display },
    /// What a rule needs to know of the outside could not be found out.
    Unresolved { method: &'a str, target: Redacted<'a>, unresolved: &'a dyn fmt::Display },
    /// Something was taken out of the daemon's answer.
    Withheld { what: &'a dyn fmt::Display },
    /// The daemon has turned a connection into a raw stream.
    RawStreamBegan,
    /// The daemon has switched to gRPC, of which each call is looked at.
    CallsBegan,
    /// A raw stream has ended, with the bytes that it moved.
    RawStreamEnded { from_client: u64, to_client: u64 },
    /// Something went wrong that is no client's doing.
    Error { reason: &'a dyn fmt::Display },
}

impl Event<'_> {
    /// How important the event is.
    pub fn level(&self) -> Level {
        match self {
            Self::ConnectionOpened { .. }
            | Self::ConnectionClosed { .. }
            | Self::CertificateShown { .. } => Level::Debug,
            Self::Received { .. }
            | Self::Allowed { .. }
            | Self::Withheld { .. }
            | Self::RawStreamBegan
            | Self::CallsBegan
            | Self::RawStreamEnded { .. }
            | Self::PluginAnswered { agrees: true, .. }
            | Self::IdleClosed { .. }
            | Self::ConnectionFailed { .. } => Level::Info,
            Self::ConnectionRefused { .. }
            | Self::HandshakeFailed { .. }
            | Self::Unidentified { .. }
            | Self::LimitMet { .. }
            | Self::TimedOut { .. }
            | Self::Unknown { .. }
            | Self::Excepted { .. }
            | Self::Unresolved { .. }
            | Self::Forbidden { .. }
            | Self::PluginAnswered { agrees: false, .. }
            | Self::Disliked { .. }
            | Self::Invalid { .. } => Level::Warn,
            Self::UpstreamFailed { .. } | Self::Error { .. } => Level::Error,
        }
    }

    /// The event in words: the line's `msg`.
    pub fn message(&self) -> &'static str {
        match self {
            Self::ConnectionOpened { .. } => "connection opened",
            Self::ConnectionClosed { .. } => "connection closed",
            Self::ConnectionRefused { .. } => "connection refused",
            Self::IdleClosed { .. } => "idle connection closed",
            Self::HandshakeFailed { .. } => "TLS handshake failed",
            Self::CertificateShown { .. } => "client certificate shown",
            Self::Unidentified { .. } => "client not identified",
            Self::LimitMet { .. } => "limit met",
            Self::TimedOut { .. } => "connection timed out",
            Self::ConnectionFailed { .. } => "connection broken",
            Self::Received { .. } => "request received",
            Self::Allowed { .. } => "request allowed",
            Self::Excepted { .. } => "exception used",
            Self::Unknown { .. } => "unknown option requested",
            Self::Forbidden { .. } => "forbidden option requested",
            Self::PluginAnswered { .. } => "plugin answered",
            Self::Disliked { .. } => "request refused by a plugin",
            Self::Invalid { .. } => "request refused",
            Self::UpstreamFailed { .. } => "daemon failed",
            Self::Unresolved { .. } => "look-up failed",
            Self::Withheld { .. } => "credentials withheld",
            Self::RawStreamBegan => "raw stream began",
            Self::CallsBegan => "calls are judged",
            Self::RawStreamEnded { .. } => "raw stream ended",
            Self::Error { .. } => "internal error",
        }
    }
}

impl Told for Event<'_> {
    fn pairs<'a>(&'a self, line: &mut dyn Pairs<'a>) -> fmt::Result {
        match self {
            Self::ConnectionOpened { upstream } => line.shown("upstream", *upstream),
            Self::ConnectionClosed { from_client, to_client, duration } => {
                moved(line, *from_client, *to_client)?;
                let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
                line.number("duration_ms", milliseconds)
            }
            Self::RawStreamEnded { from_client, to_client } => {
                moved(line, *from_client, *to_client)
            }
            Self::CertificateShown { certificate } => {
                let name = certificate.names().next().unwrap_or_default();
                line.text("name", name)?;
                line.text("issuer", &certificate.issuer)?;
                line.shown("fingerprint", &certificate.fingerprint)
            }
            Self::ConnectionRefused { reason }
            | Self::HandshakeFailed { reason }
            | Self::IdleClosed { reason }
            | Self::ConnectionFailed { reason }
            | Self::UpstreamFailed { reason }
            | Self::Error { reason } => line.shown("reason", *reason),
            Self::Withheld { what } => line.shown("what", *what),
            Self::TimedOut { waiting_for } => line.shown("waiting_for", *waiting_for),
            Self::Received { method, target } => request(line, method, target),
            Self::Allowed { method, target, changes } => {
                request(line, method, target)?;
                line.shown("changes", *changes)
            }
            Self::Excepted { method, target, exception, lifted, reason } => {
                request(line, method, target)?;
                line.text("exception", exception)?;
                line.shown("lifted", *lifted)?;
                line.text("reason", reason)
            }
            Self::Unknown { method, target, fields } => {
                request(line, method, target)?;
                line.shown("fields", *fields)
            }
            Self::Unresolved { method, target, unresolved } => {
                request(line, method, target)?;
                line.shown("unresolved", *unresolved)
            }
            Self::Forbidden { method, target, violations } => {
                request(line, method, target)?;
                line.shown("violations", *violations)
            }
            Self::PluginAnswered {
                request,
                plugin,
                image,
                verdict,
                reason,
                agrees: _,
                cached,
                refuses,
            } => {
                line.text("request", request)?;
                line.text("plugin", plugin)?;
                line.text("image", image)?;
                line.shown("verdict", *verdict)?;
                line.text("reason", reason)?;
                line.text("cached", yes_or_no(*cached))?;
                line.text("refuses", yes_or_no(*refuses))
            }
            Self::Unidentified { entry, needs, reason } => {
                line.text("entry", entry)?;
                line.text("needs", needs)?;
                line.text("reason", reason)
            }
            Self::LimitMet { method, target, reason }
            | Self::Disliked { method, target, reason } => {
                request(line, method, target)?;
                line.shown("reason", *reason)
            }
            Self::Invalid { status, reason } => {
                line.number("status", u64::from(*status))?;
                line.shown("reason", *reason)
            }
            Self::RawStreamBegan | Self::CallsBegan => Ok(()),
        }
    }
}

fn moved(line: &mut dyn Pairs<'_>, from_client: u64, to_client: u64) -> fmt::Result {
    line.number("from_client", from_client)?;
    line.number("to_client", to_client)
}

fn request<'a>(line: &mut dyn Pairs<'a>, method: &'a str, target: &'a Redacted<'_>) -> fmt::Result {
    line.text("method", method)?;
    line.shown("target", target)
}
