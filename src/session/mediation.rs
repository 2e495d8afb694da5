//! Both directions, once the daemon has gone on in HTTP/2 in answer to `POST /grpc` while rules need it:
//! calls that build are held and decided, one at a time, and nothing unknown passes. Where they are only
//! counted, all else passes, and they pass as they are. So it is with Dockerfiles that a session hands over.

use std::collections::VecDeque;

use super::calls::as_grpc;
use super::outbox::Answer;
use super::state::{
    Machine, Mediation, Request, Response, Serving, Waiting, WholeCall, outputs, taken,
};
use super::{End, Rules, Session, Step, Ticket, Turn, bounded};
use crate::admission::{
    self, BuilderCalls, CallStep, Calls, ImageChange, Refusal, Refused, Release,
};
use crate::admission::{Class, Fate};
use crate::http2::frame::ConnectionError;
use crate::http2::mediator::{Call, Limits, Mediator};
use crate::record::{Event, Redacted};

impl Session {
    /// The daemon has switched: from here on calls are looked at.
    pub(super) fn begin_mediation(&mut self, rules: &Rules) {
        let limits = Limits {
            block_bytes_max: rules.head_bytes_max,
            message_bytes_max: rules.body_bytes_max,
            held_bytes_max: rules.body_bytes_max.saturating_mul(2),
        };
        let calls = self.exchange.calls;
        let machine = match self.exchange.serves.take() {
            Some(session) => {
                let (head_bytes_max, body_bytes_max) = (rules.head_bytes_max, rules.body_bytes_max);
                let serving = Serving::new(session, head_bytes_max, body_bytes_max);
                Machine::Serves(Box::new(serving))
            }
            None => Machine::Calls(Box::new(Mediator::new(calls.handling(), limits))),
        };
        self.request = Request::Mediated(Box::new(Mediation {
            machine,
            calls: BuilderCalls::new(calls),
            whole: VecDeque::new(),
            deciding: None,
            building: Vec::new(),
            share: self.no_share(),
        }));
        self.response = Response::Mediated;
        // Each build counts for itself, unless something unknown may pass beside it.
        if calls != Calls::Counted
            && let Some(change) = self.exchange.changes.take()
        {
            change.answered();
        }
    }

    pub(super) fn mediate_client_bytes(
        &mut self,
        input: &[u8],
        mut mediation: Box<Mediation>,
        turn: &mut Turn<'_>,
    ) -> Step {
        match mediation.machine.client_bytes(input, &mut outputs(turn.out)) {
            Ok(taken) => {
                self.take_calls(&mut mediation, turn);
                let waits = taken == 0 && mediation.takes_from_client();
                self.go_on_mediating(mediation);
                if waits { Step::More } else { Step::Take(taken) }
            }
            Err(error) => self.end_mediation(&mediation, error, input, turn),
        }
    }

    pub(super) fn mediate_daemon_bytes(&mut self, input: &[u8], turn: &mut Turn<'_>) -> Step {
        let Request::Mediated(mediation) = &mut self.request else {
            self.give_up(&"answers to calls come where no calls are judged", turn);
            return Step::Take(input.len());
        };
        match mediation.machine.daemon_bytes(input, &mut outputs(turn.out)) {
            Ok(0) => Step::More,
            Ok(taken) => {
                let Mediation { machine, building, .. } = mediation.as_mut();
                let is_over = |(stream, _): &mut (u32, ImageChange)| !machine.is_open(*stream);
                building.extract_if(.., is_over).for_each(|(_, change)| change.answered());
                Step::Take(taken)
            }
            Err(error) => {
                turn.out.record(&Event::UpstreamFailed { reason: &error });
                self.end = Some(End::Abort);
                Step::Take(input.len())
            }
        }
    }

    /// Unless the session has ended meanwhile.
    fn go_on_mediating(&mut self, mediation: Box<Mediation>) {
        if self.end.is_none() {
            self.request = Request::Mediated(mediation);
        }
    }

    /// What the client says is no HTTP/2, or a flood of it.
    fn end_mediation(
        &mut self,
        mediation: &Mediation,
        error: ConnectionError,
        input: &[u8],
        turn: &mut Turn<'_>,
    ) -> Step {
        turn.out.record(&Event::Invalid { status: 400, reason: &error });
        mediation.machine.write_go_away(error.code, &mut outputs(turn.out));
        self.request = Request::Over;
        self.response = Response::Over;
        self.close();
        Step::Take(input.len())
    }

    /// Answers what is refused for what it is, and decides what is whole.
    fn take_calls(&mut self, mediation: &mut Mediation, turn: &mut Turn<'_>) {
        // What is decided about one may be followed by another.
        while self.take_calls_once(mediation, turn) {}
    }

    /// Whether there was one.
    fn take_calls_once(&mut self, mediation: &mut Mediation, turn: &mut Turn<'_>) -> bool {
        let mut has_any = false;
        while let Some(call) = mediation.machine.next_call() {
            has_any = true;
            match call {
                Call::Whole { stream, path, message } => {
                    mediation.whole.push_back(WholeCall { stream, path, message });
                }
                Call::Unwanted { stream, path, fault } => {
                    let refused = Refusal::of_call(&path, fault).into();
                    refuse_call(mediation, (stream, &path), &refused, turn);
                }
            }
        }
        keep_to_budget(mediation, turn);
        self.decide_calls(mediation, turn);
        has_any
    }

