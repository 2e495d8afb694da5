//! What the session wants to know, asked of other threads, and their answers.

use std::sync::Arc;

use super::super::context::LoopContext;
use super::{Broken, Connection};
use crate::config::UpstreamAddress;
use crate::lookup::{Daemon, DaemonTls};
use crate::policy::facts::{Facts, Questions};
use crate::policy::review::{CancelToken, Review, ReviewRequest};
use crate::session::{Judged, Side, Ticket};

impl Connection {
    /// Hands the answer to a question over, if it still matters.
    pub(in crate::proxy) fn answered(
        &mut self,
        ticket: Ticket,
        facts: Facts,
        cx: &mut LoopContext,
    ) {
        self.take_new_rules(cx);
        self.session.answered(ticket, facts, &mut cx.turn(&self.rules));
    }

    /// Hands over what came of a body that was judged elsewhere, if it still matters.
    pub(in crate::proxy) fn judged(
        &mut self,
        ticket: Ticket,
        judged: Judged,
        cx: &mut LoopContext,
    ) {
        self.session.judged(ticket, judged, &mut cx.turn(&self.rules));
    }

    /// Hands over what the plugins said, if it still matters.
    pub(in crate::proxy) fn reviewed(
        &mut self,
        ticket: Ticket,
        advice: Review,
        cx: &mut LoopContext,
    ) {
        self.take_new_rules(cx);
        self.session.reviewed(ticket, advice, &mut cx.turn(&self.rules));
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
