//! Positive lists: what they do not name is forbidden.
//!
//! Content comes only under a name that is allowed, and a name only to content that has an allowed
//! one already; what an archive, a container or a build would bring has none, and is refused. A path is allowed
//! if one of the list allows it both as it is written and where it leads.

use std::fmt::{self, Write};

use crate::image::{ImageName, ImageRef, familiar};
use crate::policy::effects::ImageNames;
use crate::policy::facts::{Facts, ImageFacts};
use crate::policy::rules::images::ImageRule;
use crate::policy::shown::{Configured, Shown, describe_list};
use crate::policy::types::{HostPath, ValueError, is_path_pattern};
use crate::policy::violations::Findings;

/// The images that may be used; without a list all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedImages(Option<Vec<ImageRule>>);

/// What a message names as the rule.
const IMAGES: &str = "images: allow";
pub(in crate::policy) const MOUNTS: &str = "mounts: allow";

const NOT_ALLOWED: &str = "which is not allowed";

impl AllowedImages {
    /// These and no others; an empty list allows none.
    pub fn only(images: Vec<ImageRule>) -> Self {
        Self(Some(images))
    }

    /// The list, if there is one.
    pub fn list(&self) -> Option<&[ImageRule]> {
        self.0.as_deref()
    }

    /// The list in words.
    pub(in crate::policy) fn describe(&self, out: &mut String) -> fmt::Result {
        let Some(images) = self.list() else { return Ok(()) };
        writeln!(
            out,
            "Only these images may be used, and built by BuildKit; none may be loaded, imported or committed:"
        )?;
        describe_list(out, images.iter().map(ImageRule::as_str))
    }

    /// What a message names as the rule, if there is a list.
    pub(in crate::policy) fn rule(&self) -> Option<&'static str> {
        self.0.as_ref().map(|_| IMAGES)
    }

    /// Whether the list names whatever has this name, and the daemon could not take it for a part of an
    /// identifier.
    pub(in crate::policy) fn allow(&self, name: &ImageName) -> bool {
        let mut allowed = self.list().unwrap_or_default().iter();
        !name.maybe_id() && allowed.any(|rule| rule.covers(name))
    }

    /// A tag that the daemon has must be allowed itself: a service fetches it anew. An identifier, a
    /// part of one (which may look like a name) and a digest say what the content is, and one of the
    /// names of that content must be allowed.
    pub(in crate::policy) fn check(
        &self,
        image: &ImageRef,
        facts: &Facts,
        found: &mut Findings<'_>,
    ) {
        let Some(allowed) = self.list() else {
            return;
        };
        let is_allowed = |name: &ImageName| allowed.iter().any(|rule| rule.covers(name));
        let passes = match (facts.image(image), image) {
            (None, _) => {
                let image = format_args!("image {image}");
                return found.add_because(image, "whose names are not known", IMAGES);
            }
            (Some(ImageFacts::Absent), ImageRef::Named(name)) => is_allowed(name),
            (Some(ImageFacts::Absent), ImageRef::Id(_)) => false,
            (Some(ImageFacts::Present { names, .. }), ImageRef::Named(name))
                if names.iter().any(|known| is_same_tag(known, name)) =>
            {
                is_allowed(name)
            }
            (Some(ImageFacts::Present { names, .. }), _) => names.iter().any(is_allowed),
        };
        if !passes {
            found.add_because(format_args!("image {image}"), NOT_ALLOWED, IMAGES);
        }
    }

    /// Judges names alone.
    pub(in crate::policy) fn check_names(&self, names: &ImageNames, found: &mut Findings<'_>) {
        let Some(allowed) = self.list() else {
            return;
        };
        let passes = match names {
            ImageNames::One(ImageRef::Named(name)) => allowed.iter().any(|rule| rule.covers(name)),
            ImageNames::EveryTag(ImageRef::Named(name)) => {
                allowed.iter().any(|rule| rule.covers_every_tag(name))
            }
            ImageNames::One(ImageRef::Id(_)) | ImageNames::EveryTag(ImageRef::Id(_)) => false,
        };
        match names {
            _ if passes => {}
            ImageNames::One(image) => {
                found.add_because(format_args!("image {image}"), NOT_ALLOWED, IMAGES);
            }
            ImageNames::EveryTag(image) => {
                let repository = match image {
                    ImageRef::Named(name) => familiar(name.repository()).to_owned(),
                    ImageRef::Id(_) => image.to_string(),
                };
                let what = format_args!("every tag of image {repository}");
                found.add_because(what, "which are not all allowed", IMAGES);
            }
        }
    }

    /// An image is used by a text that is no name to us.
    pub(in crate::policy) fn check_unknown(&self, text: &str, found: &mut Findings<'_>) {
        if self.0.is_some() {
            let what = format_args!("image {}", Shown(text));
            found.add_because(what, "which is not a name", IMAGES);
        }
    }

    /// The daemon is told what it may use: which of its own images have no allowed name must be known.
    pub(in crate::policy) fn check_listed(&self, facts: &Facts, found: &mut Findings<'_>) {
        if self.0.is_some() && facts.image_list().is_none() {
            found.add("a build while it is not known which images the daemon has", IMAGES);
        }
    }

    /// The list is told to the daemon behind the client's own policy, and would allow what that denies.
    pub(in crate::policy) fn check_own_policy(&self, found: &mut Findings<'_>) {
        if self.0.is_some() {
            found.add("a source policy of the client's own, which the list would override", IMAGES);
        }
    }

    /// Judges what brings content whose origin cannot be seen.
    pub(in crate::policy) fn check_unseen(&self, what: &str, found: &mut Findings<'_>) {
        if self.0.is_some() {
            found.add_because(what, "whose content no list can allow", IMAGES);
        }
    }
}

