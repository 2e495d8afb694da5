//! Drives one session: reads, shows, writes, and closes.
//!
//! Everything follows from [`Session::flow`] and from what is owed: a direction is read only while
//! the other side takes bytes, so a slow peer is felt by its partner alone, through the kernel.

mod identity;
mod questions;
mod relay;
mod sending;

use std::fmt::Display;
use std::io;
use std::num::NonZeroU32;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

use mio::Registry;
use mio::event::Event;

use super::clients::identification::Standing;
use super::context::LoopContext;
use super::generation::Generation;
use super::heir::{Heir, Left};
use super::limits::connection_limits::Slot;
use super::mailbox::Key;
use super::streams::peer::Peer;
use super::threads::handshakes::Taken;
use super::upstream::{Overdue, Upstream};
use crate::audit;
use crate::client::Who;
use crate::config::UpstreamAddress;
use crate::record::Event as Record;
use crate::session::{End, Rules, Session, Side};

/// A client, its session, and the daemon's side while there is one.
#[derive(Debug)]
pub(super) struct Connection {
    session: Session,
    downstream: Peer,
    upstream: Upstream,
    /// Whether the client itself has connected to the destination.
    is_redirected: bool,
    destination: UpstreamAddress,
    key: Key,
    /// It has ended, and is removed when the turn is over.
    pub(super) is_dead: bool,
    /// It waits for its turn among those with more to do.
    pub(super) is_queued: bool,
    /// What the timers have been told.
    pub(super) armed: Option<Instant>,
    lingers_until: Option<Instant>,
    began: Instant,
    /// Bytes that came from the client; with TLS, of what is said in it.
    received: u64,
    /// Bytes that passed to the end of their direction: those of a raw stream.
    streamed: Streamed,
    /// Since when no request is under way, in the seconds of its loop; none while one is.
    idle_since: Option<NonZeroU32>,
    generation: Arc<Generation>,
    /// What holds for its client; another one may come to hold for the next request.
    rules: Arc<Rules>,
    pub(super) standing: Standing,
    place: Slot,
}

/// What a turn with a connection has left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing until the next event.
    Waits,
    /// There is more, but others had to wait long enough.
    Resume,
    /// The same, and what is next takes a processor's time: a step of a handshake.
    Queue,
    /// It is over.
    Dead,
}

/// What a new connection is made of.
pub(super) struct Arrival {
    pub(super) session: Session,
    pub(super) downstream: Peer,
    pub(super) is_redirected: bool,
    pub(super) destination: UpstreamAddress,
    pub(super) key: Key,
    pub(super) generation: Arc<Generation>,
    pub(super) place: Slot,
    pub(super) now: Instant,
}

/// The client or the kernel broke the connection: nothing can be said any more.
struct Broken(io::Error);

/// Bytes that were passed on to the end of their direction.
#[derive(Debug, Clone, Copy, Default)]
struct Streamed {
    from_client: u64,
    to_client: u64,
}

/// Whether a turn moved anything when its share was used up.
#[derive(Debug)]
enum Progress {
    Moved,
    Stuck,
}

impl Connection {
    pub(super) fn new(arrival: Arrival) -> Self {
        let upstream = &arrival.destination;
        audit::record(arrival.session.client(), &Record::ConnectionOpened { upstream });
        Self {
            session: arrival.session,
            downstream: arrival.downstream,
            upstream: Upstream::None,
            is_redirected: arrival.is_redirected,
            destination: arrival.destination,
            key: arrival.key,
            is_dead: false,
            is_queued: false,
            armed: None,
            lingers_until: None,
            began: arrival.now,
            received: 0,
            streamed: Streamed::default(),
            idle_since: None,
            rules: Arc::clone(arrival.generation.clients.rest()),
            generation: arrival.generation,
            standing: Standing::new(),
            place: arrival.place,
        }
    }

    /// Never used again, unlike the slot this connection stands in.
    pub(super) fn serial(&self) -> u64 {
        self.place.number()
    }

    /// Whether closing it now would lose anything.
    pub(super) fn is_busy(&self) -> bool {
        self.session.is_busy() || self.downstream.owes() || self.standing.is_awaited()
    }

    /// Since when it is idle, in the seconds of its loop, if it can be closed without loss.
    pub(super) fn idle_since(&self) -> Option<NonZeroU32> {
        self.idle_since.filter(|_| !self.is_dead && !self.is_busy())
    }

    /// Whether the client has said something since, that nobody has seen.
    pub(super) fn has_unread(&self) -> bool {
        self.downstream.has_unread()
    }

