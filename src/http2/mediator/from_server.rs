//! What the server sends: frames that pass as they are, but for what they say of windows and tables.

use super::super::frame::{
    self, ACK, ConnectionError, END_HEADERS, END_STREAM, FrameHead, HEAD_BYTES, Kind,
    PAYLOAD_BYTES_MAX,
};
use super::super::settings::{self, INITIAL_WINDOW_SIZE};
use super::Mediator;
use super::call::Outputs;

/// The largest window (RFC 9113 §6.9.1).
const WINDOW_BYTES_MAX: i64 = 0x7fff_ffff;

impl Mediator {
    /// Takes a frame's head, a piece of its payload, or a whole frame; 0 if more is needed for one.
    pub(super) fn server_step(
        &mut self,
        input: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<usize, ConnectionError> {
        if self.from_server.passing > 0 {
            let count = input.len().min(self.from_server.passing);
            out.client.extend_from_slice(input.get(..count).unwrap_or_default());
            self.from_server.passing -= count;
            return Ok(count);
        }
        let Some(head) = FrameHead::read(input) else { return Ok(0) };
        let block = self.from_server.block;
        if block != 0 && (head.kind, head.stream) != (Kind::Continuation, block) {
            return Err(ConnectionError::protocol("the server interrupts a header block"));
        }
        match head.kind {
            Kind::Settings if !head.has(ACK) => return self.settings(&head, input, out),
            Kind::WindowUpdate => return self.window_update(&head, input, out),
            Kind::PushPromise => {
                return Err(ConnectionError::protocol("the server opens a stream"));
            }
            Kind::Headers | Kind::Continuation => {
                self.from_server.block = if head.has(END_HEADERS) { 0 } else { head.stream };
            }
            Kind::RstStream => drop(self.streams.remove(&head.stream)),
            _ => {}
        }
        let ends = matches!(head.kind, Kind::Headers | Kind::Data) && head.has(END_STREAM);
        if let Some(stream) = self.streams.get_mut(&head.stream).filter(|_| ends) {
            stream.server_ended = true;
            self.forget_if_over(head.stream);
        }
        out.client.extend_from_slice(input.get(..HEAD_BYTES).unwrap_or_default());
        self.from_server.passing = head.length;
        Ok(HEAD_BYTES)
    }

    /// The table and the frames that the client may use are no larger than those that are read here.
    fn settings(
        &mut self,
        head: &FrameHead,
        input: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<usize, ConnectionError> {
        if head.length > PAYLOAD_BYTES_MAX || !head.length.is_multiple_of(6) {
            return Err(ConnectionError::size("the server's settings have an odd length"));
        }
        let whole = HEAD_BYTES + head.length;
        let Some(payload) = input.get(HEAD_BYTES..whole) else { return Ok(0) };
        for (name, value) in settings::read(payload) {
            if name == INITIAL_WINDOW_SIZE {
                self.set_stream_window(value.into())?;
            }
        }
        settings::write_bounded(out.client, payload);
        self.send_all(out);
        Ok(whole)
    }

    fn set_stream_window(&mut self, bytes: i64) -> Result<(), ConnectionError> {
        if bytes > WINDOW_BYTES_MAX {
            return Err(ConnectionError::protocol("the server's window is too large"));
        }
        let more = bytes - self.stream_window;
        self.stream_window = bytes;
        self.streams.values_mut().for_each(|stream| stream.window += more);
        Ok(())
    }

    fn window_update(
        &mut self,
        head: &FrameHead,
        input: &[u8],
        out: &mut Outputs<'_>,
    ) -> Result<usize, ConnectionError> {
        if head.length != 4 {
            return Err(ConnectionError::size("a WINDOW_UPDATE has not four bytes"));
        }
        let whole = HEAD_BYTES + head.length;
        let Some(payload) = input.get(HEAD_BYTES..whole) else { return Ok(0) };
        let more = number(payload) & 0x7fff_ffff;
        if head.stream == 0 {
            self.allow_connection(more, out);
        } else if let Some(stream) = self.streams.get_mut(&head.stream) {
            stream.window = (stream.window + i64::from(more)).min(WINDOW_BYTES_MAX);
            if stream.is_held() {
                self.send(head.stream, out);
            } else if more > 0 {
                frame::write_credit(out.client, head.stream, more);
            }
        }
        Ok(whole)
    }

    /// What the server allows for bytes that the client was allowed already is not passed on.
    fn allow_connection(&mut self, more: u32, out: &mut Outputs<'_>) {
        self.window = (self.window + i64::from(more)).min(WINDOW_BYTES_MAX);
        let paid = u32::try_from(self.owed).unwrap_or(u32::MAX).min(more);
        self.owed -= u64::from(paid);
        if more > paid {
            frame::write_credit(out.client, 0, more - paid);
        }
        self.send_all(out);
    }
}

/// A big-endian number of as many bytes as there are.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
