#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

mod keys;

use super::*;
use crate::policy::Inspected;
use crate::policy::Verdict;
use crate::policy::ceilings::{Ceilings, CpuLimit};
use crate::policy::day::Day;
use crate::policy::effects::{
    AnyPath, BuildEffect, Builder, Device, EnvironmentEffect, ExistingEffect, FieldPath,
    IdentityEffect, ImageEffect, ImageNames, MountEffect, Namespace, NamespaceEffect,
    NamespaceKind, NetworkEffect, PrivilegeEffect, SharedWith,
};
use crate::policy::facts::Container;
use crate::policy::judge;
use crate::policy::questions;
use crate::policy::rules::allowed::AllowedMounts;
use crate::policy::rules::capabilities::CapabilityRule;
use crate::policy::rules::mounts::MountRule;
use crate::policy::rules::names::NameRule;
use crate::policy::rules::namespaces::{LiftedNamespace, NamespaceRule};
use crate::policy::rules::ports::PortRule;
use crate::policy::rules::principals::GroupSpec;
use crate::policy::rules::privileged::PrivilegedRule;
use crate::policy::rules::security::SecurityRule;
use crate::policy::rules::shares::ShareRule;
use crate::policy::rules::users::UserRule;
use crate::policy::types::{Capability, HostPath, PortRange, SecurityOption, UserSpec};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const ID: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

fn lifts() -> Lifts {
    Lifts {
        capabilities: vec![Capability::parse("SYS_ADMIN").unwrap()],
        devices: vec!["/dev/fuse".to_owned()],
        paths: Some(AllowedMounts::only(vec![AllowedMounts::parse("/proc").unwrap()])),
        path_texts: vec!["/proc".to_owned()],
        namespaces: vec![LiftedNamespace::parse("network").unwrap()],
        users: vec![UserSpec::parse("root").unwrap()],
        ports: vec![PortRange::parse_one("20-25").unwrap()],
        security: vec![SecurityOption::parse("apparmor=unconfined").unwrap()],
        ..Lifts::default()
    }
}

fn exception(image: &str) -> Exception {
    let (image, reason) = (ExceptedImage::parse(image).unwrap(), "because".to_owned());
    Exception { image, lifts: lifts(), reason, until: None }
}

fn policy(exceptions: Vec<Exception>) -> Policy {
    Policy {
        privileged: PrivilegedRule::Forbid,
        capabilities: vec![CapabilityRule::parse("ALL").unwrap()],
        mounts: ["/", "/root", "/proc", "/dev"].map(|text| MountRule::parse(text).unwrap()).into(),
        namespaces: vec![NamespaceRule::parse("host").unwrap()],
        users: vec![UserRule::parse("root").unwrap()],
        ports: vec![PortRule::parse("1-1024").unwrap()],
        security: vec![SecurityRule::parse("apparmor").unwrap()],
        exceptions,
        ..Policy::permissive()
    }
}

fn image(text: &str) -> ImageRef {
    ImageRef::parse(text).unwrap()
}

fn path(text: &str) -> HostPath {
    HostPath::parse(text).unwrap()
}

/// Facts in which `asked` is an image with these names.
fn facts(asked: &str, names: &[&str]) -> Facts {
    let named = |text: &&str| match image(text) {
        ImageRef::Named(name) => name,
        ImageRef::Id(_) => panic!("{text}"),
    };
    let names = names.iter().map(named).collect();
    let mut facts = Facts::none();
    let known = ImageFacts::Present { id: ID.to_owned(), names, user: None, environment: vec![] };
    facts.add_image(image(asked), known);
    for text in ["/", "/root", "/proc", "/proc/sys", "/dev", "/dev/fuse", "/srv"] {
        facts.add_link(path(text), path(text));
    }
    facts.add_link(path("/tmp/proc"), path("/proc"));
    facts
}

fn at(effects: Vec<Effect>) -> Vec<RequestedEffect> {
    effects
        .into_iter()
        .map(|effect| RequestedEffect { effect, at: FieldPath::Field("X") })
        .collect()
}

/// A container of `asked` with one thing more.
fn container_of(asked: &str, more: Vec<Effect>) -> Vec<RequestedEffect> {
    let own = [
        Effect::Image(ImageEffect::Used(image(asked))),
        Effect::Environment(EnvironmentEffect::OfImage(Holder::Daemon)),
    ];
    at(own.into_iter().chain(more).collect())
}

fn verdict(policy: &Policy, effects: Vec<RequestedEffect>, facts: &Facts) -> String {
    match judge(policy, Inspected::new((), effects), facts) {
        Verdict::Allowed(checked) => match checked.granted() {
            None => "allowed".to_owned(),
            Some(granted) => format!("lifted: {}", granted.lifted.sentences()),
        },
        Verdict::Forbidden(violations) => violations.to_string(),
    }
}

