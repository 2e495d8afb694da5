//! Which of the rules are about a thing: those that it breaks where nothing is known of it.

use super::any_path;
use crate::policy::rule_set::Policy;
use crate::policy::rules::allowed::MOUNTS;
use crate::policy::rules::privileged::PrivilegedRule;

impl Policy {
    /// Whether starting a container that exists could break a rule.
    pub fn judges_starts(&self) -> bool {
        let about = about_starts(self).chain(about_device_paths(self));
        about.chain(about_what_is_made(self)).next().is_some()
    }

    /// Whether a rule is about images.
    pub fn judges_images(&self) -> bool {
        about_images(self).next().is_some()
    }

    /// Whether working within a container that exists could break a rule.
    pub fn judges_reach(&self) -> bool {
        about_reach(self).next().is_some()
    }

    /// Whether a rule is about what is mounted: paths of the host, or volumes.
    pub fn judges_mounts(&self) -> bool {
        about_volumes(self).next().is_some()
    }

    /// Whether a rule is about files of the host that are mounted. A socket is no file that could be read or
    /// written so.
    pub fn judges_files(&self) -> bool {
        about_paths(self).chain(about_drivers(self)).next().is_some()
    }
}

/// The rules about paths of the host; a list of allowed ones is one.
pub(in crate::policy) fn about_paths(policy: &Policy) -> impl Iterator<Item = &str> {
    let forbidden = policy.mounts.iter().map(|rule| rule.as_str());
    forbidden.chain(policy.allowed_mounts.list().map(|_| MOUNTS))
}

/// The rules about what is mounted: without one about paths it may still be a way past SecDocker.
pub(super) fn about_mounts(policy: &Policy) -> impl Iterator<Item = &str> {
    about_paths(policy).chain(way_out_alone(policy))
}

/// The rules that a volume may break: those about paths, and about drivers.
pub(super) fn about_volumes(policy: &Policy) -> impl Iterator<Item = &str> {
    about_mounts(policy).chain(about_drivers(policy))
}

pub(super) fn about_drivers(policy: &Policy) -> impl Iterator<Item = &str> {
    let denied = policy.volumedrivers.iter().map(|rule| rule.as_str());
    denied.chain(policy.allowed_volumedrivers.as_ref().map(|_| any_path::DRIVERS))
}

/// The rules about what is looked for anew at a start: paths, devices, namespaces, networks.
pub(super) fn about_starts(policy: &Policy) -> impl Iterator<Item = &str> {
    let Policy { ports, namespaces, privileged, .. } = policy;
    let namespaces = namespaces.iter().map(|rule| rule.as_str());
    let privileged = (*privileged == PrivilegedRule::Forbid).then_some("privileged");
    let ports = ports.iter().map(|rule| rule.as_str());
    about_volumes(policy).chain(namespaces).chain(privileged).chain(ports)
}

/// Those of them that only say which devices.
pub(super) fn about_device_paths(policy: &Policy) -> impl Iterator<Item = &str> {
    policy.devices.iter().filter(|rule| rule.is_about_paths()).map(|rule| rule.as_str())
}

/// The rules about what a command within a container has by it.
pub(super) fn about_reach(policy: &Policy) -> impl Iterator<Item = &str> {
    about_privileges(policy).chain(about_starts(policy))
}

/// The rules that privileged mode may break.
pub(super) fn about_privileges(policy: &Policy) -> impl Iterator<Item = &str> {
    let Policy { privileged, security, capabilities, devices, .. } = policy;
    let privileged = (*privileged == PrivilegedRule::Forbid).then_some("privileged");
    let security = security.iter().map(|rule| rule.as_str());
    let capabilities = capabilities.iter().map(|rule| rule.as_str());
    let devices = devices.iter().map(|rule| rule.as_str());
    privileged.into_iter().chain(security).chain(capabilities).chain(devices)
}

/// The rules about images.
pub(in crate::policy) fn about_images(policy: &Policy) -> impl Iterator<Item = &str> {
    let denied = policy.images.iter().map(|rule| rule.as_str());
    denied.chain(policy.allowed_images.rule())
}

/// The rules about what a container is made of.
pub(in crate::policy) fn about_what_is_made(policy: &Policy) -> impl Iterator<Item = &str> {
    let Policy { users, groups, environment, .. } = policy;
    let users = users.iter().map(|rule| rule.as_str());
    let groups = groups.iter().map(|rule| rule.as_str());
    let environment = environment.iter().map(|rule| rule.shown());
    about_images(policy).chain(users).chain(groups).chain(environment)
}

/// What a message names as the rule.
pub(in crate::policy) const DAEMON_SOCKET: &str = "daemon socket";

/// The rule, where it is the only one about mounts: those about paths are broken by all that could
/// break it.
pub(in crate::policy) fn way_out_alone(policy: &Policy) -> Option<&'static str> {
    let is_only = about_paths(policy).next().is_none() && policy.restricts();
    is_only.then_some(DAEMON_SOCKET)
}
