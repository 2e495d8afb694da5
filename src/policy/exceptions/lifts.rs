//! The values that an exception lifts, each compared more narrowly than a rule compares: exactly it is
//! lifted, and nothing around it.

mod examples;

use crate::policy::ceilings::Ceilings;
use crate::policy::effects::{
    AnyPath, Device, Effect, IdentityEffect, MountEffect, Namespace, NamespaceEffect,
    NamespaceKind, NetworkEffect, PrivilegeEffect, RequestedEffect, RuntimeEffect, SharedWith,
};
use crate::policy::facts::{Facts, ImageFacts};
use crate::policy::judge::combined;
use crate::policy::known::image_of;
use crate::policy::rules::allowed::AllowedMounts;
use crate::policy::rules::devices::GPU_WORDS;
use crate::policy::rules::names::{CgroupParent, NameRule, Runtime, Sysctl, VolumeDriver};
use crate::policy::rules::namespaces::LiftedNamespace;
use crate::policy::rules::principals::{GroupSpec, Principal};
use crate::policy::rules::runtimes;
use crate::policy::rules::shares::ShareRule;
use crate::policy::types::{Capability, HostPath, PortRange, SecurityOption, UserSpec, ValueError};
use crate::policy::violations::{Findings, Violations};

/// What an exception lifts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lifts {
    /// Privileged mode, and so every capability, device and security option.
    pub privileged: bool,
    /// Capabilities; `ALL` is every one.
    pub capabilities: Vec<Capability>,
    /// Devices, by path, by a rule with numbers, or by what a driver calls them.
    pub devices: Vec<String>,
    /// Paths of the host, as `mounts: allow` reads them.
    pub paths: Option<AllowedMounts>,
    /// The paths as they were configured.
    pub path_texts: Vec<String>,
    /// Shares of other machines.
    pub shares: Vec<ShareRule>,
    /// Namespaces.
    pub namespaces: Vec<LiftedNamespace>,
    /// Users.
    pub users: Vec<UserSpec>,
    /// Groups.
    pub groups: Vec<GroupSpec>,
    /// Ports of the host.
    pub ports: Vec<PortRange>,
    /// Security options; one without a value is meant with any.
    pub security: Vec<SecurityOption>,
    /// Kernel parameters.
    pub sysctls: Vec<NameRule<Sysctl>>,
    /// OCI runtimes.
    pub runtimes: Vec<NameRule<Runtime>>,
    /// Control groups.
    pub cgroupparent: Vec<NameRule<CgroupParent>>,
    /// Volume drivers.
    pub volumedrivers: Vec<NameRule<VolumeDriver>>,
}

impl Lifts {
    /// Whether nothing is lifted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an effect is lifted, whichever rule forbids it.
    pub(in crate::policy) fn lift(
        &self,
        asked: &RequestedEffect,
        effects: &[RequestedEffect],
        facts: &Facts,
    ) -> bool {
        match &asked.effect {
            Effect::Identity(effect) => self.lifts_identity(effect, effects, facts),
            Effect::Mount(effect) => self.lifts_mount(effect, asked, facts),
            Effect::Privilege(effect) => self.lifts_privilege(effect),
            Effect::Namespace(NamespaceEffect::Shared(Namespace { kind, with })) => {
                self.lifts_namespace(*kind, with)
            }
            Effect::Network(NetworkEffect::Joined(_)) => {
                self.lifts_namespace(NamespaceKind::Network, &SharedWith::Host)
            }
            Effect::Network(NetworkEffect::HostPorts(ports)) => {
                self.ports.iter().any(|lifted| lifted.contains(ports))
            }
            Effect::Runtime(effect) => self.lifts_runtime(effect, facts),
            Effect::Image(_)
            | Effect::Build(_)
            | Effect::Takeover(_)
            | Effect::Environment(_)
            | Effect::Existing(_)
            | Effect::Namespace(NamespaceEffect::OnStart(_))
            | Effect::Network(_)
            | Effect::Reading(_) => false,
        }
    }

