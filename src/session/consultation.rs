//! Client to daemon, on inspected endpoints: what plugins are asked about a request that no rule forbids,
//! and what follows from what they say.

use std::sync::Arc;
use std::time::Instant;

use super::budget::Share;
use super::inspection::{ImageFound, Inspection};
use super::request::{Refusal, Request};
use super::{Rules, Session, Ticket, Turn, audit};
use crate::audit::Event;
use crate::docker::{self, Access, Endpoint, FormBody};
use crate::effects::Forwarded;
use crate::policy::review::{
    AskedImage, CancelGuard, CancelToken, ImageSeen, Opinions, PluginResult, PluginVerdict,
    Purpose, Review, ReviewRequest, Source,
};

/// How often one request is judged again, as plugins were asked anew: its image has changed each time.
pub(super) const JUDGED_AGAIN_MAX: u8 = 4;

/// A request that no rule forbids, and that plugins may.
#[derive(Debug)]
pub(super) struct Consulting {
    asking: Asking,
    pub(super) ticket: Ticket,
    /// Until when the plugins may take to answer.
    pub(super) deadline: Instant,
    _waits: CancelGuard,
}

/// The request, and what was said of its images so far.
#[derive(Debug)]
struct Asking {
    inspection: Inspection,
    forwarded: Forwarded,
    body: Arc<Vec<u8>>,
    /// The image that the rules have judged, if they had to know it.
    pinned: Option<String>,
    /// Of each image in turn.
    said: Vec<Review>,
    /// The same when the request was judged before.
    said_before: Vec<Review>,
    /// The body's share of the budget is held until the answer is there.
    share: Share,
}

/// What plugins have said of a request when it was judged before.
#[derive(Debug)]
pub(super) struct Before {
    /// Of each image in turn.
    said: Vec<Review>,
    /// What would have been forwarded then.
    pub(super) body: Arc<Vec<u8>>,
}

impl Session {
    /// No rule forbids it: what do the plugins say?
    pub(super) fn consult(
        &mut self,
        (mut inspection, image): (Inspection, ImageFound),
        forwarded: Forwarded,
        body: Vec<u8>,
        mut share: Share,
        turn: &mut Turn<'_>,
    ) {
        // It is held as it came, as it will be forwarded, and in the question to the plugins.
        if let Err(no_room) = share.grow_to(inspection.body.len() + 2 * body.len()) {
            return self.decline_unjudged(&no_room.into(), &inspection, turn);
        }
        if forwarded.asked_images().count() > AskedImage::OF_BUILD_MAX {
            return self.decline_unjudged(&Refusal::too_many_images(), &inspection, turn);
        }
        let mut body = Arc::new(body);
        let before = inspection.before.take().filter(|before| before.body == body);
        let said_before = before.map(|before| {
            body = before.body;
            before.said
        });
        let pinned = match image {
            ImageFound::One(id) => Some(id),
            ImageFound::None(_) | ImageFound::NotAsked => None,
        };
        let (said, said_before) = (Vec::new(), said_before.unwrap_or_default());
        let asking = Asking { inspection, forwarded, body, pinned, said, said_before, share };
        self.consult_about_next(asking, turn);
    }

    /// Asks about the first image of which nothing was said.
    fn consult_about_next(&mut self, mut asking: Asking, turn: &mut Turn<'_>) {
        let ticket = self.next_ticket();
        let waits = CancelGuard::default();
        let Asking { inspection, forwarded, body, pinned, said, said_before, .. } = &mut asking;
        if inspection.name.is_empty() {
            inspection.name = format!("{}-{}", self.client.connection, ticket.0);
        }
        if let Some(asked) = forwarded.asked_images().nth(said.len()).cloned() {
            let client = self.client.peer.to_string();
            let question = inspection.consultation(asked, body, client, waits.token());
            let (pinned, before) = (pinned.clone(), said_before.get(said.len()).cloned());
            turn.out.consult(ticket, ReviewRequest { pinned, before, ..question });
        }
        let deadline = turn.now + inspection.rules.review_time_max;
        let consulting = Consulting { asking, ticket, deadline, _waits: waits };
        self.request = Request::Consulting(Box::new(consulting));
    }

    pub(super) fn request_reviewed(&mut self, ticket: Ticket, advice: Review, turn: &mut Turn<'_>) {
        match std::mem::replace(&mut self.request, Request::Sent) {
            Request::Consulting(consulting) if consulting.ticket == ticket => {
                self.advised(*consulting, advice, turn);
            }
            Request::Mediated(mediation) => {
                self.mediation_reviewed(mediation, ticket, advice, turn);
            }
            other => self.request = other,
        }
    }

