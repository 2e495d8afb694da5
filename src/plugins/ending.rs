//! An end of the process that SecDocker has not decided on: a plugin called `exit`.
//!
//! The plugin would choose the status, perhaps 0, and no line would say that nobody stands before the
//! daemon any more. An end without handlers (`_exit`, a signal) can't be met here.
#![expect(unsafe_code, reason = "the standard library has no handlers of this kind")]

use std::ffi::c_int;
use std::io::{self, Write};
use std::process;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use crate::audit::{self, Notice};

/// What standard error and the log say.
const WHY: &str = "a plugin has called exit, which ends SecDocker";
/// How long such an end may be put off: a little longer than the log may take.
const PATIENCE: Duration = Duration::from_secs(6);

/// Whether an end is one that we have not decided on.
static UNDECIDED: AtomicBool = AtomicBool::new(false);
static STATUS: AtomicI32 = AtomicI32::new(0);
static PROCESS: AtomicU32 = AtomicU32::new(0);
static ALONE: Mutex<()> = Mutex::new(());

// SAFETY: these are their types in POSIX and C11, and any arguments of these types will do.
unsafe extern "C" {
    safe fn atexit(handler: extern "C" fn()) -> c_int;
    safe fn at_quick_exit(handler: extern "C" fn()) -> c_int;
    safe fn _exit(status: c_int) -> !;
}

/// Does `work`. Should the process be ended meanwhile by `exit`, it says so and ends with `status`.
pub(super) fn watched<T>(status: u8, work: impl FnOnce() -> T) -> T {
    STATUS.store(c_int::from(status), Ordering::SeqCst);
    PROCESS.store(process::id(), Ordering::SeqCst);
    // Without room for a handler it ends as the plugin likes.
    let _ = (atexit(at_exit), at_quick_exit(at_exit));
    let _over = Over;
    UNDECIDED.store(true, Ordering::SeqCst);
    work()
}

/// Marks, with its end, the end of what is watched, a panic's too.
struct Over;

impl Drop for Over {
    fn drop(&mut self) {
        UNDECIDED.store(false, Ordering::SeqCst);
    }
}

extern "C" fn at_exit() {
    // A child that a plugin has forked ends as it likes.
    let is_ours = process::id() == PROCESS.load(Ordering::SeqCst);
    if !is_ours || !UNDECIDED.load(Ordering::SeqCst) {
        return;
    }
    // Never given back: another thread that calls `exit` now waits for the end.
    let _alone = ALONE.lock();
    // By a thread of its own: this one's variables, with the log's lines, may be gone already, and it may
    // hold a lock for ever.
    let (told, telling) = mpsc::channel();
    let tell = move || {
        drop(writeln!(io::stderr(), "secdocker: {WHY}"));
        audit::announce(&Notice::Trouble { reason: &WHY });
        audit::finish();
        // Received below.
        let _ = told.send(());
    };
    if thread::Builder::new().name("secdocker-end".into()).spawn(tell).is_ok() {
        // Told or not, it is over.
        let _ = telling.recv_timeout(PATIENCE);
    }
    _exit(STATUS.load(Ordering::SeqCst));
}
