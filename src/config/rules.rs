//! The sections `restrictions`, `endpoints` and `general` to a policy: requests build the same values.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::ceilings::ceilings;
use super::checker::Checker;
use super::error::At;
use super::schema::{Builds, Endpoints, ExceptionKeys, General, List, Lists, Restrictions, Text};
use super::{endpoints, exceptions, units};
use crate::policy::Policy;
use crate::policy::allowed::{AllowedImages, AllowedMount, AllowedMounts};
use crate::policy::build_steps::BuildGroup;
use crate::policy::builds::BuildRule;
use crate::policy::capabilities::CapabilityRule;
use crate::policy::devices::DeviceRule;
use crate::policy::environment::EnvironmentRule;
use crate::policy::groups::GroupRule;
use crate::policy::images::ImageRule;
use crate::policy::mounts::MountRule;
use crate::policy::names::NameRule;
use crate::policy::namespaces::NamespaceRule;
use crate::policy::ports::PortRule;
use crate::policy::privileged::PrivilegedRule;
use crate::policy::security::SecurityRule;
use crate::policy::shares::ShareRule;
use crate::policy::strict::StrictRule;
use crate::policy::subnets::{AllowedSubnets, SubnetRule};
use crate::policy::types::ValueError;
use crate::policy::users::UserRule;
use crate::policy::way_out::WayOut;

/// What makes a policy: of the top level, or of one client.
pub(super) struct Sections<'f> {
    pub(super) restrictions: Option<&'f Restrictions>,
    pub(super) general: Option<&'f General>,
    pub(super) endpoints: Option<&'f Endpoints>,
    pub(super) strict: Option<&'f Text>,
    pub(super) exceptions: &'f [ExceptionKeys],
}

/// Reads the sections; `folder` is where the paths of seccomp profiles begin.
pub(super) fn policy(checker: &mut Checker<'_>, from: &Sections<'_>, folder: &Path) -> Policy {
    let (no_rules, no_ceilings) = (Restrictions::default(), General::default());
    let rules = from.restrictions.unwrap_or(&no_rules);
    let general = from.general.unwrap_or(&no_ceilings);
    let at = |key| At::key("restrictions", key);
    let ports = checker.list(at("ports"), &rules.ports, PortRule::parse);
    let mounts = denied(checker, at("mounts"), &rules.mounts, MountRule::parse);
    let (allowed_mounts, allowed_shares) = allowed_mounts(checker, at("mounts"), &rules.mounts);
    Policy {
        ports,
        mounts,
        allowed_mounts,
        allowed_shares,
        users: checker.list(at("users"), &rules.users, UserRule::parse),
        groups: group_rules(checker, &rules.groups),
        environment: checker.list(at("environment"), &rules.environment, EnvironmentRule::parse),
        security: checker.list(
            at("securitypolicies"),
            &rules.securitypolicies,
            SecurityRule::parse,
        ),
        images: denied(checker, at("images"), &rules.images, ImageRule::parse),
        allowed_images: allowed(checker, at("images"), &rules.images, ImageRule::parse)
            .map_or_else(AllowedImages::default, AllowedImages::only),
        privileged: privileged(checker, at("privileged"), rules.privileged.as_ref()),
        capabilities: checker.list(at("capabilities"), &rules.capabilities, CapabilityRule::parse),
        devices: checker.list(at("devices"), &rules.devices, DeviceRule::parse),
        namespaces: checker.list(at("namespaces"), &rules.namespaces, NamespaceRule::parse),
        runtimes: checker.list(at("runtimes"), &rules.runtimes, NameRule::parse),
        volumesfrom: checker.list(at("volumesfrom"), &rules.volumesfrom, NameRule::parse),
        volumedrivers: denied(checker, at("volumedrivers"), &rules.volumedrivers, NameRule::parse),
        allowed_volumedrivers: allowed(
            checker,
            at("volumedrivers"),
            &rules.volumedrivers,
            NameRule::parse,
        ),
        sysctls: checker.list(at("sysctls"), &rules.sysctls, NameRule::parse),
        cgroupparent: checker.list(at("cgroupparent"), &rules.cgroupparent, NameRule::parse),
        // Known once the address of the daemon is.
        way_out: WayOut::default(),
        subnets: denied(checker, at("subnets"), &rules.subnets, SubnetRule::parse),
        allowed_subnets: allowed(checker, at("subnets"), &rules.subnets, SubnetRule::parse_allowed)
            .map_or_else(AllowedSubnets::default, AllowedSubnets::only),
        builds: build_rule(checker, at("builds"), &rules.builds),
        build_group: build_group(checker, at("builds"), &rules.builds),
        endpoints: endpoints::rules(checker, from.endpoints),
        strict: strict(checker, from.strict),
        ceilings: ceilings(checker, general, folder),
        exceptions: exceptions::exceptions(checker, from.exceptions),
    }
}

