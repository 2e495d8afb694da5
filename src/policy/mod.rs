//! What is forbidden and what is forced: pure decisions about the effects of a request.
//!
//! Knows nothing of HTTP, JSON, files or clocks. The engine says what a request would bring about
//! ([`effects`]), [`judge`] compares it with the rules, [`ceilings`] says what is forced on what
//! passed. What can't be evaluated is a violation, never skipped.

pub mod ceilings;
pub mod effects;
pub mod environment;
pub mod facts;
pub mod images;
pub mod mounts;
pub mod ports;
pub mod privileged;
pub mod security;
pub mod types;
pub mod users;

use std::fmt;

use ceilings::Ceilings;
use effects::{Asked, Place};
use environment::EnvironmentRule;
use facts::{Facts, Questions};
use images::ImageRule;
use mounts::MountRule;
use ports::PortRule;
use privileged::PrivilegedRule;
use security::SecurityRule;
use users::UserRule;

/// All rules and ceilings of one configuration.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Host ports that nobody may publish.
    pub ports: Vec<PortRule>,
    /// Host paths that nobody may mount.
    pub mounts: Vec<MountRule>,
    /// Users that nothing may run as.
    pub users: Vec<UserRule>,
    /// Variables that nobody may set.
    pub environment: Vec<EnvironmentRule>,
    /// Security options that nobody may ask for.
    pub security: Vec<SecurityRule>,
    /// Images that nobody may use.
    pub images: Vec<ImageRule>,
    /// Whether privileged mode is forbidden.
    pub privileged: PrivilegedRule,
    /// What is forced on what is allowed.
    pub ceilings: Ceilings,
}

impl Policy {
    /// Forbids and forces nothing.
    pub fn permissive() -> Self {
        Self::default()
    }
}

/// A body and all that it would bring about. What proves that it was judged holds it, so that none
/// can be exchanged for another.
#[derive(Debug)]
pub struct Inspected<B> {
    body: B,
    effects: Vec<Asked>,
}

impl<B> Inspected<B> {
    /// A body as it was read, and its effects.
    pub fn new(body: B, effects: Vec<Asked>) -> Self {
        Self { body, effects }
    }

    /// What it would bring about.
    pub fn effects(&self) -> &[Asked] {
        &self.effects
    }

    /// The same effects of a body put in another form.
    pub fn map<C>(self, into: impl FnOnce(B) -> C) -> Inspected<C> {
        Inspected {
            body: into(self.body),
            effects: self.effects,
        }
    }
}

/// A body that passed every rule. Only [`judge`] makes one; whoever writes an inspected body takes
/// nothing else.
#[derive(Debug)]
pub struct Checked<B>(Inspected<B>);

impl<B> Checked<B> {
    /// The body, to be written.
    pub fn into_body(self) -> B {
        self.0.body
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

/// A rule that a request would break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What was asked for: `host port 22`. Client text is escaped, values of variables are left out.
    pub what: String,
    /// The rule as it was configured.
    pub rule: String,
    /// Where the request asks for it.
    pub at: Place,
}

/// One violation or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// The violations in the order of the rules.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }
}

/// `forbidden: host port 22 (rule "22"); mount of /root/.ssh (rule "/root")`
impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, violation) in self.0.iter().enumerate() {
            f.write_str(if position == 0 { "forbidden: " } else { "; " })?;
            violation.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (rule \"{}\")", self.what, self.rule.escape_debug())
    }
}

/// Where rules leave what they find.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Violation>);

impl Findings {
    fn add(&mut self, what: impl fmt::Display, rule: &str, asked: &Asked) {
        let violation = Violation {
            what: what.to_string(),
            rule: rule.to_owned(),
            at: asked.at.clone(),
        };
        if !self.0.contains(&violation) {
            self.0.push(violation);
        }
    }
}

/// Compares a request with every rule. All violations are reported together.
pub fn judge<B>(policy: &Policy, request: Inspected<B>, facts: &Facts) -> Verdict<B> {
    let Policy {
        ports,
        mounts,
        users,
        environment,
        security,
        images,
        privileged,
        ceilings,
    } = policy;
    let mut findings = Findings::default();
    let image = request
        .effects
        .iter()
        .find_map(|asked| asked.effect.image());
    for asked in &request.effects {
        ports
            .iter()
            .for_each(|rule| rule.check(asked, &mut findings));
        mounts
            .iter()
            .for_each(|rule| rule.check(asked, facts, &mut findings));
        for rule in users {
            rule.check(asked, image, ceilings, facts, &mut findings);
        }
        environment
            .iter()
            .for_each(|rule| rule.check(asked, &mut findings));
        security
            .iter()
            .for_each(|rule| rule.check(asked, &mut findings));
        images
            .iter()
            .for_each(|rule| rule.check(asked, facts, &mut findings));
        privileged.check(asked, &mut findings);
    }
    match findings.0.is_empty() {
        true => Verdict::Allowed(Checked(request)),
        false => Verdict::Forbidden(Violations(findings.0)),
    }
}

/// What must be known before a request with these effects can be judged.
pub fn questions(policy: &Policy, effects: &[Asked]) -> Questions {
    let mut questions = Questions::default();
    mounts::ask(&policy.mounts, effects, &mut questions.links);
    questions
}

#[cfg(test)]
mod tests;
