//! The events, their levels and their words: the log's vocabulary.
//!
//! An event borrows everything and is formatted where it is recorded, so that whoever records one
//! allocates nothing. Values of environment variables, headers and bodies are in none of them.

use std::fmt;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use log::Level;
use log::kv::{Error, Key, Source, Value, VisitSource};

use super::redact::Redacted;
use crate::client::ClientCertificate;

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientId {
    /// Counts the accepted connections of this process: tells two of one peer apart.
    pub connection: u64,
    /// The other end.
    pub peer: Peer,
    /// What the entry of `clients` is called that fits it, once that is known and if there is one.
    pub name: Option<Arc<String>>,
}

/// The other end of a client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// An address and port; an IPv4 client of a dual-stack listener prints as IPv4.
    Tcp(SocketAddr),
    /// A process of this host, as the kernel named it when it connected (`SO_PEERCRED`).
    Unix {
        /// Its user.
        uid: u32,
        /// Its number.
        pid: u32,
    },
    /// A client of the Unix socket of whom the kernel said nothing.
    Unnamed,
}

impl ClientId {
    /// Stands for nobody: what happens to SecDocker before it knows a client, and in tests.
    pub const NOBODY: Self = Self { connection: 0, peer: Peer::Unnamed, name: None };
}

/// What counts as one client where all shall have their share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// All at one IPv4 address, or in one IPv6 network of 64 bits, of which a machine has all.
    Address(IpAddr),
    /// All processes of one user of this host.
    User(u32),
    /// All of whom the kernel said nothing.
    Unnamed,
}

impl Peer {
    /// Whose share it takes from.
    #[must_use]
    pub fn who(&self) -> Who {
        match self {
            Self::Tcp(address) => Who::Address(match address.ip().to_canonical() {
                IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
                v4 @ IpAddr::V4(_) => v4,
            }),
            Self::Unix { uid, .. } => Who::User(*uid),
            Self::Unnamed => Who::Unnamed,
        }
    }

    /// Its address, if it has one.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix { .. } | Self::Unnamed => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => match address.ip().to_canonical() {
                IpAddr::V4(ip) => write_ipv4(f, ip, address.port()),
                ip @ IpAddr::V6(_) => SocketAddr::new(ip, address.port()).fmt(f),
            },
            Self::Unix { uid, pid } => write!(f, "unix/uid-{uid}/pid-{pid}"),
            Self::Unnamed => f.write_str("unix"),
        }
    }
}

/// Writes `10.0.0.5:4123`. It stands in every line of a client, and the library's way takes a quarter
/// of the time of the whole line.
fn write_ipv4(f: &mut fmt::Formatter<'_>, ip: Ipv4Addr, port: u16) -> fmt::Result {
    let mut digits = itoa::Buffer::new();
    let mut text = [0; "255.255.255.255:65535".len()];
    let mut rest = text.as_mut_slice();
    for (byte, behind) in ip.octets().into_iter().zip([b'.', b'.', b'.', b':']) {
        rest.write_all(digits.format(byte).as_bytes()).map_err(|_| fmt::Error)?;
        rest.write_all(&[behind]).map_err(|_| fmt::Error)?;
    }
    rest.write_all(digits.format(port).as_bytes()).map_err(|_| fmt::Error)?;
    let left = rest.len();
    let written = text.len() - left;
    f.write_str(text.get(..written).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default())
}

