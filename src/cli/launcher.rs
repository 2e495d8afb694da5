//! The process that starts another SecDocker in this one's place.
//!
//! ```text
//! SecDocker ── a byte, sockets ──► launcher ── starts ──► the program at the path that SecDocker was started from
//!     └────────────── a channel, which becomes its standard input ──────────────────────┘
//! ```
//!
//! SecDocker itself can neither start programs nor get back the rights that it has given up: the launcher is
//! begun before it gives them up, and does nothing else. It reads single bytes that mean one thing each, never a
//! path or an argument, and ends with SecDocker.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR2};
use signal_hook::flag;

use crate::proxy::{DESCRIPTORS_MAX, receive, send};

/// The word by which the program knows that it is the launcher. Its arguments are the program to start, and
/// that one's arguments.
const WORD: &str = "launcher";

/// Tells the program that is started that it takes the place of another.
pub(super) const TAKES_PLACE: &str = "SECDOCKER_TAKES_PLACE";

/// Sockets that listen; more follow.
const SOCKETS: u8 = b's';
/// The channel: the program is to be started.
const START: u8 = b'!';
/// What was started has had its time: it is killed.
const KILL: u8 = b'x';

/// As the launcher is seen by SecDocker.
#[derive(Debug)]
pub(super) struct Launcher {
    control: UnixStream,
    process: Child,
}

impl Launcher {
    /// Begins the launcher of a program.
    ///
    /// # Errors
    /// What the kernel says.
    pub(super) fn begin(program: &Path) -> io::Result<Self> {
        let (control, its) = UnixStream::pair()?;
        let process = Command::new("/proc/self/exe")
            .arg0("secdocker")
            .arg(WORD)
            .arg(program)
            .args(std::env::args_os().skip(1))
            .env_remove(TAKES_PLACE)
            .stdin(Stdio::from(OwnedFd::from(its)))
            .spawn()?;
        Ok(Self { control, process })
    }

    /// Has the program started with these sockets, and the other end of a channel as its standard input.
    ///
    /// # Errors
    /// When the launcher has ended.
    pub(super) fn start(&self, sockets: &[OwnedFd], channel: &UnixStream) -> io::Result<()> {
        for some in sockets.chunks(DESCRIPTORS_MAX) {
            let some: Vec<_> = some.iter().map(AsFd::as_fd).collect();
            send(&self.control, SOCKETS, &some)?;
        }
        send(&self.control, START, &[channel.as_fd()])
    }

    /// Has it killed.
    pub(super) fn kill(&self) {
        // A launcher that has ended can do nothing about it.
        let _ = send(&self.control, KILL, &[]);
    }

    /// Ends the launcher; what it has started goes on.
    pub(super) fn end(mut self) {
        drop(self.control);
        let _ = self.process.wait();
    }
}

/// Does the launcher's work, if the arguments say so.
///
/// # Errors
/// What the kernel says.
pub(super) fn carry_out(arguments: &[OsString]) -> Option<io::Result<()>> {
    match arguments {
        [word, program, rest @ ..] if word == WORD => Some(serve(program, rest)),
        _ => None,
    }
}

/// Obeys until SecDocker has ended.
fn serve(program: &OsString, arguments: &[OsString]) -> io::Result<()> {
    // What is meant for SecDocker and sent to all of a terminal or a control group is not for the launcher, and not
    // for what it starts: a signal that is ignored stays so, one with a handler does not.
    for signal in [SIGHUP, SIGINT, SIGTERM, SIGUSR2] {
        flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    let control = io::stdin();
    let mut started: Vec<Child> = Vec::new();
    let mut sockets: Vec<OwnedFd> = Vec::new();
    loop {
        started.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        if !wait(control.as_fd(), !started.is_empty())? {
            continue;
        }
        let Some((what, descriptors)) = receive(&control)? else { return Ok(()) };
        match what {
            SOCKETS => sockets.extend(descriptors),
            START => {
                let channel = descriptors.into_iter().next();
                let sockets = std::mem::take(&mut sockets);
                if let Some(channel) = channel {
                    started.extend(start((program, arguments), &sockets, channel));
                }
            }
            KILL => started.iter_mut().for_each(|child| drop(child.kill())),
            _ => sockets.clear(),
        }
    }
}

/// Waits for a message, for a second at most if it is to be looked what has become of children.
fn wait(control: BorrowedFd<'_>, has_children: bool) -> io::Result<bool> {
    const SECOND: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
    let mut polled = [PollFd::new(&control, PollFlags::IN)];
    match poll(&mut polled, has_children.then_some(&SECOND)) {
        Err(rustix::io::Errno::INTR) => Ok(false),
        outcome => Ok(outcome? > 0),
    }
}

/// Starts the program. Why it could not be is said on the channel.
fn start(
    (program, arguments): (&OsString, &[OsString]),
    sockets: &[OwnedFd],
    channel: OwnedFd,
) -> Option<Child> {
    let mut complaints = UnixStream::from(channel.try_clone().ok()?);
    let spawned = in_a_row(sockets).and_then(|(first, _copies)| {
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::from(channel))
            .env("LISTEN_FDS", sockets.len().to_string())
            .env("LISTEN_FDS_FIRST_FD", first.to_string())
            // Without the number of a process, both are for any.
            .env_remove("LISTEN_PID")
            .env_remove("WATCHDOG_PID")
            .env(TAKES_PLACE, "yes")
            .spawn()
    });
    spawned
        .map_err(|error| {
            let program = Path::new(program).display();
            // If nobody listens, nobody waits for it.
            let _ = writeln!(complaints, "cannot run {program}: {error}");
        })
        .ok()
}

/// Copies that a program inherits, whose numbers follow each other, and the first number.
fn in_a_row(sockets: &[OwnedFd]) -> io::Result<(RawFd, Vec<OwnedFd>)> {
    let mut first = 3;
    let mut copies = Vec::new();
    while let Some(socket) = sockets.get(copies.len()) {
        let wanted = first + RawFd::try_from(copies.len()).unwrap_or(RawFd::MAX);
        let copy = fcntl_dupfd_cloexec(socket, wanted)?;
        if copy.as_raw_fd() == wanted {
            fcntl_setfd(&copy, FdFlags::empty())?;
            copies.push(copy);
        } else {
            copies.clear();
            first = wanted + 1;
        }
    }
    Ok((first, copies))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;

    #[test]
    fn numbers_that_follow_each_other_are_found_between_others() {
        let (one, other) = UnixStream::pair().unwrap();
        // Taken, so that there is a hole before it.
        let taken = fcntl_dupfd_cloexec(&one, 40).unwrap();
        let sockets: Vec<OwnedFd> = (0..50).map(|_| other.try_clone().unwrap().into()).collect();
        let (first, copies) = in_a_row(&sockets).unwrap();
        assert!(first > taken.as_raw_fd() || first + 50 <= taken.as_raw_fd());
        for (copy, number) in copies.iter().zip(first..) {
            assert_eq!(copy.as_raw_fd(), number);
        }
    }
}
