//! What the client sends: frames, each taken whole.

use super::super::frame::{
    self, ACK, ConnectionError, END_HEADERS, END_STREAM, FrameHead, HEAD_BYTES, Kind,
    PAYLOAD_BYTES_MAX, PREFACE, PRIORITY,
};
use super::super::hpack::{Field, HpackError};
use super::super::literal::write_field;
use super::stream::{self, Held, Kind as StreamKind, PREFIX_BYTES, Stream};
use super::{Call, Fault, Handling, Mediator, Outputs, STREAMS_MAX};

/// The most CONTINUATION frames of one header block.
const CONTINUATIONS_MAX: u8 = 16;

/// The most DATA frames without a byte that do not end a stream either.
const EMPTY_FRAMES_MAX: u32 = 1000;

/// The longest name of a method, in bytes.
const PATH_BYTES_MAX: usize = 256;

/// Where the client is.
#[derive(Debug, Default)]
pub(super) struct FromClient {
    has_begun: bool,
    block: Option<OpenBlock>,
    /// How many bytes of the server's window the next frame needs.
    needs: i64,
    empty_frames: u32,
}

impl FromClient {
    /// Whether the server's window has room for the frame that waits, if one does.
    pub(super) fn is_served_by(&self, window: i64) -> bool {
        self.needs <= window.max(0)
    }
}

/// A header block that has not ended.
#[derive(Debug)]
struct OpenBlock {
    stream: u32,
    is_last: bool,
    bytes: Vec<u8>,
    continuations: u8,
}

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
        match head.kind {
            Kind::Headers => self.headers(&head, payload, out)?,
            Kind::Continuation => self.continuation(&head, payload, out)?,
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
        if let Some(block) = &self.from_client.block
            && (head.kind, head.stream) != (Kind::Continuation, block.stream)
        {
            return Err(ConnectionError::protocol("a frame stands inside a header block"));
        }
        frame::check(head, self.last_stream)
    }

    fn headers(
        &mut self,
        head: &FrameHead,
        payload: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<(), ConnectionError> {
        let mut piece = frame::unpadded(head, payload)?;
        if head.has(PRIORITY) {
            let behind = piece.split_at_checked(5);
            piece = behind.ok_or(ConnectionError::size("a priority is cut short"))?.1;
        }
        let is_last = head.has(END_STREAM);
        let block = OpenBlock { stream: head.stream, is_last, bytes: Vec::new(), continuations: 0 };
        self.block_piece(block, head, piece, out)
    }

    fn continuation(
        &mut self,
        head: &FrameHead,
        payload: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<(), ConnectionError> {
        let block = self.from_client.block.take();
        let mut block = block.ok_or(ConnectionError::protocol("no header block is open"))?;
        block.continuations += 1;
        self.block_piece(block, head, payload, out)
    }

    fn block_piece(
        &mut self,
        mut block: OpenBlock,
        head: &FrameHead,
        piece: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<(), ConnectionError> {
        let bytes_max = self.limits.block_bytes_max;
        block.bytes.extend_from_slice(piece);
        if block.bytes.len() > bytes_max || block.continuations > CONTINUATIONS_MAX {
            return Err(ConnectionError::flood("a header block is too long"));
        }
        if !head.has(END_HEADERS) {
            self.from_client.block = Some(block);
            return Ok(());
        }
        let fields = self.decoder.decode(&block.bytes, bytes_max).map_err(|error| match error {
            HpackError::Malformed => ConnectionError::compression(),
            HpackError::TooLong => ConnectionError::flood("a header block is too long"),
        })?;
        match self.last_stream {
            last if block.stream > last => self.open(block.stream, block.is_last, fields, out),
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
            return Err(ConnectionError::protocol("a stream goes on behind its end"));
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

fn write_block(stream: u32, is_last: bool, fields: &[Field], out: &mut Vec<u8>) {
    let mut block = Vec::new();
    for Field { name, value } in fields {
        write_field(&mut block, name, value);
    }
    let end_stream = if is_last { END_STREAM } else { 0 };
    let (first, mut rest) = block.split_at(block.len().min(PAYLOAD_BYTES_MAX));
    let end = |rest: &[u8]| if rest.is_empty() { END_HEADERS } else { 0 };
    frame::write(out, Kind::Headers, end_stream | end(rest), stream, first);
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rest.len().min(PAYLOAD_BYTES_MAX));
        frame::write(out, Kind::Continuation, end(behind), stream, piece);
        rest = behind;
    }
}

/// The `ACK` flag and `END_STREAM` are the same bit, on kinds that never have both.
const _: () = assert!(ACK == END_STREAM);
