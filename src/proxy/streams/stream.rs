//! One end's bytes: TCP, Unix, or TCP on which TLS may be spoken, where zero-copy does not apply.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::net::RecvFlags;
use socket2::SockRef;

use super::super::origin;
use super::encrypted::{AfterShort, Encrypted};
use super::got::Got;

/// Idle time after which the kernel asks whether a peer is still there.
pub(in crate::proxy) const KEEPALIVE: Duration = Duration::from_secs(30);

/// A connected (or connecting) non-blocking stream.
#[derive(Debug)]
pub(in crate::proxy) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Encrypted(Box<Encrypted>),
}

impl Stream {
    pub(in crate::proxy) fn read(
        &mut self,
        into: &mut [u8],
        now: Instant,
        after_short: AfterShort,
    ) -> io::Result<Got> {
        match self {
            Self::Tcp(stream) => Got::of(stream.read(into), into.len()),
            Self::Unix(stream) => Got::of(stream.read(into), into.len()),
            Self::Encrypted(stream) => stream.read(into, now, after_short),
        }
    }

    /// Reads what has come of a client that is not served.
    pub(in crate::proxy) fn drop_some(&mut self) -> io::Result<usize> {
        rustix::io::read(self, &mut [0; 4096]).map_err(Into::into)
    }

    /// How many bytes were taken, and whether the socket is full.
    pub(in crate::proxy) fn write(&mut self, bytes: &[u8]) -> io::Result<(usize, bool)> {
        let count = match self {
            Self::Tcp(stream) => stream.write(bytes)?,
            Self::Unix(stream) => stream.write(bytes)?,
            Self::Encrypted(stream) => return stream.write(bytes),
        };
        // The kernel took less than it was offered: it is full.
        Ok((count, count < bytes.len()))
    }

    /// Whether what was taken is still to be written.
    pub(in crate::proxy) fn owes(&self) -> bool {
        matches!(self, Self::Encrypted(stream) if stream.owes())
    }

    /// Writes what was taken before, as far as the kernel takes it.
    pub(in crate::proxy) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Encrypted(stream) => stream.flush(),
            Self::Tcp(_) | Self::Unix(_) => Ok(()),
        }
    }

    /// Ends our direction; the peer reads to the end of what was written.
    pub(in crate::proxy) fn shut_write(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
            Self::Encrypted(stream) => stream.shut_write(),
        }
    }

    pub(in crate::proxy) fn encrypted(&self) -> Option<&Encrypted> {
        match self {
            Self::Encrypted(stream) => Some(stream),
            Self::Tcp(_) | Self::Unix(_) => None,
        }
    }

    pub(in crate::proxy) fn encrypted_mut(&mut self) -> Option<&mut Encrypted> {
        match self {
            Self::Encrypted(stream) => Some(stream),
            Self::Tcp(_) | Self::Unix(_) => None,
        }
    }

    /// Whether the kernel may move what is read and written here, unseen.
    pub(in crate::proxy) fn is_plain(&self) -> bool {
        self.encrypted().is_none_or(Encrypted::is_plain)
    }

    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(stream) => Some(stream),
            Self::Encrypted(stream) => Some(stream.tcp()),
            Self::Unix(_) => None,
        }
    }

    /// Whether the peer has sent what nobody has read.
    pub(in crate::proxy) fn has_unread(&self) -> bool {
        if self.encrypted().is_some_and(Encrypted::has_plain) {
            return true;
        }
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        rustix::net::recv(self, &mut [0_u8; 1], flags).is_ok_and(|(bytes, _)| bytes > 0)
    }

    /// Our own address; a Unix socket has none.
    pub(in crate::proxy) fn local_address(&self) -> Option<SocketAddr> {
        self.tcp()?.local_addr().ok().map(origin::canonical)
    }

    /// Makes closing a reset. A Unix socket has none: its peer sees an end.
    pub(in crate::proxy) fn reset_on_close(&self) {
        if let Some(stream) = self.tcp() {
            // Without it the peer sees an end, too.
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }

    /// Which events to ask for. A TCP socket reports space only after a write fell short, so it can
    /// be asked always; a Unix socket wakes its writer whenever the peer reads.
    pub(in crate::proxy) fn interest(&self, waits_for_space: bool) -> Interest {
        match self {
            // Urgent data is waited for because it cuts reads short.
            Self::Tcp(_) | Self::Encrypted(_) => {
                Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY
            }
            Self::Unix(_) if waits_for_space => Interest::READABLE | Interest::WRITABLE,
            Self::Unix(_) => Interest::READABLE,
        }
    }

    /// Whether what is read here is better moved through a pipe, when it is much. Out of a Unix socket
    /// it comes in single pages, whose journey costs more than copying (docs/PERFORMANCE.md).
    pub(in crate::proxy) fn splices_well(&self) -> bool {
        self.is_plain() && self.tcp().is_some()
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
            Self::Encrypted(stream) => stream.tcp_mut(),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
            Self::Encrypted(stream) => stream.tcp().as_fd(),
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
