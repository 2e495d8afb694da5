//! What a configuration says, as values, with the defaults filled in.

use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::address::{TcpListen, UpstreamAddress};
use super::clients::{Clients, Rest};
use super::plugins;
use super::variables::Variables;
use crate::audit::LogSettings;
use crate::policy::Policy;
use crate::tls::{Client, Server, ServerName};

/// Everything that a configuration says, with defaults filled in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where clients are awaited.
    pub listen: Listen,
    /// Where connections go that were not redirected.
    pub dockerapi: UpstreamAddress,
    /// How daemons are spoken to with TLS, if they are.
    pub upstream_tls: Option<UpstreamTls>,
    /// What every client is held to.
    pub limits: Limits,
    /// Where the log goes.
    pub log: LogSettings,
    /// Where what is counted is told, if anywhere.
    pub metrics: Option<MetricsListen>,
    /// What is forbidden and what is forced, for clients that no entry of `clients` fits.
    pub policy: Arc<Policy>,
    /// Which clients are told apart, and what holds for them.
    pub clients: Clients,
    /// `SO_MARK` on connections to the daemon, so that firewall rules can tell them from others.
    pub upstream_mark: Option<u32>,
    /// Who is asked about images.
    pub plugins: plugins::Plugins,
    /// Who SecDocker becomes when it has bound its sockets.
    pub account: Option<Account>,
    /// What it gives up then.
    pub sandbox: Sandbox,
}

/// A user of this host, and its groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub uid: u32,
    /// Its main group.
    pub gid: u32,
    /// Its other groups.
    pub groups: Vec<u32>,
}

/// What SecDocker gives up when it has what it needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sandbox {
    /// All that it has no use for.
    #[default]
    On,
    /// Nothing.
    Off,
    /// Nothing, and the kernel logs which system calls would be refused.
    Log,
}

impl Settings {
    /// Whether anybody is forbidden anything.
    #[must_use]
    pub fn restricts(&self) -> bool {
        let of_clients = self.clients.list.iter().map(|client| &client.policy);
        self.clients.rest == Rest::Refused
            || of_clients.chain([&self.policy]).any(|policy| policy.restricts())
    }
}

/// Where clients are awaited: at least one of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The TCP listener.
    pub tcp: Option<TcpListen>,
    /// The Unix listener.
    pub unix: Option<UnixListen>,
    /// Event loops, each a thread with listeners of its own.
    pub loops: NonZeroUsize,
    /// How clients of the TCP listener are spoken to with TLS, if they are.
    pub tls: Option<Arc<Server>>,
    /// Whether clients of the TCP listener need no certificate, on purpose.
    pub allow_plain: bool,
    /// Whether other hosts are served only if they were redirected here.
    pub transparent: bool,
}

/// How daemons are spoken to with TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamTls {
    /// What they must prove, and what we prove.
    pub client: Arc<Client>,
    /// The name that each daemon's certificate must be for; without it the address that it is reached at.
    pub name: Option<ServerName>,
    /// The name of the daemon at `dockerapi`; none if that is a Unix socket, on which there is no TLS.
    pub of_dockerapi: Option<ServerName>,
}

impl Settings {
    /// Goes on with the TLS settings of before where they are the same, so that sessions can be resumed.
    pub fn keep_tls_of(&mut self, before: &Self) {
        if self.listen.tls == before.listen.tls {
            self.listen.tls.clone_from(&before.listen.tls);
        }
        if self.upstream_tls == before.upstream_tls {
            self.upstream_tls.clone_from(&before.upstream_tls);
        }
        if let (Some(metrics), Some(before)) = (&mut self.metrics, &before.metrics)
            && metrics.tls == before.tls
        {
            metrics.tls.clone_from(&before.tls);
        }
    }
}

/// A Unix socket to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixListen {
    /// Its path, 107 bytes at most.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
}

/// Where what is counted is told, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsListen {
    /// Where.
    pub address: MetricsAddress,
    /// How those who come over TCP are spoken to with TLS, if they are.
    pub tls: Option<Arc<Server>>,
}

/// Where that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricsAddress {
    /// A TCP listener.
    Tcp(TcpListen),
    /// A Unix socket.
    Unix(UnixListen),
}

impl fmt::Display for MetricsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(tcp) => tcp.fmt(f),
            Self::Unix(unix) => {
                write!(f, "the Unix socket {}, permissions {:04o}", unix.path.display(), unix.mode)
            }
        }
    }
}

/// The bounds of everything that a client can make grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a message's head.
    pub head_bytes: usize,
    /// Bytes of an inspected body.
    pub body_bytes: usize,
    /// Bytes of all inspected bodies that are held at once.
    pub bodies_bytes: usize,
    /// Bytes that one direction of one connection may have waiting.
    pub buffer_bytes: usize,
    /// Open connections.
    pub connections: usize,
    /// Open connections from one address.
    pub connections_per_client: usize,
    /// How long a TLS handshake with a client may take.
    pub handshake_time: Duration,
    /// How long a head may take to arrive.
    pub head_time: Duration,
    /// How long an inspected body may take to arrive before `body_rate` counts.
    pub body_time: Duration,
    /// How long an inspected body may go without a byte.
    pub body_idle_time: Duration,
    /// Bytes of an inspected body that must arrive in each second beyond `body_time`.
    pub body_rate: NonZeroU64,
    /// How long the daemon may take to accept a connection.
    pub connect_time: Duration,
    /// How long a refused client is listened to before its connection is closed.
    pub linger_time: Duration,
    /// How long open requests may take to finish after a signal to stop.
    pub shutdown_time: Duration,
    /// How long what is open may go on when another program has taken the place of this one; to its end, if there is
    /// no limit.
    pub drain_time: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 256 * 1024,
            body_bytes: 4 * 1024 * 1024,
            bodies_bytes: 64 * 1024 * 1024,
            buffer_bytes: 256 * 1024,
            connections: 16_384,
            connections_per_client: 4_096,
            handshake_time: Duration::from_secs(10),
            head_time: Duration::from_secs(30),
            body_time: Duration::from_secs(60),
            body_idle_time: Duration::from_secs(60),
            body_rate: const { NonZeroU64::new(64).unwrap() },
            connect_time: Duration::from_secs(10),
            linger_time: Duration::from_secs(2),
            shutdown_time: Duration::from_secs(30),
            drain_time: None,
        }
    }
}

/// What the command line says instead of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--listen` and `--tcp`, or the address of a TCP socket that a service manager has made.
    pub tcp: Option<TcpListen>,
    /// The path of a Unix socket that a service manager has made. Where it made this one alone, there is no
    /// other listener.
    pub unix: Option<PathBuf>,
    /// `--variables`: what may be called.
    pub variables: Option<Variables>,
}
