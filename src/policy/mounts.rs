//! Paths of the host that nobody may mount.

use super::Findings;
use super::effects::{Asked, Effect};
use super::facts::Facts;
use super::types::{HostPath, ValueError};

/// One forbidden path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountRule {
    text: String,
    paths: Paths,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Paths {
    /// `/`: the root itself.
    Root,
    /// `/**`: all of them.
    Every,
    /// A path, all below it, and all above it: each would expose it.
    Around(HostPath),
}

impl MountRule {
    /// Reads an absolute path; `/` is the root alone, `/**` every path.
    ///
    /// # Errors
    /// [`ValueError::Path`] for anything else.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let paths = match text {
            "/**" => Paths::Every,
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

    pub(super) fn check(&self, path: &HostPath, facts: &Facts, found: &mut Findings<'_>) {
        if self.forbids(path) {
            return found.add(format_args!("mount of {path}"), &self.text);
        }
        let Paths::Around(forbidden) = &self.paths else {
            return self.check_real(path, facts.link(path), found);
        };
        // What could not be learned cannot be allowed.
        let real = facts.link(path).zip(facts.link(forbidden));
        match real {
            Some((real, forbidden)) if !around(forbidden, real) && !self.forbids(real) => {}
            Some((real, _)) => self.report_link(path, real, found),
            None => self.report_unknown(path, found),
        }
    }

    fn check_real(&self, path: &HostPath, real: Option<&HostPath>, found: &mut Findings<'_>) {
        match real {
            Some(real) if !self.forbids(real) => {}
            Some(real) => self.report_link(path, real, found),
            None => self.report_unknown(path, found),
        }
    }

    fn forbids(&self, path: &HostPath) -> bool {
        match &self.paths {
            Paths::Root => path.is_root(),
            Paths::Every => true,
            Paths::Around(forbidden) => around(forbidden, path),
        }
    }

    fn report_link(&self, path: &HostPath, real: &HostPath, found: &mut Findings<'_>) {
        found.add(format_args!("mount of {path}, which leads to {real}"), &self.text);
    }

    fn report_unknown(&self, path: &HostPath, found: &mut Findings<'_>) {
        found.add(format_args!("mount of {path}, whose links are not known"), &self.text);
    }
}

/// Whether mounting `path` exposes `forbidden`, or something in it.
fn around(forbidden: &HostPath, path: &HostPath) -> bool {
    path.is_within(forbidden) || forbidden.is_within(path)
}

/// The paths whose links must be known: those asked for, and the rules' own.
pub(super) fn ask(rules: &[MountRule], effects: &[Asked], links: &mut Vec<HostPath>) {
    if rules.is_empty() {
        return;
    }
    links.extend(effects.iter().filter_map(path_of).cloned());
    if !links.is_empty() {
        links.extend(rules.iter().filter_map(|rule| match &rule.paths {
            Paths::Around(path) => Some(path.clone()),
            Paths::Root | Paths::Every => None,
        }));
    }
}

fn path_of(asked: &Asked) -> Option<&HostPath> {
    match &asked.effect {
        Effect::HostPath(path) => Some(path),
        _ => None,
    }
}
