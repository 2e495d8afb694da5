//! What a session owes: bytes of its own making to either side, and questions to the outside.

use std::sync::Arc;

use super::{Judgement, Side, Ticket};
use crate::policy::Policy;
use crate::policy::facts::Questions;
use crate::policy::review::{CancelToken, ReviewRequest};

/// Filled by the session, emptied by whoever drives it after each call.
#[derive(Debug, Default)]
pub struct Outbox {
    downstream: Vec<u8>,
    upstream: Vec<u8>,
    question: Option<(Ticket, Questions, CancelToken)>,
    consultation: Option<(Ticket, ReviewRequest)>,
    watched: Option<(String, Arc<Policy>)>,
    judgement: Option<(Ticket, Judgement)>,
}

impl Outbox {
    /// Where bytes owed to `side` are appended.
    pub fn to(&mut self, side: Side) -> &mut Vec<u8> {
        match side {
            Side::Downstream => &mut self.downstream,
            Side::Upstream => &mut self.upstream,
        }
    }

    /// Where bytes owed to the client and to the daemon are appended.
    pub(super) fn both(&mut self) -> (&mut Vec<u8>, &mut Vec<u8>) {
        (&mut self.downstream, &mut self.upstream)
    }

    /// Whether nothing is owed.
    pub fn is_empty(&self) -> bool {
        let nothing_asked =
            self.question.is_none() && self.consultation.is_none() && self.judgement.is_none();
        let nothing_said = self.downstream.is_empty() && self.upstream.is_empty();
        nothing_said && nothing_asked && self.watched.is_none()
    }

    /// Forgets what is owed, with the session that owed it.
    pub fn clear(&mut self) {
        self.downstream.clear();
        self.upstream.clear();
        self.question = None;
        self.consultation = None;
        self.watched = None;
        self.judgement = None;
    }

    /// Asks the outside; the answer comes back by its ticket.
    pub(super) fn ask(&mut self, ticket: Ticket, questions: Questions, waited: CancelToken) {
        debug_assert!(self.question.is_none(), "one request at a time asks one question");
        self.question = Some((ticket, questions, waited));
    }

    #[cfg(test)]
    pub(super) fn asks(&self) -> bool {
        self.question.is_some()
    }

    /// The question to carry to the pool, once, and whether the answer still matters.
    pub fn take_question(&mut self) -> Option<(Ticket, Questions, CancelToken)> {
        self.question.take()
    }

    /// Has a body judged elsewhere; what comes of it comes back by its ticket.
    pub(super) fn judge(&mut self, ticket: Ticket, judgement: Judgement) {
        debug_assert!(self.judgement.is_none(), "one request at a time has one body");
        self.judgement = Some((ticket, judgement));
    }

    /// The body to carry to another thread, once.
    pub fn take_judgement(&mut self) -> Option<(Ticket, Judgement)> {
        self.judgement.take()
    }

    /// Asks the plugins; their answer comes back by its ticket.
    pub(super) fn consult(&mut self, ticket: Ticket, consultation: ReviewRequest) {
        debug_assert!(self.consultation.is_none(), "one request at a time asks the plugins once");
        self.consultation = Some((ticket, consultation));
    }

    /// Has the container of this identifier looked at once it has been started.
    pub(super) fn watch(&mut self, container: String, policy: Arc<Policy>) {
        self.watched = Some((container, policy));
    }

    /// The container to look at and the rules for it, once: before it can have been started.
    pub fn take_watched(&mut self) -> Option<(String, Arc<Policy>)> {
        self.watched.take()
    }

    /// The question to carry to the plugins, once.
    pub fn take_consultation(&mut self) -> Option<(Ticket, ReviewRequest)> {
        self.consultation.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::review::CancelGuard;

    #[test]
    fn what_is_forgotten_is_all_of_it() {
        let mut outbox = Outbox::default();
        outbox.to(Side::Downstream).push(0);
        outbox.to(Side::Upstream).push(0);
        outbox.ask(Ticket(1), Questions::default(), CancelGuard::default().token());
        assert!(!outbox.is_empty());
        outbox.clear();
        assert!(outbox.is_empty() && outbox.take_question().is_none());
    }
}
