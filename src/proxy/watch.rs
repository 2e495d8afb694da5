//! Looks at containers when they have been started: whether what they have mounted is what was judged.
//!
//! ```text
//! a start is let through ─► the container is watched ─┐
//! daemon ─► a container was started, or starts again ─┴─► look ─┬─► as judged, or ended
//!                               again, after a while ◄──────────┼── the daemon didn't say, or not seen yet
//!                                                               └─► killed, until it has ended
//! ```
//!
//! The daemon tells of starts as they happen, also of those that it makes by itself, whoever reads the answer
//! to the first. A container is watched before its start reaches the daemon, until it is removed. Each
//! of its runs is judged once, however often it is reported.

mod look;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::threads::pool::Pool;
use crate::audit::{self, Notice};
use crate::lookup::{self, Daemon, Run, Told};
use crate::policy::Policy;

/// The most containers that are watched; the oldest give way. Those that are removed don't count.
const CONTAINERS_MAX: usize = 16_384;

/// The most daemons whose events are followed. Behind a redirect clients choose where they go.
const DAEMONS_MAX: usize = 64;

/// How long to wait before a daemon that ended its events is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// By when the daemon tells of a start that it was asked for.
const STARTS_WITHIN: Duration = Duration::from_secs(10);

/// After which time a container is looked at again where that is not done.
const BETWEEN_LOOKS: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 200 });

/// How long the daemon may take to say what a container is: at first, so that the others have their
/// turn, and when it is asked again.
const PATIENCE: Duration = Duration::from_secs(1);
const PATIENCE_AGAIN: Duration = Duration::from_secs(5);

/// Threads that look at what was just started, and again at what could not be seen: as long as a client
/// has the daemon busy with a container, nothing is said of it.
const THREADS_MAX: usize = 16;
const THREADS_AGAIN_MAX: usize = 8;

/// A container of a daemon, by its identifier.
type Key = (Daemon, String);

/// A handle to what is watched; clones share it.
#[derive(Clone)]
pub(super) struct Watch(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    first: Pool,
    again: Pool,
}

#[derive(Default)]
struct State {
    containers: HashMap<Key, Watched>,
    oldest: VecDeque<Key>,
    followed: Vec<Daemon>,
    /// Daemons of which a container's process was seen: what is not seen there hides itself.
    seen: HashSet<Daemon>,
    later: Vec<Key>,
    has_clock: bool,
    /// When a container was last let start.
    added: Option<Instant>,
    said: HashSet<&'static str>,
}

/// One container.
#[derive(Debug, Clone)]
struct Watched {
    policy: Arc<Policy>,
    stage: Stage,
    /// How often it was looked at in vain.
    looks: u32,
    /// The run of which all is known.
    judged: Option<Run>,
    condemned: Option<Condemned>,
}

/// A run that is to be killed, and why.
#[derive(Debug, Clone)]
struct Condemned {
    run: Run,
    reason: String,
    /// Whether the daemon took the order.
    is_killed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    /// A look is to come.
    Due,
    Looking,
    /// It was started again while somebody looks.
    LookingAndDue,
}

