//! What gives the host to someone whom no rule reaches.

/// How the host is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakeoverEffect {
    /// Hands the host to someone whom no rule reaches.
    By(Takeover),
    /// Gives a node of the swarm the role of a manager, which it may have.
    ManagerRole {
        /// By name or identifier.
        node: String,
        /// The version of the node that is changed; `None` if the request names no version that the daemon would
        /// take.
        version: Option<u64>,
    },
    /// Has the OCI runtime run this program on the host, as root, for a device.
    HostProgram(String),
}

/// To whom the host can be handed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takeover {
    /// A plugin of the Docker Engine: it runs as root, with what its own configuration asks for.
    Plugin,
    /// The managers of a swarm elsewhere: they start on this host what they like.
    Swarm,
    /// Membership as a manager of a swarm that begins here: its port takes requests past every rule.
    OwnSwarm,
    /// Anyone who can make certificates for the swarm, a manager's among them.
    SwarmAuthority,
    /// The managers of a swarm that was locked.
    SwarmUnlocked,
    /// Anyone who has the key that unlocks the managers, and with it what they keep.
    SwarmUnlockKey,
    /// A node that becomes a manager.
    Manager,
}
