//! The swarm: its services, secrets and settings; and plugins, which run beside it.

pub(super) mod plugins;
pub(super) mod services;
pub(super) mod swarm;
