//! One end of a connection: its stream, the readiness seen on it, and the bytes that wait.
//!
//! epoll is edge-triggered here: readiness is remembered until a call says would-block.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use mio::event::Event;
use mio::{Interest, Registry, Token};

use super::super::threads::handshakes::{Step, Taken};
use super::buffers::Queue;
use super::encrypted::{AfterShort, Encrypted, Handshake, Progress};
use super::got::Got;
use super::pipes::Pipe;
use super::stream::Stream;

/// A read of so many bytes shows that more flows than single messages: the next may be spliced.
const FLOWING_BYTES: usize = 32 * 1024;

/// A stream and all that is known of it.
#[derive(Debug)]
pub(in crate::proxy) struct Peer {
    stream: Stream,
    token: Token,
    registered: Interest,
    readable: bool,
    writable: bool,
    /// The kernel has said that no more will come: read on to the end, past any short read, since
    /// data and end arrive as one edge.
    end_announced: bool,
    /// The kernel has said that there is urgent data: reads stop before it, whatever is behind.
    urgent: bool,
    /// The kernel has said that the connection is of no use any more.
    broken: bool,
    read_ended: bool,
    end_told: bool,
    write_shut: bool,
    /// The last read brought much, and a pipe would bring it cheaper.
    flowing: bool,
    /// There may be more to read, after others had their turn.
    postponed: bool,
    /// Bytes that went to it; with TLS, of what is said in it.
    sent: u64,
    /// Read, and not yet taken by the session.
    pub(in crate::proxy) unread: Queue,
    /// To be written to this peer.
    pub(in crate::proxy) owed: Queue,
    /// To be written behind that. A pipe stands here only while bytes are in it.
    piped: Option<Pipe>,
}

/// What a read found.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Read {
    Bytes(usize),
    End,
    WouldBlock,
}

impl Peer {
    /// Registers a stream. `connected` says whether it can be used already.
    pub(in crate::proxy) fn register(
        mut stream: Stream,
        token: Token,
        registry: &Registry,
        connected: Connected,
    ) -> io::Result<Self> {
        let ready = matches!(connected, Connected::Already);
        let registered = stream.interest(!ready);
        registry.register(&mut stream, token, registered)?;
        Ok(Self {
            stream,
            token,
            registered,
            readable: ready,
            writable: ready,
            end_announced: false,
            urgent: false,
            broken: false,
            read_ended: false,
            end_told: false,
            write_shut: false,
            flowing: false,
            postponed: false,
            sent: 0,
            unread: Queue::default(),
            owed: Queue::default(),
            piped: None,
        })
    }

    /// Remembers what an event says.
    pub(in crate::proxy) fn on_event(&mut self, event: &Event) {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
        self.end_announced |= event.is_read_closed() || event.is_error();
        self.urgent |= event.is_priority();
        self.broken |= event.is_error();
    }

    /// Whether the peer has reset the connection: it is gone, whatever of it was not read.
    pub(in crate::proxy) fn is_broken(&self) -> bool {
        self.broken
    }

    /// How many bytes went to it.
    pub(in crate::proxy) fn sent(&self) -> u64 {
        self.sent
    }

    /// The stream itself, to ask the kernel about it.
    pub(in crate::proxy) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Our own address on this connection, if it has one.
    pub(in crate::proxy) fn local_address(&self) -> Option<SocketAddr> {
        self.stream.local_address()
    }

    /// Closing will tell the peer that something is missing.
    pub(in crate::proxy) fn reset_on_close(&self) {
        self.stream.reset_on_close();
    }

    /// Whether another process could go on with it: nothing of it stands here, and no TLS is spoken.
    pub(in crate::proxy) fn can_be_left(&self) -> bool {
        let is_open = !self.read_ended && !self.end_announced && !self.broken && !self.write_shut;
        let is_bare = matches!(self.stream, Stream::Tcp(_) | Stream::Unix(_));
        is_open && is_bare && self.unread.is_empty() && !self.owes()
    }

    /// Waits for nothing more on it: others go on with the same socket.
    pub(in crate::proxy) fn deregister(&mut self, registry: &Registry) {
        // One that is not registered needs no more.
        let _ = registry.deregister(&mut self.stream);
    }

    /// Whether a read was put off until others had their turn; said once.
    pub(in crate::proxy) fn take_postponed(&mut self) -> bool {
        std::mem::take(&mut self.postponed)
    }

    /// What became of the handshake with a client; said once.
    pub(in crate::proxy) fn take_news(&mut self) -> Option<Handshake> {
        self.stream.encrypted_mut().and_then(Encrypted::take_news)
    }

