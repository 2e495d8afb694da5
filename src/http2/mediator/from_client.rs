//! What the client sends: frames, each taken whole.

use super::super::blocks::{Block, write_block};
use super::super::frame::{
    self, ACK, ConnectionError, END_STREAM, FrameHead, HEAD_BYTES, Kind, PAYLOAD_BYTES_MAX, PREFACE,
};
use super::super::hpack::Field;
use super::call::{Call, Fault, Handling, Outputs};
use super::stream::{self, Held, Kind as StreamKind, PREFIX_BYTES, Stream};
use super::{Mediator, STREAMS_MAX};

/// The most DATA frames without a byte that do not end a stream either.
const EMPTY_FRAMES_MAX: u32 = 1000;

/// The longest name of a method, in bytes.
const PATH_BYTES_MAX: usize = 256;

impl Mediator {
    /// Takes the preface or a frame; 0 if not all of it is there, or the server does not take it yet.
    pub(super) fn client_step(
        &mut self,
        input: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<usize, ConnectionError> {
        if !self.from_client.has_begun {
            return self.preface(input, out);
        }
        let Some(head) = FrameHead::read(input) else { return Ok(0) };
        self.check(&head)?;
        let whole = HEAD_BYTES + head.length;
        let (Some(frame), Some(payload)) = (input.get(..whole), input.get(HEAD_BYTES..whole))
        else {
            return Ok(0);
        };
        let bytes_max = self.limits.block_bytes_max;
        if let Some(block) = self.from_client.blocks.take(&head, frame, bytes_max)? {
            self.whole_block(block, out)?;
            return Ok(whole);
        }
        match head.kind {
            // A block that is not whole.
            Kind::Headers | Kind::Continuation => {}
            Kind::Data => {
                if !self.data(&head, frame, payload, out)? {
                    return Ok(0);
                }
            }
            Kind::RstStream => {
                if let Some(reset) = self.streams.remove(&head.stream)
                    && reset.is_known_to_server()
                {
                    out.server.extend_from_slice(frame);
                }
            }
            Kind::WindowUpdate if head.stream == 0 || self.is_open(head.stream) => {
                out.server.extend_from_slice(frame);
            }
            Kind::Settings | Kind::Ping | Kind::GoAway => out.server.extend_from_slice(frame),
            // Of no effect, or on a stream that has ended.
            Kind::WindowUpdate | Kind::Priority | Kind::PushPromise | Kind::Other(_) => {}
        }
        Ok(whole)
    }

    fn preface(&mut self, input: &[u8], out: &mut Outputs<'_>) -> Result<usize, ConnectionError> {
        let count = input.len().min(PREFACE.len());
        if input.get(..count) != PREFACE.get(..count) {
            return Err(ConnectionError::protocol("the preface is missing"));
        }
        if count < PREFACE.len() {
            return Ok(0);
        }
        self.from_client.has_begun = true;
        out.server.extend_from_slice(PREFACE);
        Ok(count)
    }

    fn check(&self, head: &FrameHead) -> Result<(), ConnectionError> {
        if head.length > PAYLOAD_BYTES_MAX {
            return Err(ConnectionError::size("a frame is longer than 16384 bytes"));
        }
        frame::check(head, self.last_stream)
    }

    fn whole_block(&mut self, block: Block, out: &mut Outputs<'_>) -> Result<(), ConnectionError> {
        match self.last_stream {
            last if block.stream > last => {
                self.open(block.stream, block.is_last, block.fields, out)
            }
            // It has ended while this was on its way.
            _ if !self.is_open(block.stream) => Ok(()),
            _ => Err(ConnectionError::protocol("a call has trailers")),
        }
    }

    /// The client opens a stream: what is called, and what becomes of it?
    fn open(
        &mut self,
        number: u32,
        is_last: bool,
        fields: Vec<Field>,
        out: &mut Outputs<'_>,
    ) -> Result<(), ConnectionError> {
        self.last_stream = number;
        if self.streams.len() >= STREAMS_MAX {
            return Err(ConnectionError::flood("too many streams are open"));
        }
        let path = path_of(&fields);
        let handling = path.as_deref().map(self.handling);
        let is_coded =
            fields.iter().any(|field| field.name == b"grpc-encoding" && field.value != b"identity");
        let (kind, fault) = match handling {
            None => (StreamKind::Unwanted, Some(Fault::Head)),
            Some(Handling::Refuse) => (StreamKind::Unwanted, None),
            Some(Handling::Pass) => (StreamKind::Passed, None),
            Some(Handling::Hold) if is_coded => (StreamKind::Unwanted, Some(Fault::Compressed)),
            Some(Handling::Hold) if is_last => (StreamKind::Unwanted, Some(Fault::Framing)),
            Some(Handling::Hold) => {
                let path = path.clone().unwrap_or_default();
                (StreamKind::Held(Held::Collecting { path, bytes: Vec::new() }), None)
            }
        };
        match kind {
            StreamKind::Unwanted => {
                let path = path.unwrap_or_default();
                self.calls.push_back(Call::Unwanted { stream: number, path, fault });
            }
            StreamKind::Passed | StreamKind::Held(_) => {
                write_block(number, is_last, &fields, out.server);
            }
        }
        self.streams.insert(number, Stream::new(kind, self.stream_window, is_last));
        Ok(())
    }

    /// Takes a piece of a body; false if it must wait for the server's window.
    fn data(
        &mut self,
        head: &FrameHead,
        frame: &[u8],
        payload: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<bool, ConnectionError> {
        if payload.is_empty() && !head.has(END_STREAM) {
            self.from_client.empty_frames += 1;
            if self.from_client.empty_frames > EMPTY_FRAMES_MAX {
                return Err(ConnectionError::flood("too many DATA frames are empty"));
            }
        }
        let needs = i64::try_from(payload.len()).unwrap_or(i64::MAX);
        let content = frame::unpadded(head, payload)?;
        let Some(stream) = self.streams.get_mut(&head.stream) else {
            self.credit(0, payload.len(), out);
            return Ok(true);
        };
        if stream.client_ended {
            return Err(ConnectionError::protocol("a stream continues after its end"));
        }
        match &mut stream.kind {
            StreamKind::Unwanted => {
                stream.client_ended |= head.has(END_STREAM);
                self.credit(0, payload.len(), out);
            }
            StreamKind::Passed if needs > self.window.max(0) => {
                self.from_client.needs = needs;
                return Ok(false);
            }
            StreamKind::Passed => {
                self.from_client.needs = 0;
                self.window -= needs;
                stream.window -= needs;
                stream.client_ended |= head.has(END_STREAM);
                out.server.extend_from_slice(frame);
                self.forget_if_over(head.stream);
            }
            StreamKind::Held(_) => {
                self.credit(head.stream, payload.len(), out);
                self.hold(head, content);
            }
        }
        Ok(true)
    }

    /// Keeps a piece of a held message; at its end it is to be judged.
    fn hold(&mut self, head: &FrameHead, content: &[u8]) {
        let room = self.limits.held_bytes_max.saturating_sub(self.held_bytes());
        let longest = self.limits.message_bytes_max;
        let Some(Stream { kind: StreamKind::Held(held), client_ended, .. }) =
            self.streams.get_mut(&head.stream)
        else {
            return;
        };
        let Held::Collecting { path, bytes } = held else { return };
        *client_ended |= head.has(END_STREAM);
        let whole = if content.len() > room {
            Err(Fault::TooMuch)
        } else {
            bytes.extend_from_slice(content);
            match stream::announced(bytes) {
                Ok(Some(length)) if length > longest => Err(Fault::TooLong),
                Ok(Some(length)) if bytes.len() > PREFIX_BYTES + length => Err(Fault::Framing),
                Err(fault) => Err(fault),
                Ok(_) if !*client_ended => return,
                Ok(_) => stream::message_of(std::mem::take(bytes)),
            }
        };
        let (stream, path) = (head.stream, std::mem::take(path));
        *held = Held::Judged;
        self.calls.push_back(match whole {
            Ok(message) => Call::Whole { stream, path, message },
            Err(fault) => Call::Unwanted { stream, path, fault: Some(fault) },
        });
    }
}

/// The one path of a call; none if it is not a `POST` to one that can be read in one way.
fn path_of(fields: &[Field]) -> Option<String> {
    let one = |name: &[u8]| {
        let mut values = fields.iter().filter(|field| field.name == name);
        let first = values.next()?;
        values.next().is_none().then_some(first.value.as_slice())
    };
    let path = one(b":path").filter(|path| path.len() <= PATH_BYTES_MAX)?;
    let is_post = one(b":method") == Some(b"POST");
    String::from_utf8(path.to_vec()).ok().filter(|_| is_post)
}

/// The `ACK` flag and `END_STREAM` are the same bit, on kinds that never have both.
const _: () = assert!(ACK == END_STREAM);
