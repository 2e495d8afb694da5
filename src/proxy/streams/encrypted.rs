//! A TCP stream on which TLS may be spoken: plain bytes in, plain bytes out.
//!
//! ```text
//! undecided ─first byte─┬─► plain
//!                       ├─► refused, if only TLS is spoken here
//!                       └─► handshake ─┬─► open
//!                                      └─► failed
//! ```
//!
//! No buffer belongs to an idle stream: what moves does so through those that the loop lends. A step of a
//! handshake needs a permit, of which the loop gives few in a turn, so that signatures hold nobody up; where a
//! large key signs, the step is taken on another thread ([`super::handshakes`]).

mod elsewhere;
mod lent;
mod spoken;

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use rustix::net::RecvFlags;

pub(in crate::proxy) use self::lent::Lent;
use self::spoken::{Elsewhere, Spoken};
use super::buffers::Queue;
use super::got::Got;
use crate::client::ClientCertificate;
use crate::tls::{self, PlainClients, Received, Server, Session};

/// Bytes from the wire that are read at once.
const READ_BYTES: usize = 256 * 1024;

/// Plain bytes that are put into records at once: what the wire does not take of them is kept.
const WRITE_BYTES: usize = 64 * 1024;

/// Reads that bring nothing to show, after which others get their turn.
const FRUITLESS_READS_MAX: usize = 8;

/// What became of a handshake, told once.
#[derive(Debug)]
pub(in crate::proxy) enum Handshake {
    /// It is over; what the client has proved.
    Done(Option<Box<ClientCertificate>>),
    /// It has failed, and the other side was told so.
    Failed(tls::Error),
    /// There was none, and there should have been.
    PlainRefused,
}

/// A TCP stream, and what is spoken on it.
#[derive(Debug)]
pub(in crate::proxy) struct Encrypted {
    tcp: TcpStream,
    spoken: Spoken,
    lent: Lent,
    /// Plain bytes that were received and not read yet.
    plain: Queue,
    /// Records that the wire has not taken yet.
    owed: Queue,
    /// The wire was empty at the last read.
    is_drained: bool,
    /// Our direction ends behind what is owed.
    is_ending: bool,
    has_ended: bool,
    handshake_time: Duration,
    deadline: Option<Instant>,
    news: Option<Handshake>,
}

/// What a short read says of the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::proxy) enum AfterShort {
    /// That it is empty.
    IsEmpty,
    /// Nothing: its end was announced, or it stops before urgent data.
    AskAgain,
}

/// How far a handshake with a daemon is.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Progress {
    Waits,
    /// It may go on when others had their turn.
    Postponed,
    Done,
}

impl Encrypted {
    /// A client of whom nothing is known yet. If only TLS is spoken here, the time for that begins now.
    pub(in crate::proxy) fn accepted(
        tcp: TcpStream,
        server: &Arc<Server>,
        lent: Lent,
        (now, handshake_time): (Instant, Duration),
    ) -> Self {
        let deadline = match server.plain {
            PlainClients::Refuse => Some(now + handshake_time),
            PlainClients::Serve => None,
        };
        let spoken = Spoken::Undecided(Arc::clone(server));
        Self { deadline, ..Self::new(tcp, spoken, lent, handshake_time) }
    }

    /// A connection to a daemon, on which we speak first. Its time is that of the connection attempt.
    ///
    /// # Errors
    /// If no handshake can be begun.
    pub(in crate::proxy) fn dialled(
        tcp: TcpStream,
        session: Session,
        lent: Lent,
    ) -> io::Result<Self> {
        let mut stream = Self::new(tcp, Spoken::Tls(session), lent, Duration::ZERO);
        match stream.receive(&mut [], &mut []) {
            // The kernel is still connecting.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            received => drop(received?),
        }
        Ok(stream)
    }

    fn new(tcp: TcpStream, spoken: Spoken, lent: Lent, handshake_time: Duration) -> Self {
        Self {
            tcp,
            spoken,
            lent,
            plain: Queue::default(),
            owed: Queue::default(),
            is_drained: false,
            is_ending: false,
            has_ended: false,
            handshake_time,
            deadline: None,
            news: None,
        }
    }

