//! The poll loops: accepting, reading, writing, closing. The only module with sockets and clocks.
//!
//! ```text
//! Proxy ──commands──► EventLoop ──► Connection ──► Session        one loop a thread, own listeners
//!                        ▲ │             └── Peer ── Stream, Queue, Pipe
//!               answers  │ ▼ questions
//!                  LookUps, Pool
//! ```
//!
//! Loops share nothing while bytes flow. What they share when a connection begins or ends stands in
//! `connection_limits`; a new policy reaches them as a command.

mod buffers;
pub mod build_group;
mod callers;
mod clients;
mod connection;
mod connection_limits;
mod dial;
mod encrypted;
mod event_loop;
mod fair_pool;
mod identification;
mod identities;
mod inquiry;
mod listener;
mod look_ups;
mod origin;
mod peer;
mod pipes;
mod pool;
mod room;
mod sock_diag;
mod stream;
mod timers;
mod watch;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::config::{Limits, Settings, UpstreamAddress, UpstreamTls};
use crate::lookup::{Daemon, DaemonTls};
use crate::plugins::{LoadError, Plugins};
use crate::session::Budget;
use crate::tls::Server;
use build_group::BuildGroupError;
use clients::{ClientList, Counts};
use connection_limits::ConnectionLimits;
use event_loop::{Command, EventLoop, Images, Mailbox, Startup};
use identities::Identities;
use listener::{Listener, SocketFile};
use look_ups::LookUps;
use pool::Pool;
use room::Neighbours;
use watch::Watch;

/// How much one connection may read in a turn before the others get theirs, in bytes.
const READ_BYTES_PER_TURN: usize = 256 * 1024;

/// Threads on which large bodies are judged. The loops need the processors, too.
const JUDGES_MAX: usize = 2;

/// Idle time after which the kernel asks whether a peer is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// All that a reload replaces at once.
#[derive(Debug)]
struct Generation {
    clients: ClientList,
    limits: Limits,
    dockerapi: UpstreamAddress,
    upstream_mark: Option<u32>,
    upstream_tls: Option<UpstreamTls>,
    /// How clients are spoken to that come over TCP, if with TLS.
    tls: Option<Arc<Server>>,
    /// Whether other hosts are served only if they were redirected here.
    transparent: bool,
}

impl Generation {
    /// The daemon that direct connections go to.
    fn daemon(&self) -> Daemon {
        let tls = self.upstream_tls.as_ref();
        Daemon {
            address: self.dockerapi.clone(),
            mark: self.upstream_mark,
            tls: tls.and_then(|tls| {
                let name = tls.of_dockerapi.clone()?;
                Some(DaemonTls { client: Arc::clone(&tls.client), name })
            }),
        }
    }

    fn of(settings: &Settings, plugins: &Plugins, counts: &Counts) -> Arc<Self> {
        Arc::new(Self {
            clients: ClientList::of(settings, plugins, counts),
            limits: settings.limits.clone(),
            dockerapi: settings.dockerapi.clone(),
            upstream_mark: settings.upstream_mark,
            upstream_tls: settings.upstream_tls.clone(),
            tls: settings.listen.tls.clone(),
            transparent: settings.listen.transparent,
        })
    }
}

/// Why SecDocker could not begin to listen.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// An address or path could not be bound.
    Bind {
        /// What was to be bound.
        address: String,
        /// What the kernel said.
        error: io::Error,
    },
    /// A plugin can't be used.
    Plugin(LoadError),
    /// Steps of builds could not be held to their limits.
    BuildGroup(BuildGroupError),
    /// A poll or a thread could not be had.
    LoopContext(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { address, error } => write!(f, "cannot listen on {address}: {error}"),
            Self::Plugin(error) => error.fmt(f),
            Self::BuildGroup(error) => error.fmt(f),
            Self::LoopContext(error) => write!(f, "cannot start a poll loop: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::LoopContext(error)
    }
}

impl From<LoadError> for StartError {
    fn from(error: LoadError) -> Self {
        Self::Plugin(error)
    }
}

/// The running loops.
#[derive(Debug)]
pub struct Proxy {
    plugins: Plugins,
    counts: Counts,
    loops: Vec<Running>,
    addresses: Vec<String>,
    _socket_file: Option<SocketFile>,
}

#[derive(Debug)]
struct Running {
    mailbox: Mailbox,
    finished: mpsc::Receiver<io::Result<usize>>,
    thread: JoinHandle<()>,
}

