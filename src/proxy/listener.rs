//! Where clients connect: TCP sockets, one for each loop, and a Unix socket that all loops share.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use super::error::StartError;
use super::origin::{self, Origin};
use super::streams::stream::KEEPALIVE;
use super::streams::stream::Stream;
use crate::client::Peer as Client;
use crate::config::TcpListen;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// How long accepting pauses when the process or the host has run out of descriptors.
pub(super) const OUT_OF_DESCRIPTORS_PAUSE: Duration = Duration::from_millis(50);

/// A listening socket of one loop.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A client, and where it was going.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) stream: Stream,
    pub(super) client: Client,
    pub(super) origin: Origin,
}

impl Listener {
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => registry.register(listener, token, Interest::READABLE),
            Self::Unix(listener) => registry.register(listener, token, Interest::READABLE),
        }
    }

    /// Takes one waiting client.
    ///
    /// # Errors
    /// `WouldBlock` when nobody waits; what the kernel says otherwise.
    pub(super) fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, client) = listener.accept()?;
                Accepted::tcp(stream, client)
            }
            Self::Unix(listener) => Ok(Accepted::unix(listener.accept()?.0)),
        }
    }

    /// A copy of it, which another process may accept from.
    pub(super) fn copy(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Tcp(listener) => listener.as_fd().try_clone_to_owned(),
            Self::Unix(listener) => listener.as_fd().try_clone_to_owned(),
        }
    }
}

impl Accepted {
    fn tcp(stream: TcpStream, client: SocketAddr) -> io::Result<Self> {
        let origin = origin::of(&stream)?;
        let client = Client::Tcp(origin::canonical(client));
        Ok(Self { stream: Stream::Tcp(stream), client, origin })
    }

    fn unix(stream: UnixStream) -> Self {
        let process = rustix::net::sockopt::socket_peercred(&stream);
        let client = process.map_or(Client::Unnamed, |process| Client::Unix {
            uid: process.uid.as_raw(),
            pid: process.pid.as_raw_nonzero().get().unsigned_abs(),
        });
        Self { stream: Stream::Unix(stream), client, origin: Origin::Direct }
    }

    /// A client that another SecDocker has accepted.
    ///
    /// # Errors
    /// When the connection has gone already, or is none.
    pub(super) fn before(connection: OwnedFd) -> io::Result<Self> {
        let socket = Socket::from(connection);
        socket.set_nonblocking(true)?;
        match socket.domain()? {
            Domain::UNIX => Ok(Self::unix(UnixStream::from_std(socket.into()))),
            _ => {
                let stream = TcpStream::from_std(socket.into());
                let client = stream.peer_addr()?;
                Self::tcp(stream, client)
            }
        }
    }
}

/// Binds a TCP address for `loops` loops at once.
///
/// # Errors
/// When the address is taken, is not ours, or may not be bound.
pub(super) fn bind_tcp(
    listen: TcpListen,
    loops: usize,
) -> Result<(Vec<Listener>, SocketAddr), StartError> {
    let failed = |error| StartError::Bind { address: listen.to_string(), error };
    // Sockets that share a port would also share it with another SecDocker: the first is bound
    // alone, which fails if anybody has it.
    let alone = match listen {
        TcpListen::Address(address) => listening(address, Sharing::Refused),
        TcpListen::AnyAddress(port) => listening_everywhere(port),
    };
    let address = alone.and_then(|alone| alone.local_addr()).map_err(failed)?;
    let bound = (0..loops).map(|_| listening(address, Sharing::Loops).map(Listener::Tcp));
    Ok((bound.collect::<io::Result<_>>().map_err(failed)?, address))
}

/// Sockets that listen already: a service manager made them, or the SecDocker whose place this one takes.
#[derive(Debug, Default)]
pub struct Inherited {
    /// In place of `listen.tcp`: one, or several at the same address.
    pub tcp: Vec<std::net::TcpListener>,
    /// In place of `listen.unix`.
    pub unix: Option<std::os::unix::net::UnixListener>,
    /// In place of `metrics.listen`: a socket that listens there.
    pub metrics: Option<OwnedFd>,
    /// Whether the file of the Unix socket is SecDocker's own, which it removes when it stops.
    pub owns_file: bool,
}

/// Shares TCP sockets that listen already among `loops` loops: nobody else may serve what waits at one of them.
/// One for each loop, or more.
///
/// # Errors
/// When there are too few descriptors.
pub(super) fn take_tcp(
    inherited: &[std::net::TcpListener],
    loops: usize,
) -> Result<Option<(Vec<Listener>, SocketAddr)>, StartError> {
    let failed = |error| StartError::Bind { address: "an inherited socket".to_owned(), error };
    let Some(first) = inherited.first() else { return Ok(None) };
    let take = || -> io::Result<(Vec<Listener>, SocketAddr)> {
        for inherited in inherited {
            inherited.set_nonblocking(true)?;
            let socket = SockRef::from(inherited);
            socket.set_tcp_nodelay(true)?;
            socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
        }
        let copies = inherited.iter().cycle().take(inherited.len().max(loops));
        let listeners =
            copies.map(|socket| Ok(Listener::Tcp(TcpListener::from_std(socket.try_clone()?))));
        Ok((listeners.collect::<io::Result<_>>()?, first.local_addr()?))
    };
    take().map(Some).map_err(failed)
}

