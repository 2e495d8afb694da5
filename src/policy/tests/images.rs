//! Images, and what they bring along: users and variables.

use super::*;
use crate::policy::effects::{EnvironmentEffect, IdentityEffect, ImageEffect};

#[test]
fn users() {
    let mut policy =
        Policy { users: vec![UserRule::parse("root").unwrap()], ..Policy::permissive() };
    let user = |text| Effect::Identity(IdentityEffect::User(UserSpec::parse(text).unwrap()));
    assert!(verdict(&policy, vec![user("0:5")], &Facts::none()).contains("user 0:5"));
    assert_eq!(verdict(&policy, vec![user("1000")], &Facts::none()), "allowed");
    let of_image = || {
        vec![
            Effect::Image(ImageEffect::Used(image("app"))),
            Effect::Identity(IdentityEffect::ImageUser(Holder::Daemon)),
        ]
    };
    assert!(verdict(&policy, of_image(), &Facts::none()).contains("not known"));
    for (user, allowed) in [(None, false), (Some("0"), false), (Some("app"), true)] {
        let mut facts = Facts::none();
        let user = user.map(|text| UserSpec::parse(text).unwrap());
        facts.add_image(
            image("app"),
            ImageFacts::Present { id: String::new(), names: vec![], user, environment: vec![] },
        );
        assert_eq!(verdict(&policy, of_image(), &facts) == "allowed", allowed);
    }
    for (asked, known, allowed) in [
        ("app", None, false),
        ("app", Some("app"), false),
        (
            concat!(
                "app@sha256:",
                "11111111111111111111111111111111",
                "11111111111111111111111111111111"
            ),
            Some("app"),
            true,
        ),
        (
            concat!(
                "app@sha256:",
                "11111111111111111111111111111111",
                "11111111111111111111111111111111"
            ),
            None,
            false,
        ),
    ] {
        let mut facts = Facts::none();
        let user = known.map(|text| UserSpec::parse(text).unwrap());
        let (id, names, environment) = (String::new(), vec![], vec![]);
        let known = match user {
            None => ImageFacts::Absent,
            user => ImageFacts::Present { id, names, user, environment },
        };
        facts.add_image(image(asked), known);
        let fetched = vec![
            Effect::Image(ImageEffect::Used(image(asked))),
            Effect::Identity(IdentityEffect::ImageUser(Holder::Registry)),
        ];
        assert_eq!(verdict(&policy, fetched, &facts) == "allowed", allowed, "{asked}");
    }
    policy.ceilings.user = Some(UserSpec::parse("1000").unwrap());
    assert_eq!(verdict(&policy, of_image(), &Facts::none()), "allowed");
    assert!(verdict(&policy, vec![user("root")], &Facts::none()).contains("user root"));
    policy.ceilings.user = Some(UserSpec::parse("0").unwrap());
    assert!(verdict(&policy, of_image(), &Facts::none()).contains("general.user forces"));
    assert!(UserRule::parse("root ").is_err());
}

#[test]
fn environment() {
    let policy = Policy {
        environment: ["USER=0", "LD_PRELOAD"]
            .map(|text| EnvironmentRule::parse(text).unwrap())
            .to_vec(),
        ..Policy::permissive()
    };
    let table = [
        ("USER=0", false),
        ("USER=1", true),
        ("USER", true),
        ("user=0", true),
        ("LD_PRELOAD=secret", false),
        ("LD_PRELOAD", false),
        ("LD_PRELOADS=x", true),
    ];
    for (entry, allowed) in table {
        let effect =
            Effect::Environment(EnvironmentEffect::Set(EnvironmentEntry::parse(entry).unwrap()));
        let verdict = verdict(&policy, vec![effect], &Facts::none());
        assert_eq!(verdict == "allowed", allowed, "{entry}: {verdict}");
        assert!(!verdict.contains("secret"), "{verdict}");
    }
}

#[test]
fn images_by_any_name() {
    let judged = |rule: &str, asked: &str| {
        let policy =
            Policy { images: vec![ImageRule::parse(rule).unwrap()], ..Policy::permissive() };
        let mut facts = Facts::none();
        if let ImageRef::Named(name) = image(asked)
            && name.digest().is_none()
            && !name.maybe_id()
        {
            let known = ImageFacts::Present {
                id: String::new(),
                names: vec![name],
                user: None,
                environment: vec![],
            };
            facts.add_image(image(asked), known);
        }
        verdict(&policy, vec![ImageEffect::Used(image(asked)).into()], &facts) == "allowed"
    };
    let digested = format!("ubuntu@{DIGEST}");
    let both = format!("ubuntu:16.04@{DIGEST}");
    let other_tag = format!("ubuntu:18.04@{DIGEST}");
    let table = [
        ("ubuntu:16.04", "ubuntu:16.04", false),
        ("ubuntu:16.04", "docker.io/library/ubuntu:16.04", false),
        ("docker.io/library/ubuntu:16.04", "ubuntu:16.04", false),
        ("ubuntu:16.04", "index.docker.io/ubuntu:16.04", false),
        ("ubuntu:16.04", &both, false),
        ("ubuntu:16.04", &other_tag, false),
        ("ubuntu:16.04", &digested, false),
        ("ubuntu:16.04", "ubuntu:18.04", true),
        ("ubuntu:16.04", "ubuntu", true),
        ("ubuntu:16.04", "team/ubuntu:16.04", true),
        ("ubuntu:16.04", DIGEST, false),
        ("ubuntu:16.04", "cafe", false),
        ("ubuntu:latest", "ubuntu", false),
        ("ubuntu", "ubuntu:anything", false),
        ("ubuntu", &digested, false),
        ("ubuntu", "debian", true),
        ("registry.example/team/*", "registry.example/team/app:1", false),
        ("registry.example/team/*", "registry.example/team/a/b", false),
        ("registry.example/team/*", "registry.example/teams/app", true),
        ("registry.example/*", "registry.example/app", false),
        ("team/*", "docker.io/team/app", false),
        ("localhost:5000/*", "localhost:5000/app", false),
        ("ubuntu:16.04", "cafe:latest", true),
        ("ubuntu:16.04", "registry-1.docker.io/library/ubuntu:16.04", false),
        ("registry.example/app", "REGISTRY.example:443/app:1", false),
        ("Registry.Example/app", "registry.example/app", false),
        ("index.docker.io/*", "ubuntu", false),
        ("docker.io/*", "team/app", false),
        ("library/*", "ubuntu", false),
        ("team/*", "ubuntu", true),
        (&both, "ubuntu:16.04", false),
        (&digested, &both, false),
        (&digested, "debian:1", true),
    ];
    for (rule, asked, allowed) in table {
        assert_eq!(judged(rule, asked), allowed, "{rule} against {asked}");
    }
    for rule in ["", "UPPER", "*", "/*", "a b", "ubuntu:", "ubuntu*", "team/**", "a/*/b", DIGEST] {
        assert!(ImageRule::parse(rule).is_err(), "{rule:?}");
    }
}

