//! How a body ends, and what follows it (RFC 9112 §6 and §9).

use std::num::NonZeroU64;

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// So many bytes.
    Length(NonZeroU64),
    /// Chunks up to the last one.
    Chunked,
    /// All up to the end of the connection; responses only.
    UntilClose,
}

/// Whether a connection goes on after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// Another message may follow.
    KeepAlive,
    /// It ends.
    Close,
}

/// Which kind of request a response answers: to `HEAD` it has no body (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerTo {
    /// `HEAD`.
    Head,
    /// Any other method.
    Other,
}
