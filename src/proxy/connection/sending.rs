//! Writes to either side, and connects to the daemon when there is something to say to it.

use std::io;
use std::time::Instant;

use super::super::context::LoopContext;
use super::super::limits::connection_limits::{ConnectionLimits, Ends};
use super::super::streams::pipes::Pipe;
use super::super::upstream::Attempt;
use super::{Broken, Connection};
use crate::audit;
use crate::config::UpstreamAddress;
use crate::record::Event as Record;
use crate::session::{Side, UpstreamFailure};

impl Connection {
    /// Whether bytes still have to be written to this side.
    pub(super) fn owes(&self, to: Side) -> bool {
        match to {
            Side::Downstream => self.downstream.owes(),
            Side::Upstream => self.upstream.owes(),
        }
    }

    /// Writes bytes to one side. For the first ones to the daemon a connection is made.
    pub(super) fn send(
        &mut self,
        to: Side,
        bytes: &[u8],
        cx: &mut LoopContext,
    ) -> Result<(), Broken> {
        match to {
            Side::Downstream => return self.downstream.send(bytes).map_err(Broken),
            Side::Upstream if self.upstream.is_none() => {
                self.dial(bytes.to_vec(), None, cx);
                return self.deliver(cx);
            }
            Side::Upstream if self.upstream.send(bytes).is_err() => self.upstream_write_closed(),
            Side::Upstream => {}
        }
        Ok(())
    }

    /// Writes what is in a pipe to one side. What passes unseen has a daemon to go to.
    pub(super) fn send_piped(&mut self, to: Side, pipe: Pipe) -> Result<(), Broken> {
        if to == Side::Downstream {
            return self.downstream.send_piped(pipe).map_err(Broken);
        }
        let Some(peer) = self.upstream.open() else {
            let reason = "bytes pass unseen to a daemon to which there is no connection";
            debug_assert!(false, "{reason}");
            audit::record(self.session.client(), &Record::Error { reason: &reason });
            return Err(Broken(io::ErrorKind::NotConnected.into()));
        };
        if peer.send_piped(pipe).is_err() {
            self.upstream_write_closed();
        }
        Ok(())
    }

    /// Writes what is owed to one side, as far as it takes it.
    pub(super) fn flush(&mut self, to: Side) -> Result<(), Broken> {
        if to == Side::Downstream {
            return self.downstream.flush().map_err(Broken);
        }
        if let Some(peer) = self.upstream.open()
            && peer.flush().is_err()
        {
            self.upstream_write_closed();
        }
        Ok(())
    }

    /// The daemon reads no more, but what it has answered is still to be read.
    fn upstream_write_closed(&mut self) {
        if let Some(peer) = self.upstream.open() {
            peer.forget_owed();
        }
        self.session.upstream_write_closed();
    }

    pub(super) fn lose_upstream(
        &mut self,
        error: &io::Error,
        cx: &mut LoopContext,
    ) -> Result<(), Broken> {
        self.upstream.close();
        let lost = UpstreamFailure::Lost(format!("the connection to the daemon broke: {error}"));
        cx.counts.upstream_lost.one();
        self.session.upstream_failed(&lost, &mut cx.turn(&self.rules));
        self.deliver(cx)
    }

    /// Connects, unless that would lead back here or nobody can vouch for the daemon.
    pub(super) fn dial(&mut self, owed: Vec<u8>, until: Option<Instant>, cx: &mut LoopContext) {
        if self.is_our_own(&cx.shared.connection_limits) {
            let reason = format!("a connection to {} leads back to SecDocker", self.destination);
            return self.fail(&UpstreamFailure::Loop(reason), cx);
        }
        let daemon = self.daemon();
        if daemon.tls.is_none() && self.is_redirected && !self.downstream.is_plain() {
            let reason = format!(
                "the client speaks TLS to {}, and `upstream.tls` does not say whom to trust there",
                self.destination
            );
            return self.fail(&UpstreamFailure::Unreachable(reason), cx);
        }
        let until = until.unwrap_or(cx.now + self.generation.limits.connect_time);
        let token = self.key.token(Side::Upstream);
        let attempt = Attempt { daemon: &daemon, token, owed, until };
        if let Err(error) = self.upstream.dial(attempt, cx) {
            self.unreachable(&error, cx);
        }
    }

    /// Whether the client is SecDocker, whose connections to this destination lead back to it. Another
    /// one that has connected to SecDocker itself may have the port of one of them.
    fn is_our_own(&self, limits: &ConnectionLimits) -> bool {
        match (self.session.client().peer.address(), &self.destination) {
            (Some(from), UpstreamAddress::Tcp(to)) => {
                let reached = || self.is_redirected || self.downstream.local_address() == Some(*to);
                limits.is_own(Ends { from, to: *to }) && reached()
            }
            _ => false,
        }
    }

    /// Sees whether a connection attempt has come to something.
    pub(super) fn await_connection(&mut self, cx: &mut LoopContext) {
        if let Err(error) = self.upstream.connected() {
            self.unreachable(&error, cx);
        }
    }

    pub(super) fn unreachable(&mut self, error: &io::Error, cx: &mut LoopContext) {
        let reason = format!("cannot reach the daemon at {}: {error}", self.destination);
        self.fail(&UpstreamFailure::Unreachable(reason), cx);
    }

    fn fail(&mut self, failure: &UpstreamFailure, cx: &mut LoopContext) {
        self.upstream.close();
        match failure {
            UpstreamFailure::Unreachable(_) => cx.counts.upstream_unreachable.one(),
            UpstreamFailure::Lost(_) => cx.counts.upstream_lost.one(),
            UpstreamFailure::Loop(_) => cx.counts.upstream_loop.one(),
        }
        self.session.upstream_failed(failure, &mut cx.turn(&self.rules));
    }
}
