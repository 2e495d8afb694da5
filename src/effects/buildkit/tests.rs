#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

mod denied;

use super::proto::{write_bytes, write_number};
use super::*;
use crate::image::{ImageName, ImageRef};
use crate::policy::allowed::AllowedImages;
use crate::policy::build_steps::BuildGroup;
use crate::policy::builds::BuildRule;
use crate::policy::environment::EnvironmentRule;
use crate::policy::facts::{BuilderFacts, Facts, NamedImage};
use crate::policy::images::ImageRule;
use crate::policy::names::NameRule;
use crate::policy::namespaces::NamespaceRule;
use crate::policy::ports::PortRule;
use crate::policy::privileged::PrivilegedRule;
use crate::policy::testing;
use crate::policy::types::{Bytes, NanoCpus};
use crate::policy::{Policy, Verdict, judge};

fn images(texts: &[&str]) -> Policy {
    let images = texts.iter().map(|text| ImageRule::parse(text).unwrap()).collect();
    Policy { images, ..Policy::permissive() }
}

fn policy() -> Policy {
    Policy {
        environment: vec![EnvironmentRule::parse("TOKEN").unwrap()],
        ports: vec![PortRule::parse("22").unwrap()],
        namespaces: vec![NamespaceRule::parse("host").unwrap()],
        privileged: PrivilegedRule::Forbid,
        ..images(&["ubuntu:16.04"])
    }
}

/// It is known which images have forbidden names, and what is asked of others.
fn known() -> Facts {
    let mut facts = Facts::none();
    facts.add_image_list(Vec::new());
    for image in ["probe:1", "docker/dockerfile:1", "localhost:5000/cache"] {
        let absent = crate::policy::facts::ImageFacts::Absent;
        facts.add_image(ImageRef::parse(image).unwrap(), absent);
    }
    facts
}

fn text(field: u32, text: &str) -> Vec<u8> {
    bytes(field, text.as_bytes())
}

fn bytes(field: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_bytes(&mut out, field, bytes);
    out
}

fn number(field: u32, number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    write_number(&mut out, field, number);
    out
}

fn entry(field: u32, key: &str, value: &str) -> Vec<u8> {
    bytes(field, &[text(1, key), text(2, value)].concat())
}

fn exporter(attributes: &[(&str, &str)]) -> Vec<u8> {
    let attributes = attributes.iter().flat_map(|(key, value)| entry(2, key, value));
    bytes(13, &text(1, "image").into_iter().chain(attributes).collect::<Vec<_>>())
}

fn verdict(solve: Solve, message: &[u8]) -> String {
    match read(solve, message.to_vec()).map(|inspected| judge(&policy(), inspected, &known())) {
        Err(error) => error.to_string(),
        Ok(Verdict::Allowed(_)) => "allowed".to_owned(),
        Ok(Verdict::Forbidden(violations)) => violations.to_string(),
    }
}

