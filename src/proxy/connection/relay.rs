//! Moves bytes from one side to the other: shown to the session, copied, or through a pipe.

use std::io;
use std::num::NonZeroU64;

use super::super::context::LoopContext;
use super::super::streams::peer::{Peer, Read};
use super::super::streams::pipes::Pipe;
use super::{Broken, Connection, Progress};
use crate::session::{Flow, Side, Step};

/// How much one connection may read in a turn before the others get theirs, in bytes.
const READ_BYTES_PER_TURN: usize = 256 * 1024;

/// Less than this left of a body is copied: a pipe would cost as many calls for each few bytes.
const SPLICED_BYTES_MIN: u64 = 64 * 1024;

impl Connection {
    /// Moves both directions until neither can go on, or they had their share of this turn.
    pub(super) fn advance(&mut self, cx: &mut LoopContext) -> Result<Progress, Broken> {
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
        match flow {
            Flow::Pass(_) => self.session.passed(from, count, &mut cx.turn(&self.rules)),
            _ => self.streamed(from, count.get()),
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

    /// What follows from a read.
    fn bytes_read(
        &mut self,
        from: Side,
        read: io::Result<Read>,
        cx: &mut LoopContext,
    ) -> Result<usize, Broken> {
        match (read, from) {
            (Ok(Read::Bytes(count)), from) => {
                match from {
                    Side::Downstream => {
                        self.received += count as u64;
                        cx.counts.from_clients.add(count as u64);
                    }
                    Side::Upstream => cx.counts.from_daemons.add(count as u64),
                }
                Ok(count)
            }
            (Ok(Read::End | Read::WouldBlock), _) => Ok(0),
            (Err(error), Side::Downstream) => Err(Broken(error)),
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
                Flow::PassToEnd => {
                    self.streamed(from, rest.len() as u64);
                    run.end += rest.len();
                }
                Flow::Pass(at_most) => {
                    let Some(count) = count_of(rest, at_most) else { break };
                    self.session.passed(from, count, &mut cx.turn(&self.rules));
                    run.end += usize::try_from(count.get()).unwrap_or(rest.len());
                }
                Flow::Inspect => match self.show(from, rest, cx) {
                    Step::Forward(count) => run.end += count,
                    Step::Take(count) => {
                        self.forward(from, run.of(input), cx)?;
                        run.skip(count);
                        match from {
                            Side::Downstream => {
                                let behind = input.get(run.end..).unwrap_or_default();
                                run.skip(self.deliver_with(behind, cx)?);
                            }
                            Side::Upstream => self.deliver(cx)?,
                        }
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

    /// Counts bytes that pass to the end of their direction.
    fn streamed(&mut self, from: Side, count: u64) {
        match from {
            Side::Downstream => self.streamed.from_client += count,
            Side::Upstream => self.streamed.to_client += count,
        }
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
            self.upstream.close();
        }
        self.deliver(cx)?;
        Ok(true)
    }
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
