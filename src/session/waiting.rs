//! Client to daemon: a request is decided. Its connection waits while something is found out, and goes on
//! with the answer; bytes, framing and what is held of the budget are known here alone.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::time::Instant;

use super::budget::Share;
use super::outbox::{self, Work, Worked};
use super::request::Request;
use super::response::Response;
use super::{BodyState, Session, Side, Ticket, Turn, audit};
use crate::admission::{
    self, Answer, Ask, Caller, Case, Context, Forward, Note, Pending, Question, Refusal, Refused,
    Step, Told,
};
use crate::audit::{Event, Redacted};
use crate::effects::Excepted;
use crate::http::framing::Framing;
use crate::policy::review::{CancelGuard, PluginResult, PluginVerdict};

/// What is held for a request while it is decided.
#[derive(Debug)]
pub(super) struct Held {
    /// The body that passes once the head is allowed; none where the body itself is inspected.
    pub(super) passes: Framing,
    /// Its share of the budget.
    pub(super) share: Share,
}

/// A request whose decision needs an answer.
#[derive(Debug)]
pub(super) struct Waiting {
    pending: Pending,
    pub(super) ticket: Ticket,
    /// Until when the answer may take; none while the daemon is asked for what the client waits for as long as
    /// it likes.
    pub(super) deadline: Option<Instant>,
    /// What the client is told once that has passed.
    pub(super) late: &'static str,
    passes: Framing,
    /// None while it is with a body that is judged elsewhere.
    share: Option<Share>,
    _guard: CancelGuard,
}

impl Waiting {
    /// Whether plugins are asked.
    pub(super) fn is_review(&self) -> bool {
        self.pending.is_review()
    }
}

impl Session {
    /// All that is inspected is there.
    pub(super) fn judge(
        &mut self,
        case: Box<Case>,
        body: Vec<u8>,
        held: Held,
        turn: &mut Turn<'_>,
    ) {
        let step = self.step(turn, |cx| case.judge(body, cx));
        self.go_on(step, held, turn);
    }

    pub(super) fn request_answered(
        &mut self,
        ticket: Ticket,
        answer: outbox::Answer,
        turn: &mut Turn<'_>,
    ) {
        match std::mem::replace(&mut self.request, Request::Sent) {
            Request::Waiting(waiting) if waiting.ticket == ticket => {
                self.resume(*waiting, answer, turn);
            }
            Request::Mediated(mediation) => {
                self.mediation_answered(mediation, ticket, answer, turn);
            }
            other => self.request = other,
        }
    }

    fn resume(&mut self, waiting: Waiting, answer: outbox::Answer, turn: &mut Turn<'_>) {
        let Waiting { pending, passes, share, .. } = waiting;
        let (answer, share) = match answer {
            outbox::Answer::Facts(facts) => (Answer::Facts(facts), share),
            outbox::Answer::Review(review) => (Answer::Review(review), share),
            outbox::Answer::Worked(Worked { judged, share }) => {
                (Answer::Judged(judged), Some(share))
            }
        };
        let held = Held { passes, share: share.unwrap_or_else(|| self.no_share()) };
        let step = self.step(turn, |cx| pending.resume(answer, cx));
        self.go_on(step, held, turn);
    }

