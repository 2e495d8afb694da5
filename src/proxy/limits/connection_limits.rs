//! What the loops must know of each other: how many connections there are, and which of them are
//! SecDocker's own. Touched when a connection begins or ends, never while it carries bytes.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::client::Who;

/// Counts shared by all loops.
#[derive(Debug, Default)]
pub(in crate::proxy) struct ConnectionLimits {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    /// Connections accepted since the start.
    accepted: u64,
    by_client: HashMap<Who, usize>,
    /// Our own connections to daemons. A client that has made one of these is SecDocker.
    own: HashSet<Arc<Ends>>,
}

/// The two ends of a connection, as the side that made it knows them. One address alone does not tell
/// connections apart: the kernel gives a port to several that lead to different places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::proxy) struct Ends {
    pub(in crate::proxy) from: SocketAddr,
    pub(in crate::proxy) to: SocketAddr,
}

/// Which bound a new connection would exceed, or comes near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::proxy) enum LimitReached {
    Altogether,
    OneClient,
}

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub(in crate::proxy) struct Bounds {
    pub(in crate::proxy) total_max: usize,
    pub(in crate::proxy) per_client_max: usize,
}

/// One part of so many is kept free as long as idle connections can be closed for it.
const FREE_PART: usize = 8;

/// Whether only the part that is kept free is left of a bound.
fn is_near(count: usize, max: usize) -> bool {
    count > max - (max / FREE_PART).max(1)
}

/// A place among the connections, free again when it is dropped.
#[derive(Debug)]
pub(in crate::proxy) struct Slot {
    limits: Arc<ConnectionLimits>,
    number: u64,
    client: Who,
    is_left: bool,
}

/// A connection of our own to a daemon, forgotten when it is dropped.
#[derive(Debug)]
pub(in crate::proxy) struct Own {
    limits: Arc<ConnectionLimits>,
    ends: Arc<Ends>,
}

impl ConnectionLimits {
    /// Takes a place for a connection of `client`, and says which bound is near.
    ///
    /// # Errors
    /// Says which bound is met.
    pub(in crate::proxy) fn enter(
        self: &Arc<Self>,
        client: Who,
        bounds: Bounds,
    ) -> Result<(Slot, Option<LimitReached>), LimitReached> {
        let mut counts = self.lock();
        if counts.total >= bounds.total_max {
            return Err(LimitReached::Altogether);
        }
        let of_client = counts.by_client.entry(client).or_insert(0);
        if *of_client >= bounds.per_client_max {
            return Err(LimitReached::OneClient);
        }
        *of_client += 1;
        let of_client = *of_client;
        counts.total += 1;
        counts.accepted += 1;
        let near = match () {
            () if is_near(counts.total, bounds.total_max) => Some(LimitReached::Altogether),
            () if is_near(of_client, bounds.per_client_max) => Some(LimitReached::OneClient),
            () => None,
        };
        let number = counts.accepted;
        Ok((Slot { limits: Arc::clone(self), number, client, is_left: false }, near))
    }

    /// Which of these clients has the most connections.
    pub(in crate::proxy) fn largest(&self, clients: impl Iterator<Item = Who>) -> Option<Who> {
        let counts = self.lock();
        clients.max_by_key(|who| counts.by_client.get(who).copied().unwrap_or(0))
    }

    /// Remembers a connection of our own.
    pub(in crate::proxy) fn remember(self: &Arc<Self>, ends: Ends) -> Own {
        let ends = Arc::new(ends);
        self.lock().own.insert(Arc::clone(&ends));
        Own { limits: Arc::clone(self), ends }
    }

