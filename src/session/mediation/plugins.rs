//! What plugins are asked about a build that no rule forbids: each image that the call names, one after the
//! other. Which images a Dockerfile names the daemon alone sees; what comes out is judged when a container is
//! made of it.

use std::time::Instant;

use super::super::outbox::{Ask, What};
use super::super::{Rules, Session, Ticket, Turn, audit};
use super::{Judged, Mediation, WholeCall, answer};
use crate::admission::{JUDGED_AGAIN_MAX, Refusal, Reviewed};
use crate::audit::{Event, Redacted};
use crate::effects::buildkit::SolveBody;
use crate::http2::grpc::Status;
use crate::policy::review::{AskedImage, CancelGuard, Review, ReviewRequest, Source};
use crate::policy::{self, Checked};

/// How often a call was judged, and what plugins have said of its images then.
#[derive(Debug, Default)]
pub(super) struct History {
    judged_again: u8,
    /// What it is called where plugins are asked about it; empty until then.
    name: String,
    /// Of each image in turn.
    said: Vec<Review>,
}

impl History {
    /// Whether the call was not judged before.
    pub(super) fn is_first(&self) -> bool {
        self.judged_again == 0
    }
}

/// The call whose images plugins are asked about.
#[derive(Debug)]
pub(super) struct Reviewing {
    judged: Judged,
    images: Vec<AskedImage>,
    /// What was said when it was judged before.
    history: History,
    /// What was said about the first images so far.
    said: Vec<Review>,
    pub(super) ticket: Ticket,
    pub(super) deadline: Instant,
    /// Held until the answer is there.
    _waits: CancelGuard,
}

impl Reviewing {
    pub(super) fn stream(&self) -> u32 {
        self.judged.stream
    }

    /// What its message takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.judged.checked.body().bytes()
    }
}

/// An image that plugins would have to be asked about, named so that only the daemon may know which it is.
pub(super) fn odd_image<'a>(rules: &Rules, checked: &'a Checked<SolveBody>) -> Option<&'a str> {
    checked.body().odd_image().filter(|_| rules.reviewed.build)
}

/// The images that plugins are asked about.
pub(super) fn asked_images(rules: &Rules, checked: &Checked<SolveBody>) -> Vec<AskedImage> {
    let images = policy::images_in(checked.effects()).chain(checked.body().images());
    match rules.reviewed.build {
        true => AskedImage::of_build(images),
        false => Vec::new(),
    }
}

impl Session {
    /// No rule forbids it: what do the plugins say of its images?
    pub(super) fn review_call(
        &mut self,
        mediation: &mut Mediation,
        judged: Judged,
        (images, history): (Vec<AskedImage>, History),
        turn: &mut Turn<'_>,
    ) {
        if images.len() > AskedImage::OF_BUILD_MAX {
            let refusal = Refusal::too_many_images();
            let refusal = (Status::PermissionDenied, &refusal.reason as _);
            return self.refuse_call(mediation, judged.stream, refusal, turn);
        }
        let (ticket, deadline) = (self.next_ticket(), turn.now);
        let (said, _waits) = (Vec::new(), CancelGuard::default());
        let reviewing = Reviewing { judged, images, history, said, ticket, deadline, _waits };
        self.review_next_image(mediation, Box::new(reviewing), turn);
    }

    /// Asks about the first image of which nothing was said.
    fn review_next_image(
        &mut self,
        mediation: &mut Mediation,
        mut reviewing: Box<Reviewing>,
        turn: &mut Turn<'_>,
    ) {
        let (ticket, waits) = (self.next_ticket(), CancelGuard::default());
        let Reviewing { judged, images, history, said, .. } = &mut *reviewing;
        if history.name.is_empty() {
            history.name = format!("{}-{}", self.client.connection, ticket.0);
        }
        if let Some(asked) = images.get(said.len()).cloned() {
            let question = ReviewRequest {
                request: history.name.clone(),
                asked,
                pinned: None,
                before: history.said.get(said.len()).cloned(),
                method: "POST".into(),
                path: judged.path.clone(),
                body: None,
                client: self.client.peer.to_string(),
                cancel: waits.token(),
            };
            let (what, token) = (What::Review(Box::new(question)), waits.token());
            turn.out.ask(Ask { ticket, what, token });
        }
        reviewing.ticket = ticket;
        reviewing.deadline = turn.now + reviewing.judged.rules.review_time_max;
        reviewing._waits = waits;
        mediation.reviewing = Some(reviewing);
    }

    /// The plugins have answered; there may be more images to ask about.
    pub(super) fn call_reviewed(
        &mut self,
        mediation: &mut Mediation,
        mut reviewing: Box<Reviewing>,
        review: Review,
        turn: &mut Turn<'_>,
    ) {
        let Reviewing { judged, images, history, said, .. } = &mut *reviewing;
        if review.source != Source::Before {
            for said in Reviewed::all(&review.opinions, &history.name, images.get(said.len())) {
                self.tell_review(&said);
            }
        }
        if let Some(refusal) = review.opinions.refusal() {
            let (method, target) = ("POST", Redacted(&judged.path));
            let event = Event::Disliked { method, target, reason: &refusal };
            audit::record(&self.client, &event);
            let status = match refusal.status() {
                403 => Status::PermissionDenied,
                _ => Status::Unavailable,
            };
            return answer(mediation, judged.stream, (status, &refusal), turn);
        }
        said.push(review);
        if said.len() < images.len() {
            return self.review_next_image(mediation, reviewing, turn);
        }
        if said.iter().any(|review| review.source == Source::Fresh) {
            return self.judge_call_again(mediation, *reviewing, turn);
        }
        self.release_call(mediation, reviewing.judged, turn);
    }

    /// What plugins have taken their time for is judged again, by the rules of now.
    fn judge_call_again(
        &self,
        mediation: &mut Mediation,
        reviewing: Reviewing,
        turn: &mut Turn<'_>,
    ) {
        let Reviewing { judged, history, said, .. } = reviewing;
        let Judged { stream, path, checked, .. } = judged;
        let judged_again = history.judged_again + 1;
        if judged_again > JUDGED_AGAIN_MAX {
            let refusal = Refusal::changes();
            let refusal = (Status::Unavailable, &refusal.reason as _);
            return self.refuse_call(mediation, stream, refusal, turn);
        }
        let (message, history) =
            (checked.into_body().into_message(), History { judged_again, said, ..history });
        mediation.waiting.push_front(WholeCall { stream, path, message, history });
    }
}
