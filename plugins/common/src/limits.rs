//! Findings of a scanner, and how many are too many.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use crate::text::shown;

/// How bad a vulnerability is, by the scale that Anchore, Harbor and Clair share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nobody has said yet.
    Unknown,
    /// Of no practical meaning.
    Negligible,
    /// Does little damage, or is hard to use.
    Low,
    /// Worth fixing.
    Medium,
    /// Does real damage in ordinary installations.
    High,
    /// Does real damage nearly everywhere.
    Critical,
}

impl Severity {
    const ALL: [Self; 6] =
        [Self::Unknown, Self::Negligible, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Reads a name of the scale in any case; nothing at all is [`Severity::Unknown`].
    ///
    /// # Errors
    /// A sentence, if the scale has no such name: a scanner with another scale can't be judged by this one.
    pub fn parse(name: &str) -> Result<Self, String> {
        if name.is_empty() {
            return Ok(Self::Unknown);
        }
        let found = Self::ALL.into_iter().find(|s| s.to_string().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            format!(
                "`{}` is not a severity (unknown, negligible, low, medium, high, critical)",
                shown(name)
            )
        })
    }
}

impl<'de> Deserialize<'de> for Severity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What fails while the value is visited is told with its key and line; what fails later is not.
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Severity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a severity")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Severity, E> {
                Severity::parse(name).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Name)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One vulnerability in one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `CVE-…`.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether a version without it exists.
    pub fixable: bool,
}

/// What is counted as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Count {
    /// Each vulnerability in each package.
    #[default]
    Entries,
    /// Each vulnerability, in however many packages.
    Distinct,
}

/// How many findings are too many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// More than that many, of all that are counted, are too many.
    pub all: Option<u64>,
    /// Findings below it are not counted in `all`.
    pub from: Option<Severity>,
    /// More than that many of one severity are too many.
    pub of_severity: BTreeMap<Severity, u64>,
    /// Findings without a fix are not counted at all.
    pub only_fixable: bool,
    /// What is counted as one.
    pub count: Count,
}

impl Limits {
    /// Whether nothing would ever be too many.
    pub fn is_empty(&self) -> bool {
        self.all.is_none() && self.of_severity.is_empty()
    }

    /// What is too much, each as a phrase; empty if nothing is.
    pub fn exceeded(&self, findings: &[Finding]) -> Vec<String> {
        let from = self.from.unwrap_or(Severity::Unknown);
        let all = self.all.map(|limit| {
            let of = match self.from {
                Some(severity) => format!("vulnerabilities from {severity} upwards"),
                None => "vulnerabilities".to_owned(),
            };
            (self.counted(findings, |f| f.severity >= from), limit, of)
        });
        let each = self.of_severity.iter().map(|(severity, limit)| {
            let number = self.counted(findings, |f| f.severity == *severity);
            (number, *limit, format!("vulnerabilities of severity {severity}"))
        });
        let over = all.into_iter().chain(each).filter(|(number, limit, _)| number > limit);
        over.map(|(number, limit, of)| format!("{number} {of}, limit {limit}")).collect()
    }

    fn counted(&self, findings: &[Finding], is_meant: impl Fn(&Finding) -> bool) -> u64 {
        let meant =
            findings.iter().filter(|f| f.fixable || !self.only_fixable).filter(|f| is_meant(f));
        let number = match self.count {
            Count::Entries => meant.count(),
            Count::Distinct => meant.map(|finding| &finding.id).collect::<BTreeSet<_>>().len(),
        };
        u64::try_from(number).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(id: &str, severity: Severity, fixable: bool) -> Finding {
        Finding { id: id.to_owned(), severity, fixable }
    }

    fn some() -> Vec<Finding> {
        vec![
            finding("CVE-1", Severity::Critical, true),
            finding("CVE-1", Severity::Critical, true),
            finding("CVE-2", Severity::High, false),
            finding("CVE-3", Severity::Unknown, false),
        ]
    }

    #[test]
    fn a_limit_is_what_is_still_allowed() {
        let limit = |all| Limits { all: Some(all), ..Limits::default() };
        assert_eq!(limit(4).exceeded(&some()), [""; 0]);
        assert_eq!(limit(3).exceeded(&some()), ["4 vulnerabilities, limit 3"]);
        assert_eq!(Limits::default().exceeded(&some()), [""; 0]);
    }

    #[test]
    fn what_counts_can_be_narrowed() {
        let none = Limits { all: Some(0), ..Limits::default() };
        let from = Limits { from: Some(Severity::High), ..none.clone() };
        assert_eq!(from.exceeded(&some()), ["3 vulnerabilities from High upwards, limit 0"]);
        let fixable = Limits { only_fixable: true, ..none.clone() };
        assert_eq!(fixable.exceeded(&some()), ["2 vulnerabilities, limit 0"]);
        let distinct = Limits { count: Count::Distinct, ..none };
        assert_eq!(distinct.exceeded(&some()), ["3 vulnerabilities, limit 0"]);
        let of_severity = BTreeMap::from([(Severity::Critical, 1), (Severity::High, 1)]);
        let each = Limits { of_severity, ..Limits::default() };
        assert_eq!(each.exceeded(&some()), ["2 vulnerabilities of severity Critical, limit 1"]);
    }

    #[test]
    fn another_scale_is_no_severity() {
        assert_eq!(Severity::parse("cRiTiCal"), Ok(Severity::Critical));
        assert_eq!(Severity::parse(""), Ok(Severity::Unknown));
        assert!(Severity::parse("Important\n").is_err_and(|e| e.contains("Important\\n")));
    }
}
