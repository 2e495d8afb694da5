//! What a container that has been started has really mounted.
//!
//! Between the look at a path and the mount somebody may have put a link in its place, and may put
//! back what was there before anybody looks. So no path that a client can change is followed here: what
//! stands in the container's own table of mounts is judged, as the directory of the host that it is.
//!
//! ```text
//! daemon ─► process, what was given ─┬─ each at its place ────────────────► rules ─┬─► as judged
//!           /proc/PID/mountinfo ─────┼─ one at no place ─► all that is there ──────┴─► elsewhere
//!                                    └─ nothing of the container's own in it ────────► hidden
//! ```
//!
//! What a hook of the runtime has mounted besides was asked for by nobody, and is no concern of the rules
//! as long as all else is at its place.

use std::io;
use std::time::Duration;

use super::daemon::{Daemon, Deadline, Reply};
use super::links;
use super::mounts::{Effort, Mount, Mounts, below};
use super::process::Process;
use crate::effects::existing::{self, Running};
use crate::policy::types::HostPath;
use crate::policy::{Policy, Violations};
use judge::{Asked, Judge, Sources};

mod judge;

/// What was found of a container that runs.
#[derive(Debug)]
pub enum Mounted {
    /// All that it has mounted was judged.
    AsJudged,
    /// Its processes can't be seen: it has just ended, or they are another machine's.
    Opaque,
    /// Its processes are seen, but not all that they have mounted: all have gone to another root.
    Hidden,
    /// The daemon did not say what had to be known.
    Untold,
    /// It has something mounted that is forbidden, and was not asked for.
    Elsewhere(Violations),
}

/// The container of this identifier, if it runs (Engine API `ContainerInspect`). Blocks.
///
/// # Errors
/// If the daemon doesn't say within this time: it says nothing of a container into which files are
/// being copied.
pub fn running(daemon: &Daemon, id: &str, patience: Duration) -> io::Result<Option<Running>> {
    match daemon.get(&["containers", id, "json"], Deadline::after(patience))? {
        Reply::Found(body) => {
            existing::running(&body).ok_or_else(|| io::ErrorKind::InvalidData.into())
        }
        Reply::Absent => Ok(None),
    }
}

/// Looks at what a container has mounted. Blocks.
pub fn mounted(daemon: &Daemon, running: &Running, policy: &Policy) -> Mounted {
    let first = Process::of_container(running.run.pid, &running.id);
    let (Some(its), Some(ours)) = (first.and_then(table), Mounts::read()) else {
        return Mounted::Opaque;
    };
    let mut judge = Judge { daemon, policy, ours, effort: Effort::of_one_round() };
    let Some(sources) = judge.sources(running) else { return Mounted::Untold };
    // One of a container's processes sees it all, unless each has gone to another root.
    let others = Process::all_of_container(&running.id).filter_map(table).take(OTHERS_MAX);
    let tables = std::iter::once(its).chain(others);
    let found = tables.map(|its| compare(&its, &sources, running, &mut judge));
    let mut found = found.skip_while(|found| matches!(found, Mounted::Hidden));
    found.next().unwrap_or(Mounted::Hidden)
}

/// The most further processes of a container whose tables are looked at.
const OTHERS_MAX: usize = 64;

fn table(process: Process) -> Option<Mounts> {
    process.mounts().map(|text| Mounts::parse(&text))
}

/// Kills a container (Engine API `ContainerKill`), which keeps it from being started again by itself.
/// Whether it has ended, or will: one that is told twice to end is refused the second time.
pub fn kill(daemon: &Daemon, id: &str) -> bool {
    match daemon.post(&["containers", id, "kill"], Deadline::of_one_round()) {
        Ok(200..300 | 404) => true,
        Ok(_) | Err(_) => matches!(is_over(daemon, id), Some(true)),
    }
}

/// Whether a container neither runs nor is about to; `None` if that can't be told.
fn is_over(daemon: &Daemon, id: &str) -> Option<bool> {
    match daemon.get(&["containers", id, "json"], Deadline::of_one_round()).ok()? {
        Reply::Found(body) => existing::is_over(&body),
        Reply::Absent => Some(true),
    }
}

