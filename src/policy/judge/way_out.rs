//! The ways past SecDocker: sockets of the daemon itself and of what it runs containers with.
//!
//! Anyone who can mount one of them is past every rule at once, so under any restriction a mount of them,
//! of what they lie in, and of directories that hold them is refused, by whichever path: unless
//! `mounts: allow` names the socket itself.

use crate::policy::effects::AnyPath;
use crate::policy::facts::Facts;
use crate::policy::judge::any_path;
use crate::policy::judge::existing::about_paths;
use crate::policy::rule_set::Policy;
use crate::policy::rules::allowed::AllowedMount;
use crate::policy::types::HostPath;
use crate::policy::violations::Findings;

/// Where daemons have their sockets by default, and the folders in which they keep those of the
/// containers that run (`/run/containerd/s`). `*` is any one name.
const USUAL: [&str; 11] = [
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/docker",
    "/run/containerd",
    "/run/podman",
    "/run/crio",
    "/run/buildkit",
    "/run/k3s/containerd",
    "/run/user/*/docker.sock",
    "/run/user/*/docker",
    "/run/user/*/podman",
];

/// What a message names as the rule.
pub(in crate::policy) const RULE: &str = "daemon socket";

/// Paths past SecDocker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayOut(Vec<HostPath>);

impl Default for WayOut {
    fn default() -> Self {
        Self(USUAL.iter().filter_map(|path| HostPath::parse(path).ok()).collect())
    }
}

impl WayOut {
    /// The usual ones, and the socket of the daemon that requests are forwarded to.
    #[must_use]
    pub fn with(socket: HostPath) -> Self {
        let Self(mut paths) = Self::default();
        if !paths.contains(&socket) {
            paths.insert(0, socket);
        }
        Self(paths)
    }

    /// The sockets, which may be links.
    pub(in crate::policy) fn sockets(&self) -> impl Iterator<Item = &HostPath> {
        let is_socket = |path: &str| path.ends_with(".sock") && !path.contains('*');
        self.0
            .iter()
            .enumerate()
            .filter(move |(at, path)| *at == 0 || is_socket(path.as_str()))
            .map(|(_, path)| path)
    }

    /// Those of `paths` that are ways out themselves, as they are written.
    pub fn named_in<'a>(&'a self, paths: &'a [AllowedMount]) -> impl Iterator<Item = &'a HostPath> {
        let named = paths.iter().filter(|entry| !entry.is_with_all_below());
        named.map(AllowedMount::path).filter(|path| self.0.contains(path))
    }

    fn check(&self, path: &HostPath, allowed: &[AllowedMount], facts: &Facts) -> Option<&HostPath> {
        let real = facts.link(path).into_iter();
        let led_to = std::iter::once(path).chain(real).chain(facts.aliases(path));
        let mut guarded = self.0.iter().filter(|socket| !is_allowed(socket, allowed, facts));
        guarded.find(|socket| led_to.clone().any(|mounted| exposes(mounted, socket, facts)))
    }
}

/// The rule, where it is the only one about mounts: those about paths are broken by all that could
/// break it.
pub(in crate::policy) fn as_only_rule(policy: &Policy) -> Option<&'static str> {
    let is_only = about_paths(policy).next().is_none() && policy.restricts();
    is_only.then_some(RULE)
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
        found.add_because(what, reason, RULE);
    } else if let (None, Some(rule)) = (facts.link(path), as_only_rule(policy)) {
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
    if let (true, Some(rule)) = (leads_out, as_only_rule(policy)) {
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
