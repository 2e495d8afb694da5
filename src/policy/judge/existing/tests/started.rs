//! What is started, or worked in, is judged by what it is at that moment.

use super::*;
use crate::policy::Policy;
use crate::policy::effects::{ExistingEffect, MountEffect, NamespaceEffect, PrivilegeEffect};

#[test]
fn what_is_started_is_judged_by_where_its_paths_lead_by_now() {
    let starts = Effect::Existing(ExistingEffect::Started(text("c")));
    let again = |text: &str| Effect::Mount(MountEffect::HostPath(path(text)));
    let led = |from: &str, to: &str| {
        let container = Container { mounts: vec![again(from)], ..container() };
        let mut facts = known("c", container);
        facts.add_link(path(from), path(to));
        facts.add_link(path("/root"), path("/root"));
        verdict(&policy(), starts.clone(), &facts)
    };
    assert_eq!(
        led("/srv/d", "/root/x"),
        "forbidden: mount of /srv/d, which leads to /root/x (rule \"/root\")"
    );
    assert_eq!(led("/srv/d", "/srv/e"), "allowed");
    // As they are written they were given beside SecDocker.
    for made_beside in ["/root/.ssh", "/", "/proc"] {
        assert_eq!(led(made_beside, made_beside), "allowed", "{made_beside}");
    }
    let unknown = verdict(&policy(), starts.clone(), &Facts::none());
    assert!(unknown.contains("start of container c, which is not known"), "{unknown}");
    let mut absent = Facts::none();
    absent.add_container(text("c"), ContainerFacts::Absent);
    assert_eq!(verdict(&policy(), starts.clone(), &absent), "allowed");
    let without = Policy { mounts: vec![], ..policy() };
    assert_eq!(questions(&without, &[asked(starts.clone())]).containers(), ["c"]);
    let without = Policy::permissive();
    assert!(questions(&without, &[asked(starts.clone())]).is_empty());
    assert_eq!(verdict(&without, starts, &Facts::none()), "allowed");
}

#[test]
fn a_volume_that_is_started_with_leads_on_to_its_path() {
    let starts = || vec![asked(ExistingEffect::Started(text("c")))];
    let asked_for = questions(&policy(), &starts());
    assert_eq!(asked_for.containers(), ["c"]);
    let container =
        Container { mounts: vec![MountEffect::Volume(text("v")).into()], ..container() };
    let mut facts = known("c", container);
    assert_eq!(further_questions(&policy(), &starts(), &facts).volumes(), ["v"]);
    facts.add_volume(
        text("v"),
        VolumeFacts::Present(vec![MountEffect::HostPath(path("/srv/d")).into()]),
    );
    let further = further_questions(&policy(), &starts(), &facts);
    assert!(further.real_paths().contains(&&path("/srv/d")), "{further:?}");
    facts.add_link(path("/srv/d"), path("/root"));
    facts.add_link(path("/root"), path("/root"));
    let verdict = verdict(&policy(), ExistingEffect::Started(text("c")), &facts);
    assert!(verdict.contains("mount of /srv/d, which leads to /root"), "{verdict}");
}

#[test]
fn a_device_that_has_become_a_disk_is_not_started_with() {
    let started = |leads_to: &str| {
        let container = Container { devices: vec![path("/srv/d")], ..container() };
        let mut facts = known("c", container);
        facts.add_link(path("/srv/d"), path(leads_to));
        facts.add_link(path("/root"), path("/root"));
        facts.add_device(path("/srv/d"), DeviceFacts::Disk);
        verdict(&policy(), ExistingEffect::Started(text("c")), &facts)
    };
    assert!(started("/dev/sda").contains("device /srv/d, which holds files of the host"));
    assert_eq!(started("/srv/d"), "allowed");
}

#[test]
fn under_a_list_what_is_started_must_still_lead_below_it() {
    let list = AllowedMounts::only(vec![AllowedMounts::parse("/srv/**").unwrap()]);
    let policy = Policy { allowed_mounts: list, ..Policy::permissive() };
    for (from, to, is_allowed) in
        [("/srv/d", "/srv/e", true), ("/srv/d", "/root", false), ("/data", "/root", true)]
    {
        let container =
            Container { mounts: vec![MountEffect::HostPath(path(from)).into()], ..container() };
        let mut facts = known("c", container);
        facts.add_link(path(from), path(to));
        facts.add_link(path("/srv"), path("/srv"));
        let verdict = verdict(&policy, ExistingEffect::Started(text("c")), &facts);
        assert_eq!(verdict == "allowed", is_allowed, "{from} {to}: {verdict}");
    }
}

