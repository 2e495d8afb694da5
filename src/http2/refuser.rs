//! A server of gRPC that answers every call with the same status.
//!
//! No header block is read: whatever is called is refused, so that only where blocks begin and end counts.
//! Nothing is kept of what a client sends, and what it gets is in proportion to what it sent.
//!
//! ```text
//! preface ─► our SETTINGS ─► frames ─┬─ HEADERS … END_HEADERS ─► the status
//!                                    ├─ SETTINGS, PING ────────► ACK
//!                                    ├─ DATA ──────────────────► credit for the connection
//!                                    └─ all others ────────────► passed over
//! ```

use super::frame::{
    self, ACK, ConnectionError, END_HEADERS, END_STREAM, ErrorCode, FrameHead, HEAD_BYTES, Kind,
    PAYLOAD_BYTES_MAX, PREFACE,
};
use super::grpc::{self, Status};

/// The most CONTINUATION frames of one header block.
const CONTINUATIONS_MAX: u8 = 16;

/// Once a call to [`CallRefuser::bytes`] has made as many bytes of answers it lets them be written first.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// The server's side of a connection on which every call is refused.
#[derive(Debug)]
pub struct CallRefuser {
    status: Status,
    message: String,
    block_bytes_max: usize,
    state: State,
    /// The highest stream that was opened.
    last_stream: u32,
    block: Option<OpenBlock>,
}

#[derive(Debug)]
enum State {
    /// In the preface, of which as many bytes were seen.
    Preface(usize),
    /// In the payload of a frame that nobody reads, of which as many bytes are to come; at 0 between frames.
    Skipping(usize),
}

/// A header block that has not ended.
#[derive(Debug)]
struct OpenBlock {
    stream: u32,
    /// Whether nothing follows it on its stream.
    is_last: bool,
    bytes: usize,
    continuations: u8,
}

impl CallRefuser {
    /// Refuses calls with this status and message. A header block of more than `block_bytes_max` bytes ends
    /// the connection.
    pub fn new(status: Status, message: String, block_bytes_max: usize) -> Self {
        let state = State::Preface(0);
        Self { status, message, block_bytes_max, state, last_stream: 0, block: None }
    }

    /// Whether the client has yet to say that it speaks HTTP/2.
    pub fn awaits_preface(&self) -> bool {
        matches!(self.state, State::Preface(_))
    }

    /// Takes bytes of the client's and appends what it is answered. Says how many were taken; what was not
    /// must be shown again, with more behind it if nothing was.
    ///
    /// # Errors
    /// [`ConnectionError`] if it does not speak HTTP/2: the last word was appended, and the connection ends.
    pub fn bytes(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, ConnectionError> {
        let begin = out.len();
        let mut taken = 0;
        while out.len() - begin < ANSWER_BYTES_MAX {
            let rest = input.get(taken..).unwrap_or_default();
            let step = self.step(rest, out).inspect_err(|error| {
                frame::write_go_away(out, self.last_stream, error.code);
            })?;
            if step == 0 {
                break;
            }
            taken += step;
        }
        Ok(taken)
    }

    /// Takes a part of the preface, a frame's head or a part of a payload; 0 if more is needed for one.
    fn step(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, ConnectionError> {
        match self.state {
            State::Preface(seen) => self.preface(input, seen, out),
            State::Skipping(0) => match FrameHead::read(input) {
                Some(head) => self.frame(head, input.get(HEAD_BYTES..).unwrap_or_default(), out),
                None => Ok(0),
            },
            State::Skipping(left) => {
                let count = input.len().min(left);
                self.state = State::Skipping(left - count);
                Ok(count)
            }
        }
    }

    fn preface(
        &mut self,
        input: &[u8],
        seen: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, ConnectionError> {
        let expected = PREFACE.get(seen..).unwrap_or_default();
        let count = input.len().min(expected.len());
        if input.get(..count) != expected.get(..count) {
            return Err(ConnectionError::protocol("the preface is missing"));
        }
        self.state = State::Preface(seen + count);
        if count == expected.len() {
            frame::write(out, Kind::Settings, 0, 0, &[]);
            self.state = State::Skipping(0);
        }
        Ok(count)
    }

    /// Takes the head of a frame, and of a PING its payload too.
    fn frame(
        &mut self,
        head: FrameHead,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<usize, ConnectionError> {
        self.check(&head)?;
        match head.kind {
            Kind::Ping => match payload.get(..head.length) {
                None => return Ok(0),
                Some(_) if head.has(ACK) => {}
                Some(payload) => frame::write(out, Kind::Ping, ACK, 0, payload),
            },
            Kind::Settings if !head.has(ACK) => frame::write(out, Kind::Settings, ACK, 0, &[]),
            Kind::Data if head.length > 0 => {
                // Longer than `PAYLOAD_BYTES_MAX` it is not.
                frame::write_credit(out, 0, u32::try_from(head.length).unwrap_or(1));
            }
            Kind::Headers => {
                let is_last = head.has(END_STREAM);
                let block = OpenBlock { stream: head.stream, is_last, bytes: 0, continuations: 0 };
                self.block_piece(block, &head, out)?;
            }
            Kind::Continuation => {
                let block = self.block.take();
                let mut block =
                    block.ok_or(ConnectionError::protocol("no header block is open"))?;
                block.continuations += 1;
                self.block_piece(block, &head, out)?;
            }
            _ => {}
        }
        self.state = State::Skipping(head.length);
        if head.kind == Kind::Ping {
            self.state = State::Skipping(0);
            return Ok(HEAD_BYTES + head.length);
        }
        Ok(HEAD_BYTES)
    }

    fn check(&self, head: &FrameHead) -> Result<(), ConnectionError> {
        if head.length > PAYLOAD_BYTES_MAX {
            return Err(ConnectionError::size("a frame is longer than 16384 bytes"));
        }
        if let Some(block) = &self.block
            && (head.kind, head.stream) != (Kind::Continuation, block.stream)
        {
            return Err(ConnectionError::protocol("a frame stands inside a header block"));
        }
        frame::check(head, self.last_stream)
    }

    /// A piece of a header block: at its end, the call that it begins is answered.
    fn block_piece(
        &mut self,
        mut block: OpenBlock,
        head: &FrameHead,
        out: &mut Vec<u8>,
    ) -> Result<(), ConnectionError> {
        block.bytes += head.length;
        if block.bytes > self.block_bytes_max || block.continuations > CONTINUATIONS_MAX {
            return Err(ConnectionError::flood("a header block is too long"));
        }
        if !head.has(END_HEADERS) {
            self.block = Some(block);
            return Ok(());
        }
        // On a stream that was answered it is a trailer, sent before the answer was seen.
        if block.stream > self.last_stream {
            self.last_stream = block.stream;
            grpc::write_end(out, block.stream, self.status, &self.message);
            if !block.is_last {
                frame::write_reset(out, block.stream, ErrorCode::NoError);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
