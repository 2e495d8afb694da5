//! Connections to daemons that are kept from one question to the next.
//!
//! Only SecDocker's own questions go over them, never a client's request: no broken request of a client can meet
//! the answer to another. One is used where its answer ended as it said and nothing came behind it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::daemon::Daemon;
use super::deadline::now;

/// The most that are kept, for one daemon and for all.
const OF_DAEMON_MAX: usize = 8;
const ALL_MAX: usize = 32;

/// How long one is used after it was opened: by then another daemon may listen there.
const AGE_MAX: Duration = Duration::from_secs(30);

struct Kept {
    daemon: Daemon,
    channel: Channel,
}

static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

fn kept() -> MutexGuard<'static, Vec<Kept>> {
    // Nothing that could panic runs under the lock.
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One that leads to this daemon: the last one that was used. The daemon may be closing it.
pub(super) fn take(daemon: &Daemon) -> Option<Channel> {
    loop {
        let channel = {
            let mut kept = kept();
            let at = kept.iter().rposition(|one| one.daemon == *daemon)?;
            kept.remove(at).channel
        };
        // What came without a question is the answer to none.
        if is_young(&channel, now()) && channel.is_quiet() {
            return Some(channel);
        }
    }
}

/// Keeps one whose last answer was read to its end. Whether more came behind it is looked at when it is taken.
pub(super) fn keep(daemon: &Daemon, channel: Channel) {
    let now = now();
    let mut kept = kept();
    kept.retain(|one| is_young(&one.channel, now));
    let of_daemon = kept.iter().filter(|one| one.daemon == *daemon).count();
    if of_daemon < OF_DAEMON_MAX && kept.len() < ALL_MAX && is_young(&channel, now) {
        kept.push(Kept { daemon: daemon.clone(), channel });
    }
}

fn is_young(channel: &Channel, now: Instant) -> bool {
    now.saturating_duration_since(channel.opened()) < AGE_MAX
}
