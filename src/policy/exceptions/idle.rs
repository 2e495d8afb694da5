//! What an exception lifts that no rule forbids.

use super::exception::Exception;
use crate::policy::effects::{FieldPath, RequestedEffect};
use crate::policy::facts::Facts;
use crate::policy::judge::{Inspected, Verdict, judge};
use crate::policy::rule_set::Policy;

impl Exception {
    /// What is asked for that no rule of `policy` forbids, so that to lift it says nothing.
    pub fn idle<'a>(&'a self, policy: &'a Policy) -> impl Iterator<Item = String> + 'a {
        let strict = Policy { exceptions: Vec::new(), ..policy.clone() };
        self.lifts.examples().filter_map(move |(what, effects)| {
            let at = FieldPath::Field("exceptions");
            let asked =
                effects.into_iter().map(|effect| RequestedEffect { effect, at: at.clone() });
            match judge(&strict, Inspected::new((), asked.collect()), &Facts::none()) {
                Verdict::Allowed(_) => Some(what),
                Verdict::Forbidden(_) => None,
            }
        })
    }
}
