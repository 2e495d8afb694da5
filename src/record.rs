//! What the log is told of a connection, as values: the vocabulary, and a place where records wait until they are
//! written. Who decides only fills that place; [`crate::audit`] writes.

mod event;
mod level;
mod pairs;
mod parameters;
mod redact;
mod waiting;

pub use event::Event;
pub use level::Level;
pub use pairs::{Pairs, Told, yes_or_no};
pub use redact::Redacted;
pub use waiting::Records;
