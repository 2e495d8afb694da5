//! Why a Dockerfile can't be read.

use crate::effects::collect::{BodyError, Effects};
use crate::policy::effects::{BuildEffect, FieldPath, Opaque};

/// Why one line can't be read.
pub(super) type Reason = std::borrow::Cow<'static, str>;

/// Why a Dockerfile can't be read, and in which line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) reason: Reason,
}

impl Fault {
    pub(super) fn new(line: usize, reason: impl Into<Reason>) -> Self {
        Self { line, reason: reason.into() }
    }

    pub(super) fn at(self, name: &'static str) -> BodyError {
        let at = FieldPath::Element(name, self.line);
        BodyError::Value { at, reason: self.reason.into_owned() }
    }

    pub(super) fn leave(self, name: &'static str, effects: &mut Effects) {
        let unseen = Opaque::Instructions(self.reason.into_owned());
        effects.push(BuildEffect::Opaque(unseen), FieldPath::Element(name, self.line));
    }
}