fn capability(name: &str) -> Effect {
    Effect::Privilege(PrivilegeEffect::Capability(Capability::parse(name).unwrap()))
}

fn shared(kind: NamespaceKind, with: SharedWith) -> Effect {
    Effect::Namespace(NamespaceEffect::Shared(Namespace { kind, with }))
}

#[test]
fn exactly_the_values_that_are_named_are_lifted() {
    let policy = policy(vec![exception("agent:1")]);
    let facts = facts("agent:1", &["agent:1"]);
    let option = |text: &str| {
        Effect::Privilege(PrivilegeEffect::SecurityOption(SecurityOption::parse(text).unwrap()))
    };
    let ports =
        |text: &str| Effect::Network(NetworkEffect::HostPorts(PortRange::parse(text).unwrap()));
    let other = || SharedWith::Container("other".to_owned());
    for (effect, is_lifted) in [
        (capability("sys_admin"), true),
        (capability("ALL"), false),
        (capability("NET_ADMIN"), false),
        (Effect::Mount(MountEffect::HostPath(path("/proc"))), true),
        (Effect::Mount(MountEffect::HostPath(path("/tmp/proc"))), false),
        (Effect::Mount(MountEffect::HostPath(path("/"))), false),
        (Effect::Mount(MountEffect::HostPath(path("/root"))), false),
        (Effect::Mount(MountEffect::HostPath(path("/dev/fuse"))), true),
        (Effect::Mount(MountEffect::HostPath(path("/dev"))), false),
        (Effect::Privilege(PrivilegeEffect::Device(Device::Path(path("/dev")))), false),
        (shared(NamespaceKind::Network, SharedWith::Host), true),
        (shared(NamespaceKind::Pid, SharedWith::Host), false),
        (Effect::Mount(MountEffect::AnyPath(AnyPath::HostProcesses)), false),
        (shared(NamespaceKind::Network, other()), false),
        (Effect::Identity(IdentityEffect::User(UserSpec::parse("0:0").unwrap())), true),
        (Effect::Identity(IdentityEffect::ImageUser(Holder::Daemon)), true),
        (ports("22"), true),
        (ports("20-25"), true),
        (ports("20-26"), false),
        (ports("80"), false),
        (option("apparmor=unconfined"), true),
        (option("apparmor=other"), false),
        (Effect::Privilege(PrivilegeEffect::Privileged), false),
        (Effect::Privilege(PrivilegeEffect::KernelSettings), false),
    ] {
        let told = verdict(&policy, container_of("agent:1", vec![effect.clone()]), &facts);
        assert_eq!(told.starts_with("lifted: "), is_lifted, "{effect:?}: {told}");
        assert_eq!(told.starts_with("forbidden: "), !is_lifted, "{effect:?}: {told}");
    }
}

#[test]
fn what_adds_up_must_be_lifted_on_both_sides() {
    let mut one = exception("agent:1");
    one.lifts.capabilities.push(Capability::parse("SYS_PTRACE").unwrap());
    let both = || vec![capability("SYS_PTRACE"), shared(NamespaceKind::Pid, SharedWith::Host)];
    let facts = facts("agent:1", &["agent:1"]);
    let mut loose = policy(vec![one.clone()]);
    loose.namespaces.clear();
    let told = verdict(&loose, container_of("agent:1", both()), &facts);
    assert!(told.starts_with("forbidden: capability SYS_PTRACE, which with pid"), "{told}");
    one.lifts.namespaces.push(LiftedNamespace::parse("pid").unwrap());
    let told = verdict(&policy(vec![one]), container_of("agent:1", both()), &facts);
    assert!(told.starts_with("lifted: "), "{told}");
}

