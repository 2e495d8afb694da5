//! Poll, dispatch, the list to resume, and the work before sleeping.
//!
//! ```text
//! poll ─► commands, arrivals, events ─► resumed connections ─► deadlines ─► burial ─► log ─► poll
//! ```
//!
//! Connections that are over are buried at the end of a turn, so that an event of this turn never
//! meets a newcomer in the same slot.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU32;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll, Registry, Token, Waker};
use slab::Slab;

use super::connection::{Arrival, Connection, Outcome};
use super::connection_limits::{Bounds, ConnectionLimits, LimitReached, Slot};
use super::encrypted::{Encrypted, Lent};
use super::identities::{self, Identities, Sought};
use super::inquiry::Inquiry;
use super::listener::{Accepted, Listener, OUT_OF_DESCRIPTORS_PAUSE};
use super::look_ups::LookUps;
use super::origin::Origin;
use super::peer::{Connected, Peer};
use super::pipes::Pipes;
use super::pool::Pool;
use super::room::{Neighbours, Room};
use super::stream::Stream;
use super::timers::Timers;
use super::watch::Watch;
use super::{Generation, StartError};
use crate::audit::{self, ClientId, Event as Record, Who};
use crate::config::UpstreamAddress;
use crate::http::framing::{AnswerTo, Persistence};
use crate::http::head::Version;
use crate::http::message::{self, Answer};
use crate::lookup::{Daemon, Epoch, ImageCache, Presence};
use crate::plugins::{Plugins, Question};
use crate::policy::facts::{Facts, Questions};
use crate::policy::review::{CancelToken, Review, ReviewRequest};
use crate::session::{
    Budget, ImageChanges, Judged, Judgement, Outbox, Rules, Session, Side, Ticket, Turn,
};

/// Events taken from the kernel at once.
const EVENTS_MAX: usize = 1024;

/// Clients accepted from one listener before the others get their turn.
const ACCEPTS_PER_TURN: usize = 64;

/// Steps of handshakes in one turn. Each may take a signature, for which all others wait.
const HANDSHAKES_PER_TURN: usize = 1;

const WAKER: Token = Token(usize::MAX);
const LISTENERS_FROM: usize = usize::MAX / 2;

/// A connection's slot in its loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(usize);

impl Key {
    /// The token under which one side of the connection is registered.
    pub(super) fn token(self, side: Side) -> Token {
        match side {
            Side::Downstream => Token(self.0 * 2),
            Side::Upstream => Token(self.0 * 2 + 1),
        }
    }

    fn of(token: Token) -> (Self, Side) {
        let side = if token.0.is_multiple_of(2) { Side::Downstream } else { Side::Upstream };
        (Self(token.0 / 2), side)
    }
}

/// What other threads ask of a loop.
#[derive(Debug)]
pub(super) enum Command {
    Renew(Arc<Generation>),
    Drain(Duration),
    /// A bound is near, and another loop has no idle connections to close.
    MakeRoom {
        near: LimitReached,
        client: Who,
    },
    Judged {
        key: Key,
        serial: u64,
        ticket: Ticket,
        judged: Box<Judged>,
    },
    Answer {
        key: Key,
        serial: u64,
        ticket: Ticket,
        facts: Box<Facts>,
    },
    Review {
        key: Key,
        serial: u64,
        ticket: Ticket,
        advice: Box<Review>,
    },
    /// What was learned of a client.
    Identity {
        key: Key,
        serial: u64,
        answer: identities::Answer,
    },
}

/// Where commands for a loop are left.
#[derive(Debug, Clone)]
pub(super) struct Mailbox {
    commands: Sender<Command>,
    waker: Arc<Waker>,
}

impl Mailbox {
    /// Leaves a command; a loop that has ended needs none.
    pub(super) fn send(&self, command: Command) {
        let _ = self.commands.send(command);
        let _ = self.waker.wake();
    }
}

/// What a loop begins with.
pub(super) struct Startup {
    pub(super) listeners: Vec<Listener>,
    pub(super) generation: Arc<Generation>,
    pub(super) connection_limits: Arc<ConnectionLimits>,
    pub(super) neighbours: Neighbours,
    pub(super) pool: Pool,
    /// For bodies that are judged away from the loop.
    pub(super) judges: Pool,
    pub(super) look_ups: LookUps,
    pub(super) watch: Watch,
    pub(super) identities: Identities,
    pub(super) images: Images,
    pub(super) plugins: Plugins,
    pub(super) budget: Budget,
}

