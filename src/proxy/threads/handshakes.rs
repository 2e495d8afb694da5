//! Steps of handshakes that may take a signature of several milliseconds, on threads of their own.
//!
//! Rustls signs where it is asked to go on. So the session goes to a thread with the bytes that have come, and
//! comes back with what it says to them. Each client has one thread at most.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::fair_pool::{FairPool, PoolLimits};
use crate::client::Who;
use crate::policy::review::{CancelGuard, CancelToken};
use crate::tls::{Error, Outgoing, Received, Session};

/// A connection waits with one step on each side: `limits.connections` bounds them.
const LIMITS: PoolLimits = PoolLimits {
    name: "handshake",
    threads_max: 4,
    threads_per_client_max: 1,
    waiting_max: usize::MAX,
    waiting_per_client_max: usize::MAX,
};

/// A session, and what is to be shown to it.
#[derive(Debug)]
pub(in crate::proxy) struct Step {
    /// Never used again in its loop, so that a session finds the stream that it belongs to.
    pub(in crate::proxy) ticket: u64,
    pub(in crate::proxy) session: Session,
    /// Behind what was kept of a record.
    pub(in crate::proxy) bytes: Vec<u8>,
}

/// What came of a step.
#[derive(Debug)]
pub(in crate::proxy) struct Taken {
    pub(in crate::proxy) ticket: u64,
    pub(in crate::proxy) session: Session,
    /// What was said behind the handshake.
    pub(in crate::proxy) plain: Vec<u8>,
    pub(in crate::proxy) out: Outgoing,
    pub(in crate::proxy) received: Result<Received, Error>,
}

impl Step {
    fn take(mut self) -> Taken {
        let (mut plain, mut out) = (Vec::new(), Outgoing::default());
        let mut keep = |bytes: &[u8]| plain.extend_from_slice(bytes);
        let received = self.session.receive(&mut self.bytes, &mut keep, &mut out);
        Taken { ticket: self.ticket, session: self.session, plain, out, received }
    }
}

/// One step, which is taken once; no two are the same.
#[derive(Clone)]
struct Handed(Arc<Mutex<Option<Step>>>);

impl PartialEq for Handed {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Handed {}

impl Handed {
    fn take(&self) -> Option<Taken> {
        let step = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        step.map(Step::take)
    }
}

/// A handle to the threads; clones share them.
#[derive(Clone)]
pub(in crate::proxy) struct Handshakes(FairPool<Handed, Arc<Mutex<Option<Taken>>>>);

impl Default for Handshakes {
    fn default() -> Self {
        let take = |handed: &Handed, _: &[CancelToken]| Arc::new(Mutex::new(handed.take()));
        Self(FairPool::new(LIMITS, take))
    }
}

impl fmt::Debug for Handshakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handshakes")
    }
}

impl Handshakes {
    /// Has a step taken; `reply` is called once, on any thread. If no thread can be had, it is taken at once.
    pub(in crate::proxy) fn take(
        &self,
        who: Who,
        step: Step,
        reply: impl FnOnce(Taken) + Send + 'static,
    ) -> Option<Taken> {
        let handed = Handed(Arc::new(Mutex::new(Some(step))));
        let reply = |taken: Arc<Mutex<Option<Taken>>>| {
            if let Some(taken) = taken.lock().unwrap_or_else(PoisonError::into_inner).take() {
                reply(taken);
            }
        };
        // A client that has gone meanwhile costs one step.
        let token = CancelGuard::default().token();
        match self.0.ask((who, token), handed.clone(), Box::new(reply)) {
            Ok(()) => None,
            Err(_) => handed.take(),
        }
    }
}
