//! Volumes and networks that are there, remembered for as long as that is proved to be so.
//!
//! ```text
//! get ────► known since a moment in which the daemon's events were followed, and none has told of a change,
//!           no request through SecDocker that may change one has begun, and 30 s have not passed
//! learn ──► asked anew, and kept if all of that holds from before the question until after the answer
//! ```
//!
//! Only what reaches nothing of the host is kept: another answer only forbids, and may be long. That there is none is
//! never kept, as it may be made next. What is left is the time that the daemon takes to tell of what it has done.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::super::daemon::{Daemon, now};
use super::super::deadline::pause;
use super::super::events::{Heard, follow_volumes};
use super::entries::Entries;
use super::epoch::{Epoch, Epochs, ReadEpoch, lock};
use crate::policy::facts::{Answer, Question};

/// The most daemons whose events are followed for this. Behind a redirect clients choose where they go.
const DAEMONS_MAX: usize = 8;

/// The most answers that are kept of one daemon, and the longest name that is, in bytes.
const ENTRIES_MAX: usize = 1024;
const NAME_BYTES_MAX: usize = 255;

/// How long events must have been followed before anything is believed: the daemon answers a moment before it has
/// begun to listen to itself.
const SETTLES_WITHIN: Duration = Duration::from_secs(1);

/// How long nothing is remembered of a daemon whose events have ended, and of one that does not tell of all changes.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_OF_OTHERS: Duration = Duration::from_secs(60);

/// How long the events of a daemon are followed that nobody asks for anything: others have its place then.
const IDLE: Duration = Duration::from_secs(300);

/// What an event is called that changes neither what a volume nor what a network is.
const USES: [&str; 4] = ["mount", "unmount", "connect", "disconnect"];

/// Answers about volumes and networks.
pub(in crate::lookup) struct Remembered {
    epochs: Epochs,
    daemons: Daemons,
}

type Daemons = Arc<Mutex<Vec<Arc<OfDaemon>>>>;

struct OfDaemon {
    daemon: Daemon,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// From when on every change is told of; none while the events are not followed.
    told_since: Option<Instant>,
    /// How many changes were told of, or may have been missed.
    changes: u64,
    /// When something was asked last.
    asked: Option<Instant>,
    entries: Entries<Question<'static>, Answer, ENTRIES_MAX>,
}

/// A moment from which on every change would be noticed.
struct Since {
    of: Arc<OfDaemon>,
    epoch: Epoch,
    changes: u64,
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").finish_non_exhaustive()
    }
}

impl Remembered {
    /// Nothing yet. `epoch` changes with every change that passes through SecDocker, and is none during one.
    pub(in crate::lookup) fn new(epoch: ReadEpoch) -> Self {
        Self { epochs: Epochs::new(epoch), daemons: Daemons::default() }
    }

    /// What is known without asking anybody.
    pub(in crate::lookup) fn get(
        &self,
        daemon: &Daemon,
        question: &Question<'static>,
    ) -> Option<Answer> {
        let of = self.of(daemon)?;
        let epoch = self.epochs.sure()?;
        let (mut state, now) = (lock(&of.state), now());
        state.asked = Some(now);
        let known = state.entries.get(question, epoch, now).filter(|_| state.is_told(now));
        known.cloned()
    }

    /// Learns an answer, and whether it may be kept.
    pub(in crate::lookup) fn learn<E>(
        &self,
        daemon: &Daemon,
        question: &Question<'_>,
        learn: impl FnOnce() -> Result<(Answer, bool), E>,
    ) -> Result<Answer, E> {
        let since = self.since(daemon);
        let (answer, may_be_kept) = learn()?;
        match since {
            _ if !may_be_kept || !has_short_name(question) => {}
            Some(since) => self.keep(&since, question, &answer),
            None => self.follow(daemon),
        }
        Ok(answer)
    }

    fn of(&self, daemon: &Daemon) -> Option<Arc<OfDaemon>> {
        lock(&self.daemons).iter().find(|of| of.daemon == *daemon).map(Arc::clone)
    }

