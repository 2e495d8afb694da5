//! Which container a process is in, by its control group.

use std::path::Path;
use std::sync::Arc;

use super::inspected::Inspected;
use crate::client::{Container, Learned};
use crate::lookup::caller::{Caller, groups_of};
use crate::lookup::daemon::{Daemon, Deadline, Reply};
use crate::lookup::process::Process;
use crate::lookup::ticks::Ticks;

/// What is said where that cannot be told.
pub(super) const UNREACHABLE: &str = "the daemon does not say which containers run";

/// How long the digits of an identifier are.
const ID_DIGITS: usize = 64;

/// The container of a caller that had connected by this moment. Blocks.
pub(super) fn by_control_group(
    daemon: &Daemon,
    caller: &Learned<Caller>,
    arrived: Ticks,
) -> Learned<Arc<Container>> {
    let caller = match caller {
        Learned::Known(caller) => caller,
        Learned::Unknown(reason) => return Learned::Unknown(reason.clone()),
        Learned::None | Learned::NotAsked => return Learned::None,
    };
    let groups = match caller.control_groups(arrived) {
        Learned::Known(groups) => groups,
        Learned::Unknown(reason) => return Learned::Unknown(reason),
        Learned::None | Learned::NotAsked => return Learned::None,
    };
    let Some(id) = groups.iter().find_map(|path| identifier_in(path)) else {
        return Learned::None;
    };
    let inspected = match daemon.get(&["containers", id, "json"], Deadline::of_one_round()) {
        Ok(Reply::Found(body)) => serde_json::from_slice::<Inspected>(&body),
        Ok(Reply::Absent) => return Learned::None,
        Err(_) => return Learned::unknown(UNREACHABLE),
    };
    let Ok(inspected) = inspected else { return Learned::unknown(UNREACHABLE) };
    match is_within(&inspected, &groups) {
        Some(true) => Learned::Known(Arc::new(inspected.into())),
        // Anyone who may make groups below their own can call one of them anything.
        Some(false) => Learned::None,
        None => Learned::unknown("the control group of that container cannot be seen"),
    }
}

/// The identifier in the name of a control group: `/docker/ID`, `/system.slice/docker-ID.scope`.
fn identifier_in(path: &str) -> Option<&str> {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    words.into_iter().find(|word| word.len() == ID_DIGITS && word.bytes().all(is_digit))
}

/// Whether one of these groups is that of a container's first process, or below it.
fn is_within(container: &Inspected, groups: &[String]) -> Option<bool> {
    let pid = container.state.pid;
    if pid == 0 {
        return Some(false);
    }
    Process::of_container(pid, &container.id)?;
    let own = groups_of(&Path::new("/proc").join(pid.to_string())).ok()?;
    let own = || own.iter().filter(|path| path.contains(&container.id));
    let is_below =
        |path: &String| own().any(|own| path.strip_prefix(own.as_str()).is_some_and(is_step));
    Some(groups.iter().any(is_below))
}

fn is_step(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_in_the_names_of_control_groups() {
        let id = "ab".repeat(32);
        for path in [
            format!("/docker/{id}"),
            format!("/system.slice/docker-{id}.scope"),
            format!("/ci/{id}/nested"),
        ] {
            assert_eq!(identifier_in(&path), Some(id.as_str()), "{path}");
        }
        for path in ["/system.slice/a.service", &format!("/x{id}"), &format!("/{}", &id[1..])] {
            assert_eq!(identifier_in(path), None, "{path}");
        }
    }
}