fn is_same_tag(known: &ImageName, asked: &ImageName) -> bool {
    let tag = |name: &ImageName| name.tag().filter(|_| name.digest().is_none()).map(str::to_owned);
    tag(known).is_some() && tag(known) == tag(asked) && known.compared() == asked.compared()
}

/// A path of the host that may be mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedMount {
    text: String,
    path: HostPath,
    /// Whether what is below it may be mounted as well.
    with_all_below: bool,
}

impl AllowedMount {
    /// Reads an absolute path, which is meant alone, or one with `/**` behind it, which is meant with all
    /// below it.
    ///
    /// # Errors
    /// [`ValueError::Path`] for anything else, and for a `*` anywhere else.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let (path, with_all_below) = match text.strip_suffix("/**") {
            Some("") => ("/", true),
            Some(path) => (path, true),
            None => (text, false),
        };
        match is_path_pattern(path) {
            true => Err(ValueError::Pattern(text.to_owned())),
            false => {
                let path = HostPath::parse(path)?;
                Ok(Self { text: text.to_owned(), path, with_all_below })
            }
        }
    }

    /// As it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path, without what says whether all below it is meant.
    pub fn path(&self) -> &HostPath {
        &self.path
    }

    /// Whether what is below it may be mounted as well: anyone who may write above a mount there can put
    /// a link in its place.
    pub fn is_with_all_below(&self) -> bool {
        self.with_all_below
    }

    /// Whether a path is this one, which may be written `as_path`, or below it where that counts.
    fn holds(&self, path: &HostPath, as_path: &HostPath) -> bool {
        if self.with_all_below { path.is_within(as_path) } else { path == as_path }
    }
}

/// The paths of the host that may be mounted; without a list all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedMounts(Option<Vec<AllowedMount>>);

impl AllowedMounts {
    /// These and no others; an empty list allows none.
    pub fn only(paths: Vec<AllowedMount>) -> Self {
        Self(Some(paths))
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// As [`AllowedMount::parse`].
    pub fn parse(text: &str) -> Result<AllowedMount, ValueError> {
        AllowedMount::parse(text)
    }

    /// The list, if there is one.
    pub fn list(&self) -> Option<&[AllowedMount]> {
        self.0.as_deref()
    }

    /// The list in words, and what it can't keep out.
    pub(in crate::policy) fn describe(&self, out: &mut String) -> fmt::Result {
        let Some(paths) = self.list() else { return Ok(()) };
        writeln!(out, "Of the host's paths only these may be mounted:")?;
        describe_list(out, paths.iter().map(AllowedMount::as_str))?;
        for one in paths.iter().filter(|one| one.is_with_all_below()) {
            writeln!(
                out,
                "Note: anyone who can write to a directory in {} can put a link in the place of one below \
                 while it is mounted. SecDocker looks at what was mounted and kills such a container, \
                 which may have run for a moment; an entry without /** has no such gap, if none but \
                 root can write to the directories above it.",
                Configured(one.path().as_str())
            )?;
        }
        Ok(())
    }

    /// Whether the root of the host, and with it every path, may be mounted.
    pub(in crate::policy) fn hold_root(&self) -> bool {
        self.list().is_none_or(|list| list.iter().any(|one| one.path.is_root()))
    }

    /// Judges what a path leads to at this moment. One that is not allowed as it is written was mounted beside
    /// SecDocker.
    pub(in crate::policy) fn check_again(
        &self,
        path: &HostPath,
        facts: &Facts,
        found: &mut Findings<'_>,
    ) {
        if self.holds(path, facts) {
            self.check(path, facts, found);
        }
    }

    /// Whether a path is allowed by an entry as that is written or where it leads.
    fn holds(&self, path: &HostPath, facts: &Facts) -> bool {
        self.list().unwrap_or_default().iter().any(|one| {
            let real = facts.link(&one.path);
            one.holds(path, &one.path) || real.is_some_and(|real| one.holds(path, real))
        })
    }

    /// The entry by which only a path above this one is allowed: what a person might have meant.
    fn above(&self, path: &HostPath) -> Option<&AllowedMount> {
        self.list()?.iter().find(|one| !one.with_all_below && path.is_within(&one.path))
    }

    pub(in crate::policy) fn check(
        &self,
        path: &HostPath,
        facts: &Facts,
        found: &mut Findings<'_>,
    ) {
        let Some(allowed) = self.list() else {
            return;
        };
        let really_is_allowed = |path: &HostPath| {
            allowed
                .iter()
                .any(|one| facts.link(&one.path).is_some_and(|real| one.holds(path, real)))
        };
        match facts.link(path) {
            _ if !self.holds(path, facts) => match self.above(path) {
                Some(one) => {
                    let above = one.path.as_str();
                    let reason = format_args!(
                        "which is below {above}: the entry {above}/** would allow it, {above} alone does not"
                    );
                    found.add_because(format_args!("mount of {path}"), reason, MOUNTS);
                }
                None => {
                    found.add_because(format_args!("mount of {path}"), NOT_ALLOWED, MOUNTS);
                }
            },
            Some(real) if really_is_allowed(real) => {}
            Some(real) if real == path => {
                found.add_because(format_args!("mount of {path}"), NOT_ALLOWED, MOUNTS);
            }
            Some(real) => {
                let reason = format_args!("which leads to {real}, which is not allowed");
                found.add_because(format_args!("mount of {path}"), reason, MOUNTS);
            }
            None => {
                let what = format_args!("mount of {path}");
                found.add_because(what, "whose links are not known", MOUNTS);
            }
        }
    }
}

#[cfg(test)]
mod tests;
