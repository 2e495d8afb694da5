//! What is not known here: a field or a parameter that nobody has decided about.

use std::fmt::{self, Write};

use crate::policy::effects::{Effect, ReadingEffect, RequestedEffect};
use crate::policy::violations::Findings;

/// Whether what is not known is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StrictRule {
    /// It passes, and is reported.
    #[default]
    Tell,
    /// It is refused.
    Refuse,
}

/// The key by which it is configured and reported.
const STRICT: &str = "strict";

impl StrictRule {
    /// Compares what is said, which is safe to print, with the rule.
    pub(in crate::policy) fn check(self, what: &str, found: &mut Findings<'_>) {
        match self {
            Self::Tell => {}
            Self::Refuse => found.add_because(what, "which is not known here", STRICT),
        }
    }

    /// The rule in words.
    pub(in crate::policy) fn describe(self, out: &mut String) -> fmt::Result {
        match self {
            Self::Tell => Ok(()),
            Self::Refuse => {
                writeln!(out, "Requests with fields that SecDocker does not know are refused.")
            }
        }
    }

    /// What of `effects` is to be reported, if anything.
    #[must_use]
    pub fn told(self, effects: &[RequestedEffect]) -> Option<Told<'_>> {
        let told = Told(effects);
        let is_told = self == Self::Tell && told.iter().next().is_some();
        is_told.then_some(told)
    }
}

/// What is not known, safe to print and bounded: `field HostConfig.New, parameter ?new`.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a>(&'a [RequestedEffect]);

impl Told<'_> {
    fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|asked| match &asked.effect {
            Effect::Reading(ReadingEffect::Unknown(what)) => Some(what.as_str()),
            _ => None,
        })
    }
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, what) in self.iter().enumerate() {
            f.write_str(if position == 0 { "" } else { ", " })?;
            f.write_str(what)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use crate::policy::effects::FieldPath;
    use crate::policy::facts::Facts;
    use crate::policy::testing;

    #[test]
    fn what_is_not_known_is_refused_or_told_of() {
        let unknown = |what: &str| {
            let effect = Effect::Reading(ReadingEffect::Unknown(what.to_owned()));
            RequestedEffect { effect, at: FieldPath::Field("the body") }
        };
        let asked = [unknown("field A.B"), unknown("parameter ?c")];
        let judged = |strict| {
            let policy = Policy { strict, ..Policy::permissive() };
            testing::judged(&policy, asked.to_vec(), &Facts::none())
        };
        assert_eq!(judged(StrictRule::Tell), "allowed");
        assert_eq!(
            judged(StrictRule::Refuse),
            "forbidden: field A.B, which is not known here (rule \"strict\"); \
             parameter ?c, which is not known here (rule \"strict\")"
        );
        let told = StrictRule::Tell.told(&asked).map(|told| told.to_string());
        assert_eq!(told.as_deref(), Some("field A.B, parameter ?c"));
        assert!(StrictRule::Refuse.told(&asked).is_none());
        assert!(StrictRule::Tell.told(&[]).is_none());
    }
}
