//! The blocking look-ups that judging a request may need: where symbolic links lead, and what the
//! daemon knows of an image.
//!
//! Run on the pool's threads, never on a loop. What could not be learned is left out of the facts;
//! the policy refuses what depends on it.

mod daemon;
mod links;

use crate::config::UpstreamAddress;
use crate::policy::facts::{Facts, Questions};

/// Answers what was asked. `daemon` is the one that the request would go to.
pub fn look_up(questions: &Questions, daemon: &UpstreamAddress) -> Facts {
    let mut facts = Facts::none();
    for path in &questions.links {
        if let Some(real) = links::resolve(path) {
            facts.add_link(path.clone(), real);
        }
    }
    for image in &questions.images {
        if let Some(known) = daemon::inspect_image(daemon, image) {
            facts.add_image(image.clone(), known);
        }
    }
    facts
}
