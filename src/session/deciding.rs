//! Client to daemon: a request is decided. Its connection waits while something is found out, and goes on
//! with the answer; bytes, framing and what is held of the budget are known here alone.

use std::fmt::Display;

use super::budget::Share;
use super::outbox::{self, Work};
use super::state::{BodyState, Held, Request, Response, Waiting, taken};
use super::{Session, Side, Ticket, Turn, records};
use crate::admission::{
    Ask, Caller, Case, Class, Context, Fate, Forward, Question, Refusal, Refused, Step,
};
use crate::http::framing::Framing;
use crate::record::{Event, Redacted};

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
                let Waiting { pending, held: Held { passes, share }, .. } = *waiting;
                let (answer, returned) = taken(answer);
                let step = self.step(turn, |cx| pending.resume(answer, cx));
                self.go_on(step, Held { passes, share: share.or(returned) }, turn);
            }
            Request::Mediated(mediation) => {
                self.mediation_answered(mediation, ticket, answer, turn);
            }
            other => self.request = other,
        }
    }

    /// Takes one step of a decision, and tells what led to it.
    pub(super) fn step<S>(
        &self,
        turn: &mut Turn<'_>,
        take: impl FnOnce(&mut Context<'_>) -> S,
    ) -> S {
        let mut notes = Vec::new();
        // The next ticket is never used again, so it can name what asks for it.
        let (connection, number) = (self.client.connection, self.tickets + 1);
        let peer = &self.client.peer;
        let caller = Caller { connection, number, peer, who: peer.who() };
        let (now, rules, images) = (turn.now, turn.rules, &self.changes);
        let step = take(&mut Context { now, caller, rules, images, notes: &mut notes });
        for told in &notes {
            records::tell(told, turn.out);
        }
        step
    }

    fn go_on(&mut self, step: Step, held: Held, turn: &mut Turn<'_>) {
        match step {
            Step::Ask(ask) => self.wait(ask, held, turn),
            Step::Refuse(case, refused) => self.decline(&case, &refused, held.passes, turn),
            Step::Forward(forward) => self.let_through(*forward, held.passes, turn),
            Step::Broken(reason) => self.give_up(&reason, turn),
        }
    }

    fn wait(&mut self, ask: Ask, mut held: Held, turn: &mut Turn<'_>) {
        let share = held.share.get_or_insert_with(|| self.no_share());
        if let Err(no_room) = share.grow_to(ask.bytes) {
            let Refusal { status, reason, .. } = no_room.into();
            turn.out.record(&Event::Invalid { status, reason: &reason });
            return self.answer_in_place(status, &reason, held.passes, turn);
        }
        // It goes with a body that is judged elsewhere.
        let share = match ask.what {
            Question::Judge(_) => held.share.take(),
            Question::Facts(_) | Question::Review(_) => None,
        };
        self.request = Request::Waiting(Box::new(self.ask(ask, (held, share), turn)));
    }

    /// Has a question answered by the outside.
    pub(super) fn ask<P, H>(
        &mut self,
        ask: Ask<P>,
        (held, share): (H, Option<Share>),
        turn: &mut Turn<'_>,
    ) -> Waiting<P, H> {
        let (ticket, late, token) = (self.next_ticket(), ask.what.is_late(), ask.token());
        let deadline = ask.time_max.map(|time_max| turn.now + time_max);
        let what = match ask.what {
            Question::Facts(questions) => outbox::What::Facts(questions),
            Question::Review(request) => outbox::What::Review(request),
            Question::Judge(judgement) => {
                outbox::What::Work(Box::new(Work { judgement: *judgement, share }))
            }
        };
        turn.out.ask(outbox::Ask { ticket, what, token });
        let Ask { pending, guard: _guard, .. } = ask;
        Waiting { pending, held, ticket, deadline, late, _guard }
    }

    /// Answers in place of the daemon, and tells why.
    fn decline(&mut self, case: &Case, refused: &Refused, passes: Framing, turn: &mut Turn<'_>) {
        turn.out.refuse(Class::of(case.target()), (case.method(), case.target()), refused);
        self.exchange.retry_after = refused.retry_after();
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

    /// Sends what was checked on its way to the daemon.
    fn let_through(&mut self, mut forward: Forward, passes: Framing, turn: &mut Turn<'_>) {
        if let Some((container, policy)) = forward.watched() {
            turn.out.watch(container, policy);
        }
        let (method, target) = (forward.case().method(), Redacted(forward.case().target()));
        turn.out.record(&Event::Allowed { method, target, changes: forward.changes() });
        let fate = if forward.changes().is_empty() { Fate::Allowed } else { Fate::Changed };
        turn.out.count(Class::of(forward.case().target()), fate);
        if forward.fetches_images() {
            self.exchange.changes = Some(Box::new(self.changes.begin_that_goes_on()));
        }
        self.exchange.calls = forward.calls();
        self.exchange.serves = forward.session().cloned();
        forward.write(turn.out.to(Side::Upstream));
        self.request = match BodyState::of(passes) {
            Some(progress) => Request::Body(progress),
            None => self.whole_request(),
        };
        self.response = Response::head();
    }
}
