//! What a read brought.

use std::io;

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::proxy) enum Got {
    /// So many bytes, and whether nothing more is there as far as a short read tells.
    Bytes {
        count: usize,
        drained: bool,
    },
    End,
    WouldBlock,
    /// More may be there, but others come first.
    Postponed,
}

impl Got {
    /// What a read into so much room says.
    pub(in crate::proxy) fn of(read: io::Result<usize>, room: usize) -> io::Result<Self> {
        match read {
            Ok(0) => Ok(Self::End),
            Ok(count) => Ok(Self::Bytes { count, drained: count < room }),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Self::WouldBlock),
            Err(error) => Err(error),
        }
    }
}