/// What is known of the daemons' images, and what may change it; shared by all loops.
#[derive(Debug, Clone)]
pub(super) struct Images {
    pub(super) known: Arc<ImageCache>,
    changes: ImageChanges,
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
    pub(super) connection_limits: Arc<ConnectionLimits>,
    pool: Pool,
    judges: Pool,
    look_ups: LookUps,
    pub(super) watch: Watch,
    identities: Identities,
    images: Images,
    plugins: Plugins,
    mailbox: Mailbox,
}

impl LoopContext {
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
        self.identities.ask(who, sought, move |answer| {
            mailbox.send(Command::Identity { key, serial, answer });
        });
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
        self.look_ups.ask(who, questions, daemon, reply)
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
        match self.judges.run(Box::new(job)) {
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
        let inquiry = Inquiry::new(&self.plugins, &self.images.known, reply);
        let known = inquiry.cached(&mut question);
        if known.is_none() {
            inquiry.begin(&self.pool, question);
        }
        known
    }
}

/// A loop that has not begun: what it holds may still change threads.
pub(super) struct EventLoop {
    poll: Poll,
    /// Had before the loop begins, as all descriptors: what is counted afterwards belongs to traffic.
    registry: Registry,
    commands: Receiver<Command>,
    mailbox: Mailbox,
    startup: Startup,
}

impl EventLoop {
    /// Makes a loop and the mailbox by which it is reached.
    pub(super) fn new(startup: Startup) -> Result<(Self, Mailbox), StartError> {
        let poll = Poll::new()?;
        let (sender, commands) = mpsc::channel();
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let mailbox = Mailbox { commands: sender, waker };
        let mut startup = startup;
        for (number, listener) in startup.listeners.iter_mut().enumerate() {
            listener.register(poll.registry(), Token(LISTENERS_FROM + number))?;
        }
        let registry = poll.registry().try_clone()?;
        Ok((Self { poll, registry, commands, mailbox: mailbox.clone(), startup }, mailbox))
    }
}

impl EventLoop {
    /// Begins, on the thread that stays with it.
    ///
    /// # Errors
    /// When the kernel does not let the loop wait for events.
    pub(super) fn run(self) -> io::Result<usize> {
        audit::gather();
        let Self { poll, registry, commands, mailbox, startup } = self;
        let now = now();
        let with = LoopContext {
            now,
            began: now,
            registry,
            scratch: vec![0; startup.generation.limits.buffer_bytes].into_boxed_slice(),
            pipes: Pipes::default(),
            lent: Lent::default(),
            outbox: Outbox::default(),
            connection_limits: startup.connection_limits,
            pool: startup.pool,
            judges: startup.judges,
            look_ups: startup.look_ups,
            watch: startup.watch,
            identities: startup.identities,
            images: startup.images,
            plugins: startup.plugins,
            mailbox,
        };
        let active = Active {
            commands,
            listeners: startup.listeners,
            generation: startup.generation,
            budget: startup.budget,
            room: Room::new(startup.neighbours),
            connections: Slab::new(),
            timers: Timers::default(),
            resume: Vec::new(),
            queue: VecDeque::new(),
            dead: Vec::new(),
            accept_again: AcceptAgain::WhenTold,
            drain_until: None,
            with,
        };
        active.turn_until_done(poll)
    }
}

/// Reads the clock, once a turn and at the start.
#[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// When listeners are asked for clients without a new event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AcceptAgain {
    WhenTold,
    NextTurn,
    At(Instant),
}

/// A running loop.
struct Active {
    commands: Receiver<Command>,
    listeners: Vec<Listener>,
    generation: Arc<Generation>,
    budget: Budget,
    room: Room,
    connections: Slab<Connection>,
    timers: Timers,
    /// Connections that had their share of a turn and have more to do.
    resume: Vec<usize>,
    /// Connections with a step of a handshake before them, the oldest first.
    queue: VecDeque<usize>,
    /// Connections that ended in this turn.
    dead: Vec<usize>,
    accept_again: AcceptAgain,
    drain_until: Option<Instant>,
    with: LoopContext,
}

