//! Client to daemon, on inspected endpoints: a body arrives, and is held until it is whole.

use super::budget::Share;
use super::pace::Pace;
use super::request::Request;
use super::waiting::Held;
use super::{Session, Side, Step, Turn};
use crate::admission::{Case, Refusal};
use crate::http::chunk::{ChunkDecoder, CollectError};
use crate::http::framing::Framing;
use crate::http::head::RequestHead;
use crate::http::message;
use std::time::Instant;

/// A request to an inspected endpoint whose body is still arriving.
#[derive(Debug)]
pub(super) struct Collecting {
    case: Box<Case>,
    framing: Remaining,
    body: Vec<u8>,
    share: Share,
    pace: Pace,
}

/// How much of an inspected body is still to come.
#[derive(Debug)]
enum Remaining {
    Length(usize),
    Chunked(ChunkDecoder),
}

struct Taken {
    bytes: usize,
    whole: bool,
}

impl Collecting {
    pub(super) fn deadline(&self) -> Instant {
        self.pace.deadline(self.body.len(), self.case.rules())
    }

    fn take(&mut self, input: &[u8]) -> Result<Taken, Refusal> {
        let max = self.case.rules().body_bytes_max;
        let taken = match &mut self.framing {
            Remaining::Length(left) => {
                let bytes = input.len().min(*left);
                *left -= bytes;
                self.body.extend_from_slice(input.split_at(bytes).0);
                Taken { bytes, whole: *left == 0 }
            }
            Remaining::Chunked(decoder) => {
                let scanned = decoder.collect(input, &mut self.body, max);
                let scanned = scanned.map_err(|error| match error {
                    CollectError::TooLarge { max } => Refusal::too_large(self.case.endpoint(), max),
                    CollectError::Chunk(error) => error.into(),
                })?;
                Taken { bytes: scanned.bytes, whole: scanned.ended }
            }
        };
        self.share.grow_to(self.case.head_weight() + self.body.capacity())?;
        Ok(taken)
    }
}

impl Session {
    /// Collects the body, or judges at once what a head alone can bring about.
    pub(super) fn begin_inspection(
        &mut self,
        case: Box<Case>,
        (head, framing): (&RequestHead<'_>, Framing),
        share: Share,
        turn: &mut Turn<'_>,
    ) -> Result<(), Refusal> {
        if case.endpoint().body_passes() {
            self.judge(case, Vec::new(), Held { passes: framing, share: Some(share) }, turn);
            return Ok(());
        }
        let max = case.rules().body_bytes_max;
        let framing = match framing {
            Framing::None | Framing::UntilClose => Remaining::Length(0),
            Framing::Chunked => Remaining::Chunked(ChunkDecoder::new()),
            Framing::Length(bytes) => match usize::try_from(bytes.get()) {
                Ok(bytes) if bytes <= max => Remaining::Length(bytes),
                _ => return Err(Refusal::too_large(case.endpoint(), max)),
            },
        };
        let whole = matches!(framing, Remaining::Length(0));
        if whole {
            self.judge(case, Vec::new(), Held { passes: Framing::None, share: Some(share) }, turn);
            return Ok(());
        }
        if head.expects_continue() {
            turn.out.to(Side::Downstream).extend_from_slice(message::CONTINUE);
        }
        let (body, pace) = (Vec::new(), Pace::new(turn.now));
        let collecting = Collecting { case, framing, body, share, pace };
        self.request = Request::Collecting(Box::new(collecting));
        Ok(())
    }

    pub(super) fn collect(
        &mut self,
        input: &[u8],
        mut collecting: Box<Collecting>,
        turn: &mut Turn<'_>,
    ) -> Step {
        match collecting.take(input) {
            Ok(Taken { bytes, whole: true }) => {
                let Collecting { case, body, share, .. } = *collecting;
                self.judge(case, body, Held { passes: Framing::None, share: Some(share) }, turn);
                Step::Take(bytes)
            }
            Ok(Taken { bytes, whole: false }) => {
                collecting.pace.heard(turn.now);
                self.request = Request::Collecting(collecting);
                Step::Take(bytes)
            }
            Err(refusal) => self.refuse_all(refusal.status, &refusal.reason, input, turn),
        }
    }
}
