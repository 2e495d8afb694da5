//! Groups that nothing may run with.
//!
//! A group opens files of the host that are mounted, the daemon's socket among them. Which group a
//! name stands for is said by the image; which one a user has without naming it, too.

use std::fmt::{self, Write};

use crate::policy::facts::ImageFacts;
use crate::policy::rules::principals::{GroupSpec, Held, Principal, Principals};
use crate::policy::shown::Configured;
use crate::policy::types::{UserSpec, ValueError};
use crate::policy::violations::Findings;

const NUMBER_UNKNOWN: &str = "whose number only the image tells";

/// What rules about groups can't see.
const OWN_GROUPS: &str = "A user that names no group has those that the image's own /etc/passwd and /etc/group give it, \
    which are not read: whoever chooses the image can have any number so. `1000:1000` has that group alone; \
    `general.user` forces it.";

/// The rules in words, and what they can't see.
pub(in crate::policy) fn describe(rules: &[GroupRule], out: &mut String) -> fmt::Result {
    rules.iter().try_for_each(|rule| rule.describe(out))?;
    if rules.is_empty() { Ok(()) } else { writeln!(out, "{OWN_GROUPS}") }
}

/// One forbidden group, or a range of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRule {
    text: String,
    groups: Principals,
    /// The number that the name has on this host.
    number: Option<u32>,
}

