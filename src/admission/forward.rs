//! What goes to the daemon of a request that is let through.

use std::borrow::Cow;
use std::sync::Arc;

use super::case::Case;
use super::refusal::Refusal;
use super::rules::Calls;
use crate::docker::Endpoint;
use crate::effects::{self, Changes, Forwarded, ServedBuild};
use crate::http::target;
use crate::policy::Policy;

/// A request that is let through, as the daemon gets it.
#[derive(Debug)]
pub struct Forward {
    case: Box<Case>,
    forwarded: Forwarded,
    body: Body,
    /// The container that it starts, if what is mounted there must be looked at afterwards.
    started: Option<String>,
    /// What a session that it offers is called in place of what its client calls it.
    renamed: Option<String>,
}

#[derive(Debug)]
enum Body {
    Own(Vec<u8>),
    Shared(Arc<Vec<u8>>),
}

impl Body {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Own(body) => body,
            Self::Shared(body) => body,
        }
    }
}

impl Forward {
    pub(super) fn new(
        case: Box<Case>,
        forwarded: Forwarded,
        body: Vec<u8>,
        started: Option<String>,
    ) -> Self {
        Self { case, forwarded, body: Body::Own(body), started, renamed: None }
    }

    pub(super) fn reviewed(case: Box<Case>, forwarded: Forwarded, body: Arc<Vec<u8>>) -> Self {
        Self { case, forwarded, body: Body::Shared(body), started: None, renamed: None }
    }

    /// The same, for a container of the image with this `sha256:…`.
    ///
    /// # Errors
    /// [`Refusal`] if no container is made: only containers are made of an image by its identifier.
    pub(super) fn pinned(mut self, id: &str) -> Result<Self, (Box<Case>, Refusal)> {
        match self.forwarded.pin(self.body.as_slice(), id) {
            Some(Cow::Borrowed(_)) => Ok(self),
            Some(Cow::Owned(pinned)) => Ok(Self { body: Body::Own(pinned), ..self }),
            None => Err((self.case, Refusal::no_such_image(id))),
        }
    }

    /// The request.
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// The request target that the daemon gets.
    pub fn target(&self) -> &str {
        self.forwarded.target.as_deref().unwrap_or(self.case.target())
    }

    /// The body that the daemon gets; nothing where the one that came passes.
    pub fn body(&self) -> &[u8] {
        self.body.as_slice()
    }

    /// What was forced.
    pub fn changes(&self) -> &Changes {
        &self.forwarded.changes
    }

    /// The container to look at once it is started, and the rules for it.
    pub fn watched(&mut self) -> Option<(String, Arc<Policy>)> {
        let container = self.started.take()?;
        Some((container, Arc::clone(&self.case.rules.policy)))
    }

    /// Whether images are fetched when the daemon has answered.
    pub fn fetches_images(&self) -> bool {
        self.case.endpoint.fetches_images()
    }

    /// What becomes of calls of gRPC that follow.
    pub fn calls(&self) -> Calls {
        match self.case.endpoint {
            _ if self.forwarded.serves => Calls::Judged,
            Endpoint::BuildKit => self.case.rules.calls(),
            _ => Calls::Pass,
        }
    }

    /// The build that takes its Dockerfile from a session, where that is judged.
    pub fn served(&self) -> Option<&Arc<ServedBuild>> {
        self.forwarded.served.as_ref()
    }

    /// What the client calls a session in which Dockerfiles are judged.
    pub fn serves(&self) -> Option<&str> {
        self.forwarded.serves.then(|| self.case.head.session_name())
    }

    /// Gives the session that it offers, or that it is served by, another name.
    ///
    /// # Errors
    /// [`Refusal`] if the target can't be written with that name.
    pub fn rename_session(&mut self, name: &str) -> Result<(), Refusal> {
        if self.forwarded.served.is_none() {
            self.renamed = Some(name.to_owned());
            return Ok(());
        }
        // What was written anew is read as the daemon will read it.
        let renamed = match &self.forwarded.target {
            Some(target) => effects::with_session(&target::parse(target)?, name)?,
            None => effects::with_session(&self.case.target, name)?,
        };
        self.forwarded.target = Some(renamed);
        Ok(())
    }

    /// Appends the request, up to a body that passes.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.case.head.write(self.target(), self.renamed.as_deref(), self.body(), out);
    }
}
