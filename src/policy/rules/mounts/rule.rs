//! One path that nobody may mount.

use std::borrow::Borrow;
use std::fmt::{self, Write};

use crate::policy::facts::Facts;
use crate::policy::shown::Configured;
use crate::policy::types::{HostPath, ValueError, is_path_pattern};
use crate::policy::violations::Findings;

/// One forbidden path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountRule {
    text: String,
    paths: Paths<HostPath>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Paths<P> {
    /// `/`: the root itself.
    Root,
    /// `/**`: all of them.
    Every,
    /// A path, all below it, and all above it: each would expose it.
    Around(P),
}

impl MountRule {
    /// Reads an absolute path; `/` is the root alone, `/**` every path.
    ///
    /// # Errors
    /// [`ValueError::Path`] for anything else. Everything below a path is meant without saying so:
    /// `/root/*` is refused rather than read as a file of that name.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let paths = match text {
            "/**" => Paths::Every,
            _ if is_path_pattern(text) => return Err(ValueError::Pattern(text.to_owned())),
            _ => match HostPath::parse(text)? {
                path if path.is_root() => Paths::Root,
                path => Paths::Around(path),
            },
        };
        Ok(Self { text: text.to_owned(), paths })
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The rule in words.
    pub(in crate::policy) fn describe(&self, out: &mut String) -> fmt::Result {
        let shown = Configured(&self.text);
        match self.text.as_str() {
            "/**" => writeln!(out, "No path of the host may be mounted."),
            "/" => {
                writeln!(out, "The host's root, {shown}, may not be mounted; paths below it may.")
            }
            _ => writeln!(
                out,
                "The host's {shown} may not be mounted, nor what is below it, nor what is above it."
            ),
        }
    }

    /// The path that it is around, if it is not about all of them.
    pub(super) fn path(&self) -> Option<&HostPath> {
        match &self.paths {
            Paths::Around(path) => Some(path),
            Paths::Root | Paths::Every => None,
        }
    }

    pub(in crate::policy) fn check(
        &self,
        path: &HostPath,
        facts: &Facts,
        found: &mut Findings<'_>,
    ) {
        if self.forbids(path) {
            return found.add(format_args!("mount of {path}"), &self.text);
        }
        let what = format_args!("mount of {path}");
        let (Some(real), Some(rule)) = (facts.link(path), self.where_it_leads(facts)) else {
            // What could not be learned can't be allowed.
            return found.add_because(what, "whose links are not known", &self.text);
        };
        if rule.forbid(path) {
            found.add(what, &self.text);
        } else if self.forbids(real) || rule.forbid(real) {
            found.add_because(what, format_args!("which leads to {real}"), &self.text);
        } else if is_processes(real) {
            found.add_because(what, "which has every process' files", &self.text);
        } else if let Some(alias) =
            facts.aliases(path).iter().find(|alias| self.forbids(alias) || rule.forbid(alias))
        {
            found.add_because(what, format_args!("which is {alias} too"), &self.text);
        }
    }

    /// Judges what a path leads to at this moment. One that is forbidden as it is written, or shows all
    /// processes as it did before, was mounted beside SecDocker.
    pub(in crate::policy) fn check_again(
        &self,
        path: &HostPath,
        facts: &Facts,
        found: &mut Findings<'_>,
    ) {
        let was_forbidden =
            self.forbids(path) || self.where_it_leads(facts).is_some_and(|rule| rule.forbid(path));
        if !was_forbidden && !is_processes(path) {
            self.check(path, facts, found);
        }
    }

    fn forbids(&self, path: &HostPath) -> bool {
        self.paths.forbid(path)
    }

    /// The rule after following the links in its own path, if they are known.
    fn where_it_leads<'a>(&self, facts: &'a Facts) -> Option<Paths<&'a HostPath>> {
        match &self.paths {
            Paths::Root => Some(Paths::Root),
            Paths::Every => Some(Paths::Every),
            Paths::Around(path) => facts.link(path).map(Paths::Around),
        }
    }
}

impl<P: Borrow<HostPath>> Paths<P> {
    fn forbid(&self, path: &HostPath) -> bool {
        match self {
            Self::Root => path.is_root(),
            Self::Every => true,
            Self::Around(forbidden) => around(forbidden.borrow(), path),
        }
    }
}

/// Whether a path shows the processes of the host, and with them, by `PID/root`, its files.
fn is_processes(path: &HostPath) -> bool {
    path.as_str() == "/proc"
}

/// Whether mounting `path` exposes `forbidden`, or something in it.
fn around(forbidden: &HostPath, path: &HostPath) -> bool {
    path.is_within(forbidden) || forbidden.is_within(path)
}
