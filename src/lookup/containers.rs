//! Which container of the daemon a client is: by its address on a bridge, or by its control group.
//!
//! ```text
//! address ─► on no bridge ──────────────────────────────────────────────► none
//!            on one ─► the daemon, asked after the client has come ─► a container has it, and no other
//!                      ─► its first process was there when the client came, and still is ─► that one
//! control group ─► has an identifier ─► the daemon: its process ─► is it within that one's group? ─► it
//! ```
//! The address of a container that has ended is given to the next one, and what the daemon tells of comes
//! after the fact: so nothing is concluded from what was known before the client came, but that an address is
//! on no bridge, or that nobody was found at it, until the daemon tells of a change.

mod by_group;
mod holder;
mod inspected;
mod listed;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::caller::Caller;
use super::daemon::{Daemon, Deadline, Reply, now};
use super::deadline::pause;
use super::events::{Told, follow_changes};
use super::ticks::Ticks;
use crate::client::{Container, Learned};
use by_group::{UNREACHABLE, by_control_group};
use holder::Holder;
use inspected::Inspected;
use listed::{At, Running};

/// The most daemons whose containers are remembered.
const DAEMONS_MAX: usize = 8;

/// How long to wait before a daemon that ended its events is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// How often the daemon is asked for the container of an address on a bridge, and after which time again.
const LOOKS_MAX: usize = 10;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// For how many addresses it is remembered that no container was found at them, and for how long.
const MISSES_MAX: usize = 1024;
const MISS_LIFE: Duration = Duration::from_secs(10);

const NOBODY: &str = "no container of the daemon's has its address";
const SEVERAL: &str = "several containers have its address, or may come to have it";
const NEWER: &str = "the container that has its address has begun after it had connected";
const ENDED: &str = "the container that had its address has ended";

/// What is known of the containers of daemons; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Containers(Arc<Mutex<HashMap<Daemon, Arc<Known>>>>);

/// A client of which it is asked.
#[derive(Debug)]
pub struct Seeking {
    /// The daemon whose container it may be.
    pub daemon: Daemon,
    /// Where it connects from.
    pub address: Option<IpAddr>,
    /// As the kernel knows it.
    pub caller: Learned<Caller>,
    /// A moment by which it had connected.
    pub arrived: Ticks,
}

/// Of one daemon.
#[derive(Debug, Default)]
struct Known {
    state: Mutex<State>,
    /// One asks at a time; others wait for the answer.
    asking: Mutex<()>,
    /// Something has changed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: Option<Arc<Running>>,
    /// The first processes of those that were found, by the identifiers of their containers.
    holders: HashMap<String, Arc<Holder>>,
    /// Whether the processes of its containers are seen here.
    sees_processes: bool,
    /// Where nobody was found, and until when that counts.
    missed: HashMap<IpAddr, Instant>,
    /// Whether the daemon tells of changes.
    is_followed: bool,
    /// How many changes it has reported.
    changes: u64,
    /// How often it was asked, up to now.
    asked: u64,
}

/// What one look finds at an address.
enum Found {
    This(Learned<Arc<Container>>),
    /// Nobody: the daemon lists a container a moment after its first process has begun.
    Nobody,
}

impl Containers {
    /// The container that has connected, by its address or as the process that the kernel names; none if only
    /// [`Containers::patiently`] tells. Blocks for as long as the daemon takes to answer.
    #[must_use]
    pub fn at_once(&self, seeking: &Seeking) -> Option<Learned<Arc<Container>>> {
        let Seeking { daemon, address, caller, arrived } = seeking;
        let Some(known) = self.known(daemon) else {
            return Some(Learned::unknown("too many daemons are asked about their containers"));
        };
        // Whose socket is one of this network namespace has no address of its own.
        let by_address = match (caller, address) {
            (Learned::Known(_), _) | (_, None) => Learned::None,
            (_, Some(address)) => match known.at(daemon, *address, *arrived) {
                Found::This(learned) => learned,
                Found::Nobody => return None,
            },
        };
        Some(match by_address {
            Learned::None => by_control_group(daemon, caller, *arrived),
            found => found,
        })
    }

    /// The same of a client at whose address nobody was found yet: the daemon may only be about to tell.
    #[must_use]
    pub fn patiently(&self, seeking: &Seeking) -> Learned<Arc<Container>> {
        match (self.known(&seeking.daemon), seeking.address) {
            (Some(known), Some(address)) => {
                known.look_again(&seeking.daemon, address, seeking.arrived)
            }
            _ => Learned::None,
        }
    }

    fn known(&self, daemon: &Daemon) -> Option<Arc<Known>> {
        let mut all = lock(&self.0);
        if let Some(known) = all.get(daemon) {
            return Some(Arc::clone(known));
        }
        if all.len() >= DAEMONS_MAX {
            return None;
        }
        let known = Arc::new(Known::default());
        let (followed, whose) = (Arc::clone(&known), daemon.clone());
        let begun = thread::Builder::new().name("changes".into());
        // Without it, each question is asked anew.
        let _ = begun.spawn(move || followed.follow(&whose));
        all.insert(daemon.clone(), Arc::clone(&known));
        Some(known)
    }
}

