//! `secdocker run`: the supervisor on the main thread, from the first setting to the last line of
//! the log. Signals and changes of the configuration file arrive here; traffic never does.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::certificates::Told;
use super::outcome::{CliError, EXIT_ERROR, Outcome, print};
use super::signals::{self, SignalPipes};
use super::upgrade::{News, Predecessor, Upgrades};
use super::{certificates, confine, systemd};
use crate::audit::{self, Notice};
use crate::config::reload::Watcher;
use crate::config::{self, MetricsAddress, Overrides, Settings};
use crate::proxy::{Heir, Listening, Proxy, Pulse, SUCCEEDS, StartError, build_group};

/// How often it is looked whether a day has passed.
const LOOKS_EVERY: Duration = Duration::from_secs(60 * 60);

/// How long a program that was replaced may take to look at the containers that it has let start, and how often it
/// is looked whether it has.
const LOOKS_WITHIN_SECONDS: u64 = 60;
const LOOKS_AGAIN: Duration = Duration::from_millis(200);

const SIGNAL: Token = Token(0);
const CONFIG: Token = Token(1);
/// The new program, or the old one.
const OTHER: Token = Token(2);
const LOOP_ENDED: Token = Token(3);

/// Stands between clients and the daemon until a signal says stop.
pub(super) fn run(path: &Path, overrides: Overrides) -> Result<Outcome, CliError> {
    raise_descriptor_limit();
    let mut predecessor = Predecessor::meet()
        .map_err(io_error("what has started this program is not a SecDocker that is upgraded"))?;
    let begun = begin(path, overrides, predecessor.as_ref()).and_then(|begun| {
        begun.supervisor.announce_start(predecessor.is_none())?;
        if let Some(predecessor) = &mut predecessor {
            begun.supervisor.proxy.is_preceded(true);
            predecessor.say_ready().map_err(io_error("the old program"))?;
        }
        Ok(begun)
    });
    match begun {
        Ok(begun) => begun.serve(predecessor),
        Err(error) => {
            if let Some(predecessor) = &mut predecessor {
                predecessor.say_failed(&error.to_string());
            }
            Err(error)
        }
    }
}

/// A SecDocker that serves, and what its supervisor waits for.
struct Begun {
    supervisor: Supervisor,
    signals: SignalPipes,
    poll: Poll,
}

fn begin(
    path: &Path,
    overrides: Overrides,
    predecessor: Option<&Predecessor>,
) -> Result<Begun, CliError> {
    let signals = SignalPipes::new(EXIT_ERROR).map_err(io_error("cannot receive signals"))?;
    // Had before traffic is: a crowd of clients must not take the descriptors that a stop needs.
    let poll = signals.poll(SIGNAL).map_err(io_error("cannot receive signals"))?;
    let waker = Waker::new(poll.registry(), LOOP_ENDED).map_err(StartError::EventLoop)?;
    let watcher = Watcher::new(path);
    let (inherited, overrides) = match predecessor {
        Some(predecessor) => systemd::left(overrides, predecessor)?,
        None => systemd::inherited(overrides)?,
    };
    let settings = config::load(path, &overrides)?;
    let listening = Listening::begin(&settings, inherited);
    let upgrades = listening.as_ref().map(Upgrades::prepare);
    let upgrades = upgrades.unwrap_or_default();
    let group = |listening| build_group::prepare(&settings).map(|()| listening);
    let listening = listening.and_then(|it| group(it).map_err(StartError::BuildGroup));
    let missing = given_up(path, &settings)?;
    let log = audit::init(&settings.log).map_err(CliError::Audit)?;
    let proxy = match listening.and_then(|listening| Proxy::start_on(listening, &settings)) {
        Ok(proxy) => proxy,
        Err(error) => {
            audit::announce(&Notice::Trouble { reason: &error });
            log.stop();
            return Err(CliError::Start(error));
        }
    };
    proxy.wake_on_end(waker);
    if !missing.is_empty() {
        audit::announce(&Notice::SandboxLacks { lacks: &missing.join(", ") });
    }
    let supervisor = Supervisor {
        path: path.to_owned(),
        overrides,
        watcher,
        started_with: settings.clone(),
        settings,
        proxy,
        log,
        told: Told::default(),
        pulse: None,
        upgrades,
        is_service: predecessor.is_none(),
        is_retired: false,
        looks_until: None,
        reloads: false,
    };
    Ok(Begun { supervisor, signals, poll })
}

