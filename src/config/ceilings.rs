//! The section `general`: what is forced on what is allowed.

use std::path::Path;

use super::checker::Checker;
use super::error::At;
use super::schema::{General, Text};
use super::seccomp;
use crate::policy::capabilities::parse_known;
use crate::policy::ceilings::Ceilings;
use crate::policy::types::{Bytes, EnvironmentEntry, NanoCpus, SecurityOption, UserSpec};

/// Reads the section; `folder` is where the paths of seccomp profiles begin.
pub(super) fn ceilings(checker: &mut Checker<'_>, general: &General, folder: &Path) -> Ceilings {
    let at = |key| At::key("general", key);
    Ceilings {
        memory: checker.optional(at("memory"), given(&general.memory), ceiling_of_memory),
        cpu: checker.optional(at("cpu"), given(&general.cpu), ceiling_of_cpus),
        user: checker.optional(at("user"), given(&general.user), forced_user),
        environment: checker.list(at("environment"), &general.environment, EnvironmentEntry::parse),
        secopts: checker.list(at("secopts"), &general.secopts, |text| {
            let option = seccomp::with_profile(text, folder).map_err(|error| error.to_string())?;
            SecurityOption::parse(&option).map_err(|error| error.to_string())
        }),
        capdrop: checker.list(at("capdrop"), &general.capdrop, parse_known),
        capadd: checker.list(at("capadd"), &general.capadd, parse_known),
        // Known once it is whether any are counted.
        owner: None,
    }
}

/// What every daemon refuses to go below (`linuxMinMemory` in `daemon_unix.go`).
const MEMORY_BYTES_MIN: i64 = 6 << 20;

/// The kernel's least quota, 1 ms in a period of 100 ms: less is taken, and no container starts.
const NANO_CPUS_MIN: i64 = NanoCpus::PER_CPU / 100;

fn ceiling_of_memory(text: &str) -> Result<Bytes, String> {
    match Bytes::parse(text) {
        Ok(bytes) if bytes.get() < MEMORY_BYTES_MIN => {
            Err(format!("{bytes} is less than the 6m that the daemon demands"))
        }
        read => read.map_err(|error| error.to_string()),
    }
}

fn ceiling_of_cpus(text: &str) -> Result<NanoCpus, String> {
    match NanoCpus::parse(text) {
        Ok(cpus) if cpus.get() < NANO_CPUS_MIN => {
            Err(format!("{cpus} is less than the 0.01 that the kernel demands"))
        }
        read => read.map_err(|error| error.to_string()),
    }
}

/// The largest number that the daemon takes for a user or a group.
const ID_MAX: u64 = i32::MAX as u64;

/// A user that can run: one that the daemon can't read would stop every container from starting.
fn forced_user(text: &str) -> Result<UserSpec, String> {
    let (user, group) = text.split_once(':').unwrap_or((text, "0"));
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || c == ':';
    let is_id = |name: &str| !name.is_empty() && !name.contains(is_odd) && !is_too_large(name);
    let wrong = || format!("`{}` is not a user or user:group", text.escape_debug());
    if !is_id(user) || !is_id(group) {
        return Err(wrong());
    }
    UserSpec::parse(text).map_err(|_| wrong())
}

fn is_too_large(name: &str) -> bool {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    is_number && !name.parse::<u64>().is_ok_and(|number| number <= ID_MAX)
}

/// A value in quotes with nothing in them is none for the Go tool.
fn given(text: &Option<Text>) -> Option<&Text> {
    text.as_ref().filter(|text| !text.is_empty())
}
