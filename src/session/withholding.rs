//! Daemon to client: an answer that holds credentials, which are taken out of it.
//!
//! The body is kept until it is whole, and written anew without them. It counts as a body of the client
//! that asked. What can't be read is not passed on.

use super::budget::Share;
use super::state::{BodyState, Kept, Response, Withholding, too_long};
use super::{Session, Side, Step, Turn, UpstreamFailure};
use crate::docker::answers;
use crate::http::head::{self, Lines, ResponseHead};
use crate::http::message;
use crate::record::Event;

impl Session {
    /// Begins to keep the body behind a head.
    pub(super) fn withhold(
        &mut self,
        bytes: &[u8],
        head: &ResponseHead<'_>,
        body: BodyState,
        turn: &mut Turn<'_>,
    ) -> Step {
        let max = turn.rules.body_bytes_max;
        let is_coded = head.headers.get_all("content-encoding").any(|it| it != b"identity");
        let progress = match body {
            _ if is_coded => return self.withhold_all(&"it is encoded", bytes, turn),
            BodyState::Length(length) => match usize::try_from(length.get()) {
                Ok(length) if length <= max => Kept::Length(length),
                _ => return self.withhold_all(&too_long(max), bytes, turn),
            },
            BodyState::Chunked(decoder) => Kept::Chunked(decoder),
            BodyState::UntilClose => Kept::UntilClose,
        };
        let share = Share::none_of(&self.budget, self.client.peer.who());
        let withholding = Withholding { head: bytes.to_vec(), progress, body: Vec::new(), share };
        self.response = Response::Withholding(Box::new(withholding));
        Step::Take(bytes.len())
    }

    pub(super) fn withhold_bytes(
        &mut self,
        input: &[u8],
        mut withholding: Box<Withholding>,
        turn: &mut Turn<'_>,
    ) -> Step {
        match withholding.take(input, turn.rules.body_bytes_max) {
            Ok((bytes, true)) => {
                self.forward_without(*withholding, turn);
                Step::Take(bytes)
            }
            Ok((bytes, false)) => {
                self.response = Response::Withholding(withholding);
                Step::Take(bytes)
            }
            Err(reason) => self.withhold_all(&reason, input, turn),
        }
    }

    /// The daemon's side has ended in a body that is kept.
    pub(super) fn withheld_ended(&mut self, turn: &mut Turn<'_>) {
        match std::mem::replace(&mut self.response, Response::head()) {
            Response::Withholding(withholding)
                if matches!(withholding.progress, Kept::UntilClose) =>
            {
                self.forward_without(*withholding, turn);
            }
            _ => {
                let lost =
                    "the daemon closed the connection in the middle of its answer".to_owned();
                self.upstream_failed(&UpstreamFailure::Lost(lost), turn);
            }
        }
    }

    fn forward_without(&mut self, withholding: Withholding, turn: &mut Turn<'_>) {
        let Withholding { head, body, mut share, .. } = withholding;
        let mut lines = Lines::new();
        let written = self.exchange.withheld.and_then(|withheld| {
            // The tree of the values is a multiple of their text.
            share.grow_to(body.len() * TREE_BYTES).ok()?;
            let written = answers::without(withheld, &body)?;
            turn.out.record(&Event::Withheld { what: &withheld });
            Some(written)
        });
        match (written, head::parse_response(&head, &mut lines)) {
            (Some(written), Ok(head)) => {
                let out = turn.out.to(Side::Downstream);
                message::write_response(out, &head, written.len());
                out.extend_from_slice(&written);
                self.response_complete();
            }
            _ => {
                let _ = self.withhold_all(&"it can't be read", &[], turn);
            }
        }
    }

    /// Nothing of an answer passes that may hold what nobody could take out.
    fn withhold_all(
        &mut self,
        reason: &dyn std::fmt::Display,
        input: &[u8],
        turn: &mut Turn<'_>,
    ) -> Step {
        self.response = Response::head();
        let reason = format!("credentials can't be taken out of its answer: {reason}");
        self.bad_upstream(&reason, input, turn)
    }
}

/// What one byte of JSON may take as a tree of values.
const TREE_BYTES: usize = 16;