/// Gives up the rights that are not needed any more; says what of it could not be had.
fn given_up(path: &Path, settings: &Settings) -> Result<Vec<String>, CliError> {
    let mut missing = confine::confine(settings).map_err(io_error("cannot become `user`"))?;
    if let Err(error) = std::fs::File::open(path) {
        missing.push(format!("reading {} again ({error})", path.display()));
    }
    Ok(missing)
}

impl Begun {
    fn serve(self, predecessor: Option<Predecessor>) -> Result<Outcome, CliError> {
        let Self { mut supervisor, signals, poll } = self;
        supervisor.tell_of_certificates();
        let signal = supervisor.watch(&signals, poll, predecessor);
        signals::stopping();
        supervisor.stop(signal.map_err(io_error("cannot wait for signals"))?)
    }
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
    upgrades: Upgrades,
    /// Whether this process is the one that a service manager knows.
    is_service: bool,
    /// Another SecDocker has taken its place.
    is_retired: bool,
    /// In seconds since 1970: when it ends though not all that it let start was looked at.
    looks_until: Option<u64>,
    /// Whether the configuration is to be read again if the upgrade fails.
    reloads: bool,
}

impl Supervisor {
    fn announce_start(&self, is_service: bool) -> Result<(), CliError> {
        let listening = self.proxy.addresses().join(", ");
        let upstream = &self.settings.dockerapi;
        let version = env!("CARGO_PKG_VERSION");
        audit::announce(&Notice::Started { version, listening: &listening, upstream });
        let log = self.settings.log.file.display();
        print(&format!(
            "secdocker: listening on {listening}, daemon at {upstream}, log in {log}\n"
        ))?;
        if let Some(at) = self.proxy.metrics_address() {
            audit::announce(&Notice::MetricsServed { at: &at });
        }
        if is_service {
            systemd::ready(&self.status());
        }
        Ok(())
    }

