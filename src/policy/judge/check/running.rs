//! Which rules are about what runs: as whom, and with which variables.

use crate::policy::effects::{EnvironmentEffect, Holder, IdentityEffect, RequestedEffect};
use crate::policy::facts::Facts;
use crate::policy::judge::existing;
use crate::policy::known::contents_of;
use crate::policy::rule_set::Policy;
use crate::policy::rules::environment;
use crate::policy::violations::Findings;

pub(super) fn identity(
    policy: &Policy,
    effect: &IdentityEffect,
    (effects, facts): (&[RequestedEffect], &Facts),
    found: &mut Findings<'_>,
) {
    let Policy { users, groups, .. } = policy;
    match effect {
        IdentityEffect::User(user) => {
            users.iter().for_each(|rule| rule.check(user, found));
            groups.iter().for_each(|rule| rule.check_user(user, found));
        }
        IdentityEffect::Group(group) => {
            users.iter().for_each(|rule| rule.check_group(group, found));
            groups.iter().for_each(|rule| rule.check(group, found));
        }
        IdentityEffect::ImageUser(holder) => image_user(policy, *holder, (effects, facts), found),
        IdentityEffect::ContainerUser(name) => existing::check_user_of(name, users, facts, found),
    }
}

/// Who an image runs as: the forced user, or the image's own.
fn image_user(
    policy: &Policy,
    holder: Holder,
    (effects, facts): (&[RequestedEffect], &Facts),
    found: &mut Findings<'_>,
) {
    let Policy { users, groups, ceilings, .. } = policy;
    match &ceilings.user {
        Some(forced) => {
            users.iter().for_each(|rule| rule.check_forced(forced, found));
            groups.iter().for_each(|rule| rule.check_user(forced, found));
        }
        None => {
            for content in contents_of(effects, (holder, holder), facts) {
                users.iter().for_each(|rule| rule.check_image(content, found));
                groups.iter().for_each(|rule| rule.check_image(content, found));
            }
        }
    }
}

pub(super) fn variable(
    policy: &Policy,
    effect: &EnvironmentEffect,
    (effects, facts): (&[RequestedEffect], &Facts),
    found: &mut Findings<'_>,
) {
    let Policy { environment, ceilings, devices, .. } = policy;
    match effect {
        EnvironmentEffect::Set(entry) => {
            environment.iter().for_each(|rule| rule.check(entry, found));
            devices.iter().for_each(|rule| rule.check_variable(entry, found));
        }
        EnvironmentEffect::Template(name) => {
            environment.iter().for_each(|rule| rule.check_template(name, found));
        }
        EnvironmentEffect::Default { name, value } => {
            environment::check_default((environment, ceilings), (name, value.as_deref()), found);
        }
        EnvironmentEffect::OfImage(holder) => {
            // Of one that is fetched the daemon's own is the best guess: to set variables is no power
            // that would be worth refusing every service for.
            for content in contents_of(effects, (*holder, Holder::Daemon), facts) {
                environment::check_image((environment, ceilings), effects, content, found);
            }
        }
        EnvironmentEffect::Linked(prefix) => {
            environment.iter().for_each(|rule| rule.check_link(prefix, found));
        }
    }
}
