//! Sees that the configuration file has changed, however it was replaced, and that its writer is done.
//!
//! Editors write a new file and rename it, Kubernetes swaps a symbolic link in the same folder, a
//! shell writes in place: so folders are watched. A file that is being written may be a valid shorter
//! one, with fewer rules in it: what is written in place counts when it is closed, and another file when
//! it has taken the place. A network's file system does not report what others write: there the file is
//! looked at now and then, and has changed once it looks the same twice. Knows nothing of what is in it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

/// How often a file is looked at whose changes are not reported.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Watches one file. Its descriptor becomes readable when [`Watcher::has_changed`] is to be asked.
#[derive(Debug)]
pub struct Watcher {
    path: PathBuf,
    seen: Option<Stamp>,
    reports: Option<Reports>,
    /// What the file looked like when it was last looked at, where it must be.
    looked: Option<Looked>,
}

/// What differs between a file and the one that takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    bytes: u64,
}

/// The last look at a file whose changes are not reported.
#[derive(Debug)]
struct Looked(Option<Stamp>);

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
    pub fn new(path: &Path) -> Self {
        let reports = Reports::of(path).ok();
        let must_look = reports.is_none() || is_on_network(path);
        let seen = Stamp::of(path);
        let looked = must_look.then_some(Looked(seen));
        Self { path: path.to_owned(), seen, reports, looked }
    }

    /// When [`Watcher::has_changed`] is to be asked without a report; never, where all are reported.
    #[must_use]
    pub fn looks_every(&self) -> Option<Duration> {
        self.looked.as_ref().map(|_| LOOK_EVERY)
    }

    /// What becomes readable with a report; nothing where there are none.
    #[must_use]
    pub fn descriptor(&self) -> Option<RawFd> {
        self.reports.as_ref().map(|reports| reports.inotify.as_raw_fd())
    }

    /// Takes what was reported, and says whether the file is another one than before and complete. A
    /// file that is gone has not changed: the next report will tell.
    pub fn has_changed(&mut self) -> bool {
        let told =
            self.reports.as_mut().map(|reports| reports.take(&self.path)).unwrap_or_default();
        let now = Stamp::of(&self.path);
        let holds = self.looks_the_same(now);
        let is_complete = match told {
            Told::Nothing => holds,
            // Whatever happened beside it may have put another file in its place.
            Told::Other => holds || now.is_some() && !is_same_file(now, self.seen),
            Told::Begun => false,
            Told::Complete => true,
        };
        if !is_complete || now.is_none() || now == self.seen {
            return false;
        }
        self.seen = now;
        true
    }

    /// Whether the file is still the one that was last said to have changed: what was read since is whole.
    #[must_use]
    pub fn holds_still(&self) -> bool {
        Stamp::of(&self.path) == self.seen
    }

    /// Whether the file looks as it did at the last look, where it must be looked at.
    fn looks_the_same(&mut self, now: Option<Stamp>) -> bool {
        let Some(looked) = &mut self.looked else { return false };
        std::mem::replace(&mut looked.0, now) == now
    }
}

fn is_same_file(one: Option<Stamp>, other: Option<Stamp>) -> bool {
    let file = |stamp: Stamp| (stamp.device, stamp.inode);
    one.map(file) == other.map(file)
}

/// Whether others may change the file without a report: it lies on another machine, or a program of
/// its own serves it (statfs(2)).
fn is_on_network(path: &Path) -> bool {
    // NFS, SMB, CIFS, SMB2, FUSE, 9P, Ceph, AFS, Lustre, GFS2, OCFS2, shared folders of VirtualBox.
    const UNREPORTED: [u32; 12] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x6573_5546,
        0x0102_1997,
        0x00c3_6400,
        0x5346_414f,
        0x0bd0_0bd0,
        0x0116_1970,
        0x7461_636f,
        0x786f_4256,
    ];
    let kind = |path: &Path| rustix::fs::statfs(path).ok().map(|system| system.f_type);
    let kinds = [kind(path), kind(folder_of(path))];
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "32 bits are used")]
    kinds.into_iter().flatten().any(|kind| UNREPORTED.contains(&(kind as u32)))
}

/// What the kernel reports of the folders of one file.
#[derive(Debug)]
struct Reports {
    inotify: OwnedFd,
    /// The name in its folder, and that of the file itself if a link leads elsewhere.
    names: Vec<(i32, OsString)>,
}

/// What was reported since the last time: the last of what is about the file.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    #[default]
    Nothing,
    /// Of what lies beside the file.
    Other,
    /// The file was created: its writer fills it next.
    Begun,
    /// The file was closed by its writer, or moved into its place.
    Complete,
}