#[test]
fn what_a_build_would_bring_about_is_judged() {
    let image = "image ubuntu:16.04 (rule \"ubuntu:16.04\")";
    for (message, expected) in [
        (exporter(&[("name", "ubuntu:16.04")]), image),
        (exporter(&[("name", "a:1,ubuntu:16.04")]), image),
        (exporter(&[("name", "a"), ("name", "docker.io/library/ubuntu:16.04")]), image),
        ([exporter(&[("name", "a")]), exporter(&[("name", "ubuntu:16.04")])].concat(), image),
        (entry(4, "name", "index.docker.io/ubuntu:16.04"), image),
        (exporter(&[("name", "*")]), "which is not a name"),
        (exporter(&[("dangling-name-prefix", "docker.io/library/ubuntu:16.04")]), image),
        (exporter(&[("dangling-name-prefix", "ubuntu")]), "every tag of image ubuntu"),
        (number(14, 1), "which is not a name"),
        (text(9, "network.host"), "network namespace of the host"),
        (text(9, "security.insecure"), "privileged mode"),
        (entry(7, "build-arg:TOKEN", "x"), "TOKEN"),
        (entry(7, "build-arg:BUILDKIT_SYNTAX", "ubuntu:16.04 --x"), image),
        (entry(7, "context:base", "docker-image://ubuntu:16.04"), image),
        (entry(7, "context:base", "docker-image:ubuntu:16.04"), image),
        (entry(7, "source", "ubuntu:16.04"), image),
        (entry(7, "attest:sbom", "generator=ubuntu:16.04"), image),
        (entry(7, "attest:sbom", "a=b,\"generator=ubuntu:16.04\""), image),
        (entry(7, "cache-from", "probe:1,ubuntu:16.04"), image),
        (
            entry(7, "cache-imports", r#"[{"Type":"registry","Attrs":{"ref":"ubuntu:16.04"}}]"#),
            image,
        ),
        (bytes(8, &text(2, "ubuntu:16.04")), image),
        (bytes(8, &bytes(5, &entry(2, "ref", "ubuntu:16.04"))), image),
        (bytes(8, &bytes(4, &entry(2, "ref", "ubuntu:16.04"))), image),
    ] {
        let found = verdict(Solve::Control, &message);
        assert!(
            found.starts_with("forbidden: ") && found.contains(expected),
            "{expected}: {found}"
        );
    }
    for (message, expected) in [
        (entry(3, "build-arg:TOKEN", "x"), "TOKEN"),
        (entry(3, "source", "ubuntu:16.04"), image),
        (text(4, "ubuntu:16.04"), image),
        (bytes(12, &entry(2, "ref", "ubuntu:16.04")), image),
    ] {
        let found = verdict(Solve::Bridge, &message);
        assert!(
            found.starts_with("forbidden: ") && found.contains(expected),
            "{expected}: {found}"
        );
    }
}

#[test]
fn what_an_ordinary_build_says_passes() {
    let control = [
        text(1, "qwerty"),
        bytes(2, b""),
        text(3, "moby"),
        entry(4, "name", "probe:2"),
        text(5, "session"),
        entry(7, "build-arg:A", "b"),
        entry(7, "filename", "Dockerfile"),
        entry(7, "context:x", "input:x"),
        entry(7, "attest:provenance", "mode=min,inline-only=true"),
        bytes(8, &bytes(5, &entry(2, "ref", "localhost:5000/cache"))),
        entry(10, "x", ""),
        number(11, 0),
        exporter(&[("name", "probe:2"), ("dangling-name-prefix", "moby-dangling")]),
        number(14, 0),
    ];
    assert_eq!(verdict(Solve::Control, &control.concat()), "allowed");
    let bridge = [
        text(2, "dockerfile.v0"),
        entry(3, "build-arg:BUILDKIT_SYNTAX", "docker/dockerfile:1"),
        entry(3, "context:base", "docker-image://probe:1"),
        number(5, 1),
        number(14, 1),
        bytes(15, b""),
    ];
    assert_eq!(verdict(Solve::Bridge, &bridge.concat()), "allowed");
}

#[test]
fn what_has_no_one_meaning_is_refused() {
    for (message, reason) in [
        ([bytes(12, b""), bytes(12, b"")].concat(), "field 12 is given twice"),
        ([bytes(2, b""), bytes(2, b"")].concat(), "field 2 is given twice"),
        ([text(6, "a"), text(6, "b")].concat(), "field 6 is given twice"),
        (number(5, 1), "field 5 has a value of another type"),
        (text(9, "new.power"), "no such entitlement is known"),
        (text(9, "network.host=x"), "no such entitlement is known"),
        (number(17, 1), "field 17 of Control/Solve is not known"),
        (exporter(&[("name", "UPPER")]), "UPPER"),
        (bytes(13, &number(3, 1)), "is not known"),
        (bytes(1, b"\xff"), "not UTF-8"),
        (vec![0x0a, 9], "ends in the middle"),
    ] {
        let found = verdict(Solve::Control, &message);
        assert!(found.contains(reason) && !found.starts_with("forbidden"), "{reason}: {found}");
    }
    let found = verdict(Solve::Bridge, &number(16, 1));
    assert!(found.contains("field 16 of LLBBridge/Solve is not known"), "{found}");
}

#[test]
fn a_message_that_asks_for_very_much_is_refused() {
    let names = "a,".repeat(100_000);
    for message in [
        exporter(&[("name", &names)]),
        exporter(&[("name", &"*,".repeat(100_000))]),
        entry(7, "cache-from", &names),
        entry(7, "attest:sbom", &"generator=a,".repeat(100_000)),
        (0..9_000).flat_map(|at| entry(7, &format!("build-arg:A{at}"), "x")).collect(),
        text(9, "network.host").repeat(20_000),
        bytes(8, &text(2, "a").repeat(10_000)),
    ] {
        let found = verdict(Solve::Control, &message);
        assert!(found.contains("more than"), "{}", &found[..found.len().min(200)]);
    }
}

#[test]
fn builds_may_be_forbidden_when_one_is_under_way() {
    let policy = Policy { builds: BuildRule::Forbid, ..Policy::permissive() };
    for solve in [Solve::Control, Solve::Bridge] {
        let Verdict::Forbidden(found) =
            judge(&policy, read(solve, vec![]).unwrap(), &Facts::none())
        else {
            panic!("builds are forbidden");
        };
        assert_eq!(found.to_string(), "forbidden: a build by BuildKit (rule \"builds: forbid\")");
    }
}

fn said(policy: &Policy, solve: Solve, message: Vec<u8>, facts: &Facts) -> String {
    testing::refusal(&judge(policy, read(solve, message).unwrap(), facts))
}

/// A definition of one step: `Op { exec { meta { cgroupParent } } }`
fn step_in(group: Option<&str>) -> Vec<u8> {
    let meta = group.map(|group| text(10, group)).unwrap_or_default();
    bytes(1, &bytes(2, &bytes(1, &meta)))
}

fn ceilings(group: Option<&str>) -> Policy {
    let mut policy = Policy::permissive();
    policy.ceilings.memory = Some(Bytes::parse("20m").unwrap());
    policy.ceilings.cpu = Some(NanoCpus::parse("0.5").unwrap());
    policy.build_group = group.map(|group| BuildGroup::parse(group).unwrap());
    policy
}

fn limits_steps() -> Facts {
    let mut facts = known();
    facts.add_builder(BuilderFacts { heeds_policies: true, limits_steps: true });
    facts
}

#[test]
fn what_can_be_forced_on_no_step_is_refused() {
    let elsewhere = |message: Vec<u8>| bytes(2, &message);
    let beyond = "can't be held to it";
    let cgroups =
        Policy { cgroupparent: vec![NameRule::parse("/other").unwrap()], ..Policy::permissive() };
    let (own, none) = (ceilings(Some("/ours")), ceilings(None));
    for (policy, facts, message, sentence) in [
        (&none, known(), vec![], "a control group for them"),
        (&none, limits_steps(), vec![], ""),
        (&own, known(), vec![], ""),
        (&own, known(), text(6, "dockerfile.v0"), ""),
        (&own, known(), text(6, "gateway.v0"), "another frontend than dockerfile.v0"),
        (&own, known(), entry(7, "attest:sbom", ""), "build without --sbom"),
        (&own, known(), entry(7, "attest:sbom", "disabled=true"), ""),
        (&own, known(), elsewhere(step_in(None)), "steps that the client sends"),
        (&own, known(), elsewhere(step_in(Some("/ours/x"))), beyond),
        (&own, known(), elsewhere(step_in(Some("/ours"))), ""),
        (&own, known(), elsewhere([step_in(Some("/ours")), step_in(None)].concat()), beyond),
        (&own, known(), bytes(10, &[text(1, "x"), bytes(2, &step_in(None))].concat()), beyond),
        (&none, limits_steps(), elsewhere(step_in(Some("/ours"))), beyond),
        (&own, known(), elsewhere(bytes(1, &bytes(5, b""))), "instructions that a step"),
        (&cgroups, known(), vec![], ""),
        (&cgroups, known(), text(6, "gateway.v0"), "another frontend than dockerfile.v0"),
        (&cgroups, known(), text(6, "x"), "(rule \"cgroupparent\")"),
        (&cgroups, known(), elsewhere(bytes(1, &bytes(5, b""))), "instructions that a step"),
        (&cgroups, known(), elsewhere(step_in(Some("/other/x"))), "control group /other/x"),
        (&cgroups, known(), elsewhere(step_in(Some("/free"))), ""),
        (&cgroups, known(), elsewhere(step_in(None)), ""),
        (&cgroups, known(), entry(7, "cgroup-parent", "/other"), "control group /other"),
        (&cgroups, known(), entry(7, "attest:sbom", ""), ""),
    ] {
        let said = said(policy, Solve::Control, message.clone(), &facts);
        let is_it = said.is_empty() == sentence.is_empty() && said.contains(sentence);
        assert!(is_it, "{sentence}: {said}, {message:x?}");
    }
    let frontend = said(&own, Solve::Bridge, text(2, "gateway.v0"), &known());
    assert!(frontend.contains("another frontend"), "{frontend}");
    let nested = bytes(13, &[text(1, "x"), bytes(2, &step_in(None))].concat());
    assert!(said(&own, Solve::Bridge, nested, &known()).contains(beyond));
}

#[test]
fn steps_are_told_where_to_run_and_what_they_may_take() {
    let forced = |policy: &Policy, facts: &Facts, asked: &[u8]| {
        let message = [text(2, "dockerfile.v0"), asked.to_vec()].concat();
        let read = read(Solve::Bridge, message.clone()).unwrap();
        let Verdict::Allowed(checked) = judge(policy, read, facts) else { panic!() };
        let (written, _) = write(checked, policy, facts).unwrap();
        let behind = written.strip_prefix(&message[..]).unwrap().to_vec();
        let fields = proto::read(&behind, &[]).unwrap();
        let entries = fields.iter().map(|field| {
            assert_eq!(field.number, 3);
            let (name, value) = proto::map_entry(field).unwrap();
            format!("{name}={}", std::str::from_utf8(value).unwrap())
        });
        entries.collect::<Vec<_>>().join(" ")
    };
    let group = entry(3, "cgroup-parent", "/mine");
    let own = ceilings(Some("/ours"));
    assert_eq!(forced(&own, &known(), &group), "cmdline= cgroup-parent=/ours");
    let cgroups =
        Policy { cgroupparent: vec![NameRule::parse("/other").unwrap()], ..Policy::permissive() };
    assert_eq!(forced(&cgroups, &known(), b""), "cmdline=");
    assert_eq!(forced(&Policy::permissive(), &known(), b""), "");
    let each = |asked: &[u8]| forced(&ceilings(None), &limits_steps(), asked);
    let usual = "cmdline= memory=20971520 memswap=41943040 cpuperiod=100000 cpuquota=50000";
    assert_eq!(each(b""), usual);
    assert_eq!(each(&entry(3, "memory", "99999999999")), usual);
    let lower = [
        entry(3, "memory", "99999999999"),
        entry(3, "memory", "1048576"),
        entry(3, "cpuquota", "10000"),
    ];
    let lower = each(&lower.concat());
    assert!(lower.contains("memory=1048576 memswap=2097152"), "{lower}");
    assert!(lower.contains("cpuquota=10000"), "{lower}");
    let control = text(6, "dockerfile.v0");
    let read_control = read(Solve::Control, control.clone()).unwrap();
    let Verdict::Allowed(checked) = judge(&own, read_control, &known()) else { panic!() };
    let forced = [entry(7, "cmdline", ""), entry(7, "cgroup-parent", "/ours")].concat();
    assert_eq!(write(checked, &own, &known()).unwrap().0, [control, forced].concat());
    // Instructions of the client's own are not read as a Dockerfile: nothing is forced on them.
    let read = read(Solve::Control, bytes(2, &step_in(Some("/ours")))).unwrap();
    let Verdict::Allowed(checked) = judge(&own, read, &known()) else { panic!() };
    let written = write(checked, &own, &known()).unwrap().0;
    assert_eq!(written, bytes(2, &step_in(Some("/ours"))));
}

#[test]
fn instructions_are_read_as_far_as_they_go() {
    let source = |identifier: &str| bytes(1, &bytes(3, &text(1, identifier)));
    let read = |definition: Vec<u8>| {
        let body = read(Solve::Control, bytes(2, &definition)).map(|read| read.body().clone());
        body.map_err(|error| error.to_string())
    };
    for (identifier, is_odd) in [
        ("docker-image://docker.io/library/probe:1", false),
        ("docker-image+blob://docker.io/library/probe:1", false),
        ("local://context", false),
        ("docker-image://docker.io/library/%70robe:1", true),
        ("docker-image://me@docker.io/library/probe:1", true),
        ("docker-image://", true),
        ("docker-image+x://probe:1", true),
        ("docker-image:probe:1", true),
    ] {
        let body = read(source(identifier)).unwrap();
        assert_eq!(body.odd_image(), is_odd.then_some(identifier), "{identifier}");
        assert_eq!(
            body.images().len(),
            usize::from(identifier.contains("library/probe") && !is_odd)
        );
    }
    let many = |count: usize, one: &dyn Fn(usize) -> Vec<u8>| -> Vec<u8> {
        (0..count).flat_map(one).collect()
    };
    let names = many(2000, &|at| source(&format!("docker-image://probe:{at}")));
    assert!(read(names).unwrap_err().contains("more instructions"));
    let groups = many(2000, &|at| step_in(Some(&format!("/{at}"))));
    assert!(read(groups).unwrap_err().contains("more instructions"));
    // One definition has no more fields than any message; there are others.
    let definition = many(16_000, &|_| bytes(1, b""));
    let inputs = [text(1, "x"), bytes(2, &definition)].concat();
    let inputs = [bytes(10, &inputs), bytes(10, &inputs)].concat();
    let said = super::read(Solve::Control, inputs).unwrap_err().to_string();
    assert!(said.contains("more instructions"), "{said}");
}

#[test]
fn methods_are_compared_to_the_letter() {
    for (path, expected) in [
        (CONTROL_SOLVE, Method::Solve(Solve::Control)),
        (BRIDGE_SOLVE, Method::Solve(Solve::Bridge)),
        ("/moby.buildkit.v1.Control/Status", Method::Harmless),
        ("/moby.buildkit.v1.Control/Sol%76e", Method::Forbidden),
        ("/moby.buildkit.v1.Control/Solve?x", Method::Forbidden),
        ("/moby.buildkit.v1.Control/solve", Method::Forbidden),
        ("/moby.buildkit.v1.Control/Session", Method::Forbidden),
        ("/moby.buildkit.v1.frontend.LLBBridge/NewContainer", Method::Forbidden),
        ("/moby.buildkit.v1.frontend.LLBBridge/ExecProcess", Method::Forbidden),
        ("", Method::Forbidden),
    ] {
        assert_eq!(method(path), expected, "{path}");
    }
}