    /// Takes one step of a decision, and tells what led to it.
    fn step(
        &self,
        turn: &mut Turn<'_>,
        take: impl FnOnce(&mut Context<'_>) -> admission::Step,
    ) -> admission::Step {
        let mut notes = Vec::new();
        // The next ticket is never used again, so it can name what asks for it.
        let (connection, number) = (self.client.connection, self.tickets + 1);
        let caller = Caller { connection, number, peer: &self.client.peer };
        let (rules, images) = (turn.rules, &self.changes);
        let step = take(&mut Context { caller, rules, images, notes: &mut notes });
        for told in &notes {
            self.tell(told);
        }
        step
    }

    fn go_on(&mut self, step: admission::Step, held: Held, turn: &mut Turn<'_>) {
        match step {
            Step::Ask(ask) => self.ask(ask, held, turn),
            Step::Refuse(case, refused) => self.decline(&case, &refused, held.passes, turn),
            Step::Forward(forward) => self.let_through(*forward, held.passes, turn),
            Step::Broken(reason) => self.give_up(&reason),
        }
    }

    fn ask(&mut self, ask: Ask, held: Held, turn: &mut Turn<'_>) {
        let Held { passes, mut share } = held;
        if let Err(no_room) = share.grow_to(ask.bytes) {
            let Refusal { status, reason } = no_room.into();
            audit::record(&self.client, &Event::Invalid { status, reason: &reason });
            return self.answer_in_place(status, &reason, passes, turn);
        }
        let (ticket, late, token) = (self.next_ticket(), ask.what.is_late(), ask.token());
        let deadline = ask.time_max.map(|time_max| turn.now + time_max);
        let (what, share) = match ask.what {
            Question::Facts(questions) => (outbox::What::Facts(questions), Some(share)),
            Question::Review(request) => (outbox::What::Review(request), Some(share)),
            Question::Judge(judgement) => {
                (outbox::What::Work(Box::new(Work { judgement: *judgement, share })), None)
            }
        };
        turn.out.ask(outbox::Ask { ticket, what, token });
        let Ask { pending, guard: _guard, .. } = ask;
        let waiting = Waiting { pending, ticket, deadline, late, passes, share, _guard };
        self.request = Request::Waiting(Box::new(waiting));
    }

    /// Tells what led to a decision.
    fn tell(&self, told: &Told) {
        let Told { method, target, note } = told;
        let target = Redacted(target);
        match note {
            Note::Unknown(fields) => {
                audit::record(&self.client, &Event::Unknown { method, target, fields });
            }
            Note::Unresolved(unresolved) => {
                audit::record(&self.client, &Event::Unresolved { method, target, unresolved });
            }
            Note::Excepted(excepted) => {
                let Excepted { image: exception, lifted, reason } = &**excepted;
                let event = Event::Excepted { method, target, exception, lifted, reason };
                audit::record(&self.client, &event);
            }
            Note::Reviewed(reviewed) => self.tell_review(reviewed),
        }
    }

    /// Tells what a plugin said.
    pub(super) fn tell_review(&self, reviewed: &admission::Reviewed) {
        let admission::Reviewed { request, image, result } = reviewed;
        let PluginResult { plugin, verdict, reason, cached, refuses } = result;
        let event = Event::PluginAnswered {
            request,
            plugin,
            image,
            verdict,
            reason,
            agrees: *verdict == PluginVerdict::Allow,
            cached: *cached,
            refuses: *refuses,
        };
        audit::record(&self.client, &event);
    }

    /// Answers in place of the daemon, and tells why.
    fn decline(&mut self, case: &Case, refused: &Refused, passes: Framing, turn: &mut Turn<'_>) {
        let (method, target) = (case.method(), Redacted(case.target()));
        let event = match refused {
            Refused::Forbidden(violations) => Event::Forbidden { method, target, violations },
            Refused::Disliked(Refusal { reason, .. }) => Event::Disliked { method, target, reason },
            Refused::Unjudged(Refusal { status: 429, reason }) => {
                self.exchange.retry_after = Some(NonZeroU32::MIN);
                Event::LimitMet { method, target, reason }
            }
            Refused::Unjudged(Refusal { status, reason }) => {
                Event::Invalid { status: *status, reason }
            }
        };
        audit::record(&self.client, &event);
        self.answer_in_place(refused.status(), refused.reason(), passes, turn);
    }

    /// Answers in place of the daemon. A body that would have passed is still to come, so the
    /// connection can't go on behind it.
    fn answer_in_place(
        &mut self,
        status: u16,
        reason: &dyn Display,
        passes: Framing,
        turn: &mut Turn<'_>,
    ) {
        self.request = match passes {
            Framing::None => self.whole_request(),
            Framing::Length(_) | Framing::Chunked | Framing::UntilClose => Request::Over,
        };
        self.answer_instead(status, reason, turn);
    }

    /// A build whose Dockerfile is judged in a session, and that session, are told to the daemon by a name of our
    /// own, which stands for both together.
    fn join_build_and_session(&mut self, forward: &mut Forward) -> Result<(), Refusal> {
        let (sessions, who) = (self.changes.build_sessions(), self.client.peer.who());
        let session = match (forward.served(), forward.serves()) {
            (Some(build), _) => {
                let session = sessions.of(who, &build.session);
                if !session.begin(build) {
                    return Err(Refusal::serves_another());
                }
                session
            }
            (None, Some(name)) => sessions.of(who, name),
            (None, None) => return Ok(()),
        };
        forward.rename_session(&session.name)?;
        self.exchange.serves = Some(session);
        Ok(())
    }

    /// Sends what was checked on its way to the daemon.
    fn let_through(&mut self, mut forward: Forward, passes: Framing, turn: &mut Turn<'_>) {
        if let Err(refusal) = self.join_build_and_session(&mut forward) {
            return self.decline(forward.case(), &refusal.into(), passes, turn);
        }
        if let Some((container, policy)) = forward.watched() {
            turn.out.watch(container, policy);
        }
        let (method, target) = (forward.case().method(), Redacted(forward.case().target()));
        let event = Event::Allowed { method, target, changes: forward.changes() };
        audit::record(&self.client, &event);
        if forward.fetches_images() {
            self.exchange.changes_images = Some(Box::new(self.changes.begin_that_goes_on()));
        }
        self.exchange.calls = forward.calls();
        forward.write(turn.out.to(Side::Upstream));
        self.request = match BodyState::of(passes) {
            Some(progress) => Request::Body(progress),
            None => self.whole_request(),
        };
        self.response = Response::head();
    }
}