#[test]
fn an_absent_image_is_left_to_the_daemon() {
    let policy = Policy {
        images: vec![ImageRule::parse("ubuntu:16.04").unwrap()],
        users: vec![UserRule::parse("root").unwrap()],
        ..Policy::permissive()
    };
    let mut facts = Facts::none();
    facts.add_image(image("app"), ImageFacts::Absent);
    let effects = || {
        vec![
            Effect::Image(ImageEffect::Used(image("app"))),
            Effect::Identity(IdentityEffect::ImageUser(Holder::Daemon)),
        ]
    };
    assert_eq!(verdict(&policy, effects(), &facts), "allowed");
    assert!(verdict(&policy, effects(), &Facts::none()).contains("other names are not known"));
    let asked_for = questions(&policy, &effects().into_iter().map(asked).collect::<Vec<_>>());
    assert_eq!(asked_for.images(), [&image("app")]);
}

#[test]
fn facts_settle_what_a_name_does_not_say() {
    let policy =
        Policy { images: vec![ImageRule::parse("ubuntu:16.04").unwrap()], ..Policy::permissive() };
    let named = |text| match image(text) {
        ImageRef::Named(name) => name,
        ImageRef::Id(id) => panic!("{id}"),
    };
    for (name, allowed) in [("ubuntu:16.04", false), ("busybox", true)] {
        let mut facts = Facts::none();
        let names = vec![named(name)];
        let known =
            ImageFacts::Present { id: String::new(), names, user: None, environment: vec![] };
        facts.add_image(image(DIGEST), known);
        let verdict = verdict(&policy, vec![ImageEffect::Used(image(DIGEST)).into()], &facts);
        assert_eq!(verdict == "allowed", allowed, "{name}: {verdict}");
    }
}

#[test]
fn variables_that_the_daemon_sets_of_its_own_accord() {
    let by_default = |value: Option<&str>| {
        vec![
            EnvironmentEffect::Default { name: "HOSTNAME", value: value.map(str::to_owned) }.into(),
        ]
    };
    for (rule, value, allowed) in [
        ("HOSTNAME=evil", Some("evil"), false),
        ("HOSTNAME=evil", Some("good"), true),
        ("HOSTNAME=evil", None, false),
        ("HOSTNAME", Some("good"), false),
        ("hostname", Some("evil"), true),
    ] {
        let environment = vec![EnvironmentRule::parse(rule).unwrap()];
        let mut policy = Policy { environment, ..Policy::permissive() };
        let found = verdict(&policy, by_default(value), &Facts::none());
        assert_eq!(found == "allowed", allowed, "{rule} {value:?}: {found}");
        assert!(!found.contains("evil"), "the value is told: {found}");
        policy.ceilings.environment = vec![EnvironmentEntry::parse("HOSTNAME=forced").unwrap()];
        assert_eq!(verdict(&policy, by_default(value), &Facts::none()), "allowed");
    }
}

/// It gives way to a variable of the image, so it does not take its place.
#[test]
fn what_the_daemon_sets_hides_nothing_of_the_image() {
    let policy = Policy {
        environment: vec![EnvironmentRule::parse("HOSTNAME=evil").unwrap()],
        ..Policy::permissive()
    };
    let image = ImageRef::parse("a").unwrap();
    let mut facts = Facts::none();
    let entry = EnvironmentEntry::parse("HOSTNAME=evil").unwrap();
    facts.add_image(
        image.clone(),
        ImageFacts::Present {
            id: String::new(),
            names: Vec::new(),
            user: None,
            environment: vec![entry],
        },
    );
    let value = Some("good".to_owned());
    let effects = vec![
        Effect::Image(ImageEffect::Used(image)),
        Effect::Environment(EnvironmentEffect::OfImage(Holder::Daemon)),
        Effect::Environment(EnvironmentEffect::Default { name: "HOSTNAME", value }),
    ];
    assert!(verdict(&policy, effects, &facts).contains("of the image"));
}
