//! Connecting to a daemon without waiting for it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use mio::net::{TcpStream, UnixStream};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::limits::connection_limits::{ConnectionLimits, Ends, Own};
use super::origin;
use super::streams::encrypted::{Encrypted, Lent};
use super::streams::stream::{KEEPALIVE, Stream};
use crate::config::UpstreamAddress;
use crate::lookup::{Daemon, DaemonTls};
use crate::tls::Session;

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
    daemon: &Daemon,
    limits: &Arc<ConnectionLimits>,
    lent: &Lent,
) -> io::Result<Dialled> {
    match (&daemon.address, &daemon.tls) {
        (UpstreamAddress::Unix(path), _) => dial_unix(path),
        (UpstreamAddress::Tcp(address), tls) => {
            let (tcp, own) = dial_tcp(*address, daemon.mark, limits)?;
            Ok(Dialled { stream: stream(tcp, tls.as_ref(), lent)?, own })
        }
    }
}

fn stream(tcp: TcpStream, tls: Option<&DaemonTls>, lent: &Lent) -> io::Result<Stream> {
    let Some(DaemonTls { client, name }) = tls else { return Ok(Stream::Tcp(tcp)) };
    let session = Session::connect(client, name).map_err(io::Error::other)?;
    Ok(Stream::Encrypted(Box::new(Encrypted::dialled(tcp, session, lent.clone())?)))
}

fn dial_unix(path: &Path) -> io::Result<Dialled> {
    Ok(Dialled { stream: Stream::Unix(UnixStream::connect(path)?), own: None })
}

fn dial_tcp(
    address: SocketAddr,
    mark: Option<u32>,
    limits: &Arc<ConnectionLimits>,
) -> io::Result<(TcpStream, Option<Own>)> {
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
    let own = from.map(|from| limits.remember(Ends { from, to }));
    Ok((TcpStream::from_std(socket.into()), own))
}
