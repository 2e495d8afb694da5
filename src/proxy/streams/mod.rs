//! The two ends of a connection: streams, plain or with TLS, and the bytes that wait on their way.

pub(in crate::proxy) mod buffers;
pub(in crate::proxy) mod encrypted;
mod got;
pub(in crate::proxy) mod peer;
pub(in crate::proxy) mod pipes;
pub(in crate::proxy) mod stream;
