//! Drives one session: reads, shows, writes, and closes.
//!
//! Everything follows from [`Session::flow`] and from what is owed: a direction is read only while
//! the other side takes bytes, so a slow peer is felt by its partner alone, through the kernel.

use std::fmt::Display;
use std::io;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::Registry;
use mio::event::Event;

use super::connection_limits::{ConnectionLimits, Ends, Own, Slot};
use super::dial::{self, Dialled};
use super::encrypted::Handshake;
use super::event_loop::{Key, LoopContext};
use super::identification::{Asker, Looked, Standing};
use super::identities::Answer;
use super::peer::{Connected, Peer, Read};
use super::pipes::Pipe;
use super::{Generation, READ_BYTES_PER_TURN};
use crate::audit::{self, Event as Record, Who};
use crate::client::ClientCertificate;
use crate::config::UpstreamAddress;
use crate::lookup::{Daemon, DaemonTls};
use crate::policy::facts::{Facts, Questions};
use crate::policy::review::{CancelToken, Review, ReviewRequest};
use crate::session::{End, Flow, Judged, Rules, Session, Side, Step, Ticket, UpstreamFailure};

/// How soon a Unix socket whose queue of connections was full is tried again.
const REDIAL_AFTER: Duration = Duration::from_millis(5);

/// Less than this left of a body is copied: a pipe would cost as many calls for each few bytes.
const SPLICED_BYTES_MIN: u64 = 64 * 1024;

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
    /// It has ended, and is buried when the turn is over.
    pub(super) is_dead: bool,
    /// It waits for its turn among those with more to do.
    pub(super) is_queued: bool,
    /// What the timers have been told.
    pub(super) armed: Option<Instant>,
    lingers_until: Option<Instant>,
    /// Since when no request is under way, in the seconds of its loop; none while one is.
    idle_since: Option<NonZeroU32>,
    generation: Arc<Generation>,
    /// What holds for its client; another one may come to hold for the next request.
    rules: Arc<Rules>,
    pub(super) standing: Standing,
    place: Slot,
}

/// The daemon's side of a connection.
#[derive(Debug)]
enum Upstream {
    /// Nothing was sent yet, or the last connection is of no use any more.
    None,
    /// The daemon's queue was full; the bytes wait until it is tried again.
    Redialling {
        owed: Vec<u8>,
        at: Instant,
        until: Instant,
    },
    Connecting {
        peer: Peer,
        own: Option<Own>,
        until: Instant,
    },
    Open {
        peer: Peer,
        _own: Option<Own>,
    },
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
}

/// The client or the kernel broke the connection: nothing can be said any more.
struct Broken;

impl Connection {
    pub(super) fn new(arrival: Arrival) -> Self {
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
            idle_since: None,
            rules: Arc::clone(arrival.generation.clients.rest()),
            generation: arrival.generation,
            standing: Standing::default(),
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
        let outcome = self.move_and_settle(cx);
        match self.is_busy() {
            true => self.idle_since = None,
            false => drop(self.idle_since.get_or_insert(cx.seconds())),
        }
        outcome
    }

