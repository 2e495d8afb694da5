//! How one SecDocker takes the place of another without anybody noticing.
//!
//! ```text
//! old: serves ── SIGUSR2 ──► has the new one started ─┬─ `ready` ──► accepts no more, leaves what is idle, ends last
//!                                                     └─ anything else: goes on as before
//! new: gets the sockets ──► starts ──► accepts ──► says `ready` ──► takes what the old one leaves
//! ```
//!
//! Both hold an end of one channel: the new one says a line on it, the old one sends descriptors
//! (`proxy::heir`). Between `ready` and the old one's end both run, and count their connections apart.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::launcher::{Launcher, TAKES_PLACE};
use crate::proxy::{Heir, Listening, receive};

/// How long the new program may take until it serves.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// The longest line that the new program may say, in bytes.
const LINE_BYTES_MAX: usize = 4096;

/// What the new one says when it serves, before the number of its process.
const READY: &str = "ready ";

/// What the old one says first: a byte for each answer to whether the Unix socket's file is SecDocker's own, and
/// whether the last socket is that of `metrics.listen`.
const LEAVES: [(u8, bool, bool); 4] =
    [(b'-', false, false), (b'o', true, false), (b'm', false, true), (b'b', true, true)];

/// A program file, as it was when it was started.
#[derive(Debug)]
struct Program {
    path: PathBuf,
    seen: Option<(u64, u64, i64, u64)>,
}

impl Program {
    /// The path by which this program was started: what stands there is started next, also where a link
    /// leads elsewhere by then.
    fn own() -> io::Result<Self> {
        let name = std::env::args_os().next().unwrap_or_default();
        let path = match Path::new(&name) {
            name if name.components().count() > 1 || name.is_absolute() => {
                std::path::absolute(name)?
            }
            name => match searched(name.as_os_str()) {
                Some(path) => path,
                None => std::env::current_exe()?,
            },
        };
        let seen = stamp(&path);
        Ok(Self { path, seen })
    }

    fn has_changed(&self) -> bool {
        let now = stamp(&self.path);
        now.is_some() && now != self.seen
    }
}

/// A program by its name, as a shell finds it.
fn searched(name: &OsStr) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let paths = std::env::split_paths(&folders).map(|folder| folder.join(name));
    paths.filter_map(|path| std::path::absolute(path).ok()).find(|path| path.is_file())
}

fn stamp(path: &Path) -> Option<(u64, u64, i64, u64)> {
    let file = fs::metadata(path).ok()?;
    Some((file.dev(), file.ino(), file.mtime(), file.size()))
}

/// What the old one needs to be replaced.
#[derive(Debug)]
pub(super) struct Upgrades {
    ready: Result<Ready, String>,
    has_metrics: bool,
    under_way: Option<UnderWay>,
}

#[derive(Debug)]
struct Ready {
    program: Program,
    launcher: Launcher,
    sockets: Vec<OwnedFd>,
}

/// A new program that does not serve yet.
#[derive(Debug)]
struct UnderWay {
    channel: UnixStream,
    said: Vec<u8>,
    until: Instant,
}

/// What came of an upgrade.
#[derive(Debug)]
pub(super) enum News {
    None,
    /// The new one serves: its process, and how it is reached.
    Serves(u32, Heir),
    /// It does not; why.
    Failed(String),
}

impl Default for Upgrades {
    fn default() -> Self {
        Self { ready: Err("it does not serve".to_owned()), has_metrics: false, under_way: None }
    }
}

impl Upgrades {
    /// Makes upgrades possible. Where they are not, it is told why when one is asked for.
    pub(super) fn prepare(listening: &Listening) -> Self {
        let (sockets, has_metrics) = (listening.copies(), listening.has_metrics());
        let ready = || -> io::Result<Ready> {
            let program = Program::own()?;
            let launcher = Launcher::begin(&program.path)?;
            Ok(Ready { program, launcher, sockets: sockets? })
        };
        let ready = match std::process::id() {
            1 => Err("it is process 1, and its container ends with it".to_owned()),
            _ => ready().map_err(|error| format!("the launcher cannot be started: {error}")),
        };
        Self { ready, has_metrics, under_way: None }
    }

    /// Whether another program stands where this one was started from.
    pub(super) fn program_has_changed(&self) -> bool {
        self.ready.as_ref().is_ok_and(|ready| ready.program.has_changed())
    }

    /// Has the new program started; its channel is to be watched.
    ///
    /// # Errors
    /// Says why it cannot be.
    pub(super) fn begin(&mut self, owns_file: bool) -> Result<RawFd, String> {
        let ready = self.ready.as_ref().map_err(Clone::clone)?;
        if self.under_way.is_some() {
            return Err("another upgrade is under way".to_owned());
        }
        let begun = || -> io::Result<UnixStream> {
            let (mut channel, its) = UnixStream::pair()?;
            let left = (owns_file, self.has_metrics);
            let first = LEAVES.iter().find(|(_, file, metrics)| (*file, *metrics) == left);
            channel.write_all(&[first.map_or(0, |(byte, ..)| *byte)])?;
            channel.set_nonblocking(true)?;
            ready.launcher.start(&ready.sockets, &its)?;
            Ok(channel)
        };
        let channel = begun().map_err(|error| format!("the launcher has ended: {error}"))?;
        let descriptor = channel.as_raw_fd();
        self.under_way = Some(UnderWay { channel, said: Vec::new(), until: now() + READY_WITHIN });
        Ok(descriptor)
    }

