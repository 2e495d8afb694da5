//! Users, as a request names them.

use std::fmt;

use super::error::ValueError;
use crate::policy::rules::principals::Principal;
use crate::policy::shown::Shown;

/// A user and perhaps a group, as the daemon reads `User`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSpec {
    text: Box<str>,
    user: Principal,
    /// None if the image says which.
    group: Option<Box<Principal>>,
}

impl UserSpec {
    /// Reads `user`, `user:group`, by name or number. Numbers are read as Go's `strconv.Atoi` does:
    /// `00`, `+0` and `-0` are 0. Without a user before the colon it is number 0.
    ///
    /// # Errors
    /// [`ValueError::User`] for an empty text.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let (user, group) = text.split_once(':').unwrap_or((text, ""));
        let group =
            Some(group).filter(|group| !group.is_empty()).map(Principal::read).map(Box::new);
        match text {
            "" => Err(ValueError::User(text.to_owned())),
            _ => Ok(Self { text: text.into(), user: Principal::read(user), group }),
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whom it is, without the group.
    pub fn principal(&self) -> &Principal {
        &self.user
    }

    /// The group that it names.
    pub fn group(&self) -> Option<&Principal> {
        self.group.as_deref()
    }

    /// Whether it is number 0, or the name that number has everywhere.
    pub fn is_root(&self) -> bool {
        self.user.is_root()
    }

    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        matches!(self.user, Principal::Number(_))
    }
}

impl fmt::Display for UserSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.text).fmt(f)
    }
}
