//! Variables that nobody may set.

use std::collections::HashSet;
use std::fmt::{self, Write};

use crate::policy::ceilings::Ceilings;
use crate::policy::effects::{Effect, EnvironmentEffect, RequestedEffect};
use crate::policy::facts::{ImageFacts, Question, Questions};
use crate::policy::known::images_in;
use crate::policy::shown::{Configured, Shown};
use crate::policy::types::{EnvironmentEntry, ValueError, is_wildcard};
use crate::policy::violations::Findings;

/// One forbidden variable, with one value or with any.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvironmentRule {
    names: Names,
    /// None for any.
    value: Option<String>,
    text: String,
    /// What messages say of it. They reach the client and the log, where no value belongs, and what
    /// breaks a rule has the rule's value.
    shown: String,
}

#[derive(Clone, PartialEq, Eq)]
enum Names {
    One(String),
    /// All that begin so.
    Prefix(String),
}

impl EnvironmentRule {
    /// Reads `NAME=value`, that pair, `NAME`, the variable with any value, or `LD_*`, all that begin so.
    ///
    /// # Errors
    /// [`ValueError::Environment`] without a name; [`ValueError::Variable`] for a pattern that would match
    /// nothing.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let entry = EnvironmentEntry::parse(text)?;
        let (name, names): (_, fn(String) -> Names) = match entry.name().strip_suffix('*') {
            Some(_) if entry.value().is_some() => {
                return Err(ValueError::Variable(entry.name().to_owned()));
            }
            Some(prefix) => (prefix, Names::Prefix),
            None => (entry.name(), Names::One),
        };
        if name.contains(is_wildcard) {
            return Err(ValueError::Variable(entry.name().to_owned()));
        }
        let shown = match entry.value() {
            Some(_) => format!("{}=...", entry.name()),
            None => entry.name().to_owned(),
        };
        let (names, value) = (names(name.to_owned()), entry.value().map(str::to_owned));
        Ok(Self { names, value, text: text.to_owned(), shown })
    }

    /// The rule as it was configured, with the value, which may be a secret.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The rule in words, with the value.
    pub(in crate::policy) fn describe(&self, out: &mut String) -> fmt::Result {
        match self.text.split_once('=') {
            Some((name, value)) => {
                let (name, value) = (Configured(name), Configured(value));
                writeln!(out, "Variable {name} may not be set to {value}.")
            }
            None => writeln!(out, "Variable {} may not be set.", Configured(&self.text)),
        }
    }

    /// What messages say of it: without a value, which may be a secret.
    pub(in crate::policy) fn shown(&self) -> &str {
        &self.shown
    }

    #[inline]
    pub(in crate::policy) fn check(&self, entry: &EnvironmentEntry, found: &mut Findings<'_>) {
        if self.is_named(entry.name()) && self.is_value(entry.value()) {
            let name = Shown(entry.name());
            found.add(format_args!("environment variable {name}"), &self.shown);
        }
    }

    /// A variable is set, and nobody knows which.
    pub(in crate::policy) fn check_unknown(&self, found: &mut Findings<'_>) {
        found.add("an environment variable whose name is not known", &self.shown);
    }

    /// Whatever value the rule names, the template may become it.
    pub(in crate::policy) fn check_template(&self, name: &str, found: &mut Findings<'_>) {
        if self.is_named(name) {
            let name = name.escape_debug();
            found.add(format_args!("environment variable {name} set by a template"), &self.shown);
        }
    }

    /// A link sets `ALIAS_NAME`, `ALIAS_PORT…`, and `ALIAS_ENV_X` for each variable `X` of the other
    /// container; whatever value the rule names, the other container may have it.
    pub(in crate::policy) fn check_link(&self, prefix: &str, found: &mut Findings<'_>) {
        let (is_set, name) = match &self.names {
            // One of those that the link sets begins so.
            Names::Prefix(begin) => {
                let sets = |end: &str| {
                    let set = format!("{prefix}{end}");
                    set.starts_with(begin) || end.ends_with('_') && begin.starts_with(&set)
                };
                (["NAME", "PORT", "PORT_", "ENV_"].into_iter().any(sets), &self.shown)
            }
            Names::One(name) => {
                let is_set = name.strip_prefix(prefix).is_some_and(|rest| {
                    matches!(rest, "NAME" | "PORT")
                        || rest.starts_with("PORT_")
                        || rest.starts_with("ENV_")
                });
                (is_set, name)
            }
        };
        if is_set {
            let name = Shown(name);
            found.add(format_args!("environment variable {name} set by a link"), &self.shown);
        }
    }

    #[inline]
    fn forbids(&self, name: &str, value: Option<&str>) -> bool {
        self.is_named(name) && self.is_value(value)
    }

    fn is_value(&self, value: Option<&str>) -> bool {
        self.value.is_none() || value == self.value.as_deref()
    }

    #[inline]
    fn is_named(&self, name: &str) -> bool {
        match &self.names {
            Names::Prefix(prefix) => name.starts_with(prefix.as_str()),
            Names::One(own) => name == own,
        }
    }
}