/// Shares a Unix socket that listens already among `loops` loops.
///
/// # Errors
/// When there are too few descriptors.
pub(super) fn take_unix(
    inherited: &std::os::unix::net::UnixListener,
    loops: usize,
) -> Result<Vec<Listener>, StartError> {
    let failed = |error| StartError::Bind { address: "an inherited socket".to_owned(), error };
    inherited.set_nonblocking(true).map_err(failed)?;
    let copies = (0..loops).map(|_| inherited.try_clone());
    let listeners = copies.map(|copy| Ok(Listener::Unix(UnixListener::from_std(copy?))));
    listeners.collect::<io::Result<_>>().map_err(failed)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Refused,
    Loops,
}

/// Listens on a TCP address alone, for others than a loop.
///
/// # Errors
/// When the address is taken, is not ours, or may not be bound.
pub(super) fn listen_tcp(listen: TcpListen) -> io::Result<std::net::TcpListener> {
    let listener = match listen {
        TcpListen::Address(address) => listening(address, Sharing::Refused),
        TcpListen::AnyAddress(port) => listening_everywhere(port),
    };
    Ok(std::os::fd::OwnedFd::from(listener?).into())
}

/// On a host without IPv6, everywhere is everywhere in IPv4.
fn listening_everywhere(port: u16) -> io::Result<TcpListener> {
    match listening((Ipv6Addr::UNSPECIFIED, port).into(), Sharing::Refused) {
        Err(error) if lacks_ipv6(&error) => {
            listening((Ipv4Addr::UNSPECIFIED, port).into(), Sharing::Refused)
        }
        outcome => outcome,
    }
}

fn lacks_ipv6(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL))
}

fn listening(address: SocketAddr, sharing: Sharing) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_cloexec(true)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    if sharing == Sharing::Loops {
        socket.set_reuse_port(true)?;
    }
    // Accepted sockets inherit both (tcp(7)), which costs them no calls of their own.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Removes the Unix socket's file when the program stops.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    is_ours: bool,
}

impl SocketFile {
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), is_ours: true }
    }

    /// That of another program, for whom it stays until that leaves it to this one.
    pub(super) fn of_another(path: &Path) -> Self {
        Self { path: path.to_owned(), is_ours: false }
    }

    /// Leaves it to somebody else, for whom it stays.
    pub(super) fn leave(&mut self) {
        self.is_ours = false;
    }

    /// It was left to this program.
    pub(super) fn take(&mut self) {
        self.is_ours = true;
    }

    pub(super) fn is_ours(&self) -> bool {
        self.is_ours
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_ours {
            // It may be gone already; nothing is lost either way.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Binds a Unix socket for `loops` loops at once.
///
/// # Errors
/// When something that is not an abandoned socket stands at the path, or it cannot be written.
pub(super) fn bind_unix(
    path: &Path,
    mode: u32,
    loops: usize,
) -> Result<(Vec<Listener>, SocketFile), StartError> {
    let failed = |error| StartError::Bind { address: path.display().to_string(), error };
    let (first, file) = listen_unix(path, mode)?;
    let clones = (0..loops).map(|_| first.try_clone());
    let listeners = clones.collect::<io::Result<Vec<_>>>().map_err(failed)?;
    let listeners =
        listeners.into_iter().map(|listener| Listener::Unix(UnixListener::from_std(listener)));
    Ok((listeners.collect(), file))
}

/// Listens on a Unix socket, without waiting.
///
/// # Errors
/// As [`bind_unix`].
pub(super) fn listen_unix(
    path: &Path,
    mode: u32,
) -> Result<(std::os::unix::net::UnixListener, SocketFile), StartError> {
    let failed = |error| StartError::Bind { address: path.display().to_string(), error };
    remove_abandoned(path).map_err(failed)?;
    let listener = std::os::unix::net::UnixListener::bind(path).map_err(failed)?;
    let file = SocketFile::at(path);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok((listener, file))
}

/// A socket that nobody answers on is left from a run that was killed.
fn remove_abandoned(path: &Path) -> io::Result<()> {
    let is_socket = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type().is_socket(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let answers = is_socket && std::os::unix::net::UnixStream::connect(path).is_ok();
    if answers || !is_socket {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    std::fs::remove_file(path)
}
