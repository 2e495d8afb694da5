//! Client to daemon: calls of gRPC that are refused, from the upgrade on.
//!
//! A client of BuildKit that is denied `POST /grpc` shows no reason, and looks for another builder: buildx
//! creates a privileged container. So the upgrade is accepted here, and each call that follows gets the
//! reason as its status, which clients do show. Nothing reaches the daemon.

use std::fmt::Display;

use super::state::{RefusingCalls, Request, Response};
use super::{End, Session, Side, Step, Turn};
use crate::http::message;
use crate::http2::grpc::Status;
use crate::http2::refuser::CallRefuser;
use crate::record::Event;

impl Session {
    pub(super) fn refuses_calls(&self) -> bool {
        matches!(self.request, Request::RefusingCalls(_))
    }

    /// Accepts the upgrade in place of the daemon: the reason is for the calls that follow.
    pub(super) fn refuse_calls(&mut self, status: u16, reason: &dyn Display, turn: &mut Turn<'_>) {
        turn.out.to(Side::Downstream).extend_from_slice(message::SWITCHED_TO_H2C);
        let message = self.said(reason);
        let refuser = CallRefuser::new(as_grpc(status), message, turn.rules.head_bytes_max);
        let begins_until = turn.now + turn.rules.head_time_max;
        self.request = Request::RefusingCalls(Box::new(RefusingCalls { refuser, begins_until }));
        self.response = Response::Idle;
        if let Some(change) = std::mem::take(&mut self.exchange).changes {
            change.answered();
        }
        if self.downstream_ended {
            self.end = Some(End::Flush);
        }
    }

    pub(super) fn refuse_call_bytes(
        &mut self,
        input: &[u8],
        mut refusing: Box<RefusingCalls>,
        turn: &mut Turn<'_>,
    ) -> Step {
        match refusing.refuser.bytes(input, turn.out.to(Side::Downstream)) {
            Ok(taken) => {
                self.request = Request::RefusingCalls(refusing);
                if taken > 0 { Step::Take(taken) } else { Step::More }
            }
            Err(error) => {
                turn.out.record(&Event::Invalid { status: 400, reason: &error });
                self.response = Response::Over;
                self.close();
                Step::Take(input.len())
            }
        }
    }
}

/// The status of gRPC for one of HTTP that is SecDocker's own.
pub(super) fn as_grpc(status: u16) -> Status {
    match status {
        400 => Status::InvalidArgument,
        403 => Status::PermissionDenied,
        404 => Status::NotFound,
        413 | 429 => Status::ResourceExhausted,
        _ => Status::Unavailable,
    }
}
