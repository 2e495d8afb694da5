//! The head of a request: whether the request may be made at all, and whether its body is inspected.

use std::sync::Arc;
use std::time::Instant;

use super::case::Case;
use super::refusal::{Refusal, Refused};
use super::rules::Rules;
use crate::docker::answers::{self, Withheld};
use crate::docker::{self, Access, FormBody, Route};
use crate::effects;
use crate::http::framing::{self, Framing};
use crate::http::head::{HeadError, RequestHead};
use crate::http::target::{self, Target};

/// A head that was read once, and what it says.
#[derive(Debug)]
pub struct Arrival<'h> {
    /// Its lines.
    pub head: &'h RequestHead<'h>,
    /// Its target, taken apart.
    pub target: Target<'h>,
    /// How the body behind it is framed.
    pub framing: Framing,
}

impl<'h> Arrival<'h> {
    /// Reads what the lines of a head mean. `is_as_sent` says whether all its line ends were whole.
    ///
    /// # Errors
    /// [`Refusal`] for a head that means nothing, or could mean two things.
    pub fn read(head: &'h RequestHead<'h>, is_as_sent: bool) -> Result<Self, Refusal> {
        let target = target::parse(head.target)?;
        let framing = framing::of_request(head)?;
        if !is_as_sent && !head.stands_alone(framing) {
            return Err(HeadError::BareLineFeed.into());
        }
        Ok(Self { head, target, framing })
    }
}

/// What becomes of a request by its head.
#[derive(Debug)]
#[must_use]
pub enum Opening {
    /// It may not be made, whatever is in its body.
    Deny(Refused),
    /// No rule is about it.
    Pass(Passing),
    /// What it would bring about is judged, once its body is there.
    Inspect(Box<Case>, Traits),
}

/// A request that no rule is about.
#[derive(Debug)]
pub struct Passing {
    /// The target that goes to the daemon, where that is not the one that was sent.
    pub target: Option<Target<'static>>,
    /// What else is known of it.
    pub traits: Traits,
}

/// What the head of a request says about what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traits {
    /// Whether the daemon may turn the connection into a raw stream in answer to it.
    pub may_switch: bool,
    /// Whether it may change what images are called or hold.
    pub changes_images: bool,
    /// What is taken out of the answer.
    pub withheld: Option<Withheld>,
}

/// A request begins: may it be made, and what is it about?
///
/// # Errors
/// [`Refusal`] for a head that could mean two things to two readers.
pub fn begin(arrival: &Arrival<'_>, rules: &Arc<Rules>, now: Instant) -> Result<Opening, Refusal> {
    let Arrival { head, target, framing } = arrival;
    let policy = &rules.policy;
    if let Some(denial) = rules.denial(head.method, target, now) {
        return Ok(Opening::Deny(denial));
    }
    let asked = (head.method, FormBody::of(head, *framing));
    if let Access::Forbidden(violations) = docker::access(policy, rules.reviewed, asked, target)? {
        return Ok(Opening::Deny(Refused::Forbidden(violations)));
    }
    let guards = policy.guarding_section().is_some();
    let traits = Traits {
        may_switch: false,
        changes_images: docker::changes_images(head.method, target),
        withheld: guards.then(|| answers::withheld(head.method, target)).flatten(),
    };
    match docker::routes::classify(head.method, target)? {
        Route::Plain => Ok(Opening::Pass(Passing { target: None, traits })),
        Route::MaySwitch => {
            let traits = Traits { may_switch: true, ..traits };
            Ok(Opening::Pass(Passing { target: None, traits }))
        }
        Route::Inspected(endpoint) => {
            let traits = Traits { may_switch: endpoint.may_switch(), ..traits };
            let read = effects::as_read(endpoint, target)?;
            let rewritten = (read != target.forwarded()).then(|| target::parse(&read));
            let rewritten = rewritten.transpose()?.map(Target::into_owned);
            let read = rewritten.as_ref().unwrap_or(target);
            let judged = effects::inspection_mode(endpoint, read, policy, rules.reviewed);
            let Some(endpoint) = judged else {
                return Ok(Opening::Pass(Passing { target: rewritten, traits }));
            };
            docker::check_head(head, endpoint, *framing)?;
            let target = rewritten.unwrap_or_else(|| target.clone().into_owned());
            let mut case = Case::new(endpoint, (head, *framing), target, Arc::clone(rules));
            case.count(now);
            Ok(Opening::Inspect(Box::new(case), traits))
        }
    }
}