#[test]
fn whoever_is_met_at_a_start_is_judged_again() {
    let (network, pid) = (NamespaceKind::Network, NamespaceKind::Pid);
    let met = |kind, shares: Vec<Namespace>| {
        let Effect::Namespace(NamespaceEffect::Shared(joined)) = joins(kind, "b") else { panic!() };
        let mut facts = known("c", Container { shares: vec![joined], ..container() });
        facts
            .add_container(text("b"), ContainerFacts::Present(Container { shares, ..container() }));
        verdict(&policy(), ExistingEffect::Started(text("c")), &facts)
    };
    assert!(met(network, vec![host(network)]).contains("opens every port"));
    assert!(met(pid, vec![host(pid)]).contains("pid namespace of the host"));
    assert_eq!(met(network, vec![host(pid)]), "allowed");
    assert_eq!(met(network, vec![]), "allowed");
    // What it shares with the host itself was given beside SecDocker, and so was joining as such.
    let beside = Container { shares: vec![host(network), host(pid)], ..container() };
    assert_eq!(
        verdict(&policy(), ExistingEffect::Started(text("c")), &known("c", beside)),
        "allowed"
    );
    let rules = vec![NamespaceRule::parse("container").unwrap()];
    let policy = Policy { namespaces: rules, ..Policy::permissive() };
    let Effect::Namespace(NamespaceEffect::Shared(joined)) = joins(network, "b") else { panic!() };
    let mut facts = known("c", Container { shares: vec![joined], ..container() });
    facts.add_container(text("b"), ContainerFacts::Present(container()));
    assert_eq!(verdict(&policy, ExistingEffect::Started(text("c")), &facts), "allowed");
}

#[test]
fn a_network_that_is_joined_again_may_be_the_hosts() {
    let given = Container { networks: vec![text("abc")], ..container() };
    let mut facts = known("c", given);
    let starts = [asked(ExistingEffect::Started(text("c")))];
    assert_eq!(further_questions(&policy(), &starts, &facts).networks(), ["abc"]);
    for (found, is_allowed) in [
        (crate::policy::facts::NetworkFacts::Other(vec![]), true),
        (crate::policy::facts::NetworkFacts::Host, false),
    ] {
        facts.add_network(text("abc"), found);
        let verdict = verdict(&policy(), ExistingEffect::Started(text("c")), &facts);
        assert_eq!(verdict == "allowed", is_allowed, "{verdict}");
    }
}

#[test]
fn a_command_reaches_all_that_its_container_was_given_but_what_is_forced() {
    use crate::policy::rules::capabilities::CapabilityRule;
    use crate::policy::types::Capability;
    let within = || Effect::Existing(ExistingEffect::ExecIn(text("c")));
    let capability = || Capability::parse("NET_ADMIN").unwrap();
    let given = |container: Container| known("c", container);
    let mounts =
        Container { mounts: vec![MountEffect::HostPath(path("/root")).into()], ..container() };
    for effect in [within(), Effect::Existing(ExistingEffect::Archive(text("c")))] {
        let expected = "forbidden: mount of /root in container c (rule \"/root\")";
        assert_eq!(verdict(&policy(), effect.clone(), &given(mounts.clone())), expected);
        assert_eq!(verdict(&policy(), effect.clone(), &given(container())), "allowed");
        assert!(verdict(&policy(), effect.clone(), &Facts::none()).contains("not known"));
        assert_eq!(verdict(&Policy::permissive(), effect, &Facts::none()), "allowed");
    }
    let mut policy =
        Policy { capabilities: vec![CapabilityRule::parse("NET_ADMIN").unwrap()], ..policy() };
    let powers = Some(vec![PrivilegeEffect::Capability(capability()).into()]);
    let able = given(Container { powers, ..container() });
    assert!(verdict(&policy, within(), &able).contains("NET_ADMIN in container c"));
    policy.ceilings.capadd = vec![capability()];
    assert_eq!(verdict(&policy, within(), &able), "allowed");
    let unknown = given(Container { powers: None, ..container() });
    assert!(verdict(&policy, within(), &unknown).contains("which are not known"));
    assert_eq!(verdict(&policy, ExistingEffect::Started(text("c")), &unknown), "allowed");
}

#[test]
fn a_process_shows_what_is_shared_when_whom_it_joined_is_gone() {
    let Effect::Namespace(NamespaceEffect::Shared(joined)) = joins(NamespaceKind::Network, "gone")
    else {
        panic!()
    };
    let judged = |shares_of_host| {
        let given = Container { shares: vec![joined.clone()], shares_of_host, ..container() };
        let mut facts = known("c", given);
        facts.add_container(text("gone"), ContainerFacts::Absent);
        verdict(&policy(), ExistingEffect::ExecIn(text("c")), &facts)
    };
    assert!(judged(None).contains("which may be the host's"));
    assert_eq!(judged(Some(vec![])), "allowed");
    assert!(judged(Some(vec![host(NamespaceKind::Network)])).contains("opens every port"));
}

#[test]
fn a_device_that_leads_elsewhere_by_now() {
    let given = Container { devices: vec![path("/srv/a")], ..container() };
    for (rule, leads_to, is_refused) in [
        ("/dev/vda", "/dev/vda", true),
        ("/dev/vd*", "/dev/vda", true),
        ("/dev/vda", "/dev/fuse", false),
        ("/dev/vda", "/srv/a", false),
        // Given beside SecDocker, as nobody gets one here.
        ("*", "/dev/vda", false),
        ("gpu", "/dev/vda", false),
    ] {
        let policy =
            Policy { devices: vec![DeviceRule::parse(rule).unwrap()], ..Policy::permissive() };
        let mut facts = known("c", given.clone());
        facts.add_link(path("/srv/a"), path(leads_to));
        let said = verdict(&policy, ExistingEffect::Started(text("c")), &facts);
        assert_eq!(said.contains("device /srv/a, which leads to"), is_refused, "{rule}: {said}");
        let said = verdict(&policy, ExistingEffect::Started(text("c")), &Facts::none());
        assert!(said.contains("start of container c, which is not known"), "{rule}: {said}");
    }
}
