//! What the session wants to know, asked of other threads, and their answers.

use std::sync::Arc;

use super::super::context::LoopContext;
use super::{Broken, Connection};
use crate::config::UpstreamAddress;
use crate::lookup::{Daemon, DaemonTls};
use crate::session::{Answer, Ask, Side, Ticket};

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
        // Before the bytes that start it.
        if let Some((container, policy)) = cx.outbox.take_watched() {
            cx.shared.watch.add(&self.daemon(), container, &policy);
        }
        for side in [Side::Downstream, Side::Upstream] {
            let mut bytes = std::mem::take(cx.outbox.to(side));
            if !bytes.is_empty() {
                self.send(side, &bytes, cx)?;
            }
            bytes.clear();
            *cx.outbox.to(side) = bytes;
        }
        match cx.outbox.take_ask() {
            Some(ask) => self.ask(ask, cx),
            None => Ok(()),
        }
    }

    fn ask(&mut self, ask: Ask, cx: &mut LoopContext) -> Result<(), Broken> {
        let (connection, ticket) = ((self.key, self.serial()), ask.ticket);
        let Some(known) = cx.ask(connection, (self.who(), self.daemon()), ask) else {
            return Ok(());
        };
        self.answered(ticket, known, cx);
        self.deliver(cx)
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