    /// A step of its handshake that is to be taken on another thread; said once.
    pub(in crate::proxy) fn take_step(&mut self) -> Option<Step> {
        self.stream.encrypted_mut().and_then(Encrypted::take_step)
    }

    /// What came of that step.
    pub(in crate::proxy) fn give_back(&mut self, taken: Taken) {
        if self.stream.encrypted_mut().is_some_and(|stream| stream.give_back(taken)) {
            self.readable = true;
        }
    }

    /// Whether it is not known yet what the client has proved, or whether it speaks TLS at all.
    pub(in crate::proxy) fn is_handshaking(&self) -> bool {
        self.stream.encrypted().is_some_and(Encrypted::is_handshaking)
    }

    /// Until when the handshake with a client must be over.
    pub(in crate::proxy) fn handshake_deadline(&self) -> Option<Instant> {
        self.stream.encrypted().and_then(Encrypted::deadline)
    }

    /// Whether TLS is spoken on it, or may be.
    pub(in crate::proxy) fn is_plain(&self) -> bool {
        self.stream.is_plain()
    }

    /// What became of the connection attempt: `None` while it is under way. Writing what is owed
    /// asks the kernel in passing: it takes nothing before the connection is made. With TLS it is made when
    /// the handshake is over.
    pub(in crate::proxy) fn connected(&mut self) -> Option<io::Result<()>> {
        debug_assert!(!self.owed.is_empty(), "nobody connects without something to say");
        if let Some(stream) = self.stream.encrypted_mut()
            && stream.is_handshaking()
        {
            match stream.handshake(&mut self.readable) {
                Ok(Progress::Waits) => return None,
                Ok(Progress::Postponed) => {
                    self.postponed = true;
                    return None;
                }
                Ok(Progress::Done) => {}
                Err(error) => return Some(Err(error)),
            }
            self.writable = true;
            return Some(self.flush());
        }
        let owed = self.owed.len();
        self.writable = true;
        match self.flush() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => None,
            Ok(()) if self.owed.len() == owed => None,
            outcome => Some(outcome),
        }
    }

    pub(in crate::proxy) fn is_readable(&self) -> bool {
        self.readable && !self.read_ended
    }

    /// Whether more may be there to read, now.
    pub(in crate::proxy) fn has_more(&self) -> bool {
        self.is_readable() || !self.unread.is_empty()
    }

    /// Whether anything of it is unread, here or at the kernel.
    pub(in crate::proxy) fn has_unread(&self) -> bool {
        !self.unread.is_empty() || self.stream.has_unread()
    }

    /// Whether bytes still have to be written to this peer.
    pub(in crate::proxy) fn owes(&self) -> bool {
        !self.owed.is_empty() || self.piped.is_some() || self.stream.owes()
    }

    /// Whether the bytes from this peer come in such amounts that a pipe is worth its calls. What
    /// comes in single messages is moved by one read and one write.
    pub(in crate::proxy) fn is_flowing(&self) -> bool {
        self.flowing
    }

    /// Says once that the peer has ended its direction, when nothing before the end is left to show:
    /// either it was all taken, or what is left will never be completed.
    pub(in crate::proxy) fn end_is_news(&mut self, rest_is_stuck: bool) -> bool {
        let news = self.read_ended && !self.end_told && (self.unread.is_empty() || rest_is_stuck);
        self.end_told |= news;
        news
    }

    /// Whether the end of the peer's direction is near, and worth finding while bytes are held.
    pub(in crate::proxy) fn may_have_ended(&self) -> bool {
        self.end_announced && !self.read_ended
    }

    /// Reads once.
    pub(in crate::proxy) fn read(&mut self, into: &mut [u8], now: Instant) -> io::Result<Read> {
        // A short read has emptied the socket, unless urgent data cut it: asking again would only say so.
        let after_short = match self.urgent || self.end_announced {
            true => AfterShort::AskAgain,
            false => AfterShort::IsEmpty,
        };
        let read = loop {
            match self.stream.read(into, now, after_short) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.note_read(read?)
    }

    /// Reads once, into an empty pipe. `None` if only the other way of reading can tell: splicing stops
    /// at urgent data as at an end, and may not be possible at all.
    pub(in crate::proxy) fn read_into_pipe(
        &mut self,
        pipe: &mut Pipe,
        at_most: usize,
    ) -> Option<io::Result<Read>> {
        let read = pipe.fill(&self.stream, at_most);
        let is_impossible =
            matches!(&read, Err(error) if error.kind() == io::ErrorKind::InvalidInput);
        // At urgent data it says that there is nothing, although there is.
        let is_cut =
            self.urgent && matches!(&read, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        if is_impossible || is_cut || matches!(read, Ok(0)) {
            self.flowing = false;
            return None;
        }
        // A short one may have met the end of the pipe's pages, rather than of the socket's bytes.
        Some(Got::of(read, 0).and_then(|got| self.note_read(got)))
    }

    fn note_read(&mut self, got: Got) -> io::Result<Read> {
        let much = matches!(got, Got::Bytes { count, .. } if count >= FLOWING_BYTES);
        self.flowing = much && self.stream.splices_well();
        match got {
            Got::End => {
                self.read_ended = true;
                self.readable = false;
                Ok(Read::End)
            }
            Got::Bytes { count, drained } => {
                self.readable = !drained || self.urgent || self.end_announced;
                Ok(Read::Bytes(count))
            }
            Got::WouldBlock => {
                self.readable = false;
                self.urgent = false;
                Ok(Read::WouldBlock)
            }
            Got::Postponed => {
                self.postponed = true;
                Ok(Read::WouldBlock)
            }
        }
    }

    /// Writes after what is already owed; what does not fit is owed.
    pub(in crate::proxy) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.flush()?;
        if self.owes() {
            self.unpipe()?;
            self.owed.push(bytes);
            return Ok(());
        }
        let written = self.write(bytes)?;
        self.owed.push(bytes.get(written..).unwrap_or_default());
        Ok(())
    }

    /// Writes what a pipe holds after what is already owed; what does not fit stays in the pipe.
    pub(in crate::proxy) fn send_piped(&mut self, pipe: Pipe) -> io::Result<()> {
        debug_assert!(!self.owes(), "a direction reads on when nothing of it waits");
        self.piped = Some(pipe).filter(|pipe| pipe.held() > 0);
        self.flush()
    }

    /// Forgets what was to be written.
    pub(in crate::proxy) fn forget_owed(&mut self) {
        self.owed.clear();
        self.piped = None;
    }

    /// Writes as much of what is owed as the kernel takes.
    pub(in crate::proxy) fn flush(&mut self) -> io::Result<()> {
        if self.stream.owes() && self.writable {
            self.stream.flush()?;
            self.writable = !self.stream.owes();
        }
        while !self.owed.is_empty() && self.writable {
            let owed = std::mem::take(&mut self.owed);
            let written = self.write(owed.as_slice());
            self.owed = owed;
            self.owed.take(written?);
        }
        self.flush_pipe()
    }

    fn flush_pipe(&mut self) -> io::Result<()> {
        let Some(pipe) = self.piped.as_mut().filter(|_| self.owed.is_empty() && self.writable)
        else {
            return Ok(());
        };
        match pipe.empty_into(&self.stream) {
            Ok(count) => {
                self.sent += count as u64;
                // If the kernel took less than it was offered, it is full.
                match pipe.held() {
                    0 => self.piped = None,
                    _ => self.writable = false,
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                self.unpipe()?;
                return self.flush();
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Copies out what stands in the pipe, to be written like any other bytes.
    fn unpipe(&mut self) -> io::Result<()> {
        if let Some(pipe) = self.piped.take() {
            self.owed.push(&pipe.take()?);
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while self.writable
            && let Some(rest) = bytes.get(written..)
            && !rest.is_empty()
        {
            match self.stream.write(rest) {
                Ok((count, is_full)) => {
                    self.writable = !is_full;
                    written += count;
                    self.sent += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    /// Ends our direction, once.
    pub(in crate::proxy) fn shut_write(&mut self) {
        if !self.write_shut {
            self.write_shut = true;
            // A peer that is gone needs no end.
            let _ = self.stream.shut_write();
        }
    }

    /// Ends our direction where closing alone does not tell an end from a break: in TLS.
    pub(in crate::proxy) fn say_end(&mut self) {
        if !self.stream.is_plain() {
            self.shut_write();
        }
    }

    /// Asks the kernel for what is waited for now, if that has changed.
    pub(in crate::proxy) fn settle(&mut self, registry: &Registry) -> io::Result<()> {
        let wanted = self.stream.interest(!self.writable);
        if wanted == self.registered {
            return Ok(());
        }
        self.registered = wanted;
        registry.reregister(&mut self.stream, self.token, wanted)
    }
}

/// Whether a stream is connected when it is registered.
#[derive(Debug, Clone, Copy)]
pub(in crate::proxy) enum Connected {
    Already,
    UnderWay,
}
