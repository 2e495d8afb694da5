//! The rules that a request would break, and the words for them: one sentence for each thing that was
//! asked, with every rule behind it in one bracket.

use std::fmt;

use crate::policy::effects::FieldPath;

/// What a request would do that it may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What was asked for: `host port 22`. Client text is escaped, values of variables are left out.
    pub what: String,
    /// Why the rules forbid it, where that does not show: `which leads to /root`.
    pub reasons: Vec<String>,
    /// The rules as they were configured, at least one.
    pub rules: Vec<String>,
    /// Where the request asks for it first.
    pub at: FieldPath,
}

/// The most violations that one answer lists: a body of 4 MiB can hold a hundred thousand.
pub(super) const VIOLATIONS_LISTED_MAX: usize = 64;

/// The most rules that one bracket names.
const RULES_NAMED_MAX: usize = 16;

/// The most that rules may find before the rest is left out, as each is compared with those listed.
const FOUND_MAX: usize = 1024;

const _: () = assert!(VIOLATIONS_LISTED_MAX < FOUND_MAX);

/// One violation or more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations {
    listed: Vec<Violation>,
    /// How often a rule was found to be broken.
    found: usize,
    /// Whether there was more than is listed.
    more: bool,
}

impl Violations {
    /// The violation of one rule.
    pub(super) fn one(what: String, rule: String, at: FieldPath) -> Self {
        let violation = Violation { what, reasons: Vec::new(), rules: vec![rule], at };
        Self { listed: vec![violation], found: 1, more: false }
    }

    /// What a client asks for that no entry of `clients` fits, where such are refused.
    #[must_use]
    pub fn of_stranger() -> Self {
        let what = "whatever a client asks that no entry of `clients` fits".to_owned();
        Self::one(what, "clients: default refuse".to_owned(), FieldPath::Field("the connection"))
    }

    /// The violations in the order of what was asked; those after the first 64 are left out.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.listed.iter()
    }

    /// Whether no rule was broken.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// The same, each with where it was seen behind what was asked.
    pub(super) fn seen(mut self, place: impl fmt::Display) -> Self {
        self.listed.iter_mut().for_each(|violation| violation.what += &place.to_string());
        self
    }

    /// These as well, with all their rules.
    pub(super) fn merge(&mut self, others: Self) {
        self.more |= others.more;
        for Violation { what, reasons, rules, at } in others.listed {
            for rule in &rules {
                self.add((&what, None), rule, &at);
            }
            if let Some(known) = self.listed.iter_mut().find(|known| known.what == what) {
                let new: Vec<_> =
                    reasons.into_iter().filter(|reason| !known.reasons.contains(reason)).collect();
                known.reasons.extend(new);
            }
        }
    }

    fn add(
        &mut self,
        (what, reason): (&dyn fmt::Display, Option<&dyn fmt::Display>),
        rule: &str,
        at: &FieldPath,
    ) {
        self.found += 1;
        if self.found > FOUND_MAX {
            self.more = true;
            return;
        }
        let what = what.to_string();
        if !self.listed.iter().any(|known| known.what == what) {
            if self.listed.len() >= VIOLATIONS_LISTED_MAX {
                self.more = true;
                return;
            }
            let (what, reasons, rules) = (what.clone(), Vec::new(), Vec::new());
            self.listed.push(Violation { what, reasons, rules, at: at.clone() });
        }
        let Some(known) = self.listed.iter_mut().find(|known| known.what == what) else { return };
        let reason = reason.map(|reason| reason.to_string());
        known.reasons.extend(reason.filter(|reason| !known.reasons.contains(reason)));
        if known.rules.len() <= RULES_NAMED_MAX && !known.rules.iter().any(|named| named == rule) {
            known.rules.push(rule.to_owned());
        }
    }
}

impl Violations {
    /// The sentences without what they mean for the request: `host port 22 (rule "22")`.
    pub fn sentences(&self) -> impl fmt::Display {
        Sentences(self)
    }
}

struct Sentences<'a>(&'a Violations);

impl fmt::Display for Sentences<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violations { listed, more, .. } = self.0;
        for (position, violation) in listed.iter().enumerate() {
            f.write_str(if position == 0 { "" } else { "; " })?;
            violation.fmt(f)?;
        }
        f.write_str(if *more { "; and more" } else { "" })
    }
}