    /// Takes what the program before has left.
    fn take_over(&mut self, left: (u8, Vec<OwnedFd>)) {
        if left.0 == SUCCEEDS {
            self.is_service = true;
            self.proxy.succeed();
            systemd::ready(&self.status());
        } else {
            self.proxy.adopt(left);
        }
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

    /// Obeys until a signal to stop, and returns its name; or until all is over that another program has not
    /// taken over.
    fn watch(
        &mut self,
        signals: &SignalPipes,
        mut poll: Poll,
        mut predecessor: Option<Predecessor>,
    ) -> io::Result<Option<&'static str>> {
        let descriptors = [
            (self.watcher.descriptor(), CONFIG),
            (predecessor.as_ref().map(Predecessor::descriptor), OTHER),
        ];
        for (descriptor, token) in descriptors {
            if let Some(descriptor) = descriptor {
                poll.registry().register(&mut SourceFd(&descriptor), token, Interest::READABLE)?;
            }
        }
        let mut events = Events::with_capacity(8);
        let feeds_every = systemd::watchdog_interval();
        loop {
            if feeds_every.is_some() && self.is_service {
                self.feed_watchdog();
            }
            let wait = self.watcher.looks_every().map_or(LOOKS_EVERY, |time| time.min(LOOKS_EVERY));
            let wait =
                feeds_every.into_iter().chain(self.upgrades.wait()).fold(wait, Duration::min);
            let wait = if self.looks_until.is_some() { wait.min(LOOKS_AGAIN) } else { wait };
            match poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => other?,
            }
            let arrived = signals.arrived();
            if arrived.hang_up {
                self.hang_up(&poll);
            }
            if let Some(signal) = arrived.stop {
                return Ok(Some(signal));
            }
            if arrived.upgrade {
                self.upgrade(&poll);
            }
            self.take_news();
            if predecessor.as_ref().is_some_and(|before| !before.take(|left| self.take_over(left)))
            {
                predecessor = None;
                self.proxy.is_preceded(false);
            }
            if self.is_retired && self.proxy.has_ended() && self.has_looked() {
                return Ok(None);
            }
            if self.watcher.has_changed() {
                self.reload(Cause::File);
            }
            if self.told.is_due(certificates::now()) {
                self.tell_of_certificates();
            }
        }
    }

    /// Whether what was let start has been looked at: nobody else does. It is not waited for ever.
    fn has_looked(&mut self) -> bool {
        let now = certificates::now();
        let until = *self.looks_until.get_or_insert(now + LOOKS_WITHIN_SECONDS);
        self.proxy.has_looked() || until <= now
    }

    /// Tells of certificates that end soon.
    fn tell_of_certificates(&mut self) {
        let now = certificates::now();
        self.told.tell(&certificates::warnings(&self.settings, now), now);
    }

    /// `SIGHUP`: the log's file may have been moved, and the configuration is read whether or not
    /// it seems changed (what it refers to may have).
    ///
    /// Where the program was replaced by another, that one reads it.
    fn hang_up(&mut self, poll: &Poll) {
        self.log.reopen();
        audit::announce(&Notice::LogReopened);
        if self.upgrades.program_has_changed() {
            systemd::reloading();
            self.reloads = true;
            self.upgrade(poll);
        } else {
            self.reload(Cause::Signal);
        }
    }

    fn reload(&mut self, cause: Cause) {
        if self.is_service {
            systemd::reloading();
        }
        let refused = self.read_again(cause);
        if refused.is_some() {
            self.proxy.reload_refused();
        }
        let status = refused.unwrap_or_else(|| self.status());
        if self.is_service {
            systemd::ready(&status);
        }
    }

    /// `SIGUSR2`: another program is to take the place of this one.
    fn upgrade(&mut self, poll: &Poll) {
        let begun = self.upgrades.begin(self.proxy.owns_file()).and_then(|descriptor| {
            let mut source = SourceFd(&descriptor);
            let registered = poll.registry().register(&mut source, OTHER, Interest::READABLE);
            registered.map_err(|error| error.to_string())
        });
        if let Err(reason) = begun {
            self.upgrade_failed(&reason);
        }
    }

    fn upgrade_failed(&mut self, reason: &str) {
        audit::announce(&Notice::UpgradeFailed { reason: &reason });
        if self.is_service {
            systemd::ready(&format!("upgrade failed: {reason}"));
        }
        if std::mem::take(&mut self.reloads) {
            self.reload(Cause::Signal);
        }
    }

    /// Hears of the new program, if there is one: leaves its place to it, or goes on.
    fn take_news(&mut self) {
        match self.upgrades.news() {
            News::None => {}
            News::Failed(reason) => self.upgrade_failed(&reason),
            News::Serves(process, heir) => self.retire(process, &heir),
        }
    }

    fn retire(&mut self, process: u32, heir: &Heir) {
        self.proxy.retire(heir, self.settings.limits.drain_time);
        self.upgrades.end("another program has taken its place already");
        audit::announce(&Notice::Upgraded { process });
        if self.is_service {
            systemd::replaced_by(process);
            self.is_service = false;
        }
        heir.succeeds();
        self.is_retired = true;
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
        let mut waiting = waiting_for_restart(&self.started_with, &settings);
        if confine::lacks(&self.started_with, &settings) {
            waiting.push("what needs rights that `sandbox` or `user` has given up");
        }
        if !waiting.is_empty() {
            audit::announce(&Notice::NeedsRestart { keys: &waiting.join(", ") });
        }
        self.settings = settings;
        self.tell_of_certificates();
    }

    /// Ends because of a signal, or because all is over.
    fn stop(mut self, signal: Option<&str>) -> Result<Outcome, CliError> {
        if self.is_service {
            systemd::stopping();
        }
        if let Some(signal) = signal {
            audit::announce(&Notice::Stopping { signal });
        }
        self.upgrades.end("it stops");
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
        ("metrics.listen", metrics_address(started_with) != metrics_address(now)),
        ("plugins", started_with.plugins.list != now.plugins.list),
        ("plugin_threads", started_with.plugins.threads != now.plugins.threads),
        ("user", started_with.account != now.account),
        ("sandbox", started_with.sandbox != now.sandbox),
        ("log.file", started_with.log.file != now.log.file),
        ("log.format", started_with.log.format != now.log.format),
    ];
    keys.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}

fn metrics_address(settings: &Settings) -> Option<&MetricsAddress> {
    settings.metrics.as_ref().map(|metrics| &metrics.address)
}