fn privileged(checker: &mut Checker<'_>, at: At, text: Option<&Text>) -> PrivilegedRule {
    match switch(checker, at, text) {
        true => PrivilegedRule::Forbid,
        false => PrivilegedRule::Allow,
    }
}

fn strict(checker: &mut Checker<'_>, text: Option<&Text>) -> StrictRule {
    match switch(checker, At::top("strict"), text) {
        true => StrictRule::Refuse,
        false => StrictRule::Tell,
    }
}

fn switch(checker: &mut Checker<'_>, at: At, text: Option<&Text>) -> bool {
    checker.optional(at, text, units::parse_switch).unwrap_or(false)
}

fn build_group(checker: &mut Checker<'_>, at: At, builds: &Builds) -> Option<BuildGroup> {
    checker.optional(at.inner("cgroup"), builds.cgroup.as_ref(), BuildGroup::parse)
}

fn build_rule(checker: &mut Checker<'_>, at: At, builds: &Builds) -> BuildRule {
    let at = if builds.is_keyed { at.inner("mode") } else { at };
    checker.optional(at, builds.mode.as_ref(), BuildRule::parse).unwrap_or_default()
}

fn group_rules(checker: &mut Checker<'_>, list: &List) -> Vec<GroupRule> {
    let host = groups_of_host();
    checker.list(At::key("restrictions", "groups"), list, |text| {
        GroupRule::parse(text, |name| host.get(name).copied())
    })
}

/// The groups of this host, by name (group(5)); none if they can't be read.
fn groups_of_host() -> HashMap<String, u32> {
    let text = fs::read_to_string("/etc/group").unwrap_or_default();
    let groups = text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
    });
    groups.collect()
}

/// What is forbidden by a list, or by the one behind the key `deny`.
fn denied<T>(
    checker: &mut Checker<'_>,
    at: At,
    lists: &Lists,
    read: impl Fn(&str) -> Result<T, ValueError>,
) -> Vec<T> {
    let at = if lists.is_keyed { at.inner("deny") } else { at };
    checker.list(at, &lists.deny, read)
}

/// What alone is allowed, if there is such a list.
fn allowed<T>(
    checker: &mut Checker<'_>,
    at: At,
    lists: &Lists,
    read: impl Fn(&str) -> Result<T, ValueError>,
) -> Option<Vec<T>> {
    let list = lists.allow.as_ref()?;
    Some(checker.list(at.inner("allow"), list, read))
}

/// The paths that alone may be mounted, if there is a list, and the shares that stand among them.
fn allowed_mounts(
    checker: &mut Checker<'_>,
    at: At,
    lists: &Lists,
) -> (AllowedMounts, Vec<ShareRule>) {
    let mut shares = Vec::new();
    let read = |text: &str| match ShareRule::is_meant(text) {
        true => ShareRule::parse(text).map(Entry::Share),
        false => AllowedMounts::parse(text).map(Entry::Path),
    };
    let Some(entries) = allowed(checker, at, lists, read) else {
        return (AllowedMounts::default(), shares);
    };
    let paths = entries.into_iter().filter_map(|entry| match entry {
        Entry::Path(path) => Some(path),
        Entry::Share(share) => {
            shares.push(share);
            None
        }
    });
    (AllowedMounts::only(paths.collect()), shares)
}

/// An entry of the list of what may be mounted.
enum Entry {
    Path(AllowedMount),
    Share(ShareRule),
}