impl Default for Watch {
    fn default() -> Self {
        let (first, again) = (Pool::of(THREADS_MAX), Pool::of(THREADS_AGAIN_MAX));
        Self(Arc::new(Shared { state: Mutex::default(), first, again }))
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl Watch {
    /// Watches a container from its next start on, by these rules.
    pub(super) fn add(&self, daemon: &Daemon, id: String, policy: &Arc<Policy>) {
        let key = (daemon.clone(), id);
        let (is_full, is_followed) = {
            let mut state = self.lock();
            state.added = Some(now());
            (state.add(key, policy), state.follow(daemon))
        };
        if is_full {
            self.say(
                "more containers are watched than can be: of the oldest it is not looked at \
                 any more what they have mounted",
            );
        }
        let begins = is_followed.map(|is_first| {
            let (watch, followed) = (self.clone(), daemon.clone());
            let follow = move || watch.follow(&followed);
            is_first.then(|| thread::Builder::new().name("events".into()).spawn(follow))
        });
        match begins {
            Some(None | Some(Ok(_))) => {}
            Some(Some(Err(_))) => self.lock().followed.retain(|followed| followed != daemon),
            None => self.say(
                "more daemons are behind it than can be followed: at some of them it is not \
                 looked at what containers have mounted after their start",
            ),
        }
    }

    /// Whether nothing is to be looked at any more, also of what was let start a moment ago.
    pub(super) fn is_quiet(&self) -> bool {
        let state = self.lock();
        let is_old =
            state.added.is_none_or(|at| now().saturating_duration_since(at) >= STARTS_WITHIN);
        is_old && state.later.is_empty() && state.containers.values().all(Watched::is_settled)
    }

    /// Follows the events of a daemon for as long as SecDocker runs.
    fn follow(&self, daemon: &Daemon) {
        loop {
            let ended = lookup::follow(daemon, |told| match told {
                // What was started before is looked at once.
                Told::Begun => self.of_daemon(daemon).for_each(|key| self.look_at(key)),
                Told::Started(id) => self.look_at((daemon.clone(), id)),
                Told::Removed(id) => self.lock().remove(&(daemon.clone(), id)),
            });
            if let Err(error) = ended
                && self.lock().said.insert("unheard")
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

    /// Has a container looked at, if it is watched.
    fn look_at(&self, key: Key) {
        let mut state = self.lock();
        let Some(watched) = state.containers.get_mut(&key) else { return };
        match watched.stage {
            Stage::Idle => watched.stage = Stage::Due,
            Stage::Looking => return watched.stage = Stage::LookingAndDue,
            Stage::Due | Stage::LookingAndDue => return,
        }
        drop(state);
        self.hand_out(&self.0.first, key, PATIENCE);
    }

    /// Has a container that is due looked at by a thread; later, if none can be had.
    fn hand_out(&self, pool: &Pool, key: Key, patience: Duration) {
        let (watch, of) = (self.clone(), key.clone());
        if pool.run(Box::new(move || watch.look(&of, patience))).is_err() {
            self.look_later(key);
        }
    }

    fn look_later(&self, key: Key) {
        let mut state = self.lock();
        state.later.push(key);
        if !state.has_clock {
            let watch = self.clone();
            let ticks = move || while watch.tick() {};
            let begun = thread::Builder::new().name("looks".into()).spawn(ticks);
            state.has_clock = begun.is_ok();
        }
    }

    /// Waits, and has looked at what waited; whether there is more to wait for.
    fn tick(&self) -> bool {
        pause(BETWEEN_LOOKS);
        let mut state = self.lock();
        let due = std::mem::take(&mut state.later);
        state.has_clock = !due.is_empty();
        drop(state);
        let more = !due.is_empty();
        due.into_iter().for_each(|key| self.hand_out(&self.0.again, key, PATIENCE_AGAIN));
        more
    }

    /// Tells of a trouble once.
    fn say(&self, reason: &'static str) {
        if self.lock().said.insert(reason) {
            audit::announce(&Notice::Trouble { reason: &reason });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that could panic runs under the lock.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether another had to give way.
    fn add(&mut self, key: Key, policy: &Arc<Policy>) -> bool {
        if let Some(watched) = self.containers.get_mut(&key) {
            watched.policy = Arc::clone(policy);
            return false;
        }
        self.oldest.push_back(key.clone());
        self.containers.insert(key, Watched::by(policy));
        let gives_way = (self.oldest.len() > CONTAINERS_MAX).then(|| self.oldest.pop_front());
        gives_way.flatten().is_some_and(|oldest| self.containers.remove(&oldest).is_some())
    }

    fn remove(&mut self, key: &Key) {
        if self.containers.remove(key).is_some() {
            self.oldest.retain(|other| other != key);
        }
    }

    /// Notes whether a process of a daemon's containers was seen; whether one ever was.
    fn has_seen(&mut self, daemon: &Daemon, is_seen: bool) -> bool {
        if is_seen && !self.seen.contains(daemon) {
            self.seen.insert(daemon.clone());
        }
        self.seen.contains(daemon)
    }

    /// Notes that a daemon is followed: whether it was not before, and `None` if it can't be.
    fn follow(&mut self, daemon: &Daemon) -> Option<bool> {
        if self.followed.contains(daemon) {
            return Some(false);
        }
        let has_room = self.followed.len() < DAEMONS_MAX;
        has_room.then(|| {
            self.followed.push(daemon.clone());
            true
        })
    }
}

impl Watched {
    fn by(policy: &Arc<Policy>) -> Self {
        let (judged, condemned) = (None, None);
        Self { policy: Arc::clone(policy), stage: Stage::Idle, looks: 0, judged, condemned }
    }

    fn is_settled(&self) -> bool {
        self.stage == Stage::Idle && self.condemned.is_none()
    }
}

#[expect(clippy::disallowed_methods, reason = "what is watched has no turns")]
fn now() -> Instant {
    Instant::now()
}

fn pause(time: Duration) {
    let never = Mutex::new(());
    let locked = never.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = Condvar::new().wait_timeout(locked, time);
}

#[cfg(test)]
#[path = "watch/tests.rs"]
mod tests;
