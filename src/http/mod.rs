//! HTTP/1.1 as RFC 9110 and 9112 say, strictly; knows nothing of Docker and of sockets.

pub mod chunk;
pub mod framing;
pub mod head;
pub mod message;
pub mod target;
