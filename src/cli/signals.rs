//! Signals, as pipes that become readable.

use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::unix::SourceFd;
use mio::unix::pipe::{self, Receiver};
use mio::{Interest, Poll, Token};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR2};
use signal_hook::{flag, low_level};

/// A signal to stop has arrived; from now on another one ends the process at once.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// One pipe a signal, written by its handler.
pub(super) struct SignalPipes {
    stop: [(Receiver, &'static str); 2],
    hang_up: Receiver,
    upgrade: Receiver,
}

/// What signals ask for.
pub(super) struct Arrived {
    pub(super) hang_up: bool,
    pub(super) upgrade: bool,
    /// The signal to stop, by name.
    pub(super) stop: Option<&'static str>,
}

impl SignalPipes {
    /// A second signal to stop ends the process with this status.
    pub(super) fn new(status: u8) -> io::Result<Self> {
        // The handlers that end the process come before those of the pipes: they look at what an
        // earlier signal has led to, not this one.
        for signal in [SIGTERM, SIGINT] {
            flag::register_conditional_shutdown(signal, i32::from(status), &STOPPING)?;
        }
        let stop = [(pipe_of(SIGTERM)?, "SIGTERM"), (pipe_of(SIGINT)?, "SIGINT")];
        Ok(Self { stop, hang_up: pipe_of(SIGHUP)?, upgrade: pipe_of(SIGUSR2)? })
    }

    /// Wakes when a signal arrives, under this token.
    pub(super) fn poll(&self, token: Token) -> io::Result<Poll> {
        let poll = Poll::new()?;
        let stop = self.stop.iter().map(|(receiver, _)| receiver);
        for receiver in stop.chain([&self.hang_up, &self.upgrade]) {
            let descriptor = receiver.as_raw_fd();
            poll.registry().register(&mut SourceFd(&descriptor), token, Interest::READABLE)?;
        }
        Ok(poll)
    }

    /// Empties the pipes. Those to stop come first, so that a signal that was sent before one of them is seen with
    /// it.
    pub(super) fn arrived(&self) -> Arrived {
        let stop = self.stop.iter().find(|(receiver, _)| has_bytes(receiver));
        Arrived {
            stop: stop.map(|(_, name)| *name),
            hang_up: has_bytes(&self.hang_up),
            upgrade: has_bytes(&self.upgrade),
        }
    }
}

/// From now on another signal to stop ends the process at once.
pub(super) fn stopping() {
    STOPPING.store(true, Ordering::SeqCst);
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
