//! What is forbidden and what is forced: pure decisions about the effects of a request.
//!
//! Knows nothing of HTTP, JSON, files or clocks. The engine says what a request would bring about
//! ([`effects`]), [`judge`] compares it with the rules, [`ceilings`] says what is forced on what
//! passed.

pub mod ceilings;
pub mod effects;
pub mod types;
mod environment;
mod images;
mod mounts;
mod ports;
mod privileged;
mod security;
mod users;
