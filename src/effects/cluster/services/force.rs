//! What `general` forces on a service that passed.

use super::fields::{CONTAINER, TASK};
use super::privileges::LABELS;
use crate::docker::base64;
use crate::docker::json::{Node, Object};
use crate::effects::changes::Changes;
use crate::effects::force::{self, number};
use crate::policy::ceilings::{Ceilings, CpuAsk, MemoryAsk};
use crate::policy::types::SecurityOption;
use crate::policy::versions::ServiceOption;

pub(super) fn force(fields: &mut Object, ceilings: &Ceilings) -> Changes {
    let Ceilings { memory, cpu, user, environment, secopts, capdrop, capadd, owner } = ceilings;
    let mut changes = Changes::default();
    let task = fields.object_mut(TASK);
    if memory.is_some() {
        force_memory(task.object_mut("Resources"), ceilings, &mut changes);
    }
    if cpu.is_some() {
        force_cpu(task.object_mut("Resources"), ceilings, &mut changes);
    }
    let container = task.object_mut(CONTAINER);
    if let Some(user) = user
        && container.text("User") != Some(user.as_str())
    {
        container.set("User", user.as_str().to_owned().into());
        changes.push("TaskTemplate.ContainerSpec.User", user.as_str());
    }
    if !environment.is_empty() {
        force_environment(container, ceilings, &mut changes);
    }
    if !(capdrop.is_empty() && capadd.is_empty()) {
        force_capabilities(container, ceilings, &mut changes);
    }
    if let Some(owner) = owner {
        force::owner(container, owner, "TaskTemplate.ContainerSpec.Labels", &mut changes);
    }
    for option in secopts {
        force_option(container, option, &mut changes);
    }
    changes
}

/// A service asks for swap beside its memory (`SwapBytes`, API v1.52), a container for the sum. As
/// for a container, there is at most as much swap as memory: the daemon's own default.
fn force_memory(resources: &mut Object, ceilings: &Ceilings, changes: &mut Changes) {
    let integer = |name, field| resources.object(name).map_or(0, |object| object.integer(field));
    let forced = ceilings.memory(MemoryAsk {
        memory: integer("Limits", "MemoryBytes"),
        swap: 0,
        reservation: integer("Reservations", "MemoryBytes"),
    });
    let (limits, reservations) = ("Limits", "Reservations");
    let at = "TaskTemplate.Resources.Limits.MemoryBytes";
    number(resources.object_mut(limits), "MemoryBytes", at, forced.memory, changes);
    if resources.object(reservations).is_some() {
        let at = "TaskTemplate.Resources.Reservations.MemoryBytes";
        let reservation = forced.reservation;
        number(resources.object_mut(reservations), "MemoryBytes", at, reservation, changes);
    }
    let swap = match resources.integer("SwapBytes") {
        ..0 => forced.memory,
        swap => swap.min(forced.memory),
    };
    number(resources, "SwapBytes", "TaskTemplate.Resources.SwapBytes", swap, changes);
}

fn force_cpu(resources: &mut Object, ceilings: &Ceilings, changes: &mut Changes) {
    const NANO: &str = "NanoCPUs";
    let limits = resources.object_mut("Limits");
    let asked = CpuAsk { nano: limits.integer(NANO), ..CpuAsk::default() };
    let forced = ceilings.cpu(asked).nano;
    number(limits, NANO, "TaskTemplate.Resources.Limits.NanoCPUs", forced, changes);
    if let Some(reservations) = resources.object("Reservations") {
        let reserved = reservations.integer(NANO).min(forced);
        let at = "TaskTemplate.Resources.Reservations.NanoCPUs";
        number(resources.object_mut("Reservations"), NANO, at, reserved, changes);
    }
}

/// What is forced is meant as it stands: a template in it is escaped, since the node would expand it.
fn force_environment(container: &mut Object, ceilings: &Ceilings, changes: &mut Changes) {
    let escaped = |entry: String| entry.replace("{{", "{{\"{{\"}}");
    force::environment(container, ceilings, "TaskTemplate.ContainerSpec.Env", escaped, changes);
}

fn force_capabilities(container: &mut Object, ceilings: &Ceilings, changes: &mut Changes) {
    let add = ("CapabilityAdd", "TaskTemplate.ContainerSpec.CapabilityAdd");
    let drop = ("CapabilityDrop", "TaskTemplate.ContainerSpec.CapabilityDrop");
    force::capabilities(container, ceilings, add, drop, changes);
}

/// An option without a field was refused; of a specification that is there already it is told.
fn force_option(container: &mut Object, option: &SecurityOption, changes: &mut Changes) {
    let was = container.object("Privileges").cloned().unwrap_or_default();
    let mut privileges = was.clone();
    let Some(said) = ServiceOption::of(option) else {
        let told = format!("no field for {option}");
        return changes.push("TaskTemplate.ContainerSpec.Privileges", told);
    };
    set_option(&mut privileges, said);
    if privileges != was {
        container.set("Privileges", Node::Object(privileges));
        changes.push("TaskTemplate.ContainerSpec.Privileges", option);
    }
}

/// What is the default needs no field.
fn set_option(privileges: &mut Object, option: ServiceOption<'_>) {
    match option {
        ServiceOption::NoNewPrivileges(true) => {
            privileges.set("NoNewPrivileges", Node::Bool(true));
        }
        ServiceOption::NoNewPrivileges(false) => drop(privileges.take("NoNewPrivileges")),
        ServiceOption::DefaultSeccomp => drop(privileges.take("Seccomp")),
        ServiceOption::UnconfinedSeccomp => mode(privileges, "Seccomp", "unconfined"),
        ServiceOption::Seccomp(profile) => {
            mode(privileges, "Seccomp", "custom");
            let profile = base64::encode(profile.as_bytes());
            privileges.object_mut("Seccomp").set("Profile", profile.into());
        }
        ServiceOption::DefaultAppArmor => drop(privileges.take("AppArmor")),
        ServiceOption::NoAppArmor => mode(privileges, "AppArmor", "disabled"),
        ServiceOption::NoLabels => {
            privileges.object_mut("SELinuxContext").set("Disable", Node::Bool(true));
        }
        ServiceOption::Label { part, value } => {
            let context = privileges.object_mut("SELinuxContext");
            for (field, _) in LABELS.into_iter().filter(|(_, known)| *known == part) {
                context.set(field, value.to_owned().into());
            }
        }
    }
}

fn mode(privileges: &mut Object, field: &'static str, mode: &str) {
    drop(privileges.take(field));
    privileges.object_mut(field).set("Mode", mode.to_owned().into());
}
