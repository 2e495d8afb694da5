//! HTTP/1.1 as RFC 9110 and 9112 say, strictly: bytes in, values out. Knows nothing of Docker and
//! of sockets.
//!
//! Strict means: whatever another parser could read in another way is refused, not repaired.

mod body;
pub mod chunk;
pub mod framing;
pub mod head;
pub mod media_type;
pub mod message;
pub mod target;
