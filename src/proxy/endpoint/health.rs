//! Whether the loops turn, and whether the daemon answers. Both are found out once a second at most, however
//! often and by however many it is asked.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::clock::now;
use super::super::mailbox::Mailbox;
use super::super::pulse::Pulse;
use crate::lookup::Daemon;

/// How long an answer is given again.
const ANSWER_LIFE: Duration = Duration::from_secs(1);

/// How long a loop may take to turn: far longer than it has for all its connections together.
const PULSE_TIME: Duration = Duration::from_secs(3);

/// How soon it is looked again whether it has.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// How long the daemon may take.
const PING_TIME: Duration = Duration::from_secs(3);

type Found = Result<(), String>;

/// Whom to ask, and what was answered lately.
#[derive(Debug)]
pub(in crate::proxy) struct Health {
    loops: Vec<Mailbox>,
    daemon: Mutex<Daemon>,
    /// What was asked and is not answered: nothing more is asked meanwhile.
    pulse: Mutex<Option<Pulse>>,
    turned: Known,
    answered: Known,
}

/// What was found lately. Who asks meanwhile waits for it.
#[derive(Debug, Default)]
struct Known(Mutex<Option<(Instant, Found)>>);

impl Known {
    fn or_find(&self, find: impl FnOnce() -> Found) -> Found {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, found)) = &*known
            && now().saturating_duration_since(*at) < ANSWER_LIFE
        {
            return found.clone();
        }
        let found = find();
        *known = Some((now(), found.clone()));
        found
    }

    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Health {
    pub(in crate::proxy) fn new(loops: Vec<Mailbox>, daemon: Daemon) -> Self {
        Self {
            loops,
            daemon: Mutex::new(daemon),
            pulse: Mutex::default(),
            turned: Known::default(),
            answered: Known::default(),
        }
    }

    /// From now on another daemon is asked.
    pub(super) fn ask_another(&self, daemon: Daemon) {
        *self.daemon.lock().unwrap_or_else(PoisonError::into_inner) = daemon;
        self.answered.forget();
    }

    /// Whether every loop turns.
    pub(super) fn loops_turn(&self) -> Found {
        self.turned.or_find(|| {
            let mut asked = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
            let pulse = asked.get_or_insert_with(|| Pulse::ask(self.loops.iter()));
            let until = now() + PULSE_TIME;
            while !pulse.is_answered() {
                if until <= now() {
                    return Err("a loop does not turn".to_owned());
                }
                // Loops answer into a number, which nobody waits at.
                std::thread::park_timeout(LOOK_AGAIN);
            }
            *asked = None;
            Ok(())
        })
    }

    /// Whether the daemon answers `GET /_ping`.
    pub(super) fn daemon_answers(&self) -> Found {
        self.answered.or_find(|| {
            let daemon = self.daemon.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match daemon.ping(PING_TIME) {
                Ok(200) => Ok(()),
                Ok(status) => Err(format!("the daemon answers {status} to GET /_ping")),
                Err(error) => Err(format!("the daemon does not answer: {error}")),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::super::super::mailbox::Command;
    use super::*;
    use std::sync::atomic::Ordering;

    /// It is asked once, however long it stands; and found to turn as soon as it does.
    #[test]
    fn a_loop_that_stands_still_is_told_of() {
        let poll = mio::Poll::new().unwrap();
        let (mailbox, commands) = Mailbox::new(poll.registry()).unwrap();
        let health = Health::new(vec![mailbox], Daemon::nowhere());
        assert_eq!(health.loops_turn(), Err("a loop does not turn".to_owned()));
        health.turned.forget();
        assert_eq!(health.loops_turn(), Err("a loop does not turn".to_owned()));
        let asked: Vec<_> = commands.try_iter().collect();
        assert_eq!(asked.len(), 1);
        for command in asked {
            let Command::Pulse(turned) = command else { panic!("{command:?}") };
            turned.fetch_add(1, Ordering::Relaxed);
        }
        health.turned.forget();
        assert_eq!(health.loops_turn(), Ok(()));
    }

    #[test]
    fn what_was_found_is_found_again_for_a_while() {
        let known = Known::default();
        assert_eq!(known.or_find(|| Err("a".to_owned())), Err("a".to_owned()));
        let again = known.or_find(|| Ok(()));
        let is_kept = now() < known.0.lock().unwrap().as_ref().unwrap().0 + ANSWER_LIFE;
        assert!(!is_kept || again == Err("a".to_owned()));
        known.forget();
        assert_eq!(known.or_find(|| Ok(())), Ok(()));
    }

    #[test]
    fn a_daemon_that_is_not_there_does_not_answer() {
        let health = Health::new(Vec::new(), Daemon::nowhere());
        let reason = health.daemon_answers().unwrap_err();
        assert!(reason.starts_with("the daemon does not answer: "), "{reason}");
        assert_eq!(health.loops_turn(), Ok(()));
    }
}
