//! What the firewall does with a field: the vocabulary of the tables' decisions.
//!
//! A stance names what a rule is asked about, so that a test can hold it against what the endpoint's
//! file really makes of the field, and `docs/COVERAGE.md` can be written from it.

use std::fmt;

use crate::policy::effects::{
    BuildEffect, Effect, ExistingEffect, IdentityEffect, ImageEffect, NetworkEffect, Opaque,
    PrivilegeEffect, ReadingEffect, RuntimeEffect,
};

/// What the firewall does with a field or a parameter. A new one needs a decision here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// It becomes effects of these kinds, which rules are about.
    Checked(&'static [Power]),
    /// `general` may change it.
    Forced(General),
    /// Both of these.
    CheckedAndForced(&'static [Power], General),
    /// Some values are refused whatever the rules: which, and why.
    Refused(&'static str),
    /// Holds other fields: see those.
    Inside,
    /// Moved to where newer daemons read it, or dropped where the daemon ignores it.
    Moved(&'static str),
    /// No rule is about it, nor about what it holds, because of this.
    Harmless(&'static str),
}

impl Stance {
    /// The kinds of effects that it becomes.
    #[must_use]
    pub fn powers(self) -> &'static [Power] {
        match self {
            Self::Checked(powers) | Self::CheckedAndForced(powers, _) => powers,
            _ => &[],
        }
    }

    /// The key of `general` that may change it.
    #[must_use]
    pub fn general(self) -> Option<General> {
        match self {
            Self::Forced(general) | Self::CheckedAndForced(_, general) => Some(general),
            _ => None,
        }
    }

    /// Whether it is a stance on all that the field holds too.
    #[must_use]
    pub fn covers(self) -> bool {
        matches!(self, Self::Refused(_) | Self::Moved(_) | Self::Harmless(_))
    }
}

macro_rules! powers {
    ($($name:ident: $words:literal, $rules:literal;)+) => {
        /// A kind of effect, as far as fields and endpoints differ in it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each stands for the effects of its name")]
        pub enum Power {
            $($name),+
        }

        impl Power {
            /// All of them, in the order in which a person looks for them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The keys of the configuration that are about it.
            #[must_use]
            pub fn rules(self) -> &'static str {
                match self {
                    $(Self::$name => $rules,)+
                }
            }
        }

        /// What it is called where people read of it.
        impl fmt::Display for Power {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $words,)+
                })
            }
        }
    };
}

powers! {
    Image: "uses or names an image", "restrictions.images";
    User: "runs as a user", "restrictions.users, groups";
    Group: "runs with a group", "restrictions.groups, users";
    Environment: "sets a variable", "restrictions.environment";
    HostPorts: "opens ports of the host", "restrictions.ports";
    HostPath: "reaches a path of the host", "restrictions.mounts";
    SecurityOption: "sets a security option", "restrictions.securitypolicies";
    Privileged: "is privileged", "restrictions.privileged";
    Capability: "adds a capability", "restrictions.capabilities";
    Device: "uses a device", "restrictions.devices";
    Namespace: "shares a namespace", "restrictions.namespaces, restrictions.ports";
    Runtime: "chooses a runtime", "restrictions.runtimes";
    VolumesFrom: "mounts what another has", "restrictions.volumesfrom";
    Sysctl: "sets a kernel parameter", "restrictions.sysctls";
    CgroupParent: "leaves the control group", "restrictions.cgroupparent";
    Annotation: "speaks to the runtime", "any restriction, any ceiling";
    Build: "builds an image", "restrictions.builds";
    Takeover: "hands the host over", "any restriction";
    CpuTime: "limits CPU time anew", "general.cpu";
    PreviousSpec: "returns to what was before", "any restriction, any ceiling";
    Version: "speaks an older version", "general.secopts, general.capdrop, general.capadd";
    Name: "gives a name", "any restriction";
    Subnet: "uses addresses of a subnet", "restrictions.subnets";
    Podman: "says what only Podman reads", "any restriction, any ceiling";
    Unknown: "says what is not known here", "strict";
}

