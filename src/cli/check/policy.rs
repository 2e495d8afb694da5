//! What may be called, what is forbidden and what is forced, in plain words.

use std::fmt::{self, Write};
use std::thread;

use super::exceptions;
use crate::docker::operations;
use crate::lookup;
use crate::policy::Policy;
use crate::policy::ceilings::{Ceilings, OWNER_LABEL};
use crate::policy::endpoints::{EndpointRules, Otherwise};
use crate::policy::shown::Configured;
use crate::policy::types::NanoCpus;

/// What holds for one client, or for all.
pub(super) fn describe_policy(out: &mut String, policy: &Policy) -> fmt::Result {
    describe_endpoints(out, &policy.endpoints)?;
    let before = out.len();
    policy.describe(out)?;
    if out.len() == before {
        writeln!(out, "Nothing is forbidden.")?;
    }
    writeln!(out)?;
    exceptions::describe(out, policy, exceptions::Days::at(lookup::days_since_epoch()))?;
    describe_ceilings(out, &policy.ceilings)
}

fn describe_endpoints(out: &mut String, rules: &EndpointRules) -> fmt::Result {
    let EndpointRules { otherwise, allow, deny } = rules;
    let unknown = |entry| match operations::is_known(entry) {
        true => "",
        false => ", though Docker has none like it",
    };
    for entry in deny {
        writeln!(
            out,
            "Endpoint {} may not be called{}.",
            Configured(entry.as_str()),
            unknown(entry)
        )?;
    }
    for entry in allow {
        let aside = match operations::reaches_input(entry) && !entry.as_str().ends_with("/ws") {
            true => ", also to write to a container's standard input",
            false => unknown(entry),
        };
        writeln!(out, "Endpoint {} may be called{aside}.", Configured(entry.as_str()))?;
    }
    match otherwise {
        Otherwise::Deny => writeln!(out, "No other endpoint may be called.\n"),
        Otherwise::Allow if deny.is_empty() => Ok(()),
        Otherwise::Allow => writeln!(out, "Every other endpoint may be called.\n"),
    }
}

fn describe_ceilings(out: &mut String, ceilings: &Ceilings) -> fmt::Result {
    let Ceilings { memory, cpu, user, environment, secopts, capdrop, capadd, owner } = ceilings;
    let before = out.len();
    if let Some(memory) = memory {
        writeln!(out, "Memory is at most {memory}, also if nothing was asked for.")?;
    }
    if let Some(cpu) = cpu {
        writeln!(out, "CPUs are at most {cpu}, also if nothing was asked for.")?;
        warn_of_cpus(out, *cpu)?;
    }
    if let Some(user) = user {
        writeln!(out, "Whatever was asked for, it runs as user {}.", Configured(user.as_str()))?;
    }
    for entry in environment {
        match entry.value() {
            Some(value) => {
                writeln!(
                    out,
                    "Variable {} is set to {}.",
                    Configured(entry.name()),
                    Configured(value)
                )?;
            }
            None => writeln!(out, "Variable {} is removed.", Configured(entry.name()))?,
        }
    }
    for option in secopts {
        writeln!(out, "Security option `{option}` is added.")?;
    }
    for capability in capdrop {
        writeln!(out, "Capability `{capability}` is dropped.")?;
    }
    for capability in capadd {
        writeln!(out, "Capability `{capability}` is added.")?;
    }
    if let Some(owner) = owner {
        let label = format!("{OWNER_LABEL}={owner}");
        writeln!(
            out,
            "Containers get the label {}, by which they are counted.",
            Configured(&label)
        )?;
    }
    if out.len() == before {
        writeln!(out, "Nothing is forced.")?;
    }
    writeln!(out)
}

/// A daemon refuses every request for more CPUs than its host has; this may be that host.
fn warn_of_cpus(out: &mut String, ceiling: NanoCpus) -> fmt::Result {
    let here = thread::available_parallelism().map_or(i64::MAX, |count| {
        i64::try_from(count.get()).unwrap_or(i64::MAX).saturating_mul(NanoCpus::PER_CPU)
    });
    if ceiling.get() > here {
        let count = here / NanoCpus::PER_CPU;
        writeln!(out, "Warning: this host has {count} CPUs, and a daemon refuses to give more.")?;
    }
    Ok(())
}
