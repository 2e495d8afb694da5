//! Which endpoints may be called at all, before any rule looks into a request.
//!
//! An entry is a method and a path: `GET /containers/json`, `GET|HEAD /images/*/json`,
//! `* /swarm/**`. A `*` stands for one name, or for a part of one (`web-*`); `/**` at the end for
//! all below, and for the path itself. What a *name* is, the daemon's router decides: it comes in
//! whole, with the slashes that `team/app` has in `/images/team/app/json`, so that `*` reaches
//! exactly the operation that it seems to name.
//!
//! Behind a path parameters may stand, `POST /containers/*/kill?signal=HUP`: the entry is about requests
//! with these values alone.
//!
//! An entry that denies reads generously: methods in any case, and in a path that no known daemon
//! routes a `*` takes slashes. One that allows reads to the letter. Denied beats allowed; what is
//! in neither list gets the default. Knows nothing of HTTP or versions.

mod error;
mod parameters;
mod pattern;

use std::fmt;

pub use error::EntryError;
use error::Fault;
pub use parameters::Parameters;
use parameters::Wanted;
pub use pattern::matches;

use crate::policy::effects::FieldPath;
use crate::policy::shown::Shown;
use crate::policy::violations::Violations;

/// The rules about endpoints of one configuration.
#[derive(Debug, Clone, Default)]
pub struct EndpointRules {
    /// What becomes of a request that is in neither list.
    pub otherwise: Otherwise,
    /// What may be called.
    pub allow: Vec<EndpointEntry>,
    /// What may not, even if it is allowed.
    pub deny: Vec<EndpointEntry>,
}

/// What becomes of a request that no entry is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Otherwise {
    /// It goes on to the other rules.
    #[default]
    Allow,
    /// It is refused.
    Deny,
}

impl EndpointRules {
    /// Whether any request could be refused.
    pub fn can_deny(&self) -> bool {
        self.otherwise == Otherwise::Deny || !self.deny.is_empty()
    }

    /// What keeps an operation from being called; nothing if it may be.
    pub fn violated(&self, asked: &Operation<'_>) -> Option<Violations> {
        if let Some(entry) = self.deny.iter().find(|entry| entry.denies(asked)) {
            return Some(violation(asked, format!("deny {}", entry.text)));
        }
        let is_open =
            self.otherwise == Otherwise::Allow || self.allow.iter().any(|e| e.allows(asked));
        let by_parameters =
            || self.allow.iter().any(|entry| entry.has_parameters() && entry.would_allow(asked));
        (!is_open).then(|| match by_parameters() {
            true => {
                violation(&format_args!("{asked} with these parameters"), "default deny".to_owned())
            }
            false => violation(asked, "default deny".to_owned()),
        })
    }

    /// Whether any entry is about parameters.
    pub fn reads_parameters(&self) -> bool {
        self.allow.iter().chain(&self.deny).any(EndpointEntry::has_parameters)
    }

    /// Whether an entry of what may be called means this very operation, though no known daemon has it:
    /// one that begins with a `*` means those that are known.
    pub fn names(&self, asked: &Operation<'_>) -> bool {
        self.allow.iter().any(|entry| entry.first_segment().is_some() && entry.allows(asked))
    }
}

fn violation(asked: &dyn fmt::Display, rule: String) -> Violations {
    let (what, rule) = (asked.to_string(), format!("endpoints: {rule}"));
    Violations::one(what, rule, FieldPath::Field("the request line"))
}

/// A method and a path, taken apart as the daemon's router does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation<'a> {
    method: &'a str,
    before: &'a str,
    name: Option<&'a str>,
    after: &'a str,
    is_routed: bool,
    parameters: Parameters<'a>,
}

impl<'a> Operation<'a> {
    /// One that the daemon knows, with a name between (`/images/`, `team/app`, `/json`).
    pub fn named(method: &'a str, before: &'a str, name: &'a str, after: &'a str) -> Self {
        let parameters = Parameters::Known(&[]);
        Self { method, before, name: Some(name), after, is_routed: true, parameters }
    }

    /// One that the daemon knows, without a name in it.
    pub fn unnamed(method: &'a str, path: &'a str) -> Self {
        let parameters = Parameters::Known(&[]);
        Self { method, before: path, name: None, after: "", is_routed: true, parameters }
    }

    /// The same with what its request says beside.
    #[must_use]
    pub fn with(self, parameters: Parameters<'a>) -> Self {
        Self { parameters, ..self }
    }

    /// Whether a known daemon has it.
    pub fn is_routed(&self) -> bool {
        self.is_routed
    }

