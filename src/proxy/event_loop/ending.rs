//! How a loop comes to its end: it accepts no more, and is done when its last connection is.
//!
//! At a stop, idle connections are closed. If another SecDocker has taken the place of this one, it is left
//! those that it can go on with; the others stay until they have been idle for long.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::super::connection::Outcome;
use super::super::heir::Left;
use super::leaving::Leaving;
use super::{AcceptAgain, Active, live};
use crate::audit;

/// How long a connection that cannot be left to another SecDocker may be idle, in seconds: clients close theirs
/// before.
const IDLE_SECONDS_MAX: u32 = 90;

/// How often it is looked for those.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// When a connection that the other did not take is offered again.
const OFFERED_AGAIN: Duration = Duration::from_millis(10);

impl Active {
    /// Accepts no more. A second reason to leave counts instead of the first.
    pub(super) fn leave(&mut self, leaving: Leaving) {
        self.listeners.clear();
        self.accept_again = AcceptAgain::WhenTold;
        self.leaving = Some(leaving);
    }

    /// Closes idle connections, or leaves them to whoever goes on with them.
    pub(super) fn leave_idle(&mut self) {
        let Some(leaving) = &self.leaving else { return };
        let Some(heir) = leaving.heir.clone() else { return self.give_up_idle(0) };
        let mut again = LOOKS_EVERY;
        let keys: Vec<_> = self.connections.iter().map(|(key, _)| key).collect();
        for key in keys {
            let Some(connection) = self.connections.get_mut(key) else { continue };
            match connection.leave_to(&heir, &self.cx.registry) {
                Some(Left::Taken) => self.note(key, Outcome::Dead),
                Some(Left::Later) => {
                    again = OFFERED_AGAIN;
                    break;
                }
                // It cannot be reached any more: who comes next has to do with what listens.
                Some(Left::Gone) => return self.give_up_idle(0),
                None => {}
            }
        }
        self.give_up_idle(IDLE_SECONDS_MAX);
        let looks_at = (!self.connections.is_empty()).then(|| self.cx.now + again);
        if let Some(leaving) = &mut self.leaving {
            leaving.looks_at = looks_at;
        }
    }

    /// Nothing is lost when an idle connection closes. Those that have been idle for so many seconds do.
    fn give_up_idle(&mut self, seconds: u32) {
        let now = self.cx.seconds().get();
        let is_idle = |since: u32| now.saturating_sub(since) >= seconds;
        let idle = self.connections.iter().filter(|(_, connection)| match seconds {
            0 => !connection.is_busy(),
            _ => connection.idle_since().is_some_and(|since| is_idle(since.get())),
        });
        for key in idle.map(|(key, _)| key).collect::<Vec<_>>() {
            if let Some(connection) = live(&mut self.connections, key) {
                connection.part();
            }
            self.note(key, Outcome::Dead);
        }
    }

    /// How many connections are cut, once the loop has nothing more to wait for.
    pub(super) fn is_done(&mut self) -> Option<usize> {
        let leaving = self.leaving.as_ref()?;
        // Whoever had this place before may leave us connections for as long as it runs.
        let may_come = leaving.heir.is_some() && self.cx.shared.is_preceded.load(Ordering::SeqCst);
        let done = leaving.is_over(self.cx.now) || self.connections.is_empty() && !may_come;
        if done {
            self.connections.iter_mut().for_each(|(_, connection)| connection.end(self.cx.now));
            audit::flush();
        }
        done.then_some(self.connections.len())
    }
}