    /// Has one call decided after the other, until one must wait for an answer.
    fn decide_calls(&mut self, mediation: &mut Mediation, turn: &mut Turn<'_>) {
        while mediation.deciding.is_none()
            && self.end.is_none()
            && let Some(WholeCall { stream, path, message }) = mediation.whole.pop_front()
        {
            // Whose client has given it up is not waited for by anybody.
            if !mediation.machine.is_open(stream) {
                continue;
            }
            let Mediation { machine, calls, .. } = &mut *mediation;
            let step = self.step(turn, |cx| match machine {
                Machine::Serves(serving) => {
                    admission::judge_dockerfile(serving.session(), message, cx)
                }
                Machine::Calls(_) => calls.judge(path, message, cx),
            });
            self.go_on_with_call(mediation, stream, step, turn);
        }
        if mediation.bytes() == 0 {
            mediation.share = self.no_share();
        }
    }

    fn go_on_with_call(
        &mut self,
        mediation: &mut Mediation,
        stream: u32,
        step: CallStep,
        turn: &mut Turn<'_>,
    ) {
        match step {
            admission::Step::Ask(ask) => {
                mediation.deciding = Some(Box::new(self.ask(ask, (stream, None), turn)));
            }
            admission::Step::Refuse(call, refused) => {
                refuse_call(mediation, (stream, call.path()), &refused, turn);
            }
            admission::Step::Forward(release) => {
                self.release_call(mediation, stream, &release, turn);
            }
            admission::Step::Broken(reason) => self.give_up(&reason, turn),
        }
    }

    /// Sends on what was let through.
    fn release_call(
        &self,
        mediation: &mut Mediation,
        stream: u32,
        release: &Release,
        turn: &mut Turn<'_>,
    ) {
        if let Some(changes) = release.changes() {
            let (method, target) = ("POST", Redacted(release.path()));
            turn.out.record(&Event::Allowed { method, target, changes });
            let fate = if changes.is_empty() { Fate::Allowed } else { Fate::Changed };
            turn.out.count(Class::Builds, fate);
        }
        if release.changes_images() {
            mediation.building.push((stream, self.changes.begin()));
        }
        mediation.machine.release(stream, release.message(), &mut outputs(turn.out));
    }

    /// What was asked about a call is answered.
    pub(super) fn mediation_answered(
        &mut self,
        mut mediation: Box<Mediation>,
        ticket: Ticket,
        answer: Answer,
        turn: &mut Turn<'_>,
    ) {
        if let Some(waiting) = mediation.deciding.take_if(|waiting| waiting.ticket == ticket) {
            let Waiting { pending, held: stream, .. } = *waiting;
            let (answer, _) = taken(answer);
            let step = self.step(turn, |cx| pending.resume(answer, cx));
            self.go_on_with_call(&mut mediation, stream, step, turn);
        }
        self.decide_calls(&mut mediation, turn);
        self.take_calls(&mut mediation, turn);
        self.go_on_mediating(mediation);
    }

    /// What must be known of a call was not found out in time.
    pub(super) fn mediation_elapsed(&mut self, turn: &mut Turn<'_>) {
        let Request::Mediated(mut mediation) = std::mem::replace(&mut self.request, Request::Over)
        else {
            return self.give_up(&"time is up for a call where none is judged", turn);
        };
        if let Some(waiting) = mediation.deciding.take() {
            let Waiting { pending, held: stream, late, .. } = *waiting;
            let (call, refused) = (pending.give_up(), Refusal::new(503, late).into());
            refuse_call(&mut mediation, (stream, call.path()), &refused, turn);
        }
        self.decide_calls(&mut mediation, turn);
        self.take_calls(&mut mediation, turn);
        self.go_on_mediating(mediation);
    }
}

/// Refuses what has come last, and then what is largest, until the rest has room.
fn keep_to_budget(mediation: &mut Mediation, turn: &mut Turn<'_>) {
    while let Err(no_room) = mediation.share.grow_to(mediation.bytes()) {
        let last = mediation.whole.pop_back().map(|call| call.stream);
        let Some(stream) = last.or_else(|| mediation.machine.largest_held()) else { return };
        let refused = Refusal { status: 413, ..no_room.into() }.into();
        refuse_call(mediation, (stream, ""), &refused, turn);
    }
}

/// Answers a call in place of the daemon, and tells why.
fn refuse_call(
    mediation: &mut Mediation,
    (stream, path): (u32, &str),
    refused: &Refused,
    turn: &mut Turn<'_>,
) {
    turn.out.refuse(Class::Builds, ("POST", path), refused);
    let message = format!("SecDocker: {}", bounded(refused.reason()));
    let status = as_grpc(refused.status());
    mediation.machine.refuse(stream, status, &message, &mut outputs(turn.out));
}
