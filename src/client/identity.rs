//! What is known of one client.

use std::net::IpAddr;
use std::sync::Arc;

use super::certificate::ClientCertificate;

/// Something that may be asked about a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fact {
    /// What it has proved with a certificate.
    Certificate,
    /// Which user of this host it is.
    User,
    /// The control group that it runs in.
    ControlGroup,
    /// Which container of the daemon it is.
    Container,
}

impl Fact {
    /// In a message.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::User => "user",
            Self::ControlGroup => "control group",
            Self::Container => "container",
        }
    }
}

/// What came of asking.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Learned<T> {
    /// Nobody has asked yet.
    #[default]
    NotAsked,
    /// It has none, for certain: a client on another machine is no user of this one.
    None,
    /// This one.
    Known(T),
    /// It could not be learned, and why.
    Unknown(Box<str>),
}

impl<T> Learned<T> {
    /// That it could not be learned, for this reason.
    pub fn unknown(reason: impl Into<Box<str>>) -> Self {
        Self::Unknown(reason.into())
    }
}

/// A user of this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// The group that its process has, where the kernel tells.
    pub gid: Option<u32>,
}

/// A container of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its identifier, 64 hexadecimal digits.
    pub id: String,
    /// Its name, without a slash.
    pub name: String,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// The name by which its image was asked for.
    pub image: String,
    /// The identifier of its image, `sha256:…`.
    pub image_id: String,
}

/// What is known of one client. It is fixed for its connection: what was learned stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The address that it connects from, IPv4 as IPv4; none on a Unix socket.
    pub address: Option<IpAddr>,
    /// What its handshake has proved.
    pub certificate: Learned<Arc<ClientCertificate>>,
    /// The user whose process has connected.
    pub user: Learned<User>,
    /// The paths of that process's control groups, one for each hierarchy in which it is in one.
    pub control_groups: Learned<Vec<String>>,
    /// The container that has connected.
    pub container: Learned<Arc<Container>>,
}

impl Identity {
    /// Of a client at this address, of which nothing else is known.
    #[must_use]
    pub fn at(address: Option<IpAddr>) -> Self {
        Self { address: address.map(|address| address.to_canonical()), ..Self::default() }
    }
}
