//! A connection on which calls wait, to the daemon or from who looks after SecDocker: a socket, perhaps with TLS
//! on it.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use socket2::{Socket, TcpKeepalive};

use super::deadline::{Deadline, now};
use crate::tls::{Client, Outgoing, Server, ServerName, Session};

/// How one daemon is spoken to with TLS.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DaemonTls {
    /// Whom to trust, and what to prove.
    pub client: Arc<Client>,
    /// The name that its certificate must be for.
    pub name: ServerName,
}

/// Bytes of the wire that are read at once.
const READ_BYTES: usize = 32 * 1024;

/// A connection that waits for as long as it was told to.
#[derive(Debug)]
pub struct Channel {
    socket: Socket,
    tls: Option<Box<Encrypted>>,
    opened: Instant,
    /// How long a read and a write may take, where that was said.
    read_time: Option<Duration>,
    write_time: Option<Duration>,
}

#[derive(Debug)]
struct Encrypted {
    session: Session,
    out: Outgoing,
    plain: Vec<u8>,
    taken: usize,
    has_ended: bool,
    /// How long one read may take, however little comes at a time.
    read_time: Option<Duration>,
}

impl Channel {
    pub(super) fn plain(socket: Socket) -> Self {
        Self::over(socket, None)
    }

    fn over(socket: Socket, tls: Option<Box<Encrypted>>) -> Self {
        Self { socket, tls, opened: now(), read_time: None, write_time: None }
    }

    /// Shakes hands with the daemon.
    ///
    /// # Errors
    /// If it can't be trusted, refuses, or takes too long.
    pub(super) fn encrypted(socket: Socket, tls: &DaemonTls, until: Deadline) -> io::Result<Self> {
        let session = Session::connect(&tls.client, &tls.name).map_err(io::Error::other)?;
        Self::shaken(socket, session, until)
    }

    /// Takes a connection that was made to us, and shakes hands if that is to be encrypted.
    ///
    /// # Errors
    /// If the client can't be spoken to, or takes longer than `time`.
    pub fn accept(socket: Socket, tls: Option<&Server>, time: Duration) -> io::Result<Self> {
        let Some(server) = tls else { return Ok(Self::plain(socket)) };
        let session = Session::accept(server).map_err(io::Error::other)?;
        Self::shaken(socket, session, Deadline::after(time))
    }

    /// Ends our side, and leaves the other as it is.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn end(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.out.clear();
            tls.session.end(&mut tls.out);
            (&self.socket).write_all(tls.out.as_slice())?;
        }
        self.socket.shutdown(std::net::Shutdown::Write)
    }

    fn shaken(socket: Socket, session: Session, until: Deadline) -> io::Result<Self> {
        let mut tls = Encrypted {
            session,
            out: Outgoing::default(),
            plain: Vec::new(),
            taken: 0,
            has_ended: false,
            read_time: None,
        };
        tls.receive(&socket, &mut [])?;
        while tls.session.is_handshaking() {
            socket.set_write_timeout(Some(until.left()?))?;
            socket.set_read_timeout(Some(until.left()?))?;
            tls.read_wire(&socket)?;
        }
        Ok(Self::over(socket, Some(Box::new(tls))))
    }

    /// Whether nothing that came is left, and more may come.
    pub(super) fn is_quiet(&self) -> bool {
        let is_read =
            self.tls.as_ref().is_none_or(|tls| tls.plain.len() == tls.taken && !tls.has_ended);
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        is_read && recv(&self.socket, &mut [0; 1], flags).is_err_and(|error| error == Errno::AGAIN)
    }

    /// When it was opened.
    pub(super) fn opened(&self) -> Instant {
        self.opened
    }

    /// How long a read may take; `None` for ever.
    ///
    /// # Errors
    /// As for setsockopt(2).
    pub fn set_read_timeout(&mut self, time: Option<Duration>) -> io::Result<()> {
        match &mut self.tls {
            // It sets the socket's own, too.
            Some(tls) => tls.read_time = time,
            None if time.is_some() && self.read_time == time => return Ok(()),
            None => {}
        }
        self.read_time = time;
        self.socket.set_read_timeout(time)
    }

    /// Whether a write may take a bounded time only.
    pub(super) fn writes_in_time(&self) -> bool {
        self.write_time.is_some()
    }

    /// How long a write may take; `None` for ever.
    ///
    /// # Errors
    /// As for setsockopt(2).
    pub fn set_write_timeout(&mut self, time: Option<Duration>) -> io::Result<()> {
        self.write_time = time;
        self.socket.set_write_timeout(time)
    }

    pub(super) fn set_tcp_keepalive(&self, keepalive: &TcpKeepalive) -> io::Result<()> {
        self.socket.set_tcp_keepalive(keepalive)
    }
}

impl Encrypted {
    fn read_wire(&mut self, socket: &Socket) -> io::Result<()> {
        let mut buffer = vec![0; READ_BYTES.max(self.session.buffer_bytes_min())];
        let kept = self.session.resume(&mut buffer);
        let count = (&*socket).read(buffer.get_mut(kept..).unwrap_or_default())?;
        if count == 0 {
            let reason = "the TLS stream was cut off: it ended without saying so";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
        }
        self.receive(socket, buffer.get_mut(..kept + count).unwrap_or_default())
    }

    fn receive(&mut self, mut socket: &Socket, bytes: &mut [u8]) -> io::Result<()> {
        let plain = &mut self.plain;
        self.out.clear();
        let received =
            self.session.receive(bytes, &mut |bytes| plain.extend_from_slice(bytes), &mut self.out);
        let wrote = socket.write_all(self.out.as_slice());
        self.has_ended |= received.map_err(io::Error::other)?.ended;
        wrote
    }

    fn read(&mut self, socket: &Socket, into: &mut [u8]) -> io::Result<usize> {
        let until = self.read_time.map(Deadline::after);
        while self.plain.len() == self.taken && !self.has_ended {
            if let Some(until) = until {
                socket.set_read_timeout(Some(until.left()?))?;
            }
            self.plain.clear();
            self.taken = 0;
            self.read_wire(socket)?;
        }
        let rest = self.plain.get(self.taken..).unwrap_or_default();
        let count = rest.len().min(into.len());
        if let (Some(rest), Some(into)) = (rest.get(..count), into.get_mut(..count)) {
            into.copy_from_slice(rest);
        }
        self.taken += count;
        Ok(count)
    }

    fn write(&mut self, mut socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
        self.out.clear();
        self.session.send(bytes, &mut self.out).map_err(io::Error::other)?;
        socket.write_all(self.out.as_slice())?;
        Ok(bytes.len())
    }
}

impl Read for Channel {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.read(into),
            Some(tls) => tls.read(&self.socket, into),
        }
    }
}

impl Write for Channel {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.write(bytes),
            Some(tls) => tls.write(&self.socket, bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
