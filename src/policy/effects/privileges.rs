//! What a container may do to the host's kernel and devices.

use crate::policy::types::{Capability, HostPath, SecurityOption};

/// A power of the host's root that is given to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrivilegeEffect {
    /// Asks for a security option, or for something that equals one.
    SecurityOption(SecurityOption),
    /// Lets root of a container write the settings of the kernel, which are the host's.
    KernelSettings,
    /// All capabilities, devices and no confinement.
    Privileged,
    /// Adds a capability, or all of them.
    Capability(Capability),
    /// Makes a device of the host usable.
    Device(Device),
    /// Makes the device usable to which this path leads at this moment. As it is written it was judged when it was
    /// asked for.
    DeviceOnStart(HostPath),
}

/// A device, by the way in which it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Device {
    /// By its path; of a directory, all devices in it.
    Path(HostPath),
    /// By numbers, which may be those of any device: `a *:* rwm`.
    CgroupRule(String),
    /// By a driver or what it can do: `nvidia`, `gpu`.
    Request(String),
    /// By its name in CDI, `vendor.com/class=name`: what it is stands in a file of the host.
    Cdi(String),
    /// By a request of which it is not known what it gives.
    Opaque(String),
}
