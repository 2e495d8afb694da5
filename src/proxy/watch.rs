//! Looks at containers when they have been started: whether what they have mounted is what was judged.
//!
//! ```text
//! a start is let through ─► the container is watched ─┐
//! daemon ─► a container was started, or starts again ─┴─► facts::mounted ─► killed, if it is elsewhere
//! ```
//!
//! The daemon tells of starts as they happen, also of those of its own accord, whoever reads the answer
//! to the first. A container is watched before its start reaches the daemon.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::pool::Pool;
use crate::audit::{self, Notice};
use crate::facts::{self, Daemon, Mounted, Told};
use crate::policy::Policy;

/// The most containers that are watched; the oldest give way.
const CONTAINERS_MAX: usize = 8192;

/// The most daemons whose events are followed. Behind a redirect clients choose where they go.
const DAEMONS_MAX: usize = 8;

/// How long to wait before a daemon that ended its events is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// How often a container is looked at that can't be seen, and after which time again.
const LOOKS_MAX: usize = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// A container of a daemon, by its identifier.
type Key = (Daemon, String);

/// A handle to what is watched; clones share it.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    pool: Pool,
}

#[derive(Default)]
struct State {
    containers: HashMap<Key, Arc<Policy>>,
    oldest: VecDeque<Key>,
    daemons: Vec<Daemon>,
    is_told_of_unseen: bool,
    is_told_of_unheard: bool,
}

impl Watch {
    /// Watches a container from its next start on, by these rules.
    pub(super) fn add(&self, daemon: &Daemon, id: String, policy: &Arc<Policy>) {
        let mut state = self.lock();
        let key = (daemon.clone(), id);
        if state.containers.insert(key.clone(), Arc::clone(policy)).is_none() {
            state.oldest.push_back(key);
        }
        if state.oldest.len() > CONTAINERS_MAX
            && let Some(oldest) = state.oldest.pop_front()
        {
            state.containers.remove(&oldest);
        }
        if !state.daemons.contains(daemon) && state.daemons.len() < DAEMONS_MAX {
            let (watch, followed) = (self.clone(), daemon.clone());
            let begun = thread::Builder::new().name("events".into());
            if begun.spawn(move || watch.follow(&followed)).is_ok() {
                state.daemons.push(daemon.clone());
            }
        }
    }

    /// Follows the events of a daemon for as long as SecDocker runs.
    fn follow(&self, daemon: &Daemon) {
        loop {
            let ended = facts::follow(daemon, |told| match told {
                // What was started before is looked at once.
                Told::Begun => self.of_daemon(daemon).for_each(|key| self.look_at(key)),
                Told::Started(id) => self.look_at((daemon.clone(), id)),
            });
            if let Err(error) = ended
                && !std::mem::replace(&mut self.lock().is_told_of_unheard, true)
            {
                let reason = format_args!(
                    "the events of the daemon cannot be read ({error}): what containers have \
                     mounted is not looked at after their start until they can"
                );
                audit::announce(&Notice::Trouble { reason: &reason });
            }
            pause(PAUSE);
        }
    }

    fn of_daemon(&self, daemon: &Daemon) -> impl Iterator<Item = Key> + use<> {
        let state = self.lock();
        let keys = state.containers.keys().filter(|(of, _)| of == daemon).cloned();
        keys.collect::<Vec<_>>().into_iter()
    }

    /// Looks at a container on a thread of the pool, if it is watched.
    fn look_at(&self, key: Key) {
        let Some(policy) = self.lock().containers.get(&key).cloned() else { return };
        let watch = self.clone();
        let look = move || watch.look(&key, &policy);
        if let Err(look) = self.0.pool.run(Box::new(look)) {
            // Rather late than never: this thread has nothing else to do.
            look();
        }
    }

    fn look(&self, (daemon, id): &Key, policy: &Policy) {
        match see(daemon, id, policy) {
            Mounted::AsJudged | Mounted::Gone => {}
            Mounted::Unseen => {
                if !std::mem::replace(&mut self.lock().is_told_of_unseen, true) {
                    let reason = "containers run where SecDocker cannot see their processes: what \
                                  they have mounted is not looked at after their start";
                    audit::announce(&Notice::Trouble { reason: &reason });
                }
            }
            Mounted::Elsewhere(violations) => {
                let killed = facts::kill(daemon, id);
                let notice =
                    Notice::MountedElsewhere { container: id, violations: &violations, killed };
                audit::announce(&notice);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that could panic runs under the lock.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A container that is just starting, or ends, can't be seen for a moment.
fn see(daemon: &Daemon, id: &str, policy: &Policy) -> Mounted {
    for _ in 1..LOOKS_MAX {
        match facts::mounted(daemon, id, policy) {
            Mounted::Unseen => pause(BETWEEN_LOOKS),
            found => return found,
        }
    }
    facts::mounted(daemon, id, policy)
}

fn pause(time: Duration) {
    let never = Mutex::new(());
    let locked = never.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = Condvar::new().wait_timeout(locked, time);
}
