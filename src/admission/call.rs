//! The decision about one call of gRPC that builds, or about a Dockerfile that a session hands over for a build.
//!
//! ```text
//! judge ─┬─► Ask: facts ─► … ─┬─► Ask: a review of each image ─► Forward, or judged once more
//!        │                    └─► Forward
//!        └─► Refuse
//! ```
//! Which images a Dockerfile names the daemon alone sees; what comes out is judged when a container is made of it.

use std::sync::Arc;

use super::build_sessions::BuildSession;
use super::context::Context;
use super::facts::Rounds;
use super::refusal::{Refusal, Refused};
use super::review::JUDGED_AGAIN_MAX;
use super::rules::Rules;
use super::step::{Answer, Ask, Question, Step};
use crate::effects::buildkit::{self, Solve, SolveBody};
use crate::effects::{Changes, ServedBuild};
use crate::policy::facts::{Facts, Questions};
use crate::policy::review::{AskedImage, Review, ReviewRequest, Source};
use crate::policy::shown::Shown;
use crate::policy::{self, Checked, Inspected, Verdict};

/// The call by which the daemon takes files.
pub const TAKES_FILES: &str = "/moby.filesync.v1.FileSync/DiffCopy";

/// What the decision about a call comes to, or needs to come to it.
pub type CallStep = Step<PendingCall, Box<Call>, Box<Release>>;

/// A call that builds, and what plugins have said of it when it was judged before.
#[derive(Debug)]
pub struct Call {
    path: String,
    solve: Solve,
    /// The build that a Dockerfile is for.
    served: Option<Arc<ServedBuild>>,
    rules: Arc<Rules>,
    judged_again: u8,
    /// What it is called where plugins are asked about it; empty until then.
    name: String,
    /// Of each image in turn.
    said_before: Vec<Review>,
}

/// A call that goes on.
#[derive(Debug)]
pub struct Release {
    path: String,
    message: Vec<u8>,
    changes: Option<Changes>,
    changes_images: bool,
}

/// A decision about a call that waits for an answer.
#[derive(Debug)]
pub struct PendingCall(State);

#[derive(Debug)]
enum State {
    Learning(Box<Learning>),
    Reviewing(Box<Reviewing>),
}

#[derive(Debug)]
struct Learning {
    call: Box<Call>,
    inspected: Inspected<SolveBody>,
    rounds: Rounds,
}

/// A call that no rule forbids, and what plugins have said of its first images.
#[derive(Debug)]
struct Reviewing {
    call: Box<Call>,
    checked: Checked<SolveBody>,
    facts: Facts,
    images: Vec<AskedImage>,
    said: Vec<Review>,
}

/// Decides a Dockerfile that a session hands over.
pub fn judge_dockerfile(
    session: &BuildSession,
    message: Vec<u8>,
    cx: &mut Context<'_>,
) -> CallStep {
    let Some(build) = session.build() else {
        return Step::Broken("a Dockerfile is judged that is for no build");
    };
    let call = Call::new(TAKES_FILES.to_owned(), Solve::Dockerfile, cx);
    Box::new(Call { served: Some(Arc::clone(build)), ..call }).judge(message, cx)
}

impl Call {
    pub(super) fn new(path: String, solve: Solve, cx: &Context<'_>) -> Self {
        Self {
            path,
            solve,
            served: None,
            rules: Arc::clone(cx.rules),
            judged_again: 0,
            name: String::new(),
            said_before: Vec::new(),
        }
    }

    /// What it calls.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// How the log and plugins know it.
    fn request(&self) -> (&str, &str) {
        ("POST", &self.path)
    }

    /// Lets it pass as it is.
    pub(super) fn pass(self, message: Vec<u8>) -> CallStep {
        let path = self.path;
        Step::Forward(Box::new(Release { path, message, changes: None, changes_images: false }))
    }

    pub(super) fn judge(self: Box<Self>, message: Vec<u8>, cx: &mut Context<'_>) -> CallStep {
        let read = match &self.served {
            Some(build) => buildkit::read_dockerfile(build, message),
            None => buildkit::read(self.solve, message),
        };
        let inspected = match read {
            Ok(inspected) => inspected,
            Err(error) => return Step::Refuse(self, Refusal::from(error).into()),
        };
        let mut questions = policy::questions(&self.rules.policy, inspected.effects());
        if let Some(others) = &mut questions.wanted.image_names {
            match cx.images.forbidden(&self.rules.policy) {
                Ok(forbidden) => *others = forbidden,
                Err(_) => return Step::Refuse(self, Refusal::too_many_forbidden().into()),
            }
        }
        if questions.is_empty() {
            return self.settle(inspected, Facts::none(), cx);
        }
        let learning = Learning { call: self, inspected, rounds: Rounds::default() };
        Box::new(learning).ask(Box::new(questions))
    }

