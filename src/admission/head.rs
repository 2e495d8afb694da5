//! The head of a request: whether the request may be made at all, and whether its body is inspected.

use std::sync::Arc;
use std::time::Instant;

use super::case::Case;
use super::images::Changing;
use super::refusal::{Refusal, Refused};
use super::rules::Rules;
use crate::docker::answers::{self, Withheld};
use crate::docker::{self, Access, Endpoint, FormBody, Route};
use crate::effects;
use crate::http::framing::{self, Framing};
use crate::http::head::{HeadError, RequestHead};
use crate::http::message::Offer;
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

    /// Whether calls of gRPC follow: to the builder, and with nothing else in the request that would be left over if
    /// the connection left HTTP at once.
    pub fn begins_calls(&self) -> bool {
        let route = || docker::routes::classify(self.head.method, &self.target);
        self.framing == Framing::None
            && self.head.asks_for_h2c()
            && matches!(route(), Ok(Route::Inspected(Endpoint::BuildKit)))
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
    /// What becomes of its offer of HTTP/2, if it makes one that must not pass.
    pub offer: Option<Offer>,
    /// What else is known of it.
    pub traits: Traits,
}

impl Passing {
    /// The daemon might go on in a protocol that nobody here speaks; the client need not. Where the daemon may
    /// switch, `h2c` alone is the name of the raw stream that a build speaks.
    fn of(arrival: &Arrival<'_>, target: Option<Target<'static>>, traits: Traits) -> Self {
        let Arrival { head, target: sent, .. } = arrival;
        let offer = match traits.may_switch {
            true if !head.has_http2_settings() => None,
            true if docker::routes::is_session(target.as_ref().unwrap_or(sent)) => {
                Some(Offer::WithoutSettings)
            }
            _ => head.offers_http2().then_some(Offer::LeftOut),
        };
        Self { target, offer, traits }
    }
}

/// What the head of a request says about what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traits {
    /// Whether the daemon may turn the connection into a raw stream in answer to it.
    pub may_switch: bool,
    /// What it may change of what is remembered.
    pub changes: Changing,
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
        changes: Changing {
            images: docker::changes_images(head.method, target),
            volumes: docker::changes_volumes(head.method, target),
        },
        withheld: guards.then(|| answers::withheld(head.method, target)).flatten(),
    };
    match docker::routes::classify(head.method, target)? {
        Route::Plain => Ok(Opening::Pass(Passing::of(arrival, None, traits))),
        Route::MaySwitch => {
            let traits = Traits { may_switch: true, ..traits };
            Ok(Opening::Pass(Passing::of(arrival, None, traits)))
        }
        Route::Inspected(endpoint) => {
            let traits = Traits { may_switch: endpoint.may_switch(), ..traits };
            let read = effects::as_read(endpoint, target)?;
            let rewritten = (read != target.forwarded()).then(|| target::parse(&read));
            let rewritten = rewritten.transpose()?.map(Target::into_owned);
            let read = rewritten.as_ref().unwrap_or(target);
            let judged = effects::inspection_mode(endpoint, read, policy, rules.reviewed);
            let Some(endpoint) = judged else {
                return Ok(Opening::Pass(Passing::of(arrival, rewritten, traits)));
            };
            docker::check_head(head, endpoint, *framing)?;
            let target = rewritten.unwrap_or_else(|| target.clone().into_owned());
            let mut case = Case::new(endpoint, (head, *framing), target, Arc::clone(rules));
            case.count(now);
            Ok(Opening::Inspect(Box::new(case), traits))
        }
    }
}
