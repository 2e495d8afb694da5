//! Answers that are waited for as long as somebody waits for them, and the daemon lives.
//!
//! It answers nothing about a container while files are being copied into it, and takes its time to list
//! very many images. Who asked has that time, as they would without SecDocker: a look-up ends when
//! nobody waits for it any more, or when the daemon does not answer `/_ping` either.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::daemon::{Daemon, Deadline, PATIENCE, now};
use crate::http::chunk::ChunkDecoder;
use crate::http::framing::{self, AnswerTo, Framing};
use crate::http::head;

/// How long one read may take before it is looked whether anybody waits.
const SLICE: Duration = Duration::from_millis(500);

/// The longest head that is read, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

const PIECE_BYTES: usize = 16 * 1024;

/// Whether somebody waits for the answer.
pub(super) type IsWaited<'a> = &'a dyn Fn() -> bool;

/// The body of an answer, read as it comes.
pub(super) struct Body<'a> {
    bytes: Patient<'a>,
    framing: Left,
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

/// A connection that is read for as long as that makes sense.
struct Patient<'a> {
    stream: Channel,
    daemon: &'a Daemon,
    is_waited: IsWaited<'a>,
    /// Until when nothing has to be asked.
    trusted_until: Instant,
}

impl Daemon {
    /// `GET` of a target that is written as it goes out: the status, and the body to be read.
    ///
    /// # Errors
    /// If it can't be reached, or lets wait for longer than anybody waits.
    pub(super) fn open<'a>(
        &'a self,
        target: &str,
        is_waited: IsWaited<'a>,
    ) -> io::Result<(u16, Body<'a>)> {
        let stream = self.send("GET", target, Deadline::of_one_round())?;
        let trusted_until = now() + PATIENCE;
        let mut bytes = Patient { stream, daemon: self, is_waited, trusted_until };
        let (mut pending, mut searched) = (Vec::new(), 0);
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let mut piece = [0; PIECE_BYTES];
        let end = loop {
            let count = bytes.read(&mut piece)?;
            pending.extend_from_slice(piece.get(..count).unwrap_or_default());
            match head::find_end(&pending, &mut searched).map_err(|_| invalid())? {
                Some(end) => break end,
                None if count == 0 || pending.len() > HEAD_BYTES_MAX => return Err(invalid()),
                None => {}
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
        let mut body = Body { bytes, framing, pending: Vec::new(), taken: 0 };
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
                return Err(io::ErrorKind::FileTooLarge.into());
            }
        }
    }

    /// Takes bytes of the connection as what they are in the body.
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pending.clear();
        self.taken = 0;
        match &mut self.framing {
            Left::Nothing => {}
            Left::UntilClose => self.pending.extend_from_slice(bytes),
            Left::Length(left) => {
                let count =
                    usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.pending.extend_from_slice(bytes.get(..count).unwrap_or_default());
                *left -= count as u64;
                if *left == 0 {
                    self.framing = Left::Nothing;
                }
            }
            Left::Chunked(decoder) => {
                let scanned = decoder.collect(bytes, &mut self.pending, bytes.len());
                if scanned.map_err(|_| io::ErrorKind::InvalidData)?.ended {
                    self.framing = Left::Nothing;
                }
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
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
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

impl Read for Patient<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            self.stream.set_read_timeout(Some(SLICE))?;
            match self.stream.read(into) {
                Err(error) if is_timeout(&error) => self.look_around()?,
                read => return read,
            }
        }
    }
}

impl Patient<'_> {
    /// Goes on waiting if that makes sense.
    fn look_around(&mut self) -> io::Result<()> {
        if now() < self.trusted_until {
            return Ok(());
        }
        if !(self.is_waited)() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.daemon.ask("/_ping", Deadline::after(PATIENCE))?;
        self.trusted_until = now() + PATIENCE;
        Ok(())
    }
}

/// The kernel calls the end of a wait by either name.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}
