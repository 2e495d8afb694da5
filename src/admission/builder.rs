//! Calls to BuildKit as they come on one connection: they are counted, and decided if they are judged at all.

use super::call::{Call, CallStep};
use super::calls::Calls;
use super::context::Context;
use super::refusal::Refusal;
use super::step::Step;
use crate::client::LimitMet;
use crate::effects::buildkit::{self, Method, Solve};

/// How many `LLBBridge/Solve` belong to one `Control/Solve`: clients send one, or one for each part of a build.
/// Further ones count for themselves, as each has steps run.
const INSTRUCTIONS_OF_A_BUILD: u32 = 8;

/// The calls to BuildKit that come on one connection.
#[derive(Debug)]
pub struct BuilderCalls {
    calls: Calls,
    /// How many instructions may follow the builds that were counted.
    instructions_left: u32,
}

impl BuilderCalls {
    /// Of a connection on which none has come.
    #[must_use]
    pub fn new(calls: Calls) -> Self {
        Self { calls, instructions_left: 0 }
    }

    /// Decides a call that is held and whose message is whole.
    pub fn judge(&mut self, path: String, message: Vec<u8>, cx: &mut Context<'_>) -> CallStep {
        let Method::Solve(solve) = buildkit::method(&path) else {
            return Step::Broken("a call is judged that does not build");
        };
        let counted = self.count(solve, &message, cx);
        let call = Call::new(path, solve, cx);
        match (counted, self.calls) {
            (Err(met), _) => Step::Refuse(Box::new(call), over_limit(&met).into()),
            (Ok(()), Calls::Judged) => Box::new(call).judge(message, cx),
            (Ok(()), Calls::Counted | Calls::Pass) => call.pass(message),
        }
    }

    /// Counts a build among what its client makes.
    fn count(&mut self, solve: Solve, message: &[u8], cx: &Context<'_>) -> Result<(), LimitMet> {
        let Some(share) = &cx.rules.share else { return Ok(()) };
        match (solve, self.instructions_left) {
            // It was counted with its request.
            (Solve::Dockerfile, _) => {}
            (Solve::Bridge, 1..) => self.instructions_left -= 1,
            (Solve::Bridge, 0) => share.create(cx.now)?,
            (Solve::Control, _) if buildkit::asks_for_nothing(message) => {}
            (Solve::Control, _) => {
                share.create(cx.now)?;
                self.instructions_left = INSTRUCTIONS_OF_A_BUILD;
            }
        }
        Ok(())
    }
}

/// gRPC has no place for the time to wait but the reason.
fn over_limit(met: &LimitMet) -> Refusal {
    let refusal = Refusal::from(*met);
    let reason = format!("{} in {} s", refusal.reason, met.retry_after_seconds());
    Refusal { reason, ..refusal }
}
