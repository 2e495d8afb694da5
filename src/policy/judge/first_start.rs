//! Containers that have never run: what they were made of is judged when they are started first.
//!
//! A request to make a container is forwarded with the image's name, which the daemon looks up anew: by
//! then it may mean another image than the one that was judged. So what has been made is judged again
//! before it runs, by what the daemon has written down: the image by its identifier, the user and the
//! variables, which are the image's where the request had none. What is forced is in order.

use std::fmt;

use crate::image::{ImageName, ImageRef};
use crate::policy::ceilings::Ceilings;
use crate::policy::effects::{Effect, EnvironmentEffect, IdentityEffect, ImageEffect};
use crate::policy::facts::{Container, ContainerFacts, Facts, ImageFacts};
use crate::policy::rule_set::Policy;
use crate::policy::violations::Findings;

/// What it is to start a container, as far as it counts the first time only.
pub(in crate::policy) fn effects(container: &Container, ceilings: &Ceilings) -> Vec<Effect> {
    let given = container.first_run.iter().flatten();
    given.filter(|effect| !is_forced(effect, ceilings)).cloned().collect()
}

fn is_forced(effect: &Effect, ceilings: &Ceilings) -> bool {
    match effect {
        Effect::Identity(IdentityEffect::User(user)) => ceilings.user.as_ref() == Some(user),
        Effect::Environment(EnvironmentEffect::Set(entry)) => ceilings.environment.contains(entry),
        _ => false,
    }
}

/// Whose files are in a container that has never run: its image's.
pub(in crate::policy) fn content(container: &Container) -> Option<Effect> {
    let is_image = |effect: &&Effect| matches!(effect, Effect::Image(ImageEffect::MadeOf(_)));
    container.first_run.iter().flatten().find(is_image).cloned()
}

/// What can't be learned of a container may break these rules.
pub(in crate::policy) fn check_known<'a>(
    (what, name): (fmt::Arguments<'_>, &str),
    rules: impl Iterator<Item = &'a str>,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    let reason = match facts.container(name) {
        None => "which is not known",
        Some(ContainerFacts::Present(Container { first_run: None, .. })) => {
            "which has never run, and of which the image is not known"
        }
        Some(ContainerFacts::Present(_) | ContainerFacts::Absent) => return,
    };
    rules.for_each(|rule| found.add_because(what, reason, rule));
}

