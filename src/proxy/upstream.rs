//! The daemon's side of a connection: dialled when there is something to say, dropped when it is of no
//! use any more.
//!
//! ```text
//! None ─► dial ─┬─► Connecting ─► Open        any ─► None
//!          ▲    └─► Redialling ─┐
//!          └────────────────────┘
//! ```

use std::io;
use std::time::{Duration, Instant};

use mio::{Registry, Token};

use super::context::LoopContext;
use super::dial::{self, Dialled};
use super::limits::connection_limits::Own;
use super::streams::peer::{Connected, Peer};
use crate::lookup::Daemon;

/// How soon a Unix socket whose queue of connections was full is tried again.
const REDIAL_AFTER: Duration = Duration::from_millis(5);

/// The daemon's side of a connection.
#[derive(Debug)]
pub(super) enum Upstream {
    /// Nothing was sent yet, or the last connection is of no use any more.
    None,
    /// The daemon's queue was full; the bytes wait until it is tried again.
    Redialling { owed: Vec<u8>, at: Instant, until: Instant },
    /// The connection is being made; the bytes wait in the peer.
    Connecting { peer: Peer, own: Option<Own>, until: Instant },
    /// There is a connection.
    Open { peer: Peer, _own: Option<Own> },
}

/// What a connection is made for.
pub(super) struct Attempt<'a> {
    /// Where to.
    pub(super) daemon: &'a Daemon,
    /// Under which it is registered.
    pub(super) token: Token,
    /// To be written first.
    pub(super) owed: Vec<u8>,
    /// How long it may take.
    pub(super) until: Instant,
}

/// What a deadline of the daemon's side means.
pub(super) enum Overdue {
    /// To be dialled again, with what is owed and until when.
    Redial { owed: Vec<u8>, until: Instant },
    /// The daemon cannot be reached.
    TimedOut,
}

impl Upstream {
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The daemon, if there is a connection.
    pub(super) fn open(&mut self) -> Option<&mut Peer> {
        match self {
            Self::Open { peer, .. } => Some(peer),
            Self::None | Self::Redialling { .. } | Self::Connecting { .. } => None,
        }
    }

    /// The daemon, if there is a connection or one is being made.
    pub(super) fn peer(&self) -> Option<&Peer> {
        match self {
            Self::Open { peer, .. } | Self::Connecting { peer, .. } => Some(peer),
            Self::None | Self::Redialling { .. } => None,
        }
    }

    /// The same, to be changed.
    pub(super) fn peer_mut(&mut self) -> Option<&mut Peer> {
        match self {
            Self::Open { peer, .. } | Self::Connecting { peer, .. } => Some(peer),
            Self::None | Self::Redialling { .. } => None,
        }
    }

    /// Whether bytes still have to be written to the daemon.
    pub(super) fn owes(&self) -> bool {
        match self {
            Self::None => false,
            Self::Open { peer, .. } => peer.owes(),
            Self::Redialling { .. } | Self::Connecting { .. } => true,
        }
    }

    /// When [`Upstream::overdue`] must be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Redialling { at, .. } => Some(*at),
            Self::Connecting { until, .. } => Some(*until),
            Self::None | Self::Open { .. } => None,
        }
    }

    /// What the time means for a connection that is not made yet.
    pub(super) fn overdue(&mut self, now: Instant) -> Option<Overdue> {
        match self {
            Self::Redialling { at, owed, until } if *at <= now => {
                Some(Overdue::Redial { owed: std::mem::take(owed), until: *until })
            }
            Self::Connecting { until, .. } if *until <= now => Some(Overdue::TimedOut),
            _ => None,
        }
    }

    /// Begins to connect.
    ///
    /// # Errors
    /// When no connection can be made; there is none then.
    pub(super) fn dial(&mut self, attempt: Attempt<'_>, cx: &LoopContext) -> io::Result<()> {
        let Attempt { daemon, token, owed, until } = attempt;
        *self = Self::None;
        match dial::dial(daemon, &cx.shared.connection_limits, &cx.lent) {
            Ok(Dialled { stream, own }) => {
                let mut peer = Peer::register(stream, token, &cx.registry, Connected::UnderWay)?;
                peer.owed.push(&owed);
                *self = Self::Connecting { peer, own, until };
                self.connected()
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && cx.now < until => {
                *self = Self::Redialling { owed, at: cx.now + REDIAL_AFTER, until };
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Sees whether a connection attempt has come to something.
    ///
    /// # Errors
    /// When it has failed.
    pub(super) fn connected(&mut self) -> io::Result<()> {
        let Self::Connecting { peer, .. } = self else { return Ok(()) };
        if let Some(outcome) = peer.connected() {
            outcome?;
            *self = match std::mem::replace(self, Self::None) {
                Self::Connecting { peer, own, .. } => Self::Open { peer, _own: own },
                other => other,
            };
        }
        Ok(())
    }

    /// Writes bytes, now or once there is a connection.
    ///
    /// # Errors
    /// When the daemon reads no more.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Open { peer, .. } => peer.send(bytes)?,
            Self::Connecting { peer, .. } => peer.owed.push(bytes),
            Self::Redialling { owed, .. } => owed.extend_from_slice(bytes),
            Self::None => debug_assert!(false, "nothing is sent before it is dialled"),
        }
        Ok(())
    }

    /// Asks the kernel for what is waited for now.
    ///
    /// # Errors
    /// When the kernel does not take it.
    pub(super) fn settle(&mut self, registry: &Registry) -> io::Result<()> {
        self.open().map_or(Ok(()), |peer| peer.settle(registry))
    }

    /// Closes. The kernel forgets what was asked of a closed descriptor.
    pub(super) fn close(&mut self) {
        if let Some(peer) = self.open() {
            peer.say_end();
        }
        *self = Self::None;
    }
}
