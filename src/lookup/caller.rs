//! The control groups of whoever has connected (cgroups(7)), by its process or by its socket.
//!
//! A number of a process is used again when its process has ended. Where the kernel gives a handle of the
//! process (Linux 6.5), what was read counts only if that process still runs afterwards; elsewhere the user
//! must be the same.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::client::{Learned, User};

/// The most control groups that are looked at to find one by its number.
const GROUPS_MAX: usize = 65_536;

/// The most that is read of one file, in bytes.
const FILE_BYTES_MAX: usize = 64 * 1024;

/// Who has connected, as the kernel tells at once.
#[derive(Debug)]
pub enum Caller {
    /// By a Unix socket.
    Process {
        /// The user that it had when it connected.
        user: User,
        /// Its number; none in another namespace, or if it is known to have ended.
        pid: Option<u32>,
        /// The process itself, where the kernel gives it.
        handle: Option<OwnedFd>,
    },
    /// By TCP, from this host.
    Socket {
        /// The user that has made the socket.
        user: User,
        /// By which `/proc/PID/fd` shows it.
        inode: u32,
        /// The control group of the second version in which it was made.
        control_group: Option<u64>,
    },
}

impl Caller {
    /// The user.
    #[must_use]
    pub fn user(&self) -> User {
        match self {
            Self::Process { user, .. } | Self::Socket { user, .. } => *user,
        }
    }

    /// The paths of the control groups that it is in, one for each hierarchy. Blocks.
    #[must_use]
    pub fn control_groups(&self) -> Learned<Vec<String>> {
        let found = match self {
            Self::Process { pid: None, .. } => {
                Err("its process has ended, or is in another namespace")
            }
            Self::Process { user, pid: Some(pid), handle } => {
                of_process(*pid, *user, handle.as_ref())
            }
            Self::Socket { inode, control_group, .. } => match control_group.and_then(by_number) {
                Some(path) => Ok(vec![path]),
                None => of_owners(*inode),
            },
        };
        match found {
            Ok(paths) => Learned::Known(paths),
            Err(reason) => Learned::unknown(reason),
        }
    }
}

fn of_process(pid: u32, user: User, handle: Option<&OwnedFd>) -> Result<Vec<String>, &'static str> {
    let process = Path::new("/proc").join(pid.to_string());
    let paths = groups_of(&process)?;
    let is_the_same = match handle {
        Some(handle) => runs(handle),
        None => fs::metadata(&process).is_ok_and(|owner| owner.uid() == user.uid),
    };
    if is_the_same { Ok(paths) } else { Err("its process has ended") }
}

/// Whether a process has not ended (pidfd_open(2)).
fn runs(handle: &OwnedFd) -> bool {
    let mut one = [PollFd::new(handle, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut one, Some(&at_once)), Ok(0))
}

pub(super) fn groups_of(process: &Path) -> Result<Vec<String>, &'static str> {
    let text = read(&process.join("cgroup")).ok_or("its process cannot be seen")?;
    parse(&text).ok_or("its control group is not below that of SecDocker's namespace")
}

/// The paths in `/proc/PID/cgroup` but for the root's, each once; `None` if one is outside of what this
/// namespace of control groups shows.
fn parse(text: &str) -> Option<Vec<String>> {
    let mut paths = Vec::new();
    for line in text.lines() {
        let path = line.splitn(3, ':').nth(2)?;
        if path.starts_with("/..") {
            return None;
        }
        if path != "/" && !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
    }
    Some(paths)
}

/// The path of the control group with this number: that of its directory.
fn by_number(number: u64) -> Option<String> {
    let root = unified()?;
    let mut left = GROUPS_MAX;
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).ok()?.flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            if entry.ino() == number {
                let path = entry.path();
                let path = path.strip_prefix(&root).ok()?.to_str()?;
                return Some(format!("/{path}"));
            }
            left = left.checked_sub(1)?;
            folders.push(entry.path());
        }
    }
    None
}

/// Where the hierarchy of the second version is mounted whole (proc(5), `mountinfo`).
fn unified() -> Option<PathBuf> {
    let text = fs::read_to_string("/proc/self/mountinfo").ok()?;
    text.lines().find_map(|line| {
        let (before, behind) = line.split_once(" - ")?;
        let mut fields = before.split(' ').skip(3);
        let (root, at) = (fields.next()?, fields.next()?);
        (root == "/" && behind.starts_with("cgroup2 ")).then(|| PathBuf::from(at))
    })
}

/// The control groups of all processes that have a socket, if they are in the same ones.
fn of_owners(inode: u32) -> Result<Vec<String>, &'static str> {
    let name = format!("socket:[{inode}]");
    let has_it = |process: &Path| {
        let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        open.into_iter().any(|entry| {
            fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == name.as_str())
        })
    };
    let mut found: Option<Vec<String>> = None;
    let processes = fs::read_dir("/proc").map_err(|_| "processes cannot be seen")?;
    for entry in processes.flatten() {
        let process = entry.path();
        let is_process = entry.file_name().to_str().is_some_and(is_number);
        if !is_process || !has_it(&process) {
            continue;
        }
        let paths = groups_of(&process)?;
        // What was read is of whoever has the socket still.
        if !has_it(&process) {
            continue;
        }
        match &found {
            Some(known) if *known != paths => {
                return Err("processes of several control groups have its socket");
            }
            _ => found = Some(paths),
        }
    }
    found.ok_or("no process that can be seen has its socket")
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn read(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    (text.len() <= FILE_BYTES_MAX).then_some(text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn paths_are_those_of_all_hierarchies() {
        for (text, expected) in [
            ("0::/system.slice/a.service\n", Some(&["/system.slice/a.service"][..])),
            ("9:name=systemd:/a\n3:cpu,cpuacct:/a\n2:pids:/b\n0::/\n", Some(&["/a", "/b"])),
            ("0::/a:b:c\n", Some(&["/a:b:c"])),
            ("0::/\n", Some(&[])),
            ("0::/../a\n", None),
            ("odd\n", None),
        ] {
            let expected = expected.map(|paths| paths.iter().map(ToString::to_string).collect());
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_process_that_has_ended_has_no_control_group() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        let handle =
            rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap();
        let uid = fs::metadata(format!("/proc/{}", child.id())).unwrap().uid();
        let user = User { uid, gid: None };
        let groups = || of_process(child.id(), user, Some(&handle));
        assert_eq!(groups(), groups_of(Path::new("/proc/self")));
        let other = User { uid: uid + 1, gid: None };
        assert!(of_process(child.id(), other, None).is_err(), "another user's by now");
        let number = child.id();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(of_process(number, user, Some(&handle)).is_err());
        // Another process has the number by now: this one.
        let own = std::process::id();
        assert_eq!(of_process(own, user, Some(&handle)), Err("its process has ended"));
    }

    #[test]
    fn a_socket_is_found_with_its_process() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        use std::os::fd::AsRawFd;
        let link = fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap();
        let text = link.to_str().unwrap();
        let inode = text.trim_start_matches("socket:[").trim_end_matches(']').parse().unwrap();
        assert_eq!(of_owners(inode), groups_of(Path::new("/proc/self")));
        drop(listener);
        assert!(of_owners(inode).is_err());
    }
}
