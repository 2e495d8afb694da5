//! What unit tests ask for, and in what words they are answered.

use super::effects::{Effect, FieldPath, RequestedEffect};
use super::facts::Facts;
use super::{Inspected, Policy, Verdict, judge};

/// An effect of a request that is asked for somewhere.
pub(crate) fn asked(effect: impl Into<Effect>) -> RequestedEffect {
    RequestedEffect { effect: effect.into(), at: FieldPath::Field("X") }
}

/// Why a request is refused; nothing if it is not.
pub(crate) fn refusal<B>(verdict: &Verdict<B>) -> String {
    match verdict {
        Verdict::Allowed(_) => String::new(),
        Verdict::Forbidden(violations) => violations.to_string(),
    }
}

/// `allowed`, or why a request is refused.
pub(crate) fn said<B>(verdict: &Verdict<B>) -> String {
    match verdict {
        Verdict::Allowed(_) => "allowed".to_owned(),
        Verdict::Forbidden(_) => refusal(verdict),
    }
}

/// [`said`] of a request with these effects.
pub(crate) fn judged(policy: &Policy, asked: Vec<RequestedEffect>, facts: &Facts) -> String {
    said(&judge(policy, Inspected::new((), asked), facts))
}
