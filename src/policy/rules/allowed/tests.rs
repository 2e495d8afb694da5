#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use std::net::IpAddr;

use super::*;
use crate::policy::effects::{
    BuildEffect, Builder, Effect, FieldPath, ImageEffect, MountEffect, RequestedEffect,
};
use crate::policy::facts::AddressFacts;
use crate::policy::rules::shares::{Protocol, Server, Share};
use crate::policy::{Inspected, Policy, Verdict, judge};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn images(allowed: &[&str]) -> Policy {
    let allowed = allowed.iter().map(|text| ImageRule::parse(text).unwrap()).collect();
    Policy { allowed_images: AllowedImages::only(allowed), ..Policy::permissive() }
}

fn mounts(allowed: &[&str]) -> Policy {
    let allowed = allowed.iter().map(|text| AllowedMounts::parse(text).unwrap()).collect();
    Policy { allowed_mounts: AllowedMounts::only(allowed), ..Policy::permissive() }
}

fn passes(policy: &Policy, effect: impl Into<Effect>, facts: &Facts) -> bool {
    let asked = RequestedEffect { effect: effect.into(), at: FieldPath::Field("X") };
    matches!(judge(policy, Inspected::new((), vec![asked]), facts), Verdict::Allowed(_))
}

fn image(text: &str) -> ImageRef {
    ImageRef::parse(&text.replace("DIGEST", DIGEST)).unwrap()
}

fn present(asked: &str, names: &[&str]) -> Facts {
    let names = names.iter().map(|name| match image(name) {
        ImageRef::Named(name) => name,
        ImageRef::Id(_) => panic!("{name}"),
    });
    let mut facts = Facts::none();
    facts.add_image(
        image(asked),
        ImageFacts::Present {
            id: String::new(),
            names: names.collect(),
            user: None,
            environment: vec![],
        },
    );
    facts
}

#[test]
fn an_image_is_used_by_an_allowed_name() {
    let pinned = format!("pinned@{DIGEST}");
    let policy = images(&["app:1", "registry.example/team/*", &pinned, "tool"]);
    for (asked, names, expected) in [
        ("app:1", &["app:1"][..], true),
        ("docker.io/library/app:1", &["app:1"], true),
        ("app:2", &["app:2"], false),
        // What an allowed name means there can be the beginning of an identifier.
        ("tool", &["evil:1"], false),
        // Others' names do not take the allowed one away; without it they are not enough.
        ("app:1", &["app:1", "evil:1"], true),
        ("evil:1", &["app:1", "evil:1"], false),
        // Part of an identifier.
        ("abc", &["evil:1", "app:1"], true),
        ("abc", &["evil:1"], false),
        // An identifier and a digest say what the content is.
        ("sha256:abc", &["evil:1", "app:1"], true),
        ("sha256:abc", &["evil:1"], false),
        ("sha256:abc", &[], false),
        ("evil@DIGEST", &["app:1", "evil@DIGEST"], true),
        // Beside a digest the daemon does not look at the tag.
        ("app:1@DIGEST", &["app@DIGEST"], false),
        ("app:1@DIGEST", &["app:1", "app@DIGEST"], true),
        ("pinned@DIGEST", &["pinned@DIGEST"], true),
        ("registry.example/team/x/y:3", &["registry.example/team/x/y:3"], true),
        ("registry.example/teams/x", &["registry.example/teams/x"], false),
    ] {
        let facts = present(asked, names);
        assert_eq!(passes(&policy, ImageEffect::Used(image(asked)), &facts), expected, "{asked}");
        // Nothing is known: nothing can be allowed.
        assert!(!passes(&policy, ImageEffect::Used(image(asked)), &Facts::none()), "{asked}");
    }
}

#[test]
fn what_the_daemon_does_not_have_is_judged_by_name() {
    let policy = images(&["app:1"]);
    for (asked, expected) in [("app:1", true), ("app", false), ("abc", false)] {
        let mut facts = Facts::none();
        facts.add_image(image(asked), ImageFacts::Absent);
        assert_eq!(passes(&policy, ImageEffect::Used(image(asked)), &facts), expected, "{asked}");
    }
}

#[test]
fn names_are_fetched_and_given_if_they_are_allowed() {
    let policy = images(&["app:1", "team/*"]);
    let pulls =
        |text| passes(&policy, ImageEffect::Names(ImageNames::One(image(text))), &Facts::none());
    assert!(pulls("app:1") && pulls("team/x") && pulls("team/x@DIGEST"));
    assert!(!pulls("app") && !pulls("app:1@DIGEST") && !pulls("other"));
    let all = |text| {
        passes(&policy, ImageEffect::Names(ImageNames::EveryTag(image(text))), &Facts::none())
    };
    assert!(all("team/x") && !all("app") && !all("other"));
}

