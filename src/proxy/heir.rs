//! What one SecDocker leaves to the one that takes its place: idle connections.
//!
//! Both hold an end of a Unix socket. Each message on it is one byte, which says what the descriptor beside it
//! is. A connection between two requests is the same for whoever reads it next: closed, it could lose the request
//! that its client is just sending.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Descriptors in one message, of which the kernel takes 253.
pub const DESCRIPTORS_MAX: usize = 128;

/// A client's connection.
const CONNECTION: u8 = b'c';

/// It is the service now: whoever manages services has been told.
pub const SUCCEEDS: u8 = b'm';

/// The way to the SecDocker that has taken this one's place. Clones share it.
#[derive(Debug, Clone)]
pub struct Heir(Arc<UnixStream>);

/// What became of something that was to be left to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    Taken,
    /// It has more before it than the kernel keeps; later it will take it.
    Later,
    /// It has ended.
    Gone,
}

impl Heir {
    /// At the other end of this socket, which is not waited for.
    ///
    /// # Errors
    /// When the kernel does not let the socket be one that is not waited for.
    pub fn at(channel: UnixStream) -> io::Result<Self> {
        channel.set_nonblocking(true)?;
        Ok(Self(Arc::new(channel)))
    }

    /// Says that the service manager knows it.
    pub fn succeeds(&self) {
        // One that has ended already is no service.
        let _ = send(&self.0, SUCCEEDS, &[]);
    }

    /// Leaves it a connection.
    pub(super) fn leave(&self, connection: BorrowedFd<'_>) -> Left {
        match send(&self.0, CONNECTION, &[connection]) {
            Ok(()) => Left::Taken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Left::Later,
            // Descriptors on their way are counted, too.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::TOOMANYREFS) => Left::Later,
            Err(_) => Left::Gone,
        }
    }
}

/// Sends a message: a byte, and descriptors.
///
/// # Errors
/// What the kernel says.
pub fn send(channel: &UnixStream, what: u8, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let what = [what];
    let bytes = [IoSlice::new(&what)];
    rustix::io::retry_on_intr(|| sendmsg(channel, &bytes, &mut control, SendFlags::NOSIGNAL))?;
    Ok(())
}

/// Receives a message: the byte, if it is not the end, and its descriptors in the order in which they were sent.
///
/// # Errors
/// What the kernel says, would-block among it.
pub fn receive(channel: impl AsFd) -> io::Result<Option<(u8, Vec<OwnedFd>)>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut what = [0];
    let received = rustix::io::retry_on_intr(|| {
        let mut bytes = [IoSliceMut::new(&mut what)];
        recvmsg(channel.as_fd(), &mut bytes, &mut control, RecvFlags::CMSG_CLOEXEC)
    })?;
    let rights = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(rights) => Some(rights),
        _ => None,
    });
    let descriptors = rights.flatten().collect();
    Ok((received.bytes > 0).then_some((what[0], descriptors)))
}

/// What a message brings, by its byte: a connection, if it is one.
pub(super) fn connection((what, descriptors): (u8, Vec<OwnedFd>)) -> Option<OwnedFd> {
    descriptors.into_iter().next().filter(|_| what == CONNECTION)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn a_connection_goes_on_at_the_heir() {
        let (ours, its) = UnixStream::pair().unwrap();
        let heir = Heir::at(ours).unwrap();
        let (mut client, served) = UnixStream::pair().unwrap();
        client.write_all(b"sent before").unwrap();
        assert_eq!(heir.leave(served.as_fd()), Left::Taken);
        drop(served);
        let taken = receive(&its).unwrap().and_then(connection).unwrap();
        let mut taken = UnixStream::from(taken);
        let mut text = [0; 11];
        taken.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"sent before");
        drop(its);
        assert_eq!(heir.leave(taken.as_fd()), Left::Gone);
    }

    #[test]
    fn one_that_takes_nothing_is_asked_again_later() {
        let (ours, its) = UnixStream::pair().unwrap();
        let heir = Heir::at(ours).unwrap();
        let (_client, served) = UnixStream::pair().unwrap();
        let mut left = 0;
        while heir.leave(served.as_fd()) == Left::Taken {
            left += 1;
        }
        assert_eq!(heir.leave(served.as_fd()), Left::Later);
        for _ in 0..left {
            assert!(receive(&its).unwrap().and_then(connection).is_some());
        }
        assert_eq!(heir.leave(served.as_fd()), Left::Taken);
        drop(heir);
        assert!(receive(&its).unwrap().and_then(connection).is_some());
        assert!(receive(&its).unwrap().is_none(), "the end");
    }
}