    /// Whose share of the bounds it takes.
    pub(super) fn who(&self) -> Who {
        self.session.client().peer.who()
    }

    /// Gives its place to others: it closes in this turn.
    pub(super) fn make_room(&mut self, reason: &dyn Display) {
        audit::record(self.session.client(), &Record::IdleClosed { reason });
        self.place.leave();
        self.part();
    }

    /// Says to both sides that nothing more follows, where closing alone does not. Only who is idle is left so:
    /// what is cut in the middle must not look as if it were whole.
    pub(super) fn part(&mut self) {
        self.upstream.close();
        self.downstream.say_end();
    }

    /// Leaves it to another SecDocker, if it is between two requests, and all that is known of it is with the
    /// kernel.
    pub(super) fn leave_to(&mut self, heir: &Heir, registry: &Registry) -> Option<Left> {
        if self.is_dead || self.is_busy() || !self.downstream.can_be_left() {
            return None;
        }
        if self.session.end().is_some() {
            return None;
        }
        let left = heir.leave(self.downstream.stream().as_fd());
        if left == Left::Taken {
            self.downstream.deregister(registry);
            self.upstream.close();
        }
        Some(left)
    }

    /// Says what has ended, for the log. It is removed when the turn is over.
    pub(super) fn end(&mut self, now: Instant) {
        self.is_dead = true;
        let client = self.session.client();
        if self.session.is_raw() {
            let Streamed { from_client, to_client } = self.streamed;
            audit::record(client, &Record::RawStreamEnded { from_client, to_client });
        }
        let (from_client, to_client) = (self.received, self.downstream.sent());
        let duration = now.saturating_duration_since(self.began);
        audit::record(client, &Record::ConnectionClosed { from_client, to_client, duration });
    }

    /// Remembers an event for one of its sides.
    pub(super) fn on_event(&mut self, side: Side, event: &Event) {
        self.idle_since = None;
        if let Some(peer) = self.peer_mut(side) {
            peer.on_event(event);
        }
    }

    /// Moves what can be moved, then closes or waits.
    pub(super) fn drive(&mut self, cx: &mut LoopContext) -> Outcome {
        let outcome = match self.move_and_settle(cx) {
            Outcome::Dead => Outcome::Dead,
            outcome if self.send_steps_away(cx) => outcome,
            _ => Outcome::Resume,
        };
        match self.is_busy() {
            true => self.idle_since = None,
            false => drop(self.idle_since.get_or_insert(cx.seconds())),
        }
        outcome
    }

    fn move_and_settle(&mut self, cx: &mut LoopContext) -> Outcome {
        let advanced = match self.downstream.is_broken() {
            true => Err(Broken(io::ErrorKind::ConnectionReset.into())),
            false => self.advance(cx),
        };
        // Before the log is told what follows from that.
        audit::record_all(self.session.client(), cx.outbox.records());
        self.count(cx);
        match advanced {
            Ok(progress) => match (self.settle(cx), progress) {
                (Outcome::Waits, _) if self.is_postponed() => Outcome::Queue,
                (Outcome::Waits, Progress::Moved) => Outcome::Resume,
                (outcome, _) => outcome,
            },
            Err(Broken(error)) => self.break_off(&error),
        }
    }

    /// Counts what became of requests, where the rules say that they are counted.
    fn count(&self, cx: &mut LoopContext) {
        for tally in cx.outbox.tallies() {
            if let Some(counts) = self.generation.counted.get(self.rules.place) {
                counts.count(cx.counts.number, tally);
            }
        }
        for rule in cx.outbox.broken_rules() {
            cx.shared.metrics.broken(rule);
        }
    }

    /// Has steps of handshakes taken on other threads that would take long here; whether all are.
    fn send_steps_away(&mut self, cx: &mut LoopContext) -> bool {
        let mut are_away = true;
        for side in [Side::Downstream, Side::Upstream] {
            let Some(step) = self.peer_mut(side).and_then(Peer::take_step) else { continue };
            let name = (self.key, self.serial(), side);
            if let Some(taken) = cx.take_step(name, self.who(), step) {
                self.stepped(side, taken);
                are_away = false;
            }
        }
        are_away
    }

    /// Takes what came of such a step.
    pub(super) fn stepped(&mut self, side: Side, taken: Taken) {
        if let Some(peer) = self.peer_mut(side) {
            peer.give_back(taken);
        }
    }