#[test]
fn unseen_content_has_no_allowed_name() {
    let unseen = [
        Effect::Image(ImageEffect::Content),
        Effect::Build(BuildEffect::By(Builder::Read)),
        Effect::Build(BuildEffect::By(Builder::BuildKit)),
    ];
    for effect in unseen {
        assert!(!passes(&images(&["app"]), effect.clone(), &Facts::none()), "{effect:?}");
        assert!(passes(&Policy::permissive(), effect, &Facts::none()));
    }
    assert!(!passes(&images(&[]), ImageEffect::Used(image("app")), &present("app", &["app"])));
}

#[test]
fn a_path_is_below_an_allowed_one_as_written_and_where_it_leads() {
    let policy = mounts(&["/srv/ci/**", "/data/link/**"]);
    for (path, leads_to, expected) in [
        ("/srv/ci", "/srv/ci", true),
        ("/srv/ci/a/b", "/srv/ci/a/b", true),
        ("/srv/ci/../../root", "/root", false),
        ("/srv/cicd", "/srv/cicd", false),
        ("/srv", "/srv", false),
        ("/", "/", false),
        ("/srv/ci/link", "/root", false),
        ("/elsewhere", "/srv/ci/x", false),
        // The allowed path itself is a link.
        ("/data/link/x", "/data/real/x", true),
        ("/data/real/x", "/data/real/x", true),
        ("/data/link/x", "/data/other", false),
    ] {
        let mut facts = Facts::none();
        for (path, real) in [("/srv/ci", "/srv/ci"), ("/data/link", "/data/real"), (path, leads_to)]
        {
            facts.add_link(HostPath::parse(path).unwrap(), HostPath::parse(real).unwrap());
        }
        let asked = Effect::Mount(MountEffect::HostPath(HostPath::parse(path).unwrap()));
        assert_eq!(passes(&policy, asked.clone(), &facts), expected, "{path}");
        assert!(!passes(&policy, asked, &Facts::none()), "{path}");
    }
}

#[test]
fn a_file_server_may_be_this_host() {
    let address: IpAddr = "10.0.0.1".parse().unwrap();
    let mut facts = Facts::none();
    let (protocol, server) = (Protocol::Nfs, Server::Address(address));
    let asked = || {
        Effect::Mount(MountEffect::FileServer(Share {
            protocol,
            server: server.clone(),
            path: None,
        }))
    };
    assert!(!passes(&mounts(&["/srv"]), asked(), &facts));
    facts.add_address(address, AddressFacts::Own);
    assert!(!passes(&mounts(&["/srv"]), asked(), &facts));
    facts.add_address(address, AddressFacts::Other);
    assert!(passes(&mounts(&["/srv"]), asked(), &facts));
    assert!(passes(&Policy::permissive(), asked(), &Facts::none()));
}

#[test]
fn paths_of_the_list() {
    for text in ["", "srv", "/srv/*", "/s*/**", "srv/**", "**", "/srv/**/x"] {
        assert!(AllowedMount::parse(text).is_err(), "{text}");
    }
    for (text, path, with_all_below) in [
        ("/srv//ci/", "/srv/ci", false),
        ("/srv/ci/**", "/srv/ci", true),
        ("/srv/ci//**", "/srv/ci", true),
        ("/", "/", false),
        ("/**", "/", true),
    ] {
        let one = AllowedMount::parse(text).unwrap();
        assert_eq!(
            (one.path().as_str(), one.is_with_all_below()),
            (path, with_all_below),
            "{text}"
        );
        assert_eq!(one.as_str(), text);
    }
}

#[test]
fn an_entry_is_the_path_alone() {
    let judged = |allowed: &str, path: &str, leads_to: &str| {
        let mut facts = Facts::none();
        for (path, real) in [("/srv/ci", "/srv/ci"), ("/", "/"), (path, leads_to)] {
            facts.add_link(HostPath::parse(path).unwrap(), HostPath::parse(real).unwrap());
        }
        passes(&mounts(&[allowed]), MountEffect::HostPath(HostPath::parse(path).unwrap()), &facts)
    };
    for (allowed, path, leads_to, expected) in [
        ("/srv/ci", "/srv/ci", "/srv/ci", true),
        ("/srv/ci", "/srv/ci/", "/srv/ci", true),
        ("/srv/ci", "/srv/ci/a", "/srv/ci/a", false),
        ("/srv/ci", "/srv/other", "/srv/ci", false),
        ("/srv/ci", "/srv", "/srv", false),
        ("/srv/ci/**", "/srv/ci", "/srv/ci", true),
        ("/srv/ci/**", "/srv/ci/a", "/srv/ci/a", true),
        ("/srv/ci/**", "/srv/ci/a", "/root", false),
        // It holds the daemon's socket.
        ("/", "/", "/", false),
        ("/", "/srv", "/srv", false),
        ("/**", "/srv", "/srv", true),
    ] {
        assert_eq!(judged(allowed, path, leads_to), expected, "{allowed} {path} {leads_to}");
    }
}
