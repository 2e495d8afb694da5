//! Who a client is, as far as its entry of `clients` must know, and which rules follow from that.

pub(in crate::proxy) mod callers;
pub(in crate::proxy) mod identification;
pub(in crate::proxy) mod identities;
pub(in crate::proxy) mod list;
pub(in crate::proxy) mod sock_diag;
