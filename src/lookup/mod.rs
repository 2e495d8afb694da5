//! The blocking look-ups that judging a request may need: where symbolic links lead and what is
//! mounted twice, what the host's devices and addresses are, and what the daemon knows of images, networks, volumes, containers and services.
//!
//! Run on threads of their own, never on a loop ([`at_once`] alone asks nobody). What could not be learned is left out of the facts;
//! the policy refuses what depends on it.
//!
//! ```text
//! questions ─┬─► links                               the host's file system
//!            ├─► memory ─► daemon ─► answers           images; volumes and networks, while the daemon tells of changes
//!            └──────────► daemon ─► answers, engine   all else, asked anew for each request
//! ```

mod answers;
mod at_once;
mod builder;
mod caller;
mod cdi;
mod channel;
mod containers;
mod daemon;
mod deadline;
mod events;
mod host;
mod images;
mod kept;
mod links;
mod majors;
mod memory;
mod mounts;
mod owned;
mod patient;
mod process;
mod round;
mod routes;
mod started;
mod ticks;

pub use crate::effects::existing::{Run, Running};
pub use at_once::at_once;
pub use caller::Caller;
pub use channel::Channel;
pub use containers::{Containers, Seeking};
pub use daemon::{Daemon, DaemonTls, get};
pub use events::{Told, follow};
pub(crate) use host::days_since_epoch;
pub use images::identify;
pub use memory::{Epoch, Identity, ImageCache, Memory, Presence};
pub use started::{Mounted, kill, mounted, running};
pub use ticks::Ticks;

pub use round::{look_up, look_up_while};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