    pub(in crate::proxy) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    pub(in crate::proxy) fn tcp_mut(&mut self) -> &mut TcpStream {
        &mut self.tcp
    }

    /// Whether what is read is what was sent: it may be moved unseen by the kernel.
    pub(in crate::proxy) fn is_plain(&self) -> bool {
        matches!(self.spoken, Spoken::Plain)
    }

    /// Whether records wait for the wire.
    pub(in crate::proxy) fn owes(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Whether plain bytes wait to be read.
    pub(in crate::proxy) fn has_plain(&self) -> bool {
        !self.plain.is_empty()
    }

    /// When the handshake must be over.
    pub(in crate::proxy) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(in crate::proxy) fn take_news(&mut self) -> Option<Handshake> {
        self.news.take()
    }

    pub(in crate::proxy) fn is_handshaking(&self) -> bool {
        match &self.spoken {
            Spoken::Undecided(_) => true,
            Spoken::Tls(session) => session.is_handshaking(),
            Spoken::Elsewhere(_) => true,
            Spoken::Plain | Spoken::Failed => false,
        }
    }

    /// Reads plain bytes.
    ///
    /// # Errors
    /// What the kernel says, what is wrong with the protocol, and [`io::ErrorKind::UnexpectedEof`] if the
    /// stream ends without having said so: something may be missing.
    pub(in crate::proxy) fn read(
        &mut self,
        into: &mut [u8],
        now: Instant,
        after_short: AfterShort,
    ) -> io::Result<Got> {
        if let Spoken::Undecided(server) = &self.spoken {
            let server = Arc::clone(server);
            if let Some(got) = self.decide(&server, now)? {
                return Ok(got);
            }
        }
        match self.spoken {
            Spoken::Plain | Spoken::Undecided(_) => Got::of(self.tcp.read(into), into.len()),
            Spoken::Failed => self.drop_rest(into),
            Spoken::Tls(_) | Spoken::Elsewhere(_) => self.read_records(into, after_short),
        }
    }

    /// Looks at the first byte; nothing more can be read of what is refused.
    fn decide(&mut self, server: &Server, now: Instant) -> io::Result<Option<Got>> {
        let mut first = [0];
        match rustix::net::recv(&self.tcp, &mut first, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, 0)) => self.spoken = Spoken::Plain,
            Ok(_) if first == [tls::HANDSHAKE] => {
                self.deadline.get_or_insert(now + self.handshake_time);
                self.spoken = Spoken::Tls(Session::accept(server).map_err(io::Error::other)?);
            }
            Ok(_) => {
                self.deadline = None;
                self.spoken = Spoken::Plain;
                self.news = Some(match server.plain {
                    PlainClients::Serve => Handshake::Done(None),
                    PlainClients::Refuse => Handshake::PlainRefused,
                });
                if server.plain == PlainClients::Refuse {
                    return Ok(Some(Got::Postponed));
                }
            }
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {
                return Ok(Some(Got::WouldBlock));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(None)
    }

    fn read_records(&mut self, into: &mut [u8], after_short: AfterShort) -> io::Result<Got> {
        let waiting = self.plain.as_slice();
        if !waiting.is_empty() {
            let count = waiting.len().min(into.len());
            copy(waiting, into, count);
            self.plain.take(count);
            return Ok(Got::Bytes { count, drained: self.is_drained && self.plain.is_empty() });
        }
        if self.has_ended {
            return Ok(Got::End);
        }
        for _ in 0..FRUITLESS_READS_MAX {
            if self.is_away() {
                return Ok(Got::WouldBlock);
            }
            if self.needs_permit() && !self.lent.take_permit() {
                return Ok(Got::Postponed);
            }
            let (count, is_end) = match self.read_wire(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Got::WouldBlock);
                }
                // The handshake's own end: the other side was told, and is heard out.
                Err(_) if matches!(self.news, Some(Handshake::Failed(_))) => {
                    return Ok(Got::Postponed);
                }
                read => read?,
            };
            match count {
                0 if is_end => return Ok(Got::End),
                0 if self.is_drained && after_short == AfterShort::IsEmpty => {
                    return Ok(Got::WouldBlock);
                }
                0 => {}
                count => {
                    let drained = self.is_drained && self.plain.is_empty() && !self.has_ended;
                    return Ok(Got::Bytes { count, drained });
                }
            }
        }
        Ok(Got::Postponed)
    }

    /// Reads the wire once, or takes what came of a step elsewhere: how many plain bytes came of it, and whether
    /// they were the last.
    fn read_wire(&mut self, into: &mut [u8]) -> io::Result<(usize, bool)> {
        let session = match &self.spoken {
            Spoken::Tls(session) => session,
            Spoken::Elsewhere(Elsewhere::Back(_)) => return self.take_back(into),
            _ => return Ok((0, false)),
        };
        let lent = self.lent.clone();
        let mut buffer = lent.0.incoming.borrow_mut();
        let wanted = READ_BYTES.max(session.buffer_bytes_min());
        if buffer.len() < wanted {
            buffer.resize(wanted, 0);
        }
        let kept = session.resume(&mut buffer);
        // What comes of more than is asked for would have to wait here.
        let most = into.len().max(16 * 1024).min(buffer.len() - kept).min(session.read_bytes_max());
        let room = buffer.get_mut(kept..kept + most).unwrap_or_default();
        let asked = room.len();
        let count = loop {
            match self.tcp.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        if count == 0 {
            let reason = "the TLS stream was cut off: it ended without saying so";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
        }
        self.is_drained = count < asked;
        let bytes = buffer.get_mut(..kept + count).unwrap_or_default();
        self.receive(bytes, into)
    }

    /// Works through bytes from the wire, and writes what must be said in reply.
    fn receive(&mut self, bytes: &mut [u8], into: &mut [u8]) -> io::Result<(usize, bool)> {
        if matches!(&self.spoken, Spoken::Tls(session) if session.takes_long(bytes)) {
            self.send_away(bytes);
            return Ok((0, false));
        }
        let Spoken::Tls(session) = &mut self.spoken else { return Ok((0, false)) };
        let lent = self.lent.clone();
        let mut out = lent.0.outgoing.borrow_mut();
        out.clear();
        let was_handshaking = session.is_handshaking();
        let (mut filled, plain) = (0, &mut self.plain);
        let mut keep = |bytes: &[u8]| filled += keep(bytes, into, filled, plain);
        let received = session.receive(bytes, &mut keep, &mut out);
        let ended = self.conclude(was_handshaking, received, out.as_slice())?;
        Ok((filled, ended))
    }

    /// What follows from what a session has received: whether nothing more will come.
    fn conclude(
        &mut self,
        was_handshaking: bool,
        received: Result<Received, tls::Error>,
        out: &[u8],
    ) -> io::Result<bool> {
        if was_handshaking && !self.is_handshaking() {
            self.deadline = None;
            let Spoken::Tls(session) = &self.spoken else { return Ok(false) };
            let certificate = session.client_certificate().map(Box::new);
            self.news = Some(Handshake::Done(certificate));
        }
        self.owed.push(out);
        let wrote = self.flush();
        match received {
            Ok(received) => {
                wrote?;
                self.has_ended |= received.ended;
                Ok(self.has_ended && self.plain.is_empty())
            }
            Err(error) => {
                self.deadline = None;
                self.owed.clear();
                self.spoken = Spoken::Failed;
                if was_handshaking {
                    self.news = Some(Handshake::Failed(error.clone()));
                }
                Err(io::Error::other(error))
            }
        }
    }

    /// Takes what still comes, so that closing does not reset the connection under the last alert.
    fn drop_rest(&mut self, into: &mut [u8]) -> io::Result<Got> {
        for _ in 0..FRUITLESS_READS_MAX {
            match Got::of(self.tcp.read(into), into.len())? {
                Got::Bytes { drained: false, .. } => {}
                Got::Bytes { .. } => return Ok(Got::WouldBlock),
                got => return Ok(got),
            }
        }
        Ok(Got::Postponed)
    }

    /// Takes plain bytes: how many, and whether the wire takes no more for now.
    pub(in crate::proxy) fn write(&mut self, bytes: &[u8]) -> io::Result<(usize, bool)> {
        let session = match &mut self.spoken {
            Spoken::Tls(session) => session,
            Spoken::Plain | Spoken::Undecided(_) => {
                let count = self.tcp.write(bytes)?;
                return Ok((count, count < bytes.len()));
            }
            Spoken::Elsewhere(_) | Spoken::Failed => return Err(io::ErrorKind::BrokenPipe.into()),
        };
        if !self.owed.is_empty() {
            self.flush()?;
            return if self.owed.is_empty() { self.write(bytes) } else { Ok((0, true)) };
        }
        let lent = self.lent.clone();
        let mut out = lent.0.outgoing.borrow_mut();
        out.clear();
        let bytes = bytes.get(..WRITE_BYTES.min(bytes.len())).unwrap_or_default();
        session.send(bytes, &mut out).map_err(io::Error::other)?;
        let written = write_all_there_is_room_for(&mut self.tcp, out.as_slice())?;
        self.owed.push(out.as_slice().get(written..).unwrap_or_default());
        Ok((bytes.len(), !self.owed.is_empty()))
    }

    /// Writes what is owed, as far as the wire takes it.
    pub(in crate::proxy) fn flush(&mut self) -> io::Result<()> {
        if !self.owed.is_empty() {
            let written = write_all_there_is_room_for(&mut self.tcp, self.owed.as_slice())?;
            self.owed.take(written);
        }
        if self.is_ending && self.owed.is_empty() {
            self.is_ending = false;
            self.tcp.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    /// Ends our direction: says so first, where TLS is spoken.
    pub(in crate::proxy) fn shut_write(&mut self) -> io::Result<()> {
        if let Spoken::Tls(session) = &mut self.spoken {
            let lent = self.lent.clone();
            let mut out = lent.0.outgoing.borrow_mut();
            out.clear();
            session.end(&mut out);
            self.owed.push(out.as_slice());
        }
        self.is_ending = true;
        self.flush()
    }

    /// Goes on with the handshake with a daemon. `may_read` says whether anything may have come.
    ///
    /// # Errors
    /// Why it has failed.
    pub(in crate::proxy) fn handshake(&mut self, may_read: &mut bool) -> io::Result<Progress> {
        let mut nothing = [];
        while self.is_handshaking() {
            match self.flush() {
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    return Ok(Progress::Waits);
                }
                flushed => flushed?,
            }
            if !self.owed.is_empty() || !*may_read {
                return Ok(Progress::Waits);
            }
            if self.is_away() {
                return Ok(Progress::Waits);
            }
            if self.needs_permit() && !self.lent.take_permit() {
                return Ok(Progress::Postponed);
            }
            match self.read_wire(&mut nothing) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => *may_read = false,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    let reason = "it closed the connection during the TLS handshake";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
                }
                read => drop(read?),
            }
        }
        Ok(Progress::Done)
    }
}

/// What the kernel says of a full socket is no error.
fn write_all_there_is_room_for(tcp: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..)
        && !rest.is_empty()
    {
        match tcp.write(rest) {
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}

/// Puts plain bytes behind those that are there already, and what has no room there into the queue: how many had.
fn keep(bytes: &[u8], into: &mut [u8], filled: usize, queue: &mut Queue) -> usize {
    let count = match into.get_mut(filled..) {
        Some(room) if queue.is_empty() => {
            let count = room.len().min(bytes.len());
            copy(bytes, room, count);
            count
        }
        _ => 0,
    };
    queue.push(bytes.get(count..).unwrap_or_default());
    count
}

fn copy(from: &[u8], to: &mut [u8], count: usize) {
    if let (Some(from), Some(to)) = (from.get(..count), to.get_mut(..count)) {
        to.copy_from_slice(from);
    }
}
