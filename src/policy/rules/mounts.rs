//! Paths of the host that nobody may mount.

mod rule;

use crate::policy::effects::{Effect, MountEffect, RequestedEffect};
use crate::policy::facts::{Facts, Question, Questions};
use crate::policy::rule_set::Policy;
use crate::policy::rules::allowed::AllowedMounts;
use crate::policy::rules::shares::{Server, Share};
use crate::policy::types::HostPath;
use crate::policy::violations::Findings;
pub use rule::MountRule;

/// Shows a path to every rule about paths.
pub(in crate::policy) fn check(
    (denied, allowed): (&[MountRule], &AllowedMounts),
    path: &HostPath,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    denied.iter().for_each(|rule| rule.check(path, facts, found));
    allowed.check(path, facts, found);
}

/// Shows a path that was judged before to every rule: where it leads at this moment counts.
pub(in crate::policy) fn check_again(
    (denied, allowed): (&[MountRule], &AllowedMounts),
    path: &HostPath,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    denied.iter().for_each(|rule| rule.check_again(path, facts, found));
    allowed.check_again(path, facts, found);
}

/// The most paths of one request whose links are looked up. Those beyond stay unknown, and so are
/// refused unless a rule names them as they stand.
const LINKS_ASKED_MAX: usize = 1024;

/// The paths whose links must be known: those asked for, and the rules' own.
pub(in crate::policy) fn ask(
    policy: &Policy,
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    let Policy { mounts: rules, allowed_mounts: allowed, way_out, .. } = policy;
    if !policy.restricts() {
        return;
    }
    let mut asked: Vec<_> = effects.iter().filter_map(path_of).collect();
    asked.sort_unstable();
    asked.dedup();
    asked.truncate(LINKS_ASKED_MAX);
    if !asked.is_empty() {
        questions.extend(asked.into_iter().map(Question::real_path));
        questions.extend(rules.iter().filter_map(MountRule::path).map(Question::real_path));
        let allowed = allowed.list().unwrap_or_default();
        questions.extend(allowed.iter().map(|entry| Question::real_path(entry.path())));
        questions.extend(way_out.sockets().map(Question::real_path));
    }
}

/// The servers that may be this host.
pub(in crate::policy) fn ask_servers(
    policy: &Policy,
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    if policy.mounts.is_empty() && policy.allowed_mounts.list().is_none() {
        return;
    }
    questions.extend(effects.iter().filter_map(|asked| match &asked.effect {
        Effect::Mount(MountEffect::FileServer(Share {
            server: Server::Address(address), ..
        })) => Some(Question::address(address)),
        _ => None,
    }));
}

fn path_of(asked: &RequestedEffect) -> Option<&HostPath> {
    match &asked.effect {
        Effect::Mount(MountEffect::HostPath(path) | MountEffect::HostPathOnStart(path)) => {
            Some(path)
        }
        _ => None,
    }
}
