//! What an entry of `clients` says, added to what the top level says. Lists are put together, also those of
//! what is allowed; a single value takes the place of the one above it.

use super::schema::{
    Builds, Endpoints, Exceptions, General, List, Lists, Names, Restrictions, Text,
};
use crate::policy::types::{EnvironmentEntry, SecurityOption};

/// A section, or a value in it, beside the same of the top level.
pub(super) trait Inherit {
    /// Both as one, the entry's first.
    fn added_to(&self, above: &Self) -> Self;
}

impl Inherit for Option<Text> {
    fn added_to(&self, above: &Self) -> Self {
        self.as_ref().or(above.as_ref()).cloned()
    }
}

impl Inherit for List {
    fn added_to(&self, above: &Self) -> Self {
        Self::of(self.iter().chain(above.iter()).cloned())
    }
}

impl Inherit for Lists {
    fn added_to(&self, above: &Self) -> Self {
        let Self { deny, allow, is_keyed } = self;
        Self {
            deny: deny.added_to(&above.deny),
            allow: both(allow, &above.allow),
            is_keyed: *is_keyed || above.is_keyed,
        }
    }
}

impl Inherit for Builds {
    fn added_to(&self, above: &Self) -> Self {
        let Self { mode, cgroup, is_keyed } = self;
        Self {
            mode: mode.added_to(&above.mode),
            cgroup: cgroup.added_to(&above.cgroup),
            is_keyed: *is_keyed || above.is_keyed,
        }
    }
}

impl Inherit for Names {
    fn added_to(&self, above: &Self) -> Self {
        Self::Several(List::of(self.texts().iter().chain(above.texts()).cloned()))
    }
}

impl Inherit for Exceptions {
    fn added_to(&self, above: &Self) -> Self {
        Self(self.0.iter().chain(&above.0).cloned().collect())
    }
}

/// One of two that may be absent, or both.
pub(super) fn both<T: Inherit + Clone>(own: &Option<T>, above: &Option<T>) -> Option<T> {
    match (own, above) {
        (Some(own), Some(above)) => Some(own.added_to(above)),
        (one, other) => one.clone().or_else(|| other.clone()),
    }
}

impl Inherit for Restrictions {
    fn added_to(&self, above: &Self) -> Self {
        Self {
            ports: self.ports.added_to(&above.ports),
            mounts: self.mounts.added_to(&above.mounts),
            users: self.users.added_to(&above.users),
            groups: self.groups.added_to(&above.groups),
            environment: self.environment.added_to(&above.environment),
            securitypolicies: self.securitypolicies.added_to(&above.securitypolicies),
            images: self.images.added_to(&above.images),
            privileged: self.privileged.added_to(&above.privileged),
            capabilities: self.capabilities.added_to(&above.capabilities),
            devices: self.devices.added_to(&above.devices),
            namespaces: self.namespaces.added_to(&above.namespaces),
            runtimes: self.runtimes.added_to(&above.runtimes),
            volumesfrom: self.volumesfrom.added_to(&above.volumesfrom),
            volumedrivers: self.volumedrivers.added_to(&above.volumedrivers),
            sysctls: self.sysctls.added_to(&above.sysctls),
            cgroupparent: self.cgroupparent.added_to(&above.cgroupparent),
            subnets: self.subnets.added_to(&above.subnets),
            builds: self.builds.added_to(&above.builds),
        }
    }
}

impl Inherit for General {
    fn added_to(&self, above: &Self) -> Self {
        let Self { secopts, capdrop, capadd, memory, cpu, environment, user } = self;
        Self {
            secopts: beside_own(secopts, &above.secopts, says_otherwise),
            capdrop: capdrop.added_to(&above.capdrop),
            capadd: capadd.added_to(&above.capadd),
            memory: memory.added_to(&above.memory),
            cpu: cpu.added_to(&above.cpu),
            environment: beside_own(environment, &above.environment, is_same_variable),
            user: user.added_to(&above.user),
        }
    }
}

/// What stays of the list above: whatever is set under a name takes the place of what is set there under the
/// same.
fn beside_own(own: &List, above: &List, replaces: impl Fn(&str, &str) -> bool) -> List {
    let is_replaced = |text: &&Text| own.iter().any(|one| replaces(one, text));
    List::of(own.iter().chain(above.iter().filter(|text| !is_replaced(text))).cloned())
}

/// Whether two variables have one name; what cannot be read has been refused where it stands.
fn is_same_variable(own: &str, above: &str) -> bool {
    let name = |text| EnvironmentEntry::parse(text).map(|entry| entry.name().to_owned());
    matches!((name(own), name(above)), (Ok(own), Ok(above)) if own == above)
}

/// Whether an option of the entry says otherwise what one above says. `label` stands once for each part
/// (`user`, `role`, `type`, `level`), of which `label=disable` leaves none.
fn says_otherwise(own: &str, above: &str) -> bool {
    const LABEL: &str = "label";
    const NO_LABEL: &str = "disable";
    let (Ok(own), Ok(above)) = (SecurityOption::parse(own), SecurityOption::parse(above)) else {
        return false;
    };
    let part = |option: &SecurityOption| {
        let value = option.value().unwrap_or_default();
        value.split_once(':').map_or(value, |(part, _)| part).to_owned()
    };
    let (own_part, part) = (part(&own), part(&above));
    own.name() == above.name()
        && (own.name() != LABEL
            || own_part == part
            || [own_part, part].iter().any(|it| it == NO_LABEL))
}

impl Inherit for Endpoints {
    fn added_to(&self, above: &Self) -> Self {
        let Self { default, preset, allow, deny } = self;
        Self {
            default: default.added_to(&above.default),
            preset: both(preset, &above.preset),
            allow: both(allow, &above.allow),
            deny: deny.added_to(&above.deny),
        }
    }
}
