//! Client to daemon: heads, bodies that pass, bodies that are inspected.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::time::Instant;

use super::budget::Share;
use super::state::{BodyState, Exchange, Request, Response};
use super::{End, Flow, Session, Side, Step, Turn};
use crate::admission::{
    self, Arrival, Class, Fate, Opening, Passing, Refusal, SHORT_HEAD_BYTES_MAX, Traits,
};
use crate::http::chunk::ChunkDecoder;
use crate::http::head::{self, HeadError, Lines, Version};
use crate::http::message;
use crate::record::{Event, Redacted};

/// A head that has arrived, and how.
struct Arrived<'a> {
    arrival: &'a Arrival<'a>,
    /// How long it was.
    bytes: usize,
    /// Whether the head that was read is the one that was sent, byte for byte.
    is_as_sent: bool,
}

impl Session {
    pub(super) fn request_flow(&self) -> Flow {
        match &self.request {
            Request::Head { .. } if matches!(self.response, Response::Idle) => Flow::Inspect,
            Request::Collecting(_) | Request::Dropping(_) | Request::RefusingCalls(_) => {
                Flow::Inspect
            }
            Request::Body(progress) => progress.flow(),
            Request::Raw => Flow::PassToEnd,
            Request::Mediated(mediation) if mediation.takes_from_client() => Flow::Inspect,
            Request::Over => Flow::Discard,
            Request::Head { .. }
            | Request::Waiting(_)
            | Request::Sent
            | Request::Mediated(_)
            | Request::MaySwitch => Flow::Hold,
        }
    }

    /// Whether nothing more will go to the daemon.
    pub(super) fn request_is_over(&self) -> bool {
        match self.request {
            Request::Over => true,
            Request::Collecting(_)
            | Request::Waiting(_)
            | Request::Dropping(_)
            | Request::RefusingCalls(_) => false,
            _ => self.downstream_ended,
        }
    }

    pub(super) fn request_bytes(&mut self, input: &[u8], turn: &mut Turn<'_>) -> Step {
        match std::mem::replace(&mut self.request, Request::Over) {
            Request::Head { searched, deadline, share } => {
                self.head_bytes(input, searched, (deadline, share), turn)
            }
            Request::Body(BodyState::Chunked(decoder)) => self.chunk_bytes(input, decoder, turn),
            Request::Collecting(collecting) => self.collect(input, collecting, turn),
            Request::Dropping(dropping) => self.drop_body(input, dropping, turn),
            Request::RefusingCalls(refusing) => self.refuse_call_bytes(input, refusing, turn),
            Request::Mediated(mediation) => self.mediate_client_bytes(input, mediation, turn),
            Request::Body(BodyState::Length(_) | BodyState::UntilClose)
            | Request::Waiting(_)
            | Request::Sent
            | Request::MaySwitch
            | Request::Raw
            | Request::Over => {
                self.give_up(&"bytes of the client are shown that nobody asked for", turn);
                Step::Take(input.len())
            }
        }
    }

    fn head_bytes(
        &mut self,
        input: &[u8],
        mut searched: usize,
        (deadline, share): (Option<Instant>, Option<Box<Share>>),
        turn: &mut Turn<'_>,
    ) -> Step {
        let max = turn.rules.head_bytes_max;
        match head::find_end(input, &mut searched) {
            Ok(Some(len)) if len <= max => {
                let (head, _) = input.split_at(len);
                self.whole_head(head, share, turn)
            }
            Ok(None) if input.len() <= max => {
                let share = match self.share_of_head(share, input.len()) {
                    Ok(share) => share,
                    Err(refusal) => {
                        return self.refuse_all(refusal.status, &refusal.reason, input, turn);
                    }
                };
                let deadline = deadline.or(Some(turn.now + turn.rules.head_time_max));
                self.request = Request::Head { searched, deadline, share };
                Step::More
            }
            Ok(_) => self.refuse_all(431, &HeadError::TooLong { max }, input, turn),
            Err(error) => self.refuse_all(400, &error, input, turn),
        }
    }

    /// Takes what a head of so many bytes holds of the budget. Short ones hold nothing.
    fn share_of_head(
        &self,
        share: Option<Box<Share>>,
        bytes: usize,
    ) -> Result<Option<Box<Share>>, Refusal> {
        if bytes <= SHORT_HEAD_BYTES_MAX {
            return Ok(share);
        }
        let mut share = share.unwrap_or_else(|| Box::new(self.no_share()));
        share.grow_to(bytes).map_err(|_| Refusal::too_many_heads())?;
        Ok(Some(share))
    }

    pub(super) fn refuse_all(
        &mut self,
        status: u16,
        reason: &dyn std::fmt::Display,
        input: &[u8],
        turn: &mut Turn<'_>,
    ) -> Step {
        self.refuse(status, reason, turn);
        Step::Take(input.len())
    }

    fn whole_head(&mut self, bytes: &[u8], share: Option<Box<Share>>, turn: &mut Turn<'_>) -> Step {
        match self.begin(bytes, share, turn) {
            Ok(step) => step,
            Err(refusal) => self.refuse_all(refusal.status, &refusal.reason, bytes, turn),
        }
    }

