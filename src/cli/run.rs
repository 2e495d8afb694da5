//! `secdocker run`: the supervisor on the main thread, from the first setting to the last line of
//! the log. Signals and changes of the configuration file arrive here; traffic never does.

use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::unix::pipe::{self, Receiver};
use mio::{Events, Interest, Poll, Token};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use super::certificates::Told;
use super::outcome::{CliError, EXIT_ERROR, Outcome, print};
use super::{certificates, systemd};
use crate::audit::{self, Notice};
use crate::config::reload::Watcher;
use crate::config::{self, Overrides, Settings};
use crate::proxy::{Proxy, Pulse, StartError, build_group};

/// A signal to stop has arrived; from now on another one ends the process at once.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// How often it is looked whether a day has passed.
const LOOKS_EVERY: Duration = Duration::from_secs(60 * 60);

const SIGNAL: Token = Token(0);
const CONFIG: Token = Token(1);

/// Stands between clients and the daemon until a signal says stop.
pub(super) fn run(path: &Path, overrides: Overrides) -> Result<Outcome, CliError> {
    raise_descriptor_limit();
    let signals = SignalPipes::new().map_err(io_error("cannot receive signals"))?;
    // Had before traffic is: a crowd of clients must not take the descriptors that a stop needs.
    let poll = signals.poll().map_err(io_error("cannot receive signals"))?;
    let watcher = Watcher::new(path);
    let (inherited, overrides) = systemd::inherited(overrides)?;
    let settings = config::load(path, &overrides)?;
    let log = audit::init(&settings.log).map_err(CliError::Audit)?;
    let group = build_group::prepare(&settings).map_err(StartError::BuildGroup);
    let proxy = match group.and_then(|()| Proxy::start_on(&settings, inherited)) {
        Ok(proxy) => proxy,
        Err(error) => {
            audit::announce(&Notice::Trouble { reason: &error });
            log.stop();
            return Err(CliError::Start(error));
        }
    };
    let mut supervisor = Supervisor {
        path: path.to_owned(),
        overrides,
        watcher,
        started_with: settings.clone(),
        settings,
        proxy,
        log,
        told: Told::default(),
        pulse: None,
    };
    supervisor.announce_start()?;
    supervisor.tell_of_certificates();
    let signal = supervisor.watch(&signals, poll);
    STOPPING.store(true, Ordering::SeqCst);
    supervisor.stop(signal.map_err(io_error("cannot wait for signals"))?)
}

/// Every connection is two descriptors, and a pipe while it moves: the kernel's usual soft limit
/// stands for programs that use `select`.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    // If it is not to be had, there are fewer connections.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

fn io_error(what: &'static str) -> impl Fn(io::Error) -> CliError {
    move |error| CliError::Io(what.to_owned(), error)
}

/// One pipe a signal, written by its handler.
struct SignalPipes {
    stop: [(Receiver, &'static str); 2],
    hang_up: Receiver,
}

/// What signals ask for.
struct Arrived {
    hang_up: bool,
    /// The signal to stop, by name.
    stop: Option<&'static str>,
}

impl SignalPipes {
    fn new() -> io::Result<Self> {
        // The handlers that end the process come before those of the pipes: they look at what an
        // earlier signal has led to, not this one.
        for signal in [SIGTERM, SIGINT] {
            flag::register_conditional_shutdown(signal, i32::from(EXIT_ERROR), &STOPPING)?;
        }
        let stop = [(pipe_of(SIGTERM)?, "SIGTERM"), (pipe_of(SIGINT)?, "SIGINT")];
        Ok(Self { stop, hang_up: pipe_of(SIGHUP)? })
    }

    /// Wakes when a signal arrives.
    fn poll(&self) -> io::Result<Poll> {
        let poll = Poll::new()?;
        for receiver in self.stop.iter().map(|(receiver, _)| receiver).chain([&self.hang_up]) {
            let descriptor = receiver.as_raw_fd();
            poll.registry().register(&mut SourceFd(&descriptor), SIGNAL, Interest::READABLE)?;
        }
        Ok(poll)
    }

    /// Empties the pipes. The one of `SIGHUP` comes last, so that one sent before a signal to stop
    /// is seen with it.
    fn arrived(&self) -> Arrived {
        let stop = self.stop.iter().find(|(receiver, _)| has_bytes(receiver));
        Arrived { stop: stop.map(|(_, name)| *name), hang_up: has_bytes(&self.hang_up) }
    }
}

fn pipe_of(signal: i32) -> io::Result<Receiver> {
    let (sender, receiver) = pipe::new()?;
    low_level::pipe::register(signal, sender)?;
    Ok(receiver)
}

/// Empties a pipe, and says whether there was anything to empty.
fn has_bytes(mut receiver: &Receiver) -> bool {
    let mut buffer = [0; 64];
    let mut any = false;
    // Any error, would-block among them, ends the pipe's bytes.
    while matches!(receiver.read(&mut buffer), Ok(1..)) {
        any = true;
    }
    any
}

/// Why the configuration is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// The file has changed, by whatever hand.
    File,
    /// Somebody has asked for it.
    Signal,
}

struct Supervisor {
    path: PathBuf,
    overrides: Overrides,
    watcher: Watcher,
    /// What only a restart changes was taken from these.
    started_with: Settings,
    settings: Settings,
    proxy: Proxy,
    log: audit::Handle,
    /// When certificates were last reported.
    told: Told,
    /// What the loops were asked for the watchdog of the service manager.
    pulse: Option<Pulse>,
}

impl Supervisor {
    fn announce_start(&self) -> Result<(), CliError> {
        let listening = self.proxy.addresses().join(", ");
        let upstream = &self.settings.dockerapi;
        let version = env!("CARGO_PKG_VERSION");
        audit::announce(&Notice::Started { version, listening: &listening, upstream });
        let log = self.settings.log.file.display();
        print(&format!(
            "secdocker: listening on {listening}, daemon at {upstream}, log in {log}\n"
        ))?;
        systemd::ready(&self.status());
        Ok(())
    }

