//! The blocking look-ups that judging a request may need: where symbolic links lead and what is
//! mounted twice, what the host's devices and addresses are, and what the daemon knows of images, networks, volumes, containers and services.
//!
//! Run on threads of their own, never on a loop ([`cached`] alone asks nobody). What could not be learned is left out of the facts;
//! the policy refuses what depends on it.
//!
//! ```text
//! questions ─┬─► links                               the host's file system
//!            ├─► cache ─► daemon ─► answers           images
//!            └──────────► daemon ─► answers, engine   all else, asked anew for each request
//! ```

mod answers;
mod builder;
mod cache;
mod caller;
mod cdi;
mod channel;
mod containers;
mod daemon;
mod deadline;
mod events;
mod host;
mod identity;
mod images;
mod kept;
mod links;
mod majors;
mod mounts;
mod owned;
mod patient;
mod process;
mod round;
mod routes;
mod started;
mod ticks;

pub use crate::effects::existing::{Run, Running};
pub use cache::{Epoch, ImageCache};
pub use caller::Caller;
pub use channel::Channel;
pub use containers::{Containers, Seeking};
pub use daemon::{Daemon, DaemonTls, get};
pub use events::{Told, follow};
pub(crate) use host::days_since_epoch;
pub use identity::{Identity, Presence};
pub use images::identify;
pub use started::{Mounted, kill, mounted, running};
pub use ticks::Ticks;

pub use round::{cached, look_up, look_up_while};

#[cfg(test)]
mod tests;
