//! The sections `restrictions`, `endpoints` and `general` to a policy: requests build the same values.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::error::At;
use super::schema::{Builds, Endpoints, ExceptionKeys, General, List, Lists, Restrictions, Text};
use super::validate::Checker;
use super::{endpoints, exceptions, seccomp, units};
use crate::policy::Policy;
use crate::policy::allowed::{AllowedImages, AllowedMount, AllowedMounts};
use crate::policy::build_steps::BuildGroup;
use crate::policy::builds::BuildRule;
use crate::policy::capabilities::{CapabilityRule, parse_known};
use crate::policy::ceilings::Ceilings;
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
use crate::policy::types::{
    Bytes, EnvironmentEntry, NanoCpus, SecurityOption, UserSpec, ValueError,
};
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
    let privileged = rules.privileged.as_ref();
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
        privileged: match checker.optional(at("privileged"), privileged, units::parse_switch) {
            Some(true) => PrivilegedRule::Forbid,
            Some(false) | None => PrivilegedRule::Allow,
        },
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
        build_group: checker.optional(
            at("builds").inner("cgroup"),
            rules.builds.cgroup.as_ref(),
            BuildGroup::parse,
        ),
        endpoints: endpoints::rules(checker, from.endpoints),
        strict: match checker.optional(At::top("strict"), from.strict, units::parse_switch) {
            Some(true) => StrictRule::Refuse,
            Some(false) | None => StrictRule::Tell,
        },
        ceilings: ceilings(checker, general, folder),
        exceptions: exceptions::exceptions(checker, from.exceptions),
    }
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

fn ceilings(checker: &mut Checker<'_>, general: &General, folder: &Path) -> Ceilings {
    let at = |key| At::key("general", key);
    Ceilings {
        memory: checker.optional(at("memory"), given(&general.memory), ceiling_of_memory),
        cpu: checker.optional(at("cpu"), given(&general.cpu), ceiling_of_cpus),
        user: checker.optional(at("user"), given(&general.user), forced_user),
        environment: checker.list(at("environment"), &general.environment, EnvironmentEntry::parse),
        secopts: checker.list(at("secopts"), &general.secopts, |text| {
            let option = seccomp::with_profile(text, folder).map_err(|error| error.to_string())?;
            SecurityOption::parse(&option).map_err(|error| error.to_string())
        }),
        capdrop: checker.list(at("capdrop"), &general.capdrop, parse_known),
        capadd: checker.list(at("capadd"), &general.capadd, parse_known),
        // Known once it is whether any are counted.
        owner: None,
    }
}

/// What every daemon refuses to go below (`linuxMinMemory` in `daemon_unix.go`).
const MEMORY_BYTES_MIN: i64 = 6 << 20;

/// The kernel's least quota, 1 ms in a period of 100 ms: less is taken, and no container starts.
const NANO_CPUS_MIN: i64 = NanoCpus::PER_CPU / 100;

fn ceiling_of_memory(text: &str) -> Result<Bytes, String> {
    match Bytes::parse(text) {
        Ok(bytes) if bytes.get() < MEMORY_BYTES_MIN => {
            Err(format!("{bytes} is less than the 6m that the daemon demands"))
        }
        read => read.map_err(|error| error.to_string()),
    }
}

fn ceiling_of_cpus(text: &str) -> Result<NanoCpus, String> {
    match NanoCpus::parse(text) {
        Ok(cpus) if cpus.get() < NANO_CPUS_MIN => {
            Err(format!("{cpus} is less than the 0.01 that the kernel demands"))
        }
        read => read.map_err(|error| error.to_string()),
    }
}

/// The largest number that the daemon takes for a user or a group.
const ID_MAX: u64 = i32::MAX as u64;

/// A user that can run: one that the daemon can't read would stop every container from starting.
fn forced_user(text: &str) -> Result<UserSpec, String> {
    let (user, group) = text.split_once(':').unwrap_or((text, "0"));
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || c == ':';
    let is_id = |name: &str| !name.is_empty() && !name.contains(is_odd) && !is_too_large(name);
    let wrong = || format!("`{}` is not a user or user:group", text.escape_debug());
    if !is_id(user) || !is_id(group) {
        return Err(wrong());
    }
    UserSpec::parse(text).map_err(|_| wrong())
}

fn is_too_large(name: &str) -> bool {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    is_number && !name.parse::<u64>().is_ok_and(|number| number <= ID_MAX)
}

/// A value in quotes with nothing in them is none for the Go tool.
fn given(text: &Option<Text>) -> Option<&Text> {
    text.as_ref().filter(|text| !text.is_empty())
}