#[test]
fn the_image_is_the_one_that_runs() {
    let digest = format!("agent@{DIGEST}");
    let other = format!("agent@{ID}");
    for (excepted, asked, names, holds) in [
        ("agent:1", "agent:1", &["agent:1"][..], true),
        ("agent:1", "docker.io/library/agent:1", &["agent:1"], true),
        ("agent:1", ID, &["agent:1"], true),
        // By another tag of the same image.
        ("agent:1", "agent:2", &["agent:1", "agent:2"], true),
        ("agent:1", "agent:2", &["agent:2"], false),
        ("agent:1", "evil:1", &["evil:1"], false),
        ("agent", "agent:2", &["agent:2"], true),
        ("agent", ID, &[digest.as_str()], true),
        ("agent", "team/agent:2", &["team/agent:2"], false),
        (digest.as_str(), "agent:1", &["agent:1", digest.as_str()], true),
        (digest.as_str(), digest.as_str(), &[digest.as_str()], true),
        (digest.as_str(), ID, &[digest.as_str()], true),
        // The name alone is not the content.
        (digest.as_str(), "agent:1", &["agent:1", other.as_str()], false),
        (digest.as_str(), ID, &["agent:1"], false),
        // By the first digits of its identifier.
        (digest.as_str(), "0123456789ab", &[digest.as_str()], true),
        (digest.as_str(), "sha256:0123456789ab", &[digest.as_str()], true),
        ("agent:1", "0123456789ab", &["agent:1"], true),
        ("agent:1", "0123456789ab", &["evil:1"], false),
        (digest.as_str(), "0123456789ab", &["agent:1", other.as_str()], false),
    ] {
        let policy = policy(vec![exception(excepted)]);
        let effects = container_of(asked, vec![capability("SYS_ADMIN")]);
        let told = verdict(&policy, effects.clone(), &facts(asked, names));
        assert_eq!(told.starts_with("lifted"), holds, "{excepted} {asked}: {told}");
        // Without the daemon's word there is no exception.
        assert!(verdict(&policy, effects, &Facts::none()).starts_with("forbidden"), "{excepted}");
    }
}

#[test]
fn the_first_that_holds_counts_alone() {
    let mut first = exception("agent:1");
    first.lifts = Lifts { privileged: true, ..Lifts::default() };
    let policy = policy(vec![first.clone(), exception("agent")]);
    let facts = facts("agent:1", &["agent:1"]);
    let asks = |effect| container_of("agent:1", vec![effect]);
    let path = Effect::Mount(MountEffect::HostPath(path("/proc")));
    assert!(
        verdict(&policy, asks(Effect::Privilege(PrivilegeEffect::Privileged)), &facts)
            .starts_with("lifted")
    );
    assert!(verdict(&policy, asks(path.clone()), &facts).starts_with("forbidden"));
    // One that has run out is none.
    let mut today = facts.clone();
    today.add_today(Day::parse("2027-02-01").unwrap());
    first.until = Some(Day::parse("2027-01-31").unwrap());
    let ended = Policy { exceptions: vec![first.clone(), exception("agent")], ..policy };
    assert!(
        verdict(&ended, asks(Effect::Privilege(PrivilegeEffect::Privileged)), &today)
            .starts_with("forbidden")
    );
    assert!(verdict(&ended, asks(path), &today).starts_with("lifted"));
    first.until = Some(Day::parse("2027-02-01").unwrap());
    let last_day = Policy { exceptions: vec![first], ..ended };
    assert!(
        verdict(&last_day, asks(Effect::Privilege(PrivilegeEffect::Privileged)), &today)
            .starts_with("lifted")
    );
    // Nor is one whose day is not known.
    assert!(
        verdict(&last_day, asks(Effect::Privilege(PrivilegeEffect::Privileged)), &facts)
            .starts_with("forbidden")
    );
}

#[test]
fn it_is_for_containers_alone_and_for_those_of_the_image() {
    let policy = policy(vec![exception("agent:1")]);
    let mut facts = facts("agent:1", &["agent:1"]);
    // A service, whose nodes fetch the name.
    let own = [
        Effect::Image(ImageEffect::Used(image("agent:1"))),
        Effect::Environment(EnvironmentEffect::OfImage(Holder::Registry)),
    ];
    let service = at(own.into_iter().chain([capability("SYS_ADMIN")]).collect());
    assert!(verdict(&policy, service, &facts).starts_with("forbidden"));
    // Another container that takes over what an excepted one has.
    let agent = Container {
        names: vec!["c".to_owned()],
        image: Some(image(ID)),
        first_run: Some(vec![]),
        user: UserSpec::parse("root").unwrap(),
        is_privileged: false,
        shares: vec![Namespace { kind: NamespaceKind::Network, with: SharedWith::Host }],
        mounts: vec![MountEffect::HostPath(path("/proc")).into()],
        cpu: CpuLimit::QuotaOrNone,
        devices: vec![],
        networks: vec![],
        powers: Some(vec![]),
        shares_of_host: None,
    };
    facts.add_container("c".to_owned(), ContainerFacts::Present(agent.clone()));
    let known = facts.image(&image("agent:1")).cloned().unwrap();
    facts.add_image(image(ID), known);
    let mut plain = self::facts("app:1", &["app:1"]);
    plain.add(facts.clone());
    let from =
        |image: &str| container_of(image, vec![ExistingEffect::VolumesFrom("c".to_owned()).into()]);
    assert!(verdict(&policy, from("app:1"), &plain).starts_with("forbidden: mount of /proc"));
    assert!(verdict(&policy, from("agent:1"), &plain).starts_with("lifted: mount of /proc"));
    // Who works in it has what it was given, and who works in another has not.
    let works = |name: &str| {
        at(vec![
            Effect::Identity(IdentityEffect::ContainerUser(name.to_owned())),
            Effect::Existing(ExistingEffect::ExecIn(name.to_owned())),
            Effect::Environment(EnvironmentEffect::Set(
                crate::policy::types::EnvironmentEntry::parse("A=b").unwrap(),
            )),
        ])
    };
    assert!(verdict(&policy, works("c"), &facts).starts_with("lifted: user root"));
    let other = Container { image: Some(image(DIGEST)), ..agent };
    facts.add_container("d".to_owned(), ContainerFacts::Present(other));
    facts.add_image(image(DIGEST), ImageFacts::Absent);
    assert!(verdict(&policy, works("d"), &facts).starts_with("forbidden: user root"));
}