impl Reports {
    fn of(path: &Path) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let mut reports = Self { inotify, names: Vec::new() };
        reports.watch(path)?;
        Ok(reports)
    }

    /// Watches the folder of the path, and of the file itself if a link leads elsewhere.
    fn watch(&mut self, path: &Path) -> io::Result<()> {
        self.names.clear();
        self.watch_folder(path)?;
        match path.canonicalize() {
            Ok(file) => self.watch_folder(&file),
            Err(_) => Ok(()),
        }
    }

    fn watch_folder(&mut self, file: &Path) -> io::Result<()> {
        let events = WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO | WatchFlags::CREATE;
        let folder = inotify::add_watch(&self.inotify, folder_of(file), events)?;
        self.names.push((folder, file.file_name().unwrap_or_default().to_owned()));
        Ok(())
    }

    /// Empties the queue. A link may lead to another folder now: without its watch, changes there would
    /// go unseen.
    fn take(&mut self, path: &Path) -> Told {
        let mut told = Told::Nothing;
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reports = inotify::Reader::new(&self.inotify, &mut buffer);
        // Any error, would-block among them, ends the queue.
        while let Ok(report) = reports.next() {
            let name = report.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
            let is_it = |(folder, own): &(i32, OsString)| {
                *folder == report.wd() && Some(own.as_os_str()) == name
            };
            let events = report.events();
            told = match () {
                // What was lost may have been of the file.
                () if events.contains(ReadFlags::QUEUE_OVERFLOW) => Told::Complete,
                () if !self.names.iter().any(is_it) => told.max(Told::Other),
                () if !events.contains(ReadFlags::CREATE) => Told::Complete,
                () if path.is_symlink() => told.max(Told::Other),
                () => Told::Begun,
            };
        }
        if told > Told::Nothing {
            // If that fails, the watches of before are still there.
            drop(self.watch(path));
        }
        told
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
        let mut watcher = Watcher::new(&file);
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
        let mut watcher = Watcher::new(&at("config.yml"));
        symlink("v2", at("..data_new")).unwrap();
        assert!(!watcher.has_changed());
        fs::rename(at("..data_new"), at("..data")).unwrap();
        assert!(watcher.has_changed());
        fs::write(at("v2").join("config.yml"), "bc").unwrap();
        assert!(watcher.has_changed(), "behind the link");
    }

    /// A file that is being written is a valid shorter one at any time.
    #[test]
    fn a_file_has_changed_when_its_writer_has_closed_it() {
        use std::io::Write;
        let scratch = Scratch::new("written");
        let file = scratch.0.join("config.yml");
        fs::write(&file, "whole").unwrap();
        let mut watcher = Watcher::new(&file);
        let mut writer = fs::File::create(&file).unwrap();
        for piece in ["a", "b", "c"] {
            assert!(!watcher.has_changed(), "being written");
            writer.write_all(piece.as_bytes()).unwrap();
            assert!(!watcher.has_changed(), "being written");
            // What happens beside it tells nothing of it.
            fs::write(scratch.0.join("other"), piece).unwrap();
            fs::rename(scratch.0.join("other"), scratch.0.join("another")).unwrap();
            assert!(!watcher.has_changed(), "being written, and another file done");
        }
        drop(writer);
        assert!(watcher.has_changed() && watcher.holds_still());
        fs::write(&file, "and again").unwrap();
        assert!(!watcher.holds_still());
        fs::remove_file(&file).unwrap();
        let mut writer = fs::File::create_new(&file).unwrap();
        writer.write_all(b"x").unwrap();
        fs::write(scratch.0.join("other"), "").unwrap();
        assert!(!watcher.has_changed(), "made anew and being written");
        drop(writer);
        assert!(watcher.has_changed());
    }

    #[test]
    fn a_link_that_is_made_anew_leads_to_another_file() {
        let scratch = Scratch::new("relinked");
        let at = |name: &str| scratch.0.join(name);
        fs::create_dir(at("elsewhere")).unwrap();
        fs::write(at("elsewhere").join("a"), "a").unwrap();
        fs::write(at("b"), "b").unwrap();
        symlink("b", at("config.yml")).unwrap();
        let mut watcher = Watcher::new(&at("config.yml"));
        fs::remove_file(at("config.yml")).unwrap();
        symlink("elsewhere/a", at("config.yml")).unwrap();
        assert!(watcher.has_changed());
        let mut writer = fs::File::create(at("elsewhere").join("a")).unwrap();
        std::io::Write::write_all(&mut writer, b"half").unwrap();
        assert!(!watcher.has_changed(), "being written behind the link");
        drop(writer);
        assert!(watcher.has_changed(), "in a folder that is watched since");
    }

    /// Where nothing is reported, a file has changed when it looks the same twice.
    #[test]
    fn a_file_that_must_be_looked_at_is_taken_when_it_holds_still() {
        let scratch = Scratch::new("looked");
        let file = scratch.0.join("config.yml");
        fs::write(&file, "a").unwrap();
        let seen = Stamp::of(&file);
        let looked = Some(Looked(seen));
        let mut watcher = Watcher { path: file.clone(), seen, reports: None, looked };
        assert!(watcher.looks_every().is_some() && watcher.descriptor().is_none());
        assert!(!watcher.has_changed());
        fs::write(&file, "ab").unwrap();
        assert!(!watcher.has_changed(), "it may still be written");
        fs::write(&file, "abc").unwrap();
        assert!(!watcher.has_changed(), "it was still written");
        assert!(watcher.has_changed());
        assert!(!watcher.has_changed());
        fs::remove_file(&file).unwrap();
        assert!(!watcher.has_changed() && !watcher.has_changed());
    }
}
