//! One connection without I/O: what a client and the daemon say to each other, and what may pass.
//!
//! A session is fed bytes and says what becomes of them. It opens no socket, reads no clock and
//! knows no file: its driver ([`crate::proxy`], a test, a fuzzer) moves the bytes.
//!
//! Requests and responses each have a machine of their own, because the daemon may answer before a
//! request has ended:
//!
//! ```text
//! request    Head ─┬─► Body ───────────────────┬─► Sent ──────► Head
//!                  ├─► Collecting ─► Waiting ──┤
//!                  ├─► Dropping ─► Head        │
//!                  ├─► RefusingCalls (of gRPC) │
//!                  └─► MaySwitch ──────────────┴──► Raw, Mediated        any ─► Over
//!
//! response   Idle ───► Head ─┬─► Body ─┬─► Idle
//!                            │         └─► Done (its request has not ended) ─► Idle
//!                            ├─► Withholding ─► Idle
//!                            └─► Raw                                 any ─► Over
//! ```
//!
//! While a request is `Waiting`, [`crate::admission`] has asked something on its way to a decision, perhaps
//! several times.
//!
//! | request | response | then |
//! | --- | --- | --- |
//! | `Sent` | complete | both to the next head, or the end if either side said so |
//! | `MaySwitch` | the daemon switches | both `Raw`, or both `Mediated`: the builder, under rules |
//! | `MaySwitch` | any other answer | the held bytes are the next head, inspected like any other |
//! | `Body` | complete | the body goes on while the daemon reads it, then the end |
//! | `RefusingCalls` | whatever becomes of an idle daemon | nothing: no more goes there |
//!
//! Interest, back-pressure and half-close follow from [`Session::flow`], [`Session::is_done_with`] and
//! what is still owed; nothing else has to be remembered outside.

mod budget;
mod calls;
mod collecting;
mod deciding;
mod denial;
mod flow;
mod mediation;
mod outbox;
mod records;
mod refusals;
mod request;
mod response;
mod state;
#[cfg(test)]
mod tests;
mod withholding;

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Instant;

use crate::admission::{Class, Fate};
pub use crate::admission::{ImageChanges, Rules};
pub use budget::Budget;
pub use flow::{End, Flow, Side, Step, Ticket, UpstreamFailure};
pub use outbox::{Answer, Ask, Outbox, Turn, What, Work, Worked};

use crate::client::{ClientId, LimitMet};
use crate::http::framing::Persistence;
use crate::http::message;
use crate::record::Event;
use state::{Exchange, Request, Response};

/// Bytes of a reason that an answer carries at most.
const REASON_BYTES_MAX: usize = 32 * 1024;

