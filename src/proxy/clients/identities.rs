//! What must be known of a client and takes its time: the files of other processes, the daemon. Asked on
//! threads of its own, of which each client has its share.
//!
//! ```text
//! control groups ─► host ──────────────────────────────► reply
//! container ──────► daemon ─┬──────────────────────────► reply
//!                           └─ nobody yet ─► patient ──► reply
//! ```
//! Who waits for a daemon that does not answer holds up none who asks the host, and who waits for a container
//! that never comes none of those that are there.

use std::fmt;
use std::sync::Arc;

use super::super::threads::fair_pool::{FairPool, PoolLimits};
use super::super::threads::look_ups::timed;
use crate::client::Who;
use crate::client::{Container, Learned};
use crate::lookup::{Caller, Containers, Seeking, Ticks};
use crate::metrics::{Counter, LookUpCounts};
use crate::policy::review::CancelGuard;

/// Each kind of question has so many threads of its own.
const LIMITS: PoolLimits = PoolLimits {
    name: "identity",
    threads_max: 24,
    threads_per_client_max: 4,
    waiting_max: 4096,
    waiting_per_client_max: 512,
};

/// What is to be learned.
#[derive(Debug)]
pub(in crate::proxy) enum Sought {
    /// The control groups of anyone who had connected by this moment.
    ControlGroups(Caller, Ticks),
    /// Which container of the daemon has connected.
    Container(Box<Seeking>),
}

/// What was learned.
#[derive(Debug, Clone)]
pub(in crate::proxy) enum Answer {
    ControlGroups(Learned<Vec<String>>),
    Container(Learned<Arc<Container>>),
}

/// One question; no two are the same.
struct Question<T>(Arc<T>);

impl<T> PartialEq for Question<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Eq for Question<T> {}

type Groups = Learned<Vec<String>>;
type OfContainer = Learned<Arc<Container>>;

/// A handle to the threads; clones share them.
#[derive(Clone)]
pub(in crate::proxy) struct Identities {
    counts: Arc<LookUpCounts>,
    host: FairPool<Question<(Caller, Ticks)>, Groups>,
    daemon: FairPool<Question<Seeking>, Option<OfContainer>>,
    patient: FairPool<Question<Seeking>, OfContainer>,
}

impl Identities {
    pub(in crate::proxy) fn new(counts: &Arc<LookUpCounts>) -> Self {
        let containers = Containers::default();
        let patient = containers.clone();
        let (of_host, of_daemon) = (Arc::clone(counts), Arc::clone(counts));
        Self {
            counts: Arc::clone(counts),
            host: FairPool::new(LIMITS, move |Question(asked): &Question<(Caller, Ticks)>, _| {
                let (caller, arrived) = &**asked;
                timed(&of_host.client, || caller.control_groups(*arrived))
            }),
            daemon: FairPool::new(LIMITS, move |Question(seeking): &Question<Seeking>, _| {
                timed(&of_daemon.client, || containers.at_once(seeking))
            }),
            patient: FairPool::new(LIMITS, move |Question(seeking): &Question<Seeking>, _| {
                patient.patiently(seeking)
            }),
        }
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identities")
    }
}

const CROWDED: &str = "too many clients are being looked up";

impl Identities {
    /// Has something learned; `reply` is called once, on any thread or at once.
    pub(in crate::proxy) fn ask(
        &self,
        who: Who,
        sought: Sought,
        reply: impl FnOnce(Answer) + Send + 'static,
    ) {
        let refused = &self.counts.refused;
        match sought {
            Sought::ControlGroups(caller, arrived) => {
                let reply = |groups| reply(Answer::ControlGroups(groups));
                let question = Arc::new((caller, arrived));
                ask((&self.host, refused), who, &question, Learned::unknown(CROWDED), reply);
            }
            Sought::Container(seeking) => {
                let seeking = Arc::new(*seeking);
                let (patient, again) = (self.patient.clone(), Arc::clone(&seeking));
                let counts = Arc::clone(&self.counts);
                let reply = |container| reply(Answer::Container(container));
                let then = move |found: Option<OfContainer>| match found {
                    Some(found) => reply(found),
                    None => {
                        let pool = (&patient, &counts.refused);
                        ask(pool, who, &again, Learned::unknown(CROWDED), reply);
                    }
                };
                ask((&self.daemon, refused), who, &seeking, Some(Learned::unknown(CROWDED)), then);
            }
        }
    }
}

/// Has one question answered, with `unresolved` if nobody can be had for it.
fn ask<T: Send + Sync + 'static, A: Clone + Send + 'static>(
    (pool, refused): (&FairPool<Question<T>, A>, &Counter),
    who: Who,
    question: &Arc<T>,
    unresolved: A,
    reply: impl FnOnce(A) + Send + 'static,
) {
    // What was learned is of use to nobody else.
    let waited = CancelGuard::default().token();
    let question = Question(Arc::clone(question));
    if let Err(reply) = pool.ask((who, waited), question, Box::new(reply)) {
        refused.one();
        reply(unresolved);
    }
}
