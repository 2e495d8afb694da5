#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use super::*;
use crate::http::target;
use crate::policy::effects::ImageEffect;
use crate::policy::environment::EnvironmentRule;
use crate::policy::facts::Facts;
use crate::policy::images::ImageRule;
use crate::policy::{Policy, Verdict, judge};

fn verdict<B>(asked: Result<Inspected<B>, BodyError>) -> String {
    let policy = Policy {
        images: ["ubuntu:16.04", "team/*"].map(|text| ImageRule::parse(text).unwrap()).into(),
        environment: ["USER=0", "TOKEN"].map(|text| EnvironmentRule::parse(text).unwrap()).into(),
        ..Policy::permissive()
    };
    match asked.map(|asked| judge(&policy, asked, &Facts::none())) {
        Err(error) => error.to_string(),
        Ok(Verdict::Allowed(_)) => "allowed".to_owned(),
        Ok(Verdict::Forbidden(violations)) => violations.to_string(),
    }
}

fn create(query: &str) -> String {
    let raw = format!("/v1.41/images/create?{query}");
    verdict(read_create(&target::parse(&raw).unwrap()))
}

const DIGITS: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn what_the_daemon_would_pull_is_judged() {
    for query in [
        "fromImage=ubuntu&tag=16.04",
        "fromImage=ubuntu:16.04",
        "fromImage=ubuntu%3a16.04&tag=",
        "tag=16.04&fromImage=docker.io/library/ubuntu:14.04",
        "fromImage=index.docker.io/ubuntu&tag=16.04",
        "fromImage=ubuntu:16.04:",
        "fromImage=ubuntu",
        "fromImage=ubuntu:",
        "fromImage=ubuntu&tag=",
        "fromImage=ubuntu:16.04&platform=linux/amd64",
        "fromImage=team/app&tag=1",
        "fromImage=team/app",
        // Could be that of a forbidden tag.
        &format!("fromImage=ubuntu&tag=sha256:{DIGITS}"),
        &format!("fromImage=ubuntu@sha256:{DIGITS}"),
        &format!("fromImage=ubuntu:14.04@sha256:{DIGITS}"),
        &format!("fromImage=ubuntu@sha256:{DIGITS}&tag=14.04"),
    ] {
        assert!(create(query).starts_with("forbidden: "), "{query}: {}", create(query));
    }
    for query in [
        "fromImage=ubuntu&tag=14.04",
        "fromImage=ubuntu:16.04&tag=14.04",
        "fromImage=debian",
        "fromImage=registry.example/ubuntu&tag=16.04",
        "fromImage=ubuntu:14.04&repo=ubuntu&tag=18.04",
        &format!("fromImage=debian&tag=sha256:{DIGITS}"),
    ] {
        assert_eq!(create(query), "allowed", "{query}");
    }
    assert_eq!(
        create("fromImage=ubuntu"),
        "forbidden: every tag of image ubuntu (rule \"ubuntu:16.04\")"
    );
}

#[test]
fn what_cannot_be_a_pull_is_no_request() {
    for query in [
        "fromImage=debian;tag=1",
        "fromImage=debian&tag=%zz",
        "fromImage=:",
        "fromImage=UPPER",
        "fromImage=debian&tag=a/b",
        "fromImage=debian&tag=sha256:12",
        &format!("fromImage={DIGITS}"),
        &format!("fromImage=sha256:{DIGITS}"),
    ] {
        let found = create(query);
        assert!(found != "allowed" && !found.starts_with("forbidden"), "{query}: {found}");
    }
}

#[test]
fn the_first_of_several_values_is_pulled() {
    for (query, forbidden) in [
        ("fromImage=debian&fromImage=ubuntu:16.04", false),
        ("fromImage=ubuntu:16.04&fromImage=debian", true),
        ("fromImage=ubuntu&tag=16.04&tag=1", true),
        ("fromImage=ubuntu&tag=1&tag=16.04", false),
    ] {
        let found = create(query);
        assert_eq!(found.starts_with("forbidden"), forbidden, "{query}: {found}");
    }
}

#[test]
fn an_import_takes_its_name_and_sets_variables() {
    for query in [
        "fromSrc=-&repo=ubuntu&tag=16.04",
        "fromSrc=-&repo=ubuntu:16.04",
        "fromSrc=http://x/y.tar&repo=ubuntu:14.04&tag=16.04",
        "fromImage=&fromSrc=-&repo=team/x",
        "fromSrc=-&repo=a&changes=ENV+USER%3d0",
        "fromSrc=-&repo=a&changes=CMD+x&changes=env+USER+0",
        "fromSrc=-&repo=a&changes=ENV+A%3db+%22US%22ER%3d%270%27",
        "fromSrc=-&changes=ENV+US%5c%0aER%3d0",
        "fromSrc=-&changes=ENV+US%5c%0a%0a%23+x%0aER%3d0",
        "fromSrc=-&changes=%23escape%3d%60%0aE%60%0aNV+US%60%0aER%3d0",
        "fromSrc=-&changes=ENV+X%3dUS%0aENV+%24%7bX%7dER%3d0",
        "fromSrc=-&changes=ENV+X%3d0%0aENV+USER%3d%24X",
        "fromSrc=-&changes=ENV+TOKEN%3dany",
    ] {
        assert!(create(query).starts_with("forbidden: "), "{query}: {}", create(query));
    }
    for query in [
        "fromSrc=-",
        "fromSrc=-&repo=ubuntu&tag=14.04",
        "fromSrc=-&repo=ubuntu",
        "fromSrc=-&repo=a&changes=CMD+TOKEN&changes=USER+0",
        "fromSrc=-&repo=a&changes=ENV+PATH%3d%24PATH:/x",
        "fromSrc=-&repo=a&changes=ENV+USER%3d1000",
        "fromSrc=-&repo=a&changes=ENV+SUPER_TOKEN%3d1",
    ] {
        assert_eq!(create(query), "allowed", "{query}");
    }
}

