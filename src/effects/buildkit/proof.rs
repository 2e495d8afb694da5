//! The build by which a daemon proves that it heeds source policies.

use super::proto::{write_bytes, write_number};
use super::source_policy;

/// An image that nobody can have, as `Op` of instructions: `source { identifier }`.
const OP: &[u8] = b"\x1a*\n(docker-image://secdocker.invalid/probe:1";

/// By which other instructions name it: the SHA-256 of its bytes.
const OP_DIGEST: &str = "sha256:c6da75616077075f348bfd2418210673d2768707dfb51e3a8cde889dd69ea962";

/// What BuildKit says of a source that a policy denies.
const DENIED: &[u8] = b"denied by policy";

/// A `SolveRequest` for that image, under a policy that denies it. It has no session and no exporter, and is
/// kept out of the history of builds. No build that is under way may have the same number.
#[must_use]
pub fn request(number: u64) -> Vec<u8> {
    let (mut input, mut last, mut definition) = (Vec::new(), Vec::new(), Vec::new());
    write_bytes(&mut input, 1, OP_DIGEST.as_bytes());
    write_bytes(&mut last, 1, &input);
    write_bytes(&mut definition, 1, OP);
    write_bytes(&mut definition, 1, &last);
    let name = format!("secdocker-{number:016x}");
    let policy = source_policy::deny(&["^docker-image://secdocker\\.invalid/"]);
    let mut message = Vec::new();
    write_bytes(&mut message, 1, name.as_bytes());
    write_bytes(&mut message, 2, &definition);
    write_number(&mut message, 11, 1);
    write_bytes(&mut message, 12, &policy);
    message
}

/// Whether the message of a status says that the policy was heeded.
#[must_use]
pub fn is_denied(message: &[u8]) -> bool {
    message.windows(DENIED.len()).any(|text| text == DENIED)
}
