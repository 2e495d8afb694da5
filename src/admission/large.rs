//! Large bodies, which are judged away from anyone who drives connections: to read one takes as long as
//! hundreds of other requests, which would have to wait.
//!
//! ```text
//! inspect ─► Judgement ─┬─► facts from outside ─► Judgement … (and once more)
//!    on a thread        └─► the verdict
//! ```
//!
//! A body that is read stays on its thread: what comes back is what follows from it. Where facts must be
//! learned in between, it is read once more, which costs others nothing.

use super::case::Case;
use super::context::Note;
use super::images::ImageChanges;
use super::verdict::{self, Settled};
use crate::docker::Endpoint;
use crate::policy;
use crate::policy::facts::{Facts, Questions, ROUNDS_MAX};

/// The longest body that is judged at once, in bytes: it takes a millisecond at most.
const AT_ONCE_BYTES_MAX: usize = 64 * 1024;

/// A body that is to be judged, with all that it takes.
#[derive(Debug)]
pub struct Judgement {
    pub(super) case: Box<Case>,
    pub(super) body: Vec<u8>,
    images: ImageChanges,
    /// What was learned in the rounds so far.
    facts: Facts,
    pub(super) round: usize,
}

/// What came of it.
#[derive(Debug)]
pub struct Judged {
    pub(super) judgement: Judgement,
    /// What is told before anything is decided.
    pub(super) told: Option<Note>,
    pub(super) outcome: Outcome,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Ask(Box<Questions>),
    Settled(Settled),
}

/// Whether a body takes so long to judge that others would have to wait. A build context may grow to
/// many times its size.
pub(super) fn is_large(endpoint: Endpoint, body: &[u8]) -> bool {
    body.len() > AT_ONCE_BYTES_MAX || (endpoint == Endpoint::BuildContext && !body.is_empty())
}

impl Judgement {
    pub(super) fn new(case: Box<Case>, body: Vec<u8>, images: ImageChanges) -> Self {
        Self { case, body, images, facts: Facts::none(), round: 0 }
    }

    pub(super) fn learned(&mut self, facts: Facts) {
        self.facts.add(facts);
    }

    /// Reads and judges the body; takes its time, and touches nothing but memory.
    #[must_use]
    pub fn run(mut self) -> Judged {
        let (told, outcome) = self.outcome();
        Judged { judgement: self, told, outcome }
    }

    fn outcome(&mut self) -> (Option<Note>, Outcome) {
        let inspected = match self.case.read(&self.body) {
            Ok(inspected) => inspected,
            Err(refusal) => return (None, Outcome::Settled(refusal.into())),
        };
        let policy = &self.case.rules.policy;
        let is_first = self.round == 0;
        let is_told = is_first && self.case.judged_again == 0;
        let told = policy.strict.told(inspected.effects()).filter(|_| is_told);
        let told = told.map(|told| Note::Unknown(told.to_string()));
        let mut questions = match is_first {
            true => policy::questions(policy, inspected.effects()),
            false => policy::further_questions(policy, inspected.effects(), &self.facts),
        };
        if is_first {
            self.case.ask_owned(&mut questions);
        }
        if self.round < ROUNDS_MAX && !questions.is_empty() {
            return (told, Outcome::Ask(Box::new(questions)));
        }
        let Self { case, facts, images, .. } = self;
        let settled = match is_first {
            true => verdict::verdict(case, inspected),
            false => verdict::verdict_knowing(case, inspected, facts, images),
        };
        (told, Outcome::Settled(settled))
    }
}
