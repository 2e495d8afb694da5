//! Where Prometheus, and who asks whether all is well, are answered: `metrics.listen`.
//!
//! ```text
//! accept, one thread ─► a thread for each connection, few of them ─► one request, one answer, the end
//! ```
//! Apart from the loops, which this can't hold up: they are asked whether they turn once a second at most.

mod conversation;
mod health;

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::Socket;

use super::error::StartError;
use super::listener::{self, SocketFile};
use crate::config::{MetricsAddress, MetricsListen, TcpListen};
use crate::lookup::Daemon;
use crate::metrics::Metrics;
use crate::tls::Server;
pub(super) use health::Health;

/// Connections that are answered at once; one that is too many is closed.
const CONNECTIONS_MAX: usize = 16;

/// The thread that answers. It ends, and its address is free, once this is dropped.
#[derive(Debug)]
pub(super) struct Endpoint {
    shared: Arc<Shared>,
    address: String,
    /// Closed to end the thread.
    stop: Option<OwnedFd>,
    thread: Option<JoinHandle<()>>,
    /// Removed when the thread has ended.
    file: Option<SocketFile>,
}

/// What answers are made of.
#[derive(Debug)]
struct Shared {
    metrics: Arc<Metrics>,
    health: Health,
    tls: Mutex<Option<Arc<Server>>>,
    open: AtomicUsize,
}

/// An endpoint at which nobody answers yet.
#[derive(Debug)]
pub(super) struct Unserved {
    bound: Bound,
    listen: MetricsListen,
}

impl Unserved {
    /// Listens, or takes the socket that listens there already: who connects from now on will be answered.
    ///
    /// # Errors
    /// If nobody can listen there.
    pub(super) fn begin(
        listen: &MetricsListen,
        inherited: Option<OwnedFd>,
    ) -> Result<Self, StartError> {
        let inherited = inherited.map(Bound::inherited).transpose()?;
        let bound = match inherited.filter(|bound| bound.is_at(&listen.address)) {
            Some(bound) => bound,
            None => Bound::bind(&listen.address)?,
        };
        Ok(Self { bound, listen: listen.clone() })
    }

    /// A copy of the socket, for whoever is to accept from it next.
    ///
    /// # Errors
    /// When there are too few descriptors.
    pub(super) fn copy(&self) -> io::Result<OwnedFd> {
        self.bound.as_fd().try_clone_to_owned()
    }

    /// Answers from now on.
    ///
    /// # Errors
    /// If there is no thread for it.
    pub(super) fn serve(self, metrics: &Arc<Metrics>, health: Health) -> io::Result<Endpoint> {
        let Self { bound, listen: MetricsListen { tls, .. } } = self;
        let (metrics, open) = (Arc::clone(metrics), AtomicUsize::new(0));
        let shared = Arc::new(Shared { metrics, health, tls: Mutex::new(tls), open });
        let Bound { listener, address, file } = bound;
        let (stopped, stop) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let answering = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("metrics".into())
            .spawn(move || listener.serve(&answering, &stopped))?;
        Ok(Endpoint { shared, address, stop: Some(stop), thread: Some(thread), file })
    }
}

impl Endpoint {
    /// Where it listens.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Leaves it to another SecDocker, which has the same socket.
    pub(super) fn leave(&mut self) {
        self.file.iter_mut().for_each(SocketFile::leave);
    }

    /// It was left to this one.
    pub(super) fn take(&mut self) {
        self.file.iter_mut().for_each(SocketFile::take);
    }

    /// Other certificates are in force, and perhaps another daemon. Where it listens stays.
    pub(super) fn reload(&self, listen: Option<&MetricsListen>, daemon: Daemon) {
        if let Some(listen) = listen {
            *self.shared.tls.lock().unwrap_or_else(PoisonError::into_inner) = listen.tls.clone();
        }
        self.shared.health.ask_another(daemon);
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been said there.
            let _ = thread.join();
        }
    }
}

/// A socket that listens.
#[derive(Debug)]
struct Bound {
    listener: Listener,
    address: String,
    file: Option<SocketFile>,
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl AsFd for Bound {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
        }
    }
}

impl Bound {
    fn bind(address: &MetricsAddress) -> Result<Self, StartError> {
        match address {
            MetricsAddress::Tcp(tcp) => {
                let failed = |error| StartError::Bind { address: tcp.to_string(), error };
                let listener = listener::listen_tcp(*tcp).map_err(failed)?;
                Self::of_tcp(listener).map_err(failed)
            }
            MetricsAddress::Unix(unix) => {
                let (listener, file) = listener::listen_unix(&unix.path, unix.mode)?;
                let address = unix.path.display().to_string();
                Ok(Self { listener: Listener::Unix(listener), address, file: Some(file) })
            }
        }
    }

