//! Every kind of refusal, in `messages.txt` as people read it: each effect under each rule, with what the
//! daemon and the host may say about it.
//!
//! `UPDATE_MESSAGES=1 cargo test --lib messages` writes the list anew.

#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

mod examples;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use crate::config::{Overrides, parse};
use crate::image::ImageRef;
use crate::policy::effects::{
    Effect, FieldPath, IdentityEffect, MountEffect, Namespace, NamespaceKind, PrivilegeEffect,
    RequestedEffect, SharedWith,
};
use crate::policy::facts::{
    AddressFacts, BuilderFacts, Container, ContainerFacts, DeviceFacts, Facts, ImageFacts,
    NamedImage, NetworkFacts, RealPath, ServiceFacts, SubnetFacts, VolumeFacts,
};
use crate::policy::subnets::Subnet;
use crate::policy::types::{
    Capability, EnvironmentEntry, HostPath, PortRange, SecurityOption, UserSpec,
};
use crate::policy::versions::ApiVersion;
use crate::policy::{Inspected, Policy, Verdict, ceilings::CpuLimit, judge};

use examples::examples;

/// One rule of each kind, as a configuration has it.
const RULES: &[&str] = &[
    "restrictions: {ports: [22, 31000]}",
    "restrictions: {mounts: [/root]}",
    "restrictions: {mounts: {allow: [/srv/ci]}}",
    "restrictions: {users: [root]}",
    "restrictions: {users: ['999']}",
    "restrictions: {users: ['500-1000']}",
    "restrictions: {groups: ['0', '999']}",
    "restrictions: {groups: [no-such-group]}",
    "restrictions: {environment: [USER=0]}",
    "restrictions: {environment: [HOSTNAME, A_NAME]}",
    "restrictions: {securitypolicies: [seccomp=unconfined]}",
    "restrictions: {securitypolicies: [privileged]}",
    "restrictions: {images: ['ubuntu:16.04']}",
    "restrictions: {images: {allow: ['team/app']}}",
    "restrictions: {privileged: true}",
    "restrictions: {capabilities: [SYS_ADMIN]}",
    "restrictions: {devices: [/dev/sda]}",
    "restrictions: {devices: [gpu]}",
    "restrictions: {namespaces: [host]}",
    "restrictions: {namespaces: [pid]}",
    "restrictions: {runtimes: [odd]}",
    "restrictions: {volumesfrom: ['*']}",
    "restrictions: {volumedrivers: [odd]}",
    "restrictions: {volumedrivers: {allow: [other]}}",
    "restrictions: {sysctls: ['kernel.*']}",
    "restrictions: {cgroupparent: [/odd]}",
    "restrictions: {subnets: [host]}",
    "restrictions: {subnets: [public, link-local]}",
    "restrictions: {subnets: [10.0.0.0/8]}",
    "restrictions: {subnets: {allow: [192.168.0.0/16]}}",
    "restrictions: {builds: forbid}",
    "restrictions: {users: [toor]}\ngeneral: {memory: 1g}",
    "restrictions: {users: ['1000']}\ngeneral: {user: '1000'}",
    "restrictions: {users: [toor]}\nstrict: true",
    "general: {secopts: [no-new-privileges], capdrop: [ALL], capadd: [KILL]}",
    "general: {secopts: ['apparmor=docker-default', 'label=disable']}",
    "restrictions: {users: [toor]}\nexceptions: [{image: odd, reason: x, users: [toor]}]",
];

fn text(text: &str) -> String {
    text.to_owned()
}

fn path(text: &str) -> HostPath {
    HostPath::parse(text).unwrap()
}

fn image(text: &str) -> ImageRef {
    ImageRef::parse(text).unwrap()
}

fn user(text: &str) -> UserSpec {
    UserSpec::parse(text).unwrap()
}

fn ports(text: &str) -> PortRange {
    PortRange::parse(text).unwrap()
}

fn capability(text: &str) -> Effect {
    Effect::Privilege(PrivilegeEffect::Capability(Capability::parse(text).unwrap()))
}

fn option(text: &str) -> Effect {
    Effect::Privilege(PrivilegeEffect::SecurityOption(SecurityOption::parse(text).unwrap()))
}

fn subnet(text: &str) -> Subnet {
    Subnet::parse(text).unwrap()
}

fn shares(kind: NamespaceKind, with: SharedWith) -> Namespace {
    Namespace { kind, with }
}

/// A host and a daemon on which whatever may be dangerous is.
fn known() -> Facts {
    let mut facts = Facts::none();
    for text in ["/root", "/root/.ssh", "/", "/alias", "/srv/ci", "/proc", "/dev", "/dev/sda"] {
        facts.add_link(path(text), path(text));
    }
    facts.add_link(path("/link"), path("/root"));
    facts.add_link(path("/var/run/docker.sock"), path("/run/docker.sock"));
    let twice = RealPath { path: path("/alias"), aliases: vec![path("/root/x")] };
    facts.add_real_path(path("/alias"), twice);
    facts.add_device(path("/dev/sda"), DeviceFacts::Disk);
    facts.add_device(path("/dev"), DeviceFacts::Disk);
    facts.add_address([10, 0, 0, 1].into(), AddressFacts::Own);
    facts.add_address([10, 0, 0, 2].into(), AddressFacts::Other);
    let ten = subnet("10.1.0.0/16");
    facts.add_subnet(ten, SubnetFacts { address: Some(ten), route: Some(ten), server: Some(ten) });
    let route = subnet("172.16.0.0/12");
    facts.add_subnet(
        subnet("172.16.0.0/16"),
        SubnetFacts { route: Some(route), ..Default::default() },
    );
    known_to_the_daemon(&mut facts);
    facts
}

