//! Where a connection was going before it was redirected here.
//!
//! `iptables … -j REDIRECT` keeps the original destination in the connection tracking table, where
//! `SO_ORIGINAL_DST` (`IP6T_SO_ORIGINAL_DST`) finds it.

use std::io;
use std::net::{IpAddr, SocketAddr};

use mio::net::TcpStream;
use socket2::SockRef;

/// Where an accepted connection was meant to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// To SecDocker itself.
    Direct,
    /// Elsewhere: it was redirected.
    Redirected(SocketAddr),
}

/// Asks the kernel where an accepted connection was going.
///
/// # Errors
/// When the connection has gone already.
pub(super) fn of(stream: &TcpStream) -> io::Result<Origin> {
    let local = canonical(stream.local_addr()?);
    let socket = SockRef::from(stream);
    // An IPv4 client of a dual-stack listener is known to the IPv4 table only.
    let original = match local.ip() {
        IpAddr::V4(_) => socket.original_dst_v4(),
        IpAddr::V6(_) => socket.original_dst_v6(),
    };
    // Without connection tracking nothing can have been redirected.
    let original = original.ok().and_then(|address| address.as_socket()).map(canonical);
    Ok(match original {
        Some(original) if original != local => Origin::Redirected(original),
        _ => Origin::Direct,
    })
}

/// The same address without the IPv6 dress that a dual-stack listener gives to IPv4.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
