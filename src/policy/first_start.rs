//! Containers that have never run: what they were made of is judged when they are started first.
//!
//! A request to make a container is forwarded with the image's name, which the daemon looks up anew: by
//! then it may mean another image than the one that was judged. So what has been made is judged again
//! before it runs, by what the daemon has written down: the image by its identifier, the user and the
//! variables, which are the image's where the request had none. What is forced is in order.

use super::ceilings::Ceilings;
use super::effects::Effect;
use super::facts::{Container, Facts, ImageFacts};
use super::{Findings, Policy};
use crate::image::{ImageName, ImageRef};

/// What it is to start a container, as far as it counts the first time only.
pub(super) fn effects(container: &Container, ceilings: &Ceilings) -> Vec<Effect> {
    let given = container.first_run.iter().flatten();
    given.filter(|effect| !is_forced(effect, ceilings)).cloned().collect()
}

fn is_forced(effect: &Effect, ceilings: &Ceilings) -> bool {
    match effect {
        Effect::User(user) => ceilings.user.as_ref() == Some(user),
        Effect::Environment(entry) => ceilings.environment.contains(entry),
        _ => false,
    }
}

/// Whose files are in a container that has never run: its image's.
pub(super) fn content(container: &Container) -> Option<Effect> {
    let is_image = |effect: &&Effect| matches!(effect, Effect::MadeOf { .. });
    container.first_run.iter().flatten().find(is_image).cloned()
}

/// Whether what a container was made of could not be read.
pub(super) fn is_unreadable(container: &Container) -> bool {
    container.first_run.is_none()
}

/// The rules about images.
pub(super) fn about_images(policy: &Policy) -> impl Iterator<Item = &str> {
    let denied = policy.images.iter().map(|rule| rule.as_str());
    denied.chain(policy.allowed_images.rule())
}

/// The rules about what a container is made of.
pub(super) fn about(policy: &Policy) -> impl Iterator<Item = &str> {
    let Policy { users, groups, environment, .. } = policy;
    let users = users.iter().map(|rule| rule.as_str());
    let groups = groups.iter().map(|rule| rule.as_str());
    let environment = environment.iter().map(|rule| rule.shown());
    about_images(policy).chain(users).chain(groups).chain(environment)
}

/// Judges the image of a container: as if it were asked for by its identifier, but that an allowed name
/// may have gone on to another image since. One that is gone has no names that could be looked at.
pub(super) fn check(
    (image, asked): (&ImageRef, Option<&ImageName>),
    policy: &Policy,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    for rule in &policy.images {
        match facts.image(image) {
            Some(ImageFacts::Absent) => {
                let reason = "which is gone, with the names that it had: make the container anew";
                found.add_because(format_args!("image {image}"), reason, rule.as_str());
            }
            Some(ImageFacts::Present { .. }) | None => rule.check(image, facts, found),
        }
    }
    if !asked.is_some_and(|name| policy.allowed_images.allow(name)) {
        policy.allowed_images.check(image, facts, found);
    }
}
