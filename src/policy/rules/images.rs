//! Images that nobody may use.
//!
//! An image stays forbidden when it loses its forbidden name: before a request that may take one is
//! let through, the daemon is asked which images have it, and those are remembered
//! ([`TaintedImages`](crate::policy::judge::tainted::TaintedImages)).

use crate::image::{ImageName, ImageRef, comparable, complete, familiar};
use crate::policy::effects::{Builder, Effect, ImageNames, RequestedEffect};
use crate::policy::facts::{Facts, ImageFacts, Question, Questions};
use crate::policy::known::images_in;
use crate::policy::rule_set::Policy;
use crate::policy::rules::allowed::AllowedImages;
use crate::policy::rules::builds::BuildRule;
use crate::policy::shown::Shown;
use crate::policy::types::ValueError;
use crate::policy::violations::Findings;

/// One forbidden image, or a prefix of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRule {
    text: String,
    pattern: Pattern,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    /// `registry.example/team/*`: every repository below, with the last slash.
    Below(String),
    /// Every tag and digest of a repository.
    Repository(String),
    /// One tag or digest.
    Exact(ImageName),
}

/// What a rule is about. Repositories are as [`ImageName::compared`] has them.
#[derive(Debug, Clone, Copy)]
pub enum Meant<'a> {
    /// Every repository whose name begins so, with the last slash.
    Below(&'a str),
    /// Every tag and digest of a repository.
    Repository(&'a str),
    /// One tag or digest.
    Image(&'a ImageName),
}

/// An image that has, or has had, a forbidden name; or one that no list allows.
#[derive(Debug, Clone, Copy)]
pub struct ForbiddenImage<'a> {
    /// `sha256:…`.
    pub id: &'a str,
    /// All names that it has.
    pub names: &'a [ImageName],
}

/// How a name compares with a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    Yes,
    No,
    /// One gives a tag and the other a digest: only the daemon knows.
    Perhaps,
}

impl ImageRule {
    /// Reads an image as people write it. Without a tag it is every tag and digest; with `/*` at the
    /// end every repository below.
    ///
    /// # Errors
    /// [`ValueError::Image`] if no image can have that name, and for an identifier: an image is
    /// forbidden by its names.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let error = || ValueError::Image(text.to_owned());
        let pattern = if let Some(prefix) = text.strip_suffix("/*") {
            Pattern::Below(below(prefix).ok_or_else(error)?)
        } else {
            match ImageRef::parse(text).map_err(|_| error())? {
                // Facts tell names, which say nothing of an identifier.
                ImageRef::Id(_) => return Err(error()),
                ImageRef::Named(name) => match complete(text) {
                    Some(repository) => Pattern::Repository(comparable(&repository).into_owned()),
                    None => Pattern::Exact(name),
                },
            }
        };
        Ok(Self { text: text.to_owned(), pattern })
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it is about, for the message.
    pub fn meant(&self) -> Meant<'_> {
        match &self.pattern {
            Pattern::Below(prefix) => Meant::Below(prefix),
            Pattern::Repository(repository) => Meant::Repository(repository),
            Pattern::Exact(name) => Meant::Image(name),
        }
    }

    pub(in crate::policy) fn check(
        &self,
        image: &ImageRef,
        facts: &Facts,
        found: &mut Findings<'_>,
    ) {
        let what = format_args!("image {image}");
        match (self.compare(image), facts.image(image)) {
            (Match::Yes, _) => found.add(what, &self.text),
            (_, Some(ImageFacts::Absent)) => {}
            (_, Some(ImageFacts::Present { names, id, .. })) => {
                if let Some(name) = self.first_of(names) {
                    found.add_because(what, format_args!("which is {name}"), &self.text);
                } else if let Some(name) = self.first_of(facts.former_names(id)) {
                    found.add_because(what, format_args!("which was {name}"), &self.text);
                } else if facts.was_forbidden(id) {
                    found.add_because(what, "which had a forbidden name", &self.text);
                }
            }
            // Any name can have been given to any image.
            (_, None) => found.add_because(what, "whose other names are not known", &self.text),
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
            (Match::Yes, _) => found.add(what, &self.text),
            (_, Some(ImageFacts::Absent)) => {}
            (_, Some(ImageFacts::Present { names, .. })) => {
                let taken = names.iter().filter(|name| goes_with(name, image, names));
                if let Some(name) = taken.into_iter().find(|name| self.forbids(name)) {
                    found.add_because(what, format_args!("which is {name}"), &self.text);
                }
            }
            (_, None) => found.add_because(what, "whose names are not known", &self.text),
        }
    }

    /// Names may be taken away: which images have the forbidden ones must be known before.
    pub(in crate::policy) fn check_names_taken(&self, facts: &Facts, found: &mut Findings<'_>) {
        if facts.image_list().is_none() {
            let what = "names taken from images, some of which may be forbidden";
            found.add(what, &self.text);
        }
    }

    fn first_of<'a>(&self, names: &'a [ImageName]) -> Option<&'a ImageName> {
        names.iter().find(|name| self.forbids(name))
    }

    /// Whether an image is forbidden for having this name.
    pub fn forbids(&self, name: &ImageName) -> bool {
        self.compare_name(name) == Match::Yes
    }

    /// An image is used by a text that is no name to us.
    pub(in crate::policy) fn check_unknown(&self, text: &str, found: &mut Findings<'_>) {
        let what = format_args!("image {}", Shown(text));
        found.add_because(what, "which is not a name", &self.text);
    }

    /// Judges names alone. One by digest may be that of a forbidden tag.
    pub(in crate::policy) fn check_names(&self, names: &ImageNames, found: &mut Findings<'_>) {
        match names {
            ImageNames::One(image) => match self.compare(image) {
                Match::No => {}
                Match::Yes => found.add(format_args!("image {image}"), &self.text),
                Match::Perhaps => {
                    let what = format_args!("image {image}");
                    found.add_because(what, "whose other names are not known", &self.text);
                }
            },
            ImageNames::EveryTag(image) => {
                if let ImageRef::Named(name) = image
                    && self.is_about_repository_of(name)
                {
                    let repository = familiar(name.repository());
                    found.add(format_args!("every tag of image {repository}"), &self.text);
                }
            }
        }
    }

    /// Whether an image of the same repository is forbidden.
    pub(in crate::policy) fn is_about_repository_of(&self, name: &ImageName) -> bool {
        match &self.pattern {
            Pattern::Exact(forbidden) => forbidden.compared() == name.compared(),
            Pattern::Below(_) | Pattern::Repository(_) => {
                self.compare(&ImageRef::Named(name.clone())) != Match::No
            }
        }
    }

    /// Whether whatever has this name is meant. Beside a digest a tag says nothing of the content.
    pub fn covers(&self, name: &ImageName) -> bool {
        match &self.pattern {
            Pattern::Below(_) | Pattern::Repository(_) => self.compare_name(name) == Match::Yes,
            Pattern::Exact(meant) => {
                let same = match (meant.digest(), name.digest()) {
                    (Some(meant), Some(asked)) => meant == asked,
                    (None, None) => meant.tag() == name.tag(),
                    (Some(_), None) | (None, Some(_)) => false,
                };
                same && meant.compared() == name.compared()
            }
        }
    }

    /// Whether every tag of the repository of this name is meant.
    pub(in crate::policy) fn covers_every_tag(&self, name: &ImageName) -> bool {
        !matches!(self.pattern, Pattern::Exact(_)) && self.covers(name)
    }

    fn compare(&self, image: &ImageRef) -> Match {
        match image {
            ImageRef::Id(_) => Match::Perhaps,
            ImageRef::Named(name) => self.compare_name(name),
        }
    }

    fn compare_name(&self, name: &ImageName) -> Match {
        match &self.pattern {
            Pattern::Below(prefix) => certainly(name.compared().starts_with(prefix)),
            Pattern::Repository(repository) => certainly(name.compared() == repository.as_str()),
            Pattern::Exact(forbidden) => compare_names(forbidden, name),
        }
    }
}