    fn lifts_identity(
        &self,
        effect: &IdentityEffect,
        effects: &[RequestedEffect],
        facts: &Facts,
    ) -> bool {
        match effect {
            IdentityEffect::User(user) => self.lifts_user(user),
            IdentityEffect::Group(group) => self.lifts_group(group.principal()),
            IdentityEffect::ImageUser(_) => {
                let content = image_of(effects).and_then(|image| facts.image(image));
                let user = match content {
                    Some(ImageFacts::Present { user: Some(user), .. }) => Ok(user.clone()),
                    Some(ImageFacts::Present { user: None, .. }) => UserSpec::parse("root"),
                    Some(ImageFacts::Absent) | None => return false,
                };
                user.is_ok_and(|user| self.lifts_user(&user))
            }
            IdentityEffect::ContainerUser(_) => false,
        }
    }

    fn lifts_mount(&self, effect: &MountEffect, asked: &RequestedEffect, facts: &Facts) -> bool {
        match effect {
            // A device is a path too.
            MountEffect::HostPath(path) | MountEffect::HostPathOnStart(path) => {
                self.lifts_device_path(path) || self.lifts_path(asked, path, facts)
            }
            MountEffect::AnyPath(AnyPath::HostProcesses) => {
                self.lifts_namespace(NamespaceKind::Pid, &SharedWith::Host)
            }
            MountEffect::AnyPath(AnyPath::Devices(text)) => self.lifts_opaque(text),
            MountEffect::AnyPath(AnyPath::VolumeDriver(name)) => {
                self.volumedrivers.iter().any(|lifted| lifted.is_like(name))
            }
            MountEffect::FileServer(share) => self.shares.iter().any(|it| it.allows(share)),
            MountEffect::AnyPath(_) | MountEffect::Volume(_) | MountEffect::VolumeOnStart(_) => {
                false
            }
        }
    }

    /// Privileged mode is all of them.
    fn lifts_privilege(&self, effect: &PrivilegeEffect) -> bool {
        let is_named = match effect {
            PrivilegeEffect::Privileged => false,
            PrivilegeEffect::KernelSettings => self.lifts_option("systempaths", None),
            PrivilegeEffect::Capability(asked) => {
                self.capabilities.iter().any(|lifted| lifted == asked || lifted.is_all())
            }
            PrivilegeEffect::SecurityOption(option) => {
                self.lifts_option(option.name(), option.value())
            }
            PrivilegeEffect::Device(device) => self.lifts_device(device),
            PrivilegeEffect::DeviceOnStart(path) => self.lifts_device_path(path),
        };
        self.privileged || is_named
    }

    fn lifts_runtime(&self, effect: &RuntimeEffect, facts: &Facts) -> bool {
        match effect {
            RuntimeEffect::Runtime(name) => runtimes::are_lifted(&self.runtimes, name, facts),
            RuntimeEffect::Sysctl(name) => self.sysctls.iter().any(|it| it.is_like(name)),
            RuntimeEffect::CgroupParent(path) => {
                self.cgroupparent.iter().any(|lifted| lifted.is_like(path))
            }
            RuntimeEffect::Annotation(_) => false,
        }
    }

    fn lifts_option(&self, name: &str, value: Option<&str>) -> bool {
        let is_it = |lifted: &SecurityOption| {
            lifted.name() == name && (lifted.value().is_none() || lifted.value() == value)
        };
        self.security.iter().any(is_it)
    }

    fn lifts_device(&self, device: &Device) -> bool {
        match device {
            Device::Path(path) => self.lifts_device_path(path),
            Device::CgroupRule(rule) => self.devices.iter().any(|lifted| lifted == rule),
            Device::Request(name) => self.lifts_request(name),
            Device::Cdi(name) => self.devices.iter().any(|lifted| lifted == name),
            Device::Opaque(text) => self.lifts_opaque(text),
        }
    }

