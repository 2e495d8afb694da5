//! What a session owes: bytes of its own making to either side, and questions to the outside.

use std::sync::Arc;
use std::time::Instant;

use super::budget::Share;
use super::flow::{Side, Ticket};
use super::refusals;
use crate::admission::{Class, Fate, Judged, Judgement, Refused, Rules, Tally};
use crate::policy::Policy;
use crate::policy::facts::{Facts, Questions};
use crate::policy::review::{CancelToken, Review, ReviewRequest};
use crate::record::{Event, Records};

/// What a call into the session may use.
#[derive(Debug)]
pub struct Turn<'a> {
    /// The time of the call.
    pub now: Instant,
    /// The rules in force for requests that begin now.
    pub rules: &'a Arc<Rules>,
    /// Where the session puts what it owes.
    pub out: &'a mut Outbox,
}

/// Something to find out; the answer comes back by its ticket.
#[derive(Debug)]
pub struct Ask {
    /// By which the answer finds its question.
    pub ticket: Ticket,
    /// What is asked.
    pub what: What,
    /// Whether the answer still matters.
    pub token: CancelToken,
}

/// What is asked.
#[derive(Debug)]
pub enum What {
    /// What is outside.
    Facts(Box<Questions>),
    /// What plugins say of an image.
    Review(Box<ReviewRequest>),
    /// What the rules say of a large body.
    Work(Box<Work>),
}

/// The answer to a question of the same kind.
#[derive(Debug)]
pub enum Answer {
    /// What was learned.
    Facts(Facts),
    /// What the plugins said.
    Review(Review),
    /// What came of the body.
    Worked(Worked),
}

/// A body that is judged elsewhere. Its share of the budget goes with it, so that it counts even if nobody
/// waits for the verdict any more.
#[derive(Debug)]
pub struct Work {
    pub(super) judgement: Judgement,
    pub(super) share: Option<Share>,
}

/// What came of such a body.
#[derive(Debug)]
pub struct Worked {
    pub(super) judged: Judged,
    pub(super) share: Option<Share>,
}

impl Work {
    /// Judges the body; takes its time, and touches nothing but memory.
    #[must_use]
    pub fn run(self) -> Worked {
        Worked { judged: self.judgement.run(), share: self.share }
    }
}

/// Filled by the session, emptied by its driver after each call.
#[derive(Debug, Default)]
pub struct Outbox {
    downstream: Vec<u8>,
    upstream: Vec<u8>,
    ask: Option<Ask>,
    watched: Option<(String, Arc<Policy>)>,
    records: Records,
    tallies: Vec<Tally>,
    broken: Vec<String>,
}

impl Outbox {
    /// What the log is told: the driver says how much of it is read, and takes it.
    pub fn records(&mut self) -> &mut Records {
        &mut self.records
    }

    /// Counts what became of a request or a call.
    pub(super) fn count(&mut self, class: Class, fate: Fate) {
        self.tallies.push(Tally { class, fate });
    }

    /// Counts and tells the log that a request or a call is not let through.
    pub(super) fn refuse(&mut self, class: Class, asked: (&str, &str), refused: &Refused) {
        self.count(class, Fate::of(refused));
        if let Refused::Forbidden(violations) = refused {
            let rules = violations.iter().flat_map(|violation| &violation.rules);
            self.broken.extend(rules.cloned());
        }
        self.record(&refusals::told(asked, refused));
    }

    /// What became of requests since it was asked last.
    pub fn tallies(&mut self) -> impl Iterator<Item = Tally> {
        self.tallies.drain(..)
    }

    /// The rules that they broke, as they were configured.
    pub fn broken_rules(&mut self) -> impl Iterator<Item = String> {
        self.broken.drain(..)
    }

    /// Tells the log something.
    pub(super) fn record(&mut self, event: &Event<'_>) {
        self.records.push(event);
    }

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
        let nothing_said = self.downstream.is_empty() && self.upstream.is_empty();
        nothing_said && self.ask.is_none() && self.watched.is_none() && self.records.is_empty()
    }

    /// Forgets what is owed, with the session that owed it. What the log is told is owed nobody else.
    pub fn clear(&mut self) {
        self.downstream.clear();
        self.upstream.clear();
        self.ask = None;
        self.watched = None;
    }

    /// Has something found out.
    pub(super) fn ask(&mut self, ask: Ask) {
        debug_assert!(self.ask.is_none(), "one request at a time asks one question");
        self.ask = Some(ask);
    }

    #[cfg(test)]
    pub(super) fn asks(&self) -> bool {
        self.ask.is_some()
    }

    /// What is to be found out, once.
    pub fn take_ask(&mut self) -> Option<Ask> {
        self.ask.take()
    }

    /// Has the container of this identifier looked at once it has been started.
    pub(super) fn watch(&mut self, container: String, policy: Arc<Policy>) {
        self.watched = Some((container, policy));
    }

    /// The container to look at and the rules for it, once: before it can have been started.
    pub fn take_watched(&mut self) -> Option<(String, Arc<Policy>)> {
        self.watched.take()
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
        let what = What::Facts(Box::default());
        outbox.ask(Ask { ticket: Ticket(1), what, token: CancelGuard::default().token() });
        assert!(!outbox.is_empty());
        outbox.clear();
        assert!(outbox.is_empty() && outbox.take_ask().is_none());
    }
}
