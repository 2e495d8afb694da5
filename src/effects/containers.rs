//! Containers: what their creation, change, start and use would bring about.

pub mod cdi;
pub(super) mod checkpoints;
pub(super) mod create;
pub(super) mod exec;
pub(super) mod log_driver;
pub(super) mod reach;
pub(super) mod security_options;
pub(super) mod start;
pub(super) mod update;
