//! Addresses as a person writes them: where to listen, and where the daemon is.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;

/// The bytes of a Unix socket's path: `sun_path` without its NUL, unix(7).
pub(super) const UNIX_PATH_BYTES_MAX: usize = 107;
/// The port of `tcp://host`, as for the docker command.
const DOCKER_PORT: u16 = 2375;
/// The port of `http://host`.
const HTTP_PORT: u16 = 80;

/// Where a TCP listener listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpListen {
    /// This port of every address: IPv6 and IPv4 in one listener, `0.0.0.0` on a host without IPv6.
    AnyAddress(u16),
    /// This address and port alone.
    Address(SocketAddr),
}

/// Where the daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UpstreamAddress {
    /// A Unix socket.
    Unix(PathBuf),
    /// A TCP address; a name was resolved when the configuration was read.
    Tcp(SocketAddr),
}

/// Why an address is none.
#[derive(Debug)]
#[expect(missing_docs, reason = "the variants are what their messages say")]
pub enum AddressError {
    Listen(String),
    MetricsListen(String),
    Upstream(String),
    Encrypted,
    RelativePath(String),
    LongPath(usize),
    Unresolved(String, io::Error),
    NoAddress(String),
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(text) => write!(
                f,
                "`{}` is neither a port nor address:port, such as 8999, 127.0.0.1:8999 or [::1]:8999",
                text.escape_debug()
            ),
            Self::MetricsListen(text) => write!(
                f,
                "`{}` is not one of address:port, a port, /path, unix:///path, such as 127.0.0.1:9323",
                text.escape_debug()
            ),
            Self::Upstream(text) => write!(
                f,
                "`{}` is not one of /path, unix:///path, tcp://host:port, http://host:port",
                text.escape_debug()
            ),
            Self::Encrypted => f.write_str(
                "https:// does not say whose certificate is trusted: write tcp://host:port, and \
                 `upstream.tls` with a `ca`",
            ),
            Self::RelativePath(text) => write!(f, "path `{}` is not absolute", text.escape_debug()),
            Self::LongPath(bytes) => write!(
                f,
                "a socket's path has at most {UNIX_PATH_BYTES_MAX} bytes, this one has {bytes}"
            ),
            Self::Unresolved(host, error) => {
                write!(f, "cannot resolve `{}`: {error}", host.escape_debug())
            }
            Self::NoAddress(host) => write!(f, "`{}` has no address", host.escape_debug()),
        }
    }
}

impl std::error::Error for AddressError {}

impl TcpListen {
    /// Reads `8999`, `:8999`, `127.0.0.1:8999` or `[::1]:8999`. Port 0 is one that the kernel picks.
    ///
    /// # Errors
    /// [`AddressError::Listen`] for anything else, names of hosts among it.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError::Listen(text.to_owned());
        if let Some(port) = parse_port(text.strip_prefix(':').unwrap_or(text)) {
            return Ok(Self::AnyAddress(port));
        }
        let (host, port) = split_port(text).ok_or_else(wrong)?;
        let port = parse_port(port.ok_or_else(wrong)?).ok_or_else(wrong)?;
        Ok(Self::Address(SocketAddr::new(parse_ip(host).ok_or_else(wrong)?, port)))
    }

    /// Whether this host alone can reach it.
    #[must_use]
    pub fn is_loopback(self) -> bool {
        match self {
            Self::AnyAddress(_) => false,
            Self::Address(address) => address.ip().to_canonical().is_loopback(),
        }
    }

    /// Whether one host can't have both.
    pub(super) fn overlaps(self, other: Self) -> bool {
        let address = |listen| match listen {
            Self::AnyAddress(port) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            Self::Address(address) => address,
        };
        self.accepts(address(other)) || other.accepts(address(self))
    }

    /// Whether a connection to `address` would arrive at this listener.
    pub(super) fn accepts(self, address: SocketAddr) -> bool {
        if address.port() == 0 {
            return false;
        }
        let to = address.ip().to_canonical();
        match self {
            Self::AnyAddress(port) => port == address.port() && is_own(to),
            Self::Address(own) if own.ip().is_unspecified() => {
                own.port() == address.port() && is_own(to)
            }
            Self::Address(own) => {
                let reached = own.ip().to_canonical();
                own.port() == address.port()
                    && (reached == to || (to.is_unspecified() && reached.is_loopback()))
            }
        }
    }
}

