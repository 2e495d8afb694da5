//! Parameters that clients send and no engine reads: left out, and not told of.
//!
//! dockerode repeats the body in the query wherever its path ends in `?`, with what is meant for itself
//! in it. Nothing of it is forwarded, so that an engine of tomorrow can't come to read it.

use super::{Endpoint, body_of};

/// What dockerode and docker-modem take from the options of a call for themselves.
const OPTIONS: [&str; 5] = ["_query", "_body", "abortSignal", "authconfig", "registryconfig"];

/// Whether no engine reads this parameter of a request to `endpoint`, of which no table has it.
#[must_use]
pub fn is_ignored_parameter(endpoint: Endpoint, name: &str) -> bool {
    let is_field =
        || body_of(endpoint).is_some_and(|table| table.fields().iter().any(|it| it.name == name));
    // docker-py asks for it; engines have long done so unasked.
    let is_of_tag = endpoint == Endpoint::ImageTag && name == "force";
    OPTIONS.contains(&name) || is_of_tag || is_field()
}
