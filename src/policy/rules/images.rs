//! Images that nobody may use.
//!
//! An image stays forbidden when it loses its forbidden name: before a request that may take one is
//! let through, the daemon is asked which images have it, and those are remembered
//! ([`TaintedImages`](crate::policy::judge::tainted::TaintedImages)).

mod rule;

use crate::image::{ImageName, ImageRef, familiar};
use crate::policy::effects::{
    BuildEffect, Builder, Effect, ImageEffect, ImageNames, RequestedEffect,
};
use crate::policy::facts::{Facts, ImageFacts, Question, Questions};
use crate::policy::known::images_in;
use crate::policy::rule_set::Policy;
use crate::policy::rules::allowed::AllowedImages;
use crate::policy::rules::builds::BuildRule;
use crate::policy::shown::Shown;
use crate::policy::violations::Findings;
use rule::Match;
pub use rule::{ForbiddenImage, ImageRule, Meant};

impl ImageRule {
    pub(in crate::policy) fn check(
        &self,
        image: &ImageRef,
        facts: &Facts,
        found: &mut Findings<'_>,
    ) {
        let what = format_args!("image {image}");
        match (self.compare(image), facts.image(image)) {
            (Match::Yes, _) => found.add(what, self.as_str()),
            (_, Some(ImageFacts::Absent)) => {}
            (_, Some(ImageFacts::Present { names, id, .. })) => {
                if let Some(name) = self.first_of(names) {
                    found.add_because(what, format_args!("which is {name}"), self.as_str());
                } else if let Some(name) = self.first_of(facts.former_names(id)) {
                    found.add_because(what, format_args!("which was {name}"), self.as_str());
                } else if facts.was_forbidden(id) {
                    found.add_because(what, "which had a forbidden name", self.as_str());
                }
            }
            // Any name can have been given to any image.
            (_, None) => found.add_because(what, "whose other names are not known", self.as_str()),
        }
    }

    /// A forbidden name that is taken away would free the image for anyone who knows its identifier.
    pub(in crate::policy) fn check_removed(
        &self,
        image: &ImageRef,
        facts: &Facts,
        found: &mut Findings<'_>,
    ) {
        let what = format_args!("removal of image {image}");
        match (self.compare(image), facts.image(image)) {
            (Match::Yes, _) => found.add(what, self.as_str()),
            (_, Some(ImageFacts::Absent)) => {}
            (_, Some(ImageFacts::Present { names, .. })) => {
                let taken = names.iter().filter(|name| goes_with(name, image, names));
                if let Some(name) = taken.into_iter().find(|name| self.forbids(name)) {
                    found.add_because(what, format_args!("which is {name}"), self.as_str());
                }
            }
            (_, None) => found.add_because(what, "whose names are not known", self.as_str()),
        }
    }

    /// Names may be taken away: which images have the forbidden ones must be known before.
    pub(in crate::policy) fn check_names_taken(&self, facts: &Facts, found: &mut Findings<'_>) {
        if facts.image_list().is_none() {
            let what = "names taken from images, some of which may be forbidden";
            found.add(what, self.as_str());
        }
    }

    /// An image is used by a text that is no name to us.
    pub(in crate::policy) fn check_unknown(&self, text: &str, found: &mut Findings<'_>) {
        let what = format_args!("image {}", Shown(text));
        found.add_because(what, "which is not a name", self.as_str());
    }

    /// Judges names alone. One by digest may be that of a forbidden tag.
    pub(in crate::policy) fn check_names(&self, names: &ImageNames, found: &mut Findings<'_>) {
        match names {
            ImageNames::One(image) => match self.compare(image) {
                Match::No => {}
                Match::Yes => found.add(format_args!("image {image}"), self.as_str()),
                Match::Perhaps => {
                    let what = format_args!("image {image}");
                    found.add_because(what, "whose other names are not known", self.as_str());
                }
            },
            ImageNames::EveryTag(image) => {
                if let ImageRef::Named(name) = image
                    && self.is_about_repository_of(name)
                {
                    let repository = familiar(name.repository());
                    found.add(format_args!("every tag of image {repository}"), self.as_str());
                }
            }
        }
    }
}

/// Whether `name` goes when `removed` is removed from the image with these names: a tag takes the
/// digests of its repository along, an identifier and a digest may take all.
fn goes_with(name: &ImageName, removed: &ImageRef, names: &[ImageName]) -> bool {
    let is_it = |known: &ImageName, tag: &ImageName| {
        known.tag() == tag.tag() && known.digest().is_none() && known.compared() == tag.compared()
    };
    match removed {
        ImageRef::Named(tag) if names.iter().any(|known| is_it(known, tag)) => {
            is_it(name, tag) || (name.digest().is_some() && name.compared() == tag.compared())
        }
        ImageRef::Named(_) | ImageRef::Id(_) => true,
    }
}

/// Whether a request with this effect may take forbidden names away.
fn takes_names(policy: &Policy, effect: &Effect) -> bool {
    match effect {
        Effect::Image(ImageEffect::NamesTaken) => true,
        Effect::Build(BuildEffect::By(builder)) => build_takes_names(policy, *builder),
        _ => false,
    }
}

/// Whether a build by this may take forbidden names away.
pub(in crate::policy) fn build_takes_names(policy: &Policy, builder: Builder) -> bool {
    match builder {
        // Elsewhere it is refused under a rule about images.
        Builder::BuildKit | Builder::BuildKitUnseen | Builder::BuildKitSession => {
            policy.builds == BuildRule::Allow
        }
        // It names only what may be named; but the daemon is told which images are forbidden by other
        // names.
        Builder::BuildKitSolve => true,
        Builder::Read | Builder::Unread | Builder::Remote | Builder::SessionOffered => false,
    }
}

/// What must be known before forbidden names can be taken away: which images have them.
pub(in crate::policy) fn ask_list(
    policy: &Policy,
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    let is_solve = |asked: &RequestedEffect| {
        asked.effect == Effect::Build(BuildEffect::By(Builder::BuildKitSolve))
    };
    let takes_names =
        !policy.images.is_empty() && effects.iter().any(|asked| takes_names(policy, &asked.effect));
    if takes_names || policy.allowed_images.list().is_some() && effects.iter().any(is_solve) {
        questions.ask(Question::ImageList);
    }
}

/// The images whose names must be known: all that are used, or that containers were made of.
pub(in crate::policy) fn ask(
    rules: &[ImageRule],
    allowed: &AllowedImages,
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    if !rules.is_empty() || allowed.list().is_some() {
        questions.extend(images_in(effects).map(Question::image));
        questions.extend(effects.iter().filter_map(|asked| match &asked.effect {
            Effect::Image(ImageEffect::MadeOf(made)) => Some(Question::image(&made.image)),
            _ => None,
        }));
    }
    if !rules.is_empty() {
        questions.extend(effects.iter().filter_map(|asked| match &asked.effect {
            Effect::Image(ImageEffect::Removed(image)) => Some(Question::image(image)),
            _ => None,
        }));
    }
}
