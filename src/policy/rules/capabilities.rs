//! Capabilities that nobody may add.

use std::fmt::{self, Write};

use crate::policy::judge::combined::capability_names;
use crate::policy::rules::privileged::PRIVILEGED;
use crate::policy::shown::Configured;
use crate::policy::types::{Capability, ValueError};
use crate::policy::violations::Findings;

/// One forbidden capability; `ALL` forbids adding any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapabilityRule {
    text: String,
    capability: Capability,
}

impl CapabilityRule {
    /// Reads a name in any case, with or without `CAP_`.
    ///
    /// # Errors
    /// [`ValueError::Capability`] if it cannot be one, [`ValueError::UnknownCapability`] if Linux has none of
    /// that name.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        Ok(Self { text: text.to_owned(), capability: parse_known(text)? })
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The rule in words.
    pub(in crate::policy) fn describe(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "Capability {} may not be added.", Configured(&self.text))
    }

    pub(in crate::policy) fn check(&self, asked: &Capability, found: &mut Findings<'_>) {
        // To add all is to add this one.
        if *asked == self.capability || asked.is_all() || self.capability.is_all() {
            found.add(format_args!("capability {asked}"), &self.text);
        }
    }

    pub(in crate::policy) fn check_privileged(&self, found: &mut Findings<'_>) {
        found.add_because(PRIVILEGED, "which has every capability", &self.text);
    }
}

/// Reads a capability that is forbidden, forced or lifted: one that Linux has, in any case, with or without
/// `CAP_`, or `ALL`.
///
/// # Errors
/// [`ValueError::Capability`] if it cannot be one, [`ValueError::UnknownCapability`] if Linux has none of
/// that name.
pub fn parse_known(text: &str) -> Result<Capability, ValueError> {
    let capability = Capability::parse(text)?;
    let is_known = capability_names().any(|known| known == capability.as_str());
    if is_known || capability.is_all() {
        return Ok(capability);
    }
    let nearest = capability_names().min_by_key(|known| {
        (!known.contains(capability.as_str()), edits(capability.as_str(), known))
    });
    Err(match nearest {
        Some(nearest) => ValueError::UnknownCapability(text.to_owned(), nearest),
        None => ValueError::Capability(text.to_owned()),
    })
}

/// How many letters must be put in, taken out or changed to make one of the other (Levenshtein 1966).
fn edits(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.bytes().enumerate() {
        let mut left = line + 1;
        let mut diagonal = line;
        let cells = row.iter_mut().zip(std::iter::once(None).chain(other.bytes().map(Some)));
        for (cell, beside) in cells {
            let here = match beside {
                None => line + 1,
                Some(beside) => {
                    let changed = diagonal + usize::from(letter != beside);
                    changed.min(left + 1).min(*cell + 1)
                }
            };
            diagonal = std::mem::replace(cell, here);
            left = here;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_told_of_with_the_nearest_name() {
        assert_eq!((edits("", "abc"), edits("kitten", "sitting"), edits("a", "a")), (3, 3, 0));
        for (text, nearest) in
            [("SYS_ADMN", "SYS_ADMIN"), ("cap_net_admim", "NET_ADMIN"), ("PTRACE", "SYS_PTRACE")]
        {
            let said = CapabilityRule::parse(text).unwrap_err().to_string();
            assert_eq!(said, format!("`{text}` is not a Linux capability; {nearest} is"));
        }
        for text in ["ALL", "all", "cap_sys_admin", "Bpf", "CHECKPOINT_RESTORE"] {
            assert!(CapabilityRule::parse(text).is_ok(), "{text}");
        }
    }
}
