//! Bytes on their way: those owed to a peer, and those read from it that must wait.
//!
//! A connection through which nothing flows owns no memory here.

/// Bytes in the order in which they came, taken from the front.
#[derive(Debug, Default)]
pub(in crate::proxy) struct Queue {
    bytes: Vec<u8>,
    taken: usize,
}

impl Queue {
    pub(in crate::proxy) fn is_empty(&self) -> bool {
        self.taken == self.bytes.len()
    }

    /// In bytes.
    pub(in crate::proxy) fn len(&self) -> usize {
        self.as_slice().len()
    }

    pub(in crate::proxy) fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    pub(in crate::proxy) fn push(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.is_empty() {
            self.bytes.clear();
            self.taken = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Drops the first `count` bytes, and the memory with the last of them.
    pub(in crate::proxy) fn take(&mut self, count: usize) {
        self.taken += count;
        debug_assert!(self.taken <= self.bytes.len(), "only what is there can be taken");
        if self.is_empty() {
            *self = Self::default();
        }
    }

    pub(in crate::proxy) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emptied_queue_owns_nothing() {
        let mut queue = Queue::default();
        queue.push(b"abc");
        queue.take(1);
        queue.push(b"d");
        assert_eq!(queue.as_slice(), b"bcd");
        queue.take(3);
        assert!(queue.is_empty());
        assert_eq!(queue.bytes.capacity(), 0);
    }
}