    /// `gpu` stands for every word of the vendors' drivers.
    fn lifts_request(&self, name: &str) -> bool {
        let is_of_gpus = GPU_WORDS.contains(&name);
        self.devices.iter().any(|lifted| {
            lifted.eq_ignore_ascii_case(name) || is_of_gpus && lifted.eq_ignore_ascii_case("gpu")
        })
    }

    /// A request is lifted with all that it names.
    fn lifts_opaque(&self, text: &str) -> bool {
        let names = text.split(',');
        !text.is_empty() && names.into_iter().all(|name| self.devices.iter().any(|it| it == name))
    }

    fn lifts_device_path(&self, path: &HostPath) -> bool {
        let is_it = |lifted: &String| HostPath::parse(lifted).is_ok_and(|lifted| lifted == *path);
        self.devices.iter().any(is_it)
    }

    /// As written and where it leads, as a list of allowed paths has it.
    fn lifts_path(&self, asked: &RequestedEffect, path: &HostPath, facts: &Facts) -> bool {
        let Some(paths) = &self.paths else { return false };
        let mut violations = Violations::default();
        paths.check(path, facts, &mut Findings::new(&mut violations, &asked.at));
        violations.is_empty()
    }

    fn lifts_namespace(&self, kind: NamespaceKind, with: &SharedWith) -> bool {
        self.namespaces.iter().any(|lifted| lifted.is(kind, with))
    }

    fn lifts_user(&self, user: &UserSpec) -> bool {
        let is_group = |lifted: &UserSpec| match user.group() {
            None => true,
            Some(group) => {
                let is_own = lifted.is_root() && group.is_root();
                is_own || lifted.group() == Some(group) || self.lifts_group(group)
            }
        };
        let is_user = |lifted: &UserSpec| {
            lifted.principal() == user.principal() || lifted.is_root() && user.is_root()
        };
        self.users.iter().any(|lifted| is_user(lifted) && is_group(lifted))
    }

    fn lifts_group(&self, group: &Principal) -> bool {
        let is_it = |lifted: &Principal| lifted == group || lifted.is_root() && group.is_root();
        self.groups.iter().any(|lifted| is_it(lifted.principal()))
    }

    /// What is forced under the exception: nothing that would take away what is lifted.
    pub(super) fn ceilings(&self, ceilings: &Ceilings) -> Ceilings {
        let mut own = ceilings.clone();
        if !self.users.is_empty() {
            own.user = None;
        }
        own.secopts.retain(|forced| !self.security.iter().any(|it| it.name() == forced.name()));
        if self.capabilities.is_empty() {
            return own;
        }
        let is_lifted =
            |name: &Capability| self.capabilities.iter().any(|it| it == name || it.is_all());
        if own.capdrop.iter().any(Capability::is_all) {
            // All but these: what is added and dropped both would be dropped.
            let all = combined::capability_names().filter_map(|name| Capability::parse(name).ok());
            own.capdrop = all.filter(|name| !name.is_all()).collect();
        }
        own.capdrop.retain(|name| !is_lifted(name));
        own
    }

    /// Each value in words.
    pub fn words(&self) -> impl Iterator<Item = String> {
        self.examples().map(|(what, _)| what)
    }

    /// Whether a path is lifted by which the daemon is spoken to.
    pub fn hands_over_daemon(&self) -> bool {
        self.path_texts.iter().any(|text| {
            let name = text.trim_end_matches("/**").rsplit('/').next().unwrap_or_default();
            name.ends_with(".sock") || matches!(name, "run" | "docker" | "containerd" | "")
        })
    }

    /// Reads a device: a path, a rule with numbers, or a name.
    ///
    /// # Errors
    /// [`ValueError::Name`] for an empty text, and for `*`: each device is named.
    pub fn parse_device(text: &str) -> Result<String, ValueError> {
        match text {
            "" | "*" => Err(ValueError::Name(text.to_owned())),
            _ if text.starts_with('/') => {
                HostPath::parse(text).map(|path| path.as_str().to_owned())
            }
            _ => Ok(text.to_owned()),
        }
    }
}