    /// A request begins: what is it, and what becomes of it?
    fn begin(
        &mut self,
        bytes: &[u8],
        share: Option<Box<Share>>,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Refusal> {
        let whole = head::with_whole_line_ends(bytes);
        let is_as_sent = matches!(whole, Cow::Borrowed(_));
        let mut lines = Lines::new();
        let head = head::parse_request(&whole, &mut lines)?;
        self.exchange = Exchange::of(&head);
        let arrival = Arrival::read(&head, is_as_sent)?;
        let framing = &arrival.framing;
        self.exchange.begins_calls = arrival.begins_calls();
        let shown = Redacted(head.target);
        turn.out.record(&Event::Received { method: head.method, target: shown });
        match admission::begin(&arrival, turn.rules, turn.now)? {
            Opening::Deny(refused) => {
                self.deny(&head, *framing, refused, turn);
                Ok(Step::Take(bytes.len()))
            }
            Opening::Pass(passing) => {
                self.expect(passing.traits);
                turn.out.count(Class::of(arrival.target.path()), Fate::Passed);
                let arrived = Arrived { arrival: &arrival, bytes: bytes.len(), is_as_sent };
                Ok(self.pass(&arrived, &passing, turn))
            }
            Opening::Inspect(mut case, traits) => {
                self.expect(traits);
                self.exchange.making = case.take_making();
                let share = self.share_of_head(share, bytes.len())?;
                let share = share.map_or_else(|| self.no_share(), |share| *share);
                self.begin_inspection(case, (&head, *framing), share, turn)?;
                Ok(Step::Take(bytes.len()))
            }
        }
    }

    /// Remembers what the head says about the response.
    fn expect(&mut self, traits: Traits) {
        let Traits { may_switch, changes, withheld } = traits;
        self.exchange.may_switch = may_switch;
        self.exchange.withheld = withheld;
        self.exchange.changes = self.changes.begin_what(changes).map(Box::new);
    }

    /// Lets a request through as it is, but for what another reader would take differently: a target
    /// in absolute form, line ends, values that the daemon passes over, an offer of HTTP/2.
    fn pass(&mut self, arrived: &Arrived<'_>, passing: &Passing, turn: &mut Turn<'_>) -> Step {
        let Arrival { head, target, framing } = arrived.arrival;
        let target = passing.target.as_ref().unwrap_or(target);
        self.response = Response::head();
        self.request = match BodyState::of(*framing) {
            Some(progress) => Request::Body(progress),
            None => self.whole_request(),
        };
        let out = turn.out.to(Side::Upstream);
        match passing.offer {
            Some(offer) => {
                message::write_with_less_http2(out, head, target.forwarded(), offer);
            }
            None if arrived.is_as_sent && target.forwarded() == head.target => {
                return Step::Forward(arrived.bytes);
            }
            None => message::write_head(out, head, target.forwarded()),
        }
        Step::Take(arrived.bytes)
    }

    pub(super) fn no_share(&self) -> Share {
        Share::none_of(&self.budget, self.client.peer.who())
    }

    pub(super) fn whole_request(&self) -> Request {
        if self.exchange.may_switch { Request::MaySwitch } else { Request::Sent }
    }

    fn chunk_bytes(
        &mut self,
        input: &[u8],
        mut decoder: ChunkDecoder,
        turn: &mut Turn<'_>,
    ) -> Step {
        match decoder.scan(input) {
            Ok(scanned) => {
                self.request = Request::Body(BodyState::Chunked(decoder));
                if scanned.ended {
                    self.body_ended();
                }
                Step::Forward(scanned.bytes)
            }
            Err(error) => self.break_off(&error, input, turn),
        }
    }

    /// A body that is already on its way turns out to be malformed: nothing of the rest passes, and
    /// the daemon sees its connection end in the middle.
    fn break_off(
        &mut self,
        reason: &dyn std::fmt::Display,
        input: &[u8],
        turn: &mut Turn<'_>,
    ) -> Step {
        if matches!(self.response, Response::Head { .. }) {
            return self.refuse_all(400, reason, input, turn);
        }
        turn.out.record(&Event::Invalid { status: 400, reason });
        self.end = Some(End::Abort);
        Step::Take(input.len())
    }

    pub(super) fn request_passed(&mut self, count: NonZeroU64, turn: &mut Turn<'_>) {
        let Request::Body(progress) = &mut self.request else {
            return self.give_up(&"bytes of the client passed unseen that are of no body", turn);
        };
        if progress.passed(count) {
            self.body_ended();
        }
    }

    fn body_ended(&mut self) {
        self.request = self.whole_request();
        if matches!(self.response, Response::Done) {
            self.complete();
        }
    }

    pub(super) fn request_ended(&mut self, turn: &mut Turn<'_>) {
        match &self.request {
            Request::Head { .. } if matches!(self.response, Response::Idle) => {
                self.end = Some(End::Flush);
            }
            Request::Body(_) if matches!(self.response, Response::Done) => {
                self.end = Some(End::Flush);
            }
            Request::RefusingCalls(_) | Request::Mediated(_) => self.end = Some(End::Flush),
            Request::Collecting(_) | Request::Dropping(_) => {
                self.refuse(400, &"the request body ended early", turn);
            }
            // An end looks the same whether the client still listens or has left. Written to, one that
            // has left resets the connection, and nobody waits for an answer any more. Clients pass
            // over interim answers (RFC 9110 §15.2), which came with HTTP/1.1.
            Request::Waiting(_) if self.exchange.version == Version::Http11 => {
                turn.out.to(Side::Downstream).extend_from_slice(message::CONTINUE);
            }
            // What was begun goes on, and its answer is written.
            Request::Head { .. }
            | Request::Body(_)
            | Request::Waiting(_)
            | Request::Sent
            | Request::MaySwitch
            | Request::Raw
            | Request::Over => {}
        }
    }
}
