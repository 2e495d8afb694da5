//! A whole request, decided at once: for anyone who has all of it and may wait for each answer.

use super::case::Case;
use super::context::Context;
use super::forward::Forward;
use super::head::{self, Arrival, Opening};
use super::refusal::{Refusal, Refused};
use super::step::{Answer, Question, Step};
use crate::http::head::{Lines, parse_request, with_whole_line_ends};

/// What becomes of a request.
#[derive(Debug)]
pub enum Decision {
    /// It is not read, or may not be made whatever is in its body.
    Unread(Refused),
    /// No rule is about it: its body passes as it is, to this target.
    Passes(String),
    /// It was read, and is not let through.
    Refused(Box<Case>, Refused),
    /// It is let through, as it was checked.
    Forwarded(Box<Forward>),
    /// An answer came that is to no question.
    Broken(&'static str),
}

impl Decision {
    /// Why it is not let through, if it is not.
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Unread(refused) | Self::Refused(_, refused) => Some(refused),
            Self::Passes(_) | Self::Forwarded(_) | Self::Broken(_) => None,
        }
    }

    /// The body that the daemon gets in place of the one that came; none where that passes, or nothing does.
    pub fn body(&self) -> Option<&[u8]> {
        match self {
            Self::Forwarded(forward) if !forward.case().endpoint().body_passes() => {
                Some(forward.body())
            }
            _ => None,
        }
    }
}

/// Decides a request by its head and its body, which is no longer framed. `answer` is called for each
/// question, one after the other.
pub fn decide(
    (head, body): (&[u8], &[u8]),
    cx: &mut Context<'_>,
    answer: &mut dyn FnMut(Question) -> Answer,
) -> Decision {
    let opening = match open(head, cx) {
        Ok(opening) => opening,
        Err(refusal) => return Decision::Unread(refusal.into()),
    };
    let case = match opening {
        Opened::Decided(decision) => return decision,
        Opened::Inspect(case) => case,
    };
    let max = case.rules().body_bytes_max;
    let body = match case.endpoint().body_passes() {
        true => Vec::new(),
        false if body.len() > max => {
            return Decision::Unread(Refusal::too_large(case.endpoint(), max).into());
        }
        false => body.to_vec(),
    };
    let mut step = case.judge(body, cx);
    loop {
        let ask = match step {
            Step::Ask(ask) => ask,
            Step::Refuse(case, refused) => return Decision::Refused(case, refused),
            Step::Forward(forward) => return Decision::Forwarded(forward),
            Step::Broken(reason) => return Decision::Broken(reason),
        };
        // The guard is held until the answer is there.
        let (what, pending, _guard) = (ask.what, ask.pending, ask.guard);
        let answer = match what {
            Question::Judge(judgement) => Answer::Judged(judgement.run()),
            question => answer(question),
        };
        step = pending.resume(answer, cx);
    }
}

enum Opened {
    Decided(Decision),
    Inspect(Box<Case>),
}

fn open(bytes: &[u8], cx: &Context<'_>) -> Result<Opened, Refusal> {
    let whole = with_whole_line_ends(bytes);
    let mut lines = Lines::new();
    let head = parse_request(&whole, &mut lines)?;
    let arrival = Arrival::read(&head, whole.len() == bytes.len())?;
    Ok(match head::begin(&arrival, cx.rules, cx.now)? {
        Opening::Deny(refused) => Opened::Decided(Decision::Unread(refused)),
        Opening::Pass(passing) => {
            let target = passing.target.as_ref().unwrap_or(&arrival.target);
            Opened::Decided(Decision::Passes(target.forwarded().to_owned()))
        }
        Opening::Inspect(case, _) => Opened::Inspect(case),
    })
}
