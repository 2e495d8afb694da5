//! Sees that the configuration file has changed, however it was replaced.
//!
//! Editors write a new file and rename it, Kubernetes swaps a symbolic link in the same folder, a
//! shell writes in place: so folders are watched, and the file's identity is compared. Knows nothing
//! of what is in the file.

use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

/// Watches one file. Its descriptor becomes readable when [`Watcher::has_changed`] is to be asked.
#[derive(Debug)]
pub struct Watcher {
    inotify: OwnedFd,
    path: PathBuf,
    seen: Option<Stamp>,
}

/// What differs between a file and the one that takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    bytes: u64,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        Some(Self {
            device: file.dev(),
            inode: file.ino(),
            modified: (file.mtime(), file.mtime_nsec()),
            bytes: file.size(),
        })
    }
}

impl Watcher {
    /// Watches `path`. Load the file after this, not before, so that no change falls in between.
    ///
    /// # Errors
    /// The kernel's, when its bounds on watches are met or the folder is missing.
    pub fn new(path: &Path) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let watcher = Self { inotify, path: path.to_owned(), seen: Stamp::of(path) };
        watcher.watch_folders()?;
        Ok(watcher)
    }

    /// Takes what the kernel has reported, and says whether the file is another one than before. A
    /// file that is gone, or was created and not yet written, has not changed: the next report
    /// will tell.
    pub fn has_changed(&mut self) -> bool {
        let complete = self.take_reports();
        let now = Stamp::of(&self.path);
        let unwritten = now.is_none_or(|file| file.bytes == 0 && !complete);
        if unwritten || now == self.seen {
            return false;
        }
        self.seen = now;
        // A link may lead to another folder now. Without its watch, changes there go unseen, but
        // the link's own folder is still watched.
        drop(self.watch_folders());
        true
    }

    /// Watches the folder of the path, and of the file itself if a link leads elsewhere.
    fn watch_folders(&self) -> io::Result<()> {
        let folder = folder_of(&self.path);
        let events = WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO | WatchFlags::CREATE;
        inotify::add_watch(&self.inotify, folder, events)?;
        if let Ok(file) = self.path.canonicalize() {
            inotify::add_watch(&self.inotify, folder_of(&file), events)?;
        }
        Ok(())
    }

    /// Empties the queue of reports; whether one of them was of something complete.
    fn take_reports(&self) -> bool {
        let mut complete = false;
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reports = inotify::Reader::new(&self.inotify, &mut buffer);
        // Any error, would-block among them, ends the queue.
        while let Ok(report) = reports.next() {
            complete |= !report.events().contains(ReadFlags::CREATE);
        }
        complete
    }
}

impl AsRawFd for Watcher {
    fn as_raw_fd(&self) -> RawFd {
        self.inotify.as_raw_fd()
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use std::os::unix::fs::symlink;

    /// A folder of this test's own, removed at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let name = format!("secdocker-reload-{}-{name}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn a_file_written_in_place_or_renamed_over_has_changed_once() {
        let scratch = Scratch::new("plain");
        let (file, draft) = (scratch.0.join("config.yml"), scratch.0.join("draft"));
        fs::write(&file, "a").unwrap();
        let mut watcher = Watcher::new(&file).unwrap();
        assert!(!watcher.has_changed());
        fs::write(&file, "ab").unwrap();
        assert!(watcher.has_changed());
        assert!(!watcher.has_changed());
        fs::write(&draft, "xy").unwrap();
        assert!(!watcher.has_changed(), "another file");
        fs::rename(&draft, &file).unwrap();
        assert!(watcher.has_changed());
        fs::remove_file(&file).unwrap();
        assert!(!watcher.has_changed(), "gone is no change");
        let created = fs::File::create_new(&file).unwrap();
        assert!(!watcher.has_changed(), "created but not written");
        drop(created);
        assert!(watcher.has_changed(), "left empty");
    }

    #[test]
    fn a_link_swapped_as_kubernetes_does_has_changed() {
        let scratch = Scratch::new("links");
        let at = |name: &str| scratch.0.join(name);
        for (version, text) in [("v1", "a"), ("v2", "b")] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("config.yml"), text).unwrap();
        }
        symlink("v1", at("..data")).unwrap();
        symlink("..data/config.yml", at("config.yml")).unwrap();
        let mut watcher = Watcher::new(&at("config.yml")).unwrap();
        symlink("v2", at("..data_new")).unwrap();
        assert!(!watcher.has_changed());
        fs::rename(at("..data_new"), at("..data")).unwrap();
        assert!(watcher.has_changed());
        fs::write(at("v2").join("config.yml"), "bc").unwrap();
        assert!(watcher.has_changed(), "behind the link");
    }
}