    fn move_and_settle(&mut self, cx: &mut LoopContext) -> Outcome {
        if self.downstream.is_broken() {
            return self.break_off();
        }
        match self.advance(cx) {
            Ok(progress) => match (self.settle(cx), progress) {
                (Outcome::Waits, _) if self.is_postponed() => Outcome::Queue,
                (Outcome::Waits, Progress::Moved) => Outcome::Resume,
                (outcome, _) => outcome,
            },
            Err(Broken) => self.break_off(),
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
    fn break_off(&mut self) -> Outcome {
        if !self.downstream.is_plain()
            && let Some(peer) = self.peer(Side::Upstream)
        {
            peer.reset_on_close();
        }
        Outcome::Dead
    }

    /// Hands the answer to a question over, if it still matters.
    pub(super) fn answered(&mut self, ticket: Ticket, facts: Facts, cx: &mut LoopContext) {
        self.take_new_rules(cx);
        self.session.answered(ticket, facts, &mut cx.turn(&self.rules));
    }

    /// Hands over what came of a body that was judged elsewhere, if it still matters.
    pub(super) fn judged(&mut self, ticket: Ticket, judged: Judged, cx: &mut LoopContext) {
        self.session.judged(ticket, judged, &mut cx.turn(&self.rules));
    }

    /// Hands over what the plugins said, if it still matters.
    pub(super) fn reviewed(&mut self, ticket: Ticket, advice: Review, cx: &mut LoopContext) {
        self.take_new_rules(cx);
        self.session.reviewed(ticket, advice, &mut cx.turn(&self.rules));
    }

    /// When [`Connection::elapsed`] must be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let upstream = match &self.upstream {
            Upstream::Redialling { at, .. } => Some(*at),
            Upstream::Connecting { until, .. } => Some(*until),
            Upstream::None | Upstream::Open { .. } => None,
        };
        let handshake = self.downstream.handshake_deadline();
        [self.session.deadline(), upstream, self.lingers_until, handshake]
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
        match &self.upstream {
            Upstream::Redialling { at, .. } if *at <= cx.now => self.redial(cx),
            Upstream::Connecting { until, .. } if *until <= cx.now => {
                self.unreachable(&io::ErrorKind::TimedOut.into(), cx);
            }
            _ => {}
        }
        self.drive(cx)
    }

    /// New requests are judged by the newest rules; one that is under way keeps its own.
    pub(super) fn renew(&mut self, generation: &Arc<Generation>) {
        self.generation = Arc::clone(generation);
        self.standing.renew();
    }

    /// What is judged again in the middle of a request or of a connection is judged by the newest rules, too.
    fn take_new_rules(&mut self, cx: &mut LoopContext) {
        let is_unknown = !self.standing.is_known() && !self.standing.is_awaited();
        if is_unknown && self.session.follows_rules() {
            self.identify(cx);
        }
    }

    /// Takes what was learned of the client.
    pub(super) fn learned(&mut self, answer: Answer, cx: &mut LoopContext) {
        self.standing.learned(answer);
        if self.session.awaits_request() || self.session.follows_rules() {
            self.identify(cx);
        }
    }

    /// Whether the next request may be read: it is known by which rules to judge it. `has_come` says whether
    /// anything is there to be read.
    fn is_identified(&mut self, has_come: bool, cx: &mut LoopContext) -> Result<bool, Broken> {
        if self.standing.is_known() || !self.session.awaits_request() {
            return Ok(true);
        }
        // What is read before its end is the handshake's own.
        if self.downstream.is_handshaking() {
            return Ok(true);
        }
        if !self.standing.is_awaited() && has_come {
            self.identify(cx);
            self.deliver(cx)?;
        }
        Ok(self.standing.is_known())
    }

    /// Looks for the rules of the client, and asks for what that depends on.
    fn identify(&mut self, cx: &mut LoopContext) {
        let client = self.session.client();
        let local = match &self.destination {
            UpstreamAddress::Tcp(to) if self.is_redirected => Some(*to),
            _ => self.downstream.local_address(),
        };
        let ends = client.peer.address().zip(local);
        let asker =
            Asker { client, stream: self.downstream.stream(), ends, generation: &self.generation };
        match self.standing.look(&asker) {
            Looked::Ask(sought) => {
                let who = self.who();
                cx.identify((self.key, self.serial()), who, sought);
            }
            Looked::Waits => {}
            Looked::Found { rules, name, met } => {
                self.session.identified(name);
                self.rules = rules;
                if let Some(met) = met {
                    self.session.turn_away(&met, &mut cx.turn(&self.rules));
                }
            }
        }
    }

    /// Moves both directions until neither can go on, or they had their share of this turn.
    fn advance(&mut self, cx: &mut LoopContext) -> Result<Progress, Broken> {
        self.await_connection(cx);
        self.deliver(cx)?;
        // Before either direction is asked: what is owed to one side may be all that holds it up itself.
        self.flush(Side::Downstream)?;
        self.flush(Side::Upstream)?;
        let mut left = READ_BYTES_PER_TURN;
        while left > 0 {
            let down = self.pump(Side::Downstream, &mut left, cx)?;
            let up = self.pump(Side::Upstream, &mut left, cx)?;
            if !down && !up {
                return Ok(Progress::Stuck);
            }
        }
        Ok(Progress::Moved)
    }

