//! TLS 1.2 and 1.3 by `rustls`, without I/O: what certificates and keys say, and one connection's records.
//!
//! ```text
//! PEM ─► Server, Client          settings of one side, shared by its connections
//!          └─► Session           bytes from the wire in, plain bytes out, and the other way round
//! ```
//!
//! A [`Session`] owns no buffer while nothing is under way, and its keys could be handed to the kernel
//! (rustls's `dangerous_into_kernel_connection`). Without the Cargo feature `tls` the same types exist and no
//! value of them does.

#[cfg(feature = "tls")]
mod chain;
mod error;
#[cfg(feature = "tls")]
mod material;
#[cfg(feature = "tls")]
mod session;
#[cfg(feature = "tls")]
mod settings;
#[cfg(all(test, feature = "tls"))]
pub(crate) mod tests;
#[cfg(feature = "tls")]
mod x509;

#[cfg(not(feature = "tls"))]
mod absent;

#[cfg(not(feature = "tls"))]
pub use absent::{Client, Server, ServerName, Session};
pub use error::{Error, MaterialError};
#[cfg(feature = "tls")]
pub use session::Session;
#[cfg(feature = "tls")]
pub use settings::{Client, Server, ServerName};

/// The first byte of a client that speaks TLS: the type of a record that holds a handshake (RFC 8446 §5.1).
pub const HANDSHAKE: u8 = 0x16;

/// Why a client is refused before its handshake (RFC 8446 §6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alert {
    /// It may not connect.
    AccessDenied = 49,
    /// It can't be served, for reasons of ours.
    InternalError = 80,
}

/// A record that says so, to a peer that has sent nothing or its first message.
#[must_use]
pub fn fatal_alert(alert: Alert) -> [u8; 7] {
    const ALERT: u8 = 0x15;
    const FATAL: u8 = 2;
    [ALERT, 3, 3, 0, 2, FATAL, alert as u8]
}

/// What is asked of clients in their handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientCertificates {
    /// One from an authority that is trusted; without it there is no connection.
    Require,
    /// The same of those who have one.
    Request,
    /// Nothing.
    None,
}

/// What becomes of a client that does not speak TLS where others do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlainClients {
    /// It is served as if there were no TLS.
    Serve,
    /// It is told to speak TLS.
    Refuse,
}

/// A certificate of ours and when it is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validity {
    /// The subject, as RFC 4514 writes it.
    pub subject: String,
    /// In seconds since 1970.
    pub not_before: u64,
    /// In seconds since 1970; still valid then.
    pub not_after: u64,
}

/// What a [`Session`] made of bytes from the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Received {
    /// The other side has ended its direction with `close_notify`.
    pub ended: bool,
}

/// Bytes on their way to the wire: memory that is used again, never given back.
#[derive(Debug, Default)]
pub struct Outgoing {
    bytes: Vec<u8>,
    filled: usize,
}

impl Outgoing {
    /// What was put in.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    /// Forgets what was put in.
    pub fn clear(&mut self) {
        self.filled = 0;
    }

    /// Room for `count` bytes behind those that were put in.
    #[cfg(feature = "tls")]
    fn room(&mut self, count: usize) -> &mut [u8] {
        let end = self.filled + count;
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes.get_mut(self.filled..).unwrap_or_default()
    }
}
