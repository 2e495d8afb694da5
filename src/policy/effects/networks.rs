//! Ports, interfaces and addresses.

use crate::policy::rules::subnets::{Subnet, SubnetUse};
use crate::policy::types::PortRange;

/// What is used of the host's network, or beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkEffect {
    /// Opens one or all of these ports of the host.
    HostPorts(PortRange),
    /// Joins a network by a name or identifier that may be the host's own network's.
    Joined(String),
    /// Puts these addresses to use.
    Subnet(Subnet, SubnetUse),
    /// Puts those to use that the network of this name or identifier has.
    SubnetsOf(String, SubnetUse),
    /// Has another address manager than the daemon's own choose subnets.
    SubnetDriver(String),
    /// Puts containers on the wire of this interface of the host, beside the host itself.
    HostInterface(String),
    /// Uses the bridge of this name, which the host may have: with its addresses, and all that is in it.
    HostBridge(String),
}
