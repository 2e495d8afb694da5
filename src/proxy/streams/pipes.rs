//! Kernel memory on its way from one socket to another: pipes, lent while bytes flow (splice(2)).
//!
//! ```text
//! source ──fill──► pipe ──empty_into──► sink        no byte of it is copied into this process
//! ```
//! A pipe is lent empty and goes back by itself once it is empty again, so that an idle connection
//! has none; one that is dropped with bytes in it is closed. Where no pipe can be had, bytes are
//! copied instead: nothing depends on a pipe but speed.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use rustix::io::Errno;
use rustix::pipe::{self, PipeFlags, SpliceFlags};

/// What a pipe should hold, in bytes. The kernel counts pages, and a page may be filled badly: with
/// short packets a pipe of this size holds a quarter of it.
const PIPE_BYTES: usize = 1024 * 1024;

/// Smaller pipes, as the kernel makes them for users who have many (pipe(7), `pipe-user-pages-soft`),
/// move less at once than the buffer would.
const PIPE_BYTES_MIN: usize = 64 * 1024;

/// Pipes lent at once by one loop. Each costs two descriptors, which clients may need more.
const LENT_MAX: usize = 256;

/// Empty pipes that are kept for the next borrower.
const IDLE_MAX: usize = 16;

/// The pipes of one loop.
#[derive(Debug, Clone, Default)]
pub(in crate::proxy) struct Pipes {
    shared: Rc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    idle: RefCell<Vec<Ends>>,
    lent: Cell<usize>,
    /// The kernel can't do it here: it is not asked again.
    refused: Cell<bool>,
}

#[derive(Debug)]
struct Ends {
    read: OwnedFd,
    write: OwnedFd,
}

impl Pipes {
    /// An empty pipe; `None` if there is none to be had.
    pub(in crate::proxy) fn lend(&self) -> Option<Pipe> {
        let shared = &self.shared;
        if shared.refused.get() || shared.lent.get() >= LENT_MAX {
            return None;
        }
        let idle = shared.idle.borrow_mut().pop();
        let ends = idle.or_else(|| Ends::make().ok())?;
        shared.lent.set(shared.lent.get() + 1);
        Some(Pipe { ends: Some(ends), held: 0, shared: Rc::clone(shared) })
    }
}

impl Ends {
    fn make() -> io::Result<Self> {
        let (read, write) = pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let size = pipe::fcntl_setpipe_size(&write, PIPE_BYTES)
            .or_else(|_| pipe::fcntl_getpipe_size(&write))?;
        if size < PIPE_BYTES_MIN {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(Self { read, write })
    }
}

/// A pipe that was lent, and the bytes in it.
#[derive(Debug)]
pub(in crate::proxy) struct Pipe {
    /// Absent only while it is dropped.
    ends: Option<Ends>,
    held: usize,
    shared: Rc<Shared>,
}

impl Pipe {
    /// In bytes.
    pub(in crate::proxy) fn held(&self) -> usize {
        self.held
    }

    /// Takes bytes from a socket; 0 at its end, and before urgent data. `WouldBlock` means that the socket has none, since
    /// the pipe is empty.
    ///
    /// # Errors
    /// What the kernel says of the socket. `InvalidInput` if it can't do this at all.
    pub(in crate::proxy) fn fill(
        &mut self,
        source: &impl AsFd,
        at_most: usize,
    ) -> io::Result<usize> {
        debug_assert_eq!(self.held, 0, "an empty pipe tells an empty source from a full pipe");
        let Some(ends) = &self.ends else { return Ok(0) };
        let count = self.asked(splice(source, &ends.write, at_most))?;
        self.held += count;
        Ok(count)
    }

    /// Gives bytes to a socket; fewer than are held if its buffer is full then.
    ///
    /// # Errors
    /// As for [`Pipe::fill`].
    pub(in crate::proxy) fn empty_into(&mut self, sink: &impl AsFd) -> io::Result<usize> {
        let Some(ends) = &self.ends else { return Ok(0) };
        let count = self.asked(splice(&ends.read, sink, self.held))?;
        self.held = self.held.saturating_sub(count);
        Ok(count)
    }

