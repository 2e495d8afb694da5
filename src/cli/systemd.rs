//! What a service manager such as systemd is told (sd_notify(3)), and the sockets that it hands over
//! (sd_listen_fds(3)). Without one, nothing here has an effect.

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState;

use super::outcome::CliError;
use super::upgrade::Predecessor;
use crate::config::{Overrides, TcpListen};
use crate::proxy::Inherited;

/// Anyone who listens has been told all that it needs to know if it is not there any more.
fn notify(state: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(state);
}

/// It serves; and what it does, in a line.
pub(super) fn ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(&status.escape_debug().to_string())]);
}

/// The configuration is being read again, until [`ready`].
pub(super) fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        notify(&[NotifyState::Reloading, now]);
    }
}

/// It accepts no more.
pub(super) fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("open requests finish")]);
}

/// It is alive.
pub(super) fn alive() {
    notify(&[NotifyState::Watchdog]);
}

/// How often [`alive`] must be said, with room for two that come late; none if nobody waits for it.
pub(super) fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|time| time / 3).filter(|time| !time.is_zero())
}

/// Another process is the service now: this one.
pub(super) fn replaced_by(process: u32) {
    notify(&[NotifyState::MainPid(process), NotifyState::Ready]);
}

/// The sockets that were handed over, and where they are, so that the configuration is judged by that.
///
/// # Errors
/// [`CliError::Usage`] for what could not be served: two of a kind, a socket that is of no kind, or one beside
/// `--listen`.
pub(super) fn inherited(overrides: Overrides) -> Result<(Inherited, Overrides), CliError> {
    let inherited = handed(false)?;
    if inherited.tcp.len() > 1 {
        return Err(wrong("two sockets of a kind were handed over: one is served"));
    }
    if overrides.tcp.is_some() && !inherited.tcp.is_empty() {
        return Err(wrong("a TCP socket was handed over: --listen and --tcp are too much"));
    }
    let overrides = located(&inherited, overrides)?;
    Ok((inherited, overrides))
}

/// The sockets of the SecDocker whose place this one takes, whatever is configured: where it listens stays.
///
/// # Errors
/// [`CliError::Usage`] for what could not be served.
pub(super) fn left(
    overrides: Overrides,
    predecessor: &Predecessor,
) -> Result<(Inherited, Overrides), CliError> {
    let owns_file = predecessor.owns_file;
    let inherited = Inherited { owns_file, ..handed(predecessor.leaves_metrics)? };
    let overrides = located(&inherited, overrides)?;
    Ok((inherited, overrides))
}

/// What was handed over; perhaps the last socket is that of `metrics.listen`.
fn handed(has_metrics: bool) -> Result<Inherited, CliError> {
    let mut handed = ListenFd::from_env();
    let mut inherited = Inherited::default();
    for index in 0..handed.len() {
        let is_of_metrics = has_metrics && index + 1 == handed.len();
        match take(&mut handed, index) {
            Some(Handed::Tcp(socket)) if is_of_metrics => inherited.metrics = Some(socket.into()),
            Some(Handed::Unix(socket)) if is_of_metrics => inherited.metrics = Some(socket.into()),
            Some(Handed::Tcp(socket)) => inherited.tcp.push(socket),
            Some(Handed::Unix(socket)) if inherited.unix.is_none() => inherited.unix = Some(socket),
            Some(_) => return Err(wrong("two sockets of a kind were handed over: one is served")),
            None => {
                return Err(wrong("a socket was handed over that is no TCP and no Unix stream"));
            }
        }
    }
    Ok(inherited)
}

/// A socket by its kind.
enum Handed {
    Tcp(TcpListener),
    Unix(UnixListener),
}

fn take(handed: &mut ListenFd, index: usize) -> Option<Handed> {
    // A socket of another kind stays where it is.
    if let Ok(Some(socket)) = handed.take_unix_listener(index) {
        return Some(Handed::Unix(socket));
    }
    handed.take_tcp_listener(index).ok().flatten().map(Handed::Tcp)
}

fn located(inherited: &Inherited, mut overrides: Overrides) -> Result<Overrides, CliError> {
    let lost = |error: io::Error| CliError::Io("a socket that was handed over".to_owned(), error);
    if let Some(tcp) = inherited.tcp.first() {
        overrides.tcp = Some(TcpListen::Address(tcp.local_addr().map_err(lost)?));
    }
    if let Some(unix) = &inherited.unix {
        let address = unix.local_addr().map_err(lost)?;
        let path = address
            .as_pathname()
            .ok_or_else(|| wrong("a Unix socket without a path was handed over"))?;
        overrides.unix = Some(path.to_owned());
    }
    Ok(overrides)
}

fn wrong(what: &str) -> CliError {
    CliError::Usage(what.to_owned())
}
