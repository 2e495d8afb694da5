//! Large bodies, which are judged away from the loop: to read one takes as long as hundreds of other
//! requests, which would have to wait.
//!
//! ```text
//! inspect ─► Judging ─┬─► Asking ─► Judging … (facts from outside, and then once more)
//!    on a thread      └─► the verdict, on the loop
//! ```
//!
//! A body that is read stays on its thread: what comes back is what follows from it. Where facts must be
//! learned in between, it is read once more, which costs others nothing.

use std::time::Instant;

use super::budget::Share;
use super::images::ImageChanges;
use super::inspection::{self, ImageFound, Inspection, Settled};
use super::request::Request;
use super::{Session, Ticket, Turn, audit};
use crate::audit::Event;
use crate::docker::Endpoint;
use crate::policy;
use crate::policy::facts::{Facts, Questions, ROUNDS_MAX};
use crate::policy::review::CancelGuard;

/// The longest body that is judged on the loop, in bytes: it takes a millisecond at most.
const ON_LOOP_BYTES_MAX: usize = 64 * 1024;

/// A body that is to be judged, with all that it takes. Its share of the budget goes with it, so that it
/// counts even if nobody waits for the verdict any more.
#[derive(Debug)]
pub struct Judgement {
    inspection: Inspection,
    body: Vec<u8>,
    share: Share,
    changes: ImageChanges,
    /// What was learned in the rounds so far.
    facts: Facts,
    round: usize,
}

/// What came of it.
#[derive(Debug)]
pub struct Judged {
    judgement: Judgement,
    /// What is told of before anything is decided.
    told: Option<String>,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Ask(Box<Questions>),
    Settled(Settled),
}

/// A request whose body is being judged on another thread.
#[derive(Debug)]
pub(super) struct Judging {
    pub(super) ticket: Ticket,
    pub(super) deadline: Instant,
}

/// A request whose body is judged once more when the outside has answered.
#[derive(Debug)]
pub(super) struct Asking {
    judgement: Judgement,
    pub(super) ticket: Ticket,
    /// Until when the outside may take to answer, if not as long as the client waits.
    pub(super) deadline: Option<Instant>,
    _waits: CancelGuard,
}

/// Whether a body takes so long to judge that others would have to wait. A build context may grow to
/// many times its size.
pub(super) fn is_large(endpoint: Endpoint, body: &[u8]) -> bool {
    body.len() > ON_LOOP_BYTES_MAX || (endpoint == Endpoint::BuildContext && !body.is_empty())
}

impl Judgement {
    /// Reads and judges the body; takes its time, and touches nothing but memory.
    #[must_use]
    pub fn run(mut self) -> Judged {
        let (told, outcome) = self.outcome();
        Judged { judgement: self, told, outcome }
    }

    fn outcome(&mut self) -> (Option<String>, Outcome) {
        let inspected = match self.inspection.read(&self.body) {
            Ok(inspected) => inspected,
            Err(refusal) => return (None, Outcome::Settled(Settled::Refused(refusal))),
        };
        let policy = &self.inspection.rules.policy;
        let is_first = self.round == 0;
        let told = policy.strict.told(inspected.effects()).filter(|_| is_first);
        let told = told.map(|told| told.to_string());
        let mut questions = match is_first {
            true => policy::questions(policy, inspected.effects()),
            false => policy::further_questions(policy, inspected.effects(), &self.facts),
        };
        if is_first {
            self.inspection.ask_owned(&mut questions);
        }
        if self.round < ROUNDS_MAX && !questions.is_empty() {
            return (told, Outcome::Ask(Box::new(questions)));
        }
        let settled = match is_first {
            true => {
                inspection::verdict(&self.inspection, inspected, &self.facts, ImageFound::NotAsked)
            }
            false => inspection::verdict_knowing(
                &self.inspection,
                inspected,
                &mut self.facts,
                &self.changes,
            ),
        };
        (told, Outcome::Settled(settled))
    }
}

impl Session {
    /// Has a body judged on another thread.
    pub(super) fn judge_elsewhere(
        &mut self,
        inspection: Inspection,
        body: Vec<u8>,
        share: Share,
        turn: &mut Turn<'_>,
    ) {
        let changes = self.changes.clone();
        let facts = Facts::none();
        let judgement = Judgement { inspection, body, share, changes, facts, round: 0 };
        self.hand_out(judgement, turn);
    }

    fn hand_out(&mut self, judgement: Judgement, turn: &mut Turn<'_>) {
        let ticket = self.next_ticket();
        let deadline = turn.now + judgement.inspection.rules.body_time_max;
        turn.out.judge(ticket, judgement);
        self.request = Request::Judging(Box::new(Judging { ticket, deadline }));
    }

    /// The outside has answered what a body that is judged elsewhere made necessary to ask.
    pub(super) fn learned_for_large(&mut self, asking: Asking, facts: Facts, turn: &mut Turn<'_>) {
        let Asking { mut judgement, .. } = asking;
        self.log_unresolved(&judgement.inspection, &facts);
        judgement.facts.add(facts);
        self.hand_out(judgement, turn);
    }

    pub(super) fn request_judged(&mut self, ticket: Ticket, judged: Judged, turn: &mut Turn<'_>) {
        match std::mem::replace(&mut self.request, Request::Sent) {
            Request::Judging(judging) if judging.ticket == ticket => {
                self.settle_judged(judged, turn);
            }
            other => self.request = other,
        }
    }

    fn settle_judged(&mut self, judged: Judged, turn: &mut Turn<'_>) {
        let Judged { mut judgement, told, outcome } = judged;
        if let Some(told) = told
            && judgement.inspection.judged_again == 0
        {
            judgement.inspection.log(|method, target| {
                audit::record(&self.client, &Event::Unknown { method, target, fields: &told });
            });
        }
        match outcome {
            Outcome::Ask(questions) => {
                if judgement.round == 0 {
                    let Judgement { inspection, body, share, .. } = &mut judgement;
                    if let Err(no_room) = share.grow_to(inspection.weight_asking(body, body.len()))
                    {
                        return self.decline_unjudged(&no_room.into(), inspection, turn);
                    }
                }
                judgement.round += 1;
                let (ticket, waits) = (self.next_ticket(), CancelGuard::default());
                let deadline = judgement.inspection.deadline(&questions, turn.now);
                turn.out.ask(ticket, *questions, waits.token());
                let asking = Asking { judgement, ticket, deadline, _waits: waits };
                self.request = Request::Asking(Box::new(asking));
            }
            Outcome::Settled(settled) => {
                let Judgement { mut inspection, body, share, .. } = judgement;
                if inspection.is_reviewed() {
                    inspection.body = body;
                }
                self.settle(inspection, settled, share, turn);
            }
        }
    }
}