    /// One that no known daemon routes: nobody can say which part of it is a name.
    pub fn unknown(method: &'a str, path: &'a str) -> Self {
        Self { is_routed: false, ..Self::unnamed(method, path) }
    }
}

impl fmt::Display for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = [self.before, self.name.unwrap_or_default(), self.after].concat();
        // Behind a `=` stands the value of a parameter that was encoded into the path.
        match path.split_once('=') {
            None => write!(f, "{} {}", Shown(self.method), Shown(&path)),
            Some((path, _)) => write!(f, "{} {}=***", Shown(self.method), Shown(path)),
        }
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// What the paths of the Docker Engine API begin with.
pub const FIRST_SEGMENTS: [&str; 24] = [
    "_ping",
    "auth",
    "build",
    "commit",
    "configs",
    "containers",
    "debug",
    "distribution",
    "events",
    "exec",
    "grpc",
    "images",
    "info",
    "networks",
    "nodes",
    "plugins",
    "secrets",
    "services",
    "session",
    "swarm",
    "system",
    "tasks",
    "version",
    "volumes",
];

/// What makes a pattern one of all below it.
const BELOW: &str = "/*";

/// One entry: methods, and a pattern of paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointEntry {
    text: String,
    /// None for every method.
    methods: Option<Vec<String>>,
    /// The pattern, without a `/**` at its end.
    path: String,
    /// How many bytes of it stand before its first `*`.
    fixed_bytes: usize,
    /// The pattern of all below `path`, if it ended so.
    below: Option<String>,
    /// What the parameters must be, all of them.
    parameters: Vec<Wanted>,
}

impl EndpointEntry {
    /// Reads methods, joined by `|`, or `*` for all of them, and a path that begins with `/`, perhaps
    /// with parameters behind it.
    ///
    /// # Errors
    /// [`EntryError`] for an entry that means nothing, or that could never match.
    pub fn parse(text: &str) -> Result<Self, EntryError> {
        let fault = |fault| EntryError { text: text.to_owned(), fault };
        let mut words = text.split_ascii_whitespace();
        let (Some(methods), Some(pattern), None) = (words.next(), words.next(), words.next())
        else {
            return Err(fault(Fault::Form));
        };
        let methods = parse_methods(methods).map_err(fault)?;
        let (pattern, query) = match pattern.split_once('?') {
            Some((pattern, query)) => (pattern, Some(query)),
            None => (pattern, None),
        };
        let parameters = query.map(parameters::parse).transpose().map_err(fault)?;
        let parameters = parameters.unwrap_or_default();
        check_path(pattern).map_err(fault)?;
        let (path, below) = match pattern.strip_suffix("/**") {
            Some(path) => (path, Some(format!("{path}{BELOW}"))),
            None => (pattern, None),
        };
        let fixed_bytes = path.find('*').unwrap_or(path.len());
        let (own, path) = (text.to_owned(), path.to_owned());
        let entry = Self { text: own, methods, path, fixed_bytes, below, parameters };
        // What other engines read nobody here knows.
        if !entry.is_beyond_docker() && !entry.parameters.iter().all(Wanted::is_read) {
            return Err(fault(Fault::UnreadParameter));
        }
        Ok(entry)
    }

    /// The entry as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it allows this operation: to the letter.
    pub fn allows(&self, asked: &Operation<'_>) -> bool {
        self.would_allow(asked)
            && self.parameters.iter().all(|wanted| wanted.is_said(asked.parameters))
    }

    /// The same, whatever its parameters are.
    fn would_allow(&self, asked: &Operation<'_>) -> bool {
        self.begins_like(asked)
            && self.has_method(|method| method == asked.method)
            && self.is_like(asked)
    }

    /// Whether it is about parameters.
    pub fn has_parameters(&self) -> bool {
        !self.parameters.is_empty()
    }

    /// Whether it denies this operation: however it might be read.
    pub fn denies(&self, asked: &Operation<'_>) -> bool {
        self.has_method(|method| method.eq_ignore_ascii_case(asked.method))
            && (self.is_like(asked) || (!asked.is_routed && self.could_be(asked.before)))
            && self.parameters.iter().all(|wanted| {
                // Without a name the path is in one piece.
                let after = if asked.name.is_some() { asked.after } else { asked.before };
                wanted.could_be_said(asked.parameters, after)
            })
    }

    /// Whether it is about operations that Docker has none of, whatever follows the first segment of
    /// its path.
    pub fn is_beyond_docker(&self) -> bool {
        self.first_segment().is_some_and(|first| !FIRST_SEGMENTS.contains(&first))
    }

