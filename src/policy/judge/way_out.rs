//! The ways past SecDocker: sockets of the daemon itself and of what it runs containers with.
//!
//! Anyone who can mount one of them is past every rule at once, so under any restriction a mount of them,
//! of what they lie in, and of directories that hold them is refused, by whichever path: unless
//! `mounts: allow` names the socket itself.

mod paths;

use crate::policy::effects::AnyPath;
use crate::policy::facts::Facts;
use crate::policy::judge::about::{DAEMON_SOCKET, way_out_alone};
use crate::policy::judge::any_path;
use crate::policy::rule_set::Policy;
use crate::policy::rules::allowed::AllowedMount;
use crate::policy::types::HostPath;
use crate::policy::violations::Findings;
pub use paths::WayOut;

impl WayOut {
    fn check(&self, path: &HostPath, allowed: &[AllowedMount], facts: &Facts) -> Option<&HostPath> {
        let real = facts.link(path).into_iter();
        let led_to = std::iter::once(path).chain(real).chain(facts.aliases(path));
        let mut guarded = self.0.iter().filter(|socket| !is_allowed(socket, allowed, facts));
        guarded.find(|socket| led_to.clone().any(|mounted| exposes(mounted, socket, facts)))
    }
}

/// Judges a mount.
pub(in crate::policy) fn check(
    policy: &Policy,
    path: &HostPath,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    let Policy { allowed_mounts, way_out, .. } = policy;
    if !policy.restricts() {
        return;
    }
    let allowed = allowed_mounts.list().unwrap_or_default();
    let what = format_args!("mount of {path}");
    if let Some(socket) = way_out.check(path, allowed, facts) {
        let reason = format_args!(
            "which leads past SecDocker by {socket}, unless mounts.allow names that itself"
        );
        found.add_because(what, reason, DAEMON_SOCKET);
    } else if let (None, Some(rule)) = (facts.link(path), way_out_alone(policy)) {
        found.add_because(what, "whose links are not known", rule);
    }
}

/// Judges what may be any path. The roots of the host's processes are not entered without more, and a
/// socket that the daemon itself opens, or a share, hands on no socket.
pub(in crate::policy) fn check_any(policy: &Policy, any: &AnyPath, found: &mut Findings<'_>) {
    let leads_out = match any {
        AnyPath::HostProcesses | AnyPath::NoServer(_) | AnyPath::Socket(_) => false,
        AnyPath::VolumeDriver(_)
        | AnyPath::ClusterVolume
        | AnyPath::Devices(_)
        | AnyPath::Cdi(_)
        | AnyPath::Relative(_)
        | AnyPath::FileSystem(_)
        | AnyPath::Option(_)
        | AnyPath::Template(_) => true,
    };
    if let (true, Some(rule)) = (leads_out, way_out_alone(policy)) {
        any_path::add(any, rule, found);
    }
}

/// Judges what a path leads to at this moment. What is a way out as it is written was mounted beside SecDocker.
pub(in crate::policy) fn check_again(
    policy: &Policy,
    path: &HostPath,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    let WayOut(paths) = &policy.way_out;
    if !paths.iter().any(|socket| exposes(path, socket, facts)) {
        check(policy, path, facts, found);
    }
}

/// Whether an entry is this socket, as it is written or where it leads.
fn is_allowed(socket: &HostPath, allowed: &[AllowedMount], facts: &Facts) -> bool {
    let real = |path| facts.link(path).unwrap_or(path);
    let named = allowed.iter().filter(|entry| !entry.is_with_all_below()).map(AllowedMount::path);
    named.into_iter().any(|entry| entry == socket || real(entry) == real(socket))
}

fn exposes(mounted: &HostPath, socket: &HostPath, facts: &Facts) -> bool {
    around(mounted, socket) || facts.link(socket).is_some_and(|real| around(mounted, real))
}

/// Whether one is the other or lies in it; `*` in `pattern` is any one name.
fn around(path: &HostPath, pattern: &HostPath) -> bool {
    let steps = |path: &HostPath| {
        path.as_str().split('/').filter(|step| !step.is_empty()).map(str::to_owned).collect()
    };
    let (path, pattern): (Vec<String>, Vec<String>) = (steps(path), steps(pattern));
    path.iter().zip(&pattern).all(|(step, meant)| meant == "*" || step == meant)
}

#[cfg(test)]
mod tests;
