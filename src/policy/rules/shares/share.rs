//! What a volume mounts of another machine.

use std::fmt;
use std::net::IpAddr;

use crate::policy::shown::Shown;
use crate::policy::types::HostPath;

/// What a volume mounts of another machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// By which protocol.
    pub protocol: Protocol,
    /// Who exports it.
    pub server: Server,
    /// What is mounted; `None` if that cannot be told.
    pub path: Option<HostPath>,
}

/// How a share is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// NFS, written `server:/path`.
    Nfs,
    /// SMB, written `//server/share`.
    Smb,
}

/// The machine that exports a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// By its address.
    Address(IpAddr),
    /// By a name, in lower case and without a dot at its end.
    Name(String),
}

impl Server {
    /// Reads an address, or else a name.
    pub fn of(text: &str) -> Self {
        match text.parse::<IpAddr>() {
            Ok(address) => Self::Address(address.to_canonical()),
            Err(_) => Self::Name(text.trim_end_matches('.').to_ascii_lowercase()),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address @ IpAddr::V6(_)) => write!(f, "[{address}]"),
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => Shown(name).fmt(f),
        }
    }
}

/// As `mounts: allow` names it.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.as_ref().map_or("/...", HostPath::as_str);
        let path = Shown(path);
        match self.protocol {
            Protocol::Nfs => write!(f, "{}:{path}", self.server),
            Protocol::Smb => write!(f, "//{}{path}", self.server),
        }
    }
}
