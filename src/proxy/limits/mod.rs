//! How many connections there may be, and which are closed so that others have room.

pub(in crate::proxy) mod connection_limits;
pub(in crate::proxy) mod room;