    /// One that was left by another SecDocker, to whom its file belongs until that leaves it, too.
    fn inherited(socket: OwnedFd) -> Result<Self, StartError> {
        let failed = |error| StartError::Bind { address: "an inherited socket".to_owned(), error };
        let socket = Socket::from(socket);
        socket.set_nonblocking(true).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        match address.as_pathname() {
            Some(path) => Ok(Self {
                listener: Listener::Unix(OwnedFd::from(socket).into()),
                address: path.display().to_string(),
                file: Some(SocketFile::of_another(path)),
            }),
            None => Self::of_tcp(OwnedFd::from(socket).into()).map_err(failed),
        }
    }

    fn of_tcp(listener: TcpListener) -> io::Result<Self> {
        let address = super::origin::canonical(listener.local_addr()?).to_string();
        Ok(Self { listener: Listener::Tcp(listener), address, file: None })
    }

    /// Whether it is where the configuration says.
    fn is_at(&self, wanted: &MetricsAddress) -> bool {
        match (&self.listener, wanted) {
            (Listener::Unix(_), MetricsAddress::Unix(unix)) => {
                self.address == unix.path.display().to_string()
            }
            (Listener::Tcp(listener), MetricsAddress::Tcp(tcp)) => {
                listener.local_addr().is_ok_and(|is| match *tcp {
                    TcpListen::AnyAddress(port) => is.ip().is_unspecified() && is.port() == port,
                    TcpListen::Address(at) => is == at,
                })
            }
            (Listener::Tcp(_), MetricsAddress::Unix(_))
            | (Listener::Unix(_), MetricsAddress::Tcp(_)) => false,
        }
    }
}

impl Listener {
    fn serve(&self, shared: &Arc<Shared>, stopped: &OwnedFd) {
        loop {
            let descriptor = self.as_fd();
            let mut awaited = [
                PollFd::from_borrowed_fd(descriptor, PollFlags::IN),
                PollFd::new(stopped, PollFlags::IN),
            ];
            let polled = poll(&mut awaited, None);
            if awaited.get(1).is_some_and(|stop| !stop.revents().is_empty()) {
                return;
            }
            match polled.map_err(io::Error::from).and_then(|_| self.accept()) {
                Ok(socket) => answer_apart(shared, socket),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // What lacks, descriptors most likely, may be there in a moment.
                Err(_) if is_stopped(stopped, listener::OUT_OF_DESCRIPTORS_PAUSE) => return,
                Err(_) => {}
            }
        }
    }

    fn accept(&self) -> io::Result<Socket> {
        let socket = match self {
            Self::Tcp(listener) => Socket::from(listener.accept()?.0),
            Self::Unix(listener) => Socket::from(listener.accept()?.0),
        };
        socket.set_nonblocking(false)?;
        Ok(socket)
    }
}

/// Waits for the end so long.
fn is_stopped(stopped: &OwnedFd, at_most: Duration) -> bool {
    let at_most = Timespec {
        tv_sec: i64::try_from(at_most.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: at_most.subsec_nanos().into(),
    };
    let mut awaited = [PollFd::new(stopped, PollFlags::IN)];
    // An interruption is as good as the time being over.
    matches!(poll(&mut awaited, Some(&at_most)), Ok(1..))
}

/// A place among those that are answered.
struct Place(Arc<Shared>);

impl Place {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        let place = Self(Arc::clone(shared));
        let before = shared.open.fetch_add(1, Ordering::Relaxed);
        (before < CONNECTIONS_MAX).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Answers on a thread of its own. If there is none, the connection is closed.
fn answer_apart(shared: &Arc<Shared>, socket: Socket) {
    let Some(place) = Place::take(shared) else { return };
    let answer = move || {
        let tls = place.0.tls.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Whoever leaves before the answer is there needs none.
        let _ = conversation::answer(socket, tls.as_deref(), |asked| place.0.answer_to(asked));
    };
    let _ = thread::Builder::new().name("metrics".into()).spawn(answer);
}

impl Shared {
    fn answer_to(&self, asked: &conversation::Asked) -> conversation::Answer {
        use conversation::{Answer, Asked};
        let of_health = |found: Result<(), String>| match found {
            Ok(()) => Answer::text(200, "ok\n".to_owned()),
            Err(reason) => Answer::text(503, format!("{reason}\n")),
        };
        match asked {
            Asked::Metrics(format) => Answer {
                status: 200,
                media_type: format.media_type(),
                body: self.metrics.text(*format),
            },
            Asked::Alive => of_health(self.health.loops_turn()),
            Asked::Ready => of_health(self.health.daemon_answers()),
        }
    }
}
