//! What is forbidden and what is forced: pure decisions about the effects of a request.
//!
//! Knows nothing of HTTP, JSON, files or clocks. `effects` says what a request would bring about
//! ([`effects`]), [`judge`] compares it with the rules, [`ceilings`] says what is forced on what
//! passed. What can't be evaluated is a violation, never skipped.

pub mod ceilings;
pub mod day;
mod describe;
pub mod effects;
pub mod endpoints;
pub mod exceptions;
pub mod facts;
mod judge;
mod known;
pub mod review;
mod rule_set;
mod rules;
pub(crate) mod shown;
pub mod types;
mod violations;

use effects::RequestedEffect;
use facts::{Facts, Question, Questions};
pub use judge::{Checked, Inspected, Verdict, judge, platform, tainted, versions, way_out};
use judge::{combined, existing};
pub use known::{Reached, builds_unread, image_of_container, images_in, reached};
pub use rule_set::Policy;
pub(crate) use rules::identifiers;
pub use rules::{
    allowed, build_steps, builds, capabilities, devices, environment, groups, images, majors,
    mounts, names, namespaces, ports, principals, privileged, security, shares, strict, subnets,
    unrouted, users,
};
use rules::{networks, runtimes};
pub use violations::{Violation, Violations};

/// What must be known before a request with these effects can be judged.
pub fn questions(policy: &Policy, effects: &[RequestedEffect]) -> Questions {
    further_questions(policy, effects, &Facts::none())
}

/// What must still be known, as the answers so far may have led to more. Nothing is asked twice.
pub fn further_questions(policy: &Policy, effects: &[RequestedEffect], facts: &Facts) -> Questions {
    let mut questions = Questions::default();
    let implied = existing::implied(effects, facts, &policy.ceilings);
    let implied = implied.iter().map(|group| group.effects.as_slice());
    for effects in std::iter::once(effects).chain(implied) {
        let asked = &mut questions;
        images::ask_list(policy, effects, asked);
        builds::ask(policy, effects, asked);
        mounts::ask(policy, effects, asked);
        images::ask(&policy.images, &policy.allowed_images, effects, asked);
        users::ask(&policy.users, &policy.ceilings, effects, asked);
        users::ask(&policy.groups, &policy.ceilings, effects, asked);
        environment::ask(&policy.environment, effects, asked);
        let Policy { users, groups, environment, .. } = policy;
        let rules = (users.as_slice(), groups.as_slice(), environment.as_slice());
        platform::ask(rules, &policy.ceilings, effects, asked);
        networks::ask(&policy.ports, &policy.namespaces, effects, asked);
        mounts::ask_servers(policy, effects, asked);
        combined::ask(policy.privileged, effects, facts, asked);
        subnets::ask(&policy.subnets, effects, asked);
        subnets::ask_bridges(&policy.subnets, effects, asked);
        subnets::ask_networks((&policy.subnets, &policy.allowed_subnets), effects, asked);
        versions::ask(&policy.ceilings, effects, asked);
        runtimes::ask(&policy.runtimes, effects, asked);
        existing::ask(policy, effects, asked);
        exceptions::ask_links(policy, effects, asked);
    }
    exceptions::ask(policy, effects, facts, &mut questions);
    questions.settle(facts);
    if questions.asks(&Question::ImageList) {
        questions.wanted.image_rules = policy.images.clone();
        questions.wanted.image_names = builds::needs_every_name(effects).then(Vec::new);
        questions.wanted.images_allowed = policy.allowed_images.list().map(<[_]>::to_vec);
    }
    questions
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
