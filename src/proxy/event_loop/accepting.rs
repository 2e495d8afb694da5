//! Clients that come: which of them are served, and where their connections begin.

use std::fmt::Display;
use std::io;
use std::sync::Arc;

use super::super::connection::{Arrival, Connection, Outcome};
use super::super::limits::connection_limits::{Bounds, LimitReached, Slot};
use super::super::listener::{Accepted, OUT_OF_DESCRIPTORS_PAUSE};
use super::super::mailbox::Key;
use super::super::origin::Origin;
use super::super::refusal::{self, Refusal};
use super::super::streams::encrypted::Encrypted;
use super::super::streams::peer::{Connected, Peer};
use super::super::streams::stream::Stream;
use super::{AcceptAgain, Active, live};
use crate::audit;
use crate::client::{ClientId, Who};
use crate::config::UpstreamAddress;
use crate::record::Event as Record;
use crate::session::{Session, Side};

/// Clients accepted from one listener before the others get their turn.
const ACCEPTS_PER_TURN: usize = 64;

impl Active {
    pub(super) fn must_accept(&self) -> bool {
        match self.accept_again {
            AcceptAgain::WhenTold => false,
            AcceptAgain::NextTurn => true,
            AcceptAgain::At(at) => at <= self.cx.now,
        }
    }

    pub(super) fn accept(&mut self) {
        self.accept_again = AcceptAgain::WhenTold;
        for number in 0..self.listeners.len() {
            self.accept_from(number);
        }
    }

    /// Takes waiting clients from one listener, but not for ever.
    fn accept_from(&mut self, number: usize) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(listener) = self.listeners.get(number) else { return };
            match listener.accept() {
                Ok(accepted) => self.admit(accepted),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => return self.not_accepted(&error),
            }
        }
        self.accept_again = AcceptAgain::NextTurn;
    }

    /// Others may still be waiting behind a client that could not be accepted.
    fn not_accepted(&mut self, error: &io::Error) {
        use rustix::io::Errno;
        let exhausted = matches!(
            Errno::from_io_error(error),
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
        );
        self.accept_again = if exhausted {
            self.cx.counts.turned_away.one();
            audit::record(&ClientId::NOBODY, &Record::ConnectionRefused { reason: error });
            AcceptAgain::At(self.cx.now + OUT_OF_DESCRIPTORS_PAUSE)
        } else {
            AcceptAgain::NextTurn
        };
    }

    pub(super) fn admit(&mut self, accepted: Accepted) {
        if self.generation.transparent && is_from_elsewhere(&accepted) {
            let reason =
                "only connections that were redirected here are served (`listen.transparent`)";
            return self.turn_away(accepted, Refusal::Forbidden, &reason);
        }
        let limits = &self.generation.limits;
        let bounds =
            Bounds { total_max: limits.connections, per_client_max: limits.connections_per_client };
        let client = accepted.client.who();
        let entered = match self.cx.shared.connection_limits.enter(client, bounds) {
            // Nothing was closed in time: others have come at once.
            Err(met) if self.make_room(met, client) => {
                self.cx.shared.connection_limits.enter(client, bounds)
            }
            entered => entered,
        };
        match entered {
            Ok((place, near)) => {
                if let Some(near) = near {
                    self.make_room(near, client);
                }
                self.begin(accepted, place);
            }
            Err(LimitReached::Altogether) => {
                self.turn_away(accepted, Refusal::Crowded, &"too many connections");
            }
            Err(LimitReached::OneClient) => {
                let reason = "too many connections from this client";
                self.turn_away(accepted, Refusal::Crowded, &reason);
            }
        }
    }

    fn turn_away(&self, accepted: Accepted, refusal: Refusal, reason: &dyn Display) {
        self.cx.counts.turned_away.one();
        refusal::turn_away(accepted, self.generation.tls.as_deref(), refusal, reason);
    }

    /// Closes idle connections because a bound is near; whether there were any.
    fn make_room(&mut self, near: LimitReached, client: Who) -> bool {
        let (limits, now) = (&self.cx.shared.connection_limits, self.cx.now);
        let keys = self.room.seek((near, client), &self.connections, limits, now);
        let any = !keys.is_empty();
        self.close_idle(keys, near);
        any
    }

    pub(super) fn close_idle(&mut self, keys: Vec<usize>, near: LimitReached) {
        let reason = match near {
            LimitReached::Altogether => "nearly all connections are taken",
            LimitReached::OneClient => "nearly all connections of this client are taken",
        };
        for key in keys {
            if let Some(connection) = live(&mut self.connections, key) {
                connection.make_room(&reason);
                self.note(key, Outcome::Dead);
            }
        }
    }

    fn begin(&mut self, accepted: Accepted, place: Slot) {
        let client = ClientId { connection: place.number(), peer: accepted.client, name: None };
        let slot = self.connections.vacant_entry();
        let key = Key(slot.key());
        let registry = &self.cx.registry;
        let token = key.token(Side::Downstream);
        let stream = match (accepted.stream, &self.generation.tls) {
            (Stream::Tcp(tcp), Some(server)) => {
                let time = (self.cx.now, self.generation.limits.handshake_time);
                let lent = self.cx.lent.clone();
                Stream::Encrypted(Box::new(Encrypted::accepted(tcp, server, lent, time)))
            }
            (stream, _) => stream,
        };
        let Ok(downstream) = Peer::register(stream, token, registry, Connected::Already) else {
            return;
        };
        self.cx.counts.opened.one();
        slot.insert(Connection::new(Arrival {
            session: Session::new(
                client,
                self.budget.clone(),
                self.cx.shared.images.changes.clone(),
            ),
            downstream,
            is_redirected: accepted.origin != Origin::Direct,
            destination: destination(accepted.origin, &self.generation.dockerapi),
            key,
            generation: Arc::clone(&self.generation),
            place,
            now: self.cx.now,
        }));
        self.drive(key.0);
    }
}

fn destination(origin: Origin, dockerapi: &UpstreamAddress) -> UpstreamAddress {
    match origin {
        Origin::Direct => dockerapi.clone(),
        Origin::Redirected(address) => UpstreamAddress::Tcp(address),
    }
}

/// Whether a client of another host has connected to SecDocker itself.
fn is_from_elsewhere(accepted: &Accepted) -> bool {
    let address = accepted.client.address();
    accepted.origin == Origin::Direct && address.is_some_and(|from| !from.ip().is_loopback())
}
