//! What both sides of TLS speak of, with the Cargo feature `tls` and without.

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
    pub(super) fn room(&mut self, count: usize) -> &mut [u8] {
        let end = self.filled + count;
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes.get_mut(self.filled..).unwrap_or_default()
    }

    /// Takes these first bytes of the room as put in.
    #[cfg(feature = "tls")]
    pub(super) fn extend(&mut self, count: usize) {
        self.filled += count;
    }
}
