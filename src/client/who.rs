//! The other end of a connection: who has a share of what all have together, and who a line of the log is about.

use std::fmt;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientId {
    /// Counts the accepted connections of this process: tells two of one peer apart.
    pub connection: u64,
    /// The other end.
    pub peer: Peer,
    /// What the entry of `clients` is called that fits it, once that is known and if there is one.
    pub name: Option<Arc<String>>,
}

impl ClientId {
    /// Stands for nobody: what happens to SecDocker before it knows a client, and in tests.
    pub const NOBODY: Self = Self { connection: 0, peer: Peer::Unnamed, name: None };
}

/// The other end of a client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// An address and port; an IPv4 client of a dual-stack listener prints as IPv4.
    Tcp(SocketAddr),
    /// A process of this host, as the kernel named it when it connected (`SO_PEERCRED`).
    Unix {
        /// Its user.
        uid: u32,
        /// Its number.
        pid: u32,
    },
    /// A client of the Unix socket of whom the kernel said nothing.
    Unnamed,
}

impl Peer {
    /// Whose share it takes from.
    #[must_use]
    pub fn who(&self) -> Who {
        match self {
            Self::Tcp(address) => Who::Address(match address.ip().to_canonical() {
                IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
                v4 @ IpAddr::V4(_) => v4,
            }),
            Self::Unix { uid, .. } => Who::User(*uid),
            Self::Unnamed => Who::Unnamed,
        }
    }

    /// Its address, if it has one.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix { .. } | Self::Unnamed => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => match address.ip().to_canonical() {
                IpAddr::V4(ip) => write_ipv4(f, ip, address.port()),
                ip @ IpAddr::V6(_) => SocketAddr::new(ip, address.port()).fmt(f),
            },
            Self::Unix { uid, pid } => write!(f, "unix/uid-{uid}/pid-{pid}"),
            Self::Unnamed => f.write_str("unix"),
        }
    }
}

/// Writes `10.0.0.5:4123`. It stands in every line of a client, and the library's way takes a quarter
/// of the time of the whole line.
fn write_ipv4(f: &mut fmt::Formatter<'_>, ip: Ipv4Addr, port: u16) -> fmt::Result {
    let mut digits = itoa::Buffer::new();
    let mut text = [0; "255.255.255.255:65535".len()];
    let mut rest = text.as_mut_slice();
    for (byte, behind) in ip.octets().into_iter().zip([b'.', b'.', b'.', b':']) {
        rest.write_all(digits.format(byte).as_bytes()).map_err(|_| fmt::Error)?;
        rest.write_all(&[behind]).map_err(|_| fmt::Error)?;
    }
    rest.write_all(digits.format(port).as_bytes()).map_err(|_| fmt::Error)?;
    let left = rest.len();
    let written = text.len() - left;
    f.write_str(text.get(..written).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default())
}

/// What counts as one client where all shall have their share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// All at one IPv4 address, or in one IPv6 network of 64 bits, of which a machine has all.
    Address(IpAddr),
    /// All processes of one user of this host.
    User(u32),
    /// All of whom the kernel said nothing.
    Unnamed,
}