fn certainly(matches: bool) -> Match {
    if matches { Match::Yes } else { Match::No }
}

fn compare_names(forbidden: &ImageName, name: &ImageName) -> Match {
    if forbidden.compared() != name.compared() {
        return Match::No;
    }
    let same_tag = forbidden.tag().is_some() && forbidden.tag() == name.tag();
    let same_digest = forbidden.digest().is_some() && forbidden.digest() == name.digest();
    // Beside a digest the daemon does not look at the tag.
    let comparable = match (forbidden.digest(), name.digest()) {
        (None, None) | (Some(_), Some(_)) => true,
        (None, Some(_)) | (Some(_), None) => false,
    };
    match (same_tag || same_digest, comparable) {
        (true, _) => Match::Yes,
        (false, true) => Match::No,
        (false, false) => Match::Perhaps,
    }
}

/// A prefix of repositories with its last slash: `team` is `docker.io/team/`.
fn below(prefix: &str) -> Option<String> {
    // With one name more `docker.io` would get its `library`.
    let whole = complete(&format!("{prefix}/x/x"))?;
    comparable(&whole).strip_suffix("x/x").map(str::to_owned)
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
pub(in crate::policy) fn takes_names(policy: &Policy, effect: &Effect) -> bool {
    match effect {
        Effect::ImageNamesTaken => true,
        // Elsewhere it is refused under a rule about images.
        Effect::Build(Builder::BuildKit | Builder::BuildKitUnseen | Builder::BuildKitSession) => {
            policy.builds == BuildRule::Allow
        }
        // It names only what may be named; but the daemon is told which images are forbidden by other
        // names.
        Effect::Build(Builder::BuildKitSolve) => true,
        _ => false,
    }
}

/// What must be known before forbidden names can be taken away: which images have them.
pub(in crate::policy) fn ask_list(
    policy: &Policy,
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    let is_solve = |asked: &RequestedEffect| asked.effect == Effect::Build(Builder::BuildKitSolve);
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
            Effect::MadeOf(made) => Some(Question::image(&made.image)),
            _ => None,
        }));
    }
    if !rules.is_empty() {
        questions.extend(effects.iter().filter_map(|asked| match &asked.effect {
            Effect::ImageRemoved(image) => Some(Question::image(image)),
            _ => None,
        }));
    }
}
