//! Who a client is, as far as its connection tells, and which entry of `clients` that fits: values without
//! I/O.
//!
//! ```text
//! Identity (what was learned so far) ─► choose ─┬─► Ask(fact) ─► its source ─► Identity …
//!      entries in their order ───────────┘      ├─► Entry(number)
//!                                               └─► Rest
//! ```
//! A fact is asked for when an entry needs it and everything else in that entry fits already: a
//! configuration of networks alone asks nobody. What a client *says* (headers, names, bodies) is never
//! part of this.

mod caller;
mod certificate;
mod choice;
mod container;
mod identity;
mod limits;
mod matching;
mod pattern;
mod who;

pub use caller::{GroupMatch, UserMatch};
pub use certificate::{ClientCertificate, Fingerprint};
pub use choice::{Choice, Skipped, choose, hidden_by};
pub use container::{ContainerMatch, ImagePattern, LabelMatch};
pub use identity::{Container, Fact, Identity, Learned, User};
pub use limits::{Counted, Counters, LimitMet, Limits, Making, Share};
pub use matching::{CertificateMatch, IssuerMatch, Match};
pub use pattern::{NamePattern, PathPattern};
pub use who::{ClientId, Peer, Who};

/// The longest name of an entry, in bytes.
const NAME_BYTES_MAX: usize = 63;

/// Whether an entry can be called so: letters, digits, `.`, `_` and `-`, of which the first is a letter or
/// a digit. It stands in lines of the log, in messages and in a label.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let begins_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    begins_well && text.len() <= NAME_BYTES_MAX && text.bytes().all(is_plain)
}