impl GroupRule {
    /// Reads a name, a number, or a range of numbers; a name stands for its number on this host too,
    /// as `number_of` tells it.
    ///
    /// # Errors
    /// [`ValueError::Group`] for what can be none of these.
    pub fn parse(text: &str, number_of: impl Fn(&str) -> Option<u32>) -> Result<Self, ValueError> {
        let error = || ValueError::Group(text.to_owned());
        if text.contains(':') {
            return Err(error());
        }
        let groups = Principals::parse(text, ValueError::Group)?;
        let number = match &groups {
            Principals::One(Principal::Name(name)) => number_of(name),
            Principals::One(Principal::Number(_)) | Principals::Numbers(..) => None,
        };
        Ok(Self { text: text.to_owned(), groups, number })
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The rule in words.
    pub(in crate::policy) fn describe(&self, out: &mut String) -> fmt::Result {
        let shown = Configured(&self.text);
        match self.number {
            Some(number) => {
                writeln!(out, "Nothing may run with group {shown}, on this host {number}.")
            }
            None if self.is_name() && self.text != "root" => writeln!(
                out,
                "Nothing may run with group {shown}. Warning: this host has none of that name, so its \
                 number is not known."
            ),
            None => writeln!(out, "Nothing may run with group {shown}."),
        }
    }

    fn is_name(&self) -> bool {
        matches!(self.groups, Principals::One(Principal::Name(_)))
    }

    pub(in crate::policy) fn check(&self, group: &GroupSpec, found: &mut Findings<'_>) {
        match self.hold(group.principal()) {
            Held::No => {}
            Held::Yes => found.add(format_args!("group {group}"), &self.text),
            Held::Unknown => {
                found.add_because(format_args!("group {group}"), NUMBER_UNKNOWN, &self.text);
            }
        }
    }

    /// Judges the group that a user names, or has without naming one.
    pub(in crate::policy) fn check_user(&self, user: &UserSpec, found: &mut Findings<'_>) {
        let held = match user.group() {
            Some(group) => self.hold(group),
            None if user.is_root() && self.holds_root() => Held::Yes,
            // 0 is what the daemon takes for a number that the image's /etc/passwd does not have.
            None if user.is_number() && self.holds_root() => {
                let reason = "whose group is root unless the image says otherwise (name a group too, \
                              as in 1000:1000)";
                return found.add_because(format_args!("user {user}"), reason, &self.text);
            }
            None => Held::No,
        };
        match held {
            Held::No => {}
            Held::Yes => found.add(format_args!("group of user {user}"), &self.text),
            Held::Unknown => {
                found.add_because(format_args!("group of user {user}"), NUMBER_UNKNOWN, &self.text);
            }
        }
    }

    pub(in crate::policy) fn check_image(
        &self,
        content: Option<&ImageFacts>,
        found: &mut Findings<'_>,
    ) {
        match content {
            None => found.add_because("the image's own group", "which is not known", &self.text),
            Some(ImageFacts::Absent) => {}
            Some(ImageFacts::Present { user: Some(user), .. }) => self.check_user(user, found),
            Some(ImageFacts::Present { user: None, .. }) if !self.holds_root() => {}
            Some(ImageFacts::Present { user: None, .. }) => {
                found.add("the image's own group root", &self.text);
            }
        }
    }

    /// A name of another group may have the forbidden number in the image.
    fn hold(&self, asked: &Principal) -> Held {
        let is_number = matches!(self.groups, Principals::One(Principal::Number(_)));
        match (self.groups.hold(asked), asked) {
            (Held::No, Principal::Number(number)) if self.number == Some(*number) => Held::Yes,
            (Held::No, Principal::Name(_))
                if !asked.is_root() && (is_number || self.number.is_some()) =>
            {
                Held::Unknown
            }
            (held, _) => held,
        }
    }

    fn holds_root(&self) -> bool {
        self.groups.hold_root() || self.number == Some(0)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use crate::policy::Violations;
    use crate::policy::effects::FieldPath;

    fn rule(text: &str) -> GroupRule {
        GroupRule::parse(text, |name| (name == "docker").then_some(999)).unwrap()
    }

    fn broken(check: impl Fn(&mut Findings<'_>)) -> bool {
        let mut violations = Violations::default();
        let at = FieldPath::Field("X");
        let mut found = Findings::new(&mut violations, &at);
        check(&mut found);
        violations.iter().next().is_some()
    }

    #[test]
    fn groups_by_name_number_and_range() {
        for (text, asked, expected) in [
            ("docker", "docker", true),
            ("docker", "999", true),
            ("docker", "+0999", true),
            ("docker", "998", false),
            ("nowhere", "999", false),
            ("999", "999", true),
            ("999", "docker", true),
            ("docker", "wheel", true),
            ("docker", "root", false),
            ("nowhere", "wheel", false),
            ("root", "0", true),
            ("0", "wheel", true),
            ("0", "root", true),
            ("100-999", "999", true),
            ("100-999", "video", true),
            ("100-999", "0", false),
        ] {
            let group = GroupSpec::parse(asked);
            assert_eq!(broken(|found| rule(text).check(&group, found)), expected, "{text} {asked}");
        }
    }

    #[test]
    fn groups_of_users() {
        for (text, asked, expected) in [
            ("docker", "1000:docker", true),
            ("docker", "1000:999", true),
            ("docker", "app:0999", true),
            ("docker", "1000:wheel", true),
            ("nowhere", "1000:wheel", false),
            ("docker", "1000", false),
            ("docker", "0", false),
            ("root", "1000:0", true),
            ("root", "1000:1000", false),
            ("root", "0", true),
            ("root", "root:", true),
            ("root", "1000", true),
            ("root", "app", false),
            ("0-999", "1000:1000", false),
            ("0-999", "1000:staff", true),
        ] {
            let user = UserSpec::parse(asked).unwrap();
            assert_eq!(
                broken(|found| rule(text).check_user(&user, found)),
                expected,
                "{text} {asked}"
            );
        }
        assert!(broken(|found| rule("docker").check_image(None, found)));
        assert!(!broken(|found| rule("docker").check_image(Some(&ImageFacts::Absent), found)));
    }

    #[test]
    fn what_is_no_group() {
        for text in ["", "a:b", "*", "9-1"] {
            assert!(GroupRule::parse(text, |_| None).is_err(), "{text}");
        }
    }
}
