//! What a request would bring about: the vocabulary of every rule.
//!
//! A rule names an effect, not a field: the engine translates every endpoint, field and spelling
//! into these, and no rule ever sees where a request came from except to tell the person.
//!
//! Effects come in families, one file each; most rules are about one of them.

mod builds;
mod environment;
mod existing;
mod field_path;
mod identity;
mod images;
mod mounts;
mod namespaces;
mod networks;
mod privileges;
mod reading;
mod runtime;
mod takeover;

use std::fmt;

pub use builds::{BuildEffect, Builder, Opaque, Steps};
pub use environment::EnvironmentEffect;
pub use existing::ExistingEffect;
pub use field_path::FieldPath;
pub use identity::IdentityEffect;
pub use images::{Holder, ImageEffect, ImageNames, MadeOf};
pub use mounts::{AnyPath, MountEffect};
pub use namespaces::{Namespace, NamespaceEffect, NamespaceKind, SharedWith};
pub use networks::NetworkEffect;
pub use privileges::{Device, PrivilegeEffect};
pub use reading::ReadingEffect;
pub use runtime::RuntimeEffect;
pub use takeover::{Takeover, TakeoverEffect};

/// The families, each of which makes an effect of a member, and is shown as that member: which family it is of,
/// its name says.
macro_rules! families {
    ($($(#[$doc:meta])+ $family:ident($member:ident),)+) => {
        /// One thing that a request would bring about.
        ///
        /// A new family, or a new member of one, breaks every `match` that must decide on it, so that no rule
        /// can miss a new power.
        #[derive(Clone, PartialEq, Eq)]
        pub enum Effect {
            $($(#[$doc])+ $family($member),)+
        }

        $(impl From<$member> for Effect {
            fn from(effect: $member) -> Self {
                Self::$family(effect)
            }
        })+

        impl fmt::Debug for Effect {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$family(effect) => effect.fmt(f),)+
                }
            }
        }
    };
}

families! {
    /// Uses images, or changes what their names stand for.
    Image(ImageEffect),
    /// Builds an image.
    Build(BuildEffect),
    /// Hands the host to someone whom no rule reaches.
    Takeover(TakeoverEffect),
    /// Says as whom something runs.
    Identity(IdentityEffect),
    /// Sets variables.
    Environment(EnvironmentEffect),
    /// Makes files of the host, or of other machines, reachable.
    Mount(MountEffect),
    /// Reaches or changes what exists.
    Existing(ExistingEffect),
    /// Gives a container what root of the host has.
    Privilege(PrivilegeEffect),
    /// Shares a namespace.
    Namespace(NamespaceEffect),
    /// Uses ports, networks or addresses.
    Network(NetworkEffect),
    /// Tells the OCI runtime how to run a container.
    Runtime(RuntimeEffect),
    /// Can be read in several ways, or in none that is known.
    Reading(ReadingEffect),
}

// A body asks for as many effects as it has values.
const _: () = assert!(size_of::<Effect>() <= 72);

impl Namespace {
    /// What it is to share it: the processes of the host give its files too, by `/proc/PID/root`.
    pub fn effects(&self) -> impl Iterator<Item = Effect> + use<> {
        let is_host_pid = self.kind == NamespaceKind::Pid && self.with == SharedWith::Host;
        let files = is_host_pid.then_some(MountEffect::AnyPath(AnyPath::HostProcesses).into());
        [NamespaceEffect::Shared(self.clone()).into()].into_iter().chain(files)
    }
}

/// An effect and where it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedEffect {
    /// What would happen.
    pub effect: Effect,
    /// Where the request says so.
    pub at: FieldPath,
}
