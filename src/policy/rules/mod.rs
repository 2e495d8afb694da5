//! The rules, by what they are about: what each is made of, and what it says to the effects that it is for.

pub mod allowed;
pub(super) mod annotations;
pub mod build_steps;
pub mod builds;
pub mod capabilities;
pub mod devices;
pub mod environment;
pub mod groups;
pub(crate) mod identifiers;
pub mod images;
pub mod majors;
pub mod mounts;
pub mod names;
pub mod namespaces;
pub(super) mod networks;
pub mod ports;
pub mod principals;
pub mod privileged;
pub(super) mod runtimes;
pub mod security;
pub mod shares;
pub mod strict;
pub mod subnets;
pub mod unrouted;
pub mod users;
