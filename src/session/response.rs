//! Daemon to client: heads, bodies, and the switch to a raw stream, on the daemon's word alone.

use std::num::NonZeroU64;

use super::state::{BodyState, Request, Response};
use super::{End, Flow, Session, Step, Turn, UpstreamFailure};
use crate::admission::Calls;
use crate::http::chunk::ChunkDecoder;
use crate::http::framing::{self, Framing, Persistence};
use crate::http::head::{self, HeadError, Lines, ResponseHead};
use crate::record::Event;

/// A daemon that sends more interim responses than this to one request is broken.
const INTERIM_MAX: u8 = 16;

impl Session {
    pub(super) fn response_flow(&self) -> Flow {
        match &self.response {
            // Without a request out, only the end of the connection is expected.
            Response::Idle
            | Response::Head { .. }
            | Response::Withholding(_)
            | Response::Done
            | Response::Mediated => Flow::Inspect,
            Response::Body(progress) => progress.flow(),
            Response::Raw => Flow::PassToEnd,
            Response::Over => Flow::Hold,
        }
    }

    /// Whether nothing more will go to the client.
    pub(super) fn response_is_over(&self) -> bool {
        match self.response {
            Response::Over => true,
            Response::Raw | Response::Mediated => self.upstream_ended,
            _ => false,
        }
    }

    pub(super) fn response_bytes(&mut self, input: &[u8], turn: &mut Turn<'_>) -> Step {
        match std::mem::replace(&mut self.response, Response::Over) {
            Response::Head { searched } => self.response_head_bytes(input, searched, turn),
            Response::Body(BodyState::Chunked(decoder)) => {
                self.response_chunk_bytes(input, decoder, turn)
            }
            Response::Withholding(withholding) => self.withhold_bytes(input, withholding, turn),
            Response::Mediated => {
                self.response = Response::Mediated;
                self.mediate_daemon_bytes(input, turn)
            }
            other => {
                self.response = other;
                self.bad_upstream(&"it sent bytes that answer no request", input, turn)
            }
        }
    }

    fn response_head_bytes(
        &mut self,
        input: &[u8],
        mut searched: usize,
        turn: &mut Turn<'_>,
    ) -> Step {
        let max = turn.rules.head_bytes_max;
        self.response = Response::head();
        match head::find_end(input, &mut searched) {
            Ok(Some(len)) if len <= max => self.whole_response_head(input.split_at(len).0, turn),
            Ok(None) if input.len() <= max => {
                self.response = Response::Head { searched };
                Step::More
            }
            Ok(_) => self.bad_upstream(&HeadError::TooLong { max }, input, turn),
            Err(error) => self.bad_upstream(&error, input, turn),
        }
    }

    fn whole_response_head(&mut self, bytes: &[u8], turn: &mut Turn<'_>) -> Step {
        let mut lines = Lines::new();
        let head = match head::parse_response(bytes, &mut lines) {
            Ok(head) => head,
            Err(error) => return self.bad_upstream(&error, bytes, turn),
        };
        match head.status {
            101 if self.can_switch() => self.switch(bytes, turn),
            101 => self.bad_upstream(&"it switched protocols where no request may", bytes, turn),
            100..=199 if self.exchange.interim < INTERIM_MAX => {
                self.exchange.interim += 1;
                Step::Forward(bytes.len())
            }
            100..=199 => self.bad_upstream(&"it sent too many interim responses", bytes, turn),
            _ => self.final_head(bytes, &head, turn),
        }
    }

    fn can_switch(&self) -> bool {
        self.exchange.may_switch && matches!(self.request, Request::MaySwitch)
    }

    fn switch(&mut self, bytes: &[u8], turn: &mut Turn<'_>) -> Step {
        if self.exchange.calls != Calls::Pass {
            turn.out.record(&Event::CallsBegan);
            self.begin_mediation(turn.rules);
        } else {
            turn.out.record(&Event::RawStreamBegan);
            self.request = Request::Raw;
            self.response = Response::Raw;
        }
        Step::Forward(bytes.len())
    }

