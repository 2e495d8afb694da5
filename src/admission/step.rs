//! The steps of one decision. Each state is consumed by the answer that it waits for.

use std::time::Duration;

use super::case::Case;
use super::context::{Context, Note};
use super::facts::{self, Learned, Learning};
use super::forward::Forward;
use super::large::{self, Judged, Judgement, Outcome};
use super::refusal::Refused;
use super::review::{self, Reviewing, Then};
use super::verdict::{Allowed, ImageFound, Settled};
use crate::policy::facts::{Facts, Questions};
use crate::policy::review::{CancelGuard, CancelToken, Review, ReviewRequest};

/// What a decision comes to, or needs to come to it.
#[derive(Debug)]
#[must_use]
pub enum Step<P = Pending, C = Box<Case>, F = Box<Forward>> {
    /// Something must be found out, and brought to `resume` of what is pending.
    Ask(Ask<P>),
    /// The request is not let through.
    Refuse(C, Refused),
    /// It is, as it was checked.
    Forward(F),
    /// An answer came that is to no question: a fault of anyone who drives this.
    Broken(&'static str),
}

/// A question, and what goes on with its answer.
#[derive(Debug)]
pub struct Ask<P = Pending> {
    /// What is asked.
    pub what: Question,
    /// What the answer is brought to.
    pub pending: P,
    /// How many bytes are held until then, if that is more than before.
    pub bytes: usize,
    /// How long the answer may take; as long as the client waits if there is none.
    pub time_max: Option<Duration>,
    /// To be held until the answer is there.
    pub guard: CancelGuard,
}

/// What is asked.
#[derive(Debug)]
pub enum Question {
    /// What is outside.
    Facts(Box<Questions>),
    /// What plugins say of an image.
    Review(Box<ReviewRequest>),
    /// What the rules say of a body that takes long to read: [`Judgement::run`], on any thread.
    Judge(Box<Judgement>),
}

/// The answer to a question of the same kind.
#[derive(Debug)]
pub enum Answer {
    /// What was learned.
    Facts(Facts),
    /// What the plugins said.
    Review(Review),
    /// What came of the body.
    Judged(Judged),
}

/// A decision that waits for an answer.
#[derive(Debug)]
pub struct Pending(State);

#[derive(Debug)]
enum State {
    Learning(Box<Learning>),
    /// The body is judged once more when the outside has answered.
    LearningForLarge(Box<Judgement>),
    /// All of it is on another thread.
    Judging,
    Reviewing(Box<Reviewing>),
}

impl Question {
    /// What is said when the answer does not come in time.
    pub fn is_late(&self) -> &'static str {
        match self {
            Self::Facts(_) => "the daemon did not answer a policy look-up in time",
            Self::Judge(_) => "the request body was not judged in time, try again",
            Self::Review(_) => "the plugins have not answered in time",
        }
    }
}

impl Case {
    /// All that is inspected is there.
    pub fn judge(self: Box<Self>, body: Vec<u8>, cx: &mut Context<'_>) -> Step {
        if large::is_large(self.endpoint(), &body) {
            return hand_out(Judgement::new(self, body, cx.images.clone()));
        }
        go_on(facts::inspect(self, body, cx), cx)
    }
}

impl Pending {
    /// Whether plugins are asked, so that what they say is judged by the rules of that moment.
    pub fn is_review(&self) -> bool {
        matches!(self.0, State::Reviewing(_))
    }

    /// Goes on with the answer.
    pub fn resume(self, answer: Answer, cx: &mut Context<'_>) -> Step {
        match (self.0, answer) {
            (State::Learning(learning), Answer::Facts(facts)) => {
                cx.tell_unresolved(learning.case.request(), &facts);
                go_on(learning.learned(facts, cx.images), cx)
            }
            (State::LearningForLarge(mut judgement), Answer::Facts(facts)) => {
                cx.tell_unresolved(judgement.case.request(), &facts);
                judgement.learned(facts);
                hand_out(*judgement)
            }
            (State::Judging, Answer::Judged(judged)) => settle_judged(judged, cx),
            (State::Reviewing(reviewing), Answer::Review(review)) => {
                then(reviewing.reviewed(review, cx), 0, cx)
            }
            _ => Step::Broken("an answer of another kind came to a question"),
        }
    }
}

/// Asks for what must be learned, or settles.
fn go_on(learned: Learned, cx: &mut Context<'_>) -> Step {
    match learned {
        Learned::Ask(learning, questions, bytes) => {
            let time_max = learning.case.time_for(&questions);
            let (what, pending) = (Question::Facts(questions), State::Learning(learning));
            Step::Ask(Ask::new(what, Pending(pending), bytes, time_max))
        }
        Learned::Settled(case, settled) => settle(case, settled, cx),
    }
}

