//! Look-ups for requests that are judged: what is known is answered at once, the host is asked on
//! threads of its own, and then the daemon on others. So a daemon that does not answer holds up none
//! who asks the host, and a file system that hangs none who asks the daemon.

use std::sync::Arc;
use std::time::Instant;

use super::super::clock::now;
use super::fair_pool::{FairPool, PoolLimits};
use crate::client::Who;
use crate::lookup::{self, Daemon, Memory};
use crate::metrics::{Counter, Histogram, LookUpCounts};
use crate::policy::facts::{Facts, Questions};
use crate::policy::review::CancelToken;

/// Questions about the host's files: one whose file system hangs stays for good.
const HOST: PoolLimits = PoolLimits {
    name: "look-up",
    threads_max: 32,
    threads_per_client_max: 8,
    waiting_max: 1024,
    waiting_per_client_max: 256,
};

/// Questions to the daemon, each of which may take as long as its client waits: the daemon answers none
/// about a container that is being written to.
const DAEMON: PoolLimits = PoolLimits {
    name: "look-up",
    threads_max: 256,
    threads_per_client_max: 16,
    waiting_max: 1024,
    waiting_per_client_max: 256,
};

/// A handle to the threads; clones share them.
#[derive(Clone)]
pub(in crate::proxy) struct LookUps {
    memory: Arc<Memory>,
    counts: Arc<LookUpCounts>,
    host: FairPool<(Daemon, Questions), Facts>,
    daemon: FairPool<(Daemon, Questions), Facts>,
}

impl LookUps {
    pub(in crate::proxy) fn new(memory: &Arc<Memory>, counts: Arc<LookUpCounts>) -> Self {
        let pool = |limits, of: fn(&LookUpCounts) -> &Histogram| {
            let (memory, counts) = (Arc::clone(memory), Arc::clone(&counts));
            FairPool::new(
                limits,
                move |(daemon, questions): &(Daemon, Questions), waited: &[CancelToken]| {
                    let is_waited = || waited.iter().any(|one| !one.is_cancelled());
                    timed(of(&counts), || {
                        lookup::look_up_while(questions, daemon, &memory, &is_waited)
                    })
                },
            )
        };
        let host = pool(HOST, |counts| &counts.host);
        let daemon = pool(DAEMON, |counts| &counts.daemon);
        Self { memory: Arc::clone(memory), counts, host, daemon }
    }

    /// Answers at once, in a turn of a loop that has begun then, if all is known; else `reply` is called once, on any thread.
    pub(in crate::proxy) fn ask(
        &self,
        (who, waited): (Who, CancelToken),
        turn: Instant,
        (mut questions, daemon): (Questions, Daemon),
        reply: impl FnOnce(Facts) + Send + 'static,
    ) -> Option<Facts> {
        let known = lookup::at_once(&mut questions, turn, (&daemon, &self.memory));
        let of_host = questions.take_about_host();
        let refused = &self.counts.refused;
        match (of_host.is_empty(), questions.is_empty()) {
            (true, true) => return Some(known),
            (true, false) => {
                ask((&self.daemon, refused), (who, waited), (daemon, questions), known, reply)
            }
            (false, true) => {
                ask((&self.host, refused), (who, waited), (daemon, of_host), known, reply)
            }
            (false, false) => {
                let (pool, of_daemon) = (self.daemon.clone(), (daemon.clone(), questions));
                let counts = Arc::clone(&self.counts);
                let of = (who, waited.clone());
                let then = move |known| ask((&pool, &counts.refused), of, of_daemon, known, reply);
                ask((&self.host, refused), (who, waited), (daemon, of_host), known, then);
            }
        }
        None
    }
}

/// Does what blocks, and counts how long it took.
pub(in crate::proxy) fn timed<T>(histogram: &Histogram, work: impl FnOnce() -> T) -> T {
    let began = now();
    let done = work();
    histogram.observe(now().saturating_duration_since(began));
    done
}

/// Adds the answers to what is known. A pool that is full answers that nothing could be learned.
fn ask(
    (pool, refused): (&FairPool<(Daemon, Questions), Facts>, &Counter),
    who: (Who, CancelToken),
    question: (Daemon, Questions),
    mut known: Facts,
    reply: impl FnOnce(Facts) + Send + 'static,
) {
    let mut unresolved = Facts::none();
    unresolved.note(&question.1);
    unresolved.note_late();
    let reply = move |facts| {
        known.add(facts);
        reply(known);
    };
    if let Err(reply) = pool.ask(who, question, Box::new(reply)) {
        refused.one();
        reply(unresolved);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use crate::policy::facts::Question;
    use crate::policy::review::CancelGuard;
    use crate::policy::types::HostPath;
    use std::sync::mpsc;

    #[test]
    fn all_that_was_asked_is_answered_together() {
        let look_ups = LookUps::new(&Arc::new(Memory::none()), Arc::default());
        let root = HostPath::root();
        let questions = Questions::from_iter([Question::real_path(&root), Question::volume("v")]);
        let (reply, replies) = mpsc::channel();
        let reply = move |facts| reply.send(facts).unwrap();
        assert!(
            look_ups
                .ask(
                    (Who::Unnamed, CancelGuard::default().token()),
                    now(),
                    (questions, Daemon::nowhere()),
                    reply
                )
                .is_none()
        );
        let facts: Facts = replies.recv().unwrap();
        assert_eq!(facts.link(&root), Some(&root));
        assert_eq!(facts.unresolved().unwrap().to_string(), "volume v");
        let none = look_ups.ask(
            (Who::Unnamed, CancelGuard::default().token()),
            now(),
            (Questions::default(), Daemon::nowhere()),
            |_| {},
        );
        assert!(none.unwrap().unresolved().is_none());
    }
}
