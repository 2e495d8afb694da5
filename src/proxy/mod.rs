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
mod connection;
mod context;
mod dial;
mod error;
mod event_loop;
mod generation;
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
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::config::Settings;
use crate::lookup::Daemon;
use crate::plugins::Plugins;
use crate::session::Budget;
use clients::identities::Identities;
use clients::list::Counts;
use context::{Images, Shared};
pub use error::StartError;
use event_loop::{EventLoop, Startup};
use generation::Generation;
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
        Self::start_on(settings, Inherited::default())
    }

    /// The same on sockets that listen already, in place of those that are configured.
    ///
    /// # Errors
    /// As [`Proxy::start`].
    pub fn start_on(settings: &Settings, inherited: Inherited) -> Result<Self, StartError> {
        let plugins = Plugins::load(&settings.plugins, &Daemon::of(settings))?;
        Self::start_bound(Bound::bind(settings, inherited)?, settings, plugins)
    }

    /// The same with these plugins, whichever are configured.
    ///
    /// # Errors
    /// As [`Proxy::start`].
    pub fn start_with(settings: &Settings, plugins: Plugins) -> Result<Self, StartError> {
        Self::start_bound(Bound::bind(settings, Inherited::default())?, settings, plugins)
    }

    fn start_bound(
        mut bound: Bound,
        settings: &Settings,
        plugins: Plugins,
    ) -> Result<Self, StartError> {
        let images = Images::default();
        let shared = Shared {
            connection_limits: Arc::new(ConnectionLimits::default()),
            pool: Pool::default(),
            judges: Pool::of(JUDGES_MAX),
            look_ups: LookUps::new(&images.known),
            watch: Watch::default(),
            identities: Identities::default(),
            handshakes: Handshakes::default(),
            images,
            plugins: plugins.clone(),
        };
        let neighbours = Neighbours::default();
        let counts = Counts::new(event_loop::now());
        let generation = Generation::of(settings, &plugins, &counts);
        let budget = Budget::new(settings.limits.bodies_bytes);
        let mut loops = Vec::new();
        for (number, listeners) in std::mem::take(&mut bound.loops).into_iter().enumerate() {
            let startup = Startup {
                listeners,
                generation: Arc::clone(&generation),
                neighbours: neighbours.clone(),
                budget: budget.clone(),
                shared: shared.clone(),
            };
            loops.push(Running::start(number, startup)?);
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

    /// Asks every loop whether it turns.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        Pulse::ask(self.loops.iter().map(|running| &running.mailbox))
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
    fn bind(settings: &Settings, inherited: Inherited) -> Result<Self, StartError> {
        let count = settings.listen.loops.get();
        let mut bound = Self {
            loops: (0..count).map(|_| Vec::new()).collect(),
            addresses: Vec::new(),
            socket_file: None,
        };
        let Inherited { tcp, unix } = inherited;
        if let Some(tcp) = tcp {
            let (listeners, address) = listener::take_tcp(&tcp, count)?;
            bound.add(listeners, format_tcp(address));
        } else if let Some(tcp) = settings.listen.tcp {
            let (listeners, address) = listener::bind_tcp(tcp, count)?;
            bound.add(listeners, format_tcp(address));
        }
        if let Some(unix) = unix {
            let path = settings.listen.unix.as_ref().map(|unix| unix.path.display().to_string());
            bound.add(listener::take_unix(&unix, count)?, path.unwrap_or_default());
        } else if let Some(unix) = &settings.listen.unix {
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