/// A reason as text that is not longer than an answer should be.
fn bounded(reason: &dyn std::fmt::Display) -> String {
    let mut text = reason.to_string();
    if text.len() > REASON_BYTES_MAX {
        let end = (0..=REASON_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
    text
}

/// One client, one daemon connection, and the requests between them.
#[derive(Debug)]
pub struct Session {
    client: ClientId,
    budget: Budget,
    changes: ImageChanges,
    request: Request,
    response: Response,
    exchange: Exchange,
    end: Option<End>,
    downstream_ended: bool,
    upstream_ended: bool,
    tickets: u64,
}

impl Session {
    /// A connection on which nothing has been said yet.
    pub fn new(client: ClientId, budget: Budget, changes: ImageChanges) -> Self {
        Self {
            client,
            budget,
            changes,
            request: Request::next(),
            response: Response::Idle,
            exchange: Exchange::default(),
            end: None,
            downstream_ended: false,
            upstream_ended: false,
            tickets: 0,
        }
    }

    /// Who the client is.
    pub fn client(&self) -> &ClientId {
        &self.client
    }

    /// Says which entry of `clients` fits the client, from now on.
    pub fn identified(&mut self, name: Option<Arc<String>>) {
        self.client.name = name;
    }

    /// Whether what is under way is judged by the rules of each moment: plugins take their time, and calls of
    /// gRPC come one after the other.
    pub fn follows_rules(&self) -> bool {
        match &self.request {
            Request::Waiting(waiting) => waiting.is_review(),
            Request::Mediated(_) => true,
            _ => false,
        }
    }

    /// Whether nothing of a request is under way: the next one may be judged by other rules.
    pub fn awaits_request(&self) -> bool {
        matches!(self.request, Request::Head { .. })
    }

    /// Ends a connection that is one too many for its entry of `clients`.
    pub fn turn_away(&mut self, met: &LimitMet, turn: &mut Turn<'_>) {
        turn.out.record(&Event::ConnectionRefused { reason: met });
        self.exchange.retry_after = Some(met.retry_after_seconds());
        self.answer(429, met, Persistence::Close, turn);
        self.request = Request::Over;
        self.close();
    }

    /// What may happen to the next bytes from `side`.
    pub fn flow(&self, from: Side) -> Flow {
        match (self.end, from) {
            (Some(End::Linger), Side::Downstream) => Flow::Discard,
            (Some(_), _) => Flow::Hold,
            (None, Side::Downstream) => self.request_flow(),
            (None, Side::Upstream) => self.response_flow(),
        }
    }

    /// Shows bytes while the flow is [`Flow::Inspect`]; a head that was shown in part must be shown
    /// again from its first byte.
    pub fn bytes(&mut self, from: Side, input: &[u8], turn: &mut Turn<'_>) -> Step {
        debug_assert_eq!(self.flow(from), Flow::Inspect, "bytes are shown only when asked for");
        match from {
            Side::Downstream => self.request_bytes(input, turn),
            Side::Upstream => self.response_bytes(input, turn),
        }
    }

    /// Says that `count` bytes were moved unseen, as [`Flow::Pass`] allowed.
    pub fn passed(&mut self, from: Side, count: NonZeroU64, turn: &mut Turn<'_>) {
        match from {
            Side::Downstream => self.request_passed(count, turn),
            Side::Upstream => self.response_passed(count, turn),
        }
    }

    /// Says that `side` has ended its direction and all its bytes were shown (half-close).
    pub fn ended(&mut self, side: Side, turn: &mut Turn<'_>) {
        if self.has_ended(side) {
            return;
        }
        match side {
            Side::Downstream => self.downstream_ended = true,
            Side::Upstream => self.upstream_ended = true,
        }
        match (self.end, side) {
            (Some(End::Linger), Side::Downstream) => self.end = Some(End::Flush),
            (Some(_), _) => {}
            (None, Side::Downstream) => self.request_ended(turn),
            (None, Side::Upstream) => self.response_ended(turn),
        }
        let downstream_over = self.downstream_ended || matches!(self.request, Request::Over);
        if downstream_over && self.upstream_ended {
            self.end.get_or_insert(End::Flush);
        }
    }

    /// The answer to what was asked under this ticket; one that is over changes nothing.
    pub fn answered(&mut self, ticket: Ticket, answer: Answer, turn: &mut Turn<'_>) {
        if self.end.is_none() {
            self.request_answered(ticket, answer, turn);
        }
    }

    /// Says that the daemon cannot be reached or that its connection broke.
    ///
    /// The next request may try again, on a new connection, if the session has not ended.
    pub fn upstream_failed(&mut self, failure: &UpstreamFailure, turn: &mut Turn<'_>) {
        if self.end.is_some() {
            return;
        }
        turn.out.record(&Event::UpstreamFailed { reason: failure });
        match self.response {
            Response::Idle if self.refuses_calls() => {}
            Response::Head { .. } | Response::Withholding(_) => {
                let status = match failure {
                    UpstreamFailure::Loop(_) => 508,
                    UpstreamFailure::Unreachable(_) | UpstreamFailure::Lost(_) => 502,
                };
                self.answer_instead(status, failure, turn);
            }
            Response::Idle => self.end = Some(End::Flush),
            Response::Done => self.end = Some(End::Linger),
            Response::Body(_) | Response::Raw | Response::Mediated | Response::Over => {
                self.end = Some(End::Abort);
            }
        }
    }

    /// Says that the daemon reads no more: what it answered can still be read.
    pub fn upstream_write_closed(&mut self) {
        if matches!(self.response, Response::Mediated) {
            self.end = Some(End::Flush);
            return;
        }
        self.request = Request::Over;
        if self.upstream_ended {
            self.end.get_or_insert(End::Flush);
        }
    }

    /// Says that the client is still sending although its last answer is complete; whether that
    /// changes how the session ends.
    pub fn linger(&mut self) -> bool {
        let lingers = self.end == Some(End::Flush) && !self.downstream_ended;
        if lingers {
            self.end = Some(End::Linger);
        }
        lingers
    }

    /// When [`Session::elapsed`] must be called, unless something happens before.
    pub fn deadline(&self) -> Option<Instant> {
        if self.end.is_some() { None } else { self.request.deadline() }
    }

    /// The deadline has passed.
    pub fn elapsed(&mut self, turn: &mut Turn<'_>) {
        if self.deadline().is_some_and(|deadline| deadline <= turn.now) {
            match &self.request {
                Request::Waiting(waiting) => {
                    let late = waiting.late;
                    self.refuse(503, &late, turn);
                }
                Request::RefusingCalls(_) => {
                    let waiting_for = &"a call of gRPC (`limits.head_time`)";
                    turn.out.record(&Event::TimedOut { waiting_for });
                    self.end = Some(End::Flush);
                }
                Request::Mediated(_) => self.mediation_elapsed(turn),
                Request::Collecting(_) | Request::Dropping(_) => {
                    let slow = "the request body arrives too slowly (`limits.body_idle_time`, \
                                `limits.body_rate`)";
                    self.refuse(408, &slow, turn);
                }
                Request::Head { .. } => {
                    self.refuse(408, &"the request did not arrive in time", turn);
                }
                Request::Body(_)
                | Request::Sent
                | Request::MaySwitch
                | Request::Raw
                | Request::Over => self.give_up(&"time is up for what takes its time", turn),
            }
        }
    }

    /// How the session ends, once it does. What is owed is written first, except on an abort.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// Whether no byte will go to `side` any more, beyond what is owed: its write half can be shut.
    pub fn is_done_with(&self, side: Side) -> bool {
        match side {
            Side::Downstream => self.end.is_some() || self.response_is_over(),
            Side::Upstream => self.end.is_some() || self.request_is_over(),
        }
    }

    /// Whether the next bytes from the client may be answered at once, with no word of the daemon's: they
    /// begin or continue the head of a request, or are calls that may be refused.
    pub fn may_answer_at_once(&self) -> bool {
        matches!(
            self.request,
            Request::Head { .. } | Request::RefusingCalls(_) | Request::Mediated(_)
        )
    }

    /// Refuses whatever the client says, with an answer: it may not speak as it does.
    pub fn reject(&mut self, status: u16, reason: &dyn std::fmt::Display, turn: &mut Turn<'_>) {
        if self.end.is_none() {
            self.refuse(status, reason, turn);
        }
    }

    /// Ends without an answer: the client could not read one. What it still says is taken and dropped.
    pub fn hear_out(&mut self) {
        if self.end.is_none() {
            self.request = Request::Over;
            self.close();
        }
    }

    /// Whether a request is under way. An idle session can be closed without loss.
    pub fn is_busy(&self) -> bool {
        let waits = self.request.is_fresh() || self.refuses_calls();
        !(matches!(self.response, Response::Idle) && waits)
    }

    /// Whether the connection was handed over to a protocol other than HTTP.
    pub fn is_raw(&self) -> bool {
        matches!(self.response, Response::Raw)
    }

    fn has_ended(&self, side: Side) -> bool {
        match side {
            Side::Downstream => self.downstream_ended,
            Side::Upstream => self.upstream_ended,
        }
    }

    /// Refuses what the client sent and ends: nothing behind it can be trusted to be a request.
    fn refuse(&mut self, status: u16, reason: &dyn std::fmt::Display, turn: &mut Turn<'_>) {
        turn.out.record(&Event::Invalid { status, reason });
        turn.out.count(Class::Other, Fate::Invalid);
        self.answer(status, reason, Persistence::Close, turn);
        self.request = Request::Over;
        self.close();
    }

    /// Ends at once, where what is under way can't be: nothing that would follow can be trusted.
    fn give_up(&mut self, reason: &dyn std::fmt::Display, turn: &mut Turn<'_>) {
        turn.out.record(&Event::Error { reason });
        self.request = Request::Over;
        self.response = Response::Over;
        self.end = Some(End::Abort);
    }

    /// Ends once the last answer is written; a client that may still be sending is heard out.
    fn close(&mut self) {
        self.end = Some(if self.downstream_ended { End::Flush } else { End::Linger });
    }

    /// Answers a request that was read to its end: the connection stays usable if both sides agree.
    fn answer_whole(&mut self, status: u16, reason: &dyn std::fmt::Display, turn: &mut Turn<'_>) {
        if self.exchange.begins_calls {
            return self.refuse_calls(status, reason, turn);
        }
        self.answer(status, reason, self.exchange.persistence, turn);
        self.complete();
    }

    /// Answers in place of the daemon, whose connection is of no use any more.
    fn answer_instead(&mut self, status: u16, reason: &dyn std::fmt::Display, turn: &mut Turn<'_>) {
        let whole = matches!(self.request, Request::Sent | Request::MaySwitch);
        if whole {
            return self.answer_whole(status, reason, turn);
        }
        self.answer(status, reason, Persistence::Close, turn);
        self.request = Request::Over;
        self.response = Response::Over;
        self.close();
    }

    /// What a client is told: by whom, why, and for which client, if there are several.
    fn said(&self, reason: &dyn std::fmt::Display) -> String {
        let reason = bounded(reason);
        match &self.client.name {
            Some(name) => format!("SecDocker: {reason} (client \"{name}\")"),
            None => format!("SecDocker: {reason}"),
        }
    }

    fn answer(
        &self,
        status: u16,
        reason: &dyn std::fmt::Display,
        persistence: Persistence,
        turn: &mut Turn<'_>,
    ) {
        // What is not there is told in the daemon's words alone: there is nothing that a rule forbids.
        let message = match status {
            404 => bounded(reason),
            _ => self.said(reason),
        };
        let answer = message::Answer {
            status,
            message: &message,
            version: self.exchange.version,
            persistence,
            method: self.exchange.kind,
            retry_after: self.exchange.retry_after,
        };
        message::write_answer(turn.out.to(Side::Downstream), &answer);
    }

    /// Request and response are both complete: on to the next pair, or the end.
    fn complete(&mut self) {
        let close = self.exchange.persistence == Persistence::Close || self.downstream_ended;
        self.request = Request::next();
        self.response = Response::Idle;
        let Exchange { changes, making, .. } = std::mem::take(&mut self.exchange);
        if let Some(change) = changes {
            change.answered();
        }
        if let Some(making) = making {
            making.answered();
        }
        // An upstream that has ended is dropped; the next request gets another.
        self.upstream_ended = false;
        if close {
            self.request = Request::Over;
            self.end = Some(End::Flush);
        }
    }

    fn next_ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }
}
