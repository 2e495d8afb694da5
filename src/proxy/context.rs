//! What a loop lends to the connection that it drives: the time, buffers, and ways to ask other threads.

use std::num::NonZeroU32;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use mio::Registry;

use super::clients::identities::{Identities, Sought};
use super::limits::connection_limits::ConnectionLimits;
use super::mailbox::{Command, Key, Mailbox};
use super::streams::encrypted::Lent;
use super::streams::pipes::Pipes;
use super::threads::handshakes::{Handshakes, Step, Taken};
use super::threads::look_ups::LookUps;
use super::threads::pool::Pool;
use super::threads::reviewing::Reviewing;
use super::watch::Watch;
use crate::audit;
use crate::client::Who;
use crate::lookup::{Daemon, Epoch, Memory, Presence};
use crate::metrics::{LoopCounts, Metrics};
use crate::plugins::{Plugins, Question};
use crate::policy::review::{Review, ReviewRequest};
use crate::session::{Answer, Ask, ImageChanges, Outbox, Rules, Side, Turn, What, Work, Worked};

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
    pub(super) metrics: Arc<Metrics>,
    /// Whether the SecDocker whose place this one has taken still runs, and may leave connections to it.
    pub(super) is_preceded: Arc<AtomicBool>,
}

/// What is remembered of the daemons' images, volumes and networks, and what may change it; shared by all loops.
#[derive(Debug, Clone)]
pub(super) struct Images {
    pub(super) known: Arc<Memory>,
    pub(super) changes: ImageChanges,
}

impl Default for Images {
    fn default() -> Self {
        let changes = ImageChanges::default();
        let (of_images, of_volumes) = (changes.clone(), changes.clone());
        let of_images = move || {
            let number = of_images.epoch()?;
            Some(Epoch { number, abandoned: of_images.abandoned() })
        };
        let of_volumes = move || {
            let number = of_volumes.of_volumes().epoch()?;
            Some(Epoch { number, abandoned: of_volumes.of_volumes().abandoned() })
        };
        Self { known: Arc::new(Memory::new(of_images, of_volumes)), changes }
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
    /// What this loop counts.
    pub(super) counts: Arc<LoopCounts>,
    mailbox: Mailbox,
}

impl LoopContext {
    /// The context of a loop that begins `now`.
    pub(super) fn new(
        now: Instant,
        registry: Registry,
        buffer_bytes: usize,
        (shared, counts): (Shared, Arc<LoopCounts>),
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
            counts,
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
        self.outbox.records().keep(audit::level());
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

    /// Has something found out for a connection on other threads. What is known already is answered at once.
    pub(super) fn ask(
        &self,
        (key, serial): (Key, u64),
        (who, daemon): (Who, Daemon),
        ask: Ask,
    ) -> Option<Answer> {
        let Ask { ticket, what, token } = ask;
        let mailbox = self.mailbox.clone();
        let reply = move |answer| {
            let answer = Box::new(answer);
            mailbox.send(Command::Answer { key, serial, ticket, answer });
        };
        match what {
            What::Facts(questions) => {
                let reply = move |facts| reply(Answer::Facts(facts));
                let asked = (*questions, daemon);
                self.shared.look_ups.ask((who, token), self.now, asked, reply).map(Answer::Facts)
            }
            What::Review(request) => {
                let reply = move |review| reply(Answer::Review(review));
                self.review(*request, daemon, reply).map(Answer::Review)
            }
            What::Work(work) => self.work(*work, move |worked| reply(Answer::Worked(worked))),
        }
    }

    /// Has a body judged on another thread. If none can be had, it is judged at once.
    fn work(&self, work: Work, reply: impl FnOnce(Worked) + Send + 'static) -> Option<Answer> {
        let handed = Arc::new(Mutex::new(Some(work)));
        let taken = Arc::clone(&handed);
        let take =
            |work: &Mutex<Option<Work>>| work.lock().unwrap_or_else(PoisonError::into_inner).take();
        let job = move || {
            if let Some(work) = take(&taken) {
                reply(work.run());
            }
        };
        match self.shared.judges.run(Box::new(job)) {
            Ok(()) => None,
            Err(_) => take(&handed).map(|work| Answer::Worked(work.run())),
        }
    }

    /// Has the plugins asked, after the daemon has said which image it is. What is known already is
    /// answered at once.
    fn review(
        &self,
        review: ReviewRequest,
        daemon: Daemon,
        reply: impl FnOnce(Review) + Clone + Send + 'static,
    ) -> Option<Review> {
        let mut question = Question { review, presence: Presence::Unknown, daemon };
        let Shared { plugins, images, pool, .. } = &self.shared;
        let reviewing = Reviewing::new(plugins, &images.known, reply);
        let known = reviewing.cached(&mut question);
        if known.is_none() {
            reviewing.begin(pool, question);
        }
        known
    }
}
