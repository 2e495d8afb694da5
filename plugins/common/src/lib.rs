//! What SecDocker's own plugins share.
//!
//! Knows nothing of any scanner or registry. Each call has a deadline, each answer a bound, and no text of
//! a client or server is put into a URL or a log line unescaped.

pub mod client;
pub mod config;
pub mod limits;
pub mod local;
#[path = "../../../src/image.rs"]
pub mod reference;
pub mod scan;
pub mod text;
pub mod time;
#[path = "../../../src/plugins/trust.rs"]
mod trust;

pub use client::{Client, Failure, Reply};
pub use config::Secret;
pub use limits::{Finding, Limits, Severity};
pub use local::{Asked, LocalImage, Purpose};
pub use scan::{Otherwise, Stop};
pub use time::{Backoff, Clock, Deadline, SystemClock};
