//! Connecting to a daemon without waiting for it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use mio::net::{TcpStream, UnixStream};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::census::{Census, Ends, Own};
use super::stream::Stream;
use super::{KEEPALIVE, origin};
use crate::config::UpstreamAddress;

/// A connection attempt that has begun.
pub(super) struct Dialled {
    pub(super) stream: Stream,
    /// Keeps the loops aware that the other end of this one is not a client.
    pub(super) own: Option<Own>,
}

/// Begins to connect. Bytes can be sent once the stream says that it is connected.
///
/// # Errors
/// What the kernel says at once: no such socket, no route, nobody listening, or `WouldBlock` when
/// a Unix socket's queue of connections is full.
pub(super) fn dial(
    address: &UpstreamAddress,
    mark: Option<u32>,
    census: &Arc<Census>,
) -> io::Result<Dialled> {
    match address {
        UpstreamAddress::Unix(path) => dial_unix(path),
        UpstreamAddress::Tcp(address) => dial_tcp(*address, mark, census),
    }
}

fn dial_unix(path: &Path) -> io::Result<Dialled> {
    Ok(Dialled { stream: Stream::Unix(UnixStream::connect(path)?), own: None })
}

fn dial_tcp(address: SocketAddr, mark: Option<u32>, census: &Arc<Census>) -> io::Result<Dialled> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new_raw(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    // A daemon on this host does not vanish without a word.
    if !address.ip().is_loopback() {
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    }
    if let Some(mark) = mark {
        socket.set_mark(mark)?;
    }
    match socket.connect(&address.into()) {
        Err(error) if Errno::from_io_error(&error) != Some(Errno::INPROGRESS) => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let from = socket.local_addr()?.as_socket().map(origin::canonical);
    let to = origin::canonical(address);
    let own = from.map(|from| census.remember(Ends { from, to }));
    Ok(Dialled { stream: Stream::Tcp(TcpStream::from_std(socket.into())), own })
}
