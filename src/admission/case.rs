//! A request to an inspected endpoint, and the rules that it is judged by.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::kept_head::KeptHead;
use super::refusal::Refusal;
use super::rules::Rules;
use crate::client::Making;
use crate::docker::json::VALUES_MAX;
use crate::docker::{self, Access, Endpoint, FormBody};
use crate::effects::{self, RequestBody};
use crate::http::framing::Framing;
use crate::http::head::RequestHead;
use crate::http::target::Target;
use crate::policy::Inspected;
use crate::policy::facts::{Facts, Question, Questions};
use crate::policy::review::{Purpose, Review};

/// What one value of a body takes in memory at most, read and with what it would bring about.
const VALUE_BYTES: usize = 256;

/// Heads beyond this count while their request is decided: a client may have thousands of connections.
pub const SHORT_HEAD_BYTES_MAX: usize = 16 * 1024;

/// A request to an inspected endpoint. Its head was read once, and is kept as it will be forwarded.
#[derive(Debug)]
pub struct Case {
    pub(super) endpoint: Endpoint,
    pub(super) head: KeptHead,
    /// As the daemon reads it.
    pub(super) target: Target<'static>,
    pub(super) rules: Arc<Rules>,
    /// That it may make a container of a client whose are counted.
    making: Option<Making>,
    /// How many requests with it may each make one.
    making_position: Option<usize>,
    /// The inspected body as it came, to be judged again when plugins were asked.
    pub(super) body: Vec<u8>,
    /// What the request is called where plugins are asked about it; empty until then.
    pub(super) name: String,
    /// How often it was judged again.
    pub(super) judged_again: u8,
    pub(super) before: Option<Before>,
}

/// What plugins have said of a request when it was judged before.
#[derive(Debug)]
pub(super) struct Before {
    /// Of each image in turn.
    pub(super) said: Vec<Review>,
    /// What would have been forwarded then.
    pub(super) body: Arc<Vec<u8>>,
}

impl Case {
    pub(super) fn new(
        endpoint: Endpoint,
        (head, framing): (&RequestHead<'_>, Framing),
        target: Target<'static>,
        rules: Arc<Rules>,
    ) -> Self {
        let head = KeptHead::of(head, framing, endpoint);
        Self {
            endpoint,
            head,
            target,
            rules,
            making: None,
            making_position: None,
            body: Vec::new(),
            name: String::new(),
            judged_again: 0,
            before: None,
        }
    }

    /// What it asks for.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The rules that it is judged by.
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// Counts it among those that may make a container, if those of its client are counted.
    pub(super) fn count(&mut self, now: Instant) {
        if self.endpoint == Endpoint::ContainerCreate {
            self.making = self.rules.share.as_ref().and_then(|share| share.make(now));
            self.making_position = self.making.as_ref().map(Making::position);
        }
    }

    /// What counts it, to be held until the daemon has answered.
    pub fn take_making(&mut self) -> Option<Making> {
        self.making.take()
    }

    /// The method.
    pub fn method(&self) -> &str {
        self.head.method()
    }

    /// The request target, as the daemon reads it.
    pub fn target(&self) -> &str {
        self.target.forwarded()
    }

    /// How the log knows it: by its method and its target.
    pub(super) fn request(&self) -> (&str, &str) {
        (self.method(), self.target())
    }

    /// What the head weighs while the request waits, in bytes.
    pub fn head_weight(&self) -> usize {
        let bytes = self.head.bytes();
        if bytes > SHORT_HEAD_BYTES_MAX { bytes } else { 0 }
    }

    /// What the request weighs in bytes while the outside is asked about its body, of which so many bytes
    /// are kept as they came.
    pub(super) fn weight_asking(&self, body: &[u8], kept_bytes: usize) -> usize {
        let before = self.before.as_ref().map_or(0, |before| before.body.len());
        self.head_weight() + kept_bytes + before + weight(self.endpoint, body)
    }

    pub(super) fn read(&self, body: &[u8]) -> Result<Inspected<RequestBody>, Refusal> {
        Ok(effects::read(self.endpoint, &self.target, body)?)
    }

    /// Whether the request may be made at all, by the rules that it has come to be judged by.
    pub(super) fn access(&self) -> Result<Access, Refusal> {
        let Rules { policy, reviewed, .. } = &*self.rules;
        // No such endpoint takes a form.
        let asked = (self.method(), FormBody::None);
        Ok(docker::access(policy, *reviewed, asked, &self.target)?)
    }

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

    /// Asks how many containers there are, where those of the client are counted.
    pub(super) fn ask_owned(&self, questions: &mut Questions) {
        if self.making_position.is_some() {
            questions.extend(self.owner().map(Question::owned));
        }
    }

    /// The label by which containers of the client are counted.
    fn owner(&self) -> Option<&str> {
        self.rules.policy.ceilings.owner.as_deref()
    }

    /// Whether the client would have more containers than it may.
    pub(super) fn makes_too_many(&self, facts: &Facts) -> Option<Refusal> {
        let share =
            self.rules.share.as_ref().filter(|share| share.limits().containers.is_some())?;
        match (self.endpoint, self.making_position) {
            (Endpoint::ServiceCreate | Endpoint::ServiceUpdate, _) => Some(Refusal::of_services()),
            (_, Some(position)) => match self.owner().and_then(|owner| facts.owned(owner)) {
                Some(there) => share.may_make(position, *there).err().map(Refusal::from),
                None => Some(Refusal::not_learned(facts.unresolved().as_ref())),
            },
            (_, None) => None,
        }
    }

    /// How long the answers to these may take.
    pub(super) fn time_for(&self, questions: &Questions) -> Option<Duration> {
        let takes_long = |asked| matches!(asked, &Question::ImageList | &Question::Container(_));
        let may_take_long = questions.iter().any(takes_long);
        (!may_take_long).then_some(self.rules.body_time_max)
    }
}

/// What a body weighs while it waits, in bytes: `[0,0,…]` is short as text and long as a tree.
/// A build context is kept as it came, and only the Dockerfile in it read.
fn weight(endpoint: Endpoint, body: &[u8]) -> usize {
    if endpoint == Endpoint::BuildContext {
        return body.len() + (1 << 20);
    }
    let values = memchr::memchr3_iter(b',', b'[', b'{', body).count() + 1;
    // There are no more in what could be read, whatever its texts are full of.
    body.len() + values.min(VALUES_MAX) * VALUE_BYTES
}
