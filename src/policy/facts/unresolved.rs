//! What was asked of the outside and not learned, to be reported.

use std::fmt;

use super::table::Facts;

/// The most questions that are reported at once: a body can hold thousands of paths.
const TOLD_MAX: usize = 16;

impl Facts {
    /// What was asked in vain; nothing if all was learned.
    #[must_use]
    pub fn unresolved(&self) -> Option<Unresolved> {
        let missing = self.known.iter().filter(|(_, answer)| answer.is_err());
        let told = missing.map(|(question, _)| question.to_string());
        let mut told: Vec<_> = told.take(TOLD_MAX + 1).collect();
        told.sort_unstable();
        (!told.is_empty()).then_some(Unresolved(told))
    }
}

/// What was asked in vain, safe to print and bounded: `image app:1, volume cache`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved(Vec<String>);

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, one) in self.0.iter().take(TOLD_MAX).enumerate() {
            f.write_str(if position == 0 { "" } else { ", " })?;
            f.write_str(one)?;
        }
        f.write_str(if self.0.len() > TOLD_MAX { ", and more" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::facts::{Question, Questions, VolumeFacts};

    #[test]
    fn what_was_asked_in_vain_is_told_of_up_to_a_bound() {
        let told = |facts: &Facts| facts.unresolved().map(|unresolved| unresolved.to_string());
        let text = |text: &str| text.to_owned();
        let mut facts = Facts::none();
        assert_eq!(told(&facts), None);
        let asked = [
            Question::volume("a"),
            Question::volume("b, c"),
            Question::container("d"),
            Question::address(&[10, 0, 0, 1].into()).into_owned(),
        ];
        facts.note(&Questions::from_iter(asked));
        facts.add_volume(text("a"), VolumeFacts::Absent);
        let all = "address 10.0.0.1, container d, volume \"b, c\"";
        assert_eq!(told(&facts).as_deref(), Some(all));
        let volumes: Vec<_> = (0..100).map(|number| number.to_string()).collect();
        facts.note(&volumes.iter().map(|name| Question::volume(name)).collect());
        let many = told(&facts).unwrap_or_default();
        assert!(many.ends_with(", and more"), "{many}");
        assert!(many.matches(", ").count() <= TOLD_MAX + 1, "{many}");
    }
}
