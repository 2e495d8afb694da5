//! All rules together.

use crate::policy::ceilings::Ceilings;
use crate::policy::effects::NamespaceKind;
use crate::policy::endpoints::EndpointRules;
use crate::policy::exceptions::Exception;
use crate::policy::facts::Facts;
use crate::policy::judge::way_out::WayOut;
use crate::policy::rules::allowed::{AllowedImages, AllowedMounts};
use crate::policy::rules::build_steps::BuildGroup;
use crate::policy::rules::builds::BuildRule;
use crate::policy::rules::capabilities::CapabilityRule;
use crate::policy::rules::devices::DeviceRule;
use crate::policy::rules::environment::EnvironmentRule;
use crate::policy::rules::groups::GroupRule;
use crate::policy::rules::images::{ForbiddenImage, ImageRule};
use crate::policy::rules::mounts::MountRule;
use crate::policy::rules::names::{
    CgroupParent, NameRule, Runtime, Sysctl, VolumeDriver, VolumesFrom,
};
use crate::policy::rules::namespaces::NamespaceRule;
use crate::policy::rules::ports::PortRule;
use crate::policy::rules::privileged::PrivilegedRule;
use crate::policy::rules::security::SecurityRule;
use crate::policy::rules::shares::ShareRule;
use crate::policy::rules::strict::StrictRule;
use crate::policy::rules::subnets::{AllowedSubnets, SubnetRule};
use crate::policy::rules::users::UserRule;

/// All rules and ceilings of one configuration.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Host ports that nobody may publish.
    pub ports: Vec<PortRule>,
    /// Host paths that nobody may mount.
    pub mounts: Vec<MountRule>,
    /// Users that nothing may run as.
    pub users: Vec<UserRule>,
    /// Groups that nothing may run with.
    pub groups: Vec<GroupRule>,
    /// Variables that nobody may set.
    pub environment: Vec<EnvironmentRule>,
    /// Security options that nobody may ask for.
    pub security: Vec<SecurityRule>,
    /// Images that nobody may use.
    pub images: Vec<ImageRule>,
    /// Whether privileged mode is forbidden.
    pub privileged: PrivilegedRule,
    /// Capabilities that nobody may add.
    pub capabilities: Vec<CapabilityRule>,
    /// Devices that nobody may use.
    pub devices: Vec<DeviceRule>,
    /// Namespaces that nobody may share.
    pub namespaces: Vec<NamespaceRule>,
    /// Runtimes that nobody may choose.
    pub runtimes: Vec<NameRule<Runtime>>,
    /// Containers whose mounts nobody may take over.
    pub volumesfrom: Vec<NameRule<VolumesFrom>>,
    /// Volume drivers that nobody may use.
    pub volumedrivers: Vec<NameRule<VolumeDriver>>,
    /// The volume drivers that may be used, if not all; what they mount is no path that rules are about.
    pub allowed_volumedrivers: Option<Vec<NameRule<VolumeDriver>>>,
    /// Kernel parameters that nobody may set.
    pub sysctls: Vec<NameRule<Sysctl>>,
    /// Control groups that nothing may run below.
    pub cgroupparent: Vec<NameRule<CgroupParent>>,
    /// The images that may be used, if not all.
    pub allowed_images: AllowedImages,
    /// The host paths that may be mounted, if not all.
    pub allowed_mounts: AllowedMounts,
    /// Shares of other machines that may be mounted, though rules about paths forbid it.
    pub allowed_shares: Vec<ShareRule>,
    /// What may not be mounted under any restriction.
    pub way_out: WayOut,
    /// Subnets that no network may have.
    pub subnets: Vec<SubnetRule>,
    /// The subnets that networks may have, if not all.
    pub allowed_subnets: AllowedSubnets,
    /// What is done about building images.
    pub builds: BuildRule,
    /// The control group in which steps of builds run, under the ceilings.
    pub build_group: Option<BuildGroup>,
    /// Which endpoints may be called: asked before anything of a request is read.
    pub endpoints: EndpointRules,
    /// Whether fields and parameters may be there that nobody has decided about.
    pub strict: StrictRule,
    /// What is forced on what is allowed.
    pub ceilings: Ceilings,
    /// What containers of some images may do all the same; the first that holds counts.
    pub exceptions: Vec<Exception>,
}

