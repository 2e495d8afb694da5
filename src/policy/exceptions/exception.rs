//! One exception, and the image that it is for.

use super::lifts::Lifts;
use crate::image::{ImageName, ImageRef};
use crate::policy::day::Day;
use crate::policy::facts::Facts;
use crate::policy::rules::images::ImageRule;
use crate::policy::types::ValueError;

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
    pub(super) rule: ImageRule,
    /// Whether it says what the content is.
    pub(super) by_digest: bool,
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
    pub(super) fn may_be(&self, image: &ImageRef) -> bool {
        match image {
            ImageRef::Named(name) => name.may_be_id() || self.rule.is_about_repository_of(name),
            ImageRef::Id(_) => true,
        }
    }

    pub(super) fn is_among(&self, names: &[ImageName]) -> bool {
        names.iter().any(|name| self.rule.covers(name))
    }
}

impl Exception {
    pub(super) fn holds(&self, facts: &Facts) -> bool {
        self.until.is_none_or(|until| facts.today().is_some_and(|today| *today <= until))
    }
}
