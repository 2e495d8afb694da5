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
//! `limits`; a new policy reaches them as a command.

pub mod build_group;
mod clients;
mod clock;
mod connection;
mod context;
mod dial;
mod endpoint;
mod error;
mod event_loop;
mod generation;
mod heir;
mod limits;
mod listener;
mod mailbox;
mod origin;
mod pulse;
mod refusal;
mod streams;
mod threads;
mod timers;
mod upstream;
mod watch;

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mio::Waker;

use crate::config::Settings;
use crate::lookup::Daemon;
use crate::metrics::{Metrics, Reload};
use crate::plugins::Plugins;
use crate::session::Budget;
use clients::identities::Identities;
use clients::list::Counts;
use context::{Images, Shared};
use endpoint::{Endpoint, Health, Unserved};
pub use error::StartError;
use event_loop::{EventLoop, Startup};
use generation::Generation;
pub use heir::{DESCRIPTORS_MAX, Heir, SUCCEEDS, receive, send};
use limits::connection_limits::ConnectionLimits;
use limits::room::Neighbours;
pub use listener::Inherited;
use listener::{Listener, SocketFile};
use mailbox::{Command, Mailbox};
pub use pulse::Pulse;
use threads::handshakes::Handshakes;
use threads::look_ups::LookUps;
use threads::pool::Pool;
use watch::Watch;

/// Threads on which large bodies are judged. The loops need the processors, too.
const JUDGES_MAX: usize = 2;

/// The running loops.
#[derive(Debug)]
pub struct Proxy {
    plugins: Plugins,
    counts: Counts,
    metrics: Arc<Metrics>,
    endpoint: Option<Endpoint>,
    loops: Vec<Running>,
    addresses: Vec<String>,
    socket_file: Option<SocketFile>,
    watch: Watch,
    is_preceded: Arc<AtomicBool>,
    /// Woken by each loop that has ended.
    on_end: Arc<OnceLock<Waker>>,
    /// The loop that is the next to be given a connection.
    next: usize,
}

#[derive(Debug)]
struct Running {
    mailbox: Mailbox,
    finished: mpsc::Receiver<io::Result<usize>>,
    thread: JoinHandle<()>,
    has_ended: Arc<AtomicBool>,
}

impl Proxy {
    /// Loads the plugins, binds what is configured and starts the loops.
    ///
    /// # Errors
    /// [`StartError`] if a plugin cannot be used, an address not be bound or a loop not be started.
    pub fn start(settings: &Settings) -> Result<Self, StartError> {
        Self::start_on(Listening::begin(settings, Inherited::default())?, settings)
    }

    /// The same on sockets that listen already.
    ///
    /// # Errors
    /// As [`Proxy::start`].
    pub fn start_on(listening: Listening, settings: &Settings) -> Result<Self, StartError> {
        let plugins = Plugins::load(&settings.plugins, &Daemon::of(settings))?;
        Self::start_bound(listening, settings, plugins)
    }

    /// The same with these plugins, whichever are configured.
    ///
    /// # Errors
    /// As [`Proxy::start`].
    pub fn start_with(settings: &Settings, plugins: Plugins) -> Result<Self, StartError> {
        Self::start_bound(Listening::begin(settings, Inherited::default())?, settings, plugins)
    }