/// `forbidden: host port 22 (rule "22"); mount of /root/.ssh (rule "/root")`
impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.listed.is_empty() { "" } else { "forbidden: " })?;
        self.sentences().fmt(f)
    }
}

/// `mount of /srv/x, which leads to /root (rules "/root", "/")`
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for (position, reason) in self.reasons.iter().enumerate() {
            f.write_str(if position == 0 { ", " } else { " and " })?;
            f.write_str(reason)?;
        }
        f.write_str(if self.rules.len() == 1 { " (rule " } else { " (rules " })?;
        for (position, rule) in self.rules.iter().take(RULES_NAMED_MAX).enumerate() {
            f.write_str(if position == 0 { "" } else { ", " })?;
            write!(f, "\"{}\"", rule.escape_debug())?;
        }
        f.write_str(if self.rules.len() > RULES_NAMED_MAX { " and more)" } else { ")" })
    }
}

/// Where rules leave what they find of one effect. Allocates nothing until one is broken.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    violations: &'a mut Violations,
    at: &'a FieldPath,
}

impl<'a> Findings<'a> {
    /// Of an effect that was asked for at this place.
    pub(super) fn new(violations: &'a mut Violations, at: &'a FieldPath) -> Self {
        Self { violations, at }
    }

    /// How often a rule was found to be broken, by other effects too.
    pub(super) fn count(&self) -> usize {
        self.violations.found
    }

    /// What was asked breaks this rule, and why shows in the words for it.
    pub(super) fn add(&mut self, what: impl fmt::Display, rule: &str) {
        self.violations.add((&what, None), rule, self.at);
    }

    /// What was asked breaks this rule for a reason that does not show: a clause that begins with
    /// `which`.
    pub(super) fn add_because(
        &mut self,
        what: impl fmt::Display,
        reason: impl fmt::Display,
        rule: &str,
    ) {
        self.violations.add((&what, Some(&reason)), rule, self.at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(found: &[(&str, Option<&str>, &str)]) -> String {
        let mut violations = Violations::default();
        for (what, reason, rule) in found {
            let mut found = Findings::new(&mut violations, &FieldPath::Field("X"));
            match reason {
                Some(reason) => found.add_because(what, reason, rule),
                None => found.add(what, rule),
            }
        }
        violations.to_string()
    }

    #[test]
    fn one_sentence_for_what_was_asked() {
        for (found, expected) in [
            (&[("a", None, "1")][..], "forbidden: a (rule \"1\")"),
            (&[("a", None, "1"), ("b", None, "1")], "forbidden: a (rule \"1\"); b (rule \"1\")"),
            (&[("a", None, "1"), ("a", None, "1")], "forbidden: a (rule \"1\")"),
            (&[("a", None, "1"), ("a", None, "2")], "forbidden: a (rules \"1\", \"2\")"),
            (
                &[("a", None, "1"), ("a", Some("which is b"), "2"), ("a", Some("which is b"), "1")],
                "forbidden: a, which is b (rules \"1\", \"2\")",
            ),
            (
                &[("a", Some("which is b"), "1"), ("a", Some("which has c"), "2")],
                "forbidden: a, which is b and which has c (rules \"1\", \"2\")",
            ),
        ] {
            assert_eq!(said(found), expected);
        }
    }

    #[test]
    fn what_is_said_is_bounded() {
        let names: Vec<_> = (0..2 * FOUND_MAX).map(|number| number.to_string()).collect();
        let rules: Vec<_> = names.iter().map(|rule| ("a", None, rule.as_str())).collect();
        let one = said(&rules);
        assert!(
            one.starts_with("forbidden: a (rules \"0\", ") && one.ends_with(" and more); and more")
        );
        assert_eq!(one.matches('"').count(), 2 * RULES_NAMED_MAX);
        let things: Vec<_> = names.iter().map(|what| (what.as_str(), None, "r")).collect();
        let many = said(&things);
        assert_eq!(many.matches("(rule").count(), VIOLATIONS_LISTED_MAX);
        assert!(many.ends_with("; and more"));
    }
}
