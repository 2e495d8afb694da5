//! Namespaces that nobody may share.

use std::fmt::{self, Write};

use crate::policy::effects::{Effect, Namespace, NamespaceKind, SharedWith};
use crate::policy::shown::{Configured, Shown};
use crate::policy::types::ValueError;
use crate::policy::violations::Findings;

/// One forbidden way of sharing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceRule {
    text: String,
    shared: Shared,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shared {
    /// `host`: any namespace of the host.
    Host,
    /// `container`: any namespace of another container.
    Container,
    /// `network`, `pid`, …: this one, with whomever.
    Kind(NamespaceKind),
}

/// A namespace that an exception lifts: more narrowly than a rule forbids one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiftedNamespace(NamespaceRule);

impl LiftedNamespace {
    /// Reads `host`, any namespace of the host; `container`, any of another container; or the kind of
    /// a namespace of the host.
    ///
    /// # Errors
    /// As [`NamespaceRule::parse`].
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        NamespaceRule::parse(text).map(Self)
    }

    /// As it was configured.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether sharing this one with them is lifted.
    pub(in crate::policy) fn is(&self, kind: NamespaceKind, with: &SharedWith) -> bool {
        match (self.0.shared, with) {
            (Shared::Host, SharedWith::Host) | (Shared::Container, SharedWith::Container(_)) => {
                true
            }
            (Shared::Kind(lifted), SharedWith::Host) => lifted == kind,
            (Shared::Host | Shared::Kind(_), SharedWith::Container(_))
            | (Shared::Container, SharedWith::Host) => false,
        }
    }

    /// Requests for what is lifted.
    pub(in crate::policy) fn example(&self) -> impl Iterator<Item = Effect> + use<> {
        let with = match self.0.shared {
            Shared::Container => SharedWith::Container("other".to_owned()),
            Shared::Host | Shared::Kind(_) => SharedWith::Host,
        };
        let shared = self.0.shared;
        let kinds = NamespaceKind::ALL.into_iter().filter(move |kind| match shared {
            Shared::Kind(only) => only == *kind,
            Shared::Host | Shared::Container => true,
        });
        kinds.flat_map(move |kind| Namespace { kind, with: with.clone() }.effects())
    }
}

impl NamespaceRule {
    /// Reads `host`, `container`, or the kind of a namespace: `network`, `pid`, `ipc`, `uts`,
    /// `user`, `cgroup`.
    ///
    /// # Errors
    /// [`ValueError::Namespace`] for anything else.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let kind = NamespaceKind::ALL.into_iter().find(|kind| kind.as_str() == text);
        let shared = match (text, kind) {
            ("host", _) => Shared::Host,
            ("container", _) => Shared::Container,
            (_, Some(kind)) => Shared::Kind(kind),
            (_, None) => return Err(ValueError::Namespace(text.to_owned())),
        };
        Ok(Self { text: text.to_owned(), shared })
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The rule in words.
    pub(in crate::policy) fn describe(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "Namespaces may not be shared: {}.", Configured(&self.text))
    }

    /// The rule, if it forbids the network of the host.
    pub(in crate::policy) fn as_host_network(&self) -> Option<&str> {
        let forbids = matches!(self.shared, Shared::Host | Shared::Kind(NamespaceKind::Network));
        forbids.then_some(self.text.as_str())
    }

    /// A network on an interface of the host is a part of the host's own.
    pub(in crate::policy) fn check_interface(&self, name: &str, found: &mut Findings<'_>) {
        if self.as_host_network().is_some() {
            let what = format_args!("a network on interface {} of the host", Shown(name));
            found.add(what, &self.text);
        }
    }

    /// Whether it forbids to share that namespace with the host.
    pub(in crate::policy) fn forbids_host(&self, kind: NamespaceKind) -> bool {
        match self.shared {
            Shared::Host => true,
            Shared::Kind(forbidden) => forbidden == kind,
            Shared::Container => false,
        }
    }

    pub(in crate::policy) fn check(&self, asked: &Namespace, found: &mut Findings<'_>) {
        let forbidden =
            match (self.shared, &asked.with) {
                (Shared::Host, SharedWith::Host)
                | (Shared::Container, SharedWith::Container(_)) => true,
                (Shared::Kind(kind), _) => kind == asked.kind,
                (Shared::Host, SharedWith::Container(_))
                | (Shared::Container, SharedWith::Host) => false,
            };
        if forbidden {
            found.add(asked, &self.text);
        }
    }
}
