//! The pairs of one line.

use std::fmt;

use log::kv::{Error, Key, Value, VisitSource};

use super::redact::Redacted;

/// The pairs of one line, being written.
pub(super) struct Pairs<'v, 'kvs>(pub(super) &'v mut dyn VisitSource<'kvs>);

impl<'kvs> Pairs<'_, 'kvs> {
    pub(super) fn text(&mut self, key: &'static str, value: &'kvs str) -> Result<(), Error> {
        self.0.visit_pair(Key::from_str(key), Value::from(value))
    }

    pub(super) fn number(&mut self, key: &'static str, value: u64) -> Result<(), Error> {
        self.0.visit_pair(Key::from_str(key), Value::from(value))
    }

    pub(super) fn moved(&mut self, from_client: u64, to_client: u64) -> Result<(), Error> {
        self.number("from_client", from_client)?;
        self.number("to_client", to_client)
    }

    pub(super) fn shown(
        &mut self,
        key: &'static str,
        value: &'kvs dyn fmt::Display,
    ) -> Result<(), Error> {
        self.0.visit_pair(Key::from_str(key), Value::from_dyn_display(value))
    }

    pub(super) fn request(
        &mut self,
        method: &'kvs str,
        target: &'kvs Redacted<'_>,
    ) -> Result<(), Error> {
        self.text("method", method)?;
        self.shown("target", target)
    }
}

pub(super) fn yes_or_no(it_is: bool) -> &'static str {
    if it_is { "yes" } else { "no" }
}