    /// Copies out what is held, where splicing does not go on.
    pub(in crate::proxy) fn take(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.held];
        let mut taken = 0;
        while let (Some(ends), Some(rest)) = (&self.ends, bytes.get_mut(taken..))
            && !rest.is_empty()
        {
            match rustix::io::retry_on_intr(|| rustix::io::read(&ends.read, &mut *rest))? {
                0 => break,
                count => taken += count,
            }
        }
        self.held -= taken;
        bytes.truncate(taken);
        Ok(bytes)
    }

    fn asked(&self, answer: Result<usize, Errno>) -> io::Result<usize> {
        // A filter for system calls may say either of the last two.
        let refused = matches!(answer, Err(Errno::INVAL | Errno::NOSYS | Errno::PERM));
        if refused {
            self.shared.refused.set(true);
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(answer?)
    }
}

fn splice(from: &impl AsFd, to: &impl AsFd, at_most: usize) -> Result<usize, Errno> {
    let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
    rustix::io::retry_on_intr(|| pipe::splice(from, None, to, None, at_most, flags))
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.shared.lent.set(self.shared.lent.get() - 1);
        let mut idle = self.shared.idle.borrow_mut();
        if self.held == 0 && idle.len() < IDLE_MAX {
            idle.extend(self.ends.take());
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    fn sockets() -> (UnixStream, UnixStream) {
        let (near, far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        (near, far)
    }

    fn idle(pipes: &Pipes) -> usize {
        pipes.shared.idle.borrow().len()
    }

    #[test]
    fn bytes_go_through_and_the_pipe_comes_back() {
        let pipes = Pipes::default();
        let (source, mut client) = sockets();
        let (sink, mut daemon) = sockets();
        client.write_all(b"abcdef").unwrap();
        let mut pipe = pipes.lend().unwrap();
        assert_eq!(pipe.fill(&source, 4).unwrap(), 4);
        assert_eq!((pipe.empty_into(&sink).unwrap(), pipe.held()), (4, 0));
        let mut came = [0; 4];
        daemon.read_exact(&mut came).unwrap();
        assert_eq!(&came, b"abcd");
        drop(pipe);
        assert_eq!((idle(&pipes), pipes.shared.lent.get()), (1, 0));
    }

    #[test]
    fn an_end_is_not_an_empty_socket() {
        let (source, client) = sockets();
        let mut pipe = Pipes::default().lend().unwrap();
        assert_eq!(pipe.fill(&source, 4).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(client);
        assert_eq!(pipe.fill(&source, 4).unwrap(), 0);
    }

    #[test]
    fn a_pipe_that_holds_bytes_meets_nobody_else() {
        let pipes = Pipes::default();
        let (source, mut client) = sockets();
        client.write_all(b"secret").unwrap();
        let mut pipe = pipes.lend().unwrap();
        pipe.fill(&source, 6).unwrap();
        drop(pipe);
        assert_eq!((idle(&pipes), pipes.shared.lent.get()), (0, 0));
    }

    #[test]
    fn what_is_held_can_be_copied_out() {
        let pipes = Pipes::default();
        let (source, mut client) = sockets();
        client.write_all(b"held").unwrap();
        let mut pipe = pipes.lend().unwrap();
        pipe.fill(&source, 6).unwrap();
        assert_eq!(pipe.take().unwrap(), b"held");
        assert_eq!(idle(&pipes), 1);
    }

    #[test]
    fn what_the_kernel_can_not_do_is_not_asked_again() {
        let pipes = Pipes::default();
        let mut pipe = pipes.lend().unwrap();
        // A pipe's own end is no source for it (splice(2), EINVAL).
        let own = pipe.ends.as_ref().unwrap().read.try_clone().unwrap();
        assert_eq!(pipe.fill(&own, 1).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(pipes.lend().is_none());
    }

    #[test]
    fn the_number_of_pipes_is_bounded() {
        let pipes = Pipes::default();
        let lent: Vec<Pipe> = std::iter::from_fn(|| pipes.lend()).take(LENT_MAX + 1).collect();
        assert_eq!(lent.len(), LENT_MAX);
        drop(lent);
        assert_eq!((idle(&pipes), pipes.shared.lent.get()), (IDLE_MAX, 0));
    }
}