impl Active {
    fn turn_until_done(mut self, mut poll: Poll) -> io::Result<usize> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        loop {
            match poll.poll(&mut events, self.poll_timeout()) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                Ok(()) | Err(_) => {}
            }
            self.with.now = now();
            self.turn(&events);
            if let Some(cut) = self.is_done() {
                return Ok(cut);
            }
        }
    }

    /// How long the loop may sleep.
    fn poll_timeout(&self) -> Option<Duration> {
        if !(self.resume.is_empty() && self.queue.is_empty())
            || self.accept_again == AcceptAgain::NextTurn
        {
            return Some(Duration::ZERO);
        }
        let accept = match self.accept_again {
            AcceptAgain::At(at) => Some(at),
            AcceptAgain::WhenTold | AcceptAgain::NextTurn => None,
        };
        let until = |at: Instant| at.saturating_duration_since(self.with.now);
        let known =
            [accept.map(until), self.drain_until.map(until), self.timers.wait(self.with.now)];
        known.into_iter().flatten().min()
    }

    fn turn(&mut self, events: &Events) {
        let resumed = std::mem::take(&mut self.resume);
        let mut arrivals = self.must_accept();
        for event in events {
            match event.token() {
                WAKER => self.run_commands(),
                Token(token) if token >= LISTENERS_FROM => arrivals = true,
                _ => self.on_event(event),
            }
        }
        for key in resumed {
            self.drive(key);
        }
        if arrivals {
            self.accept();
        }
        for key in self.timers.expired(self.with.now) {
            self.elapsed(key);
        }
        self.shake_hands();
        self.reap();
        audit::flush();
    }

    fn must_accept(&self) -> bool {
        match self.accept_again {
            AcceptAgain::WhenTold => false,
            AcceptAgain::NextTurn => true,
            AcceptAgain::At(at) => at <= self.with.now,
        }
    }

    fn run_commands(&mut self) {
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Renew(generation) => self.renew(generation),
                Command::Drain(grace) => self.drain(grace),
                Command::MakeRoom { near, client } => {
                    let crowd = (near, client);
                    let (limits, now) = (&self.with.connection_limits, self.with.now);
                    let keys = self.room.seek_here(crowd, &self.connections, limits, now);
                    self.close_idle(keys, near);
                }
                Command::Answer { key, serial, ticket, facts } => {
                    self.hand_over(key, serial, |connection, with| {
                        connection.answered(ticket, *facts, with);
                    });
                }
                Command::Judged { key, serial, ticket, judged } => {
                    self.hand_over(key, serial, |connection, with| {
                        connection.judged(ticket, *judged, with);
                    });
                }
                Command::Identity { key, serial, answer } => {
                    self.hand_over(key, serial, |connection, with| {
                        connection.learned(answer, with);
                    });
                }
                Command::Review { key, serial, ticket, advice } => {
                    self.hand_over(key, serial, |connection, with| {
                        connection.reviewed(ticket, *advice, with);
                    });
                }
            }
        }
    }

    fn renew(&mut self, generation: Arc<Generation>) {
        for (_, connection) in &mut self.connections {
            connection.renew(&generation);
        }
        self.generation = generation;
    }

    fn drain(&mut self, grace: Duration) {
        self.listeners.clear();
        self.accept_again = AcceptAgain::WhenTold;
        self.drain_until = Some(self.with.now + grace);
    }

    /// Hands an answer to the connection that asked, if it is still the one in its slot.
    fn hand_over(
        &mut self,
        Key(key): Key,
        serial: u64,
        hand: impl FnOnce(&mut Connection, &mut LoopContext),
    ) {
        let Some(connection) = live(&mut self.connections, key) else { return };
        if connection.serial() == serial {
            hand(connection, &mut self.with);
            self.drive(key);
        }
    }

    /// Lets the first in the queue go on, until the steps of this turn are taken.
    fn shake_hands(&mut self) {
        self.with.lent.permit(HANDSHAKES_PER_TURN);
        for _ in 0..self.queue.len() {
            if self.with.lent.permits() == 0 {
                break;
            }
            let Some(key) = self.queue.pop_front() else { break };
            if let Some(connection) = live(&mut self.connections, key) {
                connection.is_queued = false;
                self.drive(key);
            }
        }
        self.with.lent.permit(0);
    }

    fn on_event(&mut self, event: &Event) {
        let (Key(key), side) = Key::of(event.token());
        if let Some(connection) = live(&mut self.connections, key) {
            connection.on_event(side, event);
            self.drive(key);
        }
    }

    fn drive(&mut self, key: usize) {
        if let Some(connection) = live(&mut self.connections, key) {
            let outcome = connection.drive(&mut self.with);
            self.note(key, outcome);
        }
    }

    fn elapsed(&mut self, key: usize) {
        if let Some(connection) = live(&mut self.connections, key) {
            let outcome = connection.elapsed(&mut self.with);
            self.note(key, outcome);
        }
    }

    /// What follows from a turn with a connection.
    fn note(&mut self, key: usize, outcome: Outcome) {
        let Some(connection) = live(&mut self.connections, key) else { return };
        let deadline = match outcome {
            Outcome::Dead => None,
            Outcome::Waits | Outcome::Resume | Outcome::Queue => connection.deadline(),
        };
        let armed = std::mem::replace(&mut connection.armed, deadline);
        self.timers.rearm(key, armed, deadline);
        match outcome {
            Outcome::Waits => {}
            Outcome::Resume => self.resume.push(key),
            Outcome::Queue => {
                if !std::mem::replace(&mut connection.is_queued, true) {
                    self.queue.push_back(key);
                }
            }
            Outcome::Dead => {
                connection.is_dead = true;
                self.dead.push(key);
                // All connections share the outbox: what one still owes must not reach the next.
                self.with.outbox.clear();
            }
        }
        debug_assert!(self.with.outbox.is_empty(), "a turn leaves nothing for another connection");
    }

    fn reap(&mut self) {
        if self.drain_until.is_some() {
            self.give_up_idle();
        }
        for key in std::mem::take(&mut self.dead) {
            self.connections.try_remove(key);
        }
    }

    /// Nothing is lost when an idle connection closes.
    fn give_up_idle(&mut self) {
        let idle = self.connections.iter().filter(|(_, connection)| !connection.is_busy());
        for key in idle.map(|(key, _)| key).collect::<Vec<_>>() {
            self.note(key, Outcome::Dead);
        }
    }

    /// How many connections are cut, once the loop has nothing more to wait for.
    fn is_done(&self) -> Option<usize> {
        let until = self.drain_until?;
        let done = self.connections.is_empty() || until <= self.with.now;
        done.then_some(self.connections.len())
    }

    fn accept(&mut self) {
        self.accept_again = AcceptAgain::WhenTold;
        for number in 0..self.listeners.len() {
            self.accept_from(number);
        }
    }

    /// Takes waiting clients from one listener, but not for ever.
    fn accept_from(&mut self, number: usize) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(listener) = self.listeners.get(number) else { return };
            match listener.accept() {
                Ok(accepted) => self.admit(accepted),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => return self.not_accepted(&error),
            }
        }
        self.accept_again = AcceptAgain::NextTurn;
    }

    /// Others may still be waiting behind a client that could not be accepted.
    fn not_accepted(&mut self, error: &io::Error) {
        use rustix::io::Errno;
        let exhausted = matches!(
            Errno::from_io_error(error),
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
        );
        self.accept_again = if exhausted {
            audit::record(&ClientId::NOBODY, &Record::ConnectionRefused { reason: error });
            AcceptAgain::At(self.with.now + OUT_OF_DESCRIPTORS_PAUSE)
        } else {
            AcceptAgain::NextTurn
        };
    }

    fn admit(&mut self, accepted: Accepted) {
        if self.generation.transparent && is_from_elsewhere(&accepted) {
            let reason =
                "only connections that were redirected here are served (`listen.transparent`)";
            return turn_away(accepted, 403, &reason);
        }
        let limits = &self.generation.limits;
        let bounds =
            Bounds { total_max: limits.connections, per_client_max: limits.connections_per_client };
        let client = accepted.client.who();
        let entered = match self.with.connection_limits.enter(client, bounds) {
            // Nothing was closed in time: others have come at once.
            Err(met) if self.make_room(met, client) => {
                self.with.connection_limits.enter(client, bounds)
            }
            entered => entered,
        };
        match entered {
            Ok((place, near)) => {
                if let Some(near) = near {
                    self.make_room(near, client);
                }
                self.begin(accepted, place);
            }
            Err(LimitReached::Altogether) => turn_away(accepted, 503, &"too many connections"),
            Err(LimitReached::OneClient) => {
                turn_away(accepted, 503, &"too many connections from this client");
            }
        }
    }

    /// Closes idle connections because a bound is near; whether there were any.
    fn make_room(&mut self, near: LimitReached, client: Who) -> bool {
        let (limits, now) = (&self.with.connection_limits, self.with.now);
        let keys = self.room.seek((near, client), &self.connections, limits, now);
        let any = !keys.is_empty();
        self.close_idle(keys, near);
        any
    }

    fn close_idle(&mut self, keys: Vec<usize>, near: LimitReached) {
        let reason = match near {
            LimitReached::Altogether => "nearly all connections are taken",
            LimitReached::OneClient => "nearly all connections of this client are taken",
        };
        for key in keys {
            if let Some(connection) = live(&mut self.connections, key) {
                connection.make_room(&reason);
                self.note(key, Outcome::Dead);
            }
        }
    }

    fn begin(&mut self, accepted: Accepted, place: Slot) {
        let client = ClientId { connection: place.number(), peer: accepted.client, name: None };
        let slot = self.connections.vacant_entry();
        let key = Key(slot.key());
        let registry = &self.with.registry;
        let token = key.token(Side::Downstream);
        let stream = match (accepted.stream, &self.generation.tls) {
            (Stream::Tcp(tcp), Some(server)) => {
                let time = (self.with.now, self.generation.limits.handshake_time);
                let lent = self.with.lent.clone();
                Stream::Encrypted(Box::new(Encrypted::accepted(tcp, server, lent, time)))
            }
            (stream, _) => stream,
        };
        let Ok(downstream) = Peer::register(stream, token, registry, Connected::Already) else {
            return;
        };
        slot.insert(Connection::new(Arrival {
            session: Session::new(client, self.budget.clone(), self.with.images.changes.clone()),
            downstream,
            is_redirected: accepted.origin != Origin::Direct,
            destination: destination(accepted.origin, &self.generation.dockerapi),
            key,
            generation: Arc::clone(&self.generation),
            place,
        }));
        self.drive(key.0);
    }
}