    /// Moves one direction until it is stuck or has had its share; says whether anything moved.
    fn pump(&mut self, from: Side, left: &mut usize, cx: &mut LoopContext) -> Result<bool, Broken> {
        self.flush(from.other())?;
        let mut moved = false;
        let mut wants_more = false;
        while *left > 0 && !self.is_blocked(from) {
            let has_come = self.downstream.has_more();
            if from == Side::Downstream && !self.is_identified(has_come, cx)? {
                self.look_for_end(from, left, cx)?;
                break;
            }
            let fed = match self.session.flow(from) {
                Flow::Hold => {
                    self.look_for_end(from, left, cx)?;
                    break;
                }
                _ if wants_more || self.has_no_unread(from) => {
                    match self.refill(from, left, cx)? {
                        Some(fed) => fed,
                        None => break,
                    }
                }
                _ => self.feed_unread(from, cx)?,
            };
            moved |= fed.taken > 0;
            wants_more = fed.wants_more;
            if fed.taken == 0 && !wants_more {
                break;
            }
        }
        Ok(self.tell_end(from, wants_more, cx)? || moved)
    }

    fn has_no_unread(&self, from: Side) -> bool {
        self.peer(from).is_some_and(|peer| peer.unread.is_empty())
    }

    /// Whether the next bytes from `from` have nowhere to go yet.
    fn is_blocked(&self, from: Side) -> bool {
        // A client that reads no answers gets no further ones.
        let answers_wait =
            from == Side::Downstream && self.downstream.owes() && self.session.may_answer_at_once();
        answers_wait || self.owes(from.other())
    }

    fn owes(&self, to: Side) -> bool {
        match (to, &self.upstream) {
            (Side::Downstream, _) => self.downstream.owes(),
            (Side::Upstream, Upstream::None) => false,
            (Side::Upstream, Upstream::Open { peer, .. }) => peer.owes(),
            (Side::Upstream, Upstream::Redialling { .. } | Upstream::Connecting { .. }) => true,
        }
    }

    /// Reads once and feeds what came; `None` if nothing did.
    fn refill(
        &mut self,
        from: Side,
        left: &mut usize,
        cx: &mut LoopContext,
    ) -> Result<Option<Fed>, Broken> {
        if self.is_worth_a_pipe(from)
            && let Some(pipe) = cx.pipes.lend()
        {
            return self.splice(from, pipe, left, cx);
        }
        with_scratch(cx, |scratch, cx| match self.read(from, scratch, cx)? {
            0 => Ok(None),
            count => {
                *left = left.saturating_sub(count);
                let fresh = scratch.get(..count).unwrap_or_default();
                self.feed_fresh(from, fresh, cx).map(Some)
            }
        })
    }

    /// Whether the next bytes from `from` may go on unseen, and are many.
    fn is_worth_a_pipe(&self, from: Side) -> bool {
        let is_long = match self.session.flow(from) {
            Flow::PassToEnd => true,
            Flow::Pass(at_most) => at_most.get() >= SPLICED_BYTES_MIN,
            Flow::Inspect | Flow::Hold | Flow::Discard => false,
        };
        is_long
            && self.peer(from.other()).is_some_and(Peer::is_plain)
            && self.peer(from).is_some_and(|peer| {
                peer.is_flowing() && peer.is_readable() && peer.unread.is_empty()
            })
    }

    /// Moves bytes from one side to the other through a pipe, as many as the buffer would take.
    fn splice(
        &mut self,
        from: Side,
        mut pipe: Pipe,
        left: &mut usize,
        cx: &mut LoopContext,
    ) -> Result<Option<Fed>, Broken> {
        let flow = self.session.flow(from);
        let at_most = most(flow, cx.scratch.len());
        let Some(peer) = self.peer_mut(from) else { return Ok(None) };
        let Some(read) = peer.read_into_pipe(&mut pipe, at_most) else {
            drop(pipe);
            return self.refill(from, left, cx);
        };
        let taken = self.bytes_read(from, read, cx)?;
        let Some(count) = counted(taken) else { return Ok(None) };
        *left = left.saturating_sub(taken);
        if matches!(flow, Flow::Pass(_)) {
            self.session.passed(from, count);
        }
        self.send_piped(from.other(), pipe)?;
        Ok(Some(Fed { taken, wants_more: false }))
    }