fn compare(its: &Mounts, sources: &Sources, running: &Running, judge: &mut Judge<'_>) -> Mounted {
    let mut astray = Vec::new();
    for asked in &sources.checked {
        match its.last_at(&asked.at) {
            Some(mount) => {
                if let Some(violations) = judge.violations(mount, Some(asked)) {
                    return Mounted::Elsewhere(violations);
                }
            }
            // There are links on the way to it, in the image.
            None => astray.push(asked),
        }
    }
    if astray.is_empty() {
        return Mounted::AsJudged;
    }
    if !its.iter().any(|mount| is_its_own(mount, running, judge)) {
        return Mounted::Hidden;
    }
    let is_at_its_place = |mount: &Mount| sources.places().any(|at| mount.at == *at);
    let mut rest: Vec<&Mount> = its.iter().filter(|mount| !mount.is_usual()).collect();
    rest.retain(|mount| {
        !(is_at_its_place(mount)
            || is_its_own(mount, running, judge)
            || is_shared_memory(mount, running, judge)
            || came_along(mount, its, judge))
    });
    if astray.iter().all(|asked| take(asked, &mut rest, judge)) {
        return Mounted::AsJudged;
    }
    rest.retain(|mount| !sources.in_order(&judge.paths(mount)));
    match rest.iter().find_map(|mount| judge.violations(mount, None)) {
        Some(violations) => Mounted::Elsewhere(violations),
        None => Mounted::AsJudged,
    }
}

/// Takes out of `rest` what a path means now, if that is there and allowed: each stands for one.
fn take(asked: &Asked, rest: &mut Vec<&Mount>, judge: &mut Judge<'_>) -> bool {
    let is_it = |mount: &Mount, judge: &mut Judge<'_>| {
        let means = |path| {
            let real = links::resolve(path);
            real.and_then(|real| judge.ours.place(&real)).is_some_and(|place| place == mount.place)
        };
        asked.paths.iter().any(means) && judge.violations(mount, Some(asked)).is_none()
    };
    let found = rest.iter().position(|mount| is_it(mount, judge));
    found.map(|at| rest.remove(at)).is_some()
}

/// Whether it is a file of the daemon's that this container has: `/etc/hosts`.
fn is_its_own(mount: &Mount, running: &Running, judge: &Judge<'_>) -> bool {
    let is_own = |path: &HostPath| running.own.iter().any(|own| path.is_within(own));
    judge.paths(mount).iter().any(is_own)
        || mount.place.root.as_str().split('/').any(|step| step == running.id)
}

/// Whether it is the shared memory of a container, which another has joined.
fn is_shared_memory(mount: &Mount, running: &Running, judge: &Judge<'_>) -> bool {
    let is_kept_beside = |path: &HostPath, own: &HostPath| {
        let containers = own.as_str().rsplit_once('/').map_or("", |(containers, _)| containers);
        let rest = path.as_str().strip_prefix(containers);
        rest.is_some_and(|rest| rest.ends_with("/mounts/shm"))
    };
    let paths = judge.paths(mount);
    paths.iter().any(|path| running.own.iter().any(|own| is_kept_beside(path, own)))
}

/// Whether the host has the same below what is mounted above it: a bind takes that along.
fn came_along(mount: &Mount, its: &Mounts, judge: &Judge<'_>) -> bool {
    let paths = judge.paths(mount);
    let above = its.iter().filter(|above| {
        !above.at.is_root() && above.at != mount.at && mount.at.is_within(&above.at)
    });
    above.into_iter().any(|above| {
        let inside = below(&mount.at, &above.at);
        let holds = |over: &HostPath| {
            paths.iter().any(|path| path.is_within(over) && below(path, over) == inside)
        };
        judge.paths(above).iter().any(holds)
    })
}

#[cfg(test)]
#[path = "started_tests.rs"]
mod tests;
