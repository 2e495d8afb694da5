//! Stands between a client of gRPC and its server: some calls pass, some are held until their message was
//! judged, and some never reach the server. All streams share one connection on either side.
//!
//! ```text
//! client ─ HEADERS ─► read, written anew ─► server     at once: streams must be opened in their order
//!        ─ DATA ────► passes ─────────────► server     while the server's window has room
//!                └──► held ─► whole call ─► judged ─┬► released: server
//!                                                   └► refused: client; the server's stream is reset
//! server ─ frames ──► client                           as they are, with own ones put between them
//! ```
//!
//! Header blocks from the client are written anew without using the server's table, so that some can be left
//! out. Those from the server pass unread, and no own one touches the client's table.
//!
//! Two books are kept for what the client sends (RFC 9113 §5.2). It is allowed more for what is held as soon
//! as that has arrived, so that a long message can be held whole. What is released keeps to the windows of
//! the server, and as much of what the server then allows is not passed on, since the client has had it.

mod call;
mod from_client;
mod from_server;
mod sides;
mod stream;

use std::collections::{BTreeMap, VecDeque};

use super::frame::{self, ConnectionError, ErrorCode};
use super::grpc::{self, Status};
pub use call::{Call, Fault, Handling, Limits, Outputs};
use sides::{FromClient, FromServer};
use stream::{Held, Kind, Stream};

/// The most streams at a time. Servers of gRPC allow some 100 to 250.
const STREAMS_MAX: usize = 256;

/// What a window holds until anything else was said, in bytes (RFC 9113 §6.9.2).
const WINDOW_BYTES: i64 = 65_535;

/// Own frames for the client that wait for a gap, in bytes: with more no more is taken from it.
const WAITING_BYTES_MAX: usize = 64 * 1024;

/// Both directions of one connection.
#[derive(Debug)]
pub struct Mediator {
    handling: fn(&str) -> Handling,
    limits: Limits,
    from_client: FromClient,
    from_server: FromServer,
    streams: BTreeMap<u32, Stream>,
    /// The highest stream that the client has opened.
    last_stream: u32,
    /// What the server takes on the connection, in bytes.
    window: i64,
    /// What it takes on a stream that is opened.
    stream_window: i64,
    /// Bytes for which the client was allowed more already.
    owed: u64,
    /// Own frames that wait for a gap between those of the server.
    waiting: Vec<u8>,
    calls: VecDeque<Call>,
}

impl Mediator {
    /// Between a client that is about to send its preface and a server that awaits it.
    pub fn new(handling: fn(&str) -> Handling, limits: Limits) -> Self {
        Self {
            handling,
            limits,
            from_client: FromClient::default(),
            from_server: FromServer::default(),
            streams: BTreeMap::new(),
            last_stream: 0,
            window: WINDOW_BYTES,
            stream_window: WINDOW_BYTES,
            owed: 0,
            waiting: Vec::new(),
            calls: VecDeque::new(),
        }
    }

    /// Whether more may be taken from the client; if not, the server must move first, or a call be taken.
    pub fn takes_from_client(&self) -> bool {
        self.calls.is_empty()
            && self.waiting.len() <= WAITING_BYTES_MAX
            && self.from_client.is_served_by(self.window)
    }

