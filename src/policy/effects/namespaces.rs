//! Namespaces that are shared, and with whom.

use std::fmt;

use crate::policy::shown::Shown;

/// Which namespace is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceEffect {
    /// Shares a namespace instead of having its own.
    Shared(Namespace),
    /// Joins the namespace of a container that the name stands for at this start.
    OnStart(Namespace),
}

/// A namespace that is shared, and with whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Which one.
    pub kind: NamespaceKind,
    /// With whom.
    pub with: SharedWith,
}

/// The kinds of namespaces that the Engine API can share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NamespaceKind {
    /// Interfaces, addresses, ports.
    Network,
    /// Processes.
    Pid,
    /// Shared memory and message queues.
    Ipc,
    /// Host name.
    Uts,
    /// Users: that of the host, where the daemon maps users.
    User,
    /// Control groups.
    Cgroup,
}

impl NamespaceKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Network, Self::Pid, Self::Ipc, Self::Uts, Self::User, Self::Cgroup];
}

/// Who else is in a shared namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharedWith {
    /// The host.
    Host,
    /// Another container, by name or identifier.
    Container(String),
}

impl NamespaceKind {
    /// As a rule names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Pid => "pid",
            Self::Ipc => "ipc",
            Self::Uts => "uts",
            Self::User => "user",
            Self::Cgroup => "cgroup",
        }
    }
}

/// `pid namespace of the host`
impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.as_str();
        match &self.with {
            SharedWith::Host => write!(f, "{kind} namespace of the host"),
            SharedWith::Container(name) => {
                write!(f, "{kind} namespace of container {}", Shown(name))
            }
        }
    }
}
