//! Has the plugins asked about the image that the daemon would use: the one that the rules have judged,
//! if they had to know it.
//!
//! ```text
//! begin ─► identify ─┬─► the same as before ───────► what was said then ─► reply
//!                    ├─► a container of who knows ─► nothing ────────────► reply
//!                    └─► the plugins ────────────────────────────────────► reply
//! ```
//!
//! Knows nothing of sessions: who asked gets a reply, and looks whether it still means the same.

use std::sync::Arc;

use super::pool::Pool;
use crate::lookup::{self, Memory, Presence};
use crate::plugins::{Plugins, Question};
use crate::policy::review::{ImageSeen, Opinions, Purpose, Review, Source};

/// What takes one review to its answer.
pub(in crate::proxy) struct Reviewing<R> {
    plugins: Plugins,
    memory: Arc<Memory>,
    reply: R,
}

impl<R: FnOnce(Review) + Clone + Send + 'static> Reviewing<R> {
    /// `reply` is called once, on any thread, unless nobody waits for it any more.
    pub(in crate::proxy) fn new(plugins: &Plugins, memory: &Arc<Memory>, reply: R) -> Self {
        Self { plugins: plugins.clone(), memory: Arc::clone(memory), reply }
    }

    /// What is known without asking anybody.
    pub(in crate::proxy) fn cached(&self, question: &mut Question) -> Option<Review> {
        let known = self.memory.images.identity(&question.daemon, &question.review.sought());
        question.presence = known.map_or(Presence::Unknown, Presence::Present);
        let image = seen(&question.presence);
        question.review.still_said(&image).or_else(|| {
            let opinions = self.plugins.cached(question)?;
            Some(Review { opinions, image, source: Source::Cached })
        })
    }

    /// Asks. A pool that is full counts as a daemon that could not be asked.
    pub(in crate::proxy) fn begin(self, pool: &Pool, mut question: Question) {
        let (plugins, reply, unknown) =
            (self.plugins.clone(), self.reply.clone(), question.clone());
        let job = move || {
            if question.review.cancel.is_cancelled() {
                return;
            }
            let sought = question.review.sought();
            question.presence = lookup::identify(&question.daemon, &sought, &self.memory.images);
            ask(&self.plugins, question, self.reply);
        };
        if pool.run(Box::new(job)).is_err() {
            ask(&plugins, unknown, reply);
        }
    }
}

fn ask(plugins: &Plugins, question: Question, reply: impl FnOnce(Review) + Send + 'static) {
    let image = seen(&question.presence);
    if let Some(before) = question.review.still_said(&image) {
        return reply(before);
    }
    // A container could be made of any image then, whatever they say.
    if question.review.asked.purpose == Purpose::Create && image == ImageSeen::Unknown {
        return reply(Review::new(Opinions::default(), image));
    }
    plugins.consult(question, move |said| reply(Review::new(said, image)));
}

fn seen(presence: &Presence) -> ImageSeen {
    match presence {
        Presence::Present(identity) => ImageSeen::One(identity.id.clone()),
        Presence::Absent => ImageSeen::None,
        Presence::Unknown => ImageSeen::Unknown,
    }
}
