//! The rules in plain words, a sentence for each.

use std::fmt::{self, Write};

use super::shown::Shown;
use crate::image;
use crate::policy::Policy;
use crate::policy::allowed::{AllowedImages, AllowedMount, AllowedMounts};
use crate::policy::build_steps::BuildGroup;
use crate::policy::builds::BuildRule;
use crate::policy::ceilings::Ceilings;
use crate::policy::groups::GroupRule;
use crate::policy::images::ImageRule;
use crate::policy::mounts::MountRule;
use crate::policy::names::{NameRule, VolumeDriver};
use crate::policy::ports::PortRule;
use crate::policy::privileged::PrivilegedRule;
use crate::policy::shares::ShareRule;
use crate::policy::strict::StrictRule;
use crate::policy::subnets::{AllowedSubnets, SubnetRule};
use crate::policy::way_out::WayOut;

/// A sentence for each rule of a list.
macro_rules! each {
    ($out:expr, $rules:expr, $sentence:literal) => {
        for rule in $rules {
            writeln!($out, $sentence, Shown(rule.as_str()))?;
        }
    };
}

/// Says of each what it forbids.
pub(super) fn describe_rules(out: &mut String, policy: &Policy) -> fmt::Result {
    let Policy {
        ports,
        mounts,
        users,
        groups,
        environment,
        security,
        images,
        privileged,
        capabilities,
        devices,
        namespaces,
        runtimes,
        volumesfrom,
        volumedrivers,
        allowed_volumedrivers,
        sysctls,
        cgroupparent,
        allowed_images,
        allowed_mounts,
        allowed_shares,
        way_out,
        subnets,
        allowed_subnets,
        builds,
        build_group,
        endpoints: _,
        strict,
        ceilings,
        exceptions: _,
    } = policy;
    describe_ports(out, ports)?;
    describe_mounts(out, mounts, allowed_mounts, allowed_shares)?;
    each!(out, users, "Nothing may run as user {}.");
    describe_groups(out, groups)?;
    environment.iter().try_for_each(|rule| describe_variable(out, rule.as_str()))?;
    security.iter().try_for_each(|rule| describe_security(out, rule.as_str()))?;
    describe_images(out, images, allowed_images)?;
    describe_privileged(out, privileged)?;
    each!(out, capabilities, "Capability {} may not be added.");
    each!(out, devices, "Device {} may not be used.");
    each!(out, namespaces, "Namespaces may not be shared: {}.");
    each!(out, runtimes, "Runtime {} may not be chosen.");
    each!(out, volumesfrom, "Mounts of container {} may not be taken over.");
    describe_drivers(out, volumedrivers, allowed_volumedrivers.as_deref())?;
    each!(out, sysctls, "Kernel parameter {} may not be set.");
    each!(out, cgroupparent, "Nothing may run below control group {}.");
    if policy.restricts() {
        describe_way_out(out, way_out, allowed_mounts)?;
    }
    describe_subnets(out, subnets, allowed_subnets)?;
    describe_builds(out, builds, build_group.as_ref(), ceilings)?;
    match strict {
        StrictRule::Refuse => {
            writeln!(out, "Requests with fields that SecDocker does not know are refused.")
        }
        StrictRule::Tell => Ok(()),
    }
}

fn describe_ports(out: &mut String, rules: &[PortRule]) -> fmt::Result {
    each!(out, rules, "Host port {} may not be published.");
    match rules.is_empty() {
        true => Ok(()),
        false => writeln!(out, "Host networking is forbidden, since it opens every port."),
    }
}

fn describe_mounts(
    out: &mut String,
    rules: &[MountRule],
    allowed: &AllowedMounts,
    shares: &[ShareRule],
) -> fmt::Result {
    rules.iter().try_for_each(|rule| describe_mount(out, rule.as_str()))?;
    if let Some(paths) = allowed.list() {
        writeln!(out, "Of the host's paths only these may be mounted:")?;
        describe_list(out, paths.iter().map(AllowedMount::as_str))?;
        for one in paths.iter().filter(|one| one.is_with_all_below()) {
            writeln!(
                out,
                "Note: anyone who can write to a directory in {} can put a link in the place of one below \
                 while it is mounted. SecDocker looks at what was mounted and kills such a container, \
                 which may have run for a moment; an entry without /** has no such gap, if none but \
                 root can write to the directories above it.",
                Shown(one.path().as_str())
            )?;
        }
    }
    each!(out, shares, "{} may be mounted, wherever its server's name leads.");
    Ok(())
}

fn describe_groups(out: &mut String, rules: &[GroupRule]) -> fmt::Result {
    rules.iter().try_for_each(|rule| describe_group(out, rule))?;
    if rules.is_empty() { Ok(()) } else { writeln!(out, "{OWN_GROUPS}") }
}

fn describe_images(out: &mut String, rules: &[ImageRule], allowed: &AllowedImages) -> fmt::Result {
    rules.iter().try_for_each(|rule| describe_image(out, rule.as_str()))?;
    let Some(images) = allowed.list() else { return Ok(()) };
    writeln!(
        out,
        "Only these images may be used, and built by BuildKit; none may be loaded, imported or committed:"
    )?;
    describe_list(out, images.iter().map(ImageRule::as_str))
}

fn describe_privileged(out: &mut String, rule: &PrivilegedRule) -> fmt::Result {
    match rule {
        PrivilegedRule::Forbid => {
            writeln!(out, "Privileged containers and privileged exec are forbidden.")?;
            writeln!(out, "So is what adds up to them: capabilities, disks, options, namespaces.")
        }
        PrivilegedRule::Allow => Ok(()),
    }
}

