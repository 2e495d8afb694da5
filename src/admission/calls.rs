//! Calls of gRPC: which pass, which are held, and why others are refused for what they are.

use super::refusal::Refusal;
use super::rules::Rules;
use crate::effects::buildkit::{self, Method};
use crate::http2::mediator::{Fault, Handling};

/// What becomes of calls of gRPC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Calls {
    /// They pass unseen.
    #[default]
    Pass,
    /// Those that build are counted, and pass as they are.
    Counted,
    /// Those that build are judged, and nothing unknown passes.
    Judged,
}

impl Calls {
    /// Of calls to BuildKit under these rules.
    pub(super) fn to_buildkit(rules: &Rules) -> Self {
        let limits = rules.share.as_ref().map(|share| share.limits());
        let is_counted = limits.is_some_and(|limits| limits.creates_per_minute.is_some());
        match rules.reviewed.build || rules.policy.judges_calls_to_buildkit() {
            true => Self::Judged,
            false if is_counted => Self::Counted,
            false => Self::Pass,
        }
    }

    /// What becomes of a call by its method alone.
    #[must_use]
    pub fn handling(self) -> fn(&str) -> Handling {
        match self {
            Self::Judged => handling_where_judged,
            Self::Pass | Self::Counted => handling_where_counted,
        }
    }
}

fn handling_where_counted(path: &str) -> Handling {
    match buildkit::method(path) {
        Method::Solve(_) => Handling::Hold,
        Method::Harmless | Method::Forbidden => Handling::Pass,
    }
}

fn handling_where_judged(path: &str) -> Handling {
    match buildkit::method(path) {
        Method::Solve(_) => Handling::Hold,
        Method::Harmless => Handling::Pass,
        Method::Forbidden => Handling::Refuse,
    }
}

impl Refusal {
    /// Of a call for its method, or for how it was sent.
    #[must_use]
    pub fn of_call(path: &str, fault: Option<Fault>) -> Self {
        let name = path.trim_start_matches('/').escape_debug();
        match fault {
            None => Self::new(
                403,
                format!(
                    "forbidden: the call {name} to BuildKit, which no rule can be held to; \
                     `builds: allow` lets it pass"
                ),
            ),
            Some(Fault::Head) => Self::new(400, "the call to BuildKit has no plain method"),
            Some(Fault::Compressed) => Self::new(400, format!("the call {name} is compressed")),
            Some(Fault::Framing) => {
                Self::new(400, format!("the call {name} does not hold one whole message"))
            }
            Some(Fault::Dockerfile(reason)) => {
                let reason =
                    format!("forbidden: a build whose Dockerfile can't be judged: {reason}");
                Self::new(403, reason)
            }
            Some(Fault::TooLong | Fault::TooMuch) => {
                Self::new(413, format!("the call {name} is longer than `limits.body` lets it be"))
            }
        }
    }
}
