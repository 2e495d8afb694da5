//! What takes its time, on threads of its own: look-ups, plugins, large bodies, handshakes.

pub(in crate::proxy) mod fair_pool;
pub(in crate::proxy) mod handshakes;
pub(in crate::proxy) mod look_ups;
pub(in crate::proxy) mod pool;
pub(in crate::proxy) mod reviewing;
