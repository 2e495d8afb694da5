//! The pairs of one line, as the `log` crate takes them.

#[cfg(test)]
mod tests;

use std::fmt;

use log::kv::{Error, Key, Source, Value, VisitSource};

use crate::client::ClientId;
use crate::record::{Pairs, Told};

/// The pairs of one line, being written.
pub(super) struct Visited<'v, 'kvs>(pub(super) &'v mut dyn VisitSource<'kvs>);

impl<'kvs> Visited<'_, 'kvs> {
    fn pair(&mut self, key: &'static str, value: Value<'kvs>) -> fmt::Result {
        self.0.visit_pair(Key::from_str(key), value).map_err(|_| fmt::Error)
    }
}

impl<'kvs> Pairs<'kvs> for Visited<'_, 'kvs> {
    fn text(&mut self, key: &'static str, value: &'kvs str) -> fmt::Result {
        self.pair(key, Value::from(value))
    }

    fn number(&mut self, key: &'static str, value: u64) -> fmt::Result {
        self.pair(key, Value::from(value))
    }

    fn shown(&mut self, key: &'static str, value: &'kvs dyn fmt::Display) -> fmt::Result {
        self.pair(key, Value::from_dyn_display(value))
    }
}

/// What is told of a client, as the pairs of one line.
pub(super) struct Fields<'a> {
    pub(super) client: &'a ClientId,
    pub(super) told: &'a dyn Told,
}

impl Source for Fields<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), Error> {
        let mut line = Visited(visitor);
        line.shown("client", &self.client.peer)?;
        line.number("connection", self.client.connection)?;
        if let Some(name) = &self.client.name {
            line.text("client_name", name)?;
        }
        Ok(self.told.pairs(&mut line)?)
    }
}
