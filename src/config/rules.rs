//! The sections `restrictions`, `endpoints` and `general` to a policy: requests build the same values.

use std::path::Path;

use super::error::At;
use super::schema::{File, General, Restrictions, Text};
use super::validate::Checker;
use super::{endpoints, seccomp, units};
use crate::policy::Policy;
use crate::policy::builds::BuildRule;
use crate::policy::capabilities::CapabilityRule;
use crate::policy::ceilings::Ceilings;
use crate::policy::devices::DeviceRule;
use crate::policy::environment::EnvironmentRule;
use crate::policy::images::ImageRule;
use crate::policy::mounts::MountRule;
use crate::policy::names::NameRule;
use crate::policy::namespaces::NamespaceRule;
use crate::policy::ports::PortRule;
use crate::policy::privileged::PrivilegedRule;
use crate::policy::security::SecurityRule;
use crate::policy::types::{
    Bytes, Capability, EnvironmentEntry, NanoCpus, SecurityOption, UserSpec,
};
use crate::policy::users::UserRule;

/// Reads the sections; `folder` is where the paths of seccomp profiles begin.
pub(super) fn policy(checker: &mut Checker<'_>, file: &File, folder: &Path) -> Policy {
    let (no_rules, no_ceilings) = (Restrictions::default(), General::default());
    let rules = file.restrictions.as_ref().unwrap_or(&no_rules);
    let general = file.general.as_ref().unwrap_or(&no_ceilings);
    let at = |key| At::key("restrictions", key);
    let privileged = rules.privileged.as_ref();
    Policy {
        ports: checker.list(at("ports"), &rules.ports, PortRule::parse),
        mounts: checker.list(at("mounts"), &rules.mounts, MountRule::parse),
        users: checker.list(at("users"), &rules.users, UserRule::parse),
        environment: checker.list(at("environment"), &rules.environment, EnvironmentRule::parse),
        security: checker.list(
            at("securitypolicies"),
            &rules.securitypolicies,
            SecurityRule::parse,
        ),
        images: checker.list(at("images"), &rules.images, ImageRule::parse),
        privileged: match checker.optional(at("privileged"), privileged, units::parse_switch) {
            Some(true) => PrivilegedRule::Forbid,
            Some(false) | None => PrivilegedRule::Allow,
        },
        capabilities: checker.list(at("capabilities"), &rules.capabilities, CapabilityRule::parse),
        devices: checker.list(at("devices"), &rules.devices, DeviceRule::parse),
        namespaces: checker.list(at("namespaces"), &rules.namespaces, NamespaceRule::parse),
        runtimes: checker.list(at("runtimes"), &rules.runtimes, NameRule::parse),
        volumesfrom: checker.list(at("volumesfrom"), &rules.volumesfrom, NameRule::parse),
        sysctls: checker.list(at("sysctls"), &rules.sysctls, NameRule::parse),
        cgroupparent: checker.list(at("cgroupparent"), &rules.cgroupparent, NameRule::parse),
        builds: checker
            .optional(at("builds"), rules.builds.as_ref(), BuildRule::parse)
            .unwrap_or_default(),
        endpoints: endpoints::rules(checker, file.endpoints.as_ref()),
        ceilings: ceilings(checker, general, folder),
    }
}

fn ceilings(checker: &mut Checker<'_>, general: &General, folder: &Path) -> Ceilings {
    let at = |key| At::key("general", key);
    Ceilings {
        memory: checker.optional(at("memory"), given(&general.memory), Bytes::parse),
        cpu: checker.optional(at("cpu"), given(&general.cpu), NanoCpus::parse),
        user: checker.optional(at("user"), given(&general.user), UserSpec::parse),
        environment: checker.list(at("environment"), &general.environment, EnvironmentEntry::parse),
        secopts: checker.list(at("secopts"), &general.secopts, |text| {
            let option = seccomp::with_profile(text, folder).map_err(|error| error.to_string())?;
            SecurityOption::parse(&option).map_err(|error| error.to_string())
        }),
        capdrop: checker.list(at("capdrop"), &general.capdrop, Capability::parse),
        capadd: checker.list(at("capadd"), &general.capadd, Capability::parse),
    }
}

/// A value in quotes with nothing in them is none for the Go tool.
fn given(text: &Option<Text>) -> Option<&Text> {
    text.as_ref().filter(|text| !text.is_empty())
}