    fn read(&mut self, from: Side, into: &mut [u8], cx: &mut LoopContext) -> Result<usize, Broken> {
        let Some(peer) = self.peer_mut(from).filter(|peer| peer.is_readable()) else {
            return Ok(0);
        };
        let read = peer.read(into, cx.now);
        if from == Side::Downstream
            && let Some(news) = self.downstream.take_news()
        {
            self.handshake_ended(news, cx)?;
        }
        self.bytes_read(from, read, cx)
    }

    /// What follows from a handshake, before the session sees what the client says.
    fn handshake_ended(&mut self, news: Handshake, cx: &mut LoopContext) -> Result<(), Broken> {
        match news {
            Handshake::Done(certificate) => self.certified(certificate),
            Handshake::Failed(error) => {
                audit::record(self.session.client(), &Record::HandshakeFailed { reason: &error });
                self.session.hear_out();
            }
            Handshake::PlainRefused => {
                let reason = "the client speaks HTTP without TLS, and this port speaks TLS only \
                              (`listen.tls.plain`): use `--tlsverify` or https://";
                self.session.reject(400, &reason, &mut cx.turn(&self.rules));
                self.deliver(cx)?;
            }
        }
        Ok(())
    }

    /// What the client has proved is known from now on.
    fn certified(&mut self, certificate: Option<Box<ClientCertificate>>) {
        let client = self.session.client();
        if let Some(certificate) = certificate.as_deref() {
            audit::record(client, &Record::CertificateShown { certificate });
        }
        self.standing.certified(client, certificate);
    }

    /// What follows from a read.
    fn bytes_read(
        &mut self,
        from: Side,
        read: io::Result<Read>,
        cx: &mut LoopContext,
    ) -> Result<usize, Broken> {
        match (read, from) {
            (Ok(Read::Bytes(count)), _) => Ok(count),
            (Ok(Read::End | Read::WouldBlock), _) => Ok(0),
            (Err(_), Side::Downstream) => Err(Broken),
            (Err(error), Side::Upstream) => {
                self.lose_upstream(&error, cx)?;
                Ok(0)
            }
        }
    }

    /// Feeds bytes that were just read, without copying those that are taken at once.
    fn feed_fresh(
        &mut self,
        from: Side,
        fresh: &[u8],
        cx: &mut LoopContext,
    ) -> Result<Fed, Broken> {
        if self.peer(from).is_some_and(|peer| !peer.unread.is_empty()) {
            self.keep(from, fresh);
            return self.feed_unread(from, cx);
        }
        let fed = self.feed(from, fresh, cx)?;
        self.keep(from, fresh.get(fed.taken..).unwrap_or_default());
        Ok(fed)
    }

    fn keep(&mut self, from: Side, bytes: &[u8]) {
        if let Some(peer) = self.peer_mut(from) {
            peer.unread.push(bytes);
        }
    }

    fn feed_unread(&mut self, from: Side, cx: &mut LoopContext) -> Result<Fed, Broken> {
        let Some(peer) = self.peer_mut(from) else { return Ok(Fed::default()) };
        let mut unread = std::mem::take(&mut peer.unread);
        let fed = self.feed(from, unread.as_slice(), cx)?;
        unread.take(fed.taken);
        if let Some(peer) = self.peer_mut(from) {
            peer.unread = unread;
        }
        Ok(fed)
    }

