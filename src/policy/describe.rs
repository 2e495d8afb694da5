//! The rules in plain words, a sentence for each, as each says it.

use std::fmt::{self, Write};

use crate::policy::rule_set::Policy;
use crate::policy::rules::names::{NameRule, VolumeDriver};
use crate::policy::rules::{groups, ports};
use crate::policy::shown::describe_list;

/// Adds the sentence of each rule of a list.
macro_rules! each {
    ($out:expr, $rules:expr) => {
        $rules.iter().try_for_each(|rule| rule.describe($out))?
    };
}

/// A rule that is new breaks the build here: it is said below.
const _: fn(&Policy) = |policy| {
    let Policy {
        ports: _,
        mounts: _,
        users: _,
        groups: _,
        environment: _,
        security: _,
        images: _,
        privileged: _,
        capabilities: _,
        devices: _,
        namespaces: _,
        runtimes: _,
        volumesfrom: _,
        volumedrivers: _,
        allowed_volumedrivers: _,
        sysctls: _,
        cgroupparent: _,
        allowed_images: _,
        allowed_mounts: _,
        allowed_shares: _,
        way_out: _,
        subnets: _,
        allowed_subnets: _,
        builds: _,
        build_group: _,
        endpoints: _, // They are about requests, and are said before.
        strict: _,
        ceilings: _,   // What is forced is said behind what is forbidden.
        exceptions: _, // They are said behind the rules that they lift.
    } = policy;
};

impl Policy {
    /// Says of each rule what it forbids; nothing if there is none.
    ///
    /// # Errors
    /// None: a `String` takes what is written.
    pub fn describe(&self, out: &mut String) -> fmt::Result {
        ports::describe(&self.ports, out)?;
        each!(out, self.mounts);
        self.allowed_mounts.describe(out)?;
        each!(out, self.allowed_shares);
        each!(out, self.users);
        groups::describe(&self.groups, out)?;
        each!(out, self.environment);
        each!(out, self.security);
        each!(out, self.images);
        self.allowed_images.describe(out)?;
        self.privileged.describe(out)?;
        each!(out, self.capabilities);
        each!(out, self.devices);
        each!(out, self.namespaces);
        each!(out, self.runtimes);
        each!(out, self.volumesfrom);
        describe_drivers(&self.volumedrivers, self.allowed_volumedrivers.as_deref(), out)?;
        each!(out, self.sysctls);
        each!(out, self.cgroupparent);
        if self.restricts() {
            self.way_out.describe(&self.allowed_mounts, out)?;
        }
        each!(out, self.subnets);
        self.allowed_subnets.describe(out)?;
        self.builds.describe(out)?;
        self.build_group.iter().try_for_each(|group| group.describe(&self.ceilings, out))?;
        self.strict.describe(out)
    }
}

fn describe_drivers(
    forbidden: &[NameRule<VolumeDriver>],
    allowed: Option<&[NameRule<VolumeDriver>]>,
    out: &mut String,
) -> fmt::Result {
    each!(out, forbidden);
    let Some(drivers) = allowed else { return Ok(()) };
    writeln!(
        out,
        "Beside the daemon's own only these volume drivers may be used, and mount what they like:"
    )?;
    describe_list(out, drivers.iter().map(NameRule::as_str))
}
