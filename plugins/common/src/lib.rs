//! What SecDocker's own plugins share.
//!
//! Knows nothing of any scanner or registry. Each call has a deadline, each answer a bound, and no text of
//! a client or server is put into a URL or a log line unescaped.

pub mod client;
pub mod config;
pub mod limits;
pub mod local;
pub mod scan;
mod stop;
pub mod text;
pub mod time;

pub use client::{Client, Failure, Reply};
pub use config::Secret;
pub use limits::{Finding, Limits, Severity};
pub use local::{Asked, LocalImage, Purpose};
pub use scan::Otherwise;
pub use secdocker_shared::image as reference;
pub use stop::Stop;
pub use time::{Backoff, Clock, Deadline, SystemClock};