    /// Shows bytes to the session and moves those that may pass, in as few writes as possible.
    fn feed(&mut self, from: Side, input: &[u8], cx: &mut LoopContext) -> Result<Fed, Broken> {
        let mut run = Run::default();
        let mut wants_more = false;
        while let Some(rest) = input.get(run.end..).filter(|rest| !rest.is_empty())
            && !self.is_blocked(from)
        {
            // The first bytes may come with the end of a handshake, and the next request behind another.
            if from == Side::Downstream && !self.is_identified(true, cx)? {
                break;
            }
            match self.session.flow(from) {
                Flow::Hold => break,
                Flow::Discard => run.skip(rest.len()),
                Flow::PassToEnd => run.end += rest.len(),
                Flow::Pass(at_most) => {
                    let Some(count) = count_of(rest, at_most) else { break };
                    self.session.passed(from, count);
                    run.end += usize::try_from(count.get()).unwrap_or(rest.len());
                }
                Flow::Inspect => match self.show(from, rest, cx) {
                    Step::Forward(count) => run.end += count,
                    Step::Take(count) => {
                        self.forward(from, run.of(input), cx)?;
                        run.skip(count);
                        self.deliver(cx)?;
                    }
                    Step::More => {
                        wants_more = true;
                        break;
                    }
                },
            }
        }
        self.forward(from, run.of(input), cx)?;
        Ok(Fed { taken: run.end, wants_more })
    }

    fn show(&mut self, from: Side, input: &[u8], cx: &mut LoopContext) -> Step {
        self.take_new_rules(cx);
        self.session.bytes(from, input, &mut cx.turn(&self.rules))
    }

    /// Writes bytes from one side to the other. Nothing of a request that turned out to be refused
    /// goes out, even if its beginning might have passed.
    fn forward(&mut self, from: Side, bytes: &[u8], cx: &mut LoopContext) -> Result<(), Broken> {
        if bytes.is_empty() || (from == Side::Downstream && self.session.end().is_some()) {
            return Ok(());
        }
        self.send(from.other(), bytes, cx)
    }

    /// Writes what the session made itself, and asks what it wants to know.
    fn deliver(&mut self, cx: &mut LoopContext) -> Result<(), Broken> {
        // Before the bytes that start it.
        if let Some((container, policy)) = cx.outbox.take_watched() {
            cx.watch.add(&self.daemon(), container, &policy);
        }
        for side in [Side::Downstream, Side::Upstream] {
            let mut bytes = std::mem::take(cx.outbox.to(side));
            if !bytes.is_empty() {
                self.send(side, &bytes, cx)?;
            }
            bytes.clear();
            *cx.outbox.to(side) = bytes;
        }
        if let Some((ticket, judgement)) = cx.outbox.take_judgement() {
            let name = (self.key, self.serial(), ticket);
            if let Some(judged) = cx.judge(name, judgement) {
                self.judged(ticket, judged, cx);
                return self.deliver(cx);
            }
        }
        if let Some((ticket, questions, waited)) = cx.outbox.take_question() {
            self.ask((ticket, waited), questions, cx)?;
        }
        if let Some((ticket, review)) = cx.outbox.take_consultation() {
            return self.consult(ticket, review, cx);
        }
        Ok(())
    }

    fn consult(
        &mut self,
        ticket: Ticket,
        review: ReviewRequest,
        cx: &mut LoopContext,
    ) -> Result<(), Broken> {
        let name = (self.key, self.serial(), ticket);
        let Some(known) = cx.consult(name, review, self.daemon()) else {
            return Ok(());
        };
        self.reviewed(ticket, known, cx);
        self.deliver(cx)
    }

    fn ask(
        &mut self,
        (ticket, waited): (Ticket, CancelToken),
        questions: Questions,
        cx: &mut LoopContext,
    ) -> Result<(), Broken> {
        let (name, who) = ((self.key, self.serial(), ticket), (self.who(), waited));
        let Some(known) = cx.ask(name, who, questions, self.daemon()) else {
            return Ok(());
        };
        self.answered(ticket, known, cx);
        self.deliver(cx)
    }

    /// Whom to ask about a request: the daemon that it would go to.
    fn daemon(&self) -> Daemon {
        Daemon {
            address: self.destination.clone(),
            mark: self.generation.upstream_mark,
            tls: self.daemon_tls(),
        }
    }

