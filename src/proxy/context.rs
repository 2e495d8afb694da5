//! What a loop lends to the connection that it drives: the time, buffers, and ways to ask other threads.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use mio::Registry;

use super::connection_limits::ConnectionLimits;
use super::encrypted::Lent;
use super::handshakes::{Handshakes, Step, Taken};
use super::identities::{Identities, Sought};
use super::inquiry::Inquiry;
use super::look_ups::LookUps;
use super::mailbox::{Command, Key, Mailbox};
use super::pipes::Pipes;
use super::pool::Pool;
use super::watch::Watch;
use crate::audit::Who;
use crate::lookup::{Daemon, Epoch, ImageCache, Presence};
use crate::plugins::{Plugins, Question};
use crate::policy::facts::{Facts, Questions};
use crate::policy::review::{CancelToken, Review, ReviewRequest};
use crate::session::{ImageChanges, Judged, Judgement, Outbox, Rules, Side, Ticket, Turn};

/// What all loops of a process have in common.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) connection_limits: Arc<ConnectionLimits>,
    pub(super) pool: Pool,
    /// For bodies that are judged away from the loop.
    pub(super) judges: Pool,
    pub(super) look_ups: LookUps,
    pub(super) watch: Watch,
    pub(super) identities: Identities,
    pub(super) handshakes: Handshakes,
    pub(super) images: Images,
    pub(super) plugins: Plugins,
}

/// What is known of the daemons' images, and what may change it; shared by all loops.
#[derive(Debug, Clone)]
pub(super) struct Images {
    pub(super) known: Arc<ImageCache>,
    pub(super) changes: ImageChanges,
}

impl Default for Images {
    fn default() -> Self {
        let changes = ImageChanges::default();
        let shared = changes.clone();
        let epoch = move || {
            let number = shared.epoch()?;
            Some(Epoch { number, abandoned: shared.abandoned() })
        };
        Self { known: Arc::new(ImageCache::new(epoch)), changes }
    }
}

/// What connections borrow from their loop while they are driven.
pub(super) struct LoopContext {
    pub(super) now: Instant,
    began: Instant,
    pub(super) registry: Registry,
    pub(super) scratch: Box<[u8]>,
    pub(super) pipes: Pipes,
    pub(super) lent: Lent,
    pub(super) outbox: Outbox,
    pub(super) shared: Shared,
    mailbox: Mailbox,
}

impl LoopContext {
    /// The context of a loop that begins `now`.
    pub(super) fn new(
        now: Instant,
        registry: Registry,
        buffer_bytes: usize,
        shared: Shared,
        mailbox: Mailbox,
    ) -> Self {
        Self {
            now,
            began: now,
            registry,
            scratch: vec![0; buffer_bytes].into_boxed_slice(),
            pipes: Pipes::default(),
            lent: Lent::default(),
            outbox: Outbox::default(),
            shared,
            mailbox,
        }
    }

    /// How long the loop has run, from 1 on.
    pub(super) fn seconds(&self) -> NonZeroU32 {
        let seconds = self.now.saturating_duration_since(self.began).as_secs();
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        NonZeroU32::MIN.saturating_add(seconds)
    }

    pub(super) fn turn<'a>(&'a mut self, rules: &'a Arc<Rules>) -> Turn<'a> {
        Turn { now: self.now, rules, out: &mut self.outbox }
    }

    /// Has something learned of a client on other threads.
    pub(super) fn identify(&self, (key, serial): (Key, u64), who: Who, sought: Sought) {
        let mailbox = self.mailbox.clone();
        self.shared.identities.ask(who, sought, move |answer| {
            mailbox.send(Command::Identity { key, serial, answer });
        });
    }

    /// Has a step of a handshake taken on another thread. If none can be had, it is taken at once.
    pub(super) fn take_step(
        &self,
        (key, serial, side): (Key, u64, Side),
        who: Who,
        step: Step,
    ) -> Option<Taken> {
        let mailbox = self.mailbox.clone();
        self.shared.handshakes.take(who, step, move |taken| {
            let taken = Box::new(taken);
            mailbox.send(Command::HandshakeStep { key, serial, side, taken });
        })
    }

    /// Has a question of this client answered on other threads. What is known already is answered at
    /// once.
    pub(super) fn ask(
        &self,
        (key, serial, ticket): (Key, u64, Ticket),
        who: (Who, CancelToken),
        questions: Questions,
        daemon: Daemon,
    ) -> Option<Facts> {
        let mailbox = self.mailbox.clone();
        let reply = move |facts| {
            let facts = Box::new(facts);
            mailbox.send(Command::Answer { key, serial, ticket, facts });
        };
        self.shared.look_ups.ask(who, questions, daemon, reply)
    }

    /// Has a body judged on another thread. If none can be had, it is judged at once.
    pub(super) fn judge(
        &self,
        (key, serial, ticket): (Key, u64, Ticket),
        judgement: Judgement,
    ) -> Option<Judged> {
        let mailbox = self.mailbox.clone();
        let handed = Arc::new(Mutex::new(Some(judgement)));
        let taken = Arc::clone(&handed);
        let take = |judgement: &Mutex<Option<Judgement>>| {
            judgement.lock().unwrap_or_else(PoisonError::into_inner).take()
        };
        let job = move || {
            if let Some(judgement) = take(&taken) {
                let judged = Box::new(judgement.run());
                mailbox.send(Command::Judged { key, serial, ticket, judged });
            }
        };
        match self.shared.judges.run(Box::new(job)) {
            Ok(()) => None,
            Err(_) => take(&handed).map(Judgement::run),
        }
    }

    /// Has the plugins asked, after the daemon has said which image it is. What is known already is
    /// answered at once.
    pub(super) fn consult(
        &self,
        (key, serial, ticket): (Key, u64, Ticket),
        review: ReviewRequest,
        daemon: Daemon,
    ) -> Option<Review> {
        let mut question = Question { review, presence: Presence::Unknown, daemon };
        let mailbox = self.mailbox.clone();
        let reply = move |advice| {
            let advice = Box::new(advice);
            mailbox.send(Command::Review { key, serial, ticket, advice });
        };
        let inquiry = Inquiry::new(&self.shared.plugins, &self.shared.images.known, reply);
        let known = inquiry.cached(&mut question);
        if known.is_none() {
            inquiry.begin(&self.shared.pool, question);
        }
        known
    }
}