impl fmt::Display for TcpListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyAddress(port) => write!(f, "port {port} of every address"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl UpstreamAddress {
    /// Reads `/path`, `unix:///path`, `tcp://host:port` or `http://host:port`, and asks the system's
    /// resolver for a name, which may take its time.
    ///
    /// # Errors
    /// [`AddressError`] for anything else, and for a name that can't be resolved.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.starts_with('/') {
            return unix_path(text).map(Self::Unix);
        }
        match text.split_once("://") {
            Some(("unix", path)) => unix_path(path).map(Self::Unix),
            Some(("tcp", place)) => resolve(text, place, DOCKER_PORT).map(Self::Tcp),
            Some(("http", place)) => resolve(text, place, HTTP_PORT).map(Self::Tcp),
            Some(("https", _)) => Err(AddressError::Encrypted),
            _ => Err(AddressError::Upstream(text.to_owned())),
        }
    }
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

/// The host of an address that was read, as it is written.
pub(super) fn host_of(text: &str) -> Option<&str> {
    let (_, place) = text.split_once("://")?;
    split_port(place.strip_suffix('/').unwrap_or(place)).map(|(host, _)| host)
}

/// An absolute path that fits into a socket's address.
pub(super) fn unix_path(text: &str) -> Result<PathBuf, AddressError> {
    if !text.starts_with('/') {
        return Err(AddressError::RelativePath(text.to_owned()));
    }
    match text.len() {
        bytes if bytes > UNIX_PATH_BYTES_MAX => Err(AddressError::LongPath(bytes)),
        _ => Ok(PathBuf::from(text)),
    }
}

/// The address of `host`, `host:port`, with one `/` at its end at most.
fn resolve(text: &str, place: &str, default_port: u16) -> Result<SocketAddr, AddressError> {
    let wrong = || AddressError::Upstream(text.to_owned());
    let (host, port) = split_port(place.strip_suffix('/').unwrap_or(place)).ok_or_else(wrong)?;
    let port = match port {
        Some(port) => parse_port(port).filter(|&port| port != 0).ok_or_else(wrong)?,
        None => default_port,
    };
    if let Some(ip) = parse_ip(host) {
        return Ok(SocketAddr::new(ip, port));
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_name) {
        return Err(wrong());
    }
    let found = (host, port).to_socket_addrs();
    let found = found.map_err(|error| AddressError::Unresolved(host.to_owned(), error))?;
    // Of the two `localhost`s, daemons listen on the IPv4 one.
    found.min_by_key(SocketAddr::is_ipv6).ok_or_else(|| AddressError::NoAddress(host.to_owned()))
}

/// Parts `host:port`, `[address]:port` and both without a port.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        let port = if after.is_empty() { None } else { Some(after.strip_prefix(':')?) };
        return host.parse::<Ipv6Addr>().is_ok().then_some((host, port));
    }
    match text.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

fn parse_ip(host: &str) -> Option<IpAddr> {
    let v4 = host.parse::<Ipv4Addr>().map(IpAddr::V4);
    v4.or_else(|_| host.parse::<Ipv6Addr>().map(IpAddr::V6)).ok()
}

