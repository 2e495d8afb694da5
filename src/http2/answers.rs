//! Stands between a caller of gRPC that is trusted and the side that answers it: some answers pass, and of others each
//! message is looked at before it goes on. All streams share one connection on either side.
//!
//! ```text
//! caller   ─ frames ──► answerer                            as they are; header blocks are read
//! answerer ─ HEADERS ─► read, written anew ─► caller
//!          ─ DATA ────► passes ─────────────► caller
//!                  └──► whole message ─► looked at ─┬► passed: caller
//!                                                   └► refused: caller gets a status, answerer a reset
//! ```
//!
//! A message goes on with as many bytes as it came with, so that windows need no second book: nothing is allowed
//! here that the caller did not allow. What is kept of one answer is bounded by its window, and by a limit.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::blocks::{Blocks, write_block};
use super::frame::{
    self, ACK, ConnectionError, END_STREAM, ErrorCode, FrameHead, HEAD_BYTES, Kind, PADDED,
    PAYLOAD_BYTES_MAX, PREFACE,
};
use super::grpc::{self, Status};
use super::hpack::Field;
use super::settings;

/// The most streams at a time: a build has a handful.
const STREAMS_MAX: usize = 256;

/// The most DATA frames without a byte.
const EMPTY_FRAMES_MAX: u32 = 1000;

/// The prefix of a message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// What one connection may take up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest header block, as it is sent and as a list of fields, in bytes.
    pub block_bytes_max: usize,
    /// The longest message of an answer that is looked at, in bytes. A longer one may have no room in the window.
    pub message_bytes_max: usize,
    /// What may be kept of one answer, in bytes.
    pub kept_bytes_max: usize,
}

/// Where bytes go.
#[derive(Debug)]
pub struct Outputs<'a> {
    /// To the one who calls.
    pub caller: &'a mut Vec<u8>,
    /// To the one who answers.
    pub answerer: &'a mut Vec<u8>,
}

/// What must be decided about an answer. Until it is, nothing more of that answer is looked at.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// The next message.
    Message {
        /// Its stream.
        stream: u32,
        /// What it says.
        message: Vec<u8>,
    },
    /// It ends, with success or not.
    Ended {
        /// Its stream.
        stream: u32,
        /// Whether its status says that it failed.
        failed: bool,
    },
    /// It can't be looked at.
    Unreadable {
        /// Its stream.
        stream: u32,
        /// Why not.
        reason: &'static str,
    },
}

/// Both directions of one connection.
#[derive(Debug)]
pub struct Answers {
    is_looked_at: fn(&[Field]) -> bool,
    limits: Limits,
    caller_began: bool,
    from_caller: Blocks,
    from_answerer: Blocks,
    streams: BTreeMap<u32, Stream>,
    /// Streams that were refused: what the caller still sends there goes nowhere.
    refused: BTreeSet<u32>,
    /// The highest stream that the caller has opened.
    last_stream: u32,
    empty_frames: u32,
    events: VecDeque<Event>,
}

/// One call under way.
#[derive(Debug)]
struct Stream {
    /// None if its answer passes.
    looked_at: Option<LookedAt>,
    /// Whether the head of the answer went on.
    has_begun: bool,
}

#[derive(Debug, Default)]
struct LookedAt {
    /// What came and did not go on.
    bytes: Vec<u8>,
    /// The fields that end it, behind those bytes.
    trailers: Option<Vec<Field>>,
    /// Whether something must be decided first.
    is_shown: bool,
}

impl Answers {
    /// Between a caller that is about to send its preface and the side that awaits it. `is_looked_at` says it of a
    /// call by its fields.
    pub fn new(is_looked_at: fn(&[Field]) -> bool, limits: Limits) -> Self {
        Self {
            is_looked_at,
            limits,
            caller_began: false,
            from_caller: Blocks::default(),
            from_answerer: Blocks::default(),
            streams: BTreeMap::new(),
            refused: BTreeSet::new(),
            last_stream: 0,
            empty_frames: 0,
            events: VecDeque::new(),
        }
    }

