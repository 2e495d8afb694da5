//! Answers that are waited for as long as somebody waits for them, and the daemon lives.
//!
//! It answers nothing about a container while files are being copied into it, and takes its time to list
//! very many images. Who asked has that time, as they would without SecDocker: a look-up ends when
//! nobody waits for it any more, or when the daemon does not answer `/_ping` either.

use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::daemon::Daemon;
use super::deadline::{Deadline, IsWaited, PATIENCE, Wait, now};
use super::kept;
use crate::http::chunk::ChunkDecoder;
use crate::http::framing::{self, AnswerTo, Framing, Persistence};
use crate::http::head;

/// How long one read may take before it is looked whether anybody waits.
const SLICE: Duration = Duration::from_millis(500);

/// The longest head that is read, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

const PIECE_BYTES: usize = 16 * 1024;

/// The body of an answer, read as it comes.
pub(super) struct Body<'a> {
    bytes: Incoming<'a>,
    framing: Left,
    is_persistent: bool,
    /// What came and was not read yet.
    pending: Vec<u8>,
    taken: usize,
}

enum Left {
    Length(u64),
    Chunked(ChunkDecoder),
    UntilClose,
    Nothing,
}

/// What comes over a connection, for as long as it makes sense to read.
struct Incoming<'a> {
    /// None once its answer has ended.
    channel: Option<Channel>,
    daemon: &'a Daemon,
    wait: Wait<'a>,
    /// Until when nothing has to be asked.
    trusted_until: Instant,
}

impl Daemon {
    /// `GET` of a target that is written as it goes out: the status, and the body to be read.
    ///
    /// # Errors
    /// If it can't be reached, or lets wait for longer than anybody waits.
    pub(super) fn open<'a>(&'a self, target: &str, wait: Wait<'a>) -> io::Result<(u16, Body<'a>)> {
        let request = format!("GET {target} HTTP/1.1\r\nHost: docker\r\n\r\n");
        let mut piece = [0; PIECE_BYTES];
        while let Some(channel) = kept::take(self) {
            let mut bytes = Incoming::new(channel, self, wait);
            match bytes.ask(&request, &mut piece) {
                // The daemon has closed it meanwhile, before it could see the question.
                Err(error) if is_end(&error) => {}
                first => return bytes.answer(first?, &mut piece),
            }
        }
        self.open_fresh(&request, wait)
    }

    /// Sends a request without a body over a connection that nobody used before.
    ///
    /// # Errors
    /// As [`Daemon::open`].
    pub(super) fn open_fresh<'a>(
        &'a self,
        request: &str,
        wait: Wait<'a>,
    ) -> io::Result<(u16, Body<'a>)> {
        let mut piece = [0; PIECE_BYTES];
        let mut bytes = Incoming::new(self.connect(wait.to_connect())?, self, wait);
        let first = bytes.ask(request, &mut piece)?;
        bytes.answer(first, &mut piece)
    }
}

