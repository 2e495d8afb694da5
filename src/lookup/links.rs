//! Where symbolic links lead, as far as this host's file system can tell.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2, readlink};
use rustix::io::Errno;

use super::mounts::Mounts;
use crate::policy::types::HostPath;

/// The most links that the kernel follows in one path (`ELOOP`, path_resolution(7)).
const LINKS_MAX: usize = 40;

/// Where a path leads once the symbolic links in it are followed. What does not exist has no links:
/// the daemon would create it below the part that does. None if it can't be told: a link in the
/// folder of a process (`/proc/1/root`, `/proc/self/cwd`, `/dev/fd/3`) leads where its text doesn't
/// say, and the daemon's own `self` is not ours.
pub(super) fn resolve(path: &HostPath) -> Option<HostPath> {
    let mut left: VecDeque<OsString> = names(Path::new(path.as_str()));
    let mut real = PathBuf::from("/");
    let mut links = 0;
    // What is not there; nothing is below it.
    let mut missing: Option<PathBuf> = None;
    while let Some(name) = left.pop_front() {
        if name == ".." {
            real.pop();
            continue;
        }
        real.push(&name);
        if is_of_a_process(&real) {
            return None;
        }
        if missing.as_ref().is_some_and(|missing| real.starts_with(missing)) {
            continue;
        }
        match fs::symlink_metadata(&real) {
            Ok(found) if found.is_symlink() => {
                links += 1;
                let target = fs::read_link(&real).ok().filter(|_| links <= LINKS_MAX)?;
                real.pop();
                if target.is_absolute() {
                    real = PathBuf::from("/");
                }
                left = names(&target).into_iter().chain(left).collect();
            }
            Ok(_) => {}
            Err(error) if is_absence(&error) => missing = Some(real.clone()),
            Err(_) => return None,
        }
    }
    HostPath::parse(real.to_str()?).ok()
}

/// The same, if the kernel knows it without asking any file system (`RESOLVE_CACHED` of openat2(2), Linux 5.12).
/// Waits for nobody: what it walks through is in the kernel's memory, but the last step is asked about anew where it is
/// the root of a file system of another machine (9p).
pub(super) fn resolve_at_once(path: &HostPath, mounts: &Mounts) -> Option<HostPath> {
    if is_below_proc(path) || mounts.is_remote(path) {
        return None;
    }
    match open_known(CWD, path.as_str(), Links::None) {
        // Up to what is not there it has met no link: it would have said so.
        Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => Some(path.clone()),
        // Where a link leads nobody knows before.
        Err(Errno::LOOP) if mounts.is_local() => follow_at_once(path),
        Err(_) => None,
    }
}

/// Where a path leads in which there is a link.
fn follow_at_once(path: &HostPath) -> Option<HostPath> {
    let real = match open_known(CWD, path.as_str(), Links::Followed) {
        Ok(found) => path_of(&found)?,
        // It is the last step that is not there, and no link either.
        Err(Errno::NOENT) => {
            let (parent, name) = path.as_str().rsplit_once('/')?;
            let parent = open_known(CWD, parent, Links::Followed).ok()?;
            match open_known(&parent, name, Links::Last) {
                Err(Errno::NOENT) => format!("{}/{name}", path_of(&parent)?),
                Ok(_) | Err(_) => return None,
            }
        }
        Err(_) => return None,
    };
    HostPath::parse(&real).ok().filter(|real| !is_below_proc(real))
}

/// What becomes of the links in a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    /// There are none, or it is said that there are.
    None,
    /// The last step may be one, and is opened itself.
    Last,
    /// They are followed, but those that lead where no text says.
    Followed,
}

fn open_known(from: impl AsFd, path: &str, links: Links) -> Result<OwnedFd, Errno> {
    let (flags, only) = match links {
        Links::None => (OFlags::empty(), ResolveFlags::NO_SYMLINKS),
        Links::Last => (OFlags::NOFOLLOW, ResolveFlags::NO_SYMLINKS),
        Links::Followed => (OFlags::empty(), ResolveFlags::NO_MAGICLINKS),
    };
    let flags = flags | OFlags::PATH | OFlags::CLOEXEC;
    openat2(from, path, flags, Mode::empty(), only | ResolveFlags::CACHED)
}

/// The path of what is open, in which there are no links. None of what has been removed since.
fn path_of(found: &OwnedFd) -> Option<String> {
    let link = format!("/proc/self/fd/{}", found.as_raw_fd());
    let path = readlink(&link, Vec::new()).ok()?.into_string().ok()?;
    (path.starts_with('/') && !path.ends_with(" (deleted)")).then_some(path)
}

/// The folders of processes have links that are followed as what they are, not as what is written in them.
fn is_below_proc(path: &HostPath) -> bool {
    Path::new(path.as_str()).starts_with("/proc")
}

/// Whether nothing is there; below a file there can't be anything.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The steps of a path.
fn names(path: &Path) -> VecDeque<OsString> {
    let steps = path.components().filter_map(|step| match step {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    steps.collect()
}

/// Whether a path without links is the folder of a process, or leads to one.
fn is_of_a_process(path: &Path) -> bool {
    let is_process = |name: &OsStr| {
        let name = name.as_encoded_bytes();
        name == b"self" || name == b"thread-self" || name.iter().all(u8::is_ascii_digit)
    };
    path.parent() == Some(Path::new("/proc")) && path.file_name().is_some_and(is_process)
}

#[cfg(test)]
mod tests;