/// Has a body judged on another thread.
fn hand_out(judgement: Judgement) -> Step {
    let time_max = Some(judgement.case.rules().body_time_max);
    let question = Question::Judge(Box::new(judgement));
    Step::Ask(Ask::new(question, Pending(State::Judging), 0, time_max))
}

fn settle_judged(judged: Judged, cx: &mut Context<'_>) -> Step {
    let Judged { mut judgement, told, outcome } = judged;
    if let Some(told) = told {
        cx.tell(judgement.case.request(), told);
    }
    match outcome {
        Outcome::Ask(questions) => {
            let Judgement { case, body, round, .. } = &mut judgement;
            let bytes = if *round == 0 { case.weight_asking(body, body.len()) } else { 0 };
            let time_max = case.time_for(&questions);
            *round += 1;
            let pending = Pending(State::LearningForLarge(Box::new(judgement)));
            Step::Ask(Ask::new(Question::Facts(questions), pending, bytes, time_max))
        }
        Outcome::Settled(settled) => {
            let Judgement { mut case, body, .. } = judgement;
            if case.is_reviewed() {
                case.body = body;
            }
            settle(case, settled, cx)
        }
    }
}

/// What follows from what the rules say.
fn settle(case: Box<Case>, settled: Settled, cx: &mut Context<'_>) -> Step {
    let allowed = match settled {
        Settled::Refused(refused) => return Step::Refuse(case, refused),
        Settled::Allowed(allowed) => *allowed,
    };
    if let Some(excepted) = &allowed.forwarded.excepted
        && case.judged_again == 0
    {
        cx.tell(case.request(), Note::Excepted(excepted.clone()));
    }
    if review::is_due(&case, &allowed) {
        let begun = Reviewing::begin(case, allowed, cx);
        let bytes = match &begun {
            Then::Ask(reviewing) => reviewing.weight(),
            _ => 0,
        };
        return then(begun, bytes, cx);
    }
    let Allowed { forwarded, body, image, started } = allowed;
    let is_excepted = forwarded.excepted.is_some();
    let forward = Forward::new(case, forwarded, body, started);
    match image {
        // An exception is for an image, so that very one must be what runs. Where rules forbid it, another
        // one does not: its container is judged before it is started.
        ImageFound::One(id) if is_excepted => pin(forward, &id, cx),
        ImageFound::One(_) | ImageFound::NotAsked | ImageFound::None(_) => let_through(forward, cx),
    }
}

/// What follows from what plugins have said.
fn then(then: Then, bytes: usize, cx: &mut Context<'_>) -> Step {
    match then {
        Then::Ask(reviewing) => {
            let time_max = Some(reviewing.case.rules().review_time_max);
            let Some(asked) = reviewing.next_image() else {
                return Step::Broken("there is no image to ask plugins about");
            };
            Step::Ask(Ask::review(time_max, bytes, |cancel| {
                let request = reviewing.question(asked, cx, cancel);
                (request, Pending(State::Reviewing(reviewing)))
            }))
        }
        Then::Again(mut case) => {
            let body = std::mem::take(&mut case.body);
            case.judge(body, cx)
        }
        Then::Refuse(case, refused) => Step::Refuse(case, refused),
        Then::Forward(case, forwarded, body, image) => {
            let forward = Forward::reviewed(case, forwarded, body);
            match image {
                Some(id) => pin(forward, &id, cx),
                None => let_through(forward, cx),
            }
        }
    }
}

fn pin(forward: Forward, id: &str, cx: &Context<'_>) -> Step {
    match forward.pinned(id) {
        Ok(forward) => let_through(forward, cx),
        Err((case, refusal)) => Step::Refuse(case, refusal.into()),
    }
}

fn let_through(mut forward: Forward, cx: &Context<'_>) -> Step {
    match forward.join_session(cx) {
        Ok(()) => Step::Forward(Box::new(forward)),
        Err(refusal) => Step::Refuse(forward.into_case(), refusal.into()),
    }
}

impl<P> Ask<P> {
    pub(super) fn new(
        what: Question,
        pending: P,
        bytes: usize,
        time_max: Option<Duration>,
    ) -> Self {
        Self { what, pending, bytes, time_max, guard: CancelGuard::default() }
    }

    /// Asks plugins what is asked by a token that tells them whether the answer still matters.
    pub(super) fn review(
        time_max: Option<Duration>,
        bytes: usize,
        ask: impl FnOnce(CancelToken) -> (ReviewRequest, P),
    ) -> Self {
        let guard = CancelGuard::default();
        let (request, pending) = ask(guard.token());
        Self { what: Question::Review(Box::new(request)), pending, bytes, time_max, guard }
    }

    /// Tells whether the answer still matters.
    pub fn token(&self) -> CancelToken {
        self.guard.token()
    }
}
