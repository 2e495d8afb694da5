//! One forbidden or allowed image: which names it is about.

use std::fmt::{self, Write};

use crate::image::{ImageName, ImageRef, comparable, complete};
use crate::policy::shown::Configured;
use crate::policy::types::ValueError;

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
pub(super) enum Match {
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

    /// The rule in words.
    pub(in crate::policy) fn describe(&self, out: &mut String) -> fmt::Result {
        if let Some(prefix) = self.text.strip_suffix('*') {
            return writeln!(out, "No image below {} may be used.", Configured(prefix));
        }
        let shown = Configured(&self.text);
        match complete(&self.text) {
            Some(_) => {
                writeln!(out, "Image {shown} may not be used, whatever its tag or digest.")
            }
            None => writeln!(out, "Image {shown} may not be used, however it is named."),
        }
    }

    /// What it is about, for the message.
    pub fn meant(&self) -> Meant<'_> {
        match &self.pattern {
            Pattern::Below(prefix) => Meant::Below(prefix),
            Pattern::Repository(repository) => Meant::Repository(repository),
            Pattern::Exact(name) => Meant::Image(name),
        }
    }

    pub(super) fn first_of<'a>(&self, names: &'a [ImageName]) -> Option<&'a ImageName> {
        names.iter().find(|name| self.forbids(name))
    }

    /// Whether an image is forbidden for having this name.
    pub fn forbids(&self, name: &ImageName) -> bool {
        self.compare_name(name) == Match::Yes
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

    pub(super) fn compare(&self, image: &ImageRef) -> Match {
        match image {
            ImageRef::Id(_) => Match::Perhaps,
            ImageRef::Named(name) => self.compare_name(name),
        }
    }

    pub(super) fn compare_name(&self, name: &ImageName) -> Match {
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