    /// Whether either side has put off what is next.
    fn is_postponed(&mut self) -> bool {
        let downstream = self.downstream.take_postponed();
        let upstream = self.peer_mut(Side::Upstream).is_some_and(Peer::take_postponed);
        downstream || upstream
    }

    /// The client is gone in the middle of something. A TLS stream that is cut off has not ended, whatever the
    /// kernel says of the connection below: the daemon must not take it for an end either.
    fn break_off(&mut self, error: &io::Error) -> Outcome {
        if self.session.is_busy() && self.session.end().is_none() {
            self.failed(&format_args!("the connection to the client broke: {error}"));
        }
        if !self.downstream.is_plain()
            && let Some(peer) = self.peer(Side::Upstream)
        {
            peer.reset_on_close();
        }
        Outcome::Dead
    }

    fn failed(&self, reason: &dyn Display) {
        audit::record(self.session.client(), &Record::ConnectionFailed { reason });
    }

    /// When [`Connection::elapsed`] must be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let handshake = self.downstream.handshake_deadline();
        [self.session.deadline(), self.upstream.deadline(), self.lingers_until, handshake]
            .into_iter()
            .flatten()
            .min()
    }

    /// A deadline has passed.
    pub(super) fn elapsed(&mut self, cx: &mut LoopContext) -> Outcome {
        if self.lingers_until.is_some_and(|until| until <= cx.now) {
            return Outcome::Dead;
        }
        if self.downstream.handshake_deadline().is_some_and(|until| until <= cx.now) {
            let waiting_for = &"the TLS handshake (`limits.handshake_time`)";
            audit::record(self.session.client(), &Record::TimedOut { waiting_for });
            return Outcome::Dead;
        }
        self.session.elapsed(&mut cx.turn(&self.rules));
        match self.upstream.overdue(cx.now) {
            Some(Overdue::Redial { owed, until }) => self.dial(owed, Some(until), cx),
            Some(Overdue::TimedOut) => self.unreachable(&io::ErrorKind::TimedOut.into(), cx),
            None => {}
        }
        self.drive(cx)
    }

    /// Closes what is over and asks the kernel for what is waited for.
    fn settle(&mut self, cx: &mut LoopContext) -> Outcome {
        let flushed = !self.downstream.owes();
        match self.session.end() {
            None => self.shut_what_is_done(),
            Some(End::Abort) => {
                self.downstream.reset_on_close();
                return Outcome::Dead;
            }
            Some(End::Flush) if flushed && self.must_linger() => return Outcome::Resume,
            Some(End::Flush) if flushed => {
                self.upstream.close();
                self.downstream.say_end();
                // The end may not have fit behind the answer.
                if !self.downstream.owes() {
                    return Outcome::Dead;
                }
            }
            Some(End::Flush) => self.upstream.close(),
            Some(End::Linger) => {
                self.upstream.close();
                if flushed {
                    self.downstream.shut_write();
                }
                let until = cx.now + self.generation.limits.linger_time;
                self.lingers_until.get_or_insert(until);
            }
        }
        let interest =
            self.downstream.settle(&cx.registry).and_then(|()| self.upstream.settle(&cx.registry));
        match interest {
            Ok(()) => Outcome::Waits,
            Err(error) => {
                self.failed(&format_args!("its sockets cannot be waited for: {error}"));
                Outcome::Dead
            }
        }
    }

    /// Whether closing now would make the kernel reset the connection, because the client has sent
    /// more than was read, and the reset could overtake the last answer.
    fn must_linger(&mut self) -> bool {
        self.downstream.has_more() && self.session.linger()
    }

    fn shut_what_is_done(&mut self) {
        for side in [Side::Downstream, Side::Upstream] {
            let done = self.session.is_done_with(side) && !self.owes(side);
            if let Some(peer) = self.peer_mut(side).filter(|_| done) {
                peer.shut_write();
            }
        }
    }

    fn peer(&self, side: Side) -> Option<&Peer> {
        match side {
            Side::Downstream => Some(&self.downstream),
            Side::Upstream => self.upstream.peer(),
        }
    }

    fn peer_mut(&mut self, side: Side) -> Option<&mut Peer> {
        match side {
            Side::Downstream => Some(&mut self.downstream),
            Side::Upstream => self.upstream.peer_mut(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An idle stream costs its slot, twice at most while the slab grows, and little beside.
    const CONNECTION_BYTES_MAX: usize = 712;

    #[test]
    fn an_idle_connection_is_small() {
        assert!(size_of::<Connection>() <= CONNECTION_BYTES_MAX, "{}", size_of::<Connection>());
    }
}
