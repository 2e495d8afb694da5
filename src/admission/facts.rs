//! A body that is read here: what the outside must be asked, and the verdict once it has answered.

use super::case::Case;
use super::context::{Context, Note};
use super::images::ImageChanges;
use super::verdict::{self, Settled};
use crate::effects::RequestBody;
use crate::policy::facts::{Facts, Questions, ROUNDS_MAX};
use crate::policy::{self, Inspected};

/// A request whose judgement needs facts from outside.
#[derive(Debug)]
pub(super) struct Learning {
    pub(super) case: Box<Case>,
    inspected: Inspected<RequestBody>,
    /// What the rounds so far have learned.
    facts: Facts,
    round: usize,
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
        cx.tell(&case, Note::Unknown(told.to_string()));
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
    let learning = Learning { case, inspected, facts: Facts::none(), round: 1 };
    Learned::Ask(Box::new(learning), Box::new(questions), weighs)
}

impl Learning {
    /// The answers may lead to further questions; once there are none, the request is judged.
    pub(super) fn learned(mut self: Box<Self>, facts: Facts, images: &ImageChanges) -> Learned {
        self.facts.add(facts);
        let (policy, effects) = (&self.case.rules.policy, self.inspected.effects());
        let questions = policy::further_questions(policy, effects, &self.facts);
        if self.round < ROUNDS_MAX && !questions.is_empty() {
            self.round += 1;
            return Learned::Ask(self, Box::new(questions), 0);
        }
        let Self { case, inspected, mut facts, .. } = *self;
        let settled = verdict::verdict_knowing(&case, inspected, &mut facts, images);
        Learned::Settled(case, settled)
    }
}
