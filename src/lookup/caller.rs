//! The control groups of a client (cgroups(7)), by its process or by its socket.
//!
//! A number of a process is used again when its process has ended. Where the kernel gives a handle of the
//! process (Linux 6.5), what was read counts only if that process still runs afterwards; elsewhere the user
//! must be the same, and the process one that had begun when the connection came, before and after.
//!
//! On hosts with several hierarchies of control groups those count in which nobody but root, or a manager of
//! root's, puts processes where they like: systemd's own, and that of the second version.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::ticks::Ticks;
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

    /// The paths of the control groups that it is in, one for each hierarchy that counts. Blocks.
    /// `arrived` is a moment by which it had connected.
    #[must_use]
    pub fn control_groups(&self, arrived: Ticks) -> Learned<Vec<String>> {
        let found = match self {
            Self::Process { pid: None, .. } => {
                Err("its process has ended, or is in another namespace")
            }
            Self::Process { user, pid: Some(pid), handle } => {
                of_process(*pid, *user, handle.as_ref(), arrived)
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

fn of_process(
    pid: u32,
    user: User,
    handle: Option<&OwnedFd>,
    arrived: Ticks,
) -> Result<Vec<String>, &'static str> {
    let process = Path::new("/proc").join(pid.to_string());
    let began = Ticks::of_process(&process);
    let paths = groups_of(&process)?;
    let is_the_same = match handle {
        Some(handle) => runs(handle),
        None => {
            let is_its = fs::metadata(&process).is_ok_and(|owner| owner.uid() == user.uid);
            let was_there = began.is_some_and(|began| began <= arrived);
            is_its && was_there && Ticks::of_process(&process) == began
        }
    };
    if is_the_same { Ok(paths) } else { Err("its process has ended") }
}

/// Whether a process has not ended (pidfd_open(2)).
pub(super) fn runs(handle: &OwnedFd) -> bool {
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
///
/// A hierarchy of one controller (version 1) may be given to users, who then put any process of theirs anywhere
/// in it. Where the process is in a group of systemd's hierarchy (`name=systemd`) or of the second version,
/// these alone count.
fn parse(text: &str) -> Option<Vec<String>> {
    let (mut kept, mut others) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let mut fields = line.splitn(3, ':');
        let (_, hierarchy, path) = (fields.next()?, fields.next()?, fields.next()?);
        if path.starts_with("/..") {
            return None;
        }
        let paths = if matches!(hierarchy, "" | "name=systemd") { &mut kept } else { &mut others };
        if path != "/" && !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
    }
    Some(if kept.is_empty() { others } else { kept })
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
        // What was read is about the process that still has the socket.
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
            ("3:cpu,cpuacct:/a\n2:pids:/b\n0::/\n", Some(&["/a", "/b"])),
            ("9:name=systemd:/\n2:pids:/docker/x\n0::/\n", Some(&["/docker/x"])),
            ("9:name=systemd:/a\n0::/b\n1:pids:/c\n", Some(&["/a", "/b"])),
            // A user may enter any group of a hierarchy that is the user's own.
            (
                "9:name=systemd:/user.slice/u\n2:pids:/system.slice/ci.service\n0::/\n",
                Some(&["/user.slice/u"]),
            ),
            ("2:pids:/system.slice/ci.service\n0::/user.slice/u\n", Some(&["/user.slice/u"])),
            ("2:name=systemd2:/a\n0::/b\n", Some(&["/b"])),
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
        let now = Ticks::now();
        let groups = || of_process(child.id(), user, Some(&handle), now);
        assert_eq!(groups(), groups_of(Path::new("/proc/self")));
        let other = User { uid: uid + 1, gid: None };
        assert!(of_process(child.id(), other, None, now).is_err(), "another user's by now");
        let number = child.id();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(of_process(number, user, Some(&handle), now).is_err());
        // Another process has the number meanwhile: this one.
        let own = std::process::id();
        assert_eq!(of_process(own, user, Some(&handle), now), Err("its process has ended"));
    }

    /// Before Linux 6.5 there is no handle, and a user's next process may get the number.
    #[test]
    fn a_process_that_began_after_the_connection_is_not_its_caller() {
        let arrived = Ticks::now();
        let uid = fs::metadata("/proc/self").unwrap().uid();
        let user = User { uid, gid: None };
        let own = std::process::id();
        assert_eq!(of_process(own, user, None, arrived), groups_of(Path::new("/proc/self")));
        let mut later = loop {
            let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
            let process = Path::new("/proc").join(child.id().to_string());
            if Ticks::of_process(&process).unwrap() > arrived {
                break child;
            }
            child.kill().unwrap();
            child.wait().unwrap();
        };
        let of = |arrived| of_process(later.id(), user, None, arrived);
        assert_eq!(of(arrived), Err("its process has ended"));
        assert!(of(Ticks::now()).is_ok(), "of a connection that came later");
        later.kill().unwrap();
        later.wait().unwrap();
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