    /// How the daemon is spoken to: at `dockerapi` as the configuration says, elsewhere as the client speaks
    /// to it.
    fn daemon_tls(&self) -> Option<DaemonTls> {
        let tls = self.generation.upstream_tls.as_ref()?;
        let name = match (&self.destination, self.is_redirected) {
            (UpstreamAddress::Unix(_), _) => return None,
            (UpstreamAddress::Tcp(_), false) => tls.of_dockerapi.clone()?,
            (UpstreamAddress::Tcp(_), true) if self.downstream.is_plain() => return None,
            (UpstreamAddress::Tcp(address), true) => {
                tls.name.clone().unwrap_or_else(|| address.ip().into())
            }
        };
        Some(DaemonTls { client: Arc::clone(&tls.client), name })
    }

    fn send(&mut self, to: Side, bytes: &[u8], cx: &mut LoopContext) -> Result<(), Broken> {
        match (to, &mut self.upstream) {
            (Side::Downstream, _) => self.downstream.send(bytes).map_err(|_| Broken),
            (Side::Upstream, Upstream::None) => {
                self.dial(bytes.to_vec(), None, cx);
                self.deliver(cx)
            }
            (Side::Upstream, Upstream::Redialling { owed, .. }) => {
                owed.extend_from_slice(bytes);
                Ok(())
            }
            (Side::Upstream, Upstream::Connecting { peer, .. }) => {
                peer.owed.push(bytes);
                Ok(())
            }
            (Side::Upstream, Upstream::Open { peer, .. }) => {
                if peer.send(bytes).is_err() {
                    self.upstream_write_closed();
                }
                Ok(())
            }
        }
    }

    fn send_piped(&mut self, to: Side, pipe: Pipe) -> Result<(), Broken> {
        match (to, &mut self.upstream) {
            (Side::Downstream, _) => self.downstream.send_piped(pipe).map_err(|_| Broken),
            (Side::Upstream, Upstream::Open { peer, .. }) => {
                if peer.send_piped(pipe).is_err() {
                    self.upstream_write_closed();
                }
                Ok(())
            }
            (Side::Upstream, _) => {
                debug_assert!(false, "what passes unseen has a daemon to go to");
                Err(Broken)
            }
        }
    }

    fn flush(&mut self, to: Side) -> Result<(), Broken> {
        match (to, &mut self.upstream) {
            (Side::Downstream, _) => self.downstream.flush().map_err(|_| Broken),
            (Side::Upstream, Upstream::Open { peer, .. }) => {
                if peer.flush().is_err() {
                    self.upstream_write_closed();
                }
                Ok(())
            }
            (Side::Upstream, _) => Ok(()),
        }
    }

    /// The daemon reads no more, but what it has answered is still to be read.
    fn upstream_write_closed(&mut self) {
        if let Upstream::Open { peer, .. } = &mut self.upstream {
            peer.forget_owed();
        }
        self.session.upstream_write_closed();
    }

    fn lose_upstream(&mut self, error: &io::Error, cx: &mut LoopContext) -> Result<(), Broken> {
        self.drop_upstream();
        let lost = UpstreamFailure::Lost(format!("the connection to the daemon broke: {error}"));
        self.session.upstream_failed(&lost, &mut cx.turn(&self.rules));
        self.deliver(cx)
    }

    /// While bytes are held, nobody reads; but a client that has left should be noticed.
    fn look_for_end(
        &mut self,
        from: Side,
        left: &mut usize,
        cx: &mut LoopContext,
    ) -> Result<(), Broken> {
        let worth_it =
            self.peer(from).is_some_and(|peer| peer.may_have_ended() && peer.unread.is_empty());
        if !worth_it {
            return Ok(());
        }
        with_scratch(cx, |scratch, cx| {
            let count = self.read(from, scratch, cx)?;
            *left = left.saturating_sub(count);
            self.keep(from, scratch.get(..count).unwrap_or_default());
            Ok(())
        })
    }

