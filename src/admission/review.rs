//! What plugins are asked about a request that no rule forbids, and what follows from what they say.

use std::sync::Arc;

use super::case::{Before, Case};
use super::context::Context;
use super::refusal::{Refusal, Refused};
use super::verdict::{Allowed, ImageFound};
use crate::docker::{Access, Endpoint};
use crate::effects::Forwarded;
use crate::policy::review::{
    AskedImage, CancelToken, ImageSeen, Purpose, Review, ReviewRequest, Source,
};

/// How often one request is judged again, as plugins were asked anew: its image has changed each time.
pub(super) const JUDGED_AGAIN_MAX: u8 = 4;

/// A request that no rule forbids, and that plugins may; and what was said of its images so far.
#[derive(Debug)]
pub(super) struct Reviewing {
    pub(super) case: Box<Case>,
    forwarded: Forwarded,
    body: Arc<Vec<u8>>,
    /// The image that the rules have judged, if they had to know it.
    pinned: Option<String>,
    /// Of each image in turn.
    said: Vec<Review>,
    /// The same when the request was judged before.
    said_before: Vec<Review>,
}

/// What follows from what plugins have said.
#[derive(Debug)]
pub(super) enum Then {
    /// There is another image to ask about.
    Ask(Box<Reviewing>),
    /// It took its time: what was judged may be something else meanwhile.
    Again(Box<Case>),
    Refuse(Box<Case>, Refused),
    /// It is let through, of the image with this identifier if there is one.
    Forward(Box<Case>, Forwarded, Arc<Vec<u8>>, Option<String>),
}

/// Whether plugins have a say.
pub(super) fn is_due(case: &Case, allowed: &Allowed) -> bool {
    case.is_reviewed() && allowed.forwarded.asked_images().next().is_some()
}

impl Reviewing {
    /// No rule forbids it: what do the plugins say? Refused if there are too many images to ask about.
    pub(super) fn begin(mut case: Box<Case>, allowed: Allowed, cx: &Context<'_>) -> Then {
        let Allowed { forwarded, body, image, started: _ } = allowed;
        if forwarded.asked_images().count() > AskedImage::OF_BUILD_MAX {
            return Then::Refuse(case, Refusal::too_many_images().into());
        }
        if case.name.is_empty() {
            case.name = cx.caller.name();
        }
        let mut body = Arc::new(body);
        let before = case.before.take().filter(|before| before.body == body);
        let said_before = before.map(|before| {
            body = before.body;
            before.said
        });
        let pinned = match image {
            ImageFound::One(id) => Some(id),
            ImageFound::None(_) | ImageFound::NotAsked => None,
        };
        let (said, said_before) = (Vec::new(), said_before.unwrap_or_default());
        Then::Ask(Box::new(Self { case, forwarded, body, pinned, said, said_before }))
    }

    /// What it weighs while plugins are asked: it is held as it came, as it will be forwarded, and in the
    /// question to the plugins.
    pub(super) fn weight(&self) -> usize {
        self.case.body.len() + 2 * self.body.len()
    }

    /// The first image of which nothing was said.
    pub(super) fn next_image(&self) -> Option<AskedImage> {
        self.forwarded.asked_images().nth(self.said.len()).cloned()
    }

    /// The question about that image.
    pub(super) fn question(
        &self,
        asked: AskedImage,
        cx: &Context<'_>,
        cancel: CancelToken,
    ) -> ReviewRequest {
        let case = &self.case;
        // A context is no JSON.
        let is_shown = !case.endpoint.body_passes() && case.endpoint != Endpoint::BuildContext;
        ReviewRequest {
            request: case.name.clone(),
            asked,
            pinned: self.pinned.clone(),
            before: self.said_before.get(self.said.len()).cloned(),
            method: case.method().into(),
            path: case.target.path().into(),
            body: is_shown.then(|| Arc::downgrade(&self.body)),
            client: cx.caller.peer.to_string(),
            cancel,
        }
    }

    /// What plugins have taken their time for is judged again, by the rules of now: what they have said
    /// stands if it is still about the same.
    pub(super) fn reviewed(mut self: Box<Self>, review: Review, cx: &mut Context<'_>) -> Then {
        if review.source != Source::Before {
            let (image, case) = (self.next_image(), &self.case);
            cx.tell_review(case.request(), &case.name, &review.opinions, image.as_ref());
        }
        if let Some(refusal) = review.opinions.refusal() {
            let refusal = Refusal::new(refusal.status(), refusal.to_string());
            return Then::Refuse(self.case, Refused::Disliked(refusal));
        }
        self.said.push(review);
        if self.said.len() < self.forwarded.asked_images().count() {
            return Then::Ask(self);
        }
        let Self { case, forwarded, body, mut said, .. } = *self;
        if said.iter().any(|review| review.source == Source::Fresh) {
            return again(case, Before { said, body }, cx);
        }
        let image = said.pop().map_or(ImageSeen::Unknown, |review| review.image);
        let asked = forwarded.image.as_ref().filter(|asked| asked.purpose == Purpose::Create);
        match (asked, image) {
            (None, _) => Then::Forward(case, forwarded, body, None),
            (Some(_), ImageSeen::One(id)) => Then::Forward(case, forwarded, body, Some(id)),
            (Some(asked), ImageSeen::None) => {
                let refusal = Refusal::no_such_image(&asked.image.to_string());
                Then::Refuse(case, refusal.into())
            }
            (Some(asked), ImageSeen::Unknown) => {
                let refusal = Refusal::unknown_image(&asked.image);
                Then::Refuse(case, refusal.into())
            }
        }
    }
}

fn again(mut case: Box<Case>, before: Before, cx: &Context<'_>) -> Then {
    case.judged_again += 1;
    if case.judged_again > JUDGED_AGAIN_MAX {
        return Then::Refuse(case, Refusal::changes().into());
    }
    case.rules = Arc::clone(cx.rules);
    case.before = Some(before);
    match case.access() {
        Ok(Access::Forbidden(violations)) => Then::Refuse(case, Refused::Forbidden(violations)),
        Ok(Access::Open) => Then::Again(case),
        Err(refusal) => Then::Refuse(case, refusal.into()),
    }
}
