//! Exceptions in plain words, and what is to be said against them.

use std::fmt::{self, Write};

use crate::policy::Policy;
use crate::policy::day::Day;
use crate::policy::exceptions::Exception;
use crate::policy::shown::Configured;

/// Days before its end from which an exception is warned of.
const SOON_DAYS: u64 = 14;

/// What day it is, and what day it will be when an end is no longer soon.
#[derive(Debug, Clone, Copy)]
pub(super) struct Days {
    pub(super) today: Day,
    pub(super) soon: Day,
}

impl Days {
    /// So many days after 1970-01-01 it is today.
    pub(super) fn at(since_epoch: u64) -> Self {
        let soon = Day::since_epoch(since_epoch.saturating_add(SOON_DAYS));
        Self { today: Day::since_epoch(since_epoch), soon }
    }
}

/// Says of each what it lets pass.
pub(super) fn describe(out: &mut String, policy: &Policy, days: Days) -> fmt::Result {
    for (index, exception) in policy.exceptions.iter().enumerate() {
        describe_one(out, exception)?;
        warn(out, (policy, index), exception, days)?;
    }
    if policy.exceptions.is_empty() { Ok(()) } else { writeln!(out) }
}

fn describe_one(out: &mut String, exception: &Exception) -> fmt::Result {
    let Exception { image, lifts, reason, until } = exception;
    let image = Configured(image.as_str());
    write!(out, "Containers of image {image} are excepted from what is forbidden of:")?;
    for (position, what) in lifts.words().enumerate() {
        let comma = if position == 0 { " " } else { ", " };
        write!(out, "{comma}{}", what.escape_debug())?;
    }
    if let Some(until) = until {
        write!(out, "; until {until}")?;
    }
    writeln!(out, ". Reason: {}.", Configured(reason))
}

fn warn(
    out: &mut String,
    (policy, index): (&Policy, usize),
    exception: &Exception,
    Days { today, soon }: Days,
) -> fmt::Result {
    let Exception { image, until, lifts, .. } = exception;
    if !image.is_by_digest() {
        writeln!(
            out,
            "Warning: {} says no digest, so anyone who may push to that repository may do this here.",
            Configured(image.as_str())
        )?;
    }
    if !image.is_by_digest() && !image.has_host() {
        writeln!(
            out,
            "Warning: {} names no registry: it is Docker Hub's, where anybody may have a repository.",
            Configured(image.as_str())
        )?;
    }
    match until {
        Some(until) if *until < today => {
            writeln!(out, "Warning: it has run out, and is not in force.")?;
        }
        Some(until) if *until <= soon => writeln!(out, "Warning: it will run out soon.")?,
        Some(_) | None => {}
    }
    for what in exception.idle(policy) {
        writeln!(out, "Warning: no rule forbids {}, so nothing is lifted.", what.escape_debug())?;
    }
    let same = |other: &&Exception| other.image == *image && other.until.is_none();
    if policy.exceptions.iter().take(index).any(|other| same(&other)) {
        writeln!(out, "Warning: an exception above is for the same image, and counts instead.")?;
    }
    if lifts.hands_over_daemon() {
        writeln!(
            out,
            "Warning: anyone who may run it with the daemon's socket controls the daemon past SecDocker, \
             and so this host."
        )?;
    }
    Ok(())
}
