//! How much the inspected bodies of one loop may hold together.

use std::cell::Cell;
use std::rc::Rc;

/// A bound in bytes, shared by the sessions of one loop.
#[derive(Debug, Clone)]
pub struct Budget {
    free: Rc<Cell<usize>>,
}

impl Budget {
    /// A budget of `bytes`.
    pub fn new(bytes: usize) -> Self {
        Self { free: Rc::new(Cell::new(bytes)) }
    }

    /// Bytes that nobody holds.
    pub fn free(&self) -> usize {
        self.free.get()
    }
}

/// What one body holds of the budget; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Budget,
    held: usize,
}

impl Share {
    pub(super) fn none_of(budget: &Budget) -> Self {
        Self { budget: budget.clone(), held: 0 }
    }

    /// Makes the share `bytes` large if the budget has room for it.
    #[must_use]
    pub(super) fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.held);
        let Some(free) = self.budget.free.get().checked_sub(more) else { return false };
        self.budget.free.set(free);
        self.held += more;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.free.set(self.budget.free.get() + self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_goes_back_when_it_is_dropped() {
        let budget = Budget::new(10);
        let mut first = Share::none_of(&budget);
        let mut second = Share::none_of(&budget);
        assert!(first.grow_to(6) && first.grow_to(6));
        assert!(!second.grow_to(5));
        drop(first);
        assert!(second.grow_to(10));
        assert_eq!(budget.free(), 0);
    }
}
