//! What the daemon's builder is told about images.

use regex::Regex;

use super::*;
use crate::effects::buildkit::source_policy::ODD;
use crate::policy::testing;

/// The rules that the daemon is given, in their order: whether one denies, and what.
fn expressions(policy: &Policy, facts: &Facts) -> Vec<(bool, Regex)> {
    let forced = source_policy::forced(policy, facts).unwrap().unwrap();
    let fields = proto::read(&forced.message, &[1]).unwrap();
    let rules = fields.iter().filter(|field| field.number == 2);
    rules
        .map(|rule| {
            let rule = proto::read(rule.bytes().unwrap(), &[1, 2]).unwrap();
            let action = rule.iter().find(|field| field.number == 1).unwrap().number().unwrap();
            let selector = rule.iter().find(|field| field.number == 2).unwrap().bytes().unwrap();
            let selector = proto::read(selector, &[1, 2]).unwrap();
            (action == 1, Regex::new(selector.first().unwrap().text().unwrap()).unwrap())
        })
        .collect()
}

fn denies(rules: &[&str], facts: &Facts, identifier: &str) -> bool {
    is_denied(&images(rules), facts, identifier)
}

/// As the daemon decides: by the last rule that matches.
fn is_denied(policy: &Policy, facts: &Facts, identifier: &str) -> bool {
    let rules = expressions(policy, facts);
    let last = rules.iter().rev().find(|(_, expression)| expression.is_match(identifier));
    last.is_some_and(|(denies, _)| *denies)
}

/// Seen on 26.1 and 28.5: all of these reach `ubuntu:16.04`, or might.
const SPELLINGS: [&str; 42] = [
    "docker-image://library/ubuntu:16.04",
    "docker-image://ubuntu:16.04",
    "docker-image://ubuntu",
    "docker-image://localhosts/ubuntu",
    "docker-image://docker.io/library/ubuntu:16.04",
    "docker-image://docker.io/library/ubuntu:16.04@sha256:0000000000000000000000000000000000000000000000000000000000000000",
    "docker-image://docker.io/library/ubuntu@sha256:0000000000000000000000000000000000000000000000000000000000000000",
    "docker-image://docker.io/ubuntu:16.04",
    "docker-image://index.docker.io/library/ubuntu:16.04",
    "docker-image://index.docker.io/ubuntu:16.04",
    "docker-image://registry-1.docker.io/library/ubuntu:16.04",
    "docker-image://registry.hub.docker.com/library/ubuntu:16.04",
    "docker-image://docker.io:443/library/ubuntu:16.04",
    "docker-image://docker.io:0443/library/ubuntu:16.04",
    "docker-image://DOCKER.IO/library/ubuntu:16.04",
    "docker-image://Index.Docker.io/library/ubuntu:16.04",
    "docker-image://docker.io./library/ubuntu:16.04",
    "docker-image://docker.io:/library/ubuntu:16.04",
    "docker-image://me@docker.io/library/ubuntu:16.04",
    "docker-image://me:you@docker.io/library/ubuntu:16.04",
    "docker-image://docker.io/library/%75buntu:16.04",
    "docker-image://docker.io/library/ubuntu:16%2e04",
    "docker-image://docker.io/x/../library/ubuntu:16.04",
    "docker-image://docker.io/library/x/../ubuntu:16.04",
    "docker-image://docker.io/library/./ubuntu:16.04",
    "docker-image://docker.io/library//ubuntu:16.04",
    "docker-image://docker.io//library/ubuntu:16.04",
    "docker-image://docker.io/./library/ubuntu:16.04",
    "docker-image://docker.io/library/ubuntu/:16.04",
    "docker-image://docker.io/library/ubuntu/.:16.04",
    "docker-image://docker.io/library/ubuntu:16.04?x",
    "docker-image://docker.io/library/ubuntu:16.04#x",
    "docker-image://docker.io/library/ubuntu:16.04 ",
    "docker-image://docker.io/library/ubuntu:16.04\n",
    "docker-image://docker.io/library/ubuntu:16.04@",
    "docker-image://docker.io/library/Ubuntu:16.04",
    "docker-image://docker.io/library/ubuntu::16.04",
    "docker-image://docker.io/\\library/ubuntu:16.04",
    "docker-image+blob://docker.io/library/ubuntu:16.04",
    "docker-image://docker.io/library/ubuntu:",
    "docker-image://127.1/library/ubuntu:16.04",
    "docker-image://0x7f.0.0.1:5000/library/ubuntu:16.04",
];

const OTHERS: [&str; 13] = [
    "docker-image://docker.io/library/ubuntu:18.04",
    "docker-image://docker.io/library/ubuntu:latest",
    "docker-image://docker.io/library/ubuntu:18.04@sha256:0000000000000000000000000000000000000000000000000000000000000000",
    "docker-image://docker.io/library/ubuntus:16.04",
    "docker-image://docker.io/team/ubuntu:16.04",
    "docker-image://docker.io/library/my-ubuntu_x.y:16.04",
    "docker-image://docker.io/library/probe:1",
    "docker-image://registry.example:5000/a/b/c:V1.0-rc_1",
    "docker-image://10.0.0.1:5000/library/ubuntu:16.04",
    "docker-image://[::1]:5000/library/ubuntu:16.04",
    "docker-image://localhost/library/ubuntu:16.04",
    "local://context",
    "git://github.com/a/b%20c",
];

