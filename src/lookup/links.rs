//! Where symbolic links lead, as far as this host's file system can tell.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

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

/// The same path, if the kernel knows without asking any file system that no link is in it (openat2(2), Linux 5.12).
/// Blocks nobody. Up to what is not there it has met none either: it would have said so.
pub(super) fn without_links_at_once(path: &HostPath) -> Option<HostPath> {
    // The folders of processes have links that are followed as what they are, not as what is written in them.
    if Path::new(path.as_str()).starts_with("/proc") {
        return None;
    }
    let only = ResolveFlags::CACHED | ResolveFlags::NO_SYMLINKS;
    match openat2(CWD, path.as_str(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), only) {
        Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => Some(path.clone()),
        Err(_) => None,
    }
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
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use std::os::unix::fs::symlink;

    fn resolved(path: &Path) -> Option<String> {
        let path = HostPath::parse(path.to_str().unwrap()).unwrap();
        let real = resolve(&path);
        // By now the kernel has seen it, so that what it is asked at once it may say; it says the same.
        let at_once = without_links_at_once(&path);
        assert!(at_once.is_none() || at_once == real, "{path}: {at_once:?}, {real:?}");
        real.map(|real| real.as_str().to_owned())
    }

    #[test]
    fn a_path_with_a_link_is_never_told_at_once() {
        let dir = std::env::temp_dir().join(format!("secdocker-at-once-{}", std::process::id()));
        fs::create_dir_all(dir.join("real/deep")).unwrap();
        fs::write(dir.join("real/file"), "").unwrap();
        symlink("real", dir.join("alias")).unwrap();
        symlink("nowhere", dir.join("dangling")).unwrap();
        symlink("loop", dir.join("loop")).unwrap();
        let path = |name: &str| HostPath::parse(dir.join(name).to_str().unwrap()).unwrap();
        // What this system can't tell at once is told by others.
        for name in ["real/deep", "real/file", "real/file/x", "real/missing/x", "real"] {
            resolve(&path(name)).unwrap();
            let at_once = without_links_at_once(&path(name));
            assert!(at_once.is_none() || at_once == Some(path(name)), "{name}: {at_once:?}");
        }
        for name in ["alias", "alias/deep", "alias/missing", "dangling", "dangling/x", "loop"] {
            let _ = resolve(&path(name));
            assert_eq!(without_links_at_once(&path(name)), None, "{name}");
        }
        for name in ["/proc", "/proc/self", "/proc/1/root", "/dev/fd/0", "/dev/stdin"] {
            assert_eq!(without_links_at_once(&HostPath::parse(name).unwrap()), None, "{name}");
        }
        // What was a folder may be a link the next time.
        assert!(without_links_at_once(&path("real")).is_none_or(|real| real == path("real")));
        fs::rename(dir.join("real"), dir.join("moved")).unwrap();
        symlink("moved", dir.join("real")).unwrap();
        assert_eq!(without_links_at_once(&path("real/deep")), None);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn links_are_followed_and_what_is_missing_stays() {
        let dir = std::env::temp_dir().join(format!("secdocker-facts-{}", std::process::id()));
        fs::create_dir_all(dir.join("real/deep")).unwrap();
        symlink(dir.join("real"), dir.join("alias")).unwrap();
        symlink("alias/deep/../..//./alias", dir.join("chain")).unwrap();
        symlink("loop", dir.join("loop")).unwrap();
        symlink("/nowhere/./x", dir.join("dangling")).unwrap();
        symlink("/proc/self/root", dir.join("process")).unwrap();
        fs::write(dir.join("file"), "").unwrap();
        let real = |text: &str| Some(dir.join(text).to_str().unwrap().to_owned());
        assert_eq!(resolved(&dir.join("alias/new/file")), real("real/new/file"));
        assert_eq!(resolved(&dir.join("chain/x")), real("real/x"));
        assert_eq!(resolved(&dir.join("file/x")), real("file/x"));
        assert_eq!(resolved(&dir.join("dangling/y")).unwrap(), "/nowhere/x/y");
        assert_eq!(resolved(&dir.join("loop")), None);
        assert_eq!(resolved(&dir.join("process/srv")), None);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn files_of_processes_are_not_known() {
        for path in [
            "/proc/1/root",
            "/proc/self/root/root",
            "/proc/self",
            "/proc/thread-self/cwd",
            "/proc/4194304/root",
            "/dev/fd/0",
            "/proc/mounts",
            "/proc/net/tcp",
        ] {
            assert_eq!(resolved(Path::new(path)), None, "{path}");
        }
        for path in ["/proc", "/proc/cpuinfo", "/proc/sys/kernel", "/"] {
            assert_eq!(resolved(Path::new(path)).as_deref(), Some(path));
        }
    }
}
