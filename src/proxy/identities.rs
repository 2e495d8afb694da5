//! What must be known of a client and takes its time: the files of other processes, the daemon. Asked on
//! threads of its own, of which each client has its share.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::fair_pool::{FairPool, LaneLimits};
use crate::audit::Who;
use crate::client::{Container, Learned};
use crate::lookup::{Caller, Containers, Daemon};
use crate::policy::review::{CancelGuard, CancelToken};

const LIMITS: LaneLimits = LaneLimits {
    name: "identity",
    threads_max: 32,
    threads_per_client_max: 4,
    waiting_max: 4096,
    waiting_per_client_max: 512,
};

/// What is to be learned.
#[derive(Debug)]
pub(super) enum Sought {
    /// The control groups of whoever has connected.
    ControlGroups(Caller),
    /// Which container of the daemon has connected.
    Container { daemon: Daemon, address: Option<IpAddr>, caller: Learned<Caller> },
}

/// What was learned.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    ControlGroups(Learned<Vec<String>>),
    Container(Learned<Arc<Container>>),
}

/// One question; no two are the same.
struct Question(Arc<Sought>);

impl PartialEq for Question {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Question {}

/// A handle to the threads; clones share them.
#[derive(Clone)]
pub(super) struct Identities(FairPool<Question, Answer>);

impl Default for Identities {
    fn default() -> Self {
        let containers = Containers::default();
        Self(FairPool::new(LIMITS, move |Question(sought): &Question, _: &[CancelToken]| {
            match &**sought {
                Sought::ControlGroups(caller) => Answer::ControlGroups(caller.control_groups()),
                Sought::Container { daemon, address, caller } => {
                    Answer::Container(containers.of(daemon, *address, caller))
                }
            }
        }))
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identities")
    }
}

impl Identities {
    /// Has something learned; `reply` is called once, on any thread or at once.
    pub(super) fn ask(
        &self,
        who: Who,
        sought: Sought,
        reply: impl FnOnce(Answer) + Send + 'static,
    ) {
        const CROWDED: &str = "too many clients are being looked up";
        let unresolved = match &sought {
            Sought::ControlGroups(_) => Answer::ControlGroups(Learned::unknown(CROWDED)),
            Sought::Container { .. } => Answer::Container(Learned::unknown(CROWDED)),
        };
        // What was learned is of use to nobody else.
        let waited = CancelGuard::default().token();
        if let Err(reply) = self.0.ask((who, waited), Question(Arc::new(sought)), Box::new(reply)) {
            reply(unresolved);
        }
    }
}