/// Judges a variable that the daemon sets of its own accord, but for one that `general` sets.
pub(in crate::policy) fn check_default(
    (rules, ceilings): (&[EnvironmentRule], &Ceilings),
    (name, value): (&str, Option<&str>),
    found: &mut Findings<'_>,
) {
    if ceilings.environment.iter().any(|forced| forced.name() == name) {
        return;
    }
    match value {
        None => rules.iter().for_each(|rule| rule.check_template(name, found)),
        Some(_) => {
            for rule in rules.iter().filter(|rule| rule.forbids(name, value)) {
                found.add(
                    format_args!("environment variable {name} set by the daemon"),
                    &rule.shown,
                );
            }
        }
    }
}

/// Judges the variables that an image sets, but for those that the request or `general` set.
pub(in crate::policy) fn check_image(
    (rules, ceilings): (&[EnvironmentRule], &Ceilings),
    effects: &[RequestedEffect],
    content: Option<&ImageFacts>,
    found: &mut Findings<'_>,
) {
    if rules.is_empty() {
        return;
    }
    let entries = match content {
        None => {
            let what = "the image's own environment";
            return rules
                .iter()
                .for_each(|rule| found.add_because(what, "which is not known", &rule.shown));
        }
        Some(ImageFacts::Absent) => return,
        Some(ImageFacts::Present { environment, .. }) => environment,
    };
    let forbidden = |rule: &EnvironmentRule| {
        entries.iter().any(|entry| rule.forbids(entry.name(), entry.value()))
    };
    let mut broken = rules.iter().filter(|rule| forbidden(rule)).peekable();
    if broken.peek().is_none() {
        return;
    }
    let overridden = overridden(ceilings, effects);
    for rule in broken {
        let is_it = |entry: &&EnvironmentEntry| {
            rule.forbids(entry.name(), entry.value()) && !overridden.contains(entry.name())
        };
        if let Some(entry) = entries.iter().find(is_it) {
            let name = Shown(entry.name());
            found.add(format_args!("environment variable {name} of the image"), &rule.shown);
        }
    }
}

fn overridden<'a>(ceilings: &'a Ceilings, effects: &'a [RequestedEffect]) -> HashSet<&'a str> {
    let asked = effects.iter().filter_map(|asked| match &asked.effect {
        Effect::Environment(EnvironmentEffect::Set(entry)) => Some(entry.name()),
        Effect::Environment(EnvironmentEffect::Template(name)) => Some(name.as_str()),
        _ => None,
    });
    asked.chain(ceilings.environment.iter().map(EnvironmentEntry::name)).collect()
}

/// The images whose variables must be known: those that run.
pub(in crate::policy) fn ask(
    rules: &[EnvironmentRule],
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    let runs = effects
        .iter()
        .any(|asked| matches!(asked.effect, Effect::Environment(EnvironmentEffect::OfImage(_))));
    if !rules.is_empty() && runs {
        questions.extend(images_in(effects).map(Question::image));
    }
}

impl fmt::Debug for EnvironmentRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EnvironmentRule").field(&self.shown).finish()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::policy::effects::FieldPath;
    use crate::policy::violations::Violations;

    fn broken(rule: &str, check: impl Fn(&EnvironmentRule, &mut Findings<'_>)) -> bool {
        let mut violations = Violations::default();
        let rule = EnvironmentRule::parse(rule).unwrap();
        check(&rule, &mut Findings::new(&mut violations, &FieldPath::Field("X")));
        violations.iter().next().is_some()
    }

    #[test]
    fn a_star_at_the_end_is_every_name_that_begins_so() {
        for (asked, is_forbidden) in [
            ("LD_PRELOAD=/x", true),
            ("LD_", true),
            ("LD_*=", true),
            ("LD", false),
            ("XLD_A", false),
        ] {
            let entry = EnvironmentEntry::parse(asked).unwrap();
            let said = broken("LD_*", |rule, found| rule.check(&entry, found));
            assert_eq!(said, is_forbidden, "{asked}");
        }
        assert!(broken("LD_*", |rule, found| rule.check_template("LD_PRELOAD", found)));
        for (rule, prefix, is_forbidden) in [
            ("LD_*", "LD_", true),
            ("L*", "LD_", true),
            ("*", "LD_", true),
            ("LD_ENV_SECRET*", "LD_", true),
            ("LD_PORT_5432*", "LD_", true),
            ("LD_OTHER*", "LD_", false),
            ("PATH*", "LD_", false),
        ] {
            let said = broken(rule, |rule, found| rule.check_link(prefix, found));
            assert_eq!(said, is_forbidden, "{rule} {prefix}");
        }
    }
}
