//! JSON as the daemon reads it: bytes to a tree and back, in one pass each.
//!
//! The daemon is a Go program. It matches the fields of its types in any case, lets a repeated field
//! merge with the first, and reads numbers into types of fixed width. Here a field has one spelling
//! once it is read, nothing appears twice, and every value has the kind that the daemon expects, so
//! that what was checked and what the daemon reads from the rewritten body can't differ. Numbers
//! keep all their digits. Knows nothing of what the fields mean.
//!
//! Most strings stand in the body as they are, and the tree shares them with it ([`Text`]); most
//! numbers are kept as such. So a value costs its place in the tree, and a string that is written
//! again a copy.

mod error;
mod places;
mod reader;
mod steps;
mod text;
mod tree;
mod unknown;
mod utf8;
mod writer;

pub use error::{Fault, JsonError};
pub use reader::{DEPTH_MAX, STRING, VALUES_MAX, read, read_closed};
pub use text::Text;
pub use tree::{Key, Node, Number, Object};
pub use unknown::Unknown;

#[cfg(test)]
mod tests;