    fn final_head(&mut self, bytes: &[u8], head: &ResponseHead<'_>, turn: &mut Turn<'_>) -> Step {
        let framing = match framing::of_response(head, self.exchange.kind) {
            Ok(framing) => framing,
            Err(error) => return self.bad_upstream(&error, bytes, turn),
        };
        let until_close = matches!(framing, Framing::UntilClose);
        if until_close && head.status == 200 && is_raw_stream(head) && self.can_switch() {
            return self.switch(bytes, turn);
        }
        if until_close || head.persistence() == Persistence::Close {
            self.exchange.persistence = Persistence::Close;
        }
        match BodyState::of(framing) {
            Some(body) if self.exchange.withheld.is_some() && (200..300).contains(&head.status) => {
                return self.withhold(bytes, head, body, turn);
            }
            Some(progress) => self.response = Response::Body(progress),
            None => self.response_complete(),
        }
        Step::Forward(bytes.len())
    }

    fn response_chunk_bytes(
        &mut self,
        input: &[u8],
        mut decoder: ChunkDecoder,
        turn: &mut Turn<'_>,
    ) -> Step {
        let scanned = match decoder.scan(input) {
            Ok(scanned) => scanned,
            Err(error) => {
                let reason = format_args!("the daemon's answer is not valid: {error}");
                self.break_answer_off(&reason, turn);
                return Step::Take(input.len());
            }
        };
        self.response = Response::Body(BodyState::Chunked(decoder));
        if scanned.ended {
            self.response_complete();
        }
        Step::Forward(scanned.bytes)
    }

    pub(super) fn response_passed(&mut self, count: NonZeroU64, turn: &mut Turn<'_>) {
        let Response::Body(progress) = &mut self.response else {
            return self.give_up(&"bytes of the daemon passed unseen that are of no body", turn);
        };
        if progress.passed(count) {
            self.response_complete();
        }
    }

    /// The response is complete. Its request may still be on its way.
    pub(super) fn response_complete(&mut self) {
        match (&self.request, self.exchange.persistence) {
            (Request::Body(_), Persistence::KeepAlive) => self.response = Response::Done,
            (Request::Body(_) | Request::Over, _) => {
                self.response = Response::Over;
                self.close();
            }
            _ => self.complete(),
        }
    }

    pub(super) fn response_ended(&mut self, turn: &mut Turn<'_>) {
        match &self.response {
            Response::Idle if self.refuses_calls() => {}
            Response::Idle | Response::Done => {
                self.end = Some(if self.request.is_fresh() { End::Flush } else { End::Linger });
            }
            Response::Body(BodyState::UntilClose) => self.response_complete(),
            Response::Withholding(_) => self.withheld_ended(turn),
            Response::Head { .. } => {
                let lost = "the daemon closed the connection without an answer".to_owned();
                self.upstream_failed(&UpstreamFailure::Lost(lost), turn);
            }
            Response::Body(_) => {
                let reason = "the daemon closed the connection within its answer";
                self.break_answer_off(&reason, turn);
            }
            Response::Mediated => self.end = Some(End::Flush),
            Response::Raw | Response::Over => {}
        }
    }

    /// The client must see that its answer is not whole.
    fn break_answer_off(&mut self, reason: &dyn std::fmt::Display, turn: &mut Turn<'_>) {
        turn.out.record(&Event::ConnectionFailed { reason });
        self.end = Some(End::Abort);
    }

    /// The daemon's side says something that HTTP does not allow here: nothing of it passes.
    pub(super) fn bad_upstream(
        &mut self,
        reason: &dyn std::fmt::Display,
        input: &[u8],
        turn: &mut Turn<'_>,
    ) -> Step {
        let lost = format!("the daemon's answer is not valid: {reason}");
        self.exchange.persistence = Persistence::Close;
        self.upstream_failed(&UpstreamFailure::Lost(lost), turn);
        Step::Take(input.len())
    }
}

/// Whether the daemon has turned the connection into a raw or multiplexed stream without `101`, as
/// it does for clients that do not ask for an upgrade (Engine API ContainerAttach, ExecStart).
fn is_raw_stream(head: &ResponseHead<'_>) -> bool {
    const RAW: [&str; 2] =
        ["application/vnd.docker.raw-stream", "application/vnd.docker.multiplexed-stream"];
    head.headers.get("content-type").is_some_and(|value| RAW.contains(&value))
}
