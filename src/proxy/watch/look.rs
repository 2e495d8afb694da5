//! One look at a container, and what follows from it.

use std::time::Duration;

use super::{Condemned, Key, Stage, Watch, Watched};
use crate::audit::{self, Notice};
use crate::lookup::{self, Mounted, Run, Running};

/// How often a container is looked at that runs and can't be seen. One that has just ended may be told
/// of as running for a moment.
const LOOKS_MAX: u32 = 50;

/// How often a container is killed that runs on.
const KILLS_MAX: u32 = 50;

const UNSEEN: &str = "containers run where SecDocker cannot see their processes: what they have \
                      mounted is not looked at after their start";

const UNTOLD: &str = "the daemon does not say what a container is that was started: what it has \
                      mounted is looked at when it does";

/// What remains to be done.
#[derive(Debug)]
enum Outcome {
    /// Nothing; all is known of this run, if it runs.
    Done(Option<Run>),
    /// It must be looked at again.
    Again,
    /// It is killed, and looked at again until it has ended.
    Killed(Condemned),
}

impl Watch {
    /// Looks at a container that is due.
    pub(super) fn look(&self, key: &Key, patience: Duration) {
        let watched = {
            let mut state = self.lock();
            let Some(watched) = state.containers.get_mut(key) else { return };
            watched.stage = Stage::Looking;
            watched.clone()
        };
        let Watched { judged, looks, .. } = &watched;
        let outcome = match lookup::running(&key.0, &key.1, patience) {
            Err(_) => {
                if *looks > 0 {
                    self.say(UNTOLD);
                }
                Outcome::Again
            }
            Ok(None) => Outcome::Done(judged.clone()),
            Ok(Some(running)) if judged.as_ref() == Some(&running.run) => {
                Outcome::Done(judged.clone())
            }
            Ok(Some(running)) => self.look_into(key, running, &watched),
        };
        self.note(key, outcome);
    }

    fn look_into(&self, key: &Key, running: Running, watched: &Watched) -> Outcome {
        match &watched.condemned {
            Some(before) if before.run == running.run && watched.looks > KILLS_MAX => {
                return Outcome::Done(Some(running.run));
            }
            Some(before) if before.run == running.run => return kill(key, before.clone(), true),
            Some(_) | None => {}
        }
        let found = lookup::mounted(&key.0, &running, &watched.policy);
        let is_seen = !matches!(found, Mounted::Opaque | Mounted::Untold);
        let has_seen = self.lock().has_seen(&key.0, is_seen);
        let reason = match found {
            Mounted::AsJudged => return Outcome::Done(Some(running.run)),
            Mounted::Untold => return Outcome::Again,
            Mounted::Opaque if watched.looks < LOOKS_MAX => return Outcome::Again,
            Mounted::Opaque | Mounted::Hidden if !has_seen || !running.shows_mounts => {
                self.say(UNSEEN);
                return Outcome::Done(Some(running.run));
            }
            Mounted::Opaque => "its processes cannot be seen".to_owned(),
            Mounted::Hidden => {
                "what it has mounted cannot be seen: its processes have another root".to_owned()
            }
            Mounted::Elsewhere(violations) => violations.to_string(),
        };
        kill(key, Condemned { run: running.run, reason, is_killed: false }, false)
    }

    /// Notes what came of a look. Who looks again looks at what was started meanwhile, too.
    fn note(&self, key: &Key, outcome: Outcome) {
        let mut state = self.lock();
        let Some(watched) = state.containers.get_mut(key) else { return };
        let is_due = watched.stage == Stage::LookingAndDue;
        watched.looks += 1;
        match outcome {
            Outcome::Done(judged) => {
                watched.judged = judged;
                watched.looks = 0;
                watched.stage = Stage::Idle;
                drop(state);
                if is_due {
                    self.look_at(key.clone());
                }
                return;
            }
            Outcome::Again => {}
            Outcome::Killed(condemned) => {
                if watched.condemned.as_ref().is_none_or(|before| before.run != condemned.run) {
                    watched.looks = 0;
                }
                watched.condemned = Some(condemned);
            }
        }
        watched.stage = Stage::Due;
        drop(state);
        self.look_later(key.clone());
    }
}

/// Kills a container, and tells of it: the first time, and when it was done after all.
fn kill(key: &Key, mut condemned: Condemned, was_told: bool) -> Outcome {
    let was_killed = condemned.is_killed;
    condemned.is_killed |= lookup::kill(&key.0, &key.1);
    if !was_told || condemned.is_killed != was_killed {
        let Condemned { reason, is_killed, .. } = &condemned;
        let notice =
            Notice::MountedElsewhere { container: &key.1, violations: reason, killed: *is_killed };
        audit::announce(&notice);
    }
    Outcome::Killed(condemned)
}
