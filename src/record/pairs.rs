//! What is written of a record: its pairs of key and value, one after the other.

use std::fmt;

/// Takes the pairs of a record.
pub trait Pairs<'a> {
    /// A text.
    ///
    /// # Errors
    /// As all of these, if it can't be taken.
    fn text(&mut self, key: &'static str, value: &'a str) -> fmt::Result;

    /// A number.
    ///
    /// # Errors
    /// As above.
    fn number(&mut self, key: &'static str, value: u64) -> fmt::Result;

    /// Whatever prints as a text.
    ///
    /// # Errors
    /// As above.
    fn shown(&mut self, key: &'static str, value: &'a dyn fmt::Display) -> fmt::Result;
}

/// Something that the log is told.
pub trait Told {
    /// Gives its pairs, in their order.
    ///
    /// # Errors
    /// If one is not taken.
    fn pairs<'a>(&'a self, to: &mut dyn Pairs<'a>) -> fmt::Result;
}

/// A switch in words.
#[must_use]
pub fn yes_or_no(it_is: bool) -> &'static str {
    if it_is { "yes" } else { "no" }
}
