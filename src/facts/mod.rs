//! The blocking look-ups that judging a request may need: where symbolic links lead and what
//! is mounted twice, what the host's devices and addresses are, and what the daemon knows of an image.
//!
//! Run on the pool's threads, never on a loop. What could not be learned is left out of the facts;
//! the policy refuses what depends on it.

mod daemon;
mod host;
mod links;
mod mounts;

use crate::config::UpstreamAddress;
use crate::policy::facts::{Facts, Questions};
use crate::policy::types::HostPath;
use mounts::Mounts;

/// Answers what was asked. `daemon` is the one that the request would go to.
pub fn look_up(questions: &Questions, daemon: &UpstreamAddress) -> Facts {
    let mut facts = Facts::none();
    follow(&questions.links, &mut facts);
    for path in &questions.devices {
        if let Some(known) = host::device(path) {
            facts.add_device(path.clone(), known);
        }
    }
    for &address in &questions.addresses {
        if let Some(known) = host::address(address) {
            facts.add_address(address, known);
        }
    }
    for image in &questions.images {
        if let Some(known) = daemon::inspect_image(daemon, image) {
            facts.add_image(image.clone(), known);
        }
    }
    facts
}

/// Where paths lead, and under which other paths the host has the same files. Without the one the
/// other is left out too: it would be half an answer.
fn follow(paths: &[HostPath], facts: &mut Facts) {
    let Some(mut mounts) = (!paths.is_empty()).then(Mounts::read).flatten() else {
        return;
    };
    for path in paths {
        if let Some(real) = links::resolve(path)
            && let Some(aliases) = mounts.aliases(&real)
        {
            facts.add_aliases(path.clone(), aliases);
            facts.add_link(path.clone(), real);
        }
    }
}
