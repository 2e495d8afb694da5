//! A value that is none.

use std::fmt;

use crate::policy::shown::InBackticks;

/// A text that means nothing as the value it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueError {
    /// No host port, or no range of them.
    Port(String),
    /// No absolute path.
    Path(String),
    /// No user.
    User(String),
    /// No device, and no kind of them.
    Device(String),
    /// No group.
    Group(String),
    /// No environment entry.
    Environment(String),
    /// No name of a variable.
    Variable(String),
    /// No capability that is known, and the nearest one that is.
    UnknownCapability(String, &'static str),
    /// A path with a character of patterns, which are not read.
    Pattern(String),
    /// No security option.
    SecurityOption(String),
    /// No size in bytes.
    Bytes(String),
    /// No number of CPUs.
    Cpus(String),
    /// No Linux capability.
    Capability(String),
    /// No image or pattern of images.
    Image(String),
    /// No kind of namespace.
    Namespace(String),
    /// No name.
    Name(String),
    /// No share of another machine.
    Share(String),
    /// No day of the calendar.
    Day(String),
    /// Neither `allow` nor `forbid`.
    Builds(String),
    /// No control group that SecDocker could make.
    BuildGroup(String),
    /// No subnet and no address.
    Subnet(String),
    /// No rule about subnets.
    SubnetRule(String),
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::UnknownCapability(text, nearest) = self {
            return write!(f, "{} is not a Linux capability; {nearest} is", InBackticks(text));
        }
        let (text, is_no) = match self {
            Self::Port(text) => (text, "is not a port from 1 to 65535 or a range of them"),
            Self::Path(text) => (text, "is not an absolute path"),
            Self::User(text) => {
                (text, "is not a user, a number or a range of numbers such as 0-999")
            }
            Self::Device(text) => (
                text,
                "is not a device: an absolute path, one with * at its end, a driver or what it can do, \
                 vendor.com/class, or *",
            ),
            Self::Group(text) => {
                (text, "is not a group, a number or a range of numbers such as 0-999")
            }
            // The value of a variable may be a secret.
            Self::Environment(_) => return f.write_str("an environment entry has no name"),
            Self::Variable(text) => {
                (text, "is not a name of a variable, and not its beginning with * at the end")
            }
            Self::UnknownCapability(text, _) => (text, "is not a Linux capability"),
            Self::Pattern(text) => (text, "is a pattern: paths are read as they stand"),
            Self::SecurityOption(text) => (text, "is not a security option"),
            Self::Bytes(text) => (text, "is not a size such as 512m, 1g or a number of bytes"),
            Self::Cpus(text) => (text, "is not a number of CPUs such as 0.5"),
            Self::Capability(text) => (text, "is not a Linux capability"),
            Self::Image(text) => (text, "is not an image or a pattern of images"),
            Self::Namespace(text) => {
                (text, "is neither host, container, network, pid, ipc, uts, user nor cgroup")
            }
            Self::Name(text) => (text, "is not a name, and not its beginning with * at the end"),
            Self::Day(text) => (text, "is not a day such as 2027-01-31"),
            Self::Share(text) => (text, "is not a share such as nas.lan:/export or //nas/share"),
            Self::Builds(text) => (text, "is not one of inspect, allow, forbid"),
            Self::BuildGroup(text) => {
                (text, "is not the path of a control group, such as /secdocker-builds")
            }
            Self::Subnet(text) => (text, "is not a subnet such as 10.0.0.0/8, and not an address"),
            Self::SubnetRule(text) => (
                text,
                "is not a subnet such as 10.0.0.0/8 without further bits, and none of host (in a list \
                 of what is forbidden), public, link-local",
            ),
        };
        write!(f, "{} {is_no}", InBackticks(text))
    }
}

impl std::error::Error for ValueError {}
