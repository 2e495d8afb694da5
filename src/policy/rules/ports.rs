//! Host ports that nobody may publish.

use std::fmt::{self, Write};

use crate::policy::effects::{Namespace, NamespaceKind, SharedWith};
use crate::policy::shown::Configured;
use crate::policy::types::{PortRange, ValueError};
use crate::policy::violations::Findings;

/// The rules in words, and what follows from them.
pub(in crate::policy) fn describe(rules: &[PortRule], out: &mut String) -> fmt::Result {
    rules.iter().try_for_each(|rule| rule.describe(out))?;
    match rules.is_empty() {
        true => Ok(()),
        false => writeln!(out, "Host networking is forbidden, since it opens every port."),
    }
}

/// One forbidden port, or a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRule {
    text: String,
    ports: PortRange,
}

impl PortRule {
    /// Reads `22` or `20-25`. A protocol is read over: the port is forbidden in all of them.
    ///
    /// # Errors
    /// [`ValueError::Port`] for anything else; `0`, which no port has, is refused too.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        Ok(Self { text: text.to_owned(), ports: PortRange::parse_named(text)? })
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The rule in words.
    pub(in crate::policy) fn describe(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "Host port {} may not be published.", Configured(&self.text))
    }

    pub(in crate::policy) fn check(&self, ports: &PortRange, found: &mut Findings<'_>) {
        if !ports.overlaps(&self.ports) {
            return;
        }
        match (ports.is_picked(), ports.is_single()) {
            (true, _) => {
                found.add(format_args!("a host port of {ports} that the daemon picks"), &self.text);
            }
            (false, true) => found.add(format_args!("host port {ports}"), &self.text),
            (false, false) => found.add(format_args!("host ports {ports}"), &self.text),
        }
    }

    pub(in crate::policy) fn check_namespace(
        &self,
        namespace: &Namespace,
        found: &mut Findings<'_>,
    ) {
        if namespace.kind == NamespaceKind::Network && namespace.with == SharedWith::Host {
            found.add_because(namespace, "which opens every port", &self.text);
        }
    }
}
