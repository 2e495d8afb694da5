//! Which paths are ways past SecDocker.

use std::fmt::{self, Write};

use crate::policy::rules::allowed::{AllowedMount, AllowedMounts};
use crate::policy::shown::Configured;
use crate::policy::types::HostPath;

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

/// Paths past SecDocker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayOut(pub(in crate::policy) Vec<HostPath>);

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

    /// Which sockets are held, and which a list lets be mounted, in words.
    pub(in crate::policy) fn describe(
        &self,
        allowed: &AllowedMounts,
        out: &mut String,
    ) -> fmt::Result {
        for path in self.named_in(allowed.list().unwrap_or_default()) {
            let path = Configured(path.as_str());
            writeln!(
                out,
                "Warning: {path} may be mounted, and anyone who has it is past every rule."
            )?;
        }
        writeln!(
            out,
            "The daemon's own sockets, and what holds them, may not be mounted otherwise."
        )
    }

    /// Those of `paths` that are ways out themselves, as they are written.
    fn named_in<'a>(&'a self, paths: &'a [AllowedMount]) -> impl Iterator<Item = &'a HostPath> {
        let named = paths.iter().filter(|entry| !entry.is_with_all_below());
        named.map(AllowedMount::path).filter(|path| self.0.contains(path))
    }
}