#[test]
fn both_names_of_a_tag_are_judged() {
    let tag = |raw: &str| {
        verdict(read_tag(&target::parse(raw).unwrap()).map(|asked| Inspected::new((), asked)))
    };
    for raw in [
        "/images/debian/tag?repo=ubuntu&tag=16.04",
        "/v1.41/images/debian/tag?repo=ubuntu:14.04&tag=16.04",
        "/images/ubuntu:16.04/tag?repo=mine",
        "/images/team/app/tag?repo=mine",
        "/images/team/tag/tag?repo=mine",
        "/images/0/tag?repo=mine",
    ] {
        assert!(tag(raw).starts_with("forbidden: "), "{raw}: {}", tag(raw));
    }
    let asked = read_tag(&target::parse("/images/a/b/tag?repo=c&tag=d").unwrap()).unwrap();
    let image = |text| ImageRef::parse(text).unwrap();
    let expected = [
        Effect::Image(ImageEffect::Used(image("a/b"))),
        Effect::Image(ImageEffect::NameGiven(image("c:d"))),
        Effect::Image(ImageEffect::Names(ImageNames::One(image("c:d")))),
    ];
    assert!(asked.iter().map(|asked| &asked.effect).eq(&expected), "{asked:?}");
    let names =
        |raw: &str| tag(raw).contains("ubuntu:16.04,") || tag(raw).contains("ubuntu:16.04 (");
    assert!(!names("/images/debian/tag?repo=a&repo=ubuntu:16.04"));
    assert!(names("/images/debian/tag?repo=ubuntu:16.04&repo=a"));
}

#[test]
fn a_commit_is_read_whole() {
    let commit = |query: &str, body: &str| {
        let raw = format!("/commit?container=x&{query}");
        let read = read_commit(&target::parse(&raw).unwrap(), body.as_bytes());
        verdict(read)
    };
    for (query, body) in [
        ("repo=ubuntu&tag=16.04", ""),
        ("repo=ubuntu:16.04", "null"),
        ("changes=ENV+USER%3d0", ""),
        ("repo=a", r#"{"env":["USER=0"]}"#),
    ] {
        let found = commit(query, body);
        assert!(found.starts_with("forbidden: "), "{query} {body}: {found}");
    }
    for (query, body) in [
        ("", ""),
        ("repo=a&comment=x&author=y&pause=1", "null\n"),
        ("repo=a&changes=CMD+x", r#"{"User":"root","Cmd":["x"]}"#),
    ] {
        assert_eq!(commit(query, body), "allowed", "{query} {body}");
    }
    for body in ["{", "[]", "nullx", r#"{"Env":1}"#, r#"{"Env":[],"env":[]}"#, "{}{}"] {
        let found = commit("", body);
        assert!(found != "allowed" && !found.starts_with("forbidden"), "{body}: {found}");
    }
}

#[test]
fn the_body_of_a_commit_is_written_anew() {
    let target = target::parse("/commit?container=x").unwrap();
    for (body, expected) in
        [("", ""), (" null ", "null"), ("{ \"cmd\" : \"x\" }", r#"{"Cmd":"x"}"#)]
    {
        let mut written = Vec::new();
        let read = read_commit(&target, body.as_bytes()).unwrap();
        let Verdict::Allowed(checked) = judge(&Policy::permissive(), read, &Facts::none()) else {
            panic!("nothing is forbidden");
        };
        write_commit(checked.into_body(), &mut written);
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }
}

#[test]
fn what_plugins_are_asked_about_a_pull() {
    let asked = |query: &str| {
        let raw = format!("/images/create?{query}");
        let body = read_create(&target::parse(&raw).unwrap()).unwrap();
        match judge(&Policy::permissive(), body, &Facts::none()) {
            Verdict::Allowed(checked) => {
                checked.into_body().map(|image| (image.given, image.every_tag))
            }
            Verdict::Forbidden(violations) => panic!("{violations}"),
        }
    };
    let given = |text: &str, every_tag| Some((text.to_owned(), every_tag));
    assert_eq!(asked("fromImage=app&tag=1"), given("app:1", false));
    assert_eq!(asked("fromImage=app:1"), given("app:1", false));
    assert_eq!(asked("fromImage=app"), given("app", true));
    let digest = format!("sha256:{DIGITS}");
    assert_eq!(
        asked(&format!("fromImage=app&tag={digest}")),
        given(&format!("app@{digest}"), false)
    );
    assert_eq!(asked("fromSrc=-&repo=app"), None);
}
