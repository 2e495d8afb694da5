//! What the kernel says about a client: its user, and its process.

use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::{PeerCredentials, PeerPidfd};

use super::super::streams::stream::Stream;
use super::sock_diag;
use crate::client::{Learned, User};
use crate::lookup::Caller;

/// Who has connected, as far as one question to the kernel tells. `ends` are those of the client's own
/// socket: where it is, and where it asked to be connected to.
pub(in crate::proxy) fn caller(
    stream: &Stream,
    ends: Option<(SocketAddr, SocketAddr)>,
) -> Learned<Caller> {
    match (stream, ends) {
        (Stream::Unix(stream), _) => of_unix(stream),
        (Stream::Tcp(_) | Stream::Encrypted(_), Some((from, to))) => {
            of_tcp(from, to, || rustix::net::getpeername(stream).is_ok())
        }
        (Stream::Tcp(_) | Stream::Encrypted(_), None) => {
            Learned::unknown("its addresses are not known")
        }
    }
}

fn of_unix(stream: &mio::net::UnixStream) -> Learned<Caller> {
    let Ok(credentials) = getsockopt(stream, PeerCredentials) else {
        return Learned::unknown("the kernel does not say who has connected");
    };
    let user = User { uid: credentials.uid(), gid: Some(credentials.gid()) };
    if is_of_nobody(user.uid) {
        return Learned::unknown(IN_ANOTHER_NAMESPACE);
    }
    let pid = u32::try_from(credentials.pid()).ok().filter(|pid| *pid != 0);
    Learned::Known(match held(getsockopt(stream, PeerPidfd)) {
        Held::It(handle) => Caller::Process { user, pid, handle: Some(handle) },
        Held::Unsupported => Caller::Process { user, pid, handle: None },
        Held::Ended => Caller::Process { user, pid: None, handle: None },
    })
}

/// The process itself, whatever comes to have its number.
enum Held {
    It(OwnedFd),
    /// The kernel has no such handles (before Linux 6.5).
    Unsupported,
    /// Kernels before 6.16 give none of a process that has ended: its number is another one's, or will be.
    Ended,
}

fn held(answer: nix::Result<OwnedFd>) -> Held {
    match answer {
        Ok(handle) => Held::It(handle),
        Err(Errno::ENOPROTOOPT) => Held::Unsupported,
        Err(_) => Held::Ended,
    }
}

/// `is_open` says whether our own end is: while it is, no other socket can have the same ends as the client's.
fn of_tcp(from: SocketAddr, to: SocketAddr, is_open: impl Fn() -> bool) -> Learned<Caller> {
    let is_local = from.ip().is_loopback() || from.ip() == to.ip();
    match sock_diag::owner(from, to) {
        Ok(_) if !is_open() => Learned::unknown("it has left"),
        Ok(Some(owner)) if is_of_nobody(owner.uid) => Learned::unknown(IN_ANOTHER_NAMESPACE),
        Ok(Some(owner)) => Learned::Known(Caller::Socket {
            user: User { uid: owner.uid, gid: None },
            inode: owner.inode,
            control_group: owner.control_group,
        }),
        Ok(None) if is_local => Learned::unknown("its socket is not found"),
        // Of another machine, or of another network namespace.
        Ok(None) => Learned::None,
        Err(error) => Learned::Unknown(format!("the kernel was asked and says: {error}").into()),
    }
}

const IN_ANOTHER_NAMESPACE: &str = "its user has no number in this user namespace";

/// Whether a number stands for every user that has none here (user_namespaces(7)).
fn is_of_nobody(uid: u32) -> bool {
    static OVERFLOW: OnceLock<u32> = OnceLock::new();
    let read = || fs::read_to_string("/proc/sys/kernel/overflowuid").ok()?.trim().parse().ok();
    uid == *OVERFLOW.get_or_init(|| read().unwrap_or(65534)) || uid == u32::MAX
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn the_other_end_of_a_pair_is_this_process() {
        let (ours, _theirs) = mio::net::UnixStream::pair().unwrap();
        match caller(&Stream::Unix(ours), None) {
            Learned::Known(Caller::Process { pid, .. }) => {
                assert_eq!(pid, Some(std::process::id()));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_number_of_a_process_that_has_ended_is_not_trusted() {
        for ended in [Errno::ESRCH, Errno::EINVAL, Errno::ENODATA, Errno::EMFILE] {
            assert!(matches!(held(Err(ended)), Held::Ended), "{ended}");
        }
        assert!(matches!(held(Err(Errno::ENOPROTOOPT)), Held::Unsupported));
    }

    #[test]
    fn a_connection_that_has_ended_is_nobodys() {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        assert!(matches!(of_tcp(address, address, || false), Learned::Unknown(_)));
        assert!(is_of_nobody(65534) && !is_of_nobody(0));
    }
}