    /// What follows from what the rules say.
    fn settle(
        self: Box<Self>,
        inspected: Inspected<SolveBody>,
        facts: Facts,
        cx: &mut Context<'_>,
    ) -> CallStep {
        let checked = match policy::judge(&self.rules.policy, inspected, &facts) {
            Verdict::Forbidden(_) if facts.is_late() => {
                let refusal = Refusal::not_learned(facts.unresolved().as_ref());
                return Step::Refuse(self, refusal.into());
            }
            Verdict::Forbidden(violations) => {
                return Step::Refuse(self, Refused::Forbidden(violations));
            }
            Verdict::Allowed(checked) => checked,
        };
        if !self.rules.reviewed.build {
            return self.release(checked, &facts);
        }
        // The daemon alone may know which image that is.
        if let Some(image) = checked.body().odd_image() {
            let reason = format!("plugins can't be asked about image {}", Shown(image));
            return Step::Refuse(self, Refusal::new(403, reason).into());
        }
        let images = policy::images_in(checked.effects()).chain(checked.body().images());
        let images = AskedImage::of_build(images);
        if images.is_empty() {
            return self.release(checked, &facts);
        }
        if images.len() > AskedImage::OF_BUILD_MAX {
            return Step::Refuse(self, Refusal::too_many_images().into());
        }
        let mut call = self;
        if call.name.is_empty() {
            call.name = cx.caller.name();
        }
        Box::new(Reviewing { call, checked, facts, images, said: Vec::new() }).ask(cx)
    }

    /// Sends on what was checked, with what is forced on it.
    fn release(self: Box<Self>, checked: Checked<SolveBody>, facts: &Facts) -> CallStep {
        match buildkit::write(checked, &self.rules.policy, facts) {
            Ok((message, changes)) => {
                let (path, changes) = (self.path, Some(changes));
                let changes_images = self.solve == Solve::Control;
                Step::Forward(Box::new(Release { path, message, changes, changes_images }))
            }
            Err(error) => Step::Refuse(self, Refusal::new(503, error.to_string()).into()),
        }
    }
}

impl Release {
    /// What it calls.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What goes on.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// What was forced on it, if it was judged.
    #[must_use]
    pub fn changes(&self) -> Option<&Changes> {
        self.changes.as_ref()
    }

    /// Whether it may change what images are called or hold, until its answer has ended.
    #[must_use]
    pub fn changes_images(&self) -> bool {
        self.changes_images
    }
}

impl PendingCall {
    /// What its message takes in memory, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.0 {
            State::Learning(learning) => learning.inspected.body().bytes(),
            State::Reviewing(reviewing) => reviewing.checked.body().bytes(),
        }
    }

    /// Refuses the call for want of an answer.
    #[must_use]
    pub fn give_up(self) -> Box<Call> {
        match self.0 {
            State::Learning(learning) => learning.call,
            State::Reviewing(reviewing) => reviewing.call,
        }
    }

    /// Goes on with the answer.
    pub fn resume(self, answer: Answer, cx: &mut Context<'_>) -> CallStep {
        match (self.0, answer) {
            (State::Learning(learning), Answer::Facts(facts)) => learning.learned(facts, cx),
            (State::Reviewing(reviewing), Answer::Review(review)) => reviewing.reviewed(review, cx),
            _ => Step::Broken("an answer of another kind came to a question"),
        }
    }
}

impl Learning {
    fn ask(self: Box<Self>, questions: Box<Questions>) -> CallStep {
        let time_max = Some(self.call.rules.body_time_max);
        let pending = PendingCall(State::Learning(self));
        Step::Ask(Ask::new(Question::Facts(questions), pending, 0, time_max))
    }

    fn learned(mut self: Box<Self>, facts: Facts, cx: &mut Context<'_>) -> CallStep {
        cx.tell_unresolved(self.call.request(), &facts);
        let policy = &self.call.rules.policy;
        if let Some(questions) = self.rounds.next(facts, policy, self.inspected.effects()) {
            return self.ask(questions);
        }
        let Self { call, inspected, rounds: Rounds { mut facts, .. } } = *self;
        match cx.images.remember(&call.rules.policy, &call.rules.viewer, &mut facts) {
            Ok(()) => call.settle(inspected, facts, cx),
            Err(_) => Step::Refuse(call, Refusal::too_many_forbidden().into()),
        }
    }
}

impl Reviewing {
    /// Asks about the first image of which nothing was said.
    fn ask(self: Box<Self>, cx: &Context<'_>) -> CallStep {
        let Some(asked) = self.images.get(self.said.len()).cloned() else {
            return Step::Broken("there is no image to ask plugins about");
        };
        let time_max = Some(self.call.rules.review_time_max);
        Step::Ask(Ask::review(time_max, 0, |cancel| {
            let request = ReviewRequest {
                request: self.call.name.clone(),
                asked,
                pinned: None,
                before: self.call.said_before.get(self.said.len()).cloned(),
                method: "POST".into(),
                path: self.call.path.clone(),
                body: None,
                client: cx.caller.peer.to_string(),
                cancel,
            };
            (request, PendingCall(State::Reviewing(self)))
        }))
    }

    fn reviewed(mut self: Box<Self>, review: Review, cx: &mut Context<'_>) -> CallStep {
        if review.source != Source::Before {
            let (image, name) = (self.images.get(self.said.len()), &self.call.name);
            cx.tell_review(self.call.request(), name, &review.opinions, image);
        }
        if let Some(refusal) = review.opinions.refusal() {
            let refusal = Refusal::new(refusal.status(), refusal.to_string());
            return Step::Refuse(self.call, Refused::Disliked(refusal));
        }
        self.said.push(review);
        if self.said.len() < self.images.len() {
            return self.ask(cx);
        }
        let Self { mut call, checked, facts, said, .. } = *self;
        if !said.iter().any(|review| review.source == Source::Fresh) {
            return call.release(checked, &facts);
        }
        // What plugins have taken their time for is judged again, by the rules of now.
        call.judged_again += 1;
        if call.judged_again > JUDGED_AGAIN_MAX {
            return Step::Refuse(call, Refusal::changes().into());
        }
        call.rules = Arc::clone(cx.rules);
        call.said_before = said;
        call.judge(checked.into_body().into_message(), cx)
    }
}