    /// The next thing to decide.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What is kept of answers, in bytes.
    pub fn kept_bytes(&self) -> usize {
        self.streams.values().filter_map(|it| it.looked_at.as_ref()).map(|it| it.bytes.len()).sum()
    }

    /// Whether this call is still under way.
    pub fn is_open(&self, stream: u32) -> bool {
        self.streams.contains_key(&stream)
    }

    /// Takes whole frames of the caller's. Says how many bytes were taken; more is needed behind the rest.
    ///
    /// # Errors
    /// [`ConnectionError`] ends the connection on both sides.
    pub fn caller_bytes(
        &mut self,
        input: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<usize, ConnectionError> {
        let mut taken = 0;
        if !self.caller_began {
            match input.get(..PREFACE.len()) {
                None => return Ok(0),
                Some(preface) if preface == PREFACE => {}
                Some(_) => return Err(ConnectionError::protocol("the preface is missing")),
            }
            self.caller_began = true;
            out.answerer.extend_from_slice(PREFACE);
            taken = PREFACE.len();
        }
        while let Some((head, frame)) = whole_frame(input.get(taken..).unwrap_or_default())? {
            self.caller_frame(&head, frame, out)?;
            taken += frame.len();
        }
        Ok(taken)
    }

    /// Takes whole frames of the answering side, likewise, as long as nothing must be decided.
    ///
    /// # Errors
    /// [`ConnectionError`] ends the connection on both sides.
    pub fn answerer_bytes(
        &mut self,
        input: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<usize, ConnectionError> {
        let mut taken = 0;
        while self.takes_from_answerer()
            && let Some((head, frame)) = whole_frame(input.get(taken..).unwrap_or_default())?
        {
            frame::check(&head, self.last_stream)?;
            self.answerer_frame(&head, frame, out)?;
            taken += frame.len();
        }
        Ok(taken)
    }

    /// Whether more may be taken from the answering side; if not, something must be decided first.
    pub fn takes_from_answerer(&self) -> bool {
        self.events.is_empty()
    }

    /// Lets what was shown of an answer go on: a message, in the form of `instead` if it is given, which is as
    /// long; or its end. Nothing if the call has ended meanwhile.
    pub fn pass(&mut self, number: u32, instead: Option<&[u8]>, out: &mut Outputs<'_>) {
        let Some(Stream { looked_at: Some(answer), .. }) = self.streams.get_mut(&number) else {
            return;
        };
        if !std::mem::take(&mut answer.is_shown) {
            return;
        }
        match announced(&answer.bytes) {
            Some(length) => {
                let rest = answer.bytes.split_off((PREFIX_BYTES + length).min(answer.bytes.len()));
                let mut message = std::mem::replace(&mut answer.bytes, rest);
                if let (Some(instead), Some((_, old))) =
                    (instead, message.split_at_mut_checked(PREFIX_BYTES))
                    && old.len() == instead.len()
                {
                    old.copy_from_slice(instead);
                }
                for piece in message.chunks(PAYLOAD_BYTES_MAX) {
                    frame::write(out.caller, Kind::Data, 0, number, piece);
                }
                self.advance(number);
            }
            None => {
                let trailers = answer.trailers.take().unwrap_or_default();
                self.streams.remove(&number);
                write_block(number, true, &trailers, out.caller);
            }
        }
    }

    /// Ends a call for both. Nothing if it has ended meanwhile.
    pub fn refuse(&mut self, number: u32, status: Status, message: &str, out: &mut Outputs<'_>) {
        let Some(Stream { has_begun, .. }) = self.streams.remove(&number) else { return };
        match has_begun {
            true => grpc::write_trailers(out.caller, number, status, message),
            false => grpc::write_end(out.caller, number, status, message),
        }
        frame::write_reset(out.answerer, number, ErrorCode::Cancel);
        if self.refused.len() == STREAMS_MAX {
            self.refused.pop_first();
        }
        self.refused.insert(number);
    }

    /// Appends the last word to the answering side.
    pub fn write_go_away(&self, code: ErrorCode, out: &mut Outputs<'_>) {
        frame::write_go_away(out.answerer, 0, code);
    }

    fn caller_frame(
        &mut self,
        head: &FrameHead,
        frame: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<(), ConnectionError> {
        let bytes_max = self.limits.block_bytes_max;
        if let Some(block) = self.from_caller.take(head, frame, bytes_max)? {
            if block.stream > self.last_stream {
                self.open(block.stream, &block.fields)?;
            }
            out.answerer.extend_from_slice(&block.frames);
            return Ok(());
        }
        match head.kind {
            Kind::Headers | Kind::Continuation => return Ok(()),
            Kind::PushPromise => {
                return Err(ConnectionError::protocol("a caller promises an answer"));
            }
            Kind::Settings if !head.has(ACK) => {
                settings::write_bounded(out.answerer, frame.get(HEAD_BYTES..).unwrap_or_default());
                return Ok(());
            }
            Kind::Data | Kind::WindowUpdate | Kind::RstStream
                if self.refused.contains(&head.stream) =>
            {
                return Ok(());
            }
            Kind::RstStream => drop(self.streams.remove(&head.stream)),
            _ => {}
        }
        out.answerer.extend_from_slice(frame);
        Ok(())
    }

    fn open(&mut self, number: u32, fields: &[Field]) -> Result<(), ConnectionError> {
        self.last_stream = number;
        if self.streams.len() == STREAMS_MAX {
            return Err(ConnectionError::flood("too many streams are open"));
        }
        let looked_at = (self.is_looked_at)(fields).then(LookedAt::default);
        self.streams.insert(number, Stream { looked_at, has_begun: false });
        Ok(())
    }

    fn answerer_frame(
        &mut self,
        head: &FrameHead,
        frame: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<(), ConnectionError> {
        let bytes_max = self.limits.block_bytes_max;
        if let Some(block) = self.from_answerer.take(head, frame, bytes_max)? {
            return self.answer_head(block.stream, block.is_last, block.fields, out);
        }
        let payload = frame.get(HEAD_BYTES..).unwrap_or_default();
        match head.kind {
            Kind::Data => self.answer_data(head, frame, payload, out)?,
            Kind::Settings if !head.has(ACK) => settings::write_bounded(out.caller, payload),
            Kind::RstStream => {
                if self.streams.remove(&head.stream).is_some() {
                    out.caller.extend_from_slice(frame);
                }
            }
            Kind::WindowUpdate if head.stream == 0 || self.is_open(head.stream) => {
                out.caller.extend_from_slice(frame);
            }
            Kind::Settings | Kind::Ping | Kind::GoAway => out.caller.extend_from_slice(frame),
            // Blocks that are not whole, what is of no effect, and what is of a stream that has ended.
            Kind::Headers
            | Kind::Continuation
            | Kind::WindowUpdate
            | Kind::Priority
            | Kind::PushPromise
            | Kind::Other(_) => {}
        }
        Ok(())
    }

    /// The head of an answer, or its end.
    fn answer_head(
        &mut self,
        number: u32,
        is_last: bool,
        fields: Vec<Field>,
        out: &mut Outputs<'_>,
    ) -> Result<(), ConnectionError> {
        if number > self.last_stream {
            return Err(ConnectionError::protocol("an answer to no call"));
        }
        // It has ended while this was on its way.
        let Some(stream) = self.streams.get_mut(&number) else { return Ok(()) };
        match &mut stream.looked_at {
            _ if !is_last && stream.has_begun => {
                return Err(ConnectionError::protocol("an answer begins twice"));
            }
            Some(answer) if answer.trailers.is_some() => {
                return Err(ConnectionError::protocol("an answer ends twice"));
            }
            Some(answer) if is_last => {
                answer.trailers = Some(fields);
                self.advance(number);
                return Ok(());
            }
            Some(_) | None => stream.has_begun = true,
        }
        if is_last {
            self.streams.remove(&number);
        }
        write_block(number, is_last, &fields, out.caller);
        Ok(())
    }

    fn answer_data(
        &mut self,
        head: &FrameHead,
        frame: &[u8],
        payload: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<(), ConnectionError> {
        if payload.is_empty() {
            self.empty_frames += 1;
            if self.empty_frames > EMPTY_FRAMES_MAX {
                return Err(ConnectionError::flood("too many DATA frames are empty"));
            }
        }
        let kept_bytes_max = self.limits.kept_bytes_max;
        match self.streams.get_mut(&head.stream) {
            // What was on its way when the call was refused takes no room in the caller's window.
            None => {
                if let Some(bytes) = u32::try_from(payload.len()).ok().filter(|bytes| *bytes > 0) {
                    frame::write_credit(out.answerer, 0, bytes);
                }
            }
            Some(Stream { looked_at: None, .. }) => {
                out.caller.extend_from_slice(frame);
                if head.has(END_STREAM) {
                    self.streams.remove(&head.stream);
                }
            }
            Some(Stream { looked_at: Some(answer), has_begun }) => {
                let is_odd = head.has(PADDED) || head.has(END_STREAM) || !*has_begun;
                if is_odd || answer.trailers.is_some() {
                    return Err(ConnectionError::protocol("an answer is not framed as gRPC's are"));
                }
                answer.bytes.extend_from_slice(payload);
                if answer.bytes.len() > kept_bytes_max {
                    return Err(ConnectionError::flood("an answer does not wait for its window"));
                }
                self.advance(head.stream);
            }
        }
        Ok(())
    }

    /// Shows what comes next in an answer, if it is whole and nothing else of it is shown.
    fn advance(&mut self, number: u32) {
        let message_bytes_max = self.limits.message_bytes_max;
        let Some(Stream { looked_at: Some(answer), .. }) = self.streams.get_mut(&number) else {
            return;
        };
        if answer.is_shown {
            return;
        }
        let LookedAt { bytes, trailers, .. } = answer;
        let unreadable = |reason| Some(Event::Unreadable { stream: number, reason });
        let event = match (bytes.first(), announced(bytes), trailers) {
            (Some(1..), ..) => unreadable("it is compressed"),
            (_, Some(length), _) if length > message_bytes_max => {
                unreadable("one of its messages is too long")
            }
            (_, Some(length), _) if bytes.len() >= PREFIX_BYTES + length => {
                let message = bytes.get(PREFIX_BYTES..PREFIX_BYTES + length).unwrap_or_default();
                Some(Event::Message { stream: number, message: message.to_vec() })
            }
            (Some(_), _, Some(_)) => unreadable("it ends in the middle of a message"),
            (None, _, Some(fields)) => {
                Some(Event::Ended { stream: number, failed: failed(fields) })
            }
            _ => None,
        };
        if let Some(event) = event {
            answer.is_shown = true;
            self.events.push_back(event);
        }
    }
}

/// Whether the fields that end an answer say that it failed, in a way that has one meaning.
fn failed(fields: &[Field]) -> bool {
    let mut statuses = fields.iter().filter(|field| field.name == b"grpc-status");
    match (statuses.next().map(|field| field.value.as_slice()), statuses.next()) {
        (Some([b'1'..=b'9'] | [b'1'..=b'9', b'0'..=b'9']), None) => true,
        (_, _) => false,
    }
}

/// The length of the message that begins there, in bytes.
fn announced(bytes: &[u8]) -> Option<usize> {
    let [_, length @ ..] = bytes.first_chunk::<PREFIX_BYTES>()?;
    usize::try_from(u32::from_be_bytes(*length)).ok()
}

/// The first frame, if it is whole.
fn whole_frame(input: &[u8]) -> Result<Option<(FrameHead, &[u8])>, ConnectionError> {
    let Some(head) = FrameHead::read(input) else { return Ok(None) };
    if head.length > PAYLOAD_BYTES_MAX {
        return Err(ConnectionError::size("a frame is longer than 16384 bytes"));
    }
    Ok(input.get(..HEAD_BYTES + head.length).map(|frame| (head, frame)))
}

#[cfg(test)]
mod tests;
