//! What a plugin is to the rest of the host: something that judges questions, slowly.
//!
//! Knows nothing of libraries, threads or caches.

use std::hash::Hash;
use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use crate::image::ImageRef;
use crate::lookup::{Daemon, Presence};
use crate::policy::review::{AskedImage, PluginVerdict, Purpose, ReviewRequest};

/// One request's question, with what the daemon says of the image.
#[derive(Debug, Clone)]
pub struct Question {
    /// What is asked.
    pub review: ReviewRequest,
    /// Whether the image is on this host, and which one it is.
    pub presence: Presence,
    /// Where the request would go.
    pub daemon: Daemon,
}

/// What a verdict follows from, and so which requests may share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The whole request: nothing is shared.
    Request,
    /// The image's name and content.
    Name,
    /// The image's content, whatever its name.
    Digest,
}

/// What two requests must have in common to share a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// What plugins learn about the image depends on these two as well.
    daemon: Daemon,
    purpose: Purpose,
    /// That there is no image is another answer than that nobody knows.
    presence: Discriminant<Presence>,
    name: Option<String>,
    /// Whether the name is none, but the beginning of an identifier.
    is_identified: bool,
    /// Without it the same name may mean something else a moment later: such a verdict is shared by
    /// those who wait for it, and not kept.
    content: Option<String>,
}

impl Key {
    /// Whether what is known under this key stays true.
    pub(super) fn lasts(&self) -> bool {
        self.content.is_some()
    }
}

impl Question {
    /// The key of a verdict of this scope; none if it can't be shared.
    pub(super) fn key(&self, scope: Scope) -> Option<Key> {
        let content = self.content().map(str::to_owned);
        let given = || self.review.asked.given.clone();
        let name = match scope {
            Scope::Request => return None,
            Scope::Digest if content.is_some() => None,
            Scope::Name | Scope::Digest => Some(given()),
        };
        let purpose = self.review.asked.purpose;
        let presence = discriminant(&self.presence);
        let is_identified = name.is_some() && self.is_identified();
        Some(Key { daemon: self.daemon.clone(), purpose, presence, name, is_identified, content })
    }

    /// Whether the image was given by the beginning of its identifier: what looks like a name is not
    /// what it is called.
    pub(super) fn is_identified(&self) -> bool {
        let AskedImage { purpose, given, image, .. } = &self.review.asked;
        let (ImageRef::Named(name), Presence::Present(identity)) = (image, &self.presence) else {
            return false;
        };
        let digits = |id| str::strip_prefix(id, "sha256:").unwrap_or(id);
        let is_called = |tag: &String| match ImageRef::parse(tag) {
            Ok(ImageRef::Named(tag)) => {
                (tag.repository(), tag.tag()) == (name.repository(), name.tag())
            }
            Ok(ImageRef::Id(_)) | Err(_) => false,
        };
        *purpose != Purpose::Pull
            && name.maybe_id()
            && digits(&identity.id).starts_with(digits(given))
            && !identity.repo_tags.iter().any(is_called)
    }

    /// What says which content is meant: a digest in the name or, of a container, the id of the local
    /// image. What is pulled, by a swarm's nodes too, need not be what is here.
    fn content(&self) -> Option<&str> {
        let is_local = self.review.asked.purpose == Purpose::Create;
        match (&self.review.asked.image, &self.presence) {
            (ImageRef::Id(digits), _) => Some(digits),
            (ImageRef::Named(name), presence) => name.digest().or(match presence {
                Presence::Present(identity) if is_local => {
                    Some(identity.id.strip_prefix("sha256:").unwrap_or(&identity.id))
                }
                _ => None,
            }),
        }
    }

    /// Whether it is about what a registry has, not about what is on this host.
    pub fn is_pull(&self) -> bool {
        self.review.asked.purpose == Purpose::Pull
    }
}

/// What a plugin says to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Its verdict; [`PluginVerdict::Timeout`] is not for plugins to give.
    pub verdict: PluginVerdict,
    /// Why.
    pub reason: String,
    /// How long it may be kept.
    pub ttl: Duration,
}

impl Judgement {
    /// No verdict could be had.
    pub fn error(reason: impl Into<String>) -> Self {
        Self { verdict: PluginVerdict::Error, reason: reason.into(), ttl: Duration::ZERO }
    }
}

/// One loaded plugin.
pub trait Judge: Send + Sync {
    /// What its verdicts follow from.
    fn scope(&self) -> Scope;

    /// Whether it may be asked from several threads at once, unless the configuration says so.
    fn is_concurrent(&self) -> bool;

    /// Whether its verdicts are kept although the configuration does not ask for it: only where the
    /// plugin itself says how long.
    fn may_be_cached(&self) -> bool;

    /// Judges one request; may block. `time_left` is how long anybody waits for it.
    fn judge(&self, question: &Question, time_left: Duration) -> Judgement;
}
