//! What is said between a session and its driver: sides, what may happen to bytes, and how it all ends.

use std::num::NonZeroU64;

/// The two ends of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Downstream,
    /// The daemon.
    Upstream,
}

impl Side {
    /// The end that bytes from this one go to.
    pub fn other(self) -> Self {
        match self {
            Self::Downstream => Self::Upstream,
            Self::Upstream => Self::Downstream,
        }
    }
}

/// What may happen to the next bytes of one direction, until the session is told more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Show them to the session.
    Inspect,
    /// Move exactly this many unseen, and say so with [`super::Session::passed`].
    Pass(NonZeroU64),
    /// Move everything until the sender ends: a raw stream, or a body that ends with its connection.
    PassToEnd,
    /// Take nothing: the other side owes something first. The kernel's buffer is the queue.
    Hold,
    /// Take and drop: nothing of it will be answered, but an unread byte would make the kernel
    /// reset the connection under the answer that is on its way.
    Discard,
}

/// What became of the first bytes shown to the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// The first so many go to the other side as they are, after what the outbox holds for it.
    Forward(usize),
    /// The first so many were understood; what is to be written stands in the outbox.
    Take(usize),
    /// Nothing can be said until more arrives.
    More,
}

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Write what is owed to the client, then close.
    Flush,
    /// The same, but the client may still be sending: take and drop that for a bounded time.
    Linger,
    /// Close both sides at once; the client must see that its answer is not whole.
    Abort,
}

/// Names a question, and is never used again: an answer that comes too late meets no other request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

/// Why the daemon's side is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamFailure {
    /// No connection could be made; the text says where to and why.
    Unreachable(String),
    /// The connection broke.
    Lost(String),
    /// The connection would have led back to SecDocker itself.
    Loop(String),
}

impl std::fmt::Display for UpstreamFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable(reason) | Self::Lost(reason) | Self::Loop(reason) => {
                f.write_str(reason)
            }
        }
    }
}
