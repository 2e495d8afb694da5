//! Which session of a client's serves which build, while Dockerfiles are judged in sessions.
//!
//! A build names its session in another request than the session itself comes with, either may be first, and the
//! daemon waits for a session that is not there yet. So that a Dockerfile is judged with what was asked of the very
//! build that it is for, the daemon is told other names than the client gives: each is made up for one session and one
//! build, and is never used again.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use crate::client::Who;
use crate::effects::ServedBuild;

/// The sessions that are open or waited for; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct BuildSessions(Arc<Mutex<Sessions>>);

/// By whose they are, and what the client calls them.
type Sessions = HashMap<(Who, String), Weak<BuildSession>>;

/// One session, and the build that it serves.
#[derive(Debug)]
pub struct BuildSession {
    /// What the daemon calls it.
    pub(crate) name: String,
    /// With what times of files are changed.
    pub(crate) salt: [u8; 3],
    build: OnceLock<Arc<ServedBuild>>,
}

impl BuildSessions {
    /// The client's session of this name. It is another one once nobody holds it.
    pub(crate) fn of(&self, who: Who, name: &str) -> Arc<BuildSession> {
        // Whatever was written is whole.
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // No more are left than there are connections that hold one.
        sessions.retain(|_, session| session.strong_count() > 0);
        let session = sessions.entry((who, name.to_owned())).or_default();
        session.upgrade().unwrap_or_else(|| {
            let made = Arc::new(BuildSession::new());
            *session = Arc::downgrade(&made);
            made
        })
    }
}

impl BuildSession {
    fn new() -> Self {
        // Each state is keyed by what the system gives at random.
        let [a, b] = [0_u8, 1].map(|it| RandomState::new().hash_one(it));
        let [x, y, z, ..] = b.to_le_bytes();
        // An unchanged time would say that nothing has changed.
        let salt = [x | 1, y, z];
        Self { name: format!("secdocker-{a:016x}{b:016x}"), salt, build: OnceLock::new() }
    }

    /// Says which build it serves; whether it served none.
    pub(crate) fn begin(&self, build: &Arc<ServedBuild>) -> bool {
        self.build.set(Arc::clone(build)).is_ok()
    }

    /// The build that it serves.
    pub(crate) fn build(&self) -> Option<&Arc<ServedBuild>> {
        self.build.get()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use crate::client::ClientId;

    #[test]
    fn a_session_serves_one_build_and_its_name_is_never_used_again() {
        let sessions = BuildSessions::default();
        let who = ClientId::NOBODY.peer.who();
        let (one, other) = (sessions.of(who, "a"), sessions.of(who, "b"));
        assert!(Arc::ptr_eq(&one, &sessions.of(who, "a")));
        assert_ne!(one.name, other.name);
        let build = |name: &str| {
            let mut build = ServedBuild::default();
            name.clone_into(&mut build.session);
            Arc::new(build)
        };
        assert!(one.begin(&build("a")) && !one.begin(&build("b")));
        assert_eq!(one.build().unwrap().session, "a");
        let name = one.name.clone();
        drop(one);
        let again = sessions.of(who, "a");
        assert!(again.build().is_none() && again.name != name);
        drop((other, again));
        drop(sessions.of(who, "c"));
        assert_eq!(sessions.0.lock().unwrap().len(), 1);
    }
}
