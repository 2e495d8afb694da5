//! The Docker Engine API: which endpoint a request means, what its body would bring about, and the
//! body that is forwarded. Translates between `http` and `policy`; does no I/O.

pub mod create;
pub mod json;
pub mod routes;
pub mod schema;
