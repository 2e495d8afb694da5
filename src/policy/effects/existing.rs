//! What is there already: containers, and services as they were.

/// What a request does to, or takes from, something that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExistingEffect {
    /// Runs within that container, with all that it was given.
    ExecIn(String),
    /// Reads or writes files of that container, through all that it has mounted.
    Archive(String),
    /// Gives a name that reads as an identifier to a thing of this kind.
    Named {
        /// As a message names it: `container`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Limits the CPU time of the container of this name or identifier by a quota and its period, which
    /// the daemon refuses where it is limited in another way already.
    CpuQuota(String),
    /// Starts the container of this name or identifier. It keeps what it was given, but where the paths
    /// lead that it was given is found out anew; and what it was made of counts when it runs first.
    Started(String),
    /// Takes its name from a container.
    Renamed {
        /// By name or identifier.
        container: String,
        /// The name that it gets.
        to: String,
    },
    /// Mounts what another container has mounted.
    VolumesFrom(String),
    /// Returns to the specification that a service had before this version of it.
    PreviousSpec {
        /// By name or identifier.
        service: String,
        /// `None` if the request names no version that the daemon would take.
        version: Option<u64>,
    },
}
