//! The decision: what a request brings about, with all that exists and is only named by it, is shown to
//! every rule, alone and together.

pub(super) mod about;
pub(super) mod any_path;
mod check;
pub(super) mod combined;
pub(super) mod existing;
pub(super) mod first_start;
pub mod platform;
pub mod tainted;
pub(super) mod takeover;
pub mod versions;
pub mod way_out;

use crate::policy::effects::RequestedEffect;
use crate::policy::exceptions::{self, Granted, Sinks};
use crate::policy::facts::Facts;
use crate::policy::rule_set::Policy;
use crate::policy::violations::Violations;
use check::check;

/// A body and all that it would bring about. What proves that it was judged holds it, so that none
/// can be exchanged for another.
#[derive(Debug)]
pub struct Inspected<B> {
    body: B,
    effects: Vec<RequestedEffect>,
}

impl<B> Inspected<B> {
    /// A body as it was read, and its effects.
    pub fn new(body: B, effects: Vec<RequestedEffect>) -> Self {
        Self { body, effects }
    }

    /// What it would bring about.
    pub fn effects(&self) -> &[RequestedEffect] {
        &self.effects
    }

    /// The body, to be looked at.
    pub fn body(&self) -> &B {
        &self.body
    }

    /// The same body, and more that it would bring about.
    #[must_use]
    pub fn and(mut self, more: impl IntoIterator<Item = RequestedEffect>) -> Self {
        self.effects.extend(more);
        self
    }

    /// The same effects of a body put in another form.
    pub fn map<C>(self, into: impl FnOnce(B) -> C) -> Inspected<C> {
        Inspected { body: into(self.body), effects: self.effects }
    }
}

/// A body that passed every rule. Only [`judge`] makes one; the writer of inspected bodies takes
/// nothing else.
#[derive(Debug)]
pub struct Checked<B> {
    request: Inspected<B>,
    granted: Option<Box<Granted>>,
}

impl<B> Checked<B> {
    /// The exception without which it would not have passed, or not as it is.
    pub fn granted(&self) -> Option<&Granted> {
        self.granted.as_deref()
    }

    /// What it would bring about.
    pub fn effects(&self) -> &[RequestedEffect] {
        self.request.effects()
    }

    /// The body, to be looked at.
    pub fn body(&self) -> &B {
        self.request.body()
    }

    /// The body, to be written.
    pub fn into_body(self) -> B {
        self.request.body
    }

    /// The body, to be written, and the exception.
    pub fn into_parts(self) -> (B, Option<Box<Granted>>) {
        (self.request.body, self.granted)
    }
}

/// What becomes of a request.
#[derive(Debug)]
#[must_use]
pub enum Verdict<B> {
    /// It broke no rule.
    Allowed(Checked<B>),
    /// It broke these.
    Forbidden(Violations),
}

/// Compares a request with every rule. All violations are reported together.
pub fn judge<B>(policy: &Policy, request: Inspected<B>, facts: &Facts) -> Verdict<B> {
    let exception = exceptions::of(policy, &request.effects, facts);
    let under = exception.map(|exception| exceptions::policy_under(exception, policy));
    let rules = under.as_ref().unwrap_or(policy);
    let mut sinks = Sinks::new(exception);
    for asked in &request.effects {
        check(rules, asked, &request.effects, facts, sinks.of(asked, &request.effects, facts));
    }
    for group in existing::implied(&request.effects, facts, &policy.ceilings) {
        let mut own = Sinks::new(exception);
        own.lifts_all = group.device.as_ref().is_some_and(|device| sinks.lifts(device, &[], facts));
        for asked in &group.effects {
            check(rules, asked, &group.effects, facts, own.of(asked, &group.effects, facts));
        }
        combined::check(rules.privileged, &group.effects, facts, &mut own);
        sinks.violations.merge(group.told(own.violations));
        sinks.lifted.merge(group.told(own.lifted));
    }
    combined::check(rules.privileged, &request.effects, facts, &mut sinks);
    let Sinks { violations, lifted, .. } = sinks;
    match violations.is_empty() {
        true => {
            let granted = exception.zip(under).and_then(|(exception, under)| {
                Granted::new(exception, lifted, under, policy).map(Box::new)
            });
            Verdict::Allowed(Checked { request, granted })
        }
        false => Verdict::Forbidden(violations),
    }
}