    /// What plugins have taken their time for is judged again, by the rules of now: what they have said
    /// stands if it is still about the same.
    fn advised(&mut self, consulting: Consulting, advice: Review, turn: &mut Turn<'_>) {
        let Consulting { mut asking, .. } = consulting;
        let Asking { inspection, forwarded, said, .. } = &mut asking;
        if advice.source != Source::Before {
            let image = forwarded.asked_images().nth(said.len());
            self.log_opinions(&advice.opinions, &inspection.name, image);
        }
        if let Some(refusal) = advice.opinions.refusal() {
            inspection.log(|method, target| {
                let event = Event::Disliked { method, target, reason: &refusal };
                audit::record(&self.client, &event);
            });
            return self.decline(refusal.status(), &refusal, inspection, turn);
        }
        said.push(advice);
        if said.len() < forwarded.asked_images().count() {
            return self.consult_about_next(asking, turn);
        }
        let Asking { inspection, forwarded, body, mut said, share, .. } = asking;
        if said.iter().any(|advice| advice.source == Source::Fresh) {
            return self.judge_again(inspection, Before { said, body }, share, turn);
        }
        let image = said.pop().map_or(ImageSeen::Unknown, |advice| advice.image);
        let asked = forwarded.image.as_ref().filter(|asked| asked.purpose == Purpose::Create);
        match (asked, &image) {
            (None, _) => self.let_through(&inspection, &forwarded, &body, turn),
            (Some(_), ImageSeen::One(id)) => {
                self.let_through_pinned(&inspection, forwarded, (&body, id), turn);
            }
            (Some(asked), ImageSeen::None) => {
                let refusal = Refusal::no_such_image(&asked.image.to_string());
                self.decline_unjudged(&refusal, &inspection, turn);
            }
            (Some(asked), ImageSeen::Unknown) => {
                let refusal = Refusal::unknown_image(&asked.image);
                self.decline_unjudged(&refusal, &inspection, turn);
            }
        }
    }

    fn judge_again(
        &mut self,
        mut inspection: Inspection,
        before: Before,
        share: Share,
        turn: &mut Turn<'_>,
    ) {
        inspection.judged_again += 1;
        if inspection.judged_again > JUDGED_AGAIN_MAX {
            return self.decline_unjudged(&Refusal::changes(), &inspection, turn);
        }
        inspection.rules = Arc::clone(turn.rules);
        inspection.before = Some(before);
        match inspection.access() {
            Ok(Access::Forbidden(violations)) => {
                self.decline_forbidden(&violations, &inspection, turn);
            }
            Ok(_) => {
                let body = std::mem::take(&mut inspection.body);
                self.inspect(inspection, body, share, turn);
            }
            Err(refusal) => self.decline_unjudged(&refusal, &inspection, turn),
        }
    }

    pub(super) fn log_opinions(
        &self,
        opinions: &Opinions,
        request: &str,
        image: Option<&AskedImage>,
    ) {
        let image = image.map_or("", |asked| &asked.given);
        for PluginResult { plugin, verdict, reason, cached, refuses } in &opinions.results {
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
    }
}

impl Inspection {
    /// Whether plugins are asked about such requests.
    pub(super) fn is_reviewed(&self) -> bool {
        let purpose = match self.endpoint {
            Endpoint::ContainerCreate => Purpose::Create,
            Endpoint::ServiceCreate | Endpoint::ServiceUpdate => Purpose::Service,
            Endpoint::ImageCreate => Purpose::Pull,
            Endpoint::Build | Endpoint::BuildContext => Purpose::Build,
            _ => return false,
        };
        self.rules.reviewed.contain(purpose)
    }

    /// Whether the request may be made at all.
    fn access(&self) -> Result<Access, Refusal> {
        let Rules { policy, reviewed, .. } = &*self.rules;
        // No such endpoint takes a form.
        let asked = (self.start().0, FormBody::None);
        Ok(docker::access(policy, *reviewed, asked, &self.target()?)?)
    }

    fn consultation(
        &self,
        asked: AskedImage,
        body: &Arc<Vec<u8>>,
        client: String,
        cancel: CancelToken,
    ) -> ReviewRequest {
        let (method, _) = self.start();
        let path = self.target().map(|target| target.path().into()).unwrap_or_default();
        // A context is no JSON.
        let is_shown = !self.endpoint.body_passes() && self.endpoint != Endpoint::BuildContext;
        let body = is_shown.then(|| Arc::downgrade(body));
        ReviewRequest {
            request: self.name.clone(),
            asked,
            pinned: None,
            before: None,
            method: method.into(),
            path,
            body,
            client,
            cancel,
        }
    }
}
