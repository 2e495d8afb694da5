//! Security options that nobody may ask for.

use std::fmt::{self, Write};

use crate::policy::rules::privileged::PRIVILEGED;
use crate::policy::shown::{Configured, Shown};
use crate::policy::types::{SecurityOption, ValueError, is_of_pattern};
use crate::policy::violations::Findings;

/// What privileged mode brings about in terms of options, whatever options stand beside it.
const IMPLIED_BY_PRIVILEGED: [(&str, &str); 4] = [
    ("seccomp", "unconfined"),
    ("apparmor", "unconfined"),
    ("label", "disable"),
    ("systempaths", "unconfined"),
];

/// The options of the daemon, and what the docker CLI makes of the request's other fields.
const KNOWN: [&str; 7] = [
    "apparmor",
    "label",
    "no-new-privileges",
    "privileged",
    "seccomp",
    "systempaths",
    "writable-cgroups",
];

/// One forbidden option, with one value or with any; or privileged mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityRule {
    text: String,
    option: SecurityOption,
}

impl SecurityRule {
    /// Reads `seccomp=unconfined` or `seccomp:unconfined`, that option; `seccomp`, that option with
    /// any value; `privileged`, privileged mode.
    ///
    /// # Errors
    /// [`ValueError::SecurityOption`] for an option that no daemon has, as a slip of the pen would
    /// forbid nothing, and for white space at the ends of name and value, likewise.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let option = SecurityOption::parse(text)?;
        let has_space = |part: &str| part.trim() != part;
        let value = option.value().unwrap_or_default();
        let is_odd = value.contains(is_of_pattern) && !value.contains(['{', '/']);
        let is_odd = is_odd || is_never(option.name(), option.value());
        if !KNOWN.contains(&option.name()) || has_space(text) || has_space(value) || is_odd {
            return Err(ValueError::SecurityOption(text.to_owned()));
        }
        Ok(Self { text: text.to_owned(), option })
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The rule in words.
    pub(in crate::policy) fn describe(&self, out: &mut String) -> fmt::Result {
        let shown = Configured(&self.text);
        if self.text == "privileged" {
            writeln!(out, "Privileged mode is forbidden as a security policy.")
        } else if self.text.contains(['=', ':']) {
            writeln!(out, "Security option {shown} may not be asked for.")
        } else {
            writeln!(out, "Security option {shown} may not be asked for, whatever its value.")
        }
    }

    pub(in crate::policy) fn check(&self, option: &SecurityOption, found: &mut Findings<'_>) {
        if self.forbids(option.name(), option.value()) {
            let option = option.to_entry();
            found.add(format_args!("security option {}", Shown(&option)), &self.text);
        }
    }

    pub(in crate::policy) fn check_privileged(&self, found: &mut Findings<'_>) {
        if self.forbids_privileged() {
            return found.add(PRIVILEGED, &self.text);
        }
        let implied =
            IMPLIED_BY_PRIVILEGED.iter().find(|(name, value)| self.forbids(name, Some(value)));
        if let Some((name, value)) = implied {
            let reason = format_args!("which is {name}={value}");
            found.add_because(PRIVILEGED, reason, &self.text);
        }
    }

    /// Whether it names privileged mode.
    pub(in crate::policy) fn forbids_privileged(&self) -> bool {
        self.option.name() == "privileged" && self.option.value() != Some("false")
    }

    fn forbids(&self, name: &str, value: Option<&str>) -> bool {
        if name != self.option.name() {
            return false;
        }
        match (self.option.value(), value.unwrap_or(ALONE)) {
            (None, _) => true,
            (Some(forbidden), value) => meaning(name, forbidden) == meaning(name, value),
        }
    }
}

/// What an option without a value means: `no-new-privileges` is `no-new-privileges=true`.
const ALONE: &str = "true";

/// Whether no daemon takes that value for the option, so that a rule about it would match nothing. Values
/// are compared letter by letter by the daemon, as here.
fn is_never(name: &str, value: Option<&str>) -> bool {
    let Some(value) = value else { return false };
    let is_misspelled = |word: &&str| value != *word && value.eq_ignore_ascii_case(word);
    match name {
        "seccomp" => ["unconfined", "builtin"].iter().any(is_misspelled),
        "apparmor" | "systempaths" => is_misspelled(&"unconfined"),
        "label" => is_misspelled(&"disable"),
        "no-new-privileges" | "writable-cgroups" => {
            !matches!(meaning(name, value), "true" | "false")
        }
        _ => false,
    }
}

/// Truth values have several spellings (Go `strconv.ParseBool`).
fn meaning<'a>(name: &str, value: &'a str) -> &'a str {
    match (name, value) {
        ("no-new-privileges" | "writable-cgroups", "1" | "t" | "T" | "TRUE" | "True") => "true",
        ("no-new-privileges" | "writable-cgroups", "0" | "f" | "F" | "FALSE" | "False") => "false",
        _ => value,
    }
}