    fn since(&self, daemon: &Daemon) -> Option<Since> {
        let of = self.of(daemon)?;
        let epoch = self.epochs.sure()?;
        let changes = {
            let state = lock(&of.state);
            state.is_told(now()).then_some(state.changes)?
        };
        Some(Since { of, epoch, changes })
    }

    fn keep(&self, since: &Since, question: &Question<'_>, answer: &Answer) {
        if self.epochs.current() != Some(since.epoch) {
            return;
        }
        let mut state = lock(&since.of.state);
        if state.changes == since.changes {
            let question = question.clone().into_owned();
            state.entries.put(question, answer.clone(), (since.epoch, now()));
        }
    }

    /// Has the events of a daemon followed from now on, until they end.
    fn follow(&self, daemon: &Daemon) {
        if self.epochs.current().is_none() {
            return;
        }
        let state = State { asked: Some(now()), ..State::default() };
        let of = Arc::new(OfDaemon { daemon: daemon.clone(), state: Mutex::new(state) });
        {
            let mut daemons = lock(&self.daemons);
            if daemons.len() >= DAEMONS_MAX || daemons.iter().any(|of| of.daemon == *daemon) {
                return;
            }
            daemons.push(Arc::clone(&of));
        }
        let followed = Followed { of, daemons: Arc::clone(&self.daemons) };
        // Without a thread it is dropped, and each question is asked anew.
        let _ = thread::Builder::new()
            .name("volumes".into())
            .spawn(move || pause(followed.of.follow()));
    }
}

/// A place among the daemons that are followed, given back however it ends.
struct Followed {
    of: Arc<OfDaemon>,
    daemons: Daemons,
}

impl Drop for Followed {
    fn drop(&mut self) {
        lock(&self.of.state).end();
        lock(&self.daemons).retain(|other| !Arc::ptr_eq(other, &self.of));
    }
}

impl OfDaemon {
    /// Forgets what each change may be about, until the events end: after what time to try again.
    fn follow(&self) -> Duration {
        // What it does not tell of is asked anew each time.
        let _ = follow_volumes(&self.daemon, IDLE, |heard| lock(&self.state).hear(&heard, now()));
        if lock(&self.state).end() { PAUSE } else { PAUSE_OF_OTHERS }
    }
}

impl State {
    /// Takes what the daemon has told; whether to listen on.
    fn hear(&mut self, heard: &Heard, now: Instant) -> bool {
        match heard {
            Heard::Begun { tells_all } => {
                self.told_since = tells_all.then(|| now + SETTLES_WITHIN);
                return *tells_all;
            }
            Heard::Event { action, .. } if USES.contains(&action.as_str()) => {}
            Heard::Event { kind, action, id } if is_of_one_volume(kind, action, id) => {
                self.changes += 1;
                self.entries.remove(&Question::volume(id).into_owned());
            }
            Heard::Quiet => {}
            Heard::Event { .. } | Heard::Unreadable => self.forget(),
        }
        self.asked.is_some_and(|asked| now.saturating_duration_since(asked) < IDLE)
    }

    /// Believes nothing any more; whether it has been told of every change.
    fn end(&mut self) -> bool {
        self.forget();
        self.told_since.take().is_some()
    }

    fn forget(&mut self) {
        self.changes += 1;
        self.entries.clear();
    }

    fn is_told(&self, now: Instant) -> bool {
        self.told_since.is_some_and(|since| now >= since)
    }
}

/// Whether an event changes nothing but one volume. Containers often bring some along that have no name.
fn is_of_one_volume(kind: &str, action: &str, id: &str) -> bool {
    kind == "volume" && matches!(action, "create" | "destroy") && !id.is_empty()
}

fn has_short_name(question: &Question<'_>) -> bool {
    match question {
        Question::Volume(name) | Question::Network(name) => name.len() <= NAME_BYTES_MAX,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
