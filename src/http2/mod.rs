//! HTTP/2 as RFC 9113 and 7541 say, as far as gRPC uses it: bytes in, values out. Knows nothing of Docker
//! and of sockets.
//!
//! Header fields are written as literals that leave no trace in the peer's table (RFC 7541 §6.2.2), so that
//! what is written here never depends on what was written before.

pub mod answers;
mod blocks;
pub mod frame;
pub mod grpc;
pub mod hpack;
mod huffman;
pub mod literal;
pub mod mediator;
pub mod refuser;
mod settings;
