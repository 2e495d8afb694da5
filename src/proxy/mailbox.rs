//! How other threads speak to a loop, and how a loop names its connections.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use mio::{Registry, Token, Waker};

use super::clients::identities;
use super::generation::Generation;
use super::heir::Heir;
use super::limits::connection_limits::LimitReached;
use super::threads::handshakes::Taken;
use crate::client::Who;
use crate::session::{Answer, Side, Ticket};

/// Under which a loop is woken for its commands.
pub(super) const WAKER: Token = Token(usize::MAX);

/// A connection's slot in its loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(pub(super) usize);

impl Key {
    /// The token under which one side of the connection is registered.
    pub(super) fn token(self, side: Side) -> Token {
        match side {
            Side::Downstream => Token(self.0 * 2),
            Side::Upstream => Token(self.0 * 2 + 1),
        }
    }

    /// The connection and the side that a token names.
    pub(super) fn of(token: Token) -> (Self, Side) {
        let side = if token.0.is_multiple_of(2) { Side::Downstream } else { Side::Upstream };
        (Self(token.0 / 2), side)
    }
}

/// What other threads ask of a loop.
#[derive(Debug)]
pub(super) enum Command {
    Renew(Arc<Generation>),
    /// Whether the loop turns: it counts itself.
    Pulse(Arc<AtomicUsize>),
    Drain(Duration),
    /// Another SecDocker has taken the place of this one: what is open is served to its end, for so long at most.
    Retire {
        heir: Heir,
        at_most: Option<Duration>,
    },
    /// A client's connection that another SecDocker has served before.
    Adopt(OwnedFd),
    /// A bound is near, and another loop has no idle connections to close.
    MakeRoom {
        near: LimitReached,
        client: Who,
    },
    /// What was found out for a request.
    Answer {
        key: Key,
        serial: u64,
        ticket: Ticket,
        answer: Box<Answer>,
    },
    /// What came of a step of a handshake.
    HandshakeStep {
        key: Key,
        serial: u64,
        side: Side,
        taken: Box<Taken>,
    },
    /// What was learned of a client.
    Identity {
        key: Key,
        serial: u64,
        answer: identities::Answer,
    },
}

/// Where commands for a loop are left.
#[derive(Debug, Clone)]
pub(super) struct Mailbox {
    commands: Sender<Command>,
    waker: Arc<Waker>,
}

impl Mailbox {
    /// A mailbox, and where its loop finds the commands.
    ///
    /// # Errors
    /// When the kernel has nothing to wake the loop by.
    pub(super) fn new(registry: &Registry) -> std::io::Result<(Self, Receiver<Command>)> {
        let (commands, received) = mpsc::channel();
        let waker = Arc::new(Waker::new(registry, WAKER)?);
        Ok((Self { commands, waker }, received))
    }

    /// Leaves a command; a loop that has ended needs none.
    pub(super) fn send(&self, command: Command) {
        let _ = self.commands.send(command);
        let _ = self.waker.wake();
    }
}
