//! What a connection knows of its client, and which rules follow from that.
//!
//! ```text
//! Unknown ─► look ─┬─► Found ─► Known, until the configuration changes
//!                  └─► Ask ─► Awaited ─► learned ─► look …
//! ```
//! What the kernel says at once is asked on the loop; all else on other threads, while nothing of the client
//! is read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::super::generation::Generation;
use super::super::streams::stream::Stream;
use super::callers;
use super::identities::{Answer, Sought};
use super::list::{ClientList, Found};
use crate::audit;
use crate::client::ClientId;
use crate::client::{ClientCertificate, Counted, Fact, Identity, Learned, LimitMet};
use crate::lookup::{Seeking, Ticks};
use crate::record::Event;
use crate::session::Rules;

/// Whether it is known which rules hold for a client.
#[derive(Debug)]
pub(in crate::proxy) struct Standing {
    state: State,
    /// A moment by which the client had connected.
    arrived: Ticks,
    /// Whether rules were found already, before a change of the configuration.
    was_found: bool,
    /// Nothing where no entry has ever to be compared.
    known: Option<Box<Known>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Unknown,
    Awaited,
    Known,
}

#[derive(Debug)]
struct Known {
    identity: Identity,
    counted: Option<Counted>,
}

/// What a client can be asked about by.
pub(in crate::proxy) struct Asker<'c> {
    pub(in crate::proxy) client: &'c ClientId,
    pub(in crate::proxy) stream: &'c Stream,
    /// Where the client's own socket is, and where it asked to be connected to.
    pub(in crate::proxy) ends: Option<(SocketAddr, SocketAddr)>,
    pub(in crate::proxy) generation: &'c Generation,
    pub(in crate::proxy) now: Instant,
}

/// What came of looking.
pub(in crate::proxy) enum Looked {
    /// This must be learned first.
    Ask(Sought),
    /// It is being learned.
    Waits,
    /// These rules hold, unless a limit is met.
    Found { rules: Arc<Rules>, name: Option<Arc<String>>, met: Option<LimitMet> },
}

impl Standing {
    /// Of a client that has just connected.
    pub(in crate::proxy) fn new() -> Self {
        let (state, was_found, known) = Default::default();
        Self { state, arrived: Ticks::now(), was_found, known }
    }

    pub(in crate::proxy) fn is_known(&self) -> bool {
        self.state == State::Known
    }

    /// Whether something is being learned.
    pub(in crate::proxy) fn is_awaited(&self) -> bool {
        self.state == State::Awaited
    }

    /// The configuration has changed: other rules may hold.
    pub(in crate::proxy) fn renew(&mut self) {
        if self.state == State::Known {
            self.state = State::Unknown;
        }
    }

    /// Takes what the client has proved in its handshake, or that it has proved nothing.
    pub(in crate::proxy) fn certified(
        &mut self,
        client: &ClientId,
        certificate: Option<Box<ClientCertificate>>,
    ) {
        let known = self.known.get_or_insert_with(|| Known::new(client));
        known.identity.certificate = match certificate {
            Some(certificate) => Learned::Known(Arc::new(*certificate)),
            None => Learned::None,
        };
    }

    /// Takes what was learned. It stays for as long as the connection does.
    pub(in crate::proxy) fn learned(&mut self, answer: Answer) {
        if let Some(known) = &mut self.known {
            match answer {
                Answer::ControlGroups(groups) => known.identity.control_groups = groups,
                Answer::Container(container) => known.identity.container = container,
            }
        }
        if self.state == State::Awaited {
            self.state = State::Unknown;
        }
    }

    /// Looks for the first entry that fits.
    pub(in crate::proxy) fn look(&mut self, asker: &Asker<'_>) -> Looked {
        let clients = &asker.generation.clients;
        if self.state == State::Awaited {
            return Looked::Waits;
        }
        if clients.is_empty() {
            (self.state, self.was_found) = (State::Known, true);
            if let Some(known) = &mut self.known {
                known.counted = None;
            }
            return Looked::Found { rules: Arc::clone(clients.rest()), name: None, met: None };
        }
        let known = self.known.get_or_insert_with(|| Known::new(asker.client));
        let looked = known.look(clients, asker, self.arrived, self.was_found);
        match &looked {
            Looked::Ask(_) | Looked::Waits => self.state = State::Awaited,
            Looked::Found { .. } => (self.state, self.was_found) = (State::Known, true),
        }
        looked
    }
}

impl Known {
    fn new(client: &ClientId) -> Box<Self> {
        let identity = Identity::at(client.peer.address().map(|at| at.ip()));
        Box::new(Self { identity, counted: None })
    }

    fn look(
        &mut self,
        clients: &ClientList,
        asker: &Asker<'_>,
        arrived: Ticks,
        was_found: bool,
    ) -> Looked {
        loop {
            let found = clients.find(&self.identity, |entry, skipped| {
                let (needs, reason) = (skipped.fact.as_str(), skipped.reason);
                // Anyone who connects again and again is told of now and then.
                if clients.tells_of(asker.client.peer.who(), skipped, asker.now) {
                    audit::record(asker.client, &Event::Unidentified { entry, needs, reason });
                }
            });
            match found {
                Found::Rules(rules, name) => return self.found(rules, name, was_found),
                Found::Ask(fact) => {
                    if let Some(sought) = learn(fact, &mut self.identity, asker, arrived) {
                        return Looked::Ask(sought);
                    }
                }
            }
        }
    }

    fn found(&mut self, rules: &Arc<Rules>, name: Option<&Arc<String>>, was_found: bool) -> Looked {
        let counted = match &rules.share {
            None => Ok(None),
            // It is there already, and is not cut by what was written meanwhile.
            Some(share) if was_found => Ok(Some(share.connect_anyway())),
            Some(share) => share.connect().map(Some),
        };
        let (counted, met) = match counted {
            Ok(counted) => (counted, None),
            Err(met) => (None, Some(met)),
        };
        self.counted = counted;
        Looked::Found { rules: Arc::clone(rules), name: name.cloned(), met }
    }
}

/// Learns a fact at once, or says what to ask others for it.
fn learn(fact: Fact, identity: &mut Identity, asker: &Asker<'_>, arrived: Ticks) -> Option<Sought> {
    match fact {
        // What was proved is known from the end of the handshake on.
        Fact::Certificate => identity.certificate = Learned::None,
        Fact::User => {
            identity.user = match callers::caller(asker.stream, asker.ends) {
                Learned::Known(caller) => Learned::Known(caller.user()),
                Learned::Unknown(reason) => Learned::Unknown(reason),
                Learned::None | Learned::NotAsked => Learned::None,
            }
        }
        Fact::ControlGroup => match callers::caller(asker.stream, asker.ends) {
            Learned::Known(caller) => return Some(Sought::ControlGroups(caller, arrived)),
            Learned::Unknown(reason) => identity.control_groups = Learned::Unknown(reason),
            Learned::None | Learned::NotAsked => identity.control_groups = Learned::None,
        },
        Fact::Container => {
            let caller = callers::caller(asker.stream, asker.ends);
            let (daemon, address) = (asker.generation.daemon(), identity.address);
            return Some(Sought::Container(Box::new(Seeking { daemon, address, caller, arrived })));
        }
    }
    None
}