/// What happened on a client's connection.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the fields are named after the keys that they become")]
pub enum Event<'a> {
    /// A connection was accepted; where it will be connected to.
    ConnectionOpened { upstream: &'a dyn fmt::Display },
    /// A connection has ended, with the bytes that it moved.
    ConnectionClosed { from_client: u64, to_client: u64 },
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

    fn visit<'kvs>(&'kvs self, line: &mut Pairs<'_, 'kvs>) -> Result<(), Error> {
        match self {
            Self::ConnectionOpened { upstream } => line.shown("upstream", *upstream),
            Self::ConnectionClosed { from_client, to_client }
            | Self::RawStreamEnded { from_client, to_client } => {
                line.number("from_client", *from_client)?;
                line.number("to_client", *to_client)
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
            Self::Received { method, target } => line.request(method, target),
            Self::Allowed { method, target, changes } => {
                line.request(method, target)?;
                line.shown("changes", *changes)
            }
            Self::Excepted { method, target, exception, lifted, reason } => {
                line.request(method, target)?;
                line.text("exception", exception)?;
                line.shown("lifted", *lifted)?;
                line.text("reason", reason)
            }
            Self::Unknown { method, target, fields } => {
                line.request(method, target)?;
                line.shown("fields", *fields)
            }
            Self::Unresolved { method, target, unresolved } => {
                line.request(method, target)?;
                line.shown("unresolved", *unresolved)
            }
            Self::Forbidden { method, target, violations } => {
                line.request(method, target)?;
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
                line.request(method, target)?;
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

fn yes_or_no(it_is: bool) -> &'static str {
    if it_is { "yes" } else { "no" }
}

/// What happened to SecDocker itself.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the fields are named after the keys that they become")]
pub enum Notice<'a> {
    /// It listens.
    Started { version: &'a str, listening: &'a dyn fmt::Display, upstream: &'a dyn fmt::Display },
    /// It accepts no more, and lets open requests finish.
    Stopping { signal: &'a str },
    /// It is done; how many connections had to be cut.
    Stopped { cut: u64 },
    /// A new configuration is in force.
    Reloaded { file: &'a dyn fmt::Display },
    /// A new configuration is broken; the old one stays in force.
    ReloadFailed { reason: &'a dyn fmt::Display },
    /// A key was changed that only a restart brings into force.
    NeedsRestart { keys: &'a dyn fmt::Display },
    /// The log was opened anew.
    LogReopened,
    /// A certificate is not valid, or soon will not be.
    Certificate { reason: &'a dyn fmt::Display },
    /// A plugin was loaded.
    PluginLoaded { plugin: &'a str, library: &'a dyn fmt::Display, what: &'a dyn fmt::Display },
    /// A plugin has something to say, at a level of its own.
    PluginSays { plugin: &'a str, level: Level, text: &'a str },
    /// Something is wrong with a plugin, or no longer is.
    PluginTrouble { plugin: &'a str, reason: &'a dyn fmt::Display },
    /// A container had something mounted that is forbidden and was not asked for; whether it was killed.
    MountedElsewhere { container: &'a str, violations: &'a dyn fmt::Display, killed: bool },
    /// Something went wrong; traffic goes on.
    Trouble { reason: &'a dyn fmt::Display },
}

impl Notice<'_> {
    /// How important the notice is.
    pub fn level(&self) -> Level {
        match self {
            Self::Started { .. }
            | Self::Stopping { .. }
            | Self::Stopped { .. }
            | Self::Reloaded { .. }
            | Self::PluginLoaded { .. }
            | Self::LogReopened => Level::Info,
            Self::PluginSays { level, .. } => *level,
            Self::NeedsRestart { .. } | Self::Certificate { .. } => Level::Warn,
            Self::ReloadFailed { .. }
            | Self::PluginTrouble { .. }
            | Self::MountedElsewhere { .. }
            | Self::Trouble { .. } => Level::Error,
        }
    }

    /// The notice in words: the line's `msg`.
    pub fn message(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Stopping { .. } => "stopping",
            Self::Stopped { .. } => "stopped",
            Self::Reloaded { .. } => "configuration reloaded",
            Self::ReloadFailed { .. } => "configuration refused, the old one stays in force",
            Self::NeedsRestart { .. } => "changed keys take effect after a restart",
            Self::LogReopened => "log reopened",
            Self::Certificate { .. } => "certificate must be renewed",
            Self::PluginLoaded { .. } => "plugin loaded",
            Self::PluginSays { .. } => "plugin says",
            Self::PluginTrouble { .. } => "plugin trouble",
            Self::MountedElsewhere { .. } => "container mounted what is forbidden",
            Self::Trouble { .. } => "trouble",
        }
    }
}

impl Source for Notice<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), Error> {
        let mut line = Pairs(visitor);
        match self {
            Self::Started { version, listening, upstream } => {
                line.text("version", version)?;
                line.shown("listening", *listening)?;
                line.shown("upstream", *upstream)
            }
            Self::Stopping { signal } => line.text("signal", signal),
            Self::Stopped { cut } => line.number("cut", *cut),
            Self::Reloaded { file } => line.shown("file", *file),
            Self::ReloadFailed { reason }
            | Self::Certificate { reason }
            | Self::Trouble { reason } => line.shown("reason", *reason),
            Self::MountedElsewhere { container, violations, killed } => {
                line.text("container", container)?;
                line.shown("violations", *violations)?;
                line.text("killed", yes_or_no(*killed))
            }
            Self::NeedsRestart { keys } => line.shown("keys", *keys),
            Self::PluginLoaded { plugin, library, what } => {
                line.text("plugin", plugin)?;
                line.shown("library", *library)?;
                line.shown("interface", *what)
            }
            Self::PluginSays { plugin, level: _, text } => {
                line.text("plugin", plugin)?;
                line.text("text", text)
            }
            Self::PluginTrouble { plugin, reason } => {
                line.text("plugin", plugin)?;
                line.shown("reason", *reason)
            }
            Self::LogReopened => Ok(()),
        }
    }
}

/// An event and its client, as the pairs of one line.
pub(super) struct Fields<'a> {
    pub(super) client: &'a ClientId,
    pub(super) event: &'a Event<'a>,
}

impl Source for Fields<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), Error> {
        let mut line = Pairs(visitor);
        line.shown("client", &self.client.peer)?;
        line.number("connection", self.client.connection)?;
        if let Some(name) = &self.client.name {
            line.text("client_name", name)?;
        }
        self.event.visit(&mut line)
    }
}

/// The pairs of one line, being written.
struct Pairs<'v, 'kvs>(&'v mut dyn VisitSource<'kvs>);

impl<'kvs> Pairs<'_, 'kvs> {
    fn text(&mut self, key: &'static str, value: &'kvs str) -> Result<(), Error> {
        self.0.visit_pair(Key::from_str(key), Value::from(value))
    }

    fn number(&mut self, key: &'static str, value: u64) -> Result<(), Error> {
        self.0.visit_pair(Key::from_str(key), Value::from(value))
    }

    fn shown(&mut self, key: &'static str, value: &'kvs dyn fmt::Display) -> Result<(), Error> {
        self.0.visit_pair(Key::from_str(key), Value::from_dyn_display(value))
    }

    fn request(&mut self, method: &'kvs str, target: &'kvs Redacted<'_>) -> Result<(), Error> {
        self.text("method", method)?;
        self.shown("target", target)
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::{Format, Line};
    use super::*;
    use std::time::SystemTime;

    /// The line of an event, from `msg` on.
    fn line(message: &str, level: Level, fields: &dyn Source) -> String {
        let show = |args: fmt::Arguments<'_>| {
            let builder = &mut log::Record::builder();
            let record = builder.level(level).key_values(&fields).args(args).build();
            let at = SystemTime::UNIX_EPOCH;
            Line { format: Format::Logfmt, at, record: &record }.to_string()
        };
        let whole = show(format_args!("{message}"));
        whole.strip_prefix("time=\"1970-01-01T00:00:00Z\" ").unwrap_or(&whole).to_owned()
    }

    #[test]
    fn events_name_the_client_and_escape_what_it_sent() {
        let peer = Peer::Tcp("[::ffff:10.0.0.5]:4123".parse().unwrap_or_else(|_| unreachable!()));
        let client = ClientId { connection: 7, peer, name: None };
        let unix = Peer::Unix { uid: 1000, pid: 42 };
        let unix = ClientId { connection: 8, peer: unix, name: Some(Arc::new("ci".to_owned())) };
        let target = Redacted("/build\u{7f}?buildargs=x");
        let who = "client=\"10.0.0.5:4123\" connection=7";
        let table = [
            (
                client.clone(),
                Event::Received { method: "GET", target },
                format!(
                    "level=info msg=\"request received\" {who} method=GET \
                     target=\"/build\\u007f?buildargs=***\""
                ),
            ),
            (
                client.clone(),
                Event::Forbidden {
                    method: "POST",
                    target: Redacted("/containers/create"),
                    violations: &"host port 22 (rule \"22\")",
                },
                format!(
                    "level=warning msg=\"forbidden option requested\" {who} method=POST \
                     target=/containers/create violations=\"host port 22 (rule \\\"22\\\")\""
                ),
            ),
            (
                unix,
                Event::Invalid { status: 400, reason: &"bare LF" },
                "level=warning msg=\"request refused\" client=unix/uid-1000/pid-42 connection=8 \
                 client_name=ci status=400 reason=\"bare LF\""
                    .to_owned(),
            ),
            (
                client,
                Event::RawStreamEnded { from_client: 1, to_client: 20 },
                format!("level=info msg=\"raw stream ended\" {who} from_client=1 to_client=20"),
            ),
        ];
        for (client, event, expected) in table {
            let fields = Fields { client: &client, event: &event };
            assert_eq!(line(event.message(), event.level(), &fields), expected);
        }
    }

    #[test]
    fn notices_have_no_client() {
        let notice = Notice::ReloadFailed { reason: &"config.yml:3: x" };
        let expected = "level=error msg=\"configuration refused, the old one stays in force\" \
                        reason=\"config.yml:3: x\"";
        assert_eq!(line(notice.message(), notice.level(), &notice), expected);
    }
}