    /// Tells the session of an end, once nothing before it is left to show, or what is left
    /// `wants_more` that will never come.
    fn tell_end(
        &mut self,
        from: Side,
        wants_more: bool,
        cx: &mut LoopContext,
    ) -> Result<bool, Broken> {
        let Some(peer) = self.peer_mut(from) else { return Ok(false) };
        if !peer.end_is_news(wants_more) {
            return Ok(false);
        }
        self.session.ended(from, &mut cx.turn(&self.rules));
        if from == Side::Upstream && self.session.end().is_none() && !self.session.is_raw() {
            self.drop_upstream();
        }
        self.deliver(cx)?;
        Ok(true)
    }

    fn dial(&mut self, owed: Vec<u8>, until: Option<Instant>, cx: &mut LoopContext) {
        let until = until.unwrap_or(cx.now + self.generation.limits.connect_time);
        if self.is_our_own(&cx.connection_limits) {
            let reason = format!("a connection to {} leads back to SecDocker", self.destination);
            return self.fail(&UpstreamFailure::Loop(reason), cx);
        }
        let daemon = self.daemon();
        if daemon.tls.is_none() && self.is_redirected && !self.downstream.is_plain() {
            let reason = format!(
                "the client speaks TLS to {}, and `upstream.tls` does not say whom to trust there",
                self.destination
            );
            return self.fail(&UpstreamFailure::Unreachable(reason), cx);
        }
        match dial::dial(&daemon, &cx.connection_limits, &cx.lent) {
            Ok(dialled) => self.connecting(dialled, owed, until, cx),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && cx.now < until => {
                self.upstream = Upstream::Redialling { owed, at: cx.now + REDIAL_AFTER, until };
            }
            Err(error) => self.unreachable(&error, cx),
        }
    }

    /// Whether the client is SecDocker, whose connections to this destination lead back to it. Another
    /// one that has connected to SecDocker itself may have the port of one of them.
    fn is_our_own(&self, limits: &ConnectionLimits) -> bool {
        match (self.session.client().peer.address(), &self.destination) {
            (Some(from), UpstreamAddress::Tcp(to)) => {
                let reached = || self.is_redirected || self.downstream.local_address() == Some(*to);
                limits.is_own(Ends { from, to: *to }) && reached()
            }
            _ => false,
        }
    }

    fn redial(&mut self, cx: &mut LoopContext) {
        if let Upstream::Redialling { owed, until, .. } =
            std::mem::replace(&mut self.upstream, Upstream::None)
        {
            self.dial(owed, Some(until), cx);
        }
    }

    fn connecting(
        &mut self,
        dialled: Dialled,
        owed: Vec<u8>,
        until: Instant,
        cx: &mut LoopContext,
    ) {
        let Dialled { stream, own } = dialled;
        let begun = Connected::UnderWay;
        match Peer::register(stream, self.key.token(Side::Upstream), &cx.registry, begun) {
            Ok(mut peer) => {
                peer.owed.push(&owed);
                self.upstream = Upstream::Connecting { peer, own, until };
                self.await_connection(cx);
            }
            Err(error) => self.unreachable(&error, cx),
        }
    }

    /// Sees whether a connection attempt has come to something.
    fn await_connection(&mut self, cx: &mut LoopContext) {
        let Upstream::Connecting { peer, .. } = &mut self.upstream else { return };
        match peer.connected() {
            None => {}
            Some(Err(error)) => self.unreachable(&error, cx),
            Some(Ok(())) => self.connected(),
        }
    }

    fn connected(&mut self) {
        if let Upstream::Connecting { peer, own, .. } =
            std::mem::replace(&mut self.upstream, Upstream::None)
        {
            self.upstream = Upstream::Open { peer, _own: own };
        }
    }

    fn unreachable(&mut self, error: &io::Error, cx: &mut LoopContext) {
        let reason = format!("cannot reach the daemon at {}: {error}", self.destination);
        self.fail(&UpstreamFailure::Unreachable(reason), cx);
    }

    fn fail(&mut self, failure: &UpstreamFailure, cx: &mut LoopContext) {
        self.drop_upstream();
        self.session.upstream_failed(failure, &mut cx.turn(&self.rules));
    }

