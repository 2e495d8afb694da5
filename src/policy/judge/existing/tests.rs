#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

mod started;

use super::*;
use crate::policy::Policy;
use crate::policy::ceilings::CpuLimit;
use crate::policy::effects::{
    Device, EnvironmentEffect, ExistingEffect, FieldPath, Holder, IdentityEffect, ImageEffect,
    MountEffect, NamespaceEffect, PrivilegeEffect, TakeoverEffect,
};
use crate::policy::facts::{DeviceFacts, ImageFacts};
use crate::policy::rules::allowed::AllowedMounts;
use crate::policy::rules::devices::DeviceRule;
use crate::policy::rules::environment::EnvironmentRule;
use crate::policy::rules::mounts::MountRule;
use crate::policy::rules::names::NameRule;
use crate::policy::rules::namespaces::NamespaceRule;
use crate::policy::rules::ports::PortRule;
use crate::policy::rules::privileged::PrivilegedRule;
use crate::policy::rules::users::UserRule;
use crate::policy::testing::{self, asked};
use crate::policy::types::{EnvironmentEntry, HostPath, UserSpec};
use crate::policy::{Inspected, Verdict, further_questions, judge, questions};

fn verdict(policy: &Policy, effect: impl Into<Effect>, facts: &Facts) -> String {
    testing::judged(policy, vec![asked(effect)], facts)
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn path(text: &str) -> HostPath {
    HostPath::parse(text).unwrap()
}

fn policy() -> Policy {
    Policy {
        mounts: vec![MountRule::parse("/root").unwrap()],
        users: vec![UserRule::parse("root").unwrap()],
        ports: vec![PortRule::parse("22").unwrap()],
        namespaces: vec![NamespaceRule::parse("host").unwrap()],
        privileged: PrivilegedRule::Forbid,
        ..Policy::permissive()
    }
}

/// One that has been given nothing.
fn container() -> Container {
    Container {
        devices: vec![],
        image: None,
        names: vec!["c".to_owned(), "0123abcd".to_owned()],
        first_run: Some(vec![]),
        user: UserSpec::parse("1000").unwrap(),
        is_privileged: false,
        shares: vec![],
        mounts: vec![],
        cpu: CpuLimit::QuotaOrNone,
        shares_of_host: None,
        networks: vec![],
        powers: Some(vec![]),
    }
}

fn known(name: &str, container: Container) -> Facts {
    let mut facts = Facts::none();
    ["/root", "/srv"].iter().for_each(|text| facts.add_link(path(text), path(text)));
    facts.add_container(text(name), ContainerFacts::Present(container));
    facts
}

fn joins(kind: NamespaceKind, name: &str) -> Effect {
    Effect::Namespace(NamespaceEffect::Shared(Namespace {
        kind,
        with: SharedWith::Container(text(name)),
    }))
}

fn host(kind: NamespaceKind) -> Namespace {
    Namespace { kind, with: SharedWith::Host }
}

#[test]
fn mounts_are_those_of_a_container_whatever_it_is_called_by() {
    let rules =
        |rule| Policy { volumesfrom: vec![NameRule::parse(rule).unwrap()], ..Policy::permissive() };
    let facts = known("0123", container());
    for (rule, expected) in [
        ("c", r#"forbidden: mounts of container c (rule "c")"#),
        ("0123abcd", r#"forbidden: mounts of container 0123abcd (rule "0123abcd")"#),
        ("0123a*", r#"forbidden: mounts of container 0123abcd (rule "0123a*")"#),
        ("other", "allowed"),
    ] {
        assert_eq!(
            verdict(&rules(rule), ExistingEffect::VolumesFrom(text("0123")), &facts),
            expected
        );
    }
    let unknown = verdict(&rules("c"), ExistingEffect::VolumesFrom(text("x")), &facts);
    assert_eq!(
        unknown,
        r#"forbidden: mounts of container x, which are not known (rules "daemon socket", "c")"#
    );
    let asked = RequestedEffect {
        effect: ExistingEffect::VolumesFrom(text("x")).into(),
        at: FieldPath::Field("X"),
    };
    assert_eq!(questions(&rules("c"), &[asked]).containers(), ["x"]);
}

#[test]
fn a_volume_is_what_its_options_make_it() {
    let volume = || Effect::Mount(MountEffect::Volume(text("v")));
    let unknown = verdict(&policy(), volume(), &Facts::none());
    assert_eq!(unknown, r#"forbidden: volume v, whose options are not known (rule "/root")"#);
    for (found, expected) in [
        (VolumeFacts::Absent, "allowed"),
        (VolumeFacts::Present(vec![]), "allowed"),
        (VolumeFacts::Present(vec![MountEffect::HostPath(path("/srv")).into()]), "allowed"),
        (
            VolumeFacts::Present(vec![MountEffect::HostPath(path("/root/x")).into()]),
            r#"forbidden: mount of /root/x (rule "/root")"#,
        ),
    ] {
        let mut facts = known("c", container());
        facts.add_volume(text("v"), found);
        assert_eq!(verdict(&policy(), volume(), &facts), expected);
    }
    assert_eq!(verdict(&Policy::permissive(), volume(), &Facts::none()), "allowed");
    assert!(questions(&Policy::permissive(), &[asked(volume())]).is_empty());
}

#[test]
fn answers_lead_to_further_questions_until_all_is_known() {
    let effects = [asked(ExistingEffect::VolumesFrom(text("c")))];
    let mut facts = Facts::none();
    let first = questions(&policy(), &effects);
    assert_eq!(first.containers(), ["c"]);
    let mounts = vec![
        Effect::Mount(MountEffect::Volume(text("v"))),
        Effect::Mount(MountEffect::HostPath(path("/srv"))),
    ];
    let container = Container { mounts, ..container() };
    facts.note(&first);
    facts.add_container(text("c"), ContainerFacts::Present(container));
    let second = further_questions(&policy(), &effects, &facts);
    assert_eq!((second.volumes().as_slice(), second.real_paths().len()), (&["v"][..], 4));
    facts.note(&second);
    facts.add_volume(
        text("v"),
        VolumeFacts::Present(vec![MountEffect::HostPath(path("/tmp")).into()]),
    );
    let third = further_questions(&policy(), &effects, &facts);
    assert_eq!(third.real_paths(), [&path("/tmp")]);
    facts.note(&third);
    assert!(further_questions(&policy(), &effects, &facts).is_empty());
}

#[test]
fn mounts_of_another_container_are_judged_as_ones_own() {
    let from = || Effect::Existing(ExistingEffect::VolumesFrom(text("c")));
    assert!(verdict(&policy(), from(), &Facts::none()).contains("which are not known"));
    let bad =
        Container { mounts: vec![MountEffect::HostPath(path("/root")).into()], ..container() };
    assert!(verdict(&policy(), from(), &known("c", bad)).contains("mount of /root"));
    assert_eq!(verdict(&policy(), from(), &known("c", container())), "allowed");
    let mut facts = Facts::none();
    facts.add_container(text("c"), ContainerFacts::Absent);
    let told = verdict(&policy(), ExistingEffect::VolumesFrom(text("c")), &facts);
    let expected = r#"forbidden: mounts of container c, which is not there (rule "/root")"#;
    assert_eq!(told, expected);
}

#[test]
fn whoever_joins_a_container_joins_whom_it_has_joined() {
    let (network, pid) = (NamespaceKind::Network, NamespaceKind::Pid);
    let on_host = Container { shares: vec![host(network), host(pid)], ..container() };
    let facts = known("c", on_host.clone());
    let all = verdict(&policy(), joins(network, "c"), &facts);
    assert!(all.contains("opens every port") && all.contains("of the host"), "{all}");
    assert!(verdict(&policy(), joins(pid, "c"), &facts).contains("every process' root"));
    assert_eq!(verdict(&policy(), joins(NamespaceKind::Ipc, "c"), &facts), "allowed");
    assert_eq!(verdict(&policy(), joins(network, "c"), &known("c", container())), "allowed");
    // Through one more.
    let Effect::Namespace(NamespaceEffect::Shared(next)) = joins(network, "c") else { panic!() };
    let mut facts = known("b", Container { shares: vec![next], ..container() });
    assert!(verdict(&policy(), joins(network, "b"), &facts).contains("container c, which may be"));
    facts.add_container(text("c"), ContainerFacts::Present(on_host));
    assert!(verdict(&policy(), joins(network, "b"), &facts).contains("opens every port"));
    // What does not exist yet is looked for again when the new one starts.
    facts.add_container(text("d"), ContainerFacts::Absent);
    assert!(verdict(&policy(), joins(pid, "d"), &facts).contains("which may be the host's"));
}

#[test]
fn a_circle_ends() {
    let circle = |to| {
        let Effect::Namespace(NamespaceEffect::Shared(shared)) = joins(NamespaceKind::Network, to)
        else {
            panic!()
        };
        Container { shares: vec![shared], ..container() }
    };
    let mut facts = known("a", circle("b"));
    facts.add_container(text("b"), ContainerFacts::Present(circle("a")));
    let effects = [asked(joins(NamespaceKind::Network, "a"))];
    assert!(implied(&effects, &facts, &Ceilings::default()).len() <= 2 * ROUNDS_MAX);
    assert_eq!(verdict(&policy(), joins(NamespaceKind::Network, "a"), &facts), "allowed");
}

#[test]
fn what_is_named_often_counts_once() {
    let mounts = vec![Effect::Mount(MountEffect::Volume(text("v"))); 3];
    let facts = known("c", Container { mounts, ..container() });
    let effects = vec![asked(ExistingEffect::VolumesFrom(text("c"))); 1000];
    assert_eq!(
        implied(&effects, &facts, &Ceilings::default()).iter().flat_map(|it| &it.effects).count(),
        3
    );
}

#[test]
fn an_exec_has_the_user_and_the_privileges_of_its_container() {
    let user = || Effect::Identity(IdentityEffect::ContainerUser(text("c")));
    let within = || Effect::Existing(ExistingEffect::ExecIn(text("c")));
    for effect in [user(), within()] {
        assert!(verdict(&policy(), effect.clone(), &Facts::none()).contains("not known"));
        assert_eq!(verdict(&Policy::permissive(), effect.clone(), &Facts::none()), "allowed");
        assert_eq!(verdict(&policy(), effect, &known("c", container())), "allowed");
    }
    let root = Container { user: UserSpec::parse("root").unwrap(), ..container() };
    assert!(verdict(&policy(), user(), &known("c", root)).contains("user root"));
    let privileged = Container { is_privileged: true, ..container() };
    assert!(verdict(&policy(), within(), &known("c", privileged)).contains("privileged mode"));
}

#[test]
fn a_return_is_judged_by_the_specification_it_returns_to() {
    let returns =
        |version| Effect::Existing(ExistingEffect::PreviousSpec { service: text("s"), version });
    let found = |effects, forced| {
        let mut facts = Facts::none();
        facts.add_service(text("s"), ServiceFacts::Present { version: 7, effects, forced });
        facts
    };
    let root = || vec![IdentityEffect::User(UserSpec::parse("0").unwrap()).into()];
    for (version, facts, expected) in [
        (Some(7), Facts::none(), "a return to a specification that is not known"),
        (Some(7), found(root(), vec![]), "user 0"),
        (Some(7), found(vec![], vec!["A.Memory", "B"]), "that lifts A.Memory, B"),
        (Some(6), found(vec![], vec![]), "is not the service's current one"),
        (None, found(vec![], vec![]), "is not the service's current one"),
        (Some(7), found(vec![], vec![]), "allowed"),
    ] {
        let verdict = verdict(&policy(), returns(version), &facts);
        assert!(verdict.contains(expected), "{verdict}");
    }
    let asked = [asked(returns(Some(7)))];
    assert_eq!(questions(&policy(), &asked).services(), ["s"]);
    assert!(questions(&Policy::permissive(), &asked).is_empty());
}

#[test]
fn variables_of_an_image_and_of_a_link() {
    let rule = |text| EnvironmentRule::parse(text).unwrap();
    let entry = |text: &str| EnvironmentEntry::parse(text).unwrap();
    let mut policy =
        Policy { environment: vec![rule("USER=0"), rule("DB_ENV_KEY")], ..Policy::permissive() };
    let image = crate::image::ImageRef::parse("app").unwrap();
    let runs = |own: &[&str]| {
        let own = own.iter().map(|text| Effect::Environment(EnvironmentEffect::Set(entry(text))));
        let all = [
            Effect::Image(ImageEffect::Used(image.clone())),
            Effect::Environment(EnvironmentEffect::OfImage(Holder::Daemon)),
        ]
        .into_iter()
        .chain(own);
        all.map(asked).collect::<Vec<_>>()
    };
    assert_eq!(questions(&policy, &runs(&[])).images(), [&image]);
    let mut facts = Facts::none();
    let judged = |policy: &Policy, own: &[&str], facts: &Facts| {
        matches!(judge(policy, Inspected::new((), runs(own)), facts), Verdict::Allowed(_))
    };
    assert!(!judged(&policy, &[], &facts), "not known");
    facts.add_image(image.clone(), ImageFacts::Absent);
    assert!(judged(&policy, &[], &facts));
    for (own, environment, allowed) in [
        (&[][..], "USER=0", false),
        (&[], "USER=1", true),
        (&[], "DB_ENV_KEY=any", false),
        (&["USER=1"], "USER=0", true),
        (&["USER"], "USER=0", true),
        (&["OTHER=1"], "USER=0", false),
    ] {
        let environment = vec![entry(environment), entry("PATH=/bin")];
        let known =
            ImageFacts::Present { id: String::new(), names: vec![], user: None, environment };
        facts.add_image(image.clone(), known);
        assert_eq!(judged(&policy, own, &facts), allowed, "{own:?}");
    }
    for (prefix, allowed) in [("DB_", false), ("D_", true), ("DB_ENV_", true), ("", true)] {
        let verdict = verdict(&policy, EnvironmentEffect::Linked(text(prefix)), &facts);
        assert_eq!(verdict == "allowed", allowed, "{prefix} {verdict}");
    }
    let user = ImageFacts::Present {
        id: String::new(),
        names: vec![],
        user: None,
        environment: vec![entry("USER=0")],
    };
    facts.add_image(image.clone(), user);
    policy.ceilings.environment = vec![entry("USER=5")];
    assert!(judged(&policy, &[], &facts));
}

#[test]
fn names_that_read_as_identifiers_are_refused_under_any_restriction() {
    let named =
        |name: &str| Effect::Existing(ExistingEffect::Named { what: "network", name: text(name) });
    let refused = verdict(&policy(), named("0123456789ab"), &Facts::none());
    assert!(refused.contains("network name 0123456789ab, which can be taken"), "{refused}");
    assert_eq!(verdict(&policy(), named("0123456789a"), &Facts::none()), "allowed");
    assert_eq!(verdict(&Policy::permissive(), named("0123456789ab"), &Facts::none()), "allowed");
}

#[test]
fn a_container_whose_mounts_are_forbidden_keeps_its_name() {
    let rules =
        |rule| Policy { volumesfrom: vec![NameRule::parse(rule).unwrap()], ..Policy::permissive() };
    let id = "0123456789ab".repeat(5) + "0123";
    let mut facts = Facts::none();
    let container = Container { names: vec![text("db"), id.clone()], ..container() };
    for asked in ["db", "/db", "0123456789ab", &id] {
        facts.add_container(text(asked), ContainerFacts::Present(container.clone()));
    }
    facts.add_container(text("gone"), ContainerFacts::Absent);
    let renamed = |asked: &str, to: &str| {
        Effect::Existing(ExistingEffect::Renamed { container: text(asked), to: text(to) })
    };
    for (rule, asked, to, expected) in [
        ("db", "db", "free", false),
        ("/db", "db", "free", false),
        ("db", "0123456789ab", "free", false),
        ("db", &id, "free", false),
        ("d*", "/db", "free", false),
        ("d*", "db", "db2", true),
        ("*", "db", "free", true),
        ("web", "db", "free", true),
        ("db", "gone", "free", true),
        ("db", "unknown", "free", false),
        ("0123456789ab", "db", "free", true),
    ] {
        let said = verdict(&rules(rule), renamed(asked, to), &facts);
        assert_eq!(said == "allowed", expected, "{rule} {asked} {to}: {said}");
    }
    // By its identifier, or a part of it, it is known whatever it is called.
    for rule in ["0123456789ab", "0123456789AB0123", &id] {
        let said = verdict(&rules(rule), ExistingEffect::VolumesFrom(text("db")), &facts);
        assert!(said.contains("mounts of container"), "{rule}: {said}");
    }
    let other = verdict(&rules("1123456789ab"), ExistingEffect::VolumesFrom(text("db")), &facts);
    assert_eq!(other, "allowed");
}

#[test]
fn a_device_by_cdi_is_what_its_file_says() {
    let name = || text("vendor.com/class=a");
    let device = || Effect::Privilege(PrivilegeEffect::Device(Device::Cdi(name())));
    let node = |node: &str| {
        vec![
            Effect::Mount(MountEffect::HostPath(path(node))),
            Effect::Privilege(PrivilegeEffect::Device(Device::Path(path(node)))),
        ]
    };
    let paths = |rule: &str| Policy {
        mounts: vec![MountRule::parse(rule).unwrap()],
        ..Policy::permissive()
    };
    let devices = |rule: &str| Policy {
        devices: vec![DeviceRule::parse(rule).unwrap()],
        ..Policy::permissive()
    };
    let privileged = || Policy { privileged: PrivilegedRule::Forbid, ..Policy::permissive() };
    let ports = || Policy { ports: vec![PortRule::parse("22").unwrap()], ..Policy::permissive() };
    let hook = || vec![TakeoverEffect::HostProgram(text("/h")).into()];
    let numbers = || vec![PrivilegeEffect::Device(Device::CgroupRule(text("b 8:0 rwm"))).into()];
    for (policy, parts, broken) in [
        (paths("/root"), vec![], None),
        (paths("/root"), vec![MountEffect::HostPath(path("/root")).into()], Some("mount of /root")),
        (paths("/root"), vec![MountEffect::HostPath(path("/srv")).into()], None),
        (devices("/dev/vda"), node("/dev/vda"), Some("device /dev/vda")),
        (devices("/dev/vda"), node("/dev/fuse"), None),
        (devices("/dev/vda"), numbers(), Some("device rule")),
        (privileged(), node("/dev/vda"), Some("device /dev/vda, which holds files")),
        (privileged(), node("/dev/fuse"), None),
        (privileged(), numbers(), Some("device rule")),
        (privileged(), hook(), Some("program /h for a device")),
        (ports(), hook(), Some("program /h for a device")),
        (ports(), vec![], None),
        (Policy::permissive(), hook(), None),
    ] {
        let mut facts = known("0123", container());
        ["/dev/vda", "/dev/fuse"].iter().for_each(|text| facts.add_link(path(text), path(text)));
        facts.add_device(path("/dev/vda"), DeviceFacts::Disk);
        facts.add_device(path("/dev/fuse"), DeviceFacts::Other);
        facts.add_cdi(name(), parts.clone());
        let told = verdict(&policy, device(), &facts);
        match broken {
            None => assert_eq!(told, "allowed", "{parts:?}"),
            Some(why) => assert!(told.contains(why), "{parts:?}: {told}"),
        }
    }
    // Of what nothing is known, anything may be in it; without a rule nobody asks.
    for policy in [paths("/root"), devices("/dev/vda"), privileged(), ports()] {
        let told = verdict(&policy, device(), &Facts::none());
        assert!(told.contains("device vendor.com/class=a, whose content is not known"), "{told}");
        assert_eq!(questions(&policy, &[asked(device())]).cdi(), [name()]);
    }
    assert!(questions(&Policy::permissive(), &[asked(device())]).is_empty());
}