    /// Whether the client that has made this connection is SecDocker itself.
    pub(in crate::proxy) fn is_own(&self, ends: Ends) -> bool {
        self.lock().own.contains(&ends)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Every critical section leaves the counts whole, so a poisoned lock is as good as any.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Counts the connections that were given a place; no two have the same.
    pub(in crate::proxy) fn number(&self) -> u64 {
        self.number
    }

    /// Makes the place free before the connection is gone: it is closed in this turn.
    pub(in crate::proxy) fn leave(&mut self) {
        if std::mem::replace(&mut self.is_left, true) {
            return;
        }
        let mut counts = self.limits.lock();
        counts.total -= 1;
        if let Some(of_client) = counts.by_client.get_mut(&self.client) {
            *of_client -= 1;
            if *of_client == 0 {
                counts.by_client.remove(&self.client);
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.limits.lock().own.remove(&self.ends);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    fn at(address: &str) -> Who {
        crate::client::Peer::Tcp((address.parse::<std::net::IpAddr>().unwrap(), 1).into()).who()
    }

    #[test]
    fn bounds_hold_and_places_come_back() {
        let limits = Arc::new(ConnectionLimits::default());
        let bounds = Bounds { total_max: 2, per_client_max: 1 };
        let (a, b) = (at("10.0.0.1"), at("10.0.0.2"));
        let (first, _) = limits.enter(a, bounds).unwrap();
        assert_eq!(limits.enter(a, bounds).unwrap_err(), LimitReached::OneClient);
        let (mut second, _) = limits.enter(b, bounds).unwrap();
        assert_eq!(limits.enter(Who::Unnamed, bounds).unwrap_err(), LimitReached::Altogether);
        drop(first);
        assert!(limits.enter(a, bounds).is_ok());
        second.leave();
        let (_third, _) = limits.enter(b, bounds).unwrap();
        drop(second);
        assert_eq!(limits.enter(b, bounds).unwrap_err(), LimitReached::OneClient, "left once");
    }

    #[test]
    fn what_one_machine_can_have_counts_as_one_client() {
        let limits = Arc::new(ConnectionLimits::default());
        let bounds = Bounds { total_max: 100, per_client_max: 2 };
        let network = ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2"];
        let _places = network.map(|address| limits.enter(at(address), bounds).unwrap());
        assert_eq!(
            limits.enter(at("2001:db8:0:1::3"), bounds).unwrap_err(),
            LimitReached::OneClient
        );
        assert!(limits.enter(at("2001:db8:0:2::1"), bounds).is_ok(), "another network");
        for address in ["::ffff:10.0.0.1", "::ffff:10.0.0.2"] {
            assert!(limits.enter(at(address), bounds).is_ok(), "IPv4 by single addresses");
        }
    }

    #[test]
    fn a_bound_is_near_when_the_part_that_is_kept_free_is_left() {
        let limits = Arc::new(ConnectionLimits::default());
        let bounds = Bounds { total_max: 16, per_client_max: 8 };
        let mut places = Vec::new();
        let mut near = Vec::new();
        for client in ["10.0.0.1"; 8].into_iter().chain(["10.0.0.2"; 8]) {
            let (place, told) = limits.enter(at(client), bounds).unwrap();
            places.push(place);
            near.push(told);
        }
        let expected = |number: usize| match number {
            14.. => Some(LimitReached::Altogether),
            7 => Some(LimitReached::OneClient),
            _ => None,
        };
        assert_eq!(near, (0..16).map(expected).collect::<Vec<_>>());
        drop(places.split_off(12));
        let both = [at("10.0.0.2"), at("10.0.0.1"), at("10.0.0.3")];
        assert_eq!(limits.largest(both.into_iter()), Some(at("10.0.0.1")));
        let one = Bounds { total_max: 1, per_client_max: 1 };
        assert!(
            Arc::new(ConnectionLimits::default()).enter(at("10.0.0.1"), one).unwrap().1.is_some()
        );
    }

    #[test]
    fn our_own_connections_are_known_while_they_live() {
        let limits = Arc::new(ConnectionLimits::default());
        let ends =
            |to: &str| Ends { from: "127.0.0.1:4000".parse().unwrap(), to: to.parse().unwrap() };
        let (one, another) = (ends("127.0.0.1:2375"), ends("127.0.0.1:2376"));
        let own = limits.remember(one);
        assert!(limits.is_own(one));
        assert!(!limits.is_own(another), "a client may have the same port");
        drop(limits.remember(another));
        assert!(limits.is_own(one));
        drop(own);
        assert!(!limits.is_own(one));
    }
}
