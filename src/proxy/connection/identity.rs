//! Who the client is: asked before a request of it is read, and again under new rules.

use std::sync::Arc;

use super::super::clients::identification::{Asker, Looked};
use super::super::clients::identities::Answer;
use super::super::context::LoopContext;
use super::super::generation::Generation;
use super::super::streams::encrypted::Handshake;
use super::{Broken, Connection};
use crate::audit;
use crate::client::ClientCertificate;
use crate::config::UpstreamAddress;
use crate::record::Event as Record;

impl Connection {
    /// New requests are judged by the newest rules; one that is under way keeps its own.
    pub(in crate::proxy) fn renew(&mut self, generation: &Arc<Generation>) {
        self.generation = Arc::clone(generation);
        self.standing.renew();
    }

    /// What is judged again in the middle of a request or of a connection is judged by the newest rules, too.
    pub(super) fn take_new_rules(&mut self, cx: &mut LoopContext) {
        let is_unknown = !self.standing.is_known() && !self.standing.is_awaited();
        if is_unknown && self.session.follows_rules() {
            self.identify(cx);
        }
    }

    /// Takes what was learned of the client.
    pub(in crate::proxy) fn learned(&mut self, answer: Answer, cx: &mut LoopContext) {
        self.standing.learned(answer);
        if self.session.awaits_request() || self.session.follows_rules() {
            self.identify(cx);
        }
    }

    /// Whether the next request may be read: it is known by which rules to judge it. `has_come` says whether
    /// anything is there to be read.
    pub(super) fn is_identified(
        &mut self,
        has_come: bool,
        cx: &mut LoopContext,
    ) -> Result<bool, Broken> {
        if self.standing.is_known() || !self.session.awaits_request() {
            return Ok(true);
        }
        // What is read before its end is the handshake's own.
        if self.downstream.is_handshaking() {
            return Ok(true);
        }
        if !self.standing.is_awaited() && has_come {
            self.identify(cx);
            self.deliver(cx)?;
        }
        Ok(self.standing.is_known())
    }

    /// Looks for the rules of the client, and asks for what that depends on.
    fn identify(&mut self, cx: &mut LoopContext) {
        let client = self.session.client();
        let local = match &self.destination {
            UpstreamAddress::Tcp(to) if self.is_redirected => Some(*to),
            _ => self.downstream.local_address(),
        };
        let ends = client.peer.address().zip(local);
        let (stream, generation) = (self.downstream.stream(), &*self.generation);
        let asker = Asker { client, stream, ends, generation, now: cx.now };
        match self.standing.look(&asker) {
            Looked::Ask(sought) => {
                let who = self.who();
                cx.identify((self.key, self.serial()), who, sought);
            }
            Looked::Waits => {}
            Looked::Found { rules, name, met } => {
                // What happened before was done by whoever it was taken for then.
                audit::record_all(self.session.client(), cx.outbox.records());
                self.session.identified(name);
                self.rules = rules;
                if let Some(met) = met {
                    self.session.turn_away(&met, &mut cx.turn(&self.rules));
                }
            }
        }
    }

    /// What follows from a handshake, before the session sees what the client says.
    pub(super) fn handshake_ended(
        &mut self,
        news: Handshake,
        cx: &mut LoopContext,
    ) -> Result<(), Broken> {
        match news {
            Handshake::Done(certificate) => self.certified(certificate),
            Handshake::Failed(error) => {
                audit::record(self.session.client(), &Record::HandshakeFailed { reason: &error });
                self.session.hear_out();
            }
            Handshake::PlainRefused => {
                let reason = "the client speaks HTTP without TLS, and this port speaks TLS only \
                              (`listen.tls.plain`): use `--tlsverify` or https://";
                self.session.reject(400, &reason, &mut cx.turn(&self.rules));
                self.deliver(cx)?;
            }
        }
        Ok(())
    }

    /// What the client has proved is known from now on.
    fn certified(&mut self, certificate: Option<Box<ClientCertificate>>) {
        let client = self.session.client();
        if let Some(certificate) = certificate.as_deref() {
            audit::record(client, &Record::CertificateShown { certificate });
        }
        self.standing.certified(client, certificate);
    }
}
