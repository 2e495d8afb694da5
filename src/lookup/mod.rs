//! The blocking look-ups that judging a request may need: where symbolic links lead and what is
//! mounted twice, what the host's devices and addresses are, and what the daemon knows of images, networks, volumes, containers and services.
//!
//! Run on threads of their own, never on a loop ([`recall`] alone asks nobody). What could not be learned is left out of the facts;
//! the policy refuses what depends on it.
//!
//! ```text
//! questions ─┬─► links                               the host's file system
//!            ├─► cache ─► daemon ─► answers           images
//!            └──────────► daemon ─► answers, engine   all else, asked anew for each request
//! ```

mod answers;
mod builder;
mod cache;
mod caller;
mod cdi;
mod channel;
mod containers;
mod daemon;
mod events;
mod host;
mod identity;
mod links;
mod majors;
mod mounts;
mod owned;
mod patient;
mod process;
mod round;
mod routes;
mod started;
mod ticks;

pub use crate::effects::existing::{Run, Running};
pub use cache::{Epoch, ImageCache};
pub use caller::Caller;
pub use containers::{Containers, Seeking};
pub use daemon::{Daemon, DaemonTls};
pub use events::{Told, follow};
pub(crate) use host::days_since_epoch;
pub use identity::{Identity, Presence, get, identify};
pub use started::{Mounted, kill, mounted, running};
pub use ticks::Ticks;

use crate::policy::facts::{Facts, Question, Questions};
use round::Round;

/// Answers what is known already, and leaves it out of the questions. Blocks nobody.
pub fn cached(questions: &mut Questions, daemon: &Daemon, cache: &ImageCache) -> Facts {
    let mut facts = Facts::none();
    questions.retain(|question| match question {
        Question::Image(image) => match cache.image(daemon, image) {
            Some(known) => {
                facts.add_image(image.clone().into_owned(), known);
                false
            }
            None => true,
        },
        _ => true,
    });
    facts
}

/// Answers what was asked, in a bounded time altogether. `daemon` is the one that the request would
/// go to.
pub fn look_up(questions: &Questions, daemon: &Daemon, cache: &ImageCache) -> Facts {
    look_up_while(questions, daemon, cache, &|| false)
}

/// The same, and waits for what the daemon may take long to say (a container into which files are being
/// copied, the list of very many images) for as long as `is_waited` says and the daemon lives.
pub fn look_up_while(
    questions: &Questions,
    daemon: &Daemon,
    cache: &ImageCache,
    is_waited: &dyn Fn() -> bool,
) -> Facts {
    let round = Round::new((daemon, cache), &questions.wanted, is_waited);
    let mut facts = Facts::none();
    for question in questions {
        facts.learn(question.clone(), round.answer(question));
    }
    facts
}

#[cfg(test)]
mod tests;