impl Power {
    /// The kind of an effect: of most families all are of one. An effect without a kind breaks the build.
    #[must_use]
    pub fn of(effect: &Effect) -> Self {
        match effect {
            Effect::Image(ImageEffect::Platform(_)) => Self::User,
            Effect::Image(_) => Self::Image,
            Effect::Build(BuildEffect::Opaque(unseen)) => Self::of_unseen(unseen),
            Effect::Build(BuildEffect::By(_) | BuildEffect::Steps(_)) => Self::Build,
            Effect::Takeover(_) => Self::Takeover,
            Effect::Identity(IdentityEffect::Group(_)) => Self::Group,
            Effect::Identity(
                IdentityEffect::User(_)
                | IdentityEffect::ImageUser(_)
                | IdentityEffect::ContainerUser(_),
            ) => Self::User,
            Effect::Environment(_) => Self::Environment,
            Effect::Mount(_) => Self::HostPath,
            Effect::Existing(effect) => Self::of_existing(effect),
            Effect::Privilege(effect) => Self::of_privilege(effect),
            Effect::Namespace(_) => Self::Namespace,
            Effect::Network(effect) => Self::of_network(effect),
            Effect::Runtime(RuntimeEffect::Runtime(_)) => Self::Runtime,
            Effect::Runtime(RuntimeEffect::Sysctl(_)) => Self::Sysctl,
            Effect::Runtime(RuntimeEffect::CgroupParent(_)) => Self::CgroupParent,
            Effect::Runtime(RuntimeEffect::Annotation(_)) => Self::Annotation,
            Effect::Reading(ReadingEffect::ServiceVersion(_)) => Self::Version,
            Effect::Reading(ReadingEffect::Podmans(_)) => Self::Podman,
            Effect::Reading(ReadingEffect::Unknown(_)) => Self::Unknown,
        }
    }

    fn of_existing(effect: &ExistingEffect) -> Self {
        match effect {
            ExistingEffect::Started(_) | ExistingEffect::Archive(_) => Self::HostPath,
            ExistingEffect::ExecIn(_) => Self::Privileged,
            ExistingEffect::VolumesFrom(_) | ExistingEffect::Renamed { .. } => Self::VolumesFrom,
            ExistingEffect::Named { .. } => Self::Name,
            ExistingEffect::CpuQuota(_) => Self::CpuTime,
            ExistingEffect::PreviousSpec { .. } => Self::PreviousSpec,
        }
    }

    fn of_privilege(effect: &PrivilegeEffect) -> Self {
        match effect {
            PrivilegeEffect::Privileged => Self::Privileged,
            PrivilegeEffect::SecurityOption(_) | PrivilegeEffect::KernelSettings => {
                Self::SecurityOption
            }
            PrivilegeEffect::Capability(_) => Self::Capability,
            PrivilegeEffect::Device(_) | PrivilegeEffect::DeviceOnStart(_) => Self::Device,
        }
    }

    fn of_network(effect: &NetworkEffect) -> Self {
        match effect {
            NetworkEffect::HostPorts(_) => Self::HostPorts,
            NetworkEffect::Joined(_) | NetworkEffect::HostInterface(_) => Self::Namespace,
            NetworkEffect::HostBridge(_)
            | NetworkEffect::Subnet(..)
            | NetworkEffect::SubnetsOf(..)
            | NetworkEffect::SubnetDriver(_) => Self::Subnet,
        }
    }

    fn of_unseen(unseen: &Opaque) -> Self {
        match unseen {
            Opaque::User(_) => Self::User,
            Opaque::Variable => Self::Environment,
            Opaque::Image(_) => Self::Image,
            Opaque::Instructions(_) => Self::Build,
        }
    }
}

/// What `general` forces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each stands for the keys of its name")]
pub enum General {
    Memory,
    Cpu,
    User,
    Environment,
    SecurityOptions,
    Capabilities,
}

impl fmt::Display for General {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "general.memory",
            Self::Cpu => "general.cpu",
            Self::User => "general.user",
            Self::Environment => "general.environment",
            Self::SecurityOptions => "general.secopts",
            Self::Capabilities => "general.capdrop, general.capadd",
        })
    }
}
