//! Room for others: idle connections that are closed when a bound is near, so that nobody shuts others
//! out by holding connections that carry nothing.
//!
//! Closed are the longest idle ones of the client with the most connections, among those who have idle ones;
//! never one with a request under way or a raw stream. A client whose own bound is near makes room for
//! itself. Each loop looks among its own, and asks the others if that is not enough.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use slab::Slab;

use super::super::connection::Connection;
use super::super::mailbox::{Command, Mailbox};
use super::connection_limits::{ConnectionLimits, LimitReached};
use crate::client::Who;

/// Connections that are closed for one that comes: more are coming.
const CLOSED_AT_ONCE: usize = 64;

/// How long a loop that found nothing to close does not look again: to look costs a look at each
/// connection.
const SEARCH_PAUSE: Duration = Duration::from_millis(100);

/// The other loops, once all have begun.
#[derive(Debug, Clone, Default)]
pub(in crate::proxy) struct Neighbours(Arc<OnceLock<Vec<Mailbox>>>);

impl Neighbours {
    /// All loops, of which each is the neighbour of the others.
    pub(in crate::proxy) fn are(&self, mailboxes: Vec<Mailbox>) {
        // They begin once.
        let _ = self.0.set(mailboxes);
    }
}

/// Finds the connections of one loop that make room.
#[derive(Debug, Default)]
pub(in crate::proxy) struct Room {
    neighbours: Neighbours,
    not_before: Option<Instant>,
}

impl Room {
    pub(in crate::proxy) fn new(neighbours: Neighbours) -> Self {
        Self { neighbours, not_before: None }
    }

    /// The keys of connections that can be closed because `near` is, of `client` if the bound is its own.
    /// The other loops are asked likewise if there are none.
    pub(in crate::proxy) fn seek(
        &mut self,
        (near, client): (LimitReached, Who),
        connections: &Slab<Connection>,
        connection_limits: &ConnectionLimits,
        now: Instant,
    ) -> Vec<usize> {
        let found = self.seek_here((near, client), connections, connection_limits, now);
        if found.is_empty() && self.not_before.is_none_or(|until| until <= now) {
            self.not_before = Some(now + SEARCH_PAUSE);
            for mailbox in self.neighbours.0.get().into_iter().flatten() {
                mailbox.send(Command::MakeRoom { near, client });
            }
        }
        found
    }

    /// The same, among the connections of this loop alone.
    pub(in crate::proxy) fn seek_here(
        &self,
        (near, client): (LimitReached, Who),
        connections: &Slab<Connection>,
        connection_limits: &ConnectionLimits,
        now: Instant,
    ) -> Vec<usize> {
        if self.not_before.is_some_and(|until| now < until) {
            return Vec::new();
        }
        let idle = connections.iter().filter_map(|(key, connection)| {
            Some((connection.idle_since()?, key, connection.who()))
        });
        let mut idle: Vec<_> = match near {
            LimitReached::Altogether => idle.collect(),
            LimitReached::OneClient => idle.filter(|(_, _, who)| *who == client).collect(),
        };
        let Some(holder) = connection_limits.largest(idle.iter().map(|(_, _, who)| *who)) else {
            return Vec::new();
        };
        idle.retain(|(_, _, who)| *who == holder);
        idle.sort_unstable_by_key(|(since, key, _)| (*since, *key));
        let closed = idle.len().div_ceil(8).min(CLOSED_AT_ONCE);
        // One that has spoken meanwhile is idle no more; it only does not know yet.
        let is_silent = |key: &usize| connections.get(*key).is_some_and(|it| !it.has_unread());
        idle.into_iter().map(|(_, key, _)| key).filter(is_silent).take(closed).collect()
    }
}