/// A connection that has not ended in this turn. One that has is only waiting for its burial: driven
/// again, it could begin something that outlives it.
fn live(connections: &mut Slab<Connection>, key: usize) -> Option<&mut Connection> {
    connections.get_mut(key).filter(|connection| !connection.is_dead)
}

fn destination(origin: Origin, dockerapi: &UpstreamAddress) -> UpstreamAddress {
    match origin {
        Origin::Direct => dockerapi.clone(),
        Origin::Redirected(address) => UpstreamAddress::Tcp(address),
    }
}

/// Whether a client of another host has connected to SecDocker itself.
fn is_from_elsewhere(accepted: &Accepted) -> bool {
    let address = accepted.client.address();
    accepted.origin == Origin::Direct && address.is_some_and(|from| !from.ip().is_loopback())
}

/// Tells a client why it is not served. One write is tried: a fresh socket has space for it.
fn turn_away(mut accepted: Accepted, status: u16, reason: &dyn std::fmt::Display) {
    let client = ClientId { connection: 0, peer: accepted.client, name: None };
    audit::record(&client, &Record::ConnectionRefused { reason });
    let mut bytes = Vec::new();
    let answer = Answer {
        status,
        message: &format_args!("SecDocker: {reason}"),
        version: Version::Http11,
        persistence: Persistence::Close,
        method: AnswerTo::Other,
        retry_after: None,
    };
    message::write_answer(&mut bytes, &answer);
    // The client may have gone; it is not waited for.
    let _ = accepted.stream.write(&bytes);
    let _ = accepted.stream.shut_write();
    // What was sent already and is not read would reset the connection under the answer.
    let _ = accepted.stream.drop_some();
}
