//! Client to daemon, on inspected endpoints: a body arrives, and is held until it is whole.

use super::budget::Share;
use super::state::{Collecting, Held, Pace, Remaining, Request, Taken};
use super::{Session, Side, Step, Turn};
use crate::admission::{Case, Refusal};
use crate::http::chunk::ChunkDecoder;
use crate::http::framing::Framing;
use crate::http::head::RequestHead;
use crate::http::message;

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