impl Proxy {
    /// Loads the plugins, binds what is configured and starts the loops.
    ///
    /// # Errors
    /// [`StartError`] if a plugin cannot be used, an address not be bound or a loop not be started.
    pub fn start(settings: &Settings) -> Result<Self, StartError> {
        Self::start_with(settings, Plugins::load(&settings.plugins, &Daemon::of(settings))?)
    }

    /// The same with these plugins, whichever are configured.
    ///
    /// # Errors
    /// As [`Proxy::start`].
    pub fn start_with(settings: &Settings, plugins: Plugins) -> Result<Self, StartError> {
        let mut bound = Bound::bind(settings)?;
        let connection_limits = Arc::new(ConnectionLimits::default());
        let neighbours = Neighbours::default();
        let pool = Pool::default();
        let judges = Pool::of(JUDGES_MAX);
        let images = Images::default();
        let look_ups = LookUps::new(&images.known);
        let watch = Watch::default();
        let identities = Identities::default();
        let counts = Counts::new(event_loop::now());
        let generation = Generation::of(settings, &plugins, &counts);
        let budget = Budget::new(settings.limits.bodies_bytes);
        let mut loops = Vec::new();
        for (number, listeners) in std::mem::take(&mut bound.loops).into_iter().enumerate() {
            loops.push(Running::start(
                number,
                Startup {
                    listeners,
                    generation: Arc::clone(&generation),
                    connection_limits: Arc::clone(&connection_limits),
                    neighbours: neighbours.clone(),
                    pool: pool.clone(),
                    judges: judges.clone(),
                    look_ups: look_ups.clone(),
                    watch: watch.clone(),
                    identities: identities.clone(),
                    images: images.clone(),
                    plugins: plugins.clone(),
                    budget: budget.clone(),
                },
            )?);
        }
        let mailboxes = |running: &Running| running.mailbox.clone();
        neighbours.are(loops.iter().map(mailboxes).collect());
        let Bound { addresses, socket_file: _socket_file, .. } = bound;
        Ok(Self { plugins, counts, loops, addresses, _socket_file })
    }

    /// Where it listens, as a person would write it.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Puts new settings in force for requests that begin from now on. Where it listens stays.
    pub fn reload(&self, settings: &Settings) {
        let generation = Generation::of(settings, &self.plugins, &self.counts);
        for running in &self.loops {
            running.mailbox.send(Command::Renew(Arc::clone(&generation)));
        }
    }

    /// Stops accepting, lets requests that are under way finish for up to `grace`, and returns how
    /// many connections were cut.
    pub fn stop(self, grace: Duration) -> usize {
        for running in &self.loops {
            running.mailbox.send(Command::Drain(grace));
        }
        self.loops.into_iter().map(Running::join).sum()
    }
}

impl Running {
    fn start(number: usize, startup: Startup) -> Result<Self, StartError> {
        let (event_loop, mailbox) = EventLoop::new(startup)?;
        let (finish, finished) = mpsc::channel();
        let thread = thread::Builder::new().name(format!("loop-{number}")).spawn(move || {
            // Nobody waits for the count when the program is cut off itself.
            let _ = finish.send(event_loop.run());
        })?;
        Ok(Self { mailbox, finished, thread })
    }

    fn join(self) -> usize {
        // A loop that broke has cut what it had, and has said so.
        let cut = self.finished.recv().ok().and_then(Result::ok).unwrap_or(0);
        let _ = self.thread.join();
        cut
    }
}

/// The bound sockets, by loop.
struct Bound {
    loops: Vec<Vec<Listener>>,
    addresses: Vec<String>,
    socket_file: Option<SocketFile>,
}

impl Bound {
    fn bind(settings: &Settings) -> Result<Self, StartError> {
        let count = settings.listen.loops.get();
        let mut bound = Self {
            loops: (0..count).map(|_| Vec::new()).collect(),
            addresses: Vec::new(),
            socket_file: None,
        };
        if let Some(tcp) = settings.listen.tcp {
            let (listeners, address) = listener::bind_tcp(tcp, count)?;
            bound.add(listeners, format_tcp(address));
        }
        if let Some(unix) = &settings.listen.unix {
            let (listeners, file) = listener::bind_unix(&unix.path, unix.mode, count)?;
            bound.add(listeners, unix.path.display().to_string());
            bound.socket_file = Some(file);
        }
        Ok(bound)
    }

    fn add(&mut self, listeners: Vec<Listener>, address: String) {
        for (of_loop, listener) in self.loops.iter_mut().zip(listeners) {
            of_loop.push(listener);
        }
        self.addresses.push(address);
    }
}

fn format_tcp(address: SocketAddr) -> String {
    origin::canonical(address).to_string()
}