fn describe_drivers(
    out: &mut String,
    rules: &[NameRule<VolumeDriver>],
    allowed: Option<&[NameRule<VolumeDriver>]>,
) -> fmt::Result {
    each!(out, rules, "Volume driver {} may not be used.");
    let Some(drivers) = allowed else { return Ok(()) };
    writeln!(
        out,
        "Beside the daemon's own only these volume drivers may be used, and mount what they like:"
    )?;
    describe_list(out, drivers.iter().map(NameRule::as_str))
}

fn describe_builds(
    out: &mut String,
    rule: &BuildRule,
    group: Option<&BuildGroup>,
    ceilings: &Ceilings,
) -> fmt::Result {
    match rule {
        BuildRule::Inspect => {}
        BuildRule::Allow => writeln!(out, "Images may be built; Dockerfiles are not read.")?,
        BuildRule::Forbid => writeln!(out, "Images may not be built.")?,
    }
    let Some(group) = group.map(BuildGroup::as_str) else { return Ok(()) };
    match ceilings.memory.is_some() || ceilings.cpu.is_some() {
        true => writeln!(out, "Steps of builds share control group {group} and its limits."),
        false => writeln!(
            out,
            "Warning: control group {group} limits no build without general.memory or general.cpu."
        ),
    }
}

/// One line for each; an empty list allows nothing.
fn describe_list<'a>(out: &mut String, texts: impl Iterator<Item = &'a str>) -> fmt::Result {
    let before = out.len();
    for text in texts {
        writeln!(out, "- {}", Shown(text))?;
    }
    if out.len() == before { writeln!(out, "- none at all") } else { Ok(()) }
}

fn describe_subnets(
    out: &mut String,
    forbidden: &[SubnetRule],
    allowed: &AllowedSubnets,
) -> fmt::Result {
    for rule in forbidden {
        match rule.as_str() {
            "public" => writeln!(out, "No network may have public addresses.")?,
            "link-local" => writeln!(out, "No network may have link-local addresses.")?,
            "host" => writeln!(
                out,
                "No network may overlap addresses, routes, gateways or name servers of the host."
            )?,
            subnet => writeln!(out, "No network may overlap subnet {}.", Shown(subnet))?,
        }
    }
    if let Some(rules) = allowed.list() {
        writeln!(out, "Networks that name a subnet may have one within these only:")?;
        describe_list(out, rules.iter().map(SubnetRule::as_str))?;
    }
    Ok(())
}

fn describe_mount(out: &mut String, path: &str) -> fmt::Result {
    let shown = Shown(path);
    match path {
        "/**" => writeln!(out, "No path of the host may be mounted."),
        "/" => writeln!(out, "The host's root, {shown}, may not be mounted; paths below it may."),
        _ => writeln!(
            out,
            "The host's {shown} may not be mounted, nor what is below it, nor what is above it."
        ),
    }
}

/// What rules about groups can't see.
const OWN_GROUPS: &str = "A user that names no group has those that the image's own /etc/passwd and /etc/group give it, \
    which are not read: whoever chooses the image can have any number so. `1000:1000` has that group alone; \
    `general.user` forces it.";

fn describe_group(out: &mut String, rule: &GroupRule) -> fmt::Result {
    let shown = Shown(rule.as_str());
    match rule.number() {
        Some(number) => writeln!(out, "Nothing may run with group {shown}, on this host {number}."),
        None if rule.is_name() && rule.as_str() != "root" => writeln!(
            out,
            "Nothing may run with group {shown}. Warning: this host has none of that name, so its \
             number is not known."
        ),
        None => writeln!(out, "Nothing may run with group {shown}."),
    }
}

/// Which sockets are held, and which a list lets be mounted.
fn describe_way_out(out: &mut String, way_out: &WayOut, allowed: &AllowedMounts) -> fmt::Result {
    let paths = allowed.list().unwrap_or_default();
    let named = way_out.named_in(paths).map(|path| Shown(path.as_str()));
    for path in named {
        writeln!(out, "Warning: {path} may be mounted, and anyone who has it is past every rule.")?;
    }
    writeln!(out, "The daemon's own sockets, and what holds them, may not be mounted otherwise.")
}

fn describe_variable(out: &mut String, rule: &str) -> fmt::Result {
    match rule.split_once('=') {
        Some((name, value)) => {
            writeln!(out, "Variable {} may not be set to {}.", Shown(name), Shown(value))
        }
        None => writeln!(out, "Variable {} may not be set.", Shown(rule)),
    }
}

fn describe_security(out: &mut String, rule: &str) -> fmt::Result {
    let shown = Shown(rule);
    if rule == "privileged" {
        writeln!(out, "Privileged mode is forbidden as a security policy.")
    } else if rule.contains(['=', ':']) {
        writeln!(out, "Security option {shown} may not be asked for.")
    } else {
        writeln!(out, "Security option {shown} may not be asked for, whatever its value.")
    }
}

fn describe_image(out: &mut String, rule: &str) -> fmt::Result {
    if let Some(prefix) = rule.strip_suffix('*') {
        writeln!(out, "No image below {} may be used.", Shown(prefix))
    } else if image::complete(rule).is_some() {
        writeln!(out, "Image {} may not be used, whatever its tag or digest.", Shown(rule))
    } else {
        writeln!(out, "Image {} may not be used, however it is named.", Shown(rule))
    }
}
