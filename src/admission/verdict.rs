//! What the rules say of a request that was read, by what was learned for it.

use super::case::Case;
use super::images::ImageChanges;
use super::refusal::{Refusal, Refused};
use crate::docker::Endpoint;
use crate::effects::{self, Forwarded, RequestBody};
use crate::policy::facts::{Container, ContainerFacts, Facts, ImageFacts};
use crate::policy::{self, Inspected, Reached, Verdict};

/// Most bodies that are written anew are shorter.
const USUAL_BODY_BYTES: usize = 4096;

/// What the rules had to know of the image of a container.
#[derive(Debug)]
pub(super) enum ImageFound {
    /// Nothing.
    NotAsked,
    /// It is the one with this `sha256:…`; its name may mean another one by the time the daemon looks.
    One(String),
    /// There is none by this name, and the daemon must not get one before it reads the request.
    None(String),
}

/// What the rules say of a request.
#[derive(Debug)]
pub(super) enum Settled {
    Refused(Refused),
    Allowed(Box<Allowed>),
}

/// A request that may be made.
#[derive(Debug)]
pub(super) struct Allowed {
    pub(super) forwarded: Forwarded,
    /// With this body.
    pub(super) body: Vec<u8>,
    /// Of this image.
    pub(super) image: ImageFound,
    /// The container that it starts, if what is mounted there must be looked at afterwards.
    pub(super) started: Option<String>,
}

impl From<Refusal> for Settled {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

/// The container that a request starts or reaches into.
struct Named {
    /// As the request calls it.
    name: String,
    /// `None` if the daemon has none by this name.
    id: Option<String>,
    starts: bool,
}

impl Named {
    fn of(reached: Reached<'_>) -> Named {
        let id = match reached.container {
            ContainerFacts::Present(Container { names, .. }) => names.last().cloned(),
            ContainerFacts::Absent => None,
        };
        Named { name: reached.name.to_owned(), id, starts: reached.starts }
    }
}

/// Judges a request for which nothing had to be asked.
pub(super) fn verdict(case: &Case, inspected: Inspected<RequestBody>) -> Settled {
    judge(case, inspected, &Facts::none(), ImageFound::NotAsked)
}

/// Judges a request by what was learned for it, and remembers what that tells of images.
pub(super) fn verdict_knowing(
    case: &Case,
    inspected: Inspected<RequestBody>,
    facts: &mut Facts,
    images: &ImageChanges,
) -> Settled {
    let remembered = images.remember(&case.rules.policy, &case.rules.viewer, facts);
    if remembered.is_err() && facts.image_list().is_some() {
        return Refusal::too_many_forbidden().into();
    }
    let image = match policy::image_of_container(inspected.effects(), facts) {
        Some((_, ImageFacts::Absent)) if facts.is_assumed() => ImageFound::NotAsked,
        Some((name, ImageFacts::Absent)) => ImageFound::None(name.to_string()),
        Some((_, ImageFacts::Present { id, .. })) => ImageFound::One(id.clone()),
        None => ImageFound::NotAsked,
    };
    judge(case, inspected, facts, image)
}

fn judge(
    case: &Case,
    inspected: Inspected<RequestBody>,
    facts: &Facts,
    image: ImageFound,
) -> Settled {
    let policy = &case.rules.policy;
    let named = policy::reached(inspected.effects(), facts).map(Named::of);
    let checked = match policy::judge(policy, inspected, facts) {
        Verdict::Forbidden(_) if facts.is_late() => {
            return Refusal::not_learned(facts.unresolved().as_ref()).into();
        }
        Verdict::Forbidden(violations) => {
            return Settled::Refused(Refused::Forbidden(violations));
        }
        Verdict::Allowed(checked) => checked,
    };
    if let ImageFound::None(name) = &image {
        return Refusal::no_such_image(name).into();
    }
    if let Some(refusal) = case.makes_too_many(facts) {
        return refusal.into();
    }
    // Raw, it would be served to builds that nobody sees.
    if case.endpoint == Endpoint::Session && facts.builder().is_none() && !facts.is_assumed() {
        return Refusal::not_learned(facts.unresolved().as_ref()).into();
    }
    let judges_sessions = policy.judges_dockerfiles_of_sessions(facts);
    let is_unread = policy::builds_unread(checked.effects()) && !judges_sessions;
    if case.rules.reviewed.build && is_unread {
        return Refusal::unread_build().into();
    }
    // One could get this name in the moment before the daemon looks for it.
    if let Some(Named { name, id: None, .. }) = &named {
        return Refusal::no_such_container(name).into();
    }
    let mut body = Vec::with_capacity(USUAL_BODY_BYTES);
    let mut forwarded = effects::render(checked, policy, facts, &mut body);
    if let Some(Named { name, id: Some(id), .. }) = &named {
        forwarded.target = effects::by_id(&case.target, name, id);
    }
    forwarded.serves = judges_sessions && case.endpoint == Endpoint::Session;
    forwarded.served = forwarded.served.filter(|_| judges_sessions);
    let started = named.filter(|named| named.starts && policy.judges_mounts());
    let started = started.and_then(|named| named.id);
    Settled::Allowed(Box::new(Allowed { forwarded, body, image, started }))
}
