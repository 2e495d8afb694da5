//! The state of reading one body.

use crate::docker::json::error::Trace;
use crate::docker::json::text::Body;
use crate::docker::json::tree::{Key, Node};

/// How numbers are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// Where an integer is expected, anything but one is an error without a name.
    Quickly,
    /// By their text.
    Exactly,
}

/// What becomes of keys that are no fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// All are kept.
    Kept,
    /// Those that are known to be read by no engine are left out.
    Sifted,
}

/// What all readers of one body share.
pub(super) struct Reading<'b> {
    pub(super) body: &'b Body,
    pub(super) numbers: Numbers,
    pub(super) others: Others,
    /// Values read so far.
    pub(super) values: usize,
    pub(super) trace: Trace,
    /// The entries of all objects that have begun, the innermost last: one that ends takes its own,
    /// as many as it has.
    pub(super) entries: Vec<(Key, Node)>,
    /// Likewise of lists.
    pub(super) nodes: Vec<Node>,
}
