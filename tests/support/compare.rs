//! The same thing done straight at the engine and through SecDocker.

use super::{Daemon, SecDocker, Way};
use std::fmt::Debug;

/// Rules that forbid nothing that ordinary sessions do, so that bodies are read and written anew, and
/// that nothing is said that nobody has decided about.
pub(crate) const POLICY: &str = "\
strict: true
restrictions:
  ports: [22, 25]
  mounts: [/root]
  environment: [FORBIDDEN]
  securitypolicies: [seccomp=unconfined]
  images: ['ubuntu:16.04']
  privileged: true
";

/// Does it straight at the shared engine, then through SecDocker; both must give the same.
#[track_caller]
pub(crate) fn both<T: PartialEq + Debug>(act: impl Fn(&dyn Way) -> T) -> T {
    both_under(POLICY, act)
}

/// The same with other rules than [`POLICY`].
#[track_caller]
pub(crate) fn both_under<T: PartialEq + Debug>(rules: &str, act: impl Fn(&dyn Way) -> T) -> T {
    let (straight, through) = ways(rules, act);
    assert_eq!(through, straight, "through SecDocker (left) and straight (right)");
    through
}

/// What came of it straight, then through SecDocker.
#[track_caller]
pub(crate) fn both_ways<T>(act: impl Fn(&dyn Way) -> T) -> (T, T) {
    ways(POLICY, act)
}

fn ways<T>(rules: &str, act: impl Fn(&dyn Way) -> T) -> (T, T) {
    let straight = act(Daemon::shared());
    let secdocker = SecDocker::before(Daemon::shared(), rules);
    let through = act(&secdocker);
    (straight, through)
}

/// The text with every identifier, 12 or more hexadecimal digits, written `<id>`.
pub(crate) fn without_ids(text: &str) -> String {
    let mut result = String::new();
    let mut run = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_hexdigit() {
            run.push(c);
            continue;
        }
        result.push_str(if run.len() >= 12 { "<id>" } else { &run });
        run.clear();
        result.push(c);
    }
    result.pop();
    result
}
