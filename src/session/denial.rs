//! Client to daemon: a request that may not be made at all, whatever is in its body.
//!
//! Nothing of it reaches the daemon. A short body of known length is read to its end and dropped
//! before the answer, so that the connection goes on behind it; any other is answered at once, and
//! the connection ends.

use std::num::NonZeroU64;
use std::sync::Arc;

use super::state::{Dropping, Pace, Request};
use super::{Session, Step, Turn};
use crate::admission::{Class, Refused};
use crate::http::framing::Framing;
use crate::http::head::RequestHead;

impl Session {
    pub(super) fn deny(
        &mut self,
        head: &RequestHead<'_>,
        framing: Framing,
        denial: Refused,
        turn: &mut Turn<'_>,
    ) {
        turn.out.refuse(Class::of(head.target), (head.method, head.target), &denial);
        self.exchange.retry_after = denial.retry_after();
        let body_bytes_max = turn.rules.body_bytes_max as u64;
        match framing {
            Framing::None => self.answer_denied(&denial, turn),
            // Whether a client that was not told to continue sends its body, nobody knows.
            Framing::Length(left) if left.get() <= body_bytes_max && !head.expects_continue() => {
                let (pace, rules) = (Pace::new(turn.now), Arc::clone(turn.rules));
                let dropping = Dropping { left, denial, dropped: 0, pace, rules };
                self.request = Request::Dropping(Box::new(dropping));
            }
            Framing::Length(_) | Framing::Chunked | Framing::UntilClose => {
                self.request = Request::Over;
                self.answer_instead(denial.status(), denial.reason(), turn);
            }
        }
    }

    pub(super) fn drop_body(
        &mut self,
        input: &[u8],
        mut dropping: Box<Dropping>,
        turn: &mut Turn<'_>,
    ) -> Step {
        let length = input.len() as u64;
        match NonZeroU64::new(dropping.left.get().saturating_sub(length)) {
            Some(left) => {
                dropping.left = left;
                dropping.dropped += input.len();
                dropping.pace.heard(turn.now);
                self.request = Request::Dropping(dropping);
                Step::Take(input.len())
            }
            None => {
                self.answer_denied(&dropping.denial, turn);
                // What is left of the body is no longer than the input, which is a `usize`.
                Step::Take(usize::try_from(dropping.left.get()).unwrap_or(input.len()))
            }
        }
    }

    fn answer_denied(&mut self, denial: &Refused, turn: &mut Turn<'_>) {
        self.request = Request::Sent;
        self.answer_whole(denial.status(), denial.reason(), turn);
    }
}
