//! What a container that has been started has really mounted.
//!
//! Between the look at a path and the mount somebody may have put a link in its place. So what was
//! mounted is compared with what was judged: each path that the container was given must be there, as
//! the file system and the directory in it that the path means now. If one is not, or means by now what
//! is forbidden, whatever else is mounted must be allowed itself.
//!
//! ```text
//! daemon ─► process, paths given ─┬─ the same ───────────────────────────► as judged
//!                                 └─ not ─► /proc/PID/mountinfo ─► rules ─► as judged, or elsewhere
//! ```

use std::collections::HashMap;

use super::cache::ImageCache;
use super::daemon::{Daemon, Deadline, Reply};
use super::links;
use super::look_up;
use super::mounts::{Mounts, Place};
use super::process::Process;
use crate::engine::existing::{self, Running};
use crate::policy::effects::{Asked, Effect, Place as At};
use crate::policy::facts::{Facts, VolumeFacts};
use crate::policy::types::HostPath;
use crate::policy::{self, Inspected, Policy, Verdict, Violations};

/// What was found of a container.
#[derive(Debug)]
pub enum Mounted {
    /// All that it has mounted was judged.
    AsJudged,
    /// It has ended, or is gone.
    Gone,
    /// It runs where SecDocker can't see it.
    Unseen,
    /// It has something mounted that is forbidden, and was not asked for.
    Elsewhere(Violations),
}

/// Looks at what the container of this identifier has mounted. Blocks.
pub fn mounted(daemon: &Daemon, id: &str, policy: &Policy) -> Mounted {
    let Some(running) = running(daemon, id) else { return Mounted::Gone };
    let found = Process::of_container(running.pid, &running.id)
        .and_then(|process| Some((Mounts::parse(&process.mounts()?), Mounts::read()?)));
    match found {
        Some((its, ours)) => compare(&its, &ours, &running, &Judge { daemon, policy }),
        // It may have ended meanwhile.
        None => match self::running(daemon, id) {
            Some(still) if still.pid == running.pid => Mounted::Unseen,
            Some(_) | None => Mounted::Gone,
        },
    }
}

/// Kills a container (Engine API `ContainerKill`), which keeps it from being started again by itself.
/// Whether it has ended: one that is told twice to end is refused the second time.
pub fn kill(daemon: &Daemon, id: &str) -> bool {
    (0..KILLS_MAX).any(|_| {
        match daemon.post(&["containers", id, "kill"], Deadline::of_one_round()) {
            Ok(200..300 | 404) => true,
            Ok(_) | Err(_) => matches!(is_over(daemon, id), Some(true)),
        }
    })
}

/// How often a container is killed that runs on.
const KILLS_MAX: usize = 5;

/// Whether a container neither runs nor is about to; `None` if that can't be told.
fn is_over(daemon: &Daemon, id: &str) -> Option<bool> {
    match daemon.get(&["containers", id, "json"], Deadline::of_one_round()).ok()? {
        Reply::Found(body) => existing::is_over(&body),
        Reply::Absent => Some(true),
    }
}

fn running(daemon: &Daemon, id: &str) -> Option<Running> {
    match daemon.get(&["containers", id, "json"], Deadline::of_one_round()).ok()? {
        Reply::Found(body) => existing::running(&body),
        Reply::Absent => None,
    }
}

fn compare(its: &Mounts, ours: &Mounts, running: &Running, judge: &Judge<'_>) -> Mounted {
    let sources = judge.sources(running);
    let mut wanted: HashMap<Place, usize> = HashMap::new();
    let mut is_as_judged = true;
    for path in &sources.checked {
        match links::resolve(path).and_then(|real| ours.place(&real)) {
            Some(place) if !judge.forbids(path) => *wanted.entry(place).or_default() += 1,
            Some(_) | None => is_as_judged = false,
        }
    }
    let has = |(place, count): (&Place, &usize)| its.times(place) >= *count;
    if is_as_judged && wanted.iter().all(has) {
        return Mounted::AsJudged;
    }
    for place in its.beside_the_usual() {
        let paths = ours.paths(place);
        let is_in_order =
            |path: &HostPath| sources.in_order.iter().any(|known| path.is_within(known));
        if paths.iter().any(is_in_order) {
            continue;
        }
        let mut found = paths.iter().map(|path| judge.violations(path));
        // Of the same files under several paths, one that is allowed is enough: it was asked for.
        if let Some(Some(first)) = found.next()
            && found.all(|found| found.is_some())
        {
            return Mounted::Elsewhere(first);
        }
    }
    Mounted::AsJudged
}

/// The paths of a container.
#[derive(Debug, Default)]
struct Sources {
    /// Those that were checked: each must be there.
    checked: Vec<HostPath>,
    /// Those that need no look: the daemon's own, and what somebody beside SecDocker has given, as it
    /// is forbidden as it is written.
    in_order: Vec<HostPath>,
}

/// The rules about paths, and whom to ask about volumes.
struct Judge<'a> {
    daemon: &'a Daemon,
    policy: &'a Policy,
}

impl Judge<'_> {
    fn sources(&self, running: &Running) -> Sources {
        let mut sources = Sources { in_order: running.own.clone(), ..Sources::default() };
        let mut given = running.sources.clone();
        for (name, kept_at) in &running.volumes {
            let paths = self.volume(name);
            if paths.is_empty() {
                sources.in_order.push(kept_at.clone());
            }
            given.extend(paths);
        }
        for path in given {
            match self.forbids_as_written(&path) {
                true => sources.in_order.extend(links::resolve(&path).into_iter().chain([path])),
                false => sources.checked.push(path),
            }
        }
        sources
    }

    /// The paths of the host that a volume is; none of one that the daemon keeps.
    fn volume(&self, name: &str) -> Vec<HostPath> {
        let questions =
            policy::facts::Questions { volumes: vec![name.to_owned()], ..Default::default() };
        let facts = look_up(&questions, self.daemon, &ImageCache::disabled());
        let Some(VolumeFacts::Present(effects)) = facts.volume(name) else { return Vec::new() };
        let paths = effects.iter().filter_map(|effect| match effect {
            Effect::HostPath(path) => Some(path.clone()),
            _ => None,
        });
        paths.collect()
    }

    fn forbids_as_written(&self, path: &HostPath) -> bool {
        let (asked, mut facts) = self.facts(path);
        facts.add_link(path.clone(), path.clone());
        facts.add_aliases(path.clone(), Vec::new());
        self.judge(asked, &facts).is_some()
    }

    fn forbids(&self, path: &HostPath) -> bool {
        self.violations(path).is_some()
    }

    fn violations(&self, path: &HostPath) -> Option<Violations> {
        let (asked, facts) = self.facts(path);
        self.judge(asked, &facts)
    }

    fn facts(&self, path: &HostPath) -> (Asked, Facts) {
        let asked = Asked { effect: Effect::HostPath(path.clone()), at: At::Field("mounts") };
        let questions = policy::questions(self.policy, std::slice::from_ref(&asked));
        (asked, look_up(&questions, self.daemon, &ImageCache::disabled()))
    }

    fn judge(&self, asked: Asked, facts: &Facts) -> Option<Violations> {
        match policy::judge(self.policy, Inspected::new((), vec![asked]), facts) {
            Verdict::Allowed(_) => None,
            Verdict::Forbidden(violations) => Some(violations),
        }
    }
}

#[cfg(test)]
#[path = "started_tests.rs"]
mod tests;