    fn start_bound(
        mut bound: Listening,
        settings: &Settings,
        plugins: Plugins,
    ) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::new(bound.loops.len(), plugins.counts()));
        let images = Images::default();
        let (is_preceded, on_end) = (Arc::default(), Arc::default());
        let watch = Watch::default();
        let shared = Shared {
            connection_limits: Arc::new(ConnectionLimits::default()),
            pool: Pool::default(),
            judges: Pool::of(JUDGES_MAX),
            look_ups: LookUps::new(&images.known, metrics.look_ups()),
            watch: watch.clone(),
            identities: Identities::new(&metrics.look_ups()),
            handshakes: Handshakes::default(),
            images,
            plugins: plugins.clone(),
            metrics: Arc::clone(&metrics),
            is_preceded: Arc::clone(&is_preceded),
        };
        let neighbours = Neighbours::default();
        let counts = Counts::new(clock::now());
        let generation = Generation::of(settings, &plugins, &counts, &metrics);
        let budget = Budget::new(settings.limits.bodies_bytes);
        let mut loops = Vec::new();
        for (number, listeners) in std::mem::take(&mut bound.loops).into_iter().enumerate() {
            let startup = Startup {
                listeners,
                generation: Arc::clone(&generation),
                neighbours: neighbours.clone(),
                budget: budget.clone(),
                shared: shared.clone(),
                counts: metrics.of_loop(number),
            };
            loops.push(Running::start(number, startup, &on_end)?);
        }
        let mailboxes = |running: &Running| running.mailbox.clone();
        neighbours.are(loops.iter().map(mailboxes).collect());
        let Listening { addresses, socket_file, endpoint, .. } = bound;
        let health = Health::new(loops.iter().map(mailboxes).collect(), generation.daemon());
        let endpoint = endpoint.map(|endpoint| endpoint.serve(&metrics, health)).transpose()?;
        Ok(Self {
            plugins,
            counts,
            metrics,
            endpoint,
            loops,
            addresses,
            socket_file,
            watch,
            is_preceded,
            on_end,
            next: 0,
        })
    }

    /// Where it listens, as a person would write it.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Where what is counted is told, if anywhere.
    pub fn metrics_address(&self) -> Option<&str> {
        self.endpoint.as_ref().map(Endpoint::address)
    }

    /// Counts that a new configuration was refused.
    pub fn reload_refused(&self) {
        self.metrics.reloaded(Reload::Refused);
    }

    /// Puts new settings in force for requests that begin from now on. Where it listens stays.
    pub fn reload(&self, settings: &Settings) {
        let generation = Generation::of(settings, &self.plugins, &self.counts, &self.metrics);
        self.metrics.reloaded(Reload::Taken);
        if let Some(endpoint) = &self.endpoint {
            endpoint.reload(settings.metrics.as_ref(), generation.daemon());
        }
        for running in &self.loops {
            running.mailbox.send(Command::Renew(Arc::clone(&generation)));
        }
    }

    /// Asks every loop whether it turns.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        Pulse::ask(self.loops.iter().map(|running| &running.mailbox))
    }

    /// Leaves its place to another SecDocker, which has the same sockets and has begun to accept: accepts no
    /// more, leaves it the connections that are idle, and serves what is open to its end, for `at_most` so long
    /// if it has a limit.
    pub fn retire(&mut self, heir: &Heir, at_most: Option<Duration>) {
        if let Some(file) = &mut self.socket_file {
            file.leave();
        }
        if let Some(mut endpoint) = self.endpoint.take() {
            endpoint.leave();
        }
        for running in &self.loops {
            running.mailbox.send(Command::Retire { heir: heir.clone(), at_most });
        }
    }

    /// The SecDocker whose place this one takes has left it: the Unix socket's file is this one's.
    pub fn succeed(&mut self) {
        if let Some(file) = &mut self.socket_file {
            file.take();
        }
        if let Some(endpoint) = &mut self.endpoint {
            endpoint.take();
        }
    }

    /// Serves a connection that another SecDocker has left to this one.
    pub fn adopt(&mut self, message: (u8, Vec<OwnedFd>)) {
        let Some(connection) = heir::connection(message) else { return };
        if let Some(running) = self.loops.get(self.next % self.loops.len().max(1)) {
            running.mailbox.send(Command::Adopt(connection));
        }
        self.next = self.next.wrapping_add(1);
    }

    /// Says whether the SecDocker whose place this one has taken still runs: this one does not end before it.
    pub fn is_preceded(&self, is_preceded: bool) {
        self.is_preceded.store(is_preceded, Ordering::SeqCst);
        // Whoever waited for it looks again.
        drop(self.pulse());
    }

    /// Has this waker woken when a loop has ended.
    pub fn wake_on_end(&self, waker: Waker) {
        // The first one stays.
        let _ = self.on_end.set(waker);
    }

    /// Whether all loops have ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.loops.iter().all(|running| running.has_ended.load(Ordering::SeqCst))
    }

    /// Whether all containers that were let start have been looked at, and none was of late.
    #[must_use]
    pub fn has_looked(&self) -> bool {
        self.watch.is_quiet()
    }

    /// Whether the file of the Unix socket is its own, to be removed at the end.
    #[must_use]
    pub fn owns_file(&self) -> bool {
        self.socket_file.as_ref().is_some_and(SocketFile::is_ours)
    }

    /// Stops accepting, lets requests that are under way finish for up to `grace`, and returns how
    /// many connections were cut.
    pub fn stop(self, grace: Duration) -> usize {
        // Whoever follows may want its address while open requests finish.
        drop(self.endpoint);
        for running in &self.loops {
            running.mailbox.send(Command::Drain(grace));
        }
        self.loops.into_iter().map(Running::join).sum()
    }
}

