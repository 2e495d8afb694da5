//! The platform that a request asks for, where an image has builds for several.
//!
//! In containerd's store one name, and one identifier, stands for all of them, and each has a
//! configuration of its own: another user, other variables. So facts about what an image brings along are
//! asked for the platform that will run. The classic store has one build of an image, and refuses what
//! asks for another.

mod asked;

use crate::policy::ceilings::Ceilings;
use crate::policy::effects::{Effect, EnvironmentEffect, IdentityEffect, RequestedEffect};
use crate::policy::facts::{Facts, Question, Questions};
use crate::policy::known::{asked_platforms, build_of, image_of};
use crate::policy::rules::environment::EnvironmentRule;
use crate::policy::rules::groups::GroupRule;
use crate::policy::rules::users::UserRule;
use crate::policy::violations::Findings;
pub use asked::{AskedPlatform, ImageBuild, Platform};

/// The rules that may be about what an image brings along.
pub(in crate::policy) type Rules<'a> = (&'a [UserRule], &'a [GroupRule], &'a [EnvironmentRule]);

/// The first rule that needs to know what the image brings along, if one does.
fn rule_about<'a>(
    (users, groups, environment): Rules<'a>,
    ceilings: &Ceilings,
    effects: &[RequestedEffect],
) -> Option<&'a str> {
    let has = |is_it: fn(&Effect) -> bool| effects.iter().any(|asked| is_it(&asked.effect));
    let is_left_to_image = ceilings.user.is_none()
        && has(|effect| matches!(effect, Effect::Identity(IdentityEffect::ImageUser(_))));
    let user = users.first().map(UserRule::as_str);
    let user = user.or_else(|| groups.first().map(GroupRule::as_str));
    let user = user.filter(|_| is_left_to_image);
    let variable = environment.first();
    let variable = variable.filter(|_| {
        has(|effect| matches!(effect, Effect::Environment(EnvironmentEffect::OfImage(_))))
    });
    user.or_else(|| variable.map(EnvironmentRule::shown))
}

/// Says what can be done where the daemon does not tell of the build that was asked for.
pub(in crate::policy) fn check(
    platform: &AskedPlatform,
    rules: Rules<'_>,
    ceilings: &Ceilings,
    effects: &[RequestedEffect],
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    let Some(rule) = rule_about(rules, ceilings, effects) else { return };
    let build = image_of(effects).and_then(|image| build_of(image, platform));
    if build.and_then(|build| facts.build(&build).map(|_| ())).is_none() {
        let what = format_args!(
            "platform {platform}, of whose build of the image nothing is known: leave the platform \
             out, or write it as linux/amd64 for an engine of API 1.49 or newer"
        );
        found.add(what, rule);
    }
}