#[test]
fn the_daemon_denies_each_spelling_of_a_forbidden_name_and_nothing_else() {
    for identifier in SPELLINGS {
        assert!(denies(&["ubuntu:16.04"], &known(), identifier), "{identifier}");
    }
    let odd = Regex::new(ODD).unwrap();
    for identifier in OTHERS {
        assert!(!denies(&["ubuntu:16.04"], &known(), identifier), "{identifier}");
        assert!(!odd.is_match(identifier), "{identifier}");
    }
}

#[test]
fn rules_of_every_form_are_understood() {
    const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
    let pinned = format!("app@{DIGEST}");
    for (rule, identifier, expected) in [
        ("ubuntu", "docker.io/library/ubuntu:18.04", true),
        ("ubuntu", "docker.io/library/ubuntu", true),
        ("ubuntu", "docker.io/library/ubuntu@sha256:1", true),
        ("ubuntu", "docker.io/library/ubuntu-x:1", false),
        ("ubuntu:latest", "docker.io/library/ubuntu", true),
        ("ubuntu:latest", "docker.io/library/ubuntu:1", false),
        ("ubuntu:1.4", "docker.io/library/ubuntu:124", false),
        ("team/*", "docker.io/team/a/b:1", true),
        ("team/*", "docker.io/teams/a:1", false),
        ("docker.io/library/*", "docker.io/x:1", true),
        ("docker.io/library/*", "docker.io/library/x:1", true),
        ("docker.io/library/*", "docker.io/team/x:1", false),
        ("registry.example/team/*", "REGISTRY.example:443/team/x", true),
        ("registry.example:5000/app", "registry.example:05000/app:1", true),
        ("registry.example:5000/app", "registry.example:5001/app:1", false),
        ("registry.example/app", "registry.example:5000/app:1", false),
        (
            &pinned,
            "docker.io/library/app@sha256:1111111111111111111111111111111111111111111111111111111111111111",
            true,
        ),
        (
            &pinned,
            "docker.io/library/app:9@sha256:1111111111111111111111111111111111111111111111111111111111111111",
            true,
        ),
        (&pinned, "docker.io/library/app:9", false),
    ] {
        let identifier = format!("docker-image://{identifier}");
        assert_eq!(denies(&[rule], &known(), &identifier), expected, "{rule}: {identifier}");
    }
}

fn name(text: &str) -> ImageName {
    match ImageRef::parse(text).unwrap() {
        ImageRef::Named(name) => name,
        ImageRef::Id(_) => panic!("{text}"),
    }
}

#[test]
fn other_names_and_the_content_of_a_forbidden_image_are_denied_too() {
    let digest = format!("sha256:{}", "1".repeat(64));
    let id = format!("sha256:{}", "2".repeat(64));
    let names = ["ubuntu:16.04", "alias:1", &format!("mirror.example/u@{digest}")].map(name);
    let other = NamedImage { id: "sha256:3".to_owned(), names: vec![name("other:1")] };
    let mut facts = Facts::none();
    facts.add_image_list(vec![NamedImage { id: id.clone(), names: names.to_vec() }, other]);
    for (identifier, expected) in [
        ("docker.io/library/alias:1".to_owned(), true),
        ("docker.io/library/alias:2".to_owned(), false),
        (format!("docker.io/library/free:1@{digest}"), true),
        (format!("docker.io/library/free@{id}"), true),
        ("docker.io/library/other:1".to_owned(), false),
    ] {
        let identifier = format!("docker-image://{identifier}");
        assert_eq!(denies(&["ubuntu:16.04"], &facts, &identifier), expected, "{identifier}");
    }
    // One that has lost its name stays forbidden.
    let mut facts = Facts::none();
    facts.add_image_list(vec![NamedImage { id: id.clone(), names: vec![name("alias:1")] }]);
    facts.add_former_names(id, vec![name("ubuntu:16.04")]);
    assert!(denies(&["ubuntu:16.04"], &facts, "docker-image://docker.io/library/alias:1"));
}

fn only(texts: &[&str]) -> Policy {
    let list = texts.iter().map(|text| ImageRule::parse(text).unwrap()).collect();
    Policy { allowed_images: AllowedImages::only(list), ..Policy::permissive() }
}

