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

impl Policy {
    /// Says of each rule what it forbids; nothing if there is none. A rule that is new breaks the build here.
    ///
    /// # Errors
    /// None: a `String` takes what is written.
    pub fn describe(&self, out: &mut String) -> fmt::Result {
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
            allowed_shares,
            way_out,
            subnets,
            allowed_subnets,
            builds,
            build_group,
            endpoints: _, // They are about requests, and are said before.
            strict,
            ceilings,
            exceptions: _, // They are said behind the rules that they lift.
        } = self;
        ports::describe(ports, out)?;
        each!(out, mounts);
        allowed_mounts.describe(out)?;
        each!(out, allowed_shares);
        each!(out, users);
        groups::describe(groups, out)?;
        each!(out, environment);
        each!(out, security);
        each!(out, images);
        allowed_images.describe(out)?;
        privileged.describe(out)?;
        each!(out, capabilities);
        each!(out, devices);
        each!(out, namespaces);
        each!(out, runtimes);
        each!(out, volumesfrom);
        describe_drivers(volumedrivers, allowed_volumedrivers.as_deref(), out)?;
        each!(out, sysctls);
        each!(out, cgroupparent);
        if self.restricts() {
            way_out.describe(allowed_mounts, out)?;
        }
        each!(out, subnets);
        allowed_subnets.describe(out)?;
        builds.describe(out)?;
        build_group.iter().try_for_each(|group| group.describe(ceilings, out))?;
        strict.describe(out)
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