    /// What its path begins with, if that is one text alone.
    fn first_segment(&self) -> Option<&str> {
        let first = self.path.split('/').nth(1).unwrap_or_default();
        (!first.is_empty() && !first.contains('*')).then_some(first)
    }

    /// Whether it is about any operation of this kind, whatever the name in it.
    pub fn concerns(&self, kind: &Operation<'_>) -> bool {
        self.has_method(|method| method == kind.method) && self.fits(kind, |_| true)
    }

    /// Whether what is fixed of the path begins as that of the operation. Most entries are about something
    /// else, and the last letter shows it as often as the first ones.
    #[inline]
    fn begins_like(&self, asked: &Operation<'_>) -> bool {
        let common = self.fixed_bytes.min(asked.before.len());
        let own = self.path.as_bytes().get(..common);
        let other = asked.before.as_bytes().get(..common);
        own.and_then(<[u8]>::last) == other.and_then(<[u8]>::last) && own == other
    }

    fn has_method(&self, is_it: impl Fn(&str) -> bool) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.iter().any(|method| is_it(method)))
    }

    fn is_like(&self, asked: &Operation<'_>) -> bool {
        let name = asked.name.unwrap_or_default();
        self.fits(asked, |pattern| matches(pattern, name))
    }

    /// Segment by segment, but for a name, which may have several of the pattern's.
    fn fits(&self, asked: &Operation<'_>, is_name: impl Fn(&str) -> bool) -> bool {
        let mut pattern = self.path.strip_prefix('/').unwrap_or_default();
        for segment in segments(asked.before) {
            let (first, rest) = pattern.split_once('/').unwrap_or((pattern, ""));
            match pattern.is_empty() {
                true => return self.below.is_some(),
                false if matches(first, segment) => pattern = rest,
                false => return false,
            }
        }
        match asked.name {
            None => pattern.is_empty(),
            Some(_) if pattern.is_empty() => self.below.is_some(),
            Some(_) => self.fits_from_name(pattern, asked.after, is_name),
        }
    }

    fn fits_from_name(&self, pattern: &str, after: &str, is_name: impl Fn(&str) -> bool) -> bool {
        // `/images/team/**` ends in the middle of the name.
        let below = self.below.as_deref().unwrap_or_default();
        let below = below.split_at(below.len().saturating_sub(pattern.len() + BELOW.len())).1;
        let ends = || pattern.match_indices('/').map(|(at, _)| at).chain([pattern.len()]);
        (!below.is_empty() && is_name(below))
            || ends().any(|end| {
                let (name, rest) = pattern.split_at(end);
                self.fits_end(rest, after) && is_name(name)
            })
    }

    fn fits_end(&self, pattern: &str, after: &str) -> bool {
        let mut after = segments(after);
        let is_begun = segments(pattern)
            .all(|pattern| after.next().is_some_and(|segment| matches(pattern, segment)));
        is_begun && (self.below.is_some() || after.next().is_none())
    }

    /// As plain text, a `*` taking slashes.
    fn could_be(&self, path: &str) -> bool {
        matches(&self.path, path) || self.below.as_ref().is_some_and(|below| matches(below, path))
    }
}

fn parse_methods(text: &str) -> Result<Option<Vec<String>>, Fault> {
    if text == "*" {
        return Ok(None);
    }
    let methods = text.split('|').map(|method| {
        let is_method = !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase());
        is_method.then(|| method.to_owned()).ok_or(Fault::Method)
    });
    methods.collect::<Result<_, _>>().map(Some)
}

/// Refuses what no path that is let through can be like.
fn check_path(pattern: &str) -> Result<(), Fault> {
    let fixed = pattern.strip_suffix("/**").unwrap_or(pattern);
    if !pattern.starts_with('/') {
        return Err(Fault::Path);
    }
    let Some(rest) = fixed.strip_prefix('/').filter(|rest| !rest.is_empty()) else {
        return Ok(());
    };
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"%#\\?;".contains(&byte);
    if !rest.bytes().all(is_plain) {
        return Err(Fault::Byte);
    }
    if rest.split('/').next().is_some_and(is_version) {
        return Err(Fault::Version);
    }
    if rest.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(Fault::Segment);
    }
    if rest.contains("**") { Err(Fault::Stars) } else { Ok(()) }
}

fn is_version(segment: &str) -> bool {
    let version = segment.strip_prefix('v').unwrap_or_default();
    !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests;