    /// What is said of the service, in a line.
    fn status(&self) -> String {
        let listening = self.proxy.addresses().join(", ");
        format!("listening on {listening}, daemon at {}", self.settings.dockerapi)
    }

    /// Tells the service manager that the loops turn, if they have since they were asked.
    fn feed_watchdog(&mut self) {
        if self.pulse.as_ref().is_none_or(Pulse::is_answered) {
            systemd::alive();
            self.pulse = Some(self.proxy.pulse());
        }
    }

    /// Obeys until a signal to stop, and returns its name.
    fn watch(&mut self, signals: &SignalPipes, mut poll: Poll) -> io::Result<&'static str> {
        if let Some(descriptor) = self.watcher.descriptor() {
            poll.registry().register(&mut SourceFd(&descriptor), CONFIG, Interest::READABLE)?;
        }
        let mut events = Events::with_capacity(8);
        let feeds_every = systemd::watchdog_interval();
        loop {
            if feeds_every.is_some() {
                self.feed_watchdog();
            }
            let wait = self.watcher.looks_every().map_or(LOOKS_EVERY, |time| time.min(LOOKS_EVERY));
            let wait = feeds_every.map_or(wait, |time| time.min(wait));
            match poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => other?,
            }
            let arrived = signals.arrived();
            if arrived.hang_up {
                self.hang_up();
            }
            if let Some(signal) = arrived.stop {
                return Ok(signal);
            }
            if self.watcher.has_changed() {
                self.reload(Cause::File);
            }
            if self.told.is_due(certificates::now()) {
                self.tell_of_certificates();
            }
        }
    }

    /// Tells of certificates that end soon.
    fn tell_of_certificates(&mut self) {
        let now = certificates::now();
        self.told.tell(&certificates::warnings(&self.settings, now), now);
    }

    /// `SIGHUP`: the log's file may have been moved, and the configuration is read whether or not
    /// it seems changed (what it refers to may have).
    fn hang_up(&mut self) {
        self.log.reopen();
        audit::announce(&Notice::LogReopened);
        self.reload(Cause::Signal);
    }

    fn reload(&mut self, cause: Cause) {
        systemd::reloading();
        let status = self.read_again(cause).unwrap_or_else(|| self.status());
        systemd::ready(&status);
    }

    /// Reads the configuration again; says what is wrong with it.
    fn read_again(&mut self, cause: Cause) -> Option<String> {
        let loaded = config::load(&self.path, &self.overrides);
        let refused = |reason: &str| Some(format!("configuration refused: {reason}"));
        if cause == Cause::File && !self.watcher.holds_still() {
            // It was written while it was read, and will be reported once more.
            return None;
        }
        match loaded {
            Ok(settings) if cause == Cause::File && self.lifts_all(&settings) => {
                let reason = "it has no `restrictions` any more: those in force stay until SIGHUP \
                              or a restart says that this is meant";
                audit::announce(&Notice::ReloadFailed { reason: &reason });
                refused(reason)
            }
            Ok(settings) => match build_group::prepare(&settings) {
                Ok(()) => {
                    self.take(settings);
                    None
                }
                Err(error) => {
                    audit::announce(&Notice::ReloadFailed { reason: &error });
                    refused(&error.to_string())
                }
            },
            Err(error) => {
                let text = error.to_string();
                for reason in text.lines() {
                    audit::announce(&Notice::ReloadFailed { reason: &reason });
                }
                refused(text.lines().next().unwrap_or_default())
            }
        }
    }

    /// Whether there were restrictions, and are none: a file that was cut or emptied by mistake is a
    /// valid one that allows everything.
    fn lifts_all(&self, settings: &Settings) -> bool {
        self.settings.restricts() && !settings.restricts()
    }

    fn take(&mut self, mut settings: Settings) {
        settings.keep_tls_of(&self.settings);
        self.log.set_level(settings.log.level);
        self.proxy.reload(&settings);
        audit::announce(&Notice::Reloaded { file: &self.path.display() });
        let waiting = waiting_for_restart(&self.started_with, &settings);
        if !waiting.is_empty() {
            audit::announce(&Notice::NeedsRestart { keys: &waiting.join(", ") });
        }
        self.settings = settings;
        self.tell_of_certificates();
    }

    fn stop(self, signal: &str) -> Result<Outcome, CliError> {
        systemd::stopping();
        audit::announce(&Notice::Stopping { signal });
        let cut = self.proxy.stop(self.settings.limits.shutdown_time);
        audit::announce(&Notice::Stopped { cut: cut as u64 });
        self.log.stop();
        Ok(Outcome::Done)
    }
}

/// The keys that differ and were only read at the start.
fn waiting_for_restart(started_with: &Settings, now: &Settings) -> Vec<&'static str> {
    let keys = [
        ("listen.tcp", started_with.listen.tcp != now.listen.tcp),
        ("listen.unix", started_with.listen.unix != now.listen.unix),
        ("listen.loops", started_with.listen.loops != now.listen.loops),
        ("plugins", started_with.plugins.list != now.plugins.list),
        ("plugin_threads", started_with.plugins.threads != now.plugins.threads),
        ("log.file", started_with.log.file != now.log.file),
        ("log.format", started_with.log.format != now.log.format),
    ];
    keys.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}
