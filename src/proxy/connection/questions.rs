//! What the session wants to know, asked of other threads, and their answers.

use std::num::NonZeroU64;
use std::sync::Arc;

use super::super::context::LoopContext;
use super::{Broken, Connection};
use crate::config::UpstreamAddress;
use crate::lookup::{Daemon, DaemonTls};
use crate::session::{Answer, Ask, Flow, Side, Ticket};

/// What the daemon reads at once of a new request, in bytes (Go `net/http`): more of a body need not come with its head.
const READ_WITH_HEAD_MAX: usize = 4096;

impl Connection {
    /// Hands an answer over, if it still matters.
    pub(in crate::proxy) fn answered(
        &mut self,
        ticket: Ticket,
        answer: Answer,
        cx: &mut LoopContext,
    ) {
        self.take_new_rules(cx);
        self.session.answered(ticket, answer, &mut cx.turn(&self.rules));
    }

    /// Writes what the session made itself, and asks what it wants to know.
    pub(super) fn deliver(&mut self, cx: &mut LoopContext) -> Result<(), Broken> {
        let mut unread = std::mem::take(&mut self.downstream.unread);
        let delivered = self.deliver_with(unread.as_slice(), cx);
        unread.take(*delivered.as_ref().unwrap_or(&0));
        self.downstream.unread = unread;
        delivered.map(drop)
    }

    /// The same, with what the client has sent behind: how much of that went along.
    pub(super) fn deliver_with(
        &mut self,
        behind: &[u8],
        cx: &mut LoopContext,
    ) -> Result<usize, Broken> {
        let mut taken = 0;
        // Before the bytes that start it.
        if let Some((container, policy)) = cx.outbox.take_watched() {
            cx.shared.watch.add(&self.daemon(), container, &policy);
        }
        for side in [Side::Downstream, Side::Upstream] {
            let mut bytes = std::mem::take(cx.outbox.to(side));
            if !bytes.is_empty() {
                if side == Side::Upstream {
                    taken = self.add_beginning_of_body(behind, &mut bytes, cx);
                }
                self.send(side, &bytes, cx)?;
            }
            bytes.clear();
            *cx.outbox.to(side) = bytes;
        }
        match cx.outbox.take_ask() {
            Some(ask) => Ok(taken + self.ask(ask, behind.get(taken..).unwrap_or_default(), cx)?),
            None => Ok(taken),
        }
    }

    /// A head goes with what is there of its body: the daemon drops that where it leaves HTTP, but only what has come
    /// with the head. What comes later it takes for the raw stream (dockerode sends the options of an attach so).
    fn add_beginning_of_body(
        &mut self,
        behind: &[u8],
        bytes: &mut Vec<u8>,
        cx: &mut LoopContext,
    ) -> usize {
        let Flow::Pass(at_most) = self.session.flow(Side::Downstream) else { return 0 };
        let at_most = usize::try_from(at_most.get()).unwrap_or(usize::MAX).min(READ_WITH_HEAD_MAX);
        let Some(beginning) = behind.get(..behind.len().min(at_most)) else { return 0 };
        let Some(count) = NonZeroU64::new(beginning.len() as u64) else { return 0 };
        self.session.passed(Side::Downstream, count, &mut cx.turn(&self.rules));
        bytes.extend_from_slice(beginning);
        beginning.len()
    }

    fn ask(&mut self, ask: Ask, behind: &[u8], cx: &mut LoopContext) -> Result<usize, Broken> {
        let (connection, ticket) = ((self.key, self.serial()), ask.ticket);
        let Some(known) = cx.ask(connection, (self.who(), self.daemon()), ask) else {
            return Ok(0);
        };
        self.answered(ticket, known, cx);
        self.deliver_with(behind, cx)
    }

    /// Whom to ask about a request: the daemon that it would go to.
    pub(super) fn daemon(&self) -> Daemon {
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
}
