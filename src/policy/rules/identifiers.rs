//! Names that read as identifiers.
//!
//! The daemon takes a text for an identifier first, then for a name. It keeps the identifiers of what a
//! container has joined, and looks for them at every start: once their owner is gone, whatever is
//! *named* like it is found instead. So nothing is named like an identifier where anything is forbidden.

use crate::policy::rule_set::Policy;
use crate::policy::shown::Shown;
use crate::policy::violations::Findings;

/// The daemon's short identifiers have this many hexadecimal digits.
const DIGITS_MIN: usize = 12;

/// Whether a name, with or without the slash that the daemon puts before it, reads as an identifier.
pub(crate) fn is_like_identifier(name: &str) -> bool {
    let name = name.strip_prefix('/').unwrap_or(name);
    name.len() >= DIGITS_MIN && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Refuses such a name under any restriction: each is about things that could be exchanged so.
pub(in crate::policy) fn check(
    (what, name): (&str, &str),
    policy: &Policy,
    found: &mut Findings<'_>,
) {
    if let Some(rule) = policy.configured().next()
        && is_like_identifier(name)
    {
        let name = Shown(name);
        let what = format_args!(
            "{what} name {name}, which can be taken for an identifier: use a name that is not only \
             hexadecimal digits"
        );
        found.add(what, rule);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_as_an_identifier() {
        let whole = "0123456789abcdef".repeat(4);
        for name in
            ["abcdef012345", "/abcdef012345", "ABCDEF012345", "0".repeat(65).as_str(), &whole]
        {
            assert!(is_like_identifier(name), "{name}");
        }
        for name in ["", "/", "abcdef01234", "abcdef01234g", "web_abcdef012345", "//abcdef012345"] {
            assert!(!is_like_identifier(name), "{name}");
        }
    }
}
