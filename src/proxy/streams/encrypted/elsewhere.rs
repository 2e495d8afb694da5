//! A handshake of which a step is taken on another thread: who asks for one, and what comes back.

use std::io;

use super::spoken::{Elsewhere, Spoken};
use super::{Encrypted, keep};
use crate::proxy::threads::handshakes::{Step, Taken};

impl Encrypted {
    /// Whether nothing can be done until a step that is taken elsewhere is over.
    pub(super) fn is_away(&self) -> bool {
        matches!(self.spoken, Spoken::Elsewhere(Elsewhere::Leaves(_) | Elsewhere::Gone { .. }))
    }

    /// Whether the next step may take a signature here.
    pub(super) fn needs_permit(&self) -> bool {
        matches!(&self.spoken, Spoken::Tls(session) if session.is_handshaking() && !session.signs_slowly())
    }

    /// Has the next step taken elsewhere.
    pub(super) fn send_away(&mut self, bytes: &[u8]) {
        let (ticket, bytes) = (self.lent.ticket(), bytes.to_vec());
        self.spoken = match std::mem::replace(&mut self.spoken, Spoken::Failed) {
            Spoken::Tls(session) => {
                Spoken::Elsewhere(Elsewhere::Leaves(Box::new(Step { ticket, session, bytes })))
            }
            other => other,
        };
    }

    /// A step that is to be taken on another thread; said once.
    pub(in crate::proxy) fn take_step(&mut self) -> Option<Step> {
        let Spoken::Elsewhere(elsewhere) = &mut self.spoken else { return None };
        let Elsewhere::Leaves(step) = elsewhere else { return None };
        let gone = Elsewhere::Gone { ticket: step.ticket };
        let Elsewhere::Leaves(step) = std::mem::replace(elsewhere, gone) else { return None };
        Some(*step)
    }

    /// Takes back what came of it. Whether it is awaited: the stream may be another by then.
    pub(in crate::proxy) fn give_back(&mut self, taken: Taken) -> bool {
        let is_awaited = matches!(
            self.spoken,
            Spoken::Elsewhere(Elsewhere::Gone { ticket }) if ticket == taken.ticket
        );
        if is_awaited {
            self.spoken = Spoken::Elsewhere(Elsewhere::Back(Box::new(taken)));
        }
        is_awaited
    }

    /// Goes on with what came back, as if the step had been taken here.
    pub(super) fn take_back(&mut self, into: &mut [u8]) -> io::Result<(usize, bool)> {
        let taken = match std::mem::replace(&mut self.spoken, Spoken::Failed) {
            Spoken::Elsewhere(Elsewhere::Back(taken)) => *taken,
            other => {
                self.spoken = other;
                return Ok((0, false));
            }
        };
        let Taken { session, plain, out, received, .. } = taken;
        self.spoken = Spoken::Tls(session);
        // Whatever came meanwhile was not read.
        self.is_drained = false;
        let filled = keep(&plain, into, 0, &mut self.plain);
        let ended = self.conclude(true, received, out.as_slice())?;
        Ok((filled, ended))
    }
}