impl Policy {
    /// Forbids and forces nothing.
    pub fn permissive() -> Self {
        Self::default()
    }

    /// Whether `restrictions` forbids anything at all.
    #[must_use]
    pub fn restricts(&self) -> bool {
        self.builds == BuildRule::Forbid || self.configured().next().is_some()
    }

    /// The keys of `restrictions` that hold a rule about what runs. One that is not taken out of
    /// the policy here breaks the build.
    pub(super) fn configured(&self) -> impl Iterator<Item = &'static str> {
        let Self {
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
            subnets,
            allowed_subnets,
            allowed_shares: _, // They are allowed besides what no rule forbids.
            way_out: _,        // It is there as soon as anything is forbidden.
            builds: _,         // To build is no power over the host, and a service builds nothing.
            build_group: _,    // It is for what is forced.
            endpoints: _,      // They are about requests, not about what runs.
            strict: _,         // It is about what can be said, not about what runs.
            ceilings: _,       // They force, and forbid nothing.
            exceptions: _,     // They lift what rules forbid.
        } = self;
        let is_configured = [
            ("ports", !ports.is_empty()),
            ("mounts", !mounts.is_empty() || allowed_mounts.list().is_some()),
            ("users", !users.is_empty()),
            ("groups", !groups.is_empty()),
            ("environment", !environment.is_empty()),
            ("securitypolicies", !security.is_empty()),
            ("images", !images.is_empty() || allowed_images.list().is_some()),
            ("privileged", *privileged == PrivilegedRule::Forbid),
            ("capabilities", !capabilities.is_empty()),
            ("devices", !devices.is_empty()),
            ("namespaces", !namespaces.is_empty()),
            ("runtimes", !runtimes.is_empty()),
            ("volumesfrom", !volumesfrom.is_empty()),
            ("volumedrivers", !volumedrivers.is_empty() || allowed_volumedrivers.is_some()),
            ("sysctls", !sysctls.is_empty()),
            ("cgroupparent", !cgroupparent.is_empty()),
            ("subnets", !subnets.is_empty() || allowed_subnets.list().is_some()),
        ];
        is_configured.into_iter().filter(|(_, is_configured)| *is_configured).map(|(key, _)| key)
    }

    /// The images that are known to have, or to have had, a forbidden name.
    pub fn forbidden_images<'a>(
        &self,
        facts: &'a Facts,
    ) -> impl Iterator<Item = ForbiddenImage<'a>> {
        let forbids = |name| self.images.iter().any(|rule| rule.forbids(name));
        facts.images_by_id().filter_map(move |(id, names)| {
            let is_forbidden = names.iter().chain(facts.former_names(id)).any(forbids);
            is_forbidden.then_some(ForbiddenImage { id, names })
        })
    }

    /// Where images are listed that may be used: those of the daemon's, with all their names, of which the
    /// list has none.
    pub fn unlisted_images<'a>(
        &self,
        facts: &'a Facts,
    ) -> impl Iterator<Item = ForbiddenImage<'a>> {
        let list = self.allowed_images.list();
        facts.images_by_id().filter_map(move |(id, names)| {
            let is_unlisted = !list?.iter().any(|rule| names.iter().any(|name| rule.covers(name)));
            is_unlisted.then_some(ForbiddenImage { id, names })
        })
    }

    /// Whether every container must have control groups of its own: left out, they may be the
    /// host's.
    pub fn separates_control_groups(&self) -> bool {
        self.namespaces.iter().any(|rule| rule.forbids_host(NamespaceKind::Cgroup))
    }

    /// Whether anything is forbidden or forced that control of the host would allow.
    pub fn can_be_taken_over(&self) -> bool {
        self.first_section().is_some()
    }

    /// The first section of the configuration that forbids or forces anything.
    pub(super) fn first_section(&self) -> Option<&'static str> {
        match (self.configured().next(), self.ceilings != Ceilings::default()) {
            (Some(_), _) => Some("restrictions"),
            (None, true) => Some("general"),
            (None, false) => None,
        }
    }
}
