//! How much the inspected bodies of all loops may hold together, and one client of it.
//!
//! A client has no more than is left for others: alone it gets half, beside another a third. Of small
//! bodies it gets three times what is left, so that large ones which arrive slowly leave room for
//! those of everybody at the same address. Touched as a body grows, and when it is done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::admission::Refusal;
use crate::client::Who;

/// The longest small body, in bytes.
const SMALL_BYTES_MAX: usize = 64 * 1024;

/// A bound in bytes, shared by the sessions of all loops.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bytes: usize,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    free: usize,
    by_client: HashMap<Who, usize>,
}

/// A body may not grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// As long as others hold what they do.
    Now,
    /// Were it the only one, either.
    Ever,
}

impl From<NoRoom> for Refusal {
    fn from(no_room: NoRoom) -> Self {
        let (status, reason) = match no_room {
            NoRoom::Now => (503, "too many request bodies are being inspected, try again"),
            NoRoom::Ever => (
                413,
                "the request body would take more memory than `limits.bodies` lets one client have",
            ),
        };
        Self::new(status, reason)
    }
}

impl Budget {
    /// A budget of `bytes`.
    pub fn new(bytes: usize) -> Self {
        let held = Mutex::new(Held { free: bytes, by_client: HashMap::new() });
        Self(Arc::new(Shared { bytes, held }))
    }

    /// Bytes that nobody holds.
    pub fn free(&self) -> usize {
        self.held().free
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Every critical section leaves the counts whole.
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much a client may hold of a body of this size for each byte that is left.
fn ratio(bytes: usize) -> usize {
    if bytes <= SMALL_BYTES_MAX { 3 } else { 1 }
}

/// What one body holds of the budget; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Budget,
    who: Who,
    held: usize,
}

impl Share {
    pub(super) fn none_of(budget: &Budget, who: Who) -> Self {
        Self { budget: budget.clone(), who, held: 0 }
    }

    /// Makes the share `bytes` large if the budget has room for it.
    ///
    /// # Errors
    /// [`NoRoom`] if it has not; the share stays what it was.
    pub(super) fn grow_to(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let more = bytes.saturating_sub(self.held);
        if more == 0 {
            return Ok(());
        }
        let fits = |of_client: usize, free: usize| of_client <= free.saturating_mul(ratio(bytes));
        if !self.budget.0.bytes.checked_sub(bytes).is_some_and(|left| fits(bytes, left)) {
            return Err(NoRoom::Ever);
        }
        let mut held = self.budget.held();
        let free = held.free.checked_sub(more).ok_or(NoRoom::Now)?;
        let of_client = held.by_client.get(&self.who).copied().unwrap_or(0) + more;
        if !fits(of_client, free) {
            return Err(NoRoom::Now);
        }
        held.free = free;
        held.by_client.insert(self.who, of_client);
        drop(held);
        self.held += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.held == 0 {
            return;
        }
        let mut held = self.budget.held();
        held.free += self.held;
        if let Some(of_client) = held.by_client.get_mut(&self.who) {
            *of_client -= self.held;
            if *of_client == 0 {
                held.by_client.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEBIBYTE: usize = 1 << 20;

    fn shares<const N: usize>(budget: &Budget, who: Who) -> [Share; N] {
        std::array::from_fn(|_| Share::none_of(budget, who))
    }

    #[test]
    fn a_share_goes_back_when_it_is_dropped() {
        let budget = Budget::new(10);
        let [mut first, mut second] = shares(&budget, Who::Unnamed);
        assert_eq!((first.grow_to(6), first.grow_to(6)), (Ok(()), Ok(())));
        assert_eq!(second.grow_to(5), Err(NoRoom::Now));
        drop(first);
        assert_eq!(second.grow_to(7), Ok(()));
        assert_eq!(budget.free(), 3);
        drop(second);
        assert!(budget.free() == 10 && budget.held().by_client.is_empty());
    }

    #[test]
    fn large_bodies_of_one_client_leave_room_for_others_and_for_small_ones() {
        let budget = Budget::new(16 * MEBIBYTE);
        let mut large: [Share; 20] = shares(&budget, Who::User(1));
        let held = large.iter_mut().filter_map(|share| share.grow_to(MEBIBYTE).ok()).count();
        assert_eq!(held, 8, "half of all");
        let [mut other] = shares(&budget, Who::User(2));
        assert_eq!(other.grow_to(4 * MEBIBYTE), Ok(()), "half of what is left");
        let [mut small, mut too_large] = shares(&budget, Who::User(1));
        assert_eq!(small.grow_to(SMALL_BYTES_MAX), Ok(()));
        assert_eq!(too_large.grow_to(SMALL_BYTES_MAX + 1), Err(NoRoom::Now));
    }

    #[test]
    fn small_bodies_of_one_client_leave_room_for_others() {
        let budget = Budget::new(16 * MEBIBYTE);
        let mut small: [Share; 300] = shares(&budget, Who::User(1));
        let held = small.iter_mut().filter_map(|share| share.grow_to(SMALL_BYTES_MAX).ok());
        assert_eq!(held.count() * SMALL_BYTES_MAX, 12 * MEBIBYTE, "three quarters of all");
        let [mut other] = shares(&budget, Who::User(2));
        assert_eq!(other.grow_to(2 * MEBIBYTE), Ok(()));
    }

    #[test]
    fn what_one_client_can_never_have_is_said() {
        let budget = Budget::new(MEBIBYTE);
        let [mut share] = shares(&budget, Who::Unnamed);
        assert_eq!(share.grow_to(MEBIBYTE / 2 + 1), Err(NoRoom::Ever));
        assert_eq!(share.grow_to(usize::MAX), Err(NoRoom::Ever));
        assert_eq!((share.grow_to(MEBIBYTE / 2), budget.free()), (Ok(()), MEBIBYTE / 2));
    }
}
