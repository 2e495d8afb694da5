//! The processes of containers, as this host's kernel shows them: whether a number is one, what it has
//! mounted, and which namespaces of the host it shares.
//!
//! The daemon counts processes as its own namespace does. Where SecDocker is in another one, or on
//! another machine, the number stands for another process, or for none: its control group tells.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::policy::effects::{Namespace, NamespaceKind, SharedWith};

/// The longest table that is read, in bytes.
const TABLE_BYTES_MAX: u64 = 4 << 20;

/// The process of a container: the daemon says its number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process(u32);

impl Process {
    /// The process of this number, if it runs in the control group of this container, whose name has
    /// the identifier in it.
    pub(super) fn of_container(pid: u32, id: &str) -> Option<Self> {
        let process = Self(pid);
        let groups = process.read("cgroup")?;
        (!id.is_empty() && groups.contains(id)).then_some(process)
    }

    /// All processes in the control group of a container that this one sees.
    pub(super) fn all_of_container(id: &str) -> impl Iterator<Item = Self> {
        numbers(Path::new("/proc")).filter_map(move |pid| Self::of_container(pid, id))
    }

    /// Its table of mounts (proc(5), `mountinfo`): those that are below its root.
    pub(super) fn mounts(self) -> Option<String> {
        self.read("mountinfo")
    }

    /// A file of the process, or of another thread of it: the first may have ended before the others,
    /// and has none then.
    fn read(self, name: &str) -> Option<String> {
        read(&self.file(name)).or_else(|| {
            let tasks = self.file("task");
            numbers(&tasks).find_map(|task| read(&tasks.join(task.to_string()).join(name)))
        })
    }

    /// The namespaces that it shares with the host; `None` if that can't be seen.
    pub(super) fn shares_of_host(self) -> Option<Vec<Namespace>> {
        const KINDS: [(NamespaceKind, &str); 3] = [
            (NamespaceKind::Network, "net"),
            (NamespaceKind::Pid, "pid"),
            (NamespaceKind::Ipc, "ipc"),
        ];
        let mut shared = Vec::new();
        for (kind, name) in KINDS {
            let name = format!("ns/{name}");
            let its = fs::read_link(self.file(&name)).ok()?;
            // Beside SecDocker, or where the host's first process is: either is the host.
            let of_host = ["/proc/self", "/proc/1"].map(|at| Path::new(at).join(&name));
            if of_host.iter().any(|host| fs::read_link(host).is_ok_and(|host| host == its)) {
                shared.push(Namespace { kind, with: SharedWith::Host });
            }
        }
        Some(shared)
    }

    fn file(self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.0.to_string()).join(name)
    }
}

/// The most processes, or threads of one, that are looked through.
const NUMBERS_MAX: usize = 65_536;

/// The numbers that are names in a folder.
fn numbers(folder: &Path) -> impl Iterator<Item = u32> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(NUMBERS_MAX);
    entries.filter_map(|entry| units(entry.file_name().as_encoded_bytes()))
}

fn units(digits: &[u8]) -> Option<u32> {
    let digit = |byte: &u8| char::from(*byte).to_digit(10);
    let add = |sum: u32, byte| sum.checked_mul(10)?.checked_add(digit(byte)?);
    (!digits.is_empty()).then(|| digits.iter().try_fold(0, add)).flatten()
}

/// A file of the kernel's as text; none if it is not there, may not be read, or is too long.
fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    let length = File::open(path).ok()?.take(TABLE_BYTES_MAX).read_to_string(&mut text).ok()?;
    (u64::try_from(length).ok()? < TABLE_BYTES_MAX).then_some(text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn this_process_shares_what_it_has() {
        let itself = Process(std::process::id());
        let kinds: Vec<_> =
            itself.shares_of_host().unwrap().into_iter().map(|shared| shared.kind).collect();
        assert_eq!(kinds, [NamespaceKind::Network, NamespaceKind::Pid, NamespaceKind::Ipc]);
        assert!(itself.mounts().unwrap().contains(" / "));
    }

    #[test]
    fn a_number_alone_is_no_container() {
        let pid = std::process::id();
        assert!(Process::of_container(pid, &"ab".repeat(32)).is_none());
        assert!(Process::of_container(pid, "").is_none());
        assert!(Process::of_container(u32::MAX, "a").is_none());
    }
}