/// The builds that must be known: a rule needs to know what the image brings along.
pub(in crate::policy) fn ask(
    rules: Rules<'_>,
    ceilings: &Ceilings,
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    if let Some(image) =
        image_of(effects).filter(|_| rule_about(rules, ceilings, effects).is_some())
    {
        let builds = asked_platforms(effects).filter_map(|platform| build_of(image, platform));
        builds.for_each(|build| questions.ask(Question::build(&build)));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    #![expect(clippy::indexing_slicing, reason = "a failed test should say where")]

    use super::*;
    use crate::image::ImageRef;
    use crate::policy::effects::{FieldPath, Holder, ImageEffect};
    use crate::policy::facts::ImageFacts;
    use crate::policy::testing;
    use crate::policy::types::{EnvironmentEntry, UserSpec};
    use crate::policy::{Policy, further_questions};

    fn content(user: &str, variable: &str) -> ImageFacts {
        ImageFacts::Present {
            id: "sha256:1".to_owned(),
            names: vec![],
            user: Some(UserSpec::parse(user).unwrap()),
            environment: vec![EnvironmentEntry::parse(variable).unwrap()],
        }
    }

    /// A container, or a service, of `two:1` that asks for `platform`.
    fn runs(platform: &str, holder: Holder) -> Vec<RequestedEffect> {
        let at = FieldPath::Field("X");
        let effects = [
            Effect::Image(ImageEffect::Used(ImageRef::parse("two:1").unwrap())),
            Effect::Identity(IdentityEffect::ImageUser(holder)),
            Effect::Environment(EnvironmentEffect::OfImage(holder)),
            Effect::Image(ImageEffect::Platform(Box::new(AskedPlatform::parse(platform)))),
        ];
        effects.into_iter().map(|effect| RequestedEffect { effect, at: at.clone() }).collect()
    }

    fn verdict(policy: &Policy, effects: Vec<RequestedEffect>, facts: &Facts) -> String {
        testing::judged(policy, effects, facts)
    }

    fn policy() -> Policy {
        Policy {
            users: vec![UserRule::parse("root").unwrap()],
            environment: vec![EnvironmentRule::parse("EVIL").unwrap()],
            ..Policy::permissive()
        }
    }

    #[test]
    fn judged_is_what_runs() {
        let image = ImageRef::parse("two:1").unwrap();
        let (good, evil) = (content("1000", "GOOD=1"), content("0:0", "EVIL=1"));
        let build = build_of(&image, &AskedPlatform::parse("linux/386")).unwrap();
        let asked = runs("linux/386", Holder::Daemon);
        let questions = further_questions(&policy(), &asked, &Facts::none());
        assert_eq!(questions.builds(), [&build]);
        for (plain, of_platform, reason) in [
            (&good, Some(&evil), "the image's own user 0:0"),
            (&good, Some(&evil), "environment variable EVIL of the image"),
            (&evil, Some(&good), ""),
            (&good, Some(&ImageFacts::Absent), ""),
            (&good, None, "leave the platform out"),
        ] {
            let mut facts = Facts::none();
            facts.add_image(image.clone(), plain.clone());
            if let Some(found) = of_platform {
                facts.add_build(build.clone(), found.clone());
            }
            let found = verdict(&policy(), asked.clone(), &facts);
            assert_eq!(found == "allowed", reason.is_empty(), "{found}");
            assert!(found.contains(reason), "{found}");
            let odd = verdict(&policy(), runs("linux", Holder::Daemon), &facts);
            assert!(odd.contains("leave the platform out"), "{odd}");
        }
        let permissive = Policy::permissive();
        assert_eq!(verdict(&permissive, asked.clone(), &Facts::none()), "allowed");
        assert!(further_questions(&permissive, &asked, &Facts::none()).is_empty());
    }

    /// A service may run on each platform that it names, and on this host.
    #[test]
    fn a_service_is_judged_by_every_build() {
        let name = "two@sha256:".to_owned() + &"1".repeat(64);
        let image = ImageRef::parse(&name).unwrap();
        let mut effects = runs("linux/386", Holder::Registry);
        effects[0].effect = Effect::Image(ImageEffect::Used(image.clone()));
        let build = build_of(&image, &AskedPlatform::parse("linux/386")).unwrap();
        let (good, evil) = (content("1000", "GOOD=1"), content("0:0", "GOOD=1"));
        for (plain, of_platform, allowed) in [
            (&good, &good, true),
            (&good, &evil, false),
            (&evil, &good, false),
            (&good, &ImageFacts::Absent, true),
        ] {
            let mut facts = Facts::none();
            facts.add_image(image.clone(), plain.clone());
            facts.add_build(build.clone(), of_platform.clone());
            let found = verdict(&policy(), effects.clone(), &facts);
            assert_eq!(found == "allowed", allowed, "{found}");
        }
    }

    #[test]
    fn platforms_are_read_or_left_to_the_daemon() {
        for (text, expected) in [
            ("linux/386", Some("linux/386")),
            ("Linux/AMD64", Some("Linux/AMD64")),
            ("linux/arm/v7", Some("linux/arm/v7")),
            ("arm64", Some("linux/arm64")),
            ("X86_64", Some("linux/X86_64")),
            ("linux", None),
            ("windows(10.0.17763)/amd64", None),
            ("linux/", None),
            ("/386", None),
            ("linux/386/", None),
            ("linux/arm/v7/x", None),
            ("linux/3 86", None),
            ("*", None),
        ] {
            let read = match AskedPlatform::parse(text) {
                AskedPlatform::Known(platform) => Some(platform.to_string()),
                AskedPlatform::Unknown(kept) => {
                    assert_eq!(kept, text);
                    None
                }
            };
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }
}