    /// Takes bytes of the client's. Says how many were taken; what was not must be shown again. If nothing
    /// was and [`Mediator::takes_from_client`], more is needed behind it.
    ///
    /// # Errors
    /// [`ConnectionError`] ends the connection on both sides.
    pub fn client_bytes(
        &mut self,
        input: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<usize, ConnectionError> {
        let mut taken = 0;
        while self.takes_from_client() {
            let rest = input.get(taken..).unwrap_or_default();
            match self.client_step(rest, out)? {
                0 => break,
                count => taken += count,
            }
        }
        Ok(taken)
    }

    /// Takes bytes of the server's, likewise.
    ///
    /// # Errors
    /// [`ConnectionError`] ends the connection on both sides.
    pub fn server_bytes(
        &mut self,
        input: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<usize, ConnectionError> {
        let mut taken = 0;
        loop {
            let rest = input.get(taken..).unwrap_or_default();
            match self.server_step(rest, out)? {
                0 => return Ok(taken),
                count => taken += count,
            }
            if self.from_server.is_in_gap() && !self.waiting.is_empty() {
                out.client.append(&mut self.waiting);
            }
        }
    }

    /// The next call to be judged or refused.
    pub fn next_call(&mut self) -> Option<Call> {
        self.calls.pop_front()
    }

    /// What held and released messages take, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.streams.values().map(Stream::held_bytes).sum()
    }

    /// The call of which most is held.
    pub fn largest_held(&self) -> Option<u32> {
        let held = self.streams.iter().filter(|(_, stream)| stream.held_bytes() > 0);
        held.max_by_key(|(_, stream)| stream.held_bytes()).map(|(number, _)| *number)
    }

    /// Whether this call is still under way.
    pub fn is_open(&self, stream: u32) -> bool {
        self.streams.contains_key(&stream)
    }

    /// Lets a held call go on to the server, with this message. Nothing if it has ended meanwhile.
    pub fn release(&mut self, stream: u32, message: &[u8], out: &mut Outputs<'_>) {
        if let Some(Stream { kind: Kind::Held(held), .. }) = self.streams.get_mut(&stream) {
            *held = Held::sending(message);
            self.send(stream, out);
        }
    }

    /// Answers a call in place of the server. Nothing if it has ended meanwhile.
    pub fn refuse(&mut self, stream: u32, status: Status, message: &str, out: &mut Outputs<'_>) {
        let Some(ended) = self.streams.remove(&stream) else { return };
        let mut answer = Vec::new();
        grpc::write_end(&mut answer, stream, status, message);
        if !ended.client_ended {
            frame::write_reset(&mut answer, stream, ErrorCode::NoError);
        }
        self.tell_client(&answer, out);
        if ended.is_known_to_server() {
            frame::write_reset(out.server, stream, ErrorCode::Cancel);
        }
    }

    /// Appends the last word to the client, if it can be said between two frames of the server's.
    pub fn write_go_away(&self, code: ErrorCode, out: &mut Outputs<'_>) {
        if self.from_server.is_in_gap() {
            frame::write_go_away(out.client, self.last_stream, code);
        }
    }

    /// Writes own frames to the client, or keeps them until there is a gap.
    fn tell_client(&mut self, frames: &[u8], out: &mut Outputs<'_>) {
        if self.from_server.is_in_gap() && self.waiting.is_empty() {
            out.client.extend_from_slice(frames);
        } else {
            self.waiting.extend_from_slice(frames);
        }
    }

    /// Allows the client as much again as it has sent on this stream, and on the connection.
    fn credit(&mut self, stream: u32, bytes: usize, out: &mut Outputs<'_>) {
        if let Some(bytes) = u32::try_from(bytes).ok().filter(|bytes| *bytes > 0) {
            let mut frames = Vec::new();
            frame::write_credit(&mut frames, 0, bytes);
            if stream != 0 {
                frame::write_credit(&mut frames, stream, bytes);
            }
            self.tell_client(&frames, out);
        }
    }

    /// Sends as much of a released message as the server takes.
    fn send(&mut self, number: u32, out: &mut Outputs<'_>) {
        let Some(stream) = self.streams.get_mut(&number) else { return };
        let sent = stream.send(number, self.window, out.server);
        self.window -= i64::try_from(sent).unwrap_or(i64::MAX);
        self.owed += sent as u64;
        self.forget_if_over(number);
    }

    /// Sends of all released messages what the server takes, in the order of their streams.
    fn send_all(&mut self, out: &mut Outputs<'_>) {
        let sending = |(number, stream): (&u32, &Stream)| stream.is_sending().then_some(*number);
        let numbers: Vec<u32> = self.streams.iter().filter_map(sending).collect();
        for number in numbers {
            self.send(number, out);
        }
    }

    fn forget_if_over(&mut self, number: u32) {
        if self.streams.get(&number).is_some_and(Stream::is_over) {
            self.streams.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests;
