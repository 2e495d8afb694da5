//! Why a request is not let through, as its client and the log are told.

use std::fmt;
use std::num::NonZeroU32;

use crate::client::LimitMet;
use crate::docker::{self, Endpoint};
use crate::effects;
use crate::http::chunk::ChunkError;
use crate::http::framing;
use crate::http::head::HeadError;
use crate::http::target;
use crate::policy::Violations;
use crate::policy::facts::Unresolved;
use crate::policy::review::AskedImage;
use crate::policy::shown::Shown;

/// Why a request is refused that was read to its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// By rules.
    Forbidden(Violations),
    /// By a plugin.
    Disliked(Refusal),
    /// For what it is, or because it can't be judged.
    Unjudged(Refusal),
}

impl Refused {
    /// The status of the answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::Forbidden(_) => 403,
            Self::Disliked(refusal) | Self::Unjudged(refusal) => refusal.status,
        }
    }

    /// When the client should come again, in seconds, where that is why.
    pub fn retry_after(&self) -> Option<NonZeroU32> {
        match self {
            Self::Forbidden(_) => None,
            Self::Disliked(refusal) | Self::Unjudged(refusal) => refusal.retry_after,
        }
    }

    /// What the client is told.
    pub fn reason(&self) -> &dyn fmt::Display {
        match self {
            Self::Forbidden(violations) => violations,
            Self::Disliked(refusal) | Self::Unjudged(refusal) => &refusal.reason,
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Unjudged(refusal)
    }
}

/// A request that is not let through for what it is, rather than for what it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: u16,
    /// Why.
    pub reason: String,
    /// When the client should come again, in seconds, where that is why.
    pub retry_after: Option<NonZeroU32>,
}

impl Refusal {
    /// With this status, for this reason.
    pub fn new(status: u16, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), retry_after: None }
    }

    pub(crate) fn too_large(endpoint: Endpoint, max: usize) -> Self {
        let advice = match endpoint {
            Endpoint::BuildContext => {
                "; `builds: allow` lets build contexts pass unread, `limits.body` is for larger ones"
            }
            _ => "",
        };
        Self::new(413, format!("the request body is longer than {max} bytes{advice}"))
    }

    pub(crate) fn too_many_heads() -> Self {
        let reason = "too many long request heads are held, try again";
        Self::new(503, reason)
    }

    /// The rules that it could break can't be told yet.
    pub(crate) fn not_learned(unresolved: Option<&Unresolved>) -> Self {
        let what = unresolved.map(|unresolved| format!(": {unresolved}")).unwrap_or_default();
        let reason = format!("the daemon did not answer a policy look-up in time, try again{what}");
        Self::new(503, reason)
    }

    /// What the daemon would say: clients fetch the image, and come again.
    pub(crate) fn no_such_image(name: &str) -> Self {
        Self::new(404, format!("No such image: {name}"))
    }

    /// What the daemon would say, if none came to be by that name meanwhile that nobody has judged.
    pub(crate) fn no_such_container(name: &str) -> Self {
        Self::new(404, format!("No such container: {}", Shown(name)))
    }

    /// Whatever plugins say, a container could be made of any image then.
    pub(crate) fn unknown_image(name: &dyn std::fmt::Display) -> Self {
        let reason = format!("plugins need image {name}, which could not be looked up, try again");
        Self::new(503, reason)
    }

    /// Each would be waited for.
    pub(crate) fn too_many_images() -> Self {
        let max = AskedImage::OF_BUILD_MAX;
        let reason = format!("the build uses more than {max} images, and plugins must know each");
        Self::new(403, reason)
    }

    pub(crate) fn changes() -> Self {
        let reason = "the image kept changing while plugins checked it";
        Self::new(503, reason)
    }

    /// A swarm starts as many containers of a service as it likes, whatever is counted.
    pub(crate) fn of_services() -> Self {
        let reason = "forbidden: a service of a client whose containers are counted \
                      (`limits.containers`)";
        Self::new(403, reason)
    }

    /// Plugins would have to know its images.
    pub(crate) fn unread_build() -> Self {
        let reason = "plugins can't be asked about the images of a build by BuildKit without buildx: use buildx \
                      or DOCKER_BUILDKIT=0";
        Self::new(403, reason)
    }

    /// With two builds nobody could say for which of them a Dockerfile is.
    pub(crate) fn serves_another() -> Self {
        let reason = "forbidden: a second build with one session, while Dockerfiles are judged";
        Self::new(403, reason)
    }

    pub(crate) fn too_many_forbidden() -> Self {
        let reason = "too many images with a forbidden name: they cannot all be remembered";
        Self::new(503, reason)
    }
}

impl From<LimitMet> for Refusal {
    fn from(met: LimitMet) -> Self {
        let retry_after = Some(met.retry_after_seconds());
        Self { retry_after, ..Self::new(429, met.to_string()) }
    }
}

macro_rules! refused_with_400 {
    ($($error:ty),+) => {$(
        impl From<$error> for Refusal {
            fn from(error: $error) -> Self {
                Self::new(400, error.to_string())
            }
        }
    )+};
}

refused_with_400!(
    ChunkError,
    HeadError,
    framing::FramingError,
    target::TargetError,
    docker::routes::RouteError,
    docker::OddTarget,
    docker::HeadRefusal,
    effects::BodyError
);
