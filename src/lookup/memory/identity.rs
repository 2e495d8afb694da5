//! What the daemon says of an image, read once: which one a name means, for plugins, and what it brings along,
//! for rules.

use crate::policy::facts::ImageFacts;

/// An image as the daemon describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lookup) struct Image {
    pub(in crate::lookup) identity: Identity,
    /// What rules must know of it; none if that can't be read.
    pub(in crate::lookup) facts: Option<ImageFacts>,
}

impl Image {
    /// How many names and variables it has.
    pub(in crate::lookup) fn values(&self) -> usize {
        let names = self.identity.repo_digests.len() + self.identity.repo_tags.len();
        match &self.facts {
            Some(ImageFacts::Present { environment, .. }) => names + environment.len(),
            Some(ImageFacts::Absent) | None => names,
        }
    }
}

/// An image as the daemon identifies it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// `sha256:…`.
    pub id: String,
    /// `name@sha256:…` for each registry that it is known to be in.
    pub repo_digests: Vec<String>,
    /// `name:tag` for each of its names.
    pub repo_tags: Vec<String>,
}

/// Whether the daemon has an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It has this one.
    Present(Identity),
    /// It has none.
    Absent,
    /// It could not be asked.
    Unknown,
}
