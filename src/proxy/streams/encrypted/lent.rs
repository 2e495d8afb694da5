//! What the loop lends to streams: buffers, and permits for steps of handshakes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::tls::Outgoing;

/// What the loop lends to streams while they are driven.
#[derive(Debug, Clone, Default)]
pub(in crate::proxy) struct Lent(pub(super) Rc<Buffers>);

#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) incoming: RefCell<Vec<u8>>,
    pub(super) outgoing: RefCell<Outgoing>,
    pub(super) permits: Cell<usize>,
    pub(super) tickets: Cell<u64>,
}

impl Lent {
    /// Allows so many steps of handshakes.
    pub(in crate::proxy) fn permit(&self, steps: usize) {
        self.0.permits.set(steps);
    }

    /// How many steps are allowed still.
    pub(in crate::proxy) fn permits(&self) -> usize {
        self.0.permits.get()
    }

    pub(super) fn ticket(&self) -> u64 {
        self.0.tickets.set(self.0.tickets.get() + 1);
        self.0.tickets.get()
    }

    pub(super) fn take_permit(&self) -> bool {
        let permits = self.0.permits.get();
        self.0.permits.set(permits.saturating_sub(1));
        permits > 0
    }
}
