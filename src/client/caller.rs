//! Users and groups of this host.

use super::identity::User;

/// A user by name or number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserMatch {
    text: String,
    /// None if this host has no user of that name.
    uid: Option<u32>,
}

/// A group by name or number, and who is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMatch {
    text: String,
    /// None if this host has no group of that name.
    gid: Option<u32>,
    /// The users that the host's files say are in it, in order.
    members: Vec<u32>,
}

impl UserMatch {
    /// Reads a name or a number; `uid_of` knows the users of this host.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str, uid_of: impl Fn(&str) -> Option<u32>) -> Result<Self, String> {
        let uid = number_or(text, "user", uid_of)?;
        Ok(Self { text: text.to_owned(), uid })
    }

    /// As it was configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is known whom it means.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.uid.is_some()
    }

    /// Whether it means this user.
    #[must_use]
    pub fn fits(&self, user: &User) -> bool {
        self.uid == Some(user.uid)
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self.uid, other.uid) {
            (Some(own), Some(other)) => own == other,
            (None, None) => self.text == other.text,
            _ => false,
        }
    }
}

impl GroupMatch {
    /// Reads a name or a number; `gid_of` and `members_of` know the groups of this host.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(
        text: &str,
        gid_of: impl Fn(&str) -> Option<u32>,
        members_of: impl Fn(u32) -> Vec<u32>,
    ) -> Result<Self, String> {
        let gid = number_or(text, "group", gid_of)?;
        let members = gid.map(members_of).unwrap_or_default();
        Ok(Self { text: text.to_owned(), gid, members })
    }

    /// As it was configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is known which it means.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.gid.is_some()
    }

    /// Whether this user is in it.
    #[must_use]
    pub fn fits(&self, user: &User) -> bool {
        (self.gid.is_some() && self.gid == user.gid) || self.members.contains(&user.uid)
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self.gid, other.gid) {
            (Some(own), Some(other)) => own == other,
            (None, None) => self.text == other.text,
            _ => false,
        }
    }
}

/// The number that a text is, or that its name has.
fn number_or(
    text: &str,
    what: &str,
    of_name: impl Fn(&str) -> Option<u32>,
) -> Result<Option<u32>, String> {
    let wrong = || format!("`{}` is not a {what}, by name or number", text.escape_debug());
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // The highest number stands for none (chown(2)).
        let number = text.parse().ok().filter(|number| *number != u32::MAX);
        return number.map(Some).ok_or_else(wrong);
    }
    let is_odd =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, ':' | '/' | '*' | ',');
    match text.is_empty() || text.contains(is_odd) || text.starts_with(['-', '+']) {
        true => Err(wrong()),
        false => Ok(of_name(text)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn users_and_groups_are_numbers_in_the_end() {
        let of = |name: &str| (name == "runner").then_some(998);
        let user = |uid| User { uid, gid: Some(uid) };
        let runner = UserMatch::parse("runner", of).unwrap();
        assert!(runner.fits(&user(998)) && !runner.fits(&user(0)) && runner.is_known());
        let number = UserMatch::parse("00998", of).unwrap();
        assert!(number.fits(&user(998)) && number.covers(&runner));
        let nobody = UserMatch::parse("no-such-user", of).unwrap();
        assert!(!nobody.is_known() && !nobody.fits(&user(0)));
        let group = GroupMatch::parse("runner", of, |_| vec![5]).unwrap();
        assert!(group.fits(&user(998)), "its process has it");
        assert!(group.fits(&User { uid: 5, gid: None }), "the host's files say so");
        assert!(!group.fits(&User { uid: 6, gid: None }));
        for wrong in ["", "-1", "+1", "a b", "a:b", "*", "4294967295", "4294967296"] {
            assert!(UserMatch::parse(wrong, of).is_err(), "{wrong}");
        }
    }
}