#[test]
fn where_images_are_listed_all_others_are_denied() {
    let (unlisted, listed) =
        (format!("sha256:{}", "3".repeat(64)), format!("sha256:{}", "4".repeat(64)));
    let mut facts = Facts::none();
    facts.add_image_list(vec![
        NamedImage { id: unlisted.clone(), names: vec![name("other:1")] },
        NamedImage { id: listed.clone(), names: vec![name("alias:1"), name("ubuntu:16.04")] },
    ]);
    let mut policy = only(&["ubuntu:16.04", "team/*", "app", &format!("pinned@{listed}")]);
    let beside = |digest: &str| format!("docker-image://docker.io/library/ubuntu:16.04@{digest}");
    let pinned = format!("docker-image://docker.io/library/pinned:1@{listed}");
    let (allowed, denied) = (beside(&listed), beside(&unlisted));
    for (identifier, expected) in [
        ("docker-image://docker.io/library/ubuntu:16.04", false),
        (&allowed, false),
        (&denied, true),
        (&pinned, false),
        ("docker-image://docker.io/library/pinned:1", true),
        ("docker-image://docker.io/team/a/b:1", false),
        ("docker-image://docker.io/library/app:2", false),
        ("docker-image://docker.io/library/apps:2", true),
        ("docker-image://docker.io/library/ubuntu:18.04", true),
        ("docker-image://docker.io/library/ubuntu", true),
        ("docker-image://docker.io/library/alias:1", true),
        ("docker-image://docker.io/team/../library/alias:1", true),
        ("docker-image://docker.io/team/%2e%2e/library/alias:1", true),
        ("docker-image://docker.io/team/a\n", true),
        ("docker-image+blob://docker.io/team/a", true),
        ("oci-layout://x/y@sha256:1", true),
        ("x", true),
        ("", true),
        ("local://context", false),
        ("git://github.com/moby/buildkit.git", false),
        ("https://example.com/x", false),
    ] {
        assert_eq!(is_denied(&policy, &facts, identifier), expected, "{identifier}");
    }
    for spelling in SPELLINGS.iter().filter(|spelling| is_denied(&only(&[]), &facts, spelling)) {
        assert!(is_denied(&only(&["team/*", "app"]), &facts, spelling), "{spelling}");
    }
    // What is forbidden besides stays so.
    policy.images = vec![ImageRule::parse("team/old").unwrap()];
    assert!(is_denied(&policy, &facts, "docker-image://docker.io/team/old:1"));
    assert!(is_denied(&only(&[]), &facts, "docker-image://docker.io/team/a:1"));
}

#[test]
fn where_images_are_listed_names_must_be_and_no_other_policy_stands_beside() {
    let exporter = |name: &str| bytes(13, &[text(1, "image"), entry(2, "name", name)].concat());
    for (message, sentence) in [
        (exporter("app:1"), ""),
        (exporter("app:1,other:1"), "image other:1, which is not allowed"),
        (exporter("*"), "image \"*\", which is not a name"),
        (bytes(12, b"\x08\x01"), "a source policy of the client's own"),
        (bytes(12, b""), ""),
        (entry(7, "source", "probe:1"), "image probe:1, which is not allowed"),
        (entry(7, "context:base", "docker-image://probe:1"), "image probe:1"),
    ] {
        let said = testing::refusal(&judge(
            &only(&["app"]),
            read(Solve::Control, message).unwrap(),
            &known(),
        ));
        assert_eq!(
            (said.is_empty(), said.contains(sentence)),
            (sentence.is_empty(), true),
            "{said}"
        );
    }
    let unknown = judge(&only(&["app"]), read(Solve::Control, vec![]).unwrap(), &Facts::none());
    assert!(matches!(unknown, Verdict::Forbidden(_)), "the daemon's own images must be known");
}

#[test]
fn a_policy_is_appended_to_builds_and_to_nothing_else() {
    let client = [text(1, "ref"), bytes(12, b"\x08\x01")].concat();
    let write = |solve, message: &[u8], policy: &Policy| {
        let Verdict::Allowed(checked) =
            judge(policy, read(solve, message.to_vec()).unwrap(), &known())
        else {
            panic!("nothing is forbidden");
        };
        write(checked, policy, &known()).unwrap().0
    };
    let written = write(Solve::Control, &client, &images(&["ubuntu:16.04"]));
    assert!(written.starts_with(&client));
    let forced = source_policy::forced(&images(&["ubuntu:16.04"]), &known()).unwrap().unwrap();
    assert_eq!(written.strip_prefix(&client[..]).unwrap(), bytes(12, &forced.message));
    let instructions = text(2, "dockerfile.v0");
    assert_eq!(write(Solve::Bridge, &instructions, &images(&["ubuntu:16.04"])), instructions);
    assert_eq!(write(Solve::Control, &client, &Policy::permissive()), client);
}

#[test]
fn more_than_the_daemon_can_be_told_is_refused() {
    let image = |at: usize| NamedImage {
        id: format!("sha256:{at:064}"),
        names: vec![name("ubuntu:16.04"), name(&format!("alias{at}:1"))],
    };
    let mut facts = Facts::none();
    facts.add_image_list((0..3000).map(image).collect());
    assert!(source_policy::forced(&images(&["ubuntu:16.04"]), &facts).is_err());
    assert!(source_policy::forced(&only(&["ubuntu:16.04"]), &facts).is_ok());
    facts.add_image_list((0..100_000).map(image).collect());
    assert!(source_policy::forced(&only(&["app"]), &facts).is_err());
}
