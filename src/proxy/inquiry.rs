//! Has the plugins asked about the image that the daemon would use, and makes sure that it still would
//! when they have agreed: a name can be given to another image meanwhile.
//!
//! ```text
//! begin ─► identify ─► the plugins ─┬─ one refuses, or no image has changed ─► reply
//!              ▲                    └─► identify again ─┬─ the same image ───► reply
//!              └──────────── ROUNDS_MAX times ──────────┴─ another ──────────► reply: refused
//! ```
//!
//! Knows nothing of sessions: who asked gets a reply.

use std::sync::Arc;

use super::pool::Pool;
use crate::facts::{self, Epoch, ImageCache};
use crate::plugins::{Plugins, Question};
use crate::policy::opinions::{Opinions, PluginResult, PluginVerdict};

/// How often the plugins are asked about one request, as its image changes.
const ROUNDS_MAX: u8 = 4;

/// One request's inquiry.
#[derive(Clone)]
pub(super) struct Inquiry<R> {
    plugins: Plugins,
    images: Arc<ImageCache>,
    pool: Pool,
    rounds: u8,
    reply: R,
}

impl<R: FnOnce(Opinions) + Clone + Send + 'static> Inquiry<R> {
    /// `reply` is called once, on any thread.
    pub(super) fn new(plugins: &Plugins, images: &Arc<ImageCache>, pool: &Pool, reply: R) -> Self {
        let (plugins, images, pool) = (plugins.clone(), Arc::clone(images), pool.clone());
        Self { plugins, images, pool, rounds: 0, reply }
    }

    /// Asks. A pool that is full has the plugins told that the daemon could not be asked.
    pub(super) fn begin(self, question: Question) {
        let (inquiry, unknown) = (self.clone(), question.clone());
        let job = move || {
            let (mut question, before) = (unknown, inquiry.images.epoch());
            question.presence = inquiry.identify(&question);
            inquiry.ask(question, before);
        };
        if self.pool.run(Box::new(job)).is_err() {
            let before = self.images.epoch();
            self.ask(question, before);
        }
    }

    fn identify(&self, question: &Question) -> facts::Presence {
        let image = &question.consultation.asked.image;
        facts::identify(&question.daemon, image, &self.images)
    }

    /// `before` is the epoch in which the image was identified.
    fn ask(mut self, question: Question, before: Option<Epoch>) {
        self.rounds += 1;
        let plugins = self.plugins.clone();
        plugins.consult(question.clone(), move |said| self.answered(question, before, said));
    }

    /// On a thread of the plugins, or their clock's: what may block goes to the pool.
    fn answered(self, question: Question, before: Option<Epoch>, said: Opinions) {
        let is_unchanged = before.is_some() && before == self.images.epoch();
        if said.refusal().is_some() || question.is_pull() || is_unchanged {
            return (self.reply)(said);
        }
        let (inquiry, unsure) = (self.clone(), said.clone());
        let job = move || inquiry.look_again(question, unsure);
        if self.pool.run(Box::new(job)).is_err() {
            (self.reply)(refused(said, "too busy to see whether it was about the same image"));
        }
    }

    fn look_again(self, mut question: Question, said: Opinions) {
        let before = self.images.epoch();
        let presence = self.identify(&question);
        if presence == question.presence {
            (self.reply)(said);
        } else if self.rounds < ROUNDS_MAX {
            question.presence = presence;
            self.ask(question, before);
        } else {
            (self.reply)(refused(said, "the name came to mean other images again and again"));
        }
    }
}

/// What was said, of which nothing follows any more.
fn refused(mut said: Opinions, why: &str) -> Opinions {
    if let Some(PluginResult { verdict, reason, refuses, .. }) = said.results.last_mut() {
        (*verdict, *reason, *refuses) = (PluginVerdict::Error, why.into(), true);
    }
    said
}
