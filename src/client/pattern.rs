//! Patterns of names and of control groups. They are taken literally: a client that fits gets a policy for it.

use crate::policy::endpoints::matches;

/// A name in which `*` stands for any characters but `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

/// The path of a control group: `*` is one name in it or a part of one, `/**` at the end is everything
/// below, and the path itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    path: String,
    with_all_below: bool,
}

impl NamePattern {
    /// Reads a name, which is not empty.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.is_empty() || text.contains("**") {
            true => Err(format!("`{}` is not a name, in which * may stand", text.escape_debug())),
            false => Ok(Self(text.to_owned())),
        }
    }

    /// As it was configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name is like it.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        fits(&self.0, name)
    }

    /// Whether every name that is like `other` is like this one, as far as that can be told.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self == other || (!other.0.contains('*') && self.fits(&other.0))
    }
}

impl PathPattern {
    /// Reads an absolute path, as `/proc/PID/cgroup` shows it.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (path, with_all_below) = match text.strip_suffix("/**") {
            Some(path) => (path, true),
            None => (text, false),
        };
        let wrong = || {
            let text = text.escape_debug();
            format!("`{text}` is not a control group, such as /system.slice/jenkins.service/**")
        };
        let is_step = |step: &str| !matches!(step, "" | "." | "..") && !step.contains("**");
        let steps = path.strip_prefix('/').ok_or_else(wrong)?;
        // The root alone would be every process that is in no group of its own.
        if !steps.split('/').all(is_step) {
            return Err(wrong());
        }
        Ok(Self { text: text.to_owned(), path: path.to_owned(), with_all_below })
    }

    /// As it was configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a control group is like it.
    #[must_use]
    pub fn fits(&self, path: &str) -> bool {
        let mut steps = path.split('/');
        let begins = self.path.split('/').all(|own| steps.next().is_some_and(|it| fits(own, it)));
        begins && (self.with_all_below || steps.next().is_none())
    }

    /// Whether every group that is like `other` is like this one, as far as that can be told.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let plain = !other.path.contains('*') && self.fits(&other.path);
        self == other || (plain && (self.with_all_below || !other.with_all_below))
    }
}

/// Whether `text` is like `pattern`, in which `*` stands for any characters but `/`.
fn fits(pattern: &str, text: &str) -> bool {
    let mut steps = text.split('/');
    let each = pattern.split('/').all(|own| steps.next().is_some_and(|it| matches(own, it)));
    each && steps.next().is_none()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn a_star_is_any_part_of_one_name() {
        for (pattern, name, expected) in [
            ("ops@example", "ops@example", true),
            ("ops@example", "ops@example.org", false),
            ("*@example", "ops@example", true),
            ("ci-*-x", "ci-1-2-x", true),
            ("ci-*-x", "ci-x", false),
            ("*", "anything", true),
            ("*", "a/b", false),
            ("spiffe://td/ns/*/sa/deploy", "spiffe://td/ns/ci/sa/deploy", true),
            ("spiffe://td/ns/*/sa/deploy", "spiffe://td/ns/ci/x/sa/deploy", false),
            ("spiffe://td/*", "spiffe://td.evil/x", false),
        ] {
            assert_eq!(
                NamePattern::parse(pattern).unwrap().fits(name),
                expected,
                "{pattern} {name}"
            );
        }
        assert!(NamePattern::parse("").is_err() && NamePattern::parse("a**").is_err());
    }

    #[test]
    fn control_groups_are_paths() {
        for (pattern, path, expected) in [
            ("/system.slice/jenkins.service", "/system.slice/jenkins.service", true),
            ("/system.slice/jenkins.service", "/system.slice/jenkins.service/x", false),
            ("/system.slice/jenkins.service", "/x/system.slice/jenkins.service", false),
            ("/system.slice/jenkins.service/**", "/system.slice/jenkins.service", true),
            ("/system.slice/jenkins.service/**", "/system.slice/jenkins.service/a/b", true),
            ("/system.slice/jenkins.service/**", "/system.slice/jenkins.service2", false),
            ("/system.slice/jenkins.service/**", "/system.slice", false),
            ("/machine.slice/ci-*.scope", "/machine.slice/ci-7.scope", true),
            ("/machine.slice/ci-*.scope", "/machine.slice/ci-7/x.scope", false),
            ("/*/jenkins.service", "/system.slice/jenkins.service", true),
            ("/*/jenkins.service", "/user.slice/u/jenkins.service", false),
            ("/a/**", "/", false),
        ] {
            assert_eq!(
                PathPattern::parse(pattern).unwrap().fits(path),
                expected,
                "{pattern} {path}"
            );
        }
        for wrong in ["", "/", "/**", "a/b", "/a/", "/a//b", "/a/../b", "/a/**/b", "/a/b**"] {
            assert!(PathPattern::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_pattern_covers_another() {
        let path = |text: &str| PathPattern::parse(text).unwrap();
        for (one, other, expected) in [
            ("/a/**", "/a/b", true),
            ("/a/**", "/a/b/**", true),
            ("/a/*", "/a/b", true),
            ("/a/*", "/a/b/**", false),
            ("/a/b", "/a/**", false),
            ("/a/b*", "/a/b*", true),
        ] {
            assert_eq!(path(one).covers(&path(other)), expected, "{one} {other}");
        }
        let name = |text: &str| NamePattern::parse(text).unwrap();
        assert!(name("a*").covers(&name("ab")) && !name("ab").covers(&name("a*")));
    }
}
