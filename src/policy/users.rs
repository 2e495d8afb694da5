//! Users that nothing may run as.

use super::ceilings::Ceilings;
use super::effects::{Asked, Effect};
use super::facts::ImageFacts;
use super::shown::Shown;
use super::types::{UserSpec, ValueError};
use super::{Findings, images_in};
use crate::image::ImageRef;

/// One forbidden user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRule {
    user: UserSpec,
}

impl UserRule {
    /// Reads a name or a number; a group behind it is read over.
    ///
    /// # Errors
    /// [`ValueError::User`] for an empty text, and for one with white space, which no user has.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if text.contains(char::is_whitespace) {
            return Err(ValueError::User(text.to_owned()));
        }
        Ok(Self { user: UserSpec::parse(text)? })
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        self.user.as_str()
    }

    pub(super) fn check(&self, user: &UserSpec, found: &mut Findings<'_>) {
        if user.is(&self.user) {
            found.add(format_args!("user {user}"), self.as_str());
        }
    }

    /// A user is asked for by a text that only the daemon can work out.
    pub(super) fn check_unknown(&self, text: &str, found: &mut Findings<'_>) {
        let what = format_args!("user {}", Shown(text));
        found.add_because(what, "which only the base image tells", self.as_str());
    }

    /// Nobody asked for a user, so the one that is forced is the one that runs.
    pub(super) fn check_forced(&self, forced: &UserSpec, found: &mut Findings<'_>) {
        if forced.is(&self.user) {
            let what = format_args!("user {forced}");
            found.add_because(what, "which general.user forces", self.as_str());
        }
    }

    pub(super) fn check_image(&self, content: Option<&ImageFacts>, found: &mut Findings<'_>) {
        match content {
            None => {
                let what = "the image's own user";
                found.add_because(what, "which is not known", self.as_str());
            }
            Some(ImageFacts::Absent) => {}
            Some(ImageFacts::Present { user: Some(user), .. }) if !user.is(&self.user) => {}
            Some(ImageFacts::Present { user: Some(user), .. }) => {
                found.add(format_args!("the image's own user {user}"), self.as_str());
            }
            Some(ImageFacts::Present { user: None, .. }) if !self.user.is_root() => {}
            Some(ImageFacts::Present { user: None, .. }) => {
                found.add("the image's own user root", self.as_str());
            }
        }
    }
}

/// The images whose own user must be known: nobody asked for one, and none is forced.
pub(super) fn ask(
    rules: &[UserRule],
    ceilings: &Ceilings,
    effects: &[Asked],
    images: &mut Vec<ImageRef>,
) {
    let is_left_to_image = effects.iter().any(|asked| matches!(asked.effect, Effect::ImageUser(_)));
    if !rules.is_empty() && ceilings.user.is_none() && is_left_to_image {
        images.extend(images_in(effects).cloned());
    }
}
