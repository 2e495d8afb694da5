//! Poll, dispatch, the list to resume, and the work before sleeping.
//!
//! ```text
//! poll ─► commands, arrivals, events ─► resumed connections ─► deadlines ─► removal ─► log ─► poll
//! ```
//!
//! Connections that are over are removed at the end of a turn, so that an event of this turn never
//! meets a newcomer in the same slot.
mod accepting;
mod ending;
mod leaving;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll, Registry, Token};
use slab::Slab;

use super::clock::now;
use super::connection::{Connection, Outcome};
use super::context::{LoopContext, Shared};
use super::error::StartError;
use super::generation::Generation;
use super::limits::room::{Neighbours, Room};
use super::listener::{Accepted, Listener};
use super::mailbox::{Command, Key, Mailbox, WAKER};
use super::timers::Timers;
use crate::audit;
use crate::metrics::LoopCounts;
use crate::session::Budget;
use leaving::Leaving;

/// Events taken from the kernel at once.
const EVENTS_MAX: usize = 1024;

/// Steps of handshakes in one turn. Each may take a signature, for which all others wait.
const HANDSHAKES_PER_TURN: usize = 1;

/// Tokens from here on are listeners'.
const LISTENERS_FROM: usize = usize::MAX / 2;

/// What a loop begins with.
pub(super) struct Startup {
    pub(super) listeners: Vec<Listener>,
    pub(super) generation: Arc<Generation>,
    pub(super) neighbours: Neighbours,
    pub(super) budget: Budget,
    pub(super) shared: Shared,
    pub(super) counts: Arc<LoopCounts>,
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
    pub(super) fn new(mut startup: Startup) -> Result<(Self, Mailbox), StartError> {
        let poll = Poll::new()?;
        let (mailbox, commands) = Mailbox::new(poll.registry())?;
        for (number, listener) in startup.listeners.iter_mut().enumerate() {
            listener.register(poll.registry(), Token(LISTENERS_FROM + number))?;
        }
        let registry = poll.registry().try_clone()?;
        Ok((Self { poll, registry, commands, mailbox: mailbox.clone(), startup }, mailbox))
    }

    /// Begins, on the thread that stays with it.
    ///
    /// # Errors
    /// When the kernel does not let the loop wait for events.
    pub(super) fn run(self) -> io::Result<usize> {
        audit::gather();
        let Self { poll, registry, commands, mailbox, startup } = self;
        let Startup { listeners, generation, neighbours, budget, shared, counts } = startup;
        let buffer_bytes = generation.limits.buffer_bytes;
        let active = Active {
            commands,
            listeners,
            generation,
            budget,
            room: Room::new(neighbours),
            connections: Slab::new(),
            timers: Timers::default(),
            resume: Vec::new(),
            queue: VecDeque::new(),
            dead: Vec::new(),
            accept_again: AcceptAgain::WhenTold,
            leaving: None,
            cx: LoopContext::new(now(), registry, buffer_bytes, (shared, counts), mailbox),
        };
        active.turn_until_done(poll)
    }
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
    leaving: Option<Leaving>,
    cx: LoopContext,
}

impl Active {
    fn turn_until_done(mut self, mut poll: Poll) -> io::Result<usize> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        loop {
            match poll.poll(&mut events, self.poll_timeout()) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                Ok(()) | Err(_) => {}
            }
            self.cx.now = now();
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
        let until = |at: Instant| at.saturating_duration_since(self.cx.now);
        let leaving = self.leaving.as_ref().and_then(|leaving| leaving.next_look(self.cx.now));
        let known = [accept.map(until), leaving, self.timers.wait(self.cx.now)];
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
        for key in self.timers.expired(self.cx.now) {
            self.elapsed(key);
        }
        self.shake_hands();
        self.reap();
        audit::flush();
    }

    fn run_commands(&mut self) {
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Renew(generation) => self.renew(generation),
                Command::Pulse(turned) => {
                    turned.fetch_add(1, Ordering::Relaxed);
                }
                Command::Drain(grace) => self.leave(Leaving::stopping(self.cx.now, grace)),
                Command::Retire { heir, at_most } => {
                    self.leave(Leaving::to(heir, self.cx.now, at_most));
                }
                Command::Adopt(connection) => {
                    // One that has gone meanwhile is nobody's.
                    if let Ok(accepted) = Accepted::before(connection) {
                        self.admit(accepted);
                    }
                }
                Command::MakeRoom { near, client } => {
                    let met = (near, client);
                    let (limits, now) = (&self.cx.shared.connection_limits, self.cx.now);
                    let keys = self.room.seek_here(met, &self.connections, limits, now);
                    self.close_idle(keys, near);
                }
                Command::Answer { key, serial, ticket, answer } => {
                    self.hand_over(key, serial, |connection, with| {
                        connection.answered(ticket, *answer, with);
                    });
                }
                Command::HandshakeStep { key, serial, side, taken } => {
                    self.hand_over(key, serial, |connection, _| connection.stepped(side, *taken));
                }
                Command::Identity { key, serial, answer } => {
                    self.hand_over(key, serial, |connection, cx| {
                        connection.learned(answer, cx);
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

    /// Hands an answer to the connection that asked, if it is still the one in its slot.
    fn hand_over(
        &mut self,
        Key(key): Key,
        serial: u64,
        hand: impl FnOnce(&mut Connection, &mut LoopContext),
    ) {
        let Some(connection) = live(&mut self.connections, key) else { return };
        if connection.serial() == serial {
            hand(connection, &mut self.cx);
            self.drive(key);
        }
    }

    /// Lets the first in the queue go on, until the steps of this turn are taken.
    fn shake_hands(&mut self) {
        self.cx.lent.permit(HANDSHAKES_PER_TURN);
        for _ in 0..self.queue.len() {
            if self.cx.lent.permits() == 0 {
                break;
            }
            let Some(key) = self.queue.pop_front() else { break };
            if let Some(connection) = live(&mut self.connections, key) {
                connection.is_queued = false;
                self.drive(key);
            }
        }
        self.cx.lent.permit(0);
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
            let outcome = connection.drive(&mut self.cx);
            self.note(key, outcome);
        }
    }

    fn elapsed(&mut self, key: usize) {
        if let Some(connection) = live(&mut self.connections, key) {
            let outcome = connection.elapsed(&mut self.cx);
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
                connection.end(self.cx.now);
                self.cx.counts.closed.one();
                self.dead.push(key);
                // All connections share the outbox: what one still owes must not reach the next.
                self.cx.outbox.clear();
            }
        }
        debug_assert!(self.cx.outbox.is_empty(), "a turn leaves nothing for another connection");
    }

    fn reap(&mut self) {
        self.leave_idle();
        for key in std::mem::take(&mut self.dead) {
            self.connections.try_remove(key);
        }
    }
}

/// A connection that has not ended in this turn. One that has is only waiting to be removed: driven
/// again, it could begin something that outlives it.
fn live(connections: &mut Slab<Connection>, key: usize) -> Option<&mut Connection> {
    connections.get_mut(key).filter(|connection| !connection.is_dead)
}
