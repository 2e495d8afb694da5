//! Which rules are about images and builds.

use crate::policy::effects::{BuildEffect, Builder, ImageEffect, RequestedEffect};
use crate::policy::exceptions;
use crate::policy::facts::Facts;
use crate::policy::judge::{first_start, platform};
use crate::policy::rule_set::Policy;
use crate::policy::rules::{build_steps, builds, images};
use crate::policy::violations::Findings;

pub(super) fn image(
    policy: &Policy,
    effect: &ImageEffect,
    (effects, facts): (&[RequestedEffect], &Facts),
    found: &mut Findings<'_>,
) {
    let Policy { images, allowed_images, .. } = policy;
    match effect {
        ImageEffect::Used(image) => {
            images.iter().for_each(|rule| rule.check(image, facts, found));
            allowed_images.check(image, facts, found);
        }
        ImageEffect::MadeOf(made) => {
            first_start::check((&made.image, made.asked.as_ref()), policy, facts, found);
        }
        ImageEffect::Names(names) => {
            images.iter().for_each(|rule| rule.check_names(names, found));
            allowed_images.check_names(names, found);
        }
        ImageEffect::Content => {
            allowed_images.check_unseen("an image of an archive or a container", found);
        }
        ImageEffect::SourcePolicy => allowed_images.check_own_policy(found),
        ImageEffect::NameGiven(name) => exceptions::check_given(policy, name, found),
        ImageEffect::NamesUnseen => {
            exceptions::check_unseen(policy, "an archive of images", found);
        }
        ImageEffect::NamesTaken => {
            images.iter().for_each(|rule| rule.check_names_taken(facts, found));
        }
        ImageEffect::Removed(image) => {
            images.iter().for_each(|rule| rule.check_removed(image, facts, found));
        }
        ImageEffect::Platform(asked) => {
            let Policy { users, groups, environment, ceilings, .. } = policy;
            platform::check(asked, (users, groups, environment), ceilings, effects, facts, found);
        }
    }
}

pub(super) fn build(
    policy: &Policy,
    effect: &BuildEffect,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    match effect {
        BuildEffect::By(builder) => build_by(policy, *builder, facts, found),
        BuildEffect::Steps(steps) => build_steps::check(policy, steps, facts, found),
        BuildEffect::Opaque(unseen) => builds::check_unseen(policy, unseen, found),
    }
}

/// A build, and the names that it may give.
fn build_by(policy: &Policy, builder: Builder, facts: &Facts, found: &mut Findings<'_>) {
    let Policy { images, allowed_images, .. } = policy;
    builds::check(policy, builder, facts, found);
    match builder {
        Builder::BuildKitSolve => allowed_images.check_listed(facts, found),
        Builder::BuildKitUnseen if builds::are_calls_judged(policy, facts) => {}
        Builder::SessionOffered => {}
        _ => allowed_images.check_unseen("a build", found),
    }
    if builder == Builder::BuildKitUnseen && !builds::are_calls_judged(policy, facts) {
        exceptions::check_unseen(policy, "a build by BuildKit", found);
    }
    if images::build_takes_names(policy, builder) {
        images.iter().for_each(|rule| rule.check_names_taken(facts, found));
    }
}
