//! One end's bytes: TCP or Unix. TLS would be a third kind, on which zero-copy does not apply.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::net::RecvFlags;
use socket2::SockRef;

use super::origin;

/// A connected (or connecting) non-blocking stream.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Unix(stream) => stream.read(into),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    /// Ends our direction; the peer reads to the end of what was written.
    pub(super) fn shut_write(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    /// Whether the peer has sent what nobody has read.
    pub(super) fn has_unread(&self) -> bool {
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        rustix::net::recv(self, &mut [0_u8; 1], flags).is_ok_and(|(bytes, _)| bytes > 0)
    }

    /// Our own address; a Unix socket has none.
    pub(super) fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr().ok().map(origin::canonical),
            Self::Unix(_) => None,
        }
    }

    /// Makes closing a reset. A Unix socket has none: its peer sees an end.
    pub(super) fn reset_on_close(&self) {
        if let Self::Tcp(stream) = self {
            // Without it the peer sees an end, too.
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }

    /// Which events to ask for. A TCP socket reports space only after a write fell short, so it can
    /// be asked always; a Unix socket wakes its writer whenever the peer reads.
    pub(super) fn interest(&self, waits_for_space: bool) -> Interest {
        match self {
            // Urgent data is waited for because it cuts reads short.
            Self::Tcp(_) => Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY,
            Self::Unix(_) if waits_for_space => Interest::READABLE | Interest::WRITABLE,
            Self::Unix(_) => Interest::READABLE,
        }
    }

    /// Whether what is read here is better moved through a pipe, when it is much. Out of a Unix socket
    /// it comes in single pages, whose journey costs more than copying (docs/PERFORMANCE.md).
    pub(super) fn splices_well(&self) -> bool {
        matches!(self, Self::Tcp(_))
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl Source for Stream {
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.source().register(registry, token, interest)
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.source().reregister(registry, token, interest)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.source().deregister(registry)
    }
}