/// Decimal digits for 0 to 65,535; `str::parse` alone would also take `+80`.
fn parse_port(text: &str) -> Option<u16> {
    let digits = (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Whether `ip` is an address of this host: the kernel lets nobody bind to another's.
fn is_own(ip: IpAddr) -> bool {
    ip.is_unspecified() || ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn addresses_to_listen_on() {
        let table = [
            ("8999", "port 8999 of every address"),
            (":8999", "port 8999 of every address"),
            ("0", "port 0 of every address"),
            ("127.0.0.1:8999", "127.0.0.1:8999"),
            ("0.0.0.0:8999", "0.0.0.0:8999"),
            ("[::1]:8999", "[::1]:8999"),
        ];
        for (text, expected) in table {
            assert_eq!(TcpListen::parse(text).unwrap().to_string(), expected, "{text}");
        }
        for text in [
            "",
            ":",
            "+80",
            "65536",
            "000080",
            "-1",
            "localhost:1",
            "::1:80",
            "[::1]",
            "[::1]80",
            "127.0.0.1",
            "127.0.0.1:",
            "[127.0.0.1]:80",
            "8999 ",
        ] {
            assert!(TcpListen::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_of_the_daemon() {
        let table = [
            ("/var/run/docker.sock", "unix:///var/run/docker.sock"),
            ("unix:///var/run/docker.sock", "unix:///var/run/docker.sock"),
            ("tcp://127.0.0.1:2376", "tcp://127.0.0.1:2376"),
            ("tcp://127.0.0.1", "tcp://127.0.0.1:2375"),
            ("http://127.0.0.1", "tcp://127.0.0.1:80"),
            ("http://127.0.0.1:2375/", "tcp://127.0.0.1:2375"),
            ("tcp://[::1]:2375", "tcp://[::1]:2375"),
            ("tcp://localhost:2375", "tcp://127.0.0.1:2375"),
        ];
        for (text, expected) in table {
            assert_eq!(UpstreamAddress::parse(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_of_the_daemon() {
        let table = [
            ("docker.sock", "`docker.sock` is not one of /path, unix:///path"),
            ("", "`` is not one of"),
            ("unix://docker.sock", "path `docker.sock` is not absolute"),
            ("ssh://host", "`ssh://host` is not one of"),
            ("https://host", "https:// does not say whose certificate is trusted"),
            ("tcp://host:0", "`tcp://host:0` is not one of"),
            ("tcp://host:+1", "`tcp://host:+1` is not one of"),
            ("tcp://:2375", "`tcp://:2375` is not one of"),
            ("tcp://user@host:1", "`tcp://user@host:1` is not one of"),
            ("http://host/path", "`http://host/path` is not one of"),
            ("tcp://[::1", "`tcp://[::1` is not one of"),
        ];
        for (text, expected) in table {
            let message = UpstreamAddress::parse(text).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{text}: {message}");
        }
        let long = format!("/{}", "x".repeat(UNIX_PATH_BYTES_MAX));
        let message = UpstreamAddress::parse(&long).unwrap_err().to_string();
        assert_eq!(message, "a socket's path has at most 107 bytes, this one has 108");
    }

    #[test]
    fn a_listener_knows_what_would_arrive_at_it() {
        let table = [
            ("8999", "127.0.0.1:8999", true),
            ("8999", "[::1]:8999", true),
            ("8999", "0.0.0.0:8999", true),
            ("8999", "127.0.0.1:2375", false),
            ("8999", "192.0.2.1:8999", false),
            ("0.0.0.0:8999", "127.0.0.7:8999", true),
            ("127.0.0.1:8999", "127.0.0.1:8999", true),
            ("127.0.0.1:8999", "0.0.0.0:8999", true),
            ("127.0.0.1:8999", "127.0.0.2:8999", false),
            ("127.0.0.1:8999", "[::ffff:127.0.0.1]:8999", true),
        ];
        for (listen, to, expected) in table {
            let listen = TcpListen::parse(listen).unwrap();
            assert_eq!(listen.accepts(to.parse().unwrap()), expected, "{listen} {to}");
        }
    }
}