impl Running {
    fn start(
        number: usize,
        startup: Startup,
        on_end: &Arc<OnceLock<Waker>>,
    ) -> Result<Self, StartError> {
        let (event_loop, mailbox) = EventLoop::new(startup)?;
        let (finish, finished) = mpsc::channel();
        let has_ended = Arc::new(AtomicBool::new(false));
        let (ended, on_end) = (Arc::clone(&has_ended), Arc::clone(on_end));
        let thread = thread::Builder::new().name(format!("loop-{number}")).spawn(move || {
            // Nobody waits for the count when the program is cut off itself.
            let _ = finish.send(event_loop.run());
            ended.store(true, Ordering::SeqCst);
            if let Some(waker) = on_end.get() {
                // It looks without being woken, too.
                let _ = waker.wake();
            }
        })?;
        Ok(Self { mailbox, finished, thread, has_ended })
    }

    fn join(self) -> usize {
        // A loop that broke has cut what it had, and has said so.
        let cut = self.finished.recv().ok().and_then(Result::ok).unwrap_or(0);
        let _ = self.thread.join();
        cut
    }
}

/// Sockets that listen, by the loop that will accept from them.
#[derive(Debug)]
pub struct Listening {
    loops: Vec<Vec<Listener>>,
    addresses: Vec<String>,
    socket_file: Option<SocketFile>,
    endpoint: Option<Unserved>,
}

impl Listening {
    /// Binds what is configured, where nothing is inherited in its place.
    ///
    /// # Errors
    /// [`StartError`] if an address cannot be bound.
    pub fn begin(settings: &Settings, inherited: Inherited) -> Result<Self, StartError> {
        let count = settings.listen.loops.get();
        let mut bound = Self {
            loops: (0..count).map(|_| Vec::new()).collect(),
            addresses: Vec::new(),
            socket_file: None,
            endpoint: None,
        };
        let Inherited { tcp, unix, metrics, owns_file } = inherited;
        let taken = listener::take_tcp(&tcp, count)?;
        let tcp = match (taken, settings.listen.tcp) {
            (Some(taken), _) => Some(taken),
            (None, Some(tcp)) => Some(listener::bind_tcp(tcp, count)?),
            (None, None) => None,
        };
        if let Some((listeners, address)) = tcp {
            bound.add(listeners, format_tcp(address));
        }
        let path = settings.listen.unix.as_ref().map(|unix| &unix.path);
        if let Some(unix) = unix {
            let shown = path.map(|path| path.display().to_string());
            bound.add(listener::take_unix(&unix, count)?, shown.unwrap_or_default());
            bound.socket_file = path.filter(|_| owns_file).map(|path| SocketFile::of_another(path));
        } else if let Some(unix) = &settings.listen.unix {
            let (listeners, file) = listener::bind_unix(&unix.path, unix.mode, count)?;
            bound.add(listeners, unix.path.display().to_string());
            bound.socket_file = Some(file);
        }
        let wanted = settings.metrics.as_ref();
        bound.endpoint = wanted.map(|wanted| Unserved::begin(wanted, metrics)).transpose()?;
        Ok(bound)
    }

    fn add(&mut self, listeners: Vec<Listener>, address: String) {
        let count = self.loops.len().max(1);
        for (index, listener) in listeners.into_iter().enumerate() {
            if let Some(of_loop) = self.loops.get_mut(index % count) {
                of_loop.push(listener);
            }
        }
        self.addresses.push(address);
    }

    /// Copies of all sockets, each once, for whoever is to accept from them next. A Unix socket is one for all
    /// loops; that of `metrics.listen` is the last.
    ///
    /// # Errors
    /// When there are too few descriptors.
    pub fn copies(&self) -> io::Result<Vec<OwnedFd>> {
        let unix = self.loops.first().into_iter().flatten();
        let unix = unix.filter(|listener| matches!(listener, Listener::Unix(_)));
        let tcp = self.loops.iter().flatten();
        let tcp = tcp.filter(|listener| matches!(listener, Listener::Tcp(_)));
        let metrics = self.endpoint.iter().map(Unserved::copy);
        tcp.chain(unix).map(Listener::copy).chain(metrics).collect()
    }

    /// Whether there is one for `metrics.listen`.
    #[must_use]
    pub fn has_metrics(&self) -> bool {
        self.endpoint.is_some()
    }
}

fn format_tcp(address: SocketAddr) -> String {
    origin::canonical(address).to_string()
}