/// Judges the image of a container: as if it were asked for by its identifier, but that an allowed name
/// may have gone on to another image since. One that is gone has no names that could be looked at.
pub(in crate::policy) fn check(
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::policy::ceilings::CpuLimit;
    use crate::policy::effects::{ExistingEffect, FieldPath, MadeOf, RequestedEffect};
    use crate::policy::rules::allowed::AllowedImages;
    use crate::policy::rules::environment::EnvironmentRule;
    use crate::policy::rules::images::ImageRule;
    use crate::policy::rules::users::UserRule;
    use crate::policy::testing;
    use crate::policy::types::{EnvironmentEntry, UserSpec};
    use crate::policy::{further_questions, questions};

    const ID: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

    fn names(texts: &[&str]) -> Vec<ImageName> {
        let named = |text: &&str| match ImageRef::parse(text).unwrap() {
            ImageRef::Named(name) => name,
            ImageRef::Id(_) => panic!("{text}"),
        };
        texts.iter().map(named).collect()
    }

    fn made_of(asked: &str) -> Effect {
        let image = ImageRef::parse(ID).unwrap();
        Effect::Image(ImageEffect::MadeOf(Box::new(MadeOf { image, asked: names(&[asked]).pop() })))
    }

    fn variable(text: &str) -> Effect {
        Effect::Environment(EnvironmentEffect::Set(EnvironmentEntry::parse(text).unwrap()))
    }

    fn user(text: &str) -> Effect {
        Effect::Identity(IdentityEffect::User(UserSpec::parse(text).unwrap()))
    }

    fn known(first_run: Option<Vec<Effect>>) -> Facts {
        let mut facts = Facts::none();
        let container = Container {
            names: vec!["c".to_owned()],
            image: None,
            first_run,
            user: UserSpec::parse("1000").unwrap(),
            is_privileged: false,
            shares: vec![],
            shares_of_host: None,
            networks: vec![],
            powers: Some(vec![]),
            mounts: vec![],
            cpu: CpuLimit::QuotaOrNone,
            devices: vec![],
        };
        facts.add_container("c".to_owned(), ContainerFacts::Present(container));
        facts
    }

    fn with_image(mut facts: Facts, texts: &[&str]) -> Facts {
        let (id, names, user, environment) = (ID.to_owned(), names(texts), None, vec![]);
        let present = ImageFacts::Present { id, names, user, environment };
        facts.add_image(ImageRef::parse(ID).unwrap(), present);
        facts
    }

    fn said(policy: &Policy, effect: impl Into<Effect>, facts: &Facts) -> String {
        let asked = vec![RequestedEffect { effect: effect.into(), at: FieldPath::Field("name") }];
        testing::judged(policy, asked, facts)
    }

    fn started(policy: &Policy, facts: &Facts) -> String {
        said(policy, ExistingEffect::Started("c".to_owned()), facts)
    }

    fn images(texts: &[&str]) -> Vec<ImageRule> {
        texts.iter().map(|text| ImageRule::parse(text).unwrap()).collect()
    }

    #[test]
    fn what_is_forced_is_in_order_and_all_else_is_judged() {
        let mut policy = Policy {
            users: vec![UserRule::parse("root").unwrap()],
            environment: vec![EnvironmentRule::parse("X").unwrap()],
            ..Policy::permissive()
        };
        let first = |effects| known(Some(effects));
        assert_eq!(started(&policy, &first(vec![])), "allowed");
        assert_eq!(started(&policy, &first(vec![user("1000"), variable("Y=1")])), "allowed");
        assert!(started(&policy, &first(vec![user("0")])).contains("user 0"));
        assert!(started(&policy, &first(vec![variable("X=1")])).contains("variable X"));
        assert!(started(&policy, &known(None)).contains("the image is not known"));
        assert!(started(&policy, &Facts::none()).contains("which is not known"));
        policy.ceilings.environment = vec![EnvironmentEntry::parse("X=1").unwrap()];
        policy.ceilings.user = Some(UserSpec::parse("0").unwrap());
        assert_eq!(started(&policy, &first(vec![user("0"), variable("X=1")])), "allowed");
        assert!(started(&policy, &first(vec![variable("X=2")])).contains("variable X"));
    }

    #[test]
    fn the_image_is_judged_by_what_it_is_called_and_was() {
        let policy = Policy { images: images(&["ubuntu:16.04"]), ..Policy::permissive() };
        let facts = || known(Some(vec![made_of("app:1")]));
        let first = [
            Effect::Existing(ExistingEffect::Started("c".to_owned())),
            Effect::Existing(ExistingEffect::Archive("c".to_owned())),
        ];
        for effect in first {
            let said = |facts: &Facts| said(&policy, effect.clone(), facts);
            assert_eq!(said(&with_image(facts(), &["app:1"])), "allowed");
            let named = said(&with_image(facts(), &["app:1", "ubuntu:16.04"]));
            assert!(named.contains("which is ubuntu:16.04"), "{named}");
            let mut former = with_image(facts(), &["app:1"]);
            former.add_former_names(ID.to_owned(), names(&["ubuntu:16.04"]));
            assert!(said(&former).contains("which was ubuntu:16.04"));
            assert!(said(&facts()).contains("whose other names are not known"));
            let mut gone = facts();
            gone.add_image(ImageRef::parse(ID).unwrap(), ImageFacts::Absent);
            assert!(said(&gone).contains("which is gone"));
            assert_eq!(said(&known(Some(vec![]))), "allowed", "it has run");
            let asked =
                vec![RequestedEffect { effect: effect.clone(), at: FieldPath::Field("name") }];
            assert_eq!(questions(&policy, &asked).containers(), ["c"]);
            let further = further_questions(&policy, &asked, &facts());
            assert_eq!(further.images(), [&ImageRef::parse(ID).unwrap()]);
        }
    }

    #[test]
    fn under_a_list_the_name_that_was_asked_for_may_have_moved_on() {
        let allowed_images = AllowedImages::only(images(&["app:1", "cafe"]));
        let policy = Policy { allowed_images, ..Policy::permissive() };
        for (asked, has, is_allowed) in [
            ("app:1", &[][..], true),
            ("app:1", &["other:1"], true),
            ("app:2", &["app:1"], true),
            ("app:2", &["app:2"], false),
            // It may have been taken for the beginning of an identifier.
            ("cafe", &["other:1"], false),
            ("cafe", &["cafe"], true),
        ] {
            let facts = with_image(known(Some(vec![made_of(asked)])), has);
            assert_eq!(started(&policy, &facts) == "allowed", is_allowed, "{asked} {has:?}");
        }
    }
}
