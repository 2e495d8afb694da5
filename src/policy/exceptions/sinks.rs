//! Where what rules find goes.

use super::exception::Exception;
use crate::policy::effects::RequestedEffect;
use crate::policy::facts::Facts;
use crate::policy::violations::Violations;

/// Where what rules find of one request goes: what an exception lifts is reported, and forbids nothing.
#[derive(Debug)]
pub(in crate::policy) struct Sinks<'a> {
    exception: Option<&'a Exception>,
    /// Whether the exception lifts what all of it belongs to.
    pub(in crate::policy) lifts_all: bool,
    pub(in crate::policy) violations: Violations,
    pub(in crate::policy) lifted: Violations,
}

impl<'a> Sinks<'a> {
    pub(in crate::policy) fn new(exception: Option<&'a Exception>) -> Self {
        let (violations, lifted) = (Violations::default(), Violations::default());
        Self { exception, lifts_all: false, violations, lifted }
    }

    /// Where what is found of this effect goes.
    pub(in crate::policy) fn of(
        &mut self,
        asked: &RequestedEffect,
        effects: &[RequestedEffect],
        facts: &Facts,
    ) -> &mut Violations {
        match self.exception.is_some() && self.lifts(asked, effects, facts) {
            true => &mut self.lifted,
            false => &mut self.violations,
        }
    }

    /// The same of two effects that are something together only: both must be lifted.
    pub(in crate::policy) fn of_both(
        &mut self,
        both: [&RequestedEffect; 2],
        effects: &[RequestedEffect],
        facts: &Facts,
    ) -> &mut Violations {
        match both.iter().all(|asked| self.lifts(asked, effects, facts)) {
            true => &mut self.lifted,
            false => &mut self.violations,
        }
    }

    /// Whether the exception lifts this effect.
    pub(in crate::policy) fn lifts(
        &self,
        asked: &RequestedEffect,
        effects: &[RequestedEffect],
        facts: &Facts,
    ) -> bool {
        self.lifts_all
            || self.exception.is_some_and(|exception| exception.lifts.lift(asked, effects, facts))
    }
}
