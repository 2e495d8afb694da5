//! A body that is read here: what the outside must be asked, and the verdict once it has answered.

use super::case::Case;
use super::context::{Context, Note};
use super::images::ImageChanges;
use super::verdict::{self, Settled};
use crate::effects::RequestBody;
use crate::policy::effects::RequestedEffect;
use crate::policy::facts::{Facts, Questions, ROUNDS_MAX};
use crate::policy::{self, Inspected, Policy};

/// A request whose judgement needs facts from outside.
#[derive(Debug)]
pub(super) struct Learning {
    pub(super) case: Box<Case>,
    inspected: Inspected<RequestBody>,
    rounds: Rounds,
}

/// What was learned of the outside so far, in rounds: answers may lead to further questions.
#[derive(Debug)]
pub(super) struct Rounds {
    pub(super) facts: Facts,
    /// How many there were, with the one that is under way.
    count: usize,
}

impl Default for Rounds {
    /// The first round is under way.
    fn default() -> Self {
        Self { facts: Facts::none(), count: 1 }
    }
}

impl Rounds {
    /// What must be asked after these answers, in another round, if anything.
    pub(super) fn next(
        &mut self,
        facts: Facts,
        policy: &Policy,
        effects: &[RequestedEffect],
    ) -> Option<Box<Questions>> {
        self.facts.add(facts);
        let questions = policy::further_questions(policy, effects, &self.facts);
        let is_due = self.count < ROUNDS_MAX && !questions.is_empty();
        self.count += usize::from(is_due);
        is_due.then(|| Box::new(questions))
    }
}

/// What follows from a body, or from answers about it.
#[derive(Debug)]
pub(super) enum Learned {
    /// The outside is asked, while so many bytes are held.
    Ask(Box<Learning>, Box<Questions>, usize),
    /// There is nothing more to ask.
    Settled(Box<Case>, Settled),
}

/// Reads a body that is whole, and judges it or asks first.
pub(super) fn inspect(mut case: Box<Case>, body: Vec<u8>, cx: &mut Context<'_>) -> Learned {
    let inspected = match case.read(&body) {
        Ok(inspected) => inspected,
        Err(refusal) => return Learned::Settled(case, refusal.into()),
    };
    if let Some(told) = case.rules.policy.strict.told(inspected.effects())
        && case.judged_again == 0
    {
        cx.tell(case.request(), Note::Unknown(told.to_string()));
    }
    let kept_bytes = if case.is_reviewed() { body.len() } else { 0 };
    let weighs = case.weight_asking(&body, kept_bytes);
    if kept_bytes > 0 {
        case.body = body;
    }
    let mut questions = policy::questions(&case.rules.policy, inspected.effects());
    case.ask_owned(&mut questions);
    if questions.is_empty() {
        let settled = verdict::verdict(&case, inspected);
        return Learned::Settled(case, settled);
    }
    let learning = Learning { case, inspected, rounds: Rounds::default() };
    Learned::Ask(Box::new(learning), Box::new(questions), weighs)
}

impl Learning {
    /// The answers may lead to further questions; once there are none, the request is judged.
    pub(super) fn learned(mut self: Box<Self>, facts: Facts, images: &ImageChanges) -> Learned {
        let (policy, effects) = (&self.case.rules.policy, self.inspected.effects());
        if let Some(questions) = self.rounds.next(facts, policy, effects) {
            return Learned::Ask(self, questions, 0);
        }
        let Self { case, inspected, rounds: Rounds { mut facts, .. } } = *self;
        let settled = verdict::verdict_knowing(&case, inspected, &mut facts, images);
        Learned::Settled(case, settled)
    }
}
