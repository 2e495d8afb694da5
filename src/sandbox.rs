//! The rights that SecDocker gives up when it has what it needs, before its first thread begins: all that
//! are begun later have no more.
//!
//! ```text
//! sockets bound, launcher begun ─► privileges (user, groups, capabilities) ─► files (Landlock) ─► calls (seccomp) ─► threads
//! ```
//!
//! Knows nothing of configurations: a [`Plan`] says what is kept. What the kernel does not have is told, and the rest
//! is given up all the same; that a user cannot be become is an error.

#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), path = "sandbox/no_calls.rs")]
mod calls;
mod files;
mod plan;
mod privileges;

use std::fmt;
use std::io;

pub use plan::{Plan, Unused, What, Written};
pub use privileges::Capability;

/// Gives up what the plan does not keep; answers what could not be given up, and why.
///
/// # Errors
/// What the kernel says if the process cannot become the user.
pub fn give_up(plan: &Plan) -> io::Result<Vec<String>> {
    let mut missing = Vec::new();
    let Plan { account, capabilities, written, calls } = plan;
    if account.is_some() || capabilities.is_some() || written.is_some() || calls.is_some() {
        note(&mut missing, "no_new_privs", rustix::thread::set_no_new_privs(true));
    }
    let keep = capabilities.as_deref();
    if let Some(account) = account {
        privileges::become_user(account)?;
    }
    if let Some(keep) = keep {
        note(&mut missing, "capabilities", privileges::keep(keep));
    }
    if let Some(written) = written {
        missing.extend(files::restrict(written));
    }
    if let Some(unused) = calls {
        note(&mut missing, "seccomp", calls::restrict(*unused));
    }
    Ok(missing)
}

fn note<E: fmt::Display>(missing: &mut Vec<String>, what: &str, outcome: Result<(), E>) {
    if let Err(error) = outcome {
        missing.push(format!("{what} ({error})"));
    }
}
