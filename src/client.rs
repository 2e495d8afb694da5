//! Who a client is, as far as its connection tells: values without I/O.
//!
//! What a client *says* (headers, names, bodies) is never part of this.

mod certificate;

pub use certificate::{ClientCertificate, Fingerprint};