fn known_to_the_daemon(facts: &mut Facts) {
    let of = |names: &[&str], who: Option<&str>| ImageFacts::Present {
        id: text("sha256:01"),
        names: NamedImage::new(text("sha256:01"), names.iter().copied()).names,
        user: who.map(user),
        environment: vec![EnvironmentEntry::parse("USER=0").unwrap()],
    };
    facts.add_image(image("ubuntu:16.04"), of(&["ubuntu:16.04"], None));
    facts.add_image(image("alias:1"), of(&["alias:1", "ubuntu:16.04"], Some("somebody:999")));
    facts.add_image_list(vec![NamedImage::new(text("sha256:01"), ["alias:1", "ubuntu:16.04"])]);
    facts.add_network(text("host"), NetworkFacts::Host);
    facts.add_network(text("ten"), NetworkFacts::Other(vec![subnet("10.1.0.0/16")]));
    let mount = || Effect::Mount(MountEffect::HostPath(path("/root")));
    facts.add_volume(text("privileged"), VolumeFacts::Present(vec![mount()]));
    facts.add_container(text("privileged"), ContainerFacts::Present(privileged(mount())));
    let effects = vec![IdentityEffect::User(user("root")).into()];
    let service = ServiceFacts::Present { version: 1, effects, forced: vec!["general.user"] };
    facts.add_service(text("privileged"), service);
    facts.add_builder(BuilderFacts { heeds_policies: false, limits_steps: false });
    facts.add_api_version(ApiVersion::parse("1.40"));
}

fn privileged(mount: Effect) -> Container {
    let host = || vec![shares(NamespaceKind::Pid, SharedWith::Host)];
    Container {
        names: vec![text("privileged")],
        image: None,
        first_run: Some(vec![IdentityEffect::User(user("root")).into()]),
        user: user("root"),
        is_privileged: true,
        shares: host(),
        shares_of_host: Some(host()),
        networks: vec![text("host")],
        powers: Some(vec![Effect::Privilege(PrivilegeEffect::Privileged), capability("SYS_ADMIN")]),
        mounts: vec![mount],
        cpu: CpuLimit::QuotaOrNone,
        devices: vec![path("/dev/sda")],
    }
}

/// What is said of these effects, one sentence each.
fn said(policy: &Policy, effects: &[Effect], facts: &Facts) -> Vec<String> {
    let at = || FieldPath::Element("List", 7);
    let asked =
        effects.iter().map(|effect| RequestedEffect { effect: effect.clone(), at: at() }).collect();
    match judge(policy, Inspected::new((), asked), facts) {
        Verdict::Allowed(_) => Vec::new(),
        Verdict::Forbidden(violations) => violations.iter().map(ToString::to_string).collect(),
    }
}

/// The whole list: below each rule what it says, each sentence where it is said first.
fn list() -> String {
    let (mut list, mut before) = (String::new(), BTreeSet::new());
    for rules in RULES {
        let policy = parse(rules, Path::new("/"), &Overrides::default()).unwrap().policy;
        let mut sentences = BTreeSet::new();
        for effects in examples() {
            for facts in [Facts::none(), known()] {
                sentences.extend(said(&policy, &effects, &facts));
            }
        }
        sentences.retain(|sentence| before.insert(without_rules(sentence).to_owned()));
        writeln!(list, "{rules}").unwrap();
        sentences.iter().for_each(|sentence| writeln!(list, "  {sentence}").unwrap());
    }
    list
}

fn without_rules(sentence: &str) -> &str {
    sentence.rsplit_once(" (rule").unwrap().0
}

#[test]
fn every_kind_of_refusal_reads_as_in_the_list() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/messages.txt");
    let list = list();
    if std::env::var_os("UPDATE_MESSAGES").is_some() {
        std::fs::write(&file, &list).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = list.lines().zip(written.lines()).find(|(is, was)| is != was);
    assert!(
        list == written,
        "messages read otherwise than src/config/messages.txt; read them, and write the list anew by \
         `UPDATE_MESSAGES=1 cargo test --lib messages`. First difference: {differs:?}"
    );
}

/// Values are named, not places in lists, and no clause stands twice.
#[test]
fn no_refusal_names_a_position_or_says_anything_twice() {
    for line in list().lines().filter(|line| line.starts_with("  ")) {
        assert!(!line.contains("List[") && !line.contains("[7]"), "a position: {line}");
        assert!(!line.contains(" is no ") && !line.contains("  which"), "not plain: {line}");
        let clauses: Vec<_> = without_rules(line).split(", ").collect();
        let distinct: BTreeSet<_> = clauses.iter().collect();
        assert_eq!(clauses.len(), distinct.len(), "twice: {line}");
    }
}