#[test]
fn a_name_that_an_exception_knows_is_not_given() {
    let policy = policy(vec![exception("agent:1"), exception("team/tool")]);
    let given = |text: &str| Effect::Image(ImageEffect::NameGiven(image(text)));
    let pulled = |text: &str| Effect::Image(ImageEffect::Names(ImageNames::One(image(text))));
    let unread = Effect::Build(BuildEffect::By(Builder::BuildKitUnseen));
    for (effect, is_forbidden) in [
        (given("agent:1"), true),
        (given("docker.io/library/agent:1"), true),
        (given("agent:2"), false),
        (given("team/tool:latest"), true),
        (given("team/tools:latest"), false),
        (pulled("agent:1"), false),
        (Effect::Image(ImageEffect::NamesUnseen), true),
        (unread, true),
    ] {
        let told = verdict(&policy, at(vec![effect.clone()]), &Facts::none());
        let by_exception = told.contains("exceptions: ");
        assert_eq!(by_exception, is_forbidden, "{effect:?}: {told}");
    }
    // A digest is the content, whatever is called so.
    let by_digest = self::policy(vec![exception(&format!("agent:1@{DIGEST}"))]);
    for effect in [given("agent:1"), Effect::Image(ImageEffect::NamesUnseen)] {
        assert_eq!(verdict(&by_digest, at(vec![effect]), &Facts::none()), "allowed");
    }
}

#[test]
fn nothing_is_asked_where_no_exception_can_hold() {
    let plain = questions(&policy(vec![]), &container_of("agent:1", vec![]));
    let by = |asked: &str, exception: Exception| {
        let questions = questions(&policy(vec![exception]), &container_of(asked, vec![]));
        (questions.images().len(), questions.asks(&Question::Today))
    };
    assert_eq!((plain.images().len(), plain.asks(&Question::Today)), (0, false));
    assert_eq!(by("app:1", exception("agent:1")), (0, false));
    assert_eq!(by("agent:2", exception("agent:1")), (1, false));
    assert_eq!(by(ID, exception("agent:1")), (1, false));
    let until = Some(Day::parse("2027-01-31").unwrap());
    assert_eq!(by("agent:1", Exception { until, ..exception("agent:1") }), (1, true));
}

#[test]
fn what_is_lifted_is_not_forced_away() {
    let ceilings = Ceilings {
        user: Some(UserSpec::parse("1000").unwrap()),
        capdrop: vec![Capability::parse("ALL").unwrap()],
        secopts: ["apparmor=docker-default", "no-new-privileges"]
            .map(|text| SecurityOption::parse(text).unwrap())
            .into(),
        ..Ceilings::default()
    };
    let own = lifts().ceilings(&ceilings);
    assert_eq!(own.user, None);
    let options: Vec<_> = own.secopts.iter().map(SecurityOption::name).collect();
    assert_eq!(options, ["no-new-privileges"]);
    let asked = || vec!["SYS_ADMIN".to_owned(), "NET_ADMIN".to_owned()];
    let (added, dropped) = own.capabilities(asked(), vec![]);
    assert_eq!(added, ["SYS_ADMIN"]);
    assert!(dropped.iter().any(|name| name == "NET_RAW"), "{dropped:?}");
    assert!(!dropped.iter().any(|name| name == "SYS_ADMIN" || name == "ALL"), "{dropped:?}");
    assert_eq!(Lifts::default().ceilings(&ceilings), ceilings);
}

#[test]
fn what_lifts_nothing_is_told() {
    let mut idle = exception("agent:1");
    idle.lifts.sysctls =
        vec![crate::policy::rules::names::NameRule::parse("net.ipv4.ip_forward").unwrap()];
    let policy = policy(vec![idle.clone()]);
    let told: Vec<_> = idle.idle(&policy).collect();
    assert_eq!(told, ["kernel parameter net.ipv4.ip_forward"]);
    assert_eq!(idle.idle(&Policy::permissive()).count(), 8);
    for text in ["", "agent*", "team/*", ID, "UPPER"] {
        assert!(ExceptedImage::parse(text).is_err(), "{text}");
    }
}