    /// Closes the daemon's side. The kernel forgets what was asked of a closed descriptor.
    fn drop_upstream(&mut self) {
        if let Upstream::Open { peer, .. } = &mut self.upstream {
            peer.say_end();
        }
        self.upstream = Upstream::None;
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
                self.drop_upstream();
                self.downstream.say_end();
                // The end may not have fit behind the answer.
                if !self.downstream.owes() {
                    return Outcome::Dead;
                }
            }
            Some(End::Flush) => self.drop_upstream(),
            Some(End::Linger) => {
                self.drop_upstream();
                if flushed {
                    self.downstream.shut_write();
                }
                let until = cx.now + self.generation.limits.linger_time;
                self.lingers_until.get_or_insert(until);
            }
        }
        match self.settle_interest(&cx.registry) {
            Ok(()) => Outcome::Waits,
            Err(_) => Outcome::Dead,
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

    fn settle_interest(&mut self, registry: &Registry) -> io::Result<()> {
        self.downstream.settle(registry)?;
        match &mut self.upstream {
            Upstream::Open { peer, .. } => peer.settle(registry),
            Upstream::None | Upstream::Redialling { .. } | Upstream::Connecting { .. } => Ok(()),
        }
    }

    fn peer(&self, side: Side) -> Option<&Peer> {
        match (side, &self.upstream) {
            (Side::Downstream, _) => Some(&self.downstream),
            (Side::Upstream, Upstream::Open { peer, .. } | Upstream::Connecting { peer, .. }) => {
                Some(peer)
            }
            (Side::Upstream, Upstream::None | Upstream::Redialling { .. }) => None,
        }
    }

    fn peer_mut(&mut self, side: Side) -> Option<&mut Peer> {
        match (side, &mut self.upstream) {
            (Side::Downstream, _) => Some(&mut self.downstream),
            (Side::Upstream, Upstream::Open { peer, .. } | Upstream::Connecting { peer, .. }) => {
                Some(peer)
            }
            (Side::Upstream, Upstream::None | Upstream::Redialling { .. }) => None,
        }
    }
}

/// Whether a turn moved anything when its share was used up.
enum Progress {
    Moved,
    Stuck,
}

/// What became of bytes that were fed.
#[derive(Default)]
struct Fed {
    taken: usize,
    wants_more: bool,
}

/// The bytes of an input that go on as they are, not yet written: up to `end`, which is also how
/// much of the input was taken.
#[derive(Default)]
struct Run {
    start: usize,
    end: usize,
}

impl Run {
    /// Takes `count` bytes that do not go on.
    fn skip(&mut self, count: usize) {
        self.end += count;
        self.start = self.end;
    }

    fn of<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        input.get(self.start..self.end).unwrap_or_default()
    }
}

/// Borrows the loop's read buffer, and gives it back however the borrower ends.
fn with_scratch<T>(
    cx: &mut LoopContext,
    borrower: impl FnOnce(&mut [u8], &mut LoopContext) -> T,
) -> T {
    let mut scratch = std::mem::take(&mut cx.scratch);
    debug_assert!(!scratch.is_empty(), "the buffer is lent once at a time");
    let outcome = borrower(&mut scratch, cx);
    cx.scratch = scratch;
    outcome
}

fn count_of(rest: &[u8], at_most: NonZeroU64) -> Option<NonZeroU64> {
    Some(counted(rest.len())?.min(at_most))
}

fn counted(bytes: usize) -> Option<NonZeroU64> {
    u64::try_from(bytes).ok().and_then(NonZeroU64::new)
}

/// How much of a buffer's worth may pass unseen, in bytes.
fn most(flow: Flow, buffer_bytes: usize) -> usize {
    match flow {
        Flow::Pass(at_most) => {
            usize::try_from(at_most.get()).map_or(buffer_bytes, |most| most.min(buffer_bytes))
        }
        Flow::PassToEnd => buffer_bytes,
        Flow::Inspect | Flow::Hold | Flow::Discard => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An idle stream costs its slot, twice at most while the slab grows, and little beside.
    const CONNECTION_BYTES_MAX: usize = 704;

    #[test]
    fn an_idle_connection_is_small() {
        assert!(size_of::<Connection>() <= CONNECTION_BYTES_MAX, "{}", size_of::<Connection>());
    }
}