impl Known {
    /// The container on a bridge that had an address at that moment, by one look.
    fn at(&self, daemon: &Daemon, address: IpAddr, arrived: Ticks) -> Found {
        let (before, has_missed) = {
            let state = lock(&self.state);
            (state.running.clone(), state.has_missed(address))
        };
        match before.map(|running| running.at(address)) {
            // Most clients are on no bridge, and cost no question.
            Some(At::NoBridge) => return Found::This(Learned::None),
            Some(At::Nobody) if has_missed => return Found::This(Learned::unknown(NOBODY)),
            _ => {}
        }
        let Ok(running) = self.ask(daemon) else {
            return Found::This(Learned::unknown(UNREACHABLE));
        };
        match running.at(address) {
            At::One(container) => self.was_there(daemon, container, arrived),
            At::Several => Found::This(Learned::unknown(SEVERAL)),
            At::NoBridge => Found::This(Learned::None),
            At::Nobody => Found::Nobody,
        }
    }

    /// Whether a container that has the address by now had it at that moment: its first process was there then,
    /// and still is.
    fn was_there(&self, daemon: &Daemon, container: Arc<Container>, arrived: Ticks) -> Found {
        let held = lock(&self.state).holders.get(&container.id).cloned();
        let held = match held.filter(|holder| holder.runs()) {
            Some(held) => held,
            None => {
                match daemon.get(&["containers", &container.id, "json"], Deadline::of_one_round()) {
                    Ok(Reply::Absent) => return Found::Nobody,
                    Err(_) => return Found::This(Learned::unknown(UNREACHABLE)),
                    Ok(Reply::Found(body)) => match serde_json::from_slice::<Inspected>(&body) {
                        Err(_) => return Found::This(Learned::unknown(UNREACHABLE)),
                        Ok(inspected) => match Holder::of(inspected.state.pid, &container.id) {
                            Some(holder) => self.hold(&container.id, holder),
                            // Where processes are seen at all, this one has ended.
                            None if lock(&self.state).sees_processes => {
                                return Found::This(Learned::unknown(ENDED));
                            }
                            // In another namespace of processes, or on another machine, the daemon's word counts.
                            None => return Found::This(Learned::Known(container)),
                        },
                    },
                }
            }
        };
        Found::This(match (held.was_there(arrived), held.runs()) {
            (true, _) => Learned::Known(container),
            (false, true) => Learned::unknown(NEWER),
            (false, false) => Learned::unknown(ENDED),
        })
    }

    fn hold(&self, id: &str, holder: Holder) -> Arc<Holder> {
        let holder = Arc::new(holder);
        let mut state = lock(&self.state);
        state.sees_processes = true;
        state.holders.insert(id.to_owned(), Arc::clone(&holder));
        holder
    }

    /// Looks again and again for a while, each time that the daemon tells of something, too.
    fn look_again(
        &self,
        daemon: &Daemon,
        address: IpAddr,
        arrived: Ticks,
    ) -> Learned<Arc<Container>> {
        let mut changes = lock(&self.state).changes;
        for _ in 0..LOOKS_MAX {
            let waiting = |state: &mut State| state.changes == changes;
            let waited = self.changed.wait_timeout_while(lock(&self.state), BETWEEN_LOOKS, waiting);
            let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            changes = state.changes;
            drop(state);
            match self.at(daemon, address, arrived) {
                Found::This(learned) => return learned,
                Found::Nobody => {}
            }
        }
        lock(&self.state).miss(address, changes);
        Learned::unknown(NOBODY)
    }

    /// What runs now: asked for after this call.
    fn ask(&self, daemon: &Daemon) -> io::Result<Arc<Running>> {
        let before = lock(&self.state).asked;
        let _one = lock(&self.asking);
        let changes = {
            let mut state = lock(&self.state);
            // Somebody else has begun to ask since, and has the answer.
            if let Some(running) = state.running.clone().filter(|_| state.asked > before) {
                return Ok(running);
            }
            state.asked += 1;
            state.changes
        };
        let running = Arc::new(Running::ask(daemon)?);
        let mut state = lock(&self.state);
        state.holders.retain(|id, _| running.has(id));
        if state.is_followed && state.changes == changes {
            state.running = Some(Arc::clone(&running));
        }
        Ok(running)
    }

    /// Forgets what runs with each change, for as long as SecDocker runs.
    fn follow(&self, daemon: &Daemon) {
        loop {
            let ended = follow_changes(daemon, |told| {
                let mut state = lock(&self.state);
                state.is_followed |= told == Told::Begun;
                state.forget();
                self.changed.notify_all();
            });
            // What it does not tell of is asked anew each time.
            drop(ended);
            let mut state = lock(&self.state);
            state.is_followed = false;
            state.forget();
            drop(state);
            pause(PAUSE);
        }
    }
}

impl State {
    fn forget(&mut self) {
        self.changes += 1;
        self.running = None;
        self.missed.clear();
    }

    fn has_missed(&self, address: IpAddr) -> bool {
        self.missed.get(&address).is_some_and(|until| now() < *until)
    }

    /// Remembers that nobody was found, if the daemon has told of nothing since.
    fn miss(&mut self, address: IpAddr, changes: u64) {
        if !self.is_followed || self.changes != changes {
            return;
        }
        if self.missed.len() >= MISSES_MAX {
            let now = now();
            self.missed.retain(|_, until| now < *until);
        }
        if self.missed.len() < MISSES_MAX {
            self.missed.insert(address, now() + MISS_LIFE);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that could panic runs under these locks but reading an answer, which changes nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
