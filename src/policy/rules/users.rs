//! Users that nothing may run as.

use std::fmt::{self, Write};

use crate::policy::ceilings::Ceilings;
use crate::policy::effects::{Effect, IdentityEffect, RequestedEffect};
use crate::policy::facts::{ImageFacts, Question, Questions};
use crate::policy::known::images_in;
use crate::policy::rules::principals::{GroupSpec, Held, Principal, Principals};
use crate::policy::shown::{Configured, Shown};
use crate::policy::types::{UserSpec, ValueError};
use crate::policy::violations::Findings;

/// One forbidden user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRule {
    text: String,
    users: Principals,
}

impl UserRule {
    /// Reads a name, a number, or a range of numbers such as `0-999`; a group behind it is read over.
    ///
    /// # Errors
    /// [`ValueError::User`] for an empty text, and for one with a character that no user has.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let (user, group) = text.split_once(':').unwrap_or((text, "0"));
        let users = Principals::parse(user, ValueError::User);
        match (users, Principals::parse(group, ValueError::User)) {
            (Ok(users), Ok(_)) => Ok(Self { text: text.to_owned(), users }),
            _ => Err(ValueError::User(text.to_owned())),
        }
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The rule in words.
    pub(in crate::policy) fn describe(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "Nothing may run as user {}.", Configured(&self.text))
    }

    pub(in crate::policy) fn check(&self, user: &UserSpec, found: &mut Findings<'_>) {
        match self.users.hold(user.principal()) {
            Held::Yes => found.add(format_args!("user {user}"), self.as_str()),
            Held::Unknown => {
                let reason = "whose number only the image tells";
                found.add_because(format_args!("user {user}"), reason, self.as_str());
            }
            // The group root opens much that is root's.
            Held::No if self.users.hold_root() && user.group().is_some_and(Principal::is_root) => {
                found.add_because(
                    format_args!("user {user}"),
                    "whose group is root",
                    self.as_str(),
                );
            }
            Held::No => {}
        }
    }

    /// Anyone who may not be root may not be of its group either.
    pub(in crate::policy) fn check_group(&self, group: &GroupSpec, found: &mut Findings<'_>) {
        if self.users.hold_root() && group.principal().is_root() {
            found.add_because(format_args!("group {group}"), "which is root's", self.as_str());
        }
    }

    /// A user is asked for by a text that only the daemon can work out.
    pub(in crate::policy) fn check_unknown(&self, text: &str, found: &mut Findings<'_>) {
        let what = format_args!("user {}", Shown(text));
        found.add_because(what, "which only the base image tells", self.as_str());
    }

    /// Nobody asked for a user, so the one that is forced is the one that runs.
    pub(in crate::policy) fn check_forced(&self, forced: &UserSpec, found: &mut Findings<'_>) {
        if self.users.hold(forced.principal()) != Held::No {
            let what = format_args!("user {forced}");
            found.add_because(what, "which general.user forces", self.as_str());
        }
    }

    pub(in crate::policy) fn check_image(
        &self,
        content: Option<&ImageFacts>,
        found: &mut Findings<'_>,
    ) {
        match content {
            None => {
                let what = "the image's own user";
                found.add_because(what, "which is not known", self.as_str());
            }
            Some(ImageFacts::Absent) => {}
            Some(ImageFacts::Present { user: Some(user), .. }) => self.check_own(user, found),
            Some(ImageFacts::Present { user: None, .. }) if !self.users.hold_root() => {}
            Some(ImageFacts::Present { user: None, .. }) => {
                found.add("the image's own user root", self.as_str());
            }
        }
    }

    fn check_own(&self, user: &UserSpec, found: &mut Findings<'_>) {
        let is_of_root = || self.users.hold_root() && user.group().is_some_and(Principal::is_root);
        match self.users.hold(user.principal()) {
            Held::Unknown => {
                let what = format_args!("the image's own user {user}");
                found.add_because(what, "whose number only the image tells", self.as_str());
            }
            Held::No if !is_of_root() => {}
            Held::Yes | Held::No => {
                found.add(format_args!("the image's own user {user}"), self.as_str());
            }
        }
    }
}

/// The images whose own user must be known for rules about users or groups: nobody asked for one, and none is forced.
pub(in crate::policy) fn ask<Rule>(
    rules: &[Rule],
    ceilings: &Ceilings,
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    let is_left_to_image = effects
        .iter()
        .any(|asked| matches!(asked.effect, Effect::Identity(IdentityEffect::ImageUser(_))));
    if !rules.is_empty() && ceilings.user.is_none() && is_left_to_image {
        questions.extend(images_in(effects).map(Question::image));
    }
}
