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

mod lifts;

use crate::image::{ImageName, ImageRef};
use crate::policy::day::Day;
use crate::policy::effects::{Effect, Holder, RequestedEffect};
use crate::policy::facts::{ContainerFacts, Facts, ImageFacts, Question, Questions};
use crate::policy::judge::Inspected;
use crate::policy::judge::Verdict;
use crate::policy::judge::judge;
use crate::policy::known::image_of;
use crate::policy::rule_set::Policy;
use crate::policy::rules::allowed::AllowedMounts;
use crate::policy::rules::images::ImageRule;
use crate::policy::types::ValueError;
use crate::policy::violations::{Findings, Violations};
pub use lifts::Lifts;

/// One exception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// What it is for.
    pub image: ExceptedImage,
    /// What is lifted.
    pub lifts: Lifts,
    /// Why: for the log, and for people.
    pub reason: String,
    /// The last day on which it holds (UTC), if it ends.
    pub until: Option<Day>,
}

/// The image that an exception is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExceptedImage {
    rule: ImageRule,
    /// Whether it says what the content is.
    by_digest: bool,
    has_host: bool,
}

impl ExceptedImage {
    /// Reads a repository, a tag or, safer, a digest: `registry.example/agent@sha256:…`.
    ///
    /// # Errors
    /// [`ValueError::Image`] for anything else, and for a pattern: an exception is for one image.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let rule = ImageRule::parse(text)?;
        if text.contains('*') {
            return Err(ValueError::Image(text.to_owned()));
        }
        let first = text.split_once('/').map(|(first, _)| first).unwrap_or_default();
        let has_host = first == "localhost" || first.contains(['.', ':']);
        Ok(Self { rule, by_digest: text.contains('@'), has_host })
    }

    /// As it was configured.
    pub fn as_str(&self) -> &str {
        self.rule.as_str()
    }

    /// Whether its content is said, so that nobody can push another.
    pub fn is_by_digest(&self) -> bool {
        self.by_digest
    }

    /// Whether it says which registry it is from.
    pub fn has_host(&self) -> bool {
        self.has_host
    }

    /// Whether what a request names may be this image, before the daemon is asked.
    fn may_be(&self, image: &ImageRef) -> bool {
        match image {
            ImageRef::Named(name) => name.may_be_id() || self.rule.is_about_repository_of(name),
            ImageRef::Id(_) => true,
        }
    }

    fn is_among(&self, names: &[ImageName]) -> bool {
        names.iter().any(|name| self.rule.covers(name))
    }
}

impl Exception {
    fn holds(&self, facts: &Facts) -> bool {
        self.until.is_none_or(|until| facts.today().is_some_and(|today| *today <= until))
    }

    /// What is asked for that no rule of `policy` forbids, so that to lift it says nothing.
    pub fn idle<'a>(&'a self, policy: &'a Policy) -> impl Iterator<Item = String> + 'a {
        let strict = Policy { exceptions: Vec::new(), ..policy.clone() };
        self.lifts.examples().filter_map(move |(what, effects)| {
            let at = crate::policy::effects::FieldPath::Field("exceptions");
            let asked =
                effects.into_iter().map(|effect| RequestedEffect { effect, at: at.clone() });
            match judge(&strict, Inspected::new((), asked.collect()), &Facts::none()) {
                Verdict::Allowed(_) => Some(what),
                Verdict::Forbidden(_) => None,
            }
        })
    }
}

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

/// Where what rules find of one request goes: what an exception lifts is reported, and forbids nothing.
#[derive(Debug)]
pub(super) struct Sinks<'a> {
    exception: Option<&'a Exception>,
    /// Whether the exception lifts what all of it belongs to.
    pub(super) lifts_all: bool,
    pub(super) violations: Violations,
    pub(super) lifted: Violations,
}

impl<'a> Sinks<'a> {
    pub(super) fn new(exception: Option<&'a Exception>) -> Self {
        let (violations, lifted) = (Violations::default(), Violations::default());
        Self { exception, lifts_all: false, violations, lifted }
    }

    /// Where what is found of this effect goes.
    pub(super) fn of(
        &mut self,
        asked: &RequestedEffect,
        effects: &[RequestedEffect],
        facts: &Facts,
    ) -> &mut Violations {
        match self.exception.is_some() && self.lifts(asked, effects, facts) {
            true => &mut self.lifted,
            false => &mut self.violations,
        }
    }

    /// The same of two effects that are something together only: both must be lifted.
    pub(super) fn of_both(
        &mut self,
        both: [&RequestedEffect; 2],
        effects: &[RequestedEffect],
        facts: &Facts,
    ) -> &mut Violations {
        match both.iter().all(|asked| self.lifts(asked, effects, facts)) {
            true => &mut self.lifted,
            false => &mut self.violations,
        }
    }

    /// Whether the exception lifts this effect.
    pub(super) fn lifts(
        &self,
        asked: &RequestedEffect,
        effects: &[RequestedEffect],
        facts: &Facts,
    ) -> bool {
        self.lifts_all
            || self.exception.is_some_and(|exception| exception.lifts.lift(asked, effects, facts))
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
    let makes = |asked: &RequestedEffect| asked.effect == Effect::ImageEnvironment(Holder::Daemon);
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
        Effect::ExecIn(name)
        | Effect::ContainerUser(name)
        | Effect::Started(name)
        | Effect::Archive(name) => Some(name.as_str()),
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
        matches!(asked.effect, Effect::HostPath(_) | Effect::HostPathOnStart(_))
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