/// Whether a connection has ended.
fn is_end(error: &io::Error) -> bool {
    let kind = error.kind();
    matches!(kind, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

impl<'a> Incoming<'a> {
    fn new(channel: Channel, daemon: &'a Daemon, wait: Wait<'a>) -> Self {
        Self { channel: Some(channel), daemon, wait, trusted_until: now() + PATIENCE }
    }

    /// Sends the question, and reads the first bytes of the answer: how many.
    fn ask(&mut self, request: &str, piece: &mut [u8]) -> io::Result<usize> {
        let until = self.wait.to_connect();
        let channel = self.channel.as_mut().ok_or(ErrorKind::NotConnected)?;
        // It is shorter than what an idle connection takes at once: the bound of the first question does for others.
        if !channel.writes_in_time() {
            channel.set_write_timeout(Some(until.left()?))?;
        }
        channel.write_all(request.as_bytes())?;
        match self.read(piece)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => Ok(count),
        }
    }

    /// Reads the head, of which the first bytes are in `piece`.
    fn answer(mut self, mut count: usize, piece: &mut [u8]) -> io::Result<(u16, Body<'a>)> {
        let (mut pending, mut searched) = (Vec::new(), 0);
        let invalid = || io::Error::from(ErrorKind::InvalidData);
        let end = loop {
            pending.extend_from_slice(piece.get(..count).unwrap_or_default());
            match head::find_end(&pending, &mut searched).map_err(|_| invalid())? {
                Some(end) => break end,
                None if count == 0 || pending.len() > HEAD_BYTES_MAX => return Err(invalid()),
                None => count = self.read(piece)?,
            }
        };
        let rest = pending.split_off(end);
        let mut lines = head::Lines::new();
        let head = head::parse_response(&pending, &mut lines).map_err(|_| invalid())?;
        let framing = match framing::of_response(&head, AnswerTo::Other).map_err(|_| invalid())? {
            Framing::None => Left::Nothing,
            Framing::Length(length) => Left::Length(length.get()),
            Framing::Chunked => Left::Chunked(ChunkDecoder::new()),
            Framing::UntilClose => Left::UntilClose,
        };
        // An answer with a status below 200 is followed by another one.
        let is_persistent = head.persistence() == Persistence::KeepAlive && head.status >= 200;
        let (pending, taken) = (Vec::new(), 0);
        let mut body = Body { bytes: self, framing, is_persistent, pending, taken };
        body.add(&rest)?;
        Ok((head.status, body))
    }
}

impl Body<'_> {
    /// All of it, up to `max` bytes.
    pub(super) fn whole(mut self, max: usize) -> io::Result<Vec<u8>> {
        let mut whole = Vec::new();
        let mut piece = [0; PIECE_BYTES];
        loop {
            match self.read(&mut piece)? {
                0 => return Ok(whole),
                count => whole.extend_from_slice(piece.get(..count).unwrap_or_default()),
            }
            if whole.len() > max {
                return Err(ErrorKind::FileTooLarge.into());
            }
        }
    }

    /// Takes bytes of the connection as what they are in the body.
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pending.clear();
        self.taken = 0;
        let (count, has_ended) = match &mut self.framing {
            Left::Nothing => (0, true),
            Left::UntilClose => {
                self.pending.extend_from_slice(bytes);
                (bytes.len(), false)
            }
            Left::Length(left) => {
                let count =
                    usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.pending.extend_from_slice(bytes.get(..count).unwrap_or_default());
                *left -= count as u64;
                (count, *left == 0)
            }
            Left::Chunked(decoder) => {
                let scanned = decoder.collect(bytes, &mut self.pending, bytes.len());
                let scanned = scanned.map_err(|_| ErrorKind::InvalidData)?;
                (scanned.bytes, scanned.ended)
            }
        };
        if has_ended {
            self.framing = Left::Nothing;
            let channel = self.bytes.channel.take();
            let may_be_kept = self.is_persistent && count == bytes.len();
            if let Some(channel) = channel.filter(|_| may_be_kept) {
                kept::keep(self.bytes.daemon, channel);
            }
        }
        Ok(())
    }
}

impl Read for Body<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.pending.len() == self.taken {
            if matches!(self.framing, Left::Nothing) {
                return Ok(0);
            }
            let mut piece = [0; PIECE_BYTES];
            match self.bytes.read(&mut piece)? {
                0 if matches!(self.framing, Left::UntilClose) => return Ok(0),
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => self.add(piece.get(..count).unwrap_or_default())?,
            }
        }
        let rest = self.pending.get(self.taken..).unwrap_or_default();
        let count = rest.len().min(into.len());
        let (rest, into) = (rest.get(..count), into.get_mut(..count));
        if let (Some(rest), Some(into)) = (rest, into) {
            into.copy_from_slice(rest);
        }
        self.taken += count;
        Ok(count)
    }
}

impl Read for Incoming<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let channel = self.channel.as_mut().ok_or(ErrorKind::NotConnected)?;
            let slice = match self.wait {
                Wait::Until(until) => until.left()?,
                Wait::While(_) => SLICE,
            };
            channel.set_read_timeout(Some(slice))?;
            match (channel.read(into), self.wait) {
                (Err(error), Wait::While(is_waited)) if is_timeout(&error) => {
                    self.look_around(is_waited)?;
                }
                (read, _) => return read,
            }
        }
    }
}

impl Incoming<'_> {
    /// Goes on waiting if that makes sense.
    fn look_around(&mut self, is_waited: IsWaited<'_>) -> io::Result<()> {
        if now() < self.trusted_until {
            return Ok(());
        }
        if !is_waited() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.daemon.ask("/_ping", Deadline::after(PATIENCE))?;
        self.trusted_until = now() + PATIENCE;
        Ok(())
    }
}

/// The kernel calls the end of a wait by either name.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests;
