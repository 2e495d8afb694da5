//! What `general` forces on a body that passed.

use std::convert::identity;

use crate::docker::json::{Node, Object};
use crate::effects::changes::Changes;
use crate::effects::force::{self, list, number};
use crate::policy::Policy;
use crate::policy::ceilings::{CREATED_MARK, Ceilings, CpuAsk, MemoryAsk};

const HOST_CONFIG: &str = "HostConfig";
const PRIVATE: &str = "private";

pub(super) fn force(fields: &mut Object, policy: &Policy) -> Changes {
    let ceilings = &policy.ceilings;
    let Ceilings { memory, cpu, user, environment, secopts, capdrop, capadd, owner } = ceilings;
    let mut changes = Changes::default();
    if let Some(user) = user {
        force::user(fields, user.as_str(), &mut changes);
    }
    if !environment.is_empty() {
        force::environment(fields, ceilings, "Env", identity, &mut changes);
    }
    if memory.is_some() {
        force_memory(fields.object_mut(HOST_CONFIG), ceilings, &mut changes);
    }
    if cpu.is_some() {
        force_cpu(fields.object_mut(HOST_CONFIG), ceilings, &mut changes);
    }
    if !secopts.is_empty() {
        force_security_options(fields.object_mut(HOST_CONFIG), ceilings, &mut changes);
    }
    if !(capdrop.is_empty() && capadd.is_empty()) {
        force_capabilities(fields.object_mut(HOST_CONFIG), ceilings, &mut changes);
    }
    if let Some(owner) = owner {
        force::owner(fields, owner, "Labels", &mut changes);
        mark_created(fields.object_mut(HOST_CONFIG));
    }
    if policy.separates_control_groups() {
        separate_control_groups(fields, &mut changes);
    }
    changes
}

/// Where nothing is said the host's are shared: on control groups v1 by default, before API 1.41
/// always; and on v2 if the daemon is set so.
fn separate_control_groups(fields: &mut Object, changes: &mut Changes) {
    let host = fields.object_mut(HOST_CONFIG);
    if host.text("CgroupnsMode").unwrap_or_default().is_empty() {
        host.set("CgroupnsMode", PRIVATE.to_owned().into());
        changes.push("HostConfig.CgroupnsMode", PRIVATE);
    }
}

/// The label alone could come from an image. It goes with the label, and is not reported beside it.
fn mark_created(host: &mut Object) {
    const MARK: &str = "ContainerIDFile";
    if host.text(MARK) != Some(CREATED_MARK) {
        host.set(MARK, CREATED_MARK.to_owned().into());
    }
}

fn force_memory(host: &mut Object, ceilings: &Ceilings, changes: &mut Changes) {
    let asked = MemoryAsk {
        memory: host.integer("Memory"),
        swap: host.integer("MemorySwap"),
        reservation: host.integer("MemoryReservation"),
    };
    let forced = ceilings.memory(asked);
    number(host, "Memory", "HostConfig.Memory", forced.memory, changes);
    number(host, "MemorySwap", "HostConfig.MemorySwap", forced.swap, changes);
    number(host, "MemoryReservation", "HostConfig.MemoryReservation", forced.reservation, changes);
}

fn force_cpu(host: &mut Object, ceilings: &Ceilings, changes: &mut Changes) {
    let asked = CpuAsk {
        nano: host.integer("NanoCpus"),
        period: host.integer("CpuPeriod"),
        quota: host.integer("CpuQuota"),
        realtime_runtime: host.integer("CpuRealtimeRuntime"),
    };
    let forced = ceilings.cpu(asked);
    number(host, "NanoCpus", "HostConfig.NanoCpus", forced.nano, changes);
    number(host, "CpuPeriod", "HostConfig.CpuPeriod", forced.period, changes);
    number(host, "CpuQuota", "HostConfig.CpuQuota", forced.quota, changes);
    let runtime = forced.realtime_runtime;
    number(host, "CpuRealtimeRuntime", "HostConfig.CpuRealtimeRuntime", runtime, changes);
}

fn force_security_options(host: &mut Object, ceilings: &Ceilings, changes: &mut Changes) {
    let asked = list(host, "SecurityOpt");
    let forced = ceilings.security_options(asked.clone());
    if forced != asked {
        host.set("SecurityOpt", forced.into());
        // A profile given inline is long; the names say which options were forced.
        let names: Vec<_> = ceilings.secopts.iter().map(ToString::to_string).collect();
        changes.push("HostConfig.SecurityOpt", names.join(","));
    }
}

fn force_capabilities(host: &mut Object, ceilings: &Ceilings, changes: &mut Changes) {
    let add = ("CapAdd", "HostConfig.CapAdd");
    let drop = ("CapDrop", "HostConfig.CapDrop");
    force::capabilities(host, ceilings, add, drop, changes);
    // 19.03 lets this list stand in place of the two above.
    if host.take("Capabilities").is_some_and(|given| given != Node::Null) {
        changes.push("HostConfig.Capabilities", "");
    }
}
