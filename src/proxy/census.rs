//! What the loops must know of each other: how many connections there are, and which of them are
//! SecDocker's own. Touched when a connection begins or ends, never while it carries bytes.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts shared by all loops.
#[derive(Debug, Default)]
pub(super) struct Census {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    /// Connections accepted since the start.
    accepted: u64,
    /// Unix clients have no address and count together.
    by_client: HashMap<Option<IpAddr>, usize>,
    /// Our own connections to daemons. A client that has made one of these is SecDocker.
    own: HashSet<Ends>,
}

/// The two ends of a connection, as whoever has made it knows them. One address alone does not tell
/// connections apart: the kernel gives a port to several that lead to different places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Ends {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
}

/// Which bound a new connection would exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crowded {
    Altogether,
    OneClient,
}

/// A place among the connections, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    census: Arc<Census>,
    number: u64,
    client: Option<IpAddr>,
}

/// A connection of our own to a daemon, forgotten when it is dropped.
#[derive(Debug)]
pub(super) struct Own {
    census: Arc<Census>,
    ends: Ends,
}

impl Census {
    /// Takes a place for a connection of `client`.
    ///
    /// # Errors
    /// Says which bound is met.
    pub(super) fn enter(
        self: &Arc<Self>,
        client: Option<IpAddr>,
        total_max: usize,
        per_client_max: usize,
    ) -> Result<Place, Crowded> {
        let mut counts = self.lock();
        if counts.total >= total_max {
            return Err(Crowded::Altogether);
        }
        let of_client = counts.by_client.entry(client).or_insert(0);
        if *of_client >= per_client_max {
            return Err(Crowded::OneClient);
        }
        *of_client += 1;
        counts.total += 1;
        counts.accepted += 1;
        Ok(Place { census: Arc::clone(self), number: counts.accepted, client })
    }

    /// Remembers a connection of our own.
    pub(super) fn remember(self: &Arc<Self>, ends: Ends) -> Own {
        self.lock().own.insert(ends);
        Own { census: Arc::clone(self), ends }
    }

    /// Whether the client that has made this connection is SecDocker itself.
    pub(super) fn is_own(&self, ends: Ends) -> bool {
        self.lock().own.contains(&ends)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Every critical section leaves the counts whole, so a poisoned lock is as good as any.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Counts the connections that were given a place; no two have the same.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.census.lock();
        counts.total -= 1;
        if let Some(of_client) = counts.by_client.get_mut(&self.client) {
            *of_client -= 1;
            if *of_client == 0 {
                counts.by_client.remove(&self.client);
            }
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.census.lock().own.remove(&self.ends);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn bounds_hold_and_places_come_back() {
        let census = Arc::new(Census::default());
        let [a, b] = ["10.0.0.1", "10.0.0.2"].map(|text| Some(text.parse().unwrap()));
        let first = census.enter(a, 2, 1).unwrap();
        assert_eq!(census.enter(a, 2, 1).unwrap_err(), Crowded::OneClient);
        let _second = census.enter(b, 2, 1).unwrap();
        assert_eq!(census.enter(None, 2, 1).unwrap_err(), Crowded::Altogether);
        drop(first);
        assert!(census.enter(a, 2, 1).is_ok());
    }

    #[test]
    fn our_own_connections_are_known_while_they_live() {
        let census = Arc::new(Census::default());
        let ends =
            |to: &str| Ends { from: "127.0.0.1:4000".parse().unwrap(), to: to.parse().unwrap() };
        let (one, another) = (ends("127.0.0.1:2375"), ends("127.0.0.1:2376"));
        let own = census.remember(one);
        assert!(census.is_own(one));
        assert!(!census.is_own(another), "a client may have the same port");
        drop(census.remember(another));
        assert!(census.is_own(one));
        drop(own);
        assert!(!census.is_own(one));
    }
}
