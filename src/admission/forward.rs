//! What goes to the daemon of a request that is let through.

use std::borrow::Cow;
use std::sync::Arc;

use super::build_sessions::BuildSession;
use super::calls::Calls;
use super::case::Case;
use super::context::Context;
use super::refusal::Refusal;
use crate::docker::Endpoint;
use crate::effects::{self, Changes, Forwarded};
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
    /// The session that serves it, or that it offers for a build.
    session: Option<Arc<BuildSession>>,
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
        Self { case, forwarded, body: Body::Own(body), started, session: None }
    }

    pub(super) fn reviewed(case: Box<Case>, forwarded: Forwarded, body: Arc<Vec<u8>>) -> Self {
        Self { case, forwarded, body: Body::Shared(body), started: None, session: None }
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

    pub(super) fn into_case(self) -> Box<Case> {
        self.case
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
            Endpoint::BuildKit => Calls::to_buildkit(&self.case.rules),
            _ => Calls::Pass,
        }
    }

    /// The session that serves it, or that it offers for a build, where Dockerfiles are judged there.
    pub fn session(&self) -> Option<&Arc<BuildSession>> {
        self.session.as_ref()
    }

    /// A build whose Dockerfile is judged in a session, and that session, are told to the daemon by a name of our
    /// own, which stands for both together.
    ///
    /// # Errors
    /// [`Refusal`] if the session serves another build, or the target can't be written with that name.
    pub(super) fn join_session(&mut self, cx: &Context<'_>) -> Result<(), Refusal> {
        let (sessions, who) = (cx.images.build_sessions(), cx.caller.who);
        if let Some(build) = &self.forwarded.served {
            let session = sessions.of(who, &build.session);
            if !session.begin(build) {
                return Err(Refusal::serves_another());
            }
            // What was written anew is read as the daemon will read it.
            let renamed = match &self.forwarded.target {
                Some(target) => effects::with_session(&target::parse(target)?, &session.name)?,
                None => effects::with_session(&self.case.target, &session.name)?,
            };
            self.forwarded.target = Some(renamed);
            self.session = Some(session);
        } else if self.forwarded.serves {
            self.session = Some(sessions.of(who, self.case.head.session_name()));
        }
        Ok(())
    }

    /// Appends the request, up to a body that passes.
    pub fn write(&self, out: &mut Vec<u8>) {
        let offers = self.session.as_ref().filter(|_| self.forwarded.served.is_none());
        let renamed = offers.map(|session| session.name.as_str());
        self.case.head.write(self.target(), renamed, self.body(), out);
    }
}
