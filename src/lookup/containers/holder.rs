//! The first process of a container: for as long as it runs, its network and its addresses are the container's.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::lookup::caller::runs;
use crate::lookup::process::Process;
use crate::lookup::ticks::Ticks;

/// A process, whatever comes to have its number.
#[derive(Debug)]
pub(super) struct Holder {
    handle: OwnedFd,
    began: Ticks,
}

impl Holder {
    /// The process of this number, if it is the container's. None if it has ended, or is in another namespace.
    pub(super) fn of(pid: u32, id: &str) -> Option<Self> {
        let number = Pid::from_raw(i32::try_from(pid).ok()?)?;
        let handle = pidfd_open(number, PidfdFlags::empty()).ok()?;
        Process::of_container(pid, id)?;
        let began = Ticks::of_process(&Path::new("/proc").join(pid.to_string()))?;
        // What was read is of the process that is held, as its number was not free meanwhile.
        runs(&handle).then_some(Self { handle, began })
    }

    pub(super) fn runs(&self) -> bool {
        runs(&self.handle)
    }

    /// Whether it was there at a moment, and is still.
    pub(super) fn was_there(&self, then: Ticks) -> bool {
        self.began <= then && self.runs()
    }
}
