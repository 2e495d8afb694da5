//! Exceptions: what containers of one image may do, though a rule forbids it.
//!
//! An exception names an image and exactly the values that are lifted for it. It holds for containers
//! of that image, when they are made and when somebody works in them later, and for nothing else: not
//! for services, whose nodes fetch a name anew, and not for containers that take over the mounts or
//! namespaces of such a container. Of several the first counts that is for the image and has not run
//! out; values of others do not add to it.
//!
//! Which image it is, the daemon says: by all the names that the image has there. A digest says what the
//! content is. A name says it only as long as nobody gives it to other content: so a request that would give
//! a name that an exception names (tag, commit, import, load, build) is refused; a pull brings what the
//! registry has by it.

mod exception;
mod idle;
mod lifts;
mod sinks;

use crate::image::ImageRef;
use crate::policy::effects::{
    Effect, EnvironmentEffect, ExistingEffect, Holder, IdentityEffect, MountEffect, RequestedEffect,
};
use crate::policy::facts::{ContainerFacts, Facts, ImageFacts, Question, Questions};
use crate::policy::known::image_of;
use crate::policy::rule_set::Policy;
use crate::policy::rules::allowed::AllowedMounts;
use crate::policy::rules::images::ImageRule;
use crate::policy::violations::{Findings, Violations};
pub use exception::{ExceptedImage, Exception};
pub use lifts::Lifts;
pub(super) use sinks::Sinks;

/// What an exception has let pass.
#[derive(Debug, Clone)]
pub struct Granted {
    /// The image that it is for, as configured.
    pub image: String,
    /// Its reason.
    pub reason: String,
    /// What would have been forbidden.
    pub lifted: Violations,
    /// The rules, and what is forced, under it.
    pub(crate) policy: Box<Policy>,
}

impl Granted {
    /// Nothing if the request is the same without the exception.
    pub(super) fn new(
        exception: &Exception,
        lifted: Violations,
        under: Policy,
        policy: &Policy,
    ) -> Option<Self> {
        if lifted.is_empty() && under.ceilings == policy.ceilings {
            return None;
        }
        let (image, reason) = (exception.image.as_str().to_owned(), exception.reason.clone());
        Some(Self { image, reason, lifted, policy: Box::new(under) })
    }
}

/// The policy as it is for whatever runs under an exception.
pub(super) fn policy_under(exception: &Exception, policy: &Policy) -> Policy {
    Policy { ceilings: exception.lifts.ceilings(&policy.ceilings), ..policy.clone() }
}

/// The exception that holds for a request: by the image of the container that it makes or works in.
pub(super) fn of<'a>(
    policy: &'a Policy,
    effects: &[RequestedEffect],
    facts: &Facts,
) -> Option<&'a Exception> {
    if policy.exceptions.is_empty() {
        return None;
    }
    let image = image(effects, facts)?;
    let Some(ImageFacts::Present { names, .. }) = facts.image(image) else { return None };
    let mut fitting = policy
        .exceptions
        .iter()
        .filter(|exception| exception.image.may_be(image) && exception.image.is_among(names));
    fitting.find(|exception| exception.holds(facts))
}

/// The image of the container that is made, or that exists and is started or worked in.
fn image<'a>(effects: &'a [RequestedEffect], facts: &'a Facts) -> Option<&'a ImageRef> {
    let makes = |asked: &RequestedEffect| {
        asked.effect == Effect::Environment(EnvironmentEffect::OfImage(Holder::Daemon))
    };
    if effects.iter().any(makes) {
        return image_of(effects);
    }
    match facts.container(container(effects)?)? {
        ContainerFacts::Present(container) => container.image.as_ref(),
        ContainerFacts::Absent => None,
    }
}

fn container(effects: &[RequestedEffect]) -> Option<&str> {
    effects.iter().find_map(|asked| match &asked.effect {
        Effect::Existing(
            ExistingEffect::ExecIn(name)
            | ExistingEffect::Started(name)
            | ExistingEffect::Archive(name),
        )
        | Effect::Identity(IdentityEffect::ContainerUser(name)) => Some(name.as_str()),
        _ => None,
    })
}

/// What must be known to tell whether an exception holds.
pub(super) fn ask(
    policy: &Policy,
    effects: &[RequestedEffect],
    facts: &Facts,
    questions: &mut Questions,
) {
    if policy.exceptions.is_empty() {
        return;
    }
    questions.extend(container(effects).map(Question::container));
    let Some(image) = image(effects, facts) else { return };
    for exception in policy.exceptions.iter().filter(|it| it.image.may_be(image)) {
        questions.ask(Question::image(image));
        questions.extend(exception.until.map(|_| Question::Today));
    }
}

/// The links in what exceptions lift, where a group of effects has paths.
pub(super) fn ask_links(policy: &Policy, effects: &[RequestedEffect], questions: &mut Questions) {
    let is_path = |asked: &RequestedEffect| {
        matches!(
            asked.effect,
            Effect::Mount(MountEffect::HostPath(_) | MountEffect::HostPathOnStart(_))
        )
    };
    if policy.exceptions.is_empty() || !policy.restricts() || !effects.iter().any(is_path) {
        return;
    }
    for exception in &policy.exceptions {
        let paths = exception.lifts.paths.as_ref().and_then(AllowedMounts::list);
        let paths = paths.unwrap_or_default().iter().map(|entry| entry.path());
        questions.extend(paths.map(Question::real_path));
    }
}

/// A name that is given to something new may not be one by which an exception knows its image.
pub(super) fn check_given(policy: &Policy, name: &ImageRef, found: &mut Findings<'_>) {
    for ExceptedImage { rule, by_digest, .. } in policy.exceptions.iter().map(|it| &it.image) {
        let is_it = match name {
            ImageRef::Named(given) => rule.covers(given),
            ImageRef::Id(_) => false,
        };
        if is_it && !by_digest {
            let reason = "by which an exception knows an image";
            found.add_because(format_args!("image name {name} given"), reason, &named(rule));
        }
    }
}

/// Whether an exception knows an image by a name that could be given to another one.
pub(super) fn guards_names(policy: &Policy) -> bool {
    policy.exceptions.iter().any(|exception| !exception.image.by_digest)
}

/// Names may be given that are not seen.
pub(super) fn check_unseen(policy: &Policy, what: &str, found: &mut Findings<'_>) {
    for image in policy.exceptions.iter().map(|it| &it.image).filter(|image| !image.by_digest) {
        let reason = "which may bring a name by which an exception knows an image: name that by its \
                      digest";
        found.add_because(what, reason, &named(&image.rule));
    }
}

fn named(rule: &ImageRule) -> String {
    format!("exceptions: {}", rule.as_str())
}

#[cfg(test)]
mod tests;
