//! Keys that stand where the daemon looks for fields, and that no table has.
//!
//! They are found while a body is read, from the inside out: each object and list that a key is in
//! adds its step when it has been read. A body without such keys costs a comparison a value.

use super::steps::{Step, brief, path};

/// Keys that are reported; a body may have thousands.
const TOLD_MAX: usize = 8;

/// The first keys of a body that are no fields.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The steps to each, from the inside out.
    told: Vec<Vec<Step>>,
    /// Whether there are others.
    more: bool,
}

impl Unknown {
    /// The paths, safe to print and bounded: `HostConfig.Mounts[2].New`.
    pub fn paths(&self) -> impl Iterator<Item = String> {
        let more = self.more.then(|| "...".to_owned());
        self.told.iter().map(|steps| path(steps)).chain(more)
    }

    #[inline]
    pub(super) fn found(&self) -> usize {
        self.told.len()
    }

    pub(super) fn push(&mut self, key: &str) {
        if self.told.len() < TOLD_MAX {
            self.told.push(vec![Step::Field(brief(key))]);
        } else {
            self.more = true;
        }
    }

    /// All that were found after the first `known` are inside `step`.
    #[inline]
    pub(super) fn inside(&mut self, known: usize, step: impl Fn() -> Step) {
        if self.told.len() == known {
            return;
        }
        for steps in self.told.iter_mut().skip(known) {
            steps.push(step());
        }
    }
}
