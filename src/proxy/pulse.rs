//! Whether every loop turns: each is asked through its mailbox, and counts itself when it reads it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::mailbox::{Command, Mailbox};

/// A question to all loops.
#[derive(Debug)]
pub struct Pulse {
    turned: Arc<AtomicUsize>,
    loops: usize,
}

impl Pulse {
    /// Asks these loops.
    pub(super) fn ask<'a>(mailboxes: impl Iterator<Item = &'a Mailbox>) -> Self {
        let turned = Arc::new(AtomicUsize::new(0));
        let mut loops = 0;
        for mailbox in mailboxes {
            loops += 1;
            mailbox.send(Command::Pulse(Arc::clone(&turned)));
        }
        Self { turned, loops }
    }

    /// Whether each of them has turned since. One that has ended never does.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.turned.load(Ordering::Relaxed) == self.loops
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn a_loop_that_stands_still_leaves_it_unanswered() {
        let poll = mio::Poll::new().unwrap();
        let (turning, commands) = Mailbox::new(poll.registry()).unwrap();
        let other = mio::Poll::new().unwrap();
        let (standing, _kept) = Mailbox::new(other.registry()).unwrap();
        let obey = || {
            for command in commands.try_iter() {
                if let Command::Pulse(turned) = command {
                    turned.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        let alone = Pulse::ask([&turning].into_iter());
        let both = Pulse::ask([&turning, &standing].into_iter());
        assert!(!alone.is_answered() && !both.is_answered());
        obey();
        assert!(alone.is_answered() && !both.is_answered());
    }
}