    /// How long it may be waited for the new program.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.under_way.as_ref().map(|under_way| under_way.until.saturating_duration_since(now()))
    }

    /// Reads what the new program has said.
    pub(super) fn news(&mut self) -> News {
        let Some(under_way) = &mut self.under_way else { return News::None };
        let outcome = match under_way.read() {
            None if under_way.until <= now() => {
                if let Ok(ready) = &self.ready {
                    ready.launcher.kill();
                }
                Err("the new program did not get ready in time".to_owned())
            }
            None => return News::None,
            Some(outcome) => outcome,
        };
        let Some(UnderWay { channel, .. }) = self.under_way.take() else { return News::None };
        match outcome.and_then(|process| Ok((process, Heir::at(channel).map_err(text)?))) {
            Ok((process, heir)) => News::Serves(process, heir),
            Err(reason) => News::Failed(reason),
        }
    }

    /// Closes the sockets, and ends the launcher: this program is not replaced any more.
    pub(super) fn end(&mut self, why: &str) {
        self.under_way = None;
        if let Ok(Ready { launcher, .. }) = std::mem::replace(&mut self.ready, Err(why.to_owned()))
        {
            launcher.end();
        }
    }
}

impl UnderWay {
    /// The number of the process that serves, or why none does; `None` while nothing whole was said.
    fn read(&mut self) -> Option<Result<u32, String>> {
        let mut piece = [0; 512];
        let is_over = loop {
            match self.channel.read(&mut piece) {
                Ok(0) => break true,
                Ok(count) => {
                    self.said.extend_from_slice(piece.get(..count).unwrap_or_default());
                    if self.said.len() > LINE_BYTES_MAX {
                        break true;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break false,
                Err(_) => break true,
            }
        };
        let said = String::from_utf8_lossy(&self.said);
        let line = said.split_once('\n').map(|(line, _)| line);
        let process = line.and_then(|line| line.strip_prefix(READY)?.parse().ok());
        match (process, line) {
            (Some(process), _) => Some(Ok(process)),
            (None, Some(line)) => Some(Err(line.to_owned())),
            (None, None) if is_over && said.is_empty() => {
                Some(Err("the new program ended before it was ready".to_owned()))
            }
            (None, None) => is_over.then(|| Err(said.chars().take(LINE_BYTES_MAX).collect())),
        }
    }
}

/// The one whose place this one takes.
#[derive(Debug)]
pub(super) struct Predecessor {
    channel: UnixStream,
    pub(super) owns_file: bool,
    /// Whether the last of the sockets is that of `metrics.listen`.
    pub(super) leaves_metrics: bool,
}

impl Predecessor {
    /// Whether there is one, and what it says first.
    ///
    /// # Errors
    /// If what started this program is none.
    pub(super) fn meet() -> io::Result<Option<Self>> {
        if std::env::var_os(TAKES_PLACE).is_none() {
            return Ok(None);
        }
        let mut channel = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdin(fs::File::open("/dev/null")?)?;
        let mut first = [0];
        channel.set_read_timeout(Some(READY_WITHIN))?;
        channel.read_exact(&mut first)?;
        channel.set_nonblocking(true)?;
        let said = LEAVES.iter().find(|(byte, ..)| first == [*byte]);
        let &(_, owns_file, leaves_metrics) = said.ok_or(io::ErrorKind::InvalidData)?;
        Ok(Some(Self { channel, owns_file, leaves_metrics }))
    }

    /// Says that this one serves.
    ///
    /// # Errors
    /// When the other does not wait for it any more.
    pub(super) fn say_ready(&mut self) -> io::Result<()> {
        writeln!(self.channel, "{READY}{}", std::process::id())
    }

    /// Says why this one does not: in one line.
    pub(super) fn say_failed(&mut self, reason: &str) {
        let line: String = reason.lines().next().unwrap_or_default().chars().take(1000).collect();
        // The other sees the end in any case.
        let _ = writeln!(self.channel, "{line}");
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.channel.as_raw_fd()
    }

    /// Takes what it has left; whether it still runs.
    pub(super) fn take(&self, mut give: impl FnMut((u8, Vec<OwnedFd>))) -> bool {
        loop {
            match receive(&self.channel) {
                Ok(Some(left)) => give(left),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Ok(None) | Err(_) => return false,
            }
        }
    }
}

fn text(error: io::Error) -> String {
    error.to_string()
}

#[expect(clippy::disallowed_methods, reason = "only the supervisor waits for another program")]
fn now() -> Instant {
    Instant::now()
}
