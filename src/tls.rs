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
mod values;
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
pub use values::{ClientCertificates, Outgoing, PlainClients, Received, Validity};

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
