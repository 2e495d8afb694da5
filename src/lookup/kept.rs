//! Connections to daemons that are kept from one question to the next.
//!
//! Only SecDocker's own questions go over them, never a client's request: no broken request of a client can meet
//! the answer to another. One is kept where its answer ended as it said and nothing came behind it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::daemon::Daemon;
use super::deadline::now;

/// The most that are kept, for one daemon and for all.
const OF_DAEMON_MAX: usize = 8;
const ALL_MAX: usize = 32;

/// How long one is kept that nobody uses.
const IDLE_MAX: Duration = Duration::from_secs(30);

struct Kept {
    daemon: Daemon,
    channel: Channel,
    since: Instant,
}

static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

fn kept() -> MutexGuard<'static, Vec<Kept>> {
    // Nothing that could panic runs under the lock.
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One that leads to this daemon: the last one that was used. The daemon may have closed it meanwhile.
pub(super) fn take(daemon: &Daemon) -> Option<Channel> {
    let mut kept = kept();
    let at = kept.iter().rposition(|one| one.daemon == *daemon)?;
    let one = kept.remove(at);
    (now().saturating_duration_since(one.since) < IDLE_MAX).then_some(one.channel)
}

/// Keeps one whose last answer was read to its end.
pub(super) fn keep(daemon: &Daemon, channel: Channel) {
    let since = now();
    let mut kept = kept();
    kept.retain(|one| since.saturating_duration_since(one.since) < IDLE_MAX);
    let of_daemon = kept.iter().filter(|one| one.daemon == *daemon).count();
    if of_daemon < OF_DAEMON_MAX && kept.len() < ALL_MAX {
        kept.push(Kept { daemon: daemon.clone(), channel, since });
    }
}
