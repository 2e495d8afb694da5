//! What is forced on the steps of a build: attributes of BuildKit's own reader of Dockerfiles, behind those
//! that the client gives. The last of one name counts.
//!
//! `cmdline`, be it empty, has it read each Dockerfile itself: without it, `# syntax=` hands that to an image,
//! which makes what steps it likes (`frontend/dockerfile/builder`).

use super::call::Solve;
use super::proto::{self, write_bytes};
use crate::effects::building::build;
use crate::effects::changes::Changes;
use crate::policy::Policy;
use crate::policy::build_steps::{self, Held};
use crate::policy::ceilings::{CpuAsk, MemoryAsk};
use crate::policy::facts::Facts;

/// The frontend that reads Dockerfiles.
pub(super) const DOCKERFILES: &str = "dockerfile.v0";

/// Appends what is forced, if a Dockerfile is to be read.
pub(super) fn attributes(
    solve: Solve,
    message: &mut Vec<u8>,
    policy: &Policy,
    facts: &Facts,
    changes: &mut Changes,
) {
    if !build_steps::are_instructions_known(policy) || !reads_dockerfile(solve, message) {
        return;
    }
    let mut forced = vec![("cmdline", String::new())];
    match build_steps::held(policy, facts) {
        Held::Group(group) => forced.push(("cgroup-parent", group.as_str().to_owned())),
        Held::EachStep => forced.extend(limits(solve, message, policy)),
        Held::NoCeiling | Held::Nothing => {}
    }
    for (name, value) in forced {
        let mut entry = Vec::new();
        write_bytes(&mut entry, 1, name.as_bytes());
        write_bytes(&mut entry, 2, value.as_bytes());
        write_bytes(message, solve.attributes(), &entry);
        changes.push(name, value);
    }
}

fn reads_dockerfile(solve: Solve, message: &[u8]) -> bool {
    let fields = proto::read(message, &[]).unwrap_or_default();
    let mut frontends = fields.iter().filter(|field| field.number == solve.frontend());
    frontends.any(|field| field.text() == Ok(DOCKERFILES))
}

/// What each step may take: what the client asks for, within the ceilings.
fn limits(solve: Solve, message: &[u8], policy: &Policy) -> Vec<(&'static str, String)> {
    let asked = |name: &str| asked(solve, message, name);
    let ceilings = &policy.ceilings;
    let mut limits = Vec::new();
    if ceilings.memory.is_some() {
        let (memory, swap) = (asked("memory"), asked("memswap"));
        let forced = ceilings.memory(MemoryAsk { memory, swap, reservation: 0 });
        // None at all would be no limit here, not twice the memory as for containers.
        let swap = if forced.swap == 0 { forced.memory.saturating_mul(2) } else { forced.swap };
        limits.extend([("memory", forced.memory), ("memswap", swap)]);
    }
    if ceilings.cpu.is_some() {
        let (period, quota) = (asked("cpuperiod"), asked("cpuquota"));
        let forced = ceilings.cpu(CpuAsk { period, quota, ..CpuAsk::default() });
        let (period, quota) = match forced.nano {
            0 => (forced.period, forced.quota),
            nano => build::as_quota(nano),
        };
        let period = if period == 0 { build::PERIOD_USUAL } else { period };
        limits.extend([("cpuperiod", period), ("cpuquota", quota)]);
    }
    limits.into_iter().map(|(name, number)| (name, number.to_string())).collect()
}

/// The number that the client's attribute of this name gives; 0 if it gives none, which is no limit.
fn asked(solve: Solve, message: &[u8], name: &str) -> i64 {
    let fields = proto::read(message, &[]).unwrap_or_default();
    let entries = fields.iter().filter(|field| field.number == solve.attributes());
    let mut values = entries.rev().filter_map(|field| proto::map_entry(field).ok());
    let last = values.find(|(key, _)| *key == name);
    let text = last.and_then(|(_, value)| std::str::from_utf8(value).ok());
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(0)
}
